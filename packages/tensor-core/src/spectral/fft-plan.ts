import { argumentMessage, checkNumber, ShapeError } from '../check';
import { BoundedCache } from './bounded-cache';
import type { LineTransform } from './line';
import { lineTransform } from './line-transform';
import { realTransform, type RealTransform } from './real-transform';

/** Longest line: twice its square must be an exact integer. */
export const MAX_LENGTH = 2 ** 26;

/** Plans up to this many elements together are kept: their tables and work space take about 50 bytes an element. */
const plans = new BoundedCache<FftPlan>(2 ** 21);

/**
 * A discrete Fourier transform of one length in float64, prepared: tables and work space are made once, so that
 * transforming allocates nothing.
 *
 *   X_k = sum_j x_j exp(-2 pi i j k / n),  x_j = (1/n) sum_k X_k exp(2 pi i j k / n)
 *
 * Lengths with prime factors up to 61 go by mixed-radix passes with a relative error of about 1e-16 sqrt(log n), others
 * as a convolution with some times that; all cost O(n log n). NaN and infinities go through.
 *
 * @see Cooley & Tukey, 1965; Bluestein, 1970
 */
export class FftPlan {
  private readonly line: LineTransform;
  private real: RealTransform | null = null;

  /** @internal Made by `fftPlan`. */
  constructor(readonly length: number) {
    this.line = lineTransform(length);
  }

  /** Transforms re + i im in place. @throws ShapeError when an array is not `length` long */
  forward(re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan.forward';
    checkLength(where, 're', re, this.length);
    checkLength(where, 'im', im, this.length);
    this.line.run(re, im, 0, 1);
  }

  /** The inverse of `forward`, in place. @throws ShapeError when an array is not `length` long */
  inverse(re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan.inverse';
    checkLength(where, 're', re, this.length);
    checkLength(where, 'im', im, this.length);
    this.line.run(im, re, 0, 1);
    scale(re, 1 / this.length);
    scale(im, 1 / this.length);
  }

  /**
   * Writes coefficients 0 .. n / 2 (rounded down) of n real numbers; the others are their conjugates, X_(n-k) = conj X_k.
   *
   * @throws ShapeError when x is not `length` long, re or im not floor(length / 2) + 1
   */
  forwardReal(x: Float64Array, re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan.forwardReal';
    checkLength(where, 'x', x, this.length);
    checkLength(where, 're', re, halfLength(this.length));
    checkLength(where, 'im', im, halfLength(this.length));
    this.reals.forward(x, 0, re, im, 0);
  }

  /**
   * The inverse of `forwardReal`: writes n real numbers. The imaginary parts of coefficient 0 and, for even n, n / 2 are
   * ignored, as a real line has none.
   *
   * @throws ShapeError as `forwardReal`
   */
  inverseReal(re: Float64Array, im: Float64Array, x: Float64Array): void {
    const where = 'tensor-core.FftPlan.inverseReal';
    checkLength(where, 're', re, halfLength(this.length));
    checkLength(where, 'im', im, halfLength(this.length));
    checkLength(where, 'x', x, this.length);
    this.reals.inverse(re, im, 0, x, 0);
    scale(x, 1 / this.length);
  }

  private get reals(): RealTransform {
    return (this.real ??= realTransform(this.length));
  }
}

/**
 * The plan for a length. Recent ones are kept, so asking again is cheap.
 *
 * @param n  1 .. 2^26
 * @throws RangeError when n is not such an integer
 */
export function fftPlan(n: number): FftPlan {
  checkLineLength('tensor-core.fftPlan', 'n', n);
  return plans.get(String(n), n, () => new FftPlan(n));
}

/** How many coefficients of n real numbers determine the others. */
export function halfLength(n: number): number {
  return (n >> 1) + 1;
}

/** Returns n if lines of that length can be transformed. @throws RangeError otherwise */
export function checkLineLength(where: string, name: string, n: number): number {
  return checkNumber(where, name, n, { min: 1, max: MAX_LENGTH, integer: true });
}

/** @throws TypeError when it is not a Float64Array, ShapeError when its length is another */
export function checkLength(where: string, name: string, array: Float64Array, length: number): void {
  const message = (): string => argumentMessage(where, name, `be a Float64Array of length ${length}`, array);
  if (!(array instanceof Float64Array)) throw new TypeError(message());
  if (array.length !== length) throw new ShapeError(message());
}

export function scale(array: Float64Array, factor: number): void {
  for (let i = 0; i < array.length; i++) array[i]! *= factor;
}
