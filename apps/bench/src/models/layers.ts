import * as tf from '@tensorflow/tfjs';
import type { Affine, Norm } from './parameters';

/** Added to variances, as in PyTorch. */
export const EPSILON = 1e-5;

/** x W + b, x [N, inputs]. */
export function linear(x: tf.Tensor2D, { weight, bias }: Affine<tf.Rank.R2>): tf.Tensor2D {
  return x.matMul<tf.Tensor2D>(weight).add(bias);
}

/** Mean 0 and variance 1 over the last axis, then scale and shift. */
export function layerNorm<T extends tf.Tensor>(x: T, { scale, shift }: Norm): T {
  const centred = x.sub<T>(x.mean(-1, true));
  const variance = centred.square().mean(-1, true);
  return centred.mul(variance.add(EPSILON).rsqrt()).mul(scale).add(shift);
}

/** x Phi(x), Phi the distribution function of the normal distribution. */
export function gelu<T extends tf.Tensor>(x: T): T {
  return x.mul(0.5).mul(x.mul(Math.SQRT1_2).erf().add(1));
}

/** x sigmoid(x). */
export function silu<T extends tf.Tensor>(x: T): T {
  return x.mul(x.sigmoid());
}

/** softmax(q kT / sqrt(D) + mask) v. q, k, v [B, T, D], mask [T, T] or none. */
export function attention(q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D, mask?: tf.Tensor2D): tf.Tensor3D {
  const scores_BTT = tf.matMul(q, k, false, true).mul<tf.Tensor3D>(1 / Math.sqrt(q.shape[2]));
  const masked_BTT = mask ? scores_BTT.add<tf.Tensor3D>(mask) : scores_BTT;
  return tf.matMul(tf.softmax(masked_BTT), v);
}
