// k index of a grid of losses k dx, theta tilt, n length of the window, T number of uses, u rounding of float64
import { spectral } from '@tfsci/tensor-core';
import type { LossGrid } from './loss-grid';

/** u. */
const ROUNDING = 2 ** -53;
/** Masses, their tilts and sums have relative errors below the first; the scale of a composition below the second. */
const MASS_ERROR = 1e-12;
const SCALE_ERROR = 1e-9;

/** Equal and independent uses, on a grid. */
export interface GridTerm {
  grid: LossGrid;
  steps: number;
}

/** The window of a composition: losses (first + j) dx, j = 0 .. length - 1. */
export interface LossWindow {
  dx: number;
  first: number;
  /** n, a power of two. */
  length: number;
}

/**
 * Upper bounds of delta(epsilon) = P(l = Infinity) + sum of P(l) (1 - e^(epsilon - l)) over l > epsilon, for the sum l of
 * independent losses.
 *
 * Tilted masses e^(theta l - K(theta)) P(l) are transformed, raised to the numbers of uses, multiplied and transformed back;
 * near epsilon, where theta moves their mean, they are large, so errors are small beside delta itself. What could make the
 * result too small is added to it:
 *
 *   above the window  P(l >= end) <= e^(K(theta2) - theta2 end), Chernoff's bound
 *   rounding          a transform errs by at most c = 16 u (log2 n + 2) in each coefficient X of masses of sum 1, as each is
 *                     a sum of products along log2 n + 2 passes; so each mass by at most the mean over coefficients of
 *                     A (sum of T (c / (|X| + c) + 4 u) + c), A = product of (|X| + c)^T
 *
 * What wraps around from below only adds. Bounds hold for every theta and theta2 >= 0, and are sharp near their means.
 *
 * @see Koskela, Jaelkoe & Honkela, 2020, arXiv:1906.03049, for the transform; Higham, 2002, section 24.1, for its error
 */
export class LossComposition {
  /** P(l = Infinity), and what lies above the window. */
  private readonly beyond: number;
  /** Upper bounds of tilted masses, j-th at index (first + j) mod n. */
  private readonly masses: Float64Array;
  /** ln of the factor e^(K(theta) - theta l) at l = 0. */
  private readonly logScale: number;

  /**
   * @param theta     >= 0, tilt
   * @param tailTilt  theta2 > 0
   */
  constructor(
    terms: readonly GridTerm[],
    readonly window: LossWindow,
    private readonly theta: number,
    tailTilt: number,
  ) {
    const { dx, first, length } = window;
    let [steps, infinite, tail, scale] = [0, 0, 0, 0];
    const product = new TransformProduct(length);
    for (const term of terms) {
      const tilted = tiltedMasses(term.grid, theta * dx);
      product.multiply(tilted.mass, term.grid.first, term.steps);
      scale += term.steps * tilted.log;
      tail += term.steps * tiltedMasses(term.grid, tailTilt * dx).log;
      infinite += term.steps * term.grid.infinite;
      steps += term.steps;
    }
    const margin = steps * MASS_ERROR + SCALE_ERROR;
    this.logScale = scale + margin;
    this.beyond = infinite + Math.exp(tail - tailTilt * (first + length) * dx + margin);
    this.masses = product.masses();
  }

  /** An upper bound of delta, at most 1. */
  delta(epsilon: number): number {
    let inside = 0;
    this.walk((l, at, slope) => {
      if (l > epsilon) inside = at + slope * chord(l - epsilon);
      return l - this.window.dx <= epsilon;
    });
    return Math.min(1, this.beyond + inside);
  }

  /** The least epsilon >= 0 of the window at which the bound is not above delta; Infinity where there is none. */
  epsilon(delta: number): number {
    const { dx, first } = this.window;
    const target = delta - this.beyond;
    if (target < 0) return Infinity;
    let epsilon = first * dx;
    this.walk((l, at, slope) => {
      const crossed = at + slope * chord(dx) > target;
      if (crossed) epsilon = l + Math.log1p(-(target - at) / slope);
      return crossed || l <= 0;
    });
    return Math.max(0, epsilon);
  }

  /**
   * Goes down the points l of the window until `visit` returns true, with the sum of P(l') (1 - e^(l - l')) and that of
   * P(l') e^(l - l') over l' >= l: on the way to the next point delta(epsilon) = at + slope (1 - e^(epsilon - l)).
   */
  private walk(visit: (l: number, at: number, slope: number) => boolean): void {
    const { masses, logScale, theta } = this;
    const { dx, first, length } = this.window;
    let [at, slope] = [0, 0];
    for (let j = length - 1; j >= 0; j--) {
      const l = (first + j) * dx;
      slope += masses[modulo(first + j, length)]! * Math.exp(logScale - theta * l);
      if (visit(l, at, slope)) return;
      at += slope * chord(dx);
      slope *= Math.exp(-dx);
    }
  }
}

/** Products of powers of transforms, and a bound of their errors. */
class TransformProduct {
  private readonly re: Float64Array;
  private readonly im: Float64Array;
  /** ln A. */
  private readonly logBound: Float64Array;
  /** Sum of T (c / (|X| + c) + 4 u). */
  private readonly errors: Float64Array;
  /** c */
  private readonly coefficientError: number;
  private readonly plan: spectral.FftPlan;
  private readonly line: Float64Array;
  private readonly lineRe: Float64Array;
  private readonly lineIm: Float64Array;

  constructor(private readonly length: number) {
    const half = length / 2 + 1;
    this.re = new Float64Array(half).fill(1);
    this.im = new Float64Array(half);
    this.logBound = new Float64Array(half);
    this.errors = new Float64Array(half);
    this.coefficientError = 16 * ROUNDING * (Math.log2(length) + 2);
    this.plan = spectral.fftPlan(length);
    this.line = new Float64Array(length);
    this.lineRe = new Float64Array(half);
    this.lineIm = new Float64Array(half);
  }

  /** Multiplies by the transform of masses of sum 1, which are at k = first + i, to the power `steps`. */
  multiply(masses: Float64Array, first: number, steps: number): void {
    const { re, im, logBound, errors, line, lineRe, lineIm, coefficientError, length } = this;
    line.fill(0);
    masses.forEach((mass, i) => (line[modulo(first + i, length)]! += mass));
    this.plan.forwardReal(line, lineRe, lineIm);
    for (let k = 0; k < re.length; k++) {
      let [squareRe, squareIm] = [lineRe[k]!, lineIm[k]!];
      const bound = Math.sqrt(squareRe ** 2 + squareIm ** 2) + coefficientError;
      logBound[k]! += steps * Math.log(bound);
      errors[k]! += steps * (coefficientError / bound + 4 * ROUNDING);
      let [powerRe, powerIm] = [re[k]!, im[k]!];
      for (let rest = steps; rest > 0; rest = Math.floor(rest / 2)) {
        if (rest % 2 === 1) {
          const turned = powerRe * squareIm + powerIm * squareRe;
          powerRe = powerRe * squareRe - powerIm * squareIm;
          powerIm = turned;
        }
        const doubled = 2 * squareRe * squareIm;
        squareRe = (squareRe - squareIm) * (squareRe + squareIm);
        squareIm = doubled;
      }
      re[k] = powerRe;
      im[k] = powerIm;
    }
  }

  /** Upper bounds of the masses whose transform the product is. */
  masses(): Float64Array {
    const { re, im, logBound, errors, line, coefficientError, length } = this;
    let error = 0;
    for (let k = 0; k < re.length; k++) {
      // Coefficients 1 .. n / 2 - 1 stand for their conjugates too.
      const count = k === 0 || k === re.length - 1 ? 1 : 2;
      error += count * Math.exp(logBound[k]!) * (errors[k]! + coefficientError);
    }
    error /= length;
    this.plan.inverseReal(re, im, line);
    for (let i = 0; i < length; i++) line[i] = Math.max(0, line[i]!) + error;
    return line;
  }
}

/** Masses e^(tilt k - log) P(k), of sum 1; `log` is K(tilt). */
function tiltedMasses({ first, mass }: LossGrid, tilt: number): { mass: Float64Array; log: number } {
  const logs = mass.map((m, i) => Math.log(m) + tilt * (first + i));
  const top = logs.reduce((most, log) => Math.max(most, log), -Infinity);
  const tilted = logs.map((log) => Math.exp(log - top));
  const total = tilted.reduce((sum, m) => sum + m, 0);
  return { mass: tilted.map((m) => m / total), log: top + Math.log(total) };
}

/** 1 - e^-x. */
function chord(x: number): number {
  return -Math.expm1(-x);
}

function modulo(k: number, n: number): number {
  const rest = k % n;
  return rest < 0 ? rest + n : rest;
}
