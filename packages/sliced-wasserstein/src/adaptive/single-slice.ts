// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { SliceDistribution } from '../slices/slice-distribution';
import { unitVector } from '../slices/unit-rows';

/** All mass on one slice: the limit of distributions around an axis for kappa to infinity, where KL is infinite. */
export class SingleSlice implements SliceDistribution {
  /** d */
  readonly dim: number;
  /** Unit vector, [d]. */
  readonly theta: Float64Array;

  /** @throws TypeError, ShapeError, RangeError when theta is no list of finite numbers that are not all 0 */
  constructor(theta: ArrayLike<number>) {
    this.theta = unitVector('sliced-wasserstein.SingleSlice', 'theta', theta);
    this.dim = this.theta.length;
  }

  /**
   * The slice, over and over.
   *
   * @param count  L >= 1
   * @returns float32 [L, d]
   * @throws TypeError, RangeError for a bad count
   */
  sample(count: number): tf.Tensor2D {
    check.checkNumber('sliced-wasserstein.SingleSlice.sample', 'count', count, { min: 1, integer: true });
    return tf.tidy(() => tf.tile(tf.tensor2d(Float32Array.from(this.theta), [1, this.dim]), [count, 1]));
  }
}
