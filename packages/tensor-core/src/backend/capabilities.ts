import * as tf from '@tensorflow/tfjs';
import { canCompile } from './jit';
import { TRAINING_KERNELS } from './training-kernels';

/** Those of TRAINING_KERNELS that no gradient needs: they prepare data, and webgpu does without them. */
const WITHOUT_GRADIENT = ['RaggedGather', 'RaggedRange', 'RaggedTensorToTensor', 'StaticRegexReplace'];

/** What the active backend can do, as found by asking it. */
export interface BackendCapabilities {
  /** Its name, as in `tf.getBackend()`. */
  backend: string;
  /** Whether `jit` compiles whole functions on it. */
  compiles: boolean;
  /** Whether it has every kernel that the gradients of this tree need. */
  trains: boolean;
  /** Those that it lacks. */
  missingKernels: string[];
  /** Whether `dataSync` may be used; false on webgpu, where it goes slowly through a canvas and can lose the device. */
  readsSynchronously: boolean;
  /** Bits of a float on the device: 16 on some mobile GPUs, else 32. */
  floatBits: 16 | 32;
}

/** The capabilities of the active backend. @throws Error when no backend is set (call `useBackend` first) */
export function capabilities(): BackendCapabilities {
  const name = tf.getBackend();
  const missingKernels = TRAINING_KERNELS.filter(
    (kernel) => !WITHOUT_GRADIENT.includes(kernel) && tf.getKernel(kernel, name) === undefined,
  );
  return {
    backend: name,
    compiles: canCompile(tf.backend()),
    trains: missingKernels.length === 0,
    missingKernels,
    readsSynchronously: name !== 'webgpu',
    floatBits: tf.backend().floatPrecision(),
  };
}
