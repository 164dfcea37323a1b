import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';
import type { Sides } from './window';

/**
 * Images with periodic continuation around them: torch.nn.functional.pad with mode 'circular'.
 *
 * @param x_BHWC  images
 * @param sides   rows and columns to add: [top, bottom, left, right]; PyTorch has the order left, right, top, bottom
 * @returns [B, top + H + bottom, left + W + right, C]
 * @throws ShapeError when x has another rank, or a side is longer than the image
 */
export function circularPad2d(x_BHWC: tf.Tensor, sides: Sides): tf.Tensor {
  const where = 'tensor-core.circularPad2d';
  if (x_BHWC.rank !== 4) throw new ShapeError(argumentMessage(where, 'x', 'have the shape [B, H, W, C]', x_BHWC));
  const [top, bottom, left, right] = sides;
  if (Math.max(top, bottom) > x_BHWC.shape[1]! || Math.max(left, right) > x_BHWC.shape[2]!) {
    const wanted = `be at least as large as the sides [${sides.join(', ')}]`;
    throw new ShapeError(argumentMessage(where, 'x', wanted, x_BHWC));
  }
  return tf.tidy(() => wrapped(wrapped(x_BHWC.clone(), 1, top, bottom), 2, left, right));
}

function wrapped(x: tf.Tensor, axis: number, before: number, after: number): tf.Tensor {
  const length = x.shape[axis]!;
  const part = (start: number, count: number): tf.Tensor => {
    const [begin, size] = [x.shape.map(() => 0), [...x.shape]];
    begin[axis] = start;
    size[axis] = count;
    return x.slice(begin, size);
  };
  const parts = [...(before > 0 ? [part(length - before, before)] : []), x, ...(after > 0 ? [part(0, after)] : [])];
  return parts.length === 1 ? x : tf.concat(parts, axis);
}
