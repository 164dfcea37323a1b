import * as tf from '@tensorflow/tfjs';

/** Deterministic numbers in [-1, 1] without a pattern that a transposition would keep. */
export function numbers(length: number, seed: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + seed * 1000) + seed));
}

/** A float32 tensor of them. */
export function values(shape: number[], seed = 1): tf.Tensor {
  return tf.tensor(Float32Array.from(numbers(tf.util.sizeFromShape(shape), seed)), shape);
}
