// L length of an axis, H heads, T queries, S keys.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkOneOf } from '../check';
import { checkCounts } from './checks';

/** How distances on a periodic axis are taken round it. */
export interface WrapOptions {
  /** Whether the axis is periodic, default false. */
  periodic?: boolean;
  /** 'reference' (default) as the code that public weights were trained with; 'exact' the shortest way round. */
  wrap?: 'reference' | 'exact';
}

/**
 * The distances j - i of all pairs on an axis, from -(L-1) to L-1, the shortest way round where it is periodic.
 *
 * On a periodic axis of even length both wraps give the shortest way, and L/2 and -L/2 stay as they are. Of odd length
 * 'reference' takes the remainder by floor(L/2) instead of L: -4 of L = 5 becomes 0 instead of 1.
 *
 * @returns 2L - 1 integers
 * @throws RangeError when the length is not a positive integer or the wrap is unknown
 * @see McCabe et al., 2023, arXiv:2310.02994
 */
export function relativeDistances(
  length: number,
  { periodic = false, wrap = 'reference' }: WrapOptions = {},
): number[] {
  const where = 'tensor-core.relativeDistances';
  checkCounts(where, { length });
  checkOneOf(where, 'wrap', wrap, ['reference', 'exact']);
  const distances = Array.from({ length: 2 * length - 1 }, (_, n) => n - (length - 1));
  const half = Math.floor(length / 2);
  const period = wrap === 'exact' ? length : half;
  if (!periodic) return distances;
  return distances.map((distance) => {
    if (Math.abs(distance) <= half) return distance;
    // Into [0, period) from below and (-period, 0] from above.
    const rest = Math.abs(distance) % period;
    const way = rest === 0 ? 0 : period - rest;
    return distance < 0 ? way : 0 - way;
  });
}

/**
 * The matrix of each head whose entry at query i and key j is the value of their distance.
 *
 * @param values_HN  [H, T + S - 1], for j - i from -(T-1) to S-1
 * @returns [H, T, S]
 */
export function byDistance(values_HN: tf.Tensor, T: number, S: number): tf.Tensor {
  const H = values_HN.shape[0];
  const N = T + S - 1;
  return tf.tidy(() => {
    // Rows of N + 1 numbers, read as rows of N, move to the right by one each: no gather, whose gradient is slow.
    const rows = tf.broadcastTo(values_HN.pad([[0, 0], [0, 1]]).expandDims(1), [H, T, N + 1]); // prettier-ignore
    const moved = rows.reshape([H, T * (N + 1)]).slice([0, 0], [H, T * N]).reshape([H, T, N]); // prettier-ignore
    return moved.slice([0, 0, T - 1], [H, T, S]);
  });
}

/** @throws RangeError unless both lengths are equal on a periodic axis */
export function checkPeriodic(where: string, queries: number, keys: number, periodic: boolean): void {
  checkCounts(where, { queries, keys });
  if (periodic && queries !== keys) {
    throw new RangeError(argumentMessage(where, 'keys', `equal the ${queries} queries on a periodic axis`, keys));
  }
}
