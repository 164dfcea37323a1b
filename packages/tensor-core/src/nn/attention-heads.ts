// B batch, T tokens, H heads, D width of all heads together, W = D / H width of a head.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkShape, ShapeError } from '../check';
import { checkCounts } from './checks';

/**
 * Vectors cut into heads: head h has the elements h W .. (h + 1) W - 1.
 *
 * @param x_BTD  [B, T, D]
 * @param heads  H, which divides D
 * @returns [B, H, T, W], as scaledDotProductAttention wants it
 * @throws ShapeError when x has another rank or H does not divide D
 */
export function splitHeads(x_BTD: tf.Tensor, heads: number): tf.Tensor {
  const where = 'tensor-core.splitHeads';
  checkCounts(where, { heads });
  checkShape(where, 'x', x_BTD, [null, null, null]);
  const [B, T, D] = x_BTD.shape as [number, number, number];
  if (D % heads !== 0) throw new ShapeError(argumentMessage(where, 'x', `have a width that ${heads} divides`, x_BTD));
  if (heads === 1) return x_BTD.reshape([B, 1, T, D]);
  return tf.tidy(() => x_BTD.reshape([B, T, heads, D / heads]).transpose([0, 2, 1, 3]));
}

/** The way back. @param x_BHTW  [B, H, T, W] @returns [B, T, H W] @throws ShapeError when the rank is another */
export function mergeHeads(x_BHTW: tf.Tensor): tf.Tensor {
  checkShape('tensor-core.mergeHeads', 'x', x_BHTW, [null, null, null, null]);
  const [B, H, T, W] = x_BHTW.shape as [number, number, number, number];
  if (H === 1) return x_BHTW.reshape([B, T, W]);
  return tf.tidy(() => x_BHTW.transpose([0, 2, 1, 3]).reshape([B, T, H * W]));
}
