import * as tf from '@tensorflow/tfjs';
import { afterRun } from './jit';

/** The backends of TensorFlow.js whose tensors lie in the memory of the processor. */
const IN_HOST_MEMORY = ['cpu', 'wasm'];

/**
 * Whether code may look at values now instead of calling kernels, for what is faster in a loop of its own.
 *
 * True when the active backend holds its tensors in host memory (cpu, wasm and compiling backends), no compiled function
 * is being recorded, and no gradient is being taken: what is not a kernel has none.
 */
export function valuesAtHand(): boolean {
  return readsAtOnce() && !tf.engine().state.activeTape;
}

/**
 * Whether values of tensors can be read now without waiting for a device: `valuesAtHand`, but also while a gradient is
 * taken. Code that computes from such values gives its own gradient, by `tf.customGrad`.
 */
export function readsAtOnce(): boolean {
  return holdsInHostMemory() && !isRecording();
}

/** Whether `jit` is recording a function now: tensors made meanwhile belong to it and must not be kept. */
export function isRecording(): boolean {
  return afterRun(() => undefined);
}

function holdsInHostMemory(): boolean {
  return IN_HOST_MEMORY.includes(tf.getBackend()) || 'hostInput' in tf.backend();
}
