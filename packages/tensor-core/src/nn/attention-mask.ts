// B batch, H heads, T queries, S keys.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkShape, ShapeError } from '../check';

/**
 * What is added to the score of a key that must not be attended. Far below all scores, so that its weight becomes
 * exactly 0, and yet finite: a row of nothing but -Infinity would become NaN.
 */
export const MASKED = -1e30;

/** Which keys a query attends. */
export interface MaskOptions {
  /**
   * 'causal': query i attends the keys j <= i. Or a tensor that broadcasts to [B, H, T, S]: bool, true where the query
   * attends; or float32, which is added to the scores, -Infinity where it does not attend.
   */
  mask?: 'causal' | tf.Tensor | undefined;
  /** bool [B, S], true where a key is padding, which no query attends; as PyTorch's key_padding_mask. */
  keyPadding?: tf.Tensor | undefined;
}

/** A mask as a summand of the scores. */
export interface AdditiveMask {
  /** Broadcasts to [B, H, T, S]. */
  added: tf.Tensor;
  /** 1 for queries that attend any key and 0 for the others, [..., T or 1, 1]; null where all attend some. */
  reached: tf.Tensor | null;
}

/**
 * The mask of attention as a summand; null where all attend all.
 *
 * @param shape  [B, H, T, S]
 * @throws ShapeError when a mask does not broadcast, TypeError when its dtype is another
 */
export function additiveMask(
  where: string,
  { mask, keyPadding }: MaskOptions,
  shape: readonly [number, number, number, number],
): AdditiveMask | null {
  const [B, , T, S] = shape;
  const parts: tf.Tensor[] = [];
  if (mask === 'causal') parts.push(causalMask(T, S));
  else if (mask !== undefined) {
    checkBroadcast(where, 'mask', mask, shape);
    parts.push(mask.dtype === 'bool' ? closed(mask.logicalNot()) : tf.maximum(floats(where, mask), MASKED));
  }
  if (keyPadding !== undefined) {
    checkShape(where, 'keyPadding', keyPadding, [B, S]);
    if (keyPadding.dtype !== 'bool') {
      throw new TypeError(argumentMessage(where, 'keyPadding', 'be bool, true at padding', keyPadding));
    }
    parts.push(closed(keyPadding).reshape([B, 1, 1, S]));
  }
  if (parts.length === 0) return null;
  const added = parts.reduce((sum, part) => sum.add(part));
  // With the causal mask alone each query attends the first key.
  const reached = keyPadding === undefined && mask === 'causal' ? null : added.max(-1, true).greater(MASKED / 2);
  return { added, reached: reached && reached.toFloat() };
}

/**
 * What is added to the scores of causal attention: 0 where key j <= query i, else -1e30, which leaves a weight of 0.
 *
 * @param T  queries
 * @param S  keys
 * @returns float32 [T, S]
 */
export function causalMask(T: number, S: number): tf.Tensor2D {
  const values = Float32Array.from({ length: T * S }, (_, n) => (n % S <= Math.floor(n / S) ? 0 : MASKED));
  return tf.tensor2d(values, [T, S]);
}

/** @throws ShapeError unless the tensor broadcasts to the shape, TypeError unless it is a tensor */
export function checkBroadcast(where: string, name: string, x: tf.Tensor, shape: readonly number[]): void {
  const wanted = `broadcast to [${shape.join(', ')}]`;
  if (!(x instanceof tf.Tensor)) throw new TypeError(argumentMessage(where, name, wanted, x));
  const lengths = shape.slice(shape.length - x.rank);
  if (x.rank <= shape.length && x.shape.every((length, i) => length === 1 || length === lengths[i])) return;
  throw new ShapeError(argumentMessage(where, name, wanted, x));
}

/** MASKED where true, else 0. */
function closed(mask: tf.Tensor): tf.Tensor {
  return mask.toFloat().mul(MASKED);
}

function floats(where: string, mask: tf.Tensor): tf.Tensor {
  if (mask.dtype === 'float32') return mask;
  throw new TypeError(argumentMessage(where, 'mask', "be 'causal', bool or float32", mask));
}
