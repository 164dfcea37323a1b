// L slices, D coordinates
import * as tf from '@tensorflow/tfjs';

/**
 * Mean of |<theta_i, theta_j>| over all L^2 pairs, the L pairs of a slice with itself included: 1 when all slices are
 * parallel. Differentiable; 0 is the slope at 0.
 *
 * @returns scalar []
 */
export function meanAbsoluteCosine(theta_LD: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => tf.matMul(theta_LD, theta_LD, false, true).abs().mean());
}
