import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';

/** @throws RangeError (TypeError when not numbers) unless all of them are positive integers */
export function checkCounts(where: string, counts: Record<string, unknown>): void {
  for (const [name, count] of Object.entries(counts)) checkNumber(where, name, count, { min: 1, integer: true });
}

/** @throws ShapeError unless the last axis has this length */
export function checkLastAxis(where: string, x: tf.Tensor, length: number): void {
  if (x.shape.at(-1) === length) return;
  throw new ShapeError(argumentMessage(where, 'x', `have a last axis of ${length}`, x));
}
