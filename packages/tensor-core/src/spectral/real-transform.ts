import type { LineTransform } from './line';
import { lineTransform } from './line-transform';
import { unitRoots, type UnitRoots } from './roots';

/** Transforms of lines of n real numbers into the n / 2 + 1 (rounded down) coefficients that determine the others. */
export interface RealTransform {
  /** Writes the coefficients of x[from], ..., x[from + n - 1] to re and im from `at` on. Unnormalised. */
  forward(x: Float64Array, from: number, re: Float64Array, im: Float64Array, at: number): void;
  /** Writes n times the inverse of the coefficients from `at` on to x, from `to` on; re and im are left alone. */
  inverse(re: Float64Array, im: Float64Array, at: number, x: Float64Array, to: number): void;
}

/** The real transform of a length; even ones cost a complex transform of half the length. */
export function realTransform(n: number): RealTransform {
  return n % 2 === 0 ? new EvenRealTransform(n) : new OddRealTransform(n);
}

/**
 * z_j = x_(2 j) + i x_(2 j + 1) has the transform Z_k = E_k + i O_k of the even and the odd elements, which are told
 * apart by their symmetry: X_k = E_k + w^k O_k, w = exp(-2 pi i / n).
 */
class EvenRealTransform implements RealTransform {
  private readonly half: number;
  private readonly line: LineTransform;
  private readonly roots: UnitRoots;
  private readonly workRe: Float64Array;
  private readonly workIm: Float64Array;

  constructor(n: number) {
    this.half = n / 2;
    this.line = lineTransform(this.half);
    this.roots = unitRoots(n);
    this.workRe = new Float64Array(this.half);
    this.workIm = new Float64Array(this.half);
  }

  forward(x: Float64Array, from: number, re: Float64Array, im: Float64Array, at: number): void {
    const { half } = this;
    const { cos, sin } = this.roots;
    for (let j = 0; j < half; j++) {
      re[at + j] = x[from + 2 * j]!;
      im[at + j] = x[from + 2 * j + 1]!;
    }
    this.line.run(re, im, at, 1);
    const [z0r, z0i] = [re[at]!, im[at]!];
    for (let k = 1, a = at + 1, b = at + half - 1; a <= b; k++, a++, b--) {
      const evenR = (re[a]! + re[b]!) / 2;
      const evenI = (im[a]! - im[b]!) / 2;
      const oddR = (im[a]! + im[b]!) / 2;
      const oddI = (re[b]! - re[a]!) / 2;
      const turnedR = oddR * cos[k]! + oddI * sin[k]!;
      const turnedI = oddI * cos[k]! - oddR * sin[k]!;
      re[a] = evenR + turnedR;
      im[a] = evenI + turnedI;
      re[b] = evenR - turnedR;
      im[b] = turnedI - evenI;
    }
    re[at] = z0r + z0i;
    re[at + half] = z0r - z0i;
    im[at] = im[at + half] = 0;
  }

  inverse(re: Float64Array, im: Float64Array, at: number, x: Float64Array, to: number): void {
    const { half, workRe, workIm } = this;
    const { cos, sin } = this.roots;
    workRe[0] = re[at]! + re[at + half]!;
    workIm[0] = re[at]! - re[at + half]!;
    for (let k = 1, a = at + 1, b = at + half - 1; k < half; k++, a++, b--) {
      const difR = re[a]! - re[b]!;
      const difI = im[a]! + im[b]!;
      workRe[k] = re[a]! + re[b]! - (difR * sin[k]! + difI * cos[k]!);
      workIm[k] = im[a]! - im[b]! + (difR * cos[k]! - difI * sin[k]!);
    }
    this.line.run(workIm, workRe, 0, 1);
    for (let j = 0; j < half; j++) {
      x[to + 2 * j] = workRe[j]!;
      x[to + 2 * j + 1] = workIm[j]!;
    }
  }
}

class OddRealTransform implements RealTransform {
  private readonly line: LineTransform;
  private readonly workRe: Float64Array;
  private readonly workIm: Float64Array;

  constructor(private readonly n: number) {
    this.line = lineTransform(n);
    this.workRe = new Float64Array(n);
    this.workIm = new Float64Array(n);
  }

  forward(x: Float64Array, from: number, re: Float64Array, im: Float64Array, at: number): void {
    const { n, workRe, workIm } = this;
    for (let j = 0; j < n; j++) workRe[j] = x[from + j]!;
    workIm.fill(0);
    this.line.run(workRe, workIm, 0, 1);
    for (let k = 0; 2 * k < n; k++) {
      re[at + k] = workRe[k]!;
      im[at + k] = workIm[k]!;
    }
  }

  inverse(re: Float64Array, im: Float64Array, at: number, x: Float64Array, to: number): void {
    const { n, workRe, workIm } = this;
    workRe[0] = re[at]!;
    workIm[0] = 0;
    for (let k = 1; 2 * k < n; k++) {
      workRe[k] = workRe[n - k] = re[at + k]!;
      workIm[k] = im[at + k]!;
      workIm[n - k] = -im[at + k]!;
    }
    this.line.run(workIm, workRe, 0, 1);
    for (let j = 0; j < n; j++) x[to + j] = workRe[j]!;
  }
}
