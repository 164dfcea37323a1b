// R lines, P parts (2, real and imaginary), N elements of a line, M = floor(N / 2) + 1 coefficients of a real line
import * as tf from '@tensorflow/tfjs';
import { chooseAxes } from './axes';
import { floatOf, partsOf, type Complex, type Signal } from './complex';
import { LARGEST_UNMIRRORED } from './dft-strategy';
import { checkLineLength, halfLength } from './fft-plan';
import { realLength } from './host-fft';
import { lineDft, mirrored, realLineDft, realLineInverse } from './line-dft';
import { scaleOf, type FftNorm } from './norm';

/** Options of transforms along one axis. */
export interface FftOptions {
  /** Default -1, the last one, for which no data has to move. */
  axis?: number;
  /** Default "backward": the inverse has the factor 1 / n. */
  norm?: FftNorm;
}

/** Options of `irfft`. */
export interface IrfftOptions extends FftOptions {
  /** Number of real elements, default 2 (m - 1) for m coefficients; for odd ones it must be given. */
  n?: number;
}

/**
 * The discrete Fourier transform along an axis, as matrix products: differentiable, on every backend, inside `jit`.
 *
 *   X_k = sum_j x_j exp(-2 pi i j k / n)
 *
 * Any n: up to 256 (complex lines 128) one product with the DFT matrix, beyond by two factors of n (Cooley & Tukey,
 * 1965) or as a convolution (Bluestein, 1970). float32; the error is below 1e-6 of the norm.
 *
 * @param x  real, any dtype of numbers, or complex as { re, im }; NaN goes through
 * @returns { re, im } of x's shape; of a real x the coefficients n - k and k are conjugates
 * @throws TypeError for complex64 tensors and anything but tensors, ShapeError for empty tensors and parts of different
 *   shapes, RangeError for a bad axis or norm
 */
export function fft(x: Signal, options: FftOptions = {}): Complex {
  return transform('tensor-core.fft', x, options, false);
}

/** The inverse of `fft`, x_j = (1/n) sum_k X_k exp(2 pi i j k / n). @throws as `fft` */
export function ifft(x: Signal, options: FftOptions = {}): Complex {
  return transform('tensor-core.ifft', x, options, true);
}

/**
 * The first m = floor(n / 2) + 1 coefficients of real lines, which determine the others: half the work of `fft`.
 *
 * @param x  real
 * @returns { re, im } with m in place of n along the axis
 * @throws as `fft`
 */
export function rfft(x: tf.Tensor, { axis = -1, norm = 'backward' }: FftOptions = {}): Complex {
  const where = 'tensor-core.rfft';
  return tf.tidy(() => {
    const re = floatOf(where, 'x', x);
    const axes = chooseAxes(where, re, [axis]);
    const n = checkLineLength(where, 'the length of the axis', axes.lengths[0]!);
    const y_RPM = realLineDft(axes.flatten(re), scaleOf(where, norm, n, false));
    return splitParts(y_RPM, 1, (part) => axes.restore(part, [halfLength(n)]));
  });
}

/**
 * The inverse of `rfft`: real lines. Imaginary parts of coefficients 0 and, for even n, n / 2 are ignored, as by NumPy.
 *
 * @param x  m coefficients along the axis
 * @returns float32, n in place of m along the axis
 * @throws ShapeError when m is not floor(n / 2) + 1; else as `fft`
 */
export function irfft(x: Signal, { axis = -1, norm = 'backward', n }: IrfftOptions = {}): tf.Tensor {
  const where = 'tensor-core.irfft';
  return tf.tidy(() => {
    const { re, im } = partsOf(where, x);
    const axes = chooseAxes(where, re, [axis]);
    const length = realLength(where, axes.lengths[0]!, n);
    const x_RPM = joinParts<tf.Tensor3D>(axes.flatten(re), im && axes.flatten(im));
    const y_RN = realLineInverse(x_RPM, length, scaleOf(where, norm, length, true));
    return axes.restore(y_RN, [length]);
  });
}

function transform(where: string, x: Signal, options: FftOptions, inverse: boolean): Complex {
  const { axis = -1, norm = 'backward' } = options;
  return tf.tidy(() => {
    const { re, im } = partsOf(where, x);
    const axes = chooseAxes(where, re, [axis]);
    const n = checkLineLength(where, 'the length of the axis', axes.lengths[0]!);
    const scale = scaleOf(where, norm, n, inverse);
    const sign = inverse ? 1 : -1;
    const restore = (part: tf.Tensor): tf.Tensor => axes.restore(part, [n]);
    if (im !== null) {
      const x_RPN = joinParts<tf.Tensor3D>(axes.flatten(re), axes.flatten(im));
      return splitParts(lineDft(x_RPN, sign, scale), 1, restore);
    }
    const x_RN = axes.flatten<tf.Tensor2D>(re);
    if (n <= LARGEST_UNMIRRORED) {
      const y_RPN = lineDft(x_RN.reshape<tf.Tensor3D>([axes.batch, 1, n]), sign, scale);
      return splitParts(y_RPN, 1, restore);
    }
    const y_RPN = mirrored(realLineDft(x_RN, scale), n);
    // The inverse of a real line is the conjugate of its transform.
    return splitParts(y_RPN, 1, restore, inverse);
  });
}

/** [R, N] and [R, N] (or zeros) to [R, 2, N]; with more axes after R too. */
export function joinParts<T extends tf.Tensor>(re: tf.Tensor, im: tf.Tensor | null): T {
  return tf.stack([re, im ?? tf.zerosLike(re)], 1) as T;
}

/** The two parts that are on an axis, each in its final shape. */
export function splitParts(
  x: tf.Tensor,
  axis: number,
  restore: (part: tf.Tensor) => tf.Tensor,
  conjugate = false,
): Complex {
  const [re, im] = tf.split(x, 2, axis) as [tf.Tensor, tf.Tensor];
  return { re: restore(re), im: restore(conjugate ? im.neg() : im) };
}
