export { capabilities, type BackendCapabilities } from './capabilities';
export { hostValues } from './host-values';
export { afterRun, canCompile, jit, type CompilingBackend, type Jittable } from './jit';
export { registerTrainingKernels, TRAINING_KERNELS } from './training-kernels';
export { useBackend, type UseBackendOptions } from './use-backend';
export { isRecording, readsAtOnce, valuesAtHand } from './values-at-hand';
