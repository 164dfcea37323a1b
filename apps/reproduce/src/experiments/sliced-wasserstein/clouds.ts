// n points, d coordinates
import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

/** A law N(shift, B B^T + I) in d dimensions, with the entries of B uniform in [0, 1]. */
export interface GaussianLaw {
  dim: number;
  /** B, [d, d] row after row. */
  factor: Float32Array;
  /** Every coordinate of the mean. */
  shift: number;
}

/** N(0, I) */
export function standardLaw(dim: number): GaussianLaw {
  return { dim, factor: new Float32Array(dim * dim), shift: 0 };
}

export function gaussianLaw(dim: number, key: random.Key, shift = 0): GaussianLaw {
  return { dim, factor: random.fillUniform(key, new Float32Array(dim * dim)), shift };
}

/** n points of a law, float32 [n, d]. */
export function sampleOf({ dim, factor, shift }: GaussianLaw, n: number, key: random.Key): tf.Tensor2D {
  const [correlated, independent] = random.split(key, 2) as [random.Key, random.Key];
  return tf.tidy(() => {
    const along = tf.matMul(random.normal(correlated, [n, dim]), tf.tensor2d(factor, [dim, dim]), false, true);
    return along.add(random.normal(independent, [n, dim])).add<tf.Tensor2D>(shift);
  });
}
