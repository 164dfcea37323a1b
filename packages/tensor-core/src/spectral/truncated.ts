// B images, K rows and M columns of the spectrum that are kept
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { floatOf, partsOf, type Complex, type Signal } from './complex';
import { joinParts, splitParts } from './fft';
import { gridAxes, type Fft2Options } from './fft2';
import { checkLineLength, halfLength } from './fft-plan';
import { truncatedGridDft, truncatedGridInverse } from './grid-dft';
import { scaleOf } from './norm';

/**
 * The lowest frequencies of `rfft2`: rows 0 .. m1 - 1 and -m1 .. -1, columns 0 .. m2 - 1. What a spectral convolution
 * keeps, by products with the rows of the DFT matrices that are wanted, and nothing else computed.
 *
 * @param x   real
 * @param m1  1 .. h / 2
 * @param m2  1 .. floor(w / 2) + 1
 * @returns { re, im } with 2 m1 rows, non-negative frequencies first, and m2 columns
 * @throws RangeError when m1 or m2 is outside; else as `rfft2`
 * @see Li et al., 2021, "Fourier Neural Operator for Parametric Partial Differential Equations", arXiv:2010.08895
 */
export function truncatedRfft2(
  x: tf.Tensor,
  m1: number,
  m2: number,
  { axes = [-2, -1], norm = 'backward' }: Fft2Options = {},
): Complex {
  const where = 'tensor-core.truncatedRfft2';
  return tf.tidy(() => {
    const re = floatOf(where, 'x', x);
    const grid = gridAxes(where, re, axes);
    const [h, w] = grid.lengths as [number, number];
    checkNumber(where, 'm1', m1, { min: 1, max: Math.floor(h / 2), integer: true });
    checkNumber(where, 'm2', m2, { min: 1, max: halfLength(w), integer: true });
    const kept = { rows: { count: 2 * m1, head: m1 }, columns: m2 };
    const y_BPKM = truncatedGridDft(grid.flatten(re), kept, scaleOf(where, norm, h * w, false));
    return splitParts(y_BPKM, 1, (part) => grid.restore(part, [2 * m1, m2]));
  });
}

/**
 * `irfft2` of a spectrum that is zero but for the frequencies of `truncatedRfft2`.
 *
 * Row -m1 has no partner among them: in column 0 a real image takes half of it, as with torch.fft.irfft2.
 *
 * @param x       2 m1 rows and m2 columns along the axes
 * @param height  of the images, >= 2 m1
 * @param width   of the images, >= 2 (m2 - 1)
 * @returns float32 real images
 * @throws ShapeError when the number of rows is odd or too large, or that of columns is; RangeError for a bad size
 */
export function truncatedIrfft2(
  x: Signal,
  height: number,
  width: number,
  { axes = [-2, -1], norm = 'backward' }: Fft2Options = {},
): tf.Tensor {
  const where = 'tensor-core.truncatedIrfft2';
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  return tf.tidy(() => {
    const { re, im } = partsOf(where, x);
    const grid = gridAxes(where, re, axes);
    const [rows, columns] = grid.lengths as [number, number];
    if (rows % 2 !== 0 || rows > height || columns > halfLength(width)) {
      const wanted = `have an even number of rows <= ${height} and at most ${halfLength(width)} columns`;
      throw new ShapeError(argumentMessage(where, 'x', wanted, [rows, columns]));
    }
    const kept = { rows: { count: rows, head: rows / 2 }, columns };
    const x_BPKM = joinParts<tf.Tensor4D>(grid.flatten(re), im && grid.flatten(im));
    const scale = scaleOf(where, norm, height * width, true);
    return grid.restore(truncatedGridInverse(x_BPKM, kept, [height, width], scale), [height, width]);
  });
}
