// L slices, d coordinates
import type * as tf from '@tensorflow/tfjs';
import type { random } from '@tfsci/tensor-core';

/** A probability rho on the unit sphere of R^d that slices are drawn from. */
export interface SliceDistribution {
  /** d >= 1 */
  readonly dim: number;
  /**
   * Independent slices.
   *
   * @param count  L >= 1
   * @returns float32 [L, d], unit rows
   */
  sample(count: number, key: random.Key): tf.Tensor2D;
}
