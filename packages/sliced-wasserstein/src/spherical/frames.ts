// L frames of two orthonormal columns each, d coordinates
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { haarRows } from '../slices/uniform-slices';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Products of the columns of given frames may differ from 0 and 1 by this: they may be float32. */
const ORTHONORMAL = 1e-4;

/** Frames on the host, [L, d, 2]. */
export interface Frames {
  count: number;
  values: Float32Array;
}

/** Options of how great circles are chosen. */
export interface FrameOptions {
  /**
   * Number L of great circles, default 128, or their frames: matrices of two orthonormal columns, as a tensor [L, d, 2] or L
   * arrays of d rows of 2 numbers, row after row. The error falls like 1 / sqrt(L), the cost grows like L.
   */
  slices?: number | tf.Tensor3D | readonly ArrayLike<number>[];
  /** What frames are drawn with: independent and uniform; needed unless they are given. */
  key?: random.KeyOrSeed;
}

/**
 * Frames by options.
 *
 * @param read  the values of frames that are given as a tensor, where they had to be waited for
 * @throws TypeError for a missing key and what is no frame, ShapeError for other shapes, RangeError for numbers below 1 and
 *   columns that are not orthonormal
 */
export function framesOf(
  where: string,
  dim: number,
  { slices = 128, key }: FrameOptions,
  read?: ArrayLike<number>,
): Frames {
  if (dim < 2) {
    const fix = 'Points of a sphere have at least 2 coordinates.';
    throw new ShapeError(argumentMessage(where, 'x', 'have the shape [n, d] with d >= 2', dim, fix));
  }
  if (typeof slices !== 'number') return checkedFrames(where, dim, valuesOf(where, dim, slices, read));
  checkNumber(where, 'slices', slices, { min: 1, integer: true });
  const frameKey = random.asKey(where, key);
  const values = new Float32Array(slices * dim * 2);
  for (let l = 0; l < slices; l++) {
    const columns = haarRows(2, dim, random.foldIn(frameKey, l));
    for (let i = 0; i < dim; i++) {
      values[(l * dim + i) * 2] = columns[i]!;
      values[(l * dim + i) * 2 + 1] = columns[dim + i]!;
    }
  }
  return { count: slices, values };
}

function checkedFrames(where: string, dim: number, frames: Frames): Frames {
  const { count, values } = frames;
  for (let l = 0; l < count; l++) {
    const frame = values.subarray(l * dim * 2, (l + 1) * dim * 2);
    const products = [0, 0, 0];
    for (let i = 0; i < dim; i++) {
      const [first, second] = [frame[2 * i]!, frame[2 * i + 1]!];
      products[0]! += first * first;
      products[1]! += second * second;
      products[2]! += first * second;
    }
    // NaN is none of these.
    const off = products.map((product, k) => Math.abs(product - (k < 2 ? 1 : 0)));
    if (!off.every((difference) => difference <= ORTHONORMAL)) {
      const wanted = 'have orthonormal columns (squared norms 1, 1 and product 0)';
      throw new RangeError(argumentMessage(where, `slices[${l}]`, wanted, products, 'Take Q of a QR decomposition.'));
    }
  }
  return frames;
}

function valuesOf(
  where: string,
  dim: number,
  slices: tf.Tensor3D | readonly ArrayLike<number>[],
  read?: ArrayLike<number>,
): Frames {
  const wanted = `have the shape [L, ${dim}, 2] with L >= 1, as x has ${dim} coordinates`;
  if (slices instanceof tf.Tensor) {
    if (slices.rank !== 3 || slices.size === 0 || slices.shape[1] !== dim || slices.shape[2] !== 2) {
      throw new ShapeError(argumentMessage(where, 'slices', wanted, slices));
    }
    return { count: slices.shape[0], values: Float32Array.from(read ?? slices.dataSync()) };
  }
  if (!Array.isArray(slices)) {
    throw new TypeError(argumentMessage(where, 'slices', 'be a number, a tensor or an array of frames', slices));
  }
  if (slices.length === 0) throw new ShapeError(argumentMessage(where, 'slices', wanted, slices));
  const values = new Float32Array(slices.length * dim * 2);
  slices.forEach((frame: ArrayLike<number>, l) => {
    if ((frame as ArrayLike<number> | null)?.length !== dim * 2) {
      throw new ShapeError(argumentMessage(where, `slices[${l}]`, `have ${dim * 2} numbers, [${dim}, 2]`, frame));
    }
    values.set(Float32Array.from(frame), l * dim * 2);
  });
  return { count: slices.length, values };
}
