// N, M points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import type { linalg } from '@tfsci/tensor-core';
import type { FeatureMap } from '../feature-map';
import { checkFinite, eachPair, kernelSquares, pairMoments, type PairTable } from './pair-moments';
import type { PolynomialKernel } from '../sketches/polynomial-kernel';
import type { Rows } from '../rows';
import { planOf, varianceOf } from './sketch-plan';

/** How far an approximate kernel matrix of a sample is from the exact one. */
export interface KernelError {
  /** sqrt(E |K_hat - K|_F^2) / |K|_F */
  relativeFrobenius: number;
  /** The largest standard deviation of an entry. */
  maxStd: number;
  /** sqrt of the mean variance of the entries. */
  rms: number;
}

/**
 * The variance of each entry of the approximate kernel matrix, over the random numbers of the map: E |k_hat - k|^2.
 *
 * In closed form for PolynomialSketch (all modes and projections), TensorSketch and CountSketch; the map's own random
 * numbers play no part. Float64 on the host, O(n m d).
 *
 * @param x_ND  [n, d], dense or sparse
 * @param y_MD  [m, d], default x
 * @returns [n, m]
 * @throws TypeError for a map without a closed form; ShapeError, RangeError, TypeError for broken rows; RangeError where
 *   a variance is beyond float64
 * @see `sketchVariance`, `tensorSketchVariance`
 */
export function expectedVariance(
  map: FeatureMap,
  x_ND: Rows | tf.Tensor2D,
  y_MD: Rows | tf.Tensor2D = x_ND,
): linalg.Matrix64 {
  return variances('ctr-features.expectedVariance', map, x_ND, y_MD).variance;
}

/**
 * The error to expect of the approximate kernel matrix of a sample, see `expectedVariance`.
 *
 * @param x_ND  [n, d]: some hundred rows are enough
 * @throws as `expectedVariance`; RangeError where the kernel of all pairs is 0
 */
export function expectedError(map: FeatureMap, x_ND: Rows | tf.Tensor2D): KernelError {
  const where = 'ctr-features.expectedError';
  const { variance, table, kernel } = variances(where, map, x_ND, x_ND);
  let [sum, largest] = [0, 0];
  for (const value of variance.data) {
    sum += value;
    largest = Math.max(largest, value);
  }
  const norm = kernel.variance * Math.sqrt(kernelSquares(where, table, kernel.degree));
  return {
    relativeFrobenius: Math.sqrt(sum) / norm,
    maxStd: Math.sqrt(largest),
    rms: Math.sqrt(sum / variance.data.length),
  };
}

function variances(
  where: string,
  map: FeatureMap,
  x_ND: Rows | tf.Tensor2D,
  y_MD: Rows | tf.Tensor2D,
): { variance: linalg.Matrix64; table: PairTable; kernel: PolynomialKernel } {
  const plan = planOf(where, map);
  const table = pairMoments(x_ND, y_MD, { where, columns: map.inputDim, kernel: plan.kernel });
  const { rows, cols } = table;
  const data = new Float64Array(rows * cols);
  const variance = varianceOf(plan, map.inputDim, map.features);
  eachPair(table, (pair, index) => (data[index] = checkFinite(where, variance(pair))));
  return { variance: { rows, cols, data }, table, kernel: plan.kernel };
}
