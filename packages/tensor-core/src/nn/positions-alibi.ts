// H heads, T queries, S keys.
import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { MASKED } from './attention-mask';
import { checkCounts } from './checks';

/**
 * The slopes of attention with linear biases: 2^(-8h/H) for h = 1 .. H.
 *
 * @throws RangeError when the number of heads is not a positive integer
 * @see Press, Smith & Lewis, 2022, sec. 3, arXiv:2108.12409; for numbers of heads that are no power of two their code
 *   takes other ones, from the next powers
 */
export function alibiSlopes(heads: number): number[] {
  checkCounts('tensor-core.alibiSlopes', { heads });
  return Array.from({ length: heads }, (_, h) => 2 ** ((-8 * (h + 1)) / heads));
}

/** Options of alibiBias. */
export interface AlibiOptions {
  /** Whether the keys after the query are masked by the same table, default false. */
  causal?: boolean;
}

/**
 * The bias of attention with linear biases, -slope |i - j| between query i and key j.
 *
 * @param queries  T
 * @param keys     S
 * @param slopes   one a head
 * @returns float32 [H, T, S], for the `bias` of scaledDotProductAttention
 * @throws RangeError when a length is not a positive integer or a slope is not finite
 * @see Press, Smith & Lewis, 2022, arXiv:2108.12409
 */
export function alibiBias(
  queries: number,
  keys: number,
  slopes: readonly number[],
  { causal = false }: AlibiOptions = {},
): tf.Tensor3D {
  const where = 'tensor-core.alibiBias';
  checkCounts(where, { queries, keys, heads: slopes.length });
  slopes.forEach((slope, h) => checkNumber(where, `slopes[${h}]`, slope));
  const values = new Float32Array(slopes.length * queries * keys);
  let n = 0;
  for (const slope of slopes) {
    for (let i = 0; i < queries; i++) {
      for (let j = 0; j < keys; j++) values[n++] = causal && j > i ? MASKED : -slope * Math.abs(i - j);
    }
  }
  return tf.tensor3d(values, [slopes.length, queries, keys]);
}
