import { BoundedCache } from './bounded-cache';
import { checkLength, checkLineLength, halfLength, scale } from './fft-plan';
import type { LineTransform } from './line';
import { lineTransform } from './line-transform';
import { realTransform, type RealTransform } from './real-transform';

/** As for lines; work space takes about 40 bytes an element. */
const plans = new BoundedCache<FftPlan2>(2 ** 21);

/**
 * A two-dimensional discrete Fourier transform of one size in float64, prepared. Arrays are row-major.
 *
 *   X_kl = sum_ij x_ij exp(-2 pi i (i k / h + j l / w)); the inverse divides by h w
 */
export class FftPlan2 {
  private readonly rows: LineTransform;
  private readonly columns: LineTransform;
  private readonly halfWidth: number;
  private real: { rows: RealTransform; re: Float64Array; im: Float64Array } | null = null;

  /** @internal Made by `fftPlan2`. */
  constructor(
    readonly height: number,
    readonly width: number,
  ) {
    this.rows = lineTransform(width);
    this.columns = lineTransform(height);
    this.halfWidth = halfLength(width);
  }

  /** Transforms re + i im in place. @throws ShapeError when an array is not height * width long */
  forward(re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan2.forward';
    checkLength(where, 're', re, this.height * this.width);
    checkLength(where, 'im', im, this.height * this.width);
    this.run(re, im);
  }

  /** The inverse of `forward`, in place. @throws ShapeError when an array is not height * width long */
  inverse(re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan2.inverse';
    const size = this.height * this.width;
    checkLength(where, 're', re, size);
    checkLength(where, 'im', im, size);
    this.run(im, re);
    scale(re, 1 / size);
    scale(im, 1 / size);
  }

  /**
   * Writes the left half, [height, floor(width / 2) + 1], of the coefficients of real numbers; the others are
   * X_(-k,-l) = conj X_kl.
   *
   * @throws ShapeError when an array has another length
   */
  forwardReal(x: Float64Array, re: Float64Array, im: Float64Array): void {
    const where = 'tensor-core.FftPlan2.forwardReal';
    const { height, width, halfWidth } = this;
    checkLength(where, 'x', x, height * width);
    checkLength(where, 're', re, height * halfWidth);
    checkLength(where, 'im', im, height * halfWidth);
    const { rows } = this.reals;
    for (let i = 0; i < height; i++) rows.forward(x, i * width, re, im, i * halfWidth);
    this.columns.run(re, im, 0, halfWidth);
  }

  /**
   * The inverse of `forwardReal`: writes [height, width] real numbers; re and im are left alone. What no real image
   * can have in column 0 and, for even widths, width / 2 is ignored, as by torch.fft.irfft2.
   *
   * @throws ShapeError when an array has another length
   */
  inverseReal(re: Float64Array, im: Float64Array, x: Float64Array): void {
    const where = 'tensor-core.FftPlan2.inverseReal';
    const { height, width, halfWidth } = this;
    checkLength(where, 're', re, height * halfWidth);
    checkLength(where, 'im', im, height * halfWidth);
    checkLength(where, 'x', x, height * width);
    const work = this.reals;
    work.re.set(re);
    work.im.set(im);
    this.columns.run(work.im, work.re, 0, halfWidth);
    for (let i = 0; i < height; i++) work.rows.inverse(work.re, work.im, i * halfWidth, x, i * width);
    scale(x, 1 / (height * width));
  }

  private run(re: Float64Array, im: Float64Array): void {
    const { height, width } = this;
    for (let i = 0; i < height; i++) this.rows.run(re, im, i * width, 1);
    this.columns.run(re, im, 0, width);
  }

  private get reals(): { rows: RealTransform; re: Float64Array; im: Float64Array } {
    const size = this.height * this.halfWidth;
    const make = () => ({
      rows: realTransform(this.width),
      re: new Float64Array(size),
      im: new Float64Array(size),
    });
    return (this.real ??= make());
  }
}

/**
 * The plan for a size. Recent ones are kept, so asking again is cheap.
 *
 * @param height  1 .. 2^26
 * @param width   1 .. 2^26
 * @throws RangeError when they are not such integers
 */
export function fftPlan2(height: number, width: number): FftPlan2 {
  const where = 'tensor-core.fftPlan2';
  checkLineLength(where, 'height', height);
  checkLineLength(where, 'width', width);
  return plans.get(`${height}x${width}`, height * width, () => new FftPlan2(height, width));
}
