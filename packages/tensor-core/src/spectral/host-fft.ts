import { argumentMessage, describeValue, ShapeError } from '../check';
import { checkLineLength, fftPlan, halfLength, scale } from './fft-plan';
import { fftPlan2 } from './fft-plan-2d';
import { scaleOf, type FftNorm } from './norm';

/** Complex numbers on the host: real and imaginary parts. */
export interface HostComplex {
  re: Float64Array;
  im: Float64Array;
}

/** What host transforms take: real numbers, or complex ones as their parts. */
export type HostSignal = ArrayLike<number> | { re: ArrayLike<number>; im: ArrayLike<number> };

/** Options of transforms. */
export interface HostFftOptions {
  /** Default "backward": the inverse has the factor. */
  norm?: FftNorm;
}

/**
 * The discrete Fourier transform in float64.
 *
 *   X_k = sum_j x_j exp(-2 pi i j k / n)
 *
 * @param x  n real numbers, or complex ones as `{ re, im }`; not changed
 * @returns n coefficients; for many transforms of one length see `fftPlan`, which allocates nothing
 * @throws ShapeError when x is empty or its parts differ in length, RangeError for another norm
 */
export function hostFft(x: HostSignal, { norm = 'backward' }: HostFftOptions = {}): HostComplex {
  const where = 'tensor-core.hostFft';
  const out = copyOf(where, x);
  fftPlan(out.re.length).forward(out.re, out.im);
  return scaled(out, scaleOf(where, norm, out.re.length, false));
}

/** The inverse of `hostFft`, x_j = (1/n) sum_k X_k exp(2 pi i j k / n). @throws as `hostFft` */
export function hostIfft(x: HostSignal, { norm = 'backward' }: HostFftOptions = {}): HostComplex {
  const where = 'tensor-core.hostIfft';
  const { re, im } = copyOf(where, x);
  fftPlan(re.length).forward(im, re);
  return scaled({ re, im }, scaleOf(where, norm, re.length, true));
}

/**
 * The first floor(n / 2) + 1 coefficients of n real numbers, which determine the others: X_(n-k) = conj X_k.
 *
 * @throws ShapeError when x is empty, RangeError for another norm
 */
export function hostRfft(x: ArrayLike<number>, { norm = 'backward' }: HostFftOptions = {}): HostComplex {
  const where = 'tensor-core.hostRfft';
  const { re: real } = copyOf(where, x);
  const out = emptyComplex(halfLength(real.length));
  fftPlan(real.length).forwardReal(real, out.re, out.im);
  return scaled(out, scaleOf(where, norm, real.length, false));
}

/**
 * The inverse of `hostRfft`: n real numbers.
 *
 * @param options.n  their number, default 2 (m - 1) for m coefficients; for odd n it must be given
 * @throws ShapeError when m is not floor(n / 2) + 1, RangeError for a broken n or another norm
 */
export function hostIrfft(x: HostSignal, { norm = 'backward', n }: HostFftOptions & { n?: number } = {}): Float64Array {
  const where = 'tensor-core.hostIrfft';
  const { re, im } = copyOf(where, x);
  const length = realLength(where, re.length, n);
  const out = new Float64Array(length);
  fftPlan(length).inverseReal(re, im, out);
  scale(out, length * scaleOf(where, norm, length, true));
  return out;
}

/**
 * The two-dimensional transform in float64.
 *
 * @param x       row-major [height, width], real or `{ re, im }`; not changed
 * @throws ShapeError when the sizes do not fit, RangeError for broken sizes or another norm
 */
export function hostFft2(
  x: HostSignal,
  height: number,
  width: number,
  { norm = 'backward' }: HostFftOptions = {},
): HostComplex {
  const where = 'tensor-core.hostFft2';
  const out = copyOf(where, x, sizeOf(where, height, width));
  fftPlan2(height, width).forward(out.re, out.im);
  return scaled(out, scaleOf(where, norm, height * width, false));
}

/** The inverse of `hostFft2`. @throws as `hostFft2` */
export function hostIfft2(
  x: HostSignal,
  height: number,
  width: number,
  { norm = 'backward' }: HostFftOptions = {},
): HostComplex {
  const where = 'tensor-core.hostIfft2';
  const { re, im } = copyOf(where, x, sizeOf(where, height, width));
  fftPlan2(height, width).forward(im, re);
  return scaled({ re, im }, scaleOf(where, norm, height * width, true));
}

/** The left half, [height, floor(width / 2) + 1], of the transform of a real image. @throws as `hostFft2` */
export function hostRfft2(
  x: ArrayLike<number>,
  height: number,
  width: number,
  { norm = 'backward' }: HostFftOptions = {},
): HostComplex {
  const where = 'tensor-core.hostRfft2';
  const { re: real } = copyOf(where, x, sizeOf(where, height, width));
  const out = emptyComplex(height * halfLength(width));
  fftPlan2(height, width).forwardReal(real, out.re, out.im);
  return scaled(out, scaleOf(where, norm, height * width, false));
}

/** The inverse of `hostRfft2`: a real image [height, width]. @throws as `hostFft2` */
export function hostIrfft2(
  x: HostSignal,
  height: number,
  width: number,
  { norm = 'backward' }: HostFftOptions = {},
): Float64Array {
  const where = 'tensor-core.hostIrfft2';
  const size = sizeOf(where, height, width);
  const { re, im } = copyOf(where, x, height * halfLength(width));
  const out = new Float64Array(size);
  fftPlan2(height, width).inverseReal(re, im, out);
  scale(out, size * scaleOf(where, norm, size, true));
  return out;
}

/** The length of the real line that has m coefficients: n, or the even one. */
export function realLength(where: string, m: number, n = Math.max(2 * (m - 1), 1)): number {
  checkLineLength(where, 'n', n);
  if (halfLength(n) !== m) {
    const fix = `${m} coefficients are those of ${2 * m - 2} or ${2 * m - 1} real numbers.`;
    throw new ShapeError(argumentMessage(where, 'x', `have ${halfLength(n)} coefficients for n = ${n}`, m, fix));
  }
  return n;
}

function sizeOf(where: string, height: number, width: number): number {
  return checkLineLength(where, 'height', height) * checkLineLength(where, 'width', width);
}

/** The parts as new Float64Arrays. */
function copyOf(where: string, x: HostSignal, size?: number): HostComplex {
  const isPair = typeof x === 'object' && x !== null && 're' in x && 'im' in x;
  const real = isPair ? x.re : x;
  const lengthOf = (part: unknown): number => (part as ArrayLike<number> | null)?.length ?? -1;
  if (!(lengthOf(real) >= 0) || typeof real === 'string' || (isPair && !(lengthOf(x.im) >= 0))) {
    throw new TypeError(argumentMessage(where, 'x', 'be an array of numbers or a pair { re, im } of them', x));
  }
  if (isPair && lengthOf(x.im) !== real.length) {
    const got = describeValue(x.im);
    throw new ShapeError(argumentMessage(where, 'x.re', `be as long as x.im (${got})`, real));
  }
  if (real.length === 0) throw new ShapeError(argumentMessage(where, 'x', 'have at least one element', real));
  if (size !== undefined && real.length !== size) {
    throw new ShapeError(argumentMessage(where, 'x', `have ${size} elements`, real));
  }
  return { re: Float64Array.from(real), im: isPair ? Float64Array.from(x.im) : new Float64Array(real.length) };
}

function scaled(x: HostComplex, factor: number): HostComplex {
  if (factor === 1) return x;
  scale(x.re, factor);
  scale(x.im, factor);
  return x;
}

function emptyComplex(length: number): HostComplex {
  return { re: new Float64Array(length), im: new Float64Array(length) };
}
