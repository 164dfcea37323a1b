import { fastLength } from './factors';
import type { LineTransform } from './line';
import { MixedRadix } from './mixed-radix';
import { unitRoots } from './roots';

/** exp(-i pi j^2 / n) for j < n and the transform of the sequence that it is convolved with. */
export interface Chirp {
  re: Float64Array;
  im: Float64Array;
  /** The length of the circular convolution, >= 2 n - 1 and fast. */
  size: number;
  /** The transform, of length `size`, of exp(i pi j^2 / n), -n < j < n, divided by `size`. */
  filterRe: Float64Array;
  filterIm: Float64Array;
}

/**
 * The constants of a transform of any length as a convolution.
 *
 *   X_k = c_k sum_j (c_j x_j) conj(c_(k-j)),  c_j = exp(-i pi j^2 / n),  as -2 j k = (k - j)^2 - j^2 - k^2
 *
 * @see Bluestein, 1970, "A linear filtering approach to the computation of discrete Fourier transform"
 */
export function chirpOf(n: number, inner = new MixedRadix(fastLength(2 * n - 1))): Chirp {
  const size = inner.length;
  const { cos, sin } = unitRoots(2 * n);
  const [re, im] = [new Float64Array(n), new Float64Array(n)];
  const [filterRe, filterIm] = [new Float64Array(size), new Float64Array(size)];
  for (let j = 0; j < n; j++) {
    // j^2 mod 2 n is exact: j^2 < 2^53 for any n that memory has room for.
    const root = (j * j) % (2 * n);
    re[j] = cos[root]!;
    im[j] = -sin[root]!;
    const back = (size - j) % size;
    filterRe[j] = filterRe[back] = cos[root]! / size;
    filterIm[j] = filterIm[back] = sin[root]! / size;
  }
  inner.run(filterRe, filterIm, 0, 1);
  return { re, im, size, filterRe, filterIm };
}

/** The transform of lengths with a large prime factor. */
export class ChirpTransform implements LineTransform {
  private readonly inner: MixedRadix;
  private readonly chirp: Chirp;
  private readonly workRe: Float64Array;
  private readonly workIm: Float64Array;

  constructor(readonly length: number) {
    this.inner = new MixedRadix(fastLength(2 * length - 1));
    this.chirp = chirpOf(length, this.inner);
    this.workRe = new Float64Array(this.inner.length);
    this.workIm = new Float64Array(this.inner.length);
  }

  run(re: Float64Array, im: Float64Array, offset: number, lanes: number): void {
    for (let lane = 0; lane < lanes; lane++) this.line(re, im, offset + lane, lanes);
  }

  private line(re: Float64Array, im: Float64Array, offset: number, stride: number): void {
    const { length, inner, workRe, workIm } = this;
    const { re: cr, im: ci, size, filterRe, filterIm } = this.chirp;
    for (let j = 0, at = offset; j < length; j++, at += stride) {
      workRe[j] = re[at]! * cr[j]! - im[at]! * ci[j]!;
      workIm[j] = re[at]! * ci[j]! + im[at]! * cr[j]!;
    }
    workRe.fill(0, length);
    workIm.fill(0, length);
    inner.run(workRe, workIm, 0, 1);
    for (let k = 0; k < size; k++) {
      const r = workRe[k]! * filterRe[k]! - workIm[k]! * filterIm[k]!;
      workIm[k] = workRe[k]! * filterIm[k]! + workIm[k]! * filterRe[k]!;
      workRe[k] = r;
    }
    // Exchanged parts: the inverse, whose 1 / size the filter has.
    inner.run(workIm, workRe, 0, 1);
    for (let k = 0, at = offset; k < length; k++, at += stride) {
      re[at] = workRe[k]! * cr[k]! - workIm[k]! * ci[k]!;
      im[at] = workRe[k]! * ci[k]! + workIm[k]! * cr[k]!;
    }
  }
}
