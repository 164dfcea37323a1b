import * as tf from '@tensorflow/tfjs';

/**
 * The Gaussian error linear unit in its exact form, as torch.nn.GELU().
 *
 *   x/2 (1 + erf(x / sqrt 2))
 *
 * @returns of x's shape; within 2e-7 max(1, |x|) of the exact value
 * @see Hendrycks & Gimpel, 2016, arXiv:1606.08415
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  // In this order ONNX Runtime makes one operator of it.
  return tf.tidy(() => x.div(Math.SQRT2).erf().add(1).mul(x).mul(0.5));
}

/** x sigmoid(x), as torch.nn.SiLU(). @see Elfwing, Uchibe & Doya, 2017, arXiv:1702.03118 */
export function silu(x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => x.mul(x.sigmoid()));
}
