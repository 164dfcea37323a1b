// B images, P parts (2, real and imaginary), H height, W width, M = floor(W / 2) + 1 columns of a real image's spectrum
import * as tf from '@tensorflow/tfjs';
import { checkPair, chooseAxes, type ChosenAxes } from './axes';
import { floatOf, partsOf, type Complex, type Signal } from './complex';
import { joinParts, splitParts } from './fft';
import { checkLineLength, halfLength } from './fft-plan';
import { fullRealGridDft, gridDft, realGridDft, realGridInverse } from './grid-dft';
import { realLength } from './host-fft';
import { scaleOf, type FftNorm } from './norm';

/** Options of transforms along two axes. */
export interface Fft2Options {
  /** Rows and columns, default [-2, -1]; [1, 2] for NHWC images. */
  axes?: readonly [number, number];
  /** Default "backward": the inverse has the factor 1 / (h w). */
  norm?: FftNorm;
}

/** Options of `irfft2`. */
export interface Irfft2Options extends Fft2Options {
  /** Length of the second axis of the images, default 2 (m - 1) for m columns; for odd ones it must be given. */
  n?: number;
}

/**
 * The two-dimensional discrete Fourier transform, as matrix products: differentiable, on every backend, inside `jit`.
 *
 *   X_kl = sum_ij x_ij exp(-2 pi i (i k / h + j l / w))
 *
 * Two products for real images up to 256 a side; see `fft` for others. float32; the error is below 1e-6 of the norm.
 *
 * @param x  real, any dtype of numbers, or complex as { re, im }
 * @returns { re, im } of x's shape
 * @throws TypeError for complex64 tensors and anything but tensors, ShapeError for empty tensors and parts of different
 *   shapes, RangeError for bad axes or another norm
 */
export function fft2(x: Signal, options: Fft2Options = {}): Complex {
  return transform('tensor-core.fft2', x, options, false);
}

/** The inverse of `fft2`, with the factor 1 / (h w). @throws as `fft2` */
export function ifft2(x: Signal, options: Fft2Options = {}): Complex {
  return transform('tensor-core.ifft2', x, options, true);
}

/**
 * The columns 0 .. floor(w / 2) of the transform of real images, which determine the others: half the work of `fft2`.
 *
 * @param x  real
 * @returns { re, im } with m = floor(w / 2) + 1 in place of w
 * @throws as `fft2`
 */
export function rfft2(x: tf.Tensor, { axes = [-2, -1], norm = 'backward' }: Fft2Options = {}): Complex {
  const where = 'tensor-core.rfft2';
  return tf.tidy(() => {
    const re = floatOf(where, 'x', x);
    const grid = gridAxes(where, re, axes);
    const [h, w] = grid.lengths as [number, number];
    const y_BPHM = realGridDft(grid.flatten(re), scaleOf(where, norm, h * w, false));
    return splitParts(y_BPHM, 1, (part) => grid.restore(part, [h, halfLength(w)]));
  });
}

/**
 * The inverse of `rfft2`: real images. What no real image has in column 0 and, for even w, w / 2 is ignored, as by
 * torch.fft.irfft2.
 *
 * @param x  m columns along the second axis
 * @returns float32, w = n in place of m
 * @throws ShapeError when m is not floor(n / 2) + 1; else as `fft2`
 */
export function irfft2(x: Signal, { axes = [-2, -1], norm = 'backward', n }: Irfft2Options = {}): tf.Tensor {
  const where = 'tensor-core.irfft2';
  return tf.tidy(() => {
    const { re, im } = partsOf(where, x);
    const grid = gridAxes(where, re, axes);
    const [h, m] = grid.lengths as [number, number];
    const w = realLength(where, m, n);
    const x_BPHM = joinParts<tf.Tensor4D>(grid.flatten(re), im && grid.flatten(im));
    return grid.restore(realGridInverse(x_BPHM, w, scaleOf(where, norm, h * w, true)), [h, w]);
  });
}

/** The two axes of images. @throws as `fft2` */
export function gridAxes(where: string, x: tf.Tensor, axes: readonly [number, number]): ChosenAxes {
  const grid = chooseAxes(where, x, checkPair(where, axes));
  for (const length of grid.lengths) checkLineLength(where, 'the length of each axis', length);
  return grid;
}

function transform(where: string, x: Signal, options: Fft2Options, inverse: boolean): Complex {
  const { axes = [-2, -1], norm = 'backward' } = options;
  return tf.tidy(() => {
    const { re, im } = partsOf(where, x);
    const grid = gridAxes(where, re, axes);
    const [h, w] = grid.lengths as [number, number];
    const scale = scaleOf(where, norm, h * w, inverse);
    const restore = (part: tf.Tensor): tf.Tensor => grid.restore(part, [h, w]);
    if (im !== null) {
      const x_BPHW = joinParts<tf.Tensor4D>(grid.flatten(re), grid.flatten(im));
      return splitParts(gridDft(x_BPHW, inverse ? 1 : -1, scale), 2, restore);
    }
    // The inverse of a real image is the conjugate of its transform.
    return splitParts(fullRealGridDft(grid.flatten(re), scale), 1, restore, inverse);
  });
}
