// N points, F frequencies
import * as tf from '@tensorflow/tfjs';

/**
 * Pairs cos, sin of each phase one after the other, over sqrt(F): their inner products are means of cos(phase - phase').
 *
 * @param phases_NF  [n, F]
 * @returns [n, 2 F]
 */
export function cosinePairs(phases_NF: tf.Tensor2D): tf.Tensor2D {
  const [count, frequencies] = phases_NF.shape;
  const pairs = tf.stack([phases_NF.cos(), phases_NF.sin()], 2).reshape<tf.Tensor2D>([count, 2 * frequencies]);
  return pairs.div(Math.sqrt(frequencies));
}
