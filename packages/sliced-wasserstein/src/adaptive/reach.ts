// N points of x, M of y, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { SliceProblem } from './slice-problem';

/**
 * A bound of |x_i - y_j| over all pairs, at most twice the diameter of both clouds: the sum of their radii around the mean
 * of all points. No projection of the clouds has a larger W_p.
 *
 * @throws RangeError when it is not finite, or its p-th power not within float32
 */
export async function reachOf({ where, x_ND, y_MD, p }: SliceProblem): Promise<number> {
  const dim = x_ND.shape[1];
  const [x, y] = (await Promise.all([x_ND.data(), y_MD.data()])) as [tf.TypedArray, tf.TypedArray];
  const centre = new Float64Array(dim);
  for (const values of [x, y]) {
    values.forEach((value, i) => (centre[i % dim]! += value / ((x.length + y.length) / dim)));
  }
  const reach = radius(x, centre) + radius(y, centre);
  if (Number.isFinite(Math.fround(reach ** p))) return reach;
  const wanted = 'be finite with p-th powers of distances within float32';
  throw new RangeError(check.argumentMessage(where, 'x and y', wanted, reach, 'Scale both.'));
}

function radius(values: ArrayLike<number>, centre: Float64Array): number {
  const dim = centre.length;
  let most = 0;
  for (let first = 0; first < values.length; first += dim) {
    let square = 0;
    for (let j = 0; j < dim; j++) square += (values[first + j]! - centre[j]!) ** 2;
    if (!(square <= most)) most = square;
  }
  return Math.sqrt(most);
}
