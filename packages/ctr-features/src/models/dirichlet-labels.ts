import { check } from '@tfsci/tensor-core';
import type { OutputRows } from './weight-posterior';

const { argumentMessage, checkNumber } = check;

/** Options of `dirichletLabels`. */
export interface DirichletLabelsOptions {
  /** C >= 2; default the largest label plus one. */
  classes?: number;
  /** Pseudo-count of every class, > 0; default 0.01. The smaller, the more a label is believed. */
  alpha?: number;
}

/** Labels as targets of Gaussian process regression. */
export interface DirichletTargets {
  /** Logarithms of concentrations less `mean`, [n, C]. */
  targets: OutputRows;
  /** Variances of their noise, [n, C]. */
  noiseVariance: OutputRows;
  /** What was taken from the targets of each class: the logarithm of its frequency up to a constant, [C]. */
  mean: Float64Array;
  /** Sample variance of all targets: the scale that the kernel should have. */
  variance: number;
}

/** The same for all rows: the numbers depend only on whether a row is of the class. */
export interface DirichletMoments {
  /** Target before `mean` is taken off, of rows that are not of the class and of those that are. */
  target: [number, number];
  /** Variance of the noise, likewise. */
  noise: [number, number];
  mean: Float64Array;
  variance: number;
}

/**
 * Labels as targets of regression: the gamma variables whose ratios are Dirichlet, taken as log-normal.
 *
 *   v = log(1 + 1 / (Y + alpha)),  m = log(Y + alpha) - v / 2,  targets = m - mean,
 *   mean = log(p) + average(m - log p),  p_c the share of class c, Y one-hot
 *
 * @param labels  [n], integers 0 .. C - 1; every class occurs
 * @throws RangeError for what is no class, a class that does not occur, or options outside their ranges
 * @see Milios, Camoriano, Michiardi, Rosasco & Filippone, 2018, "Dirichlet-based Gaussian Processes for Large-scale
 *   Calibrated Classification", eq. (5-6), arXiv:1805.10915
 */
export function dirichletLabels(
  labels: ArrayLike<number>,
  { classes, alpha = 0.01 }: DirichletLabelsOptions = {},
): DirichletTargets {
  const where = 'ctr-features.dirichletLabels';
  checkNumber(where, 'the number of labels', labels.length, { min: 1 });
  checkNumber(where, 'alpha', alpha, { above: 0 });
  const list = Float64Array.from(labels);
  list.forEach((label, i) => checkNumber(where, `labels[${i}]`, label, { min: 0, integer: true }));
  const C = checkNumber(where, 'classes', classes ?? list.reduce((a, b) => Math.max(a, b)) + 1, {
    min: 2,
    integer: true,
  });
  const counts = new Float64Array(C);
  list.forEach((label, i) => {
    checkNumber(where, `labels[${i}]`, label, { max: C - 1 });
    counts[label]!++;
  });
  const { target, noise, mean, variance } = dirichletMoments(where, counts, alpha);
  const rows = (of: (hit: 0 | 1, c: number) => number): OutputRows => ({
    data: Float64Array.from({ length: list.length * C }, (_, i) =>
      of(list[Math.floor(i / C)] === i % C ? 1 : 0, i % C),
    ),
    shape: [list.length, C],
  });
  return {
    targets: rows((hit, c) => target[hit] - mean[c]!),
    noiseVariance: rows((hit) => noise[hit]),
    mean,
    variance,
  };
}

/** What targets and noise are, given how often each class occurs. @throws RangeError for a class that does not */
export function dirichletMoments(where: string, counts: Float64Array, alpha: number): DirichletMoments {
  const C = counts.length;
  const n = counts.reduce((sum, count) => sum + count, 0);
  const missing = counts.indexOf(0);
  if (missing >= 0) {
    const fix = 'Leave out classes without rows.';
    throw new RangeError(argumentMessage(where, `class ${missing}`, 'have at least one row', 0, fix));
  }
  const noise = [0, 1].map((y) => Math.log1p(1 / (y + alpha))) as [number, number];
  const target = [0, 1].map((y) => Math.log(y + alpha) - noise[y]! / 2) as [number, number];
  const logShares = counts.map((count) => Math.log(count / n));
  const shift = (target[1] + (C - 1) * target[0] - logShares.reduce((sum, value) => sum + value, 0)) / C;
  const mean = logShares.map((value) => value + shift);
  let squares = 0;
  counts.forEach((count, c) => {
    squares += count * (target[1] - mean[c]!) ** 2 + (n - count) * (target[0] - mean[c]!) ** 2;
  });
  // The targets add up to 0: the mean is made so.
  return { target, noise, mean, variance: squares / (n * C - 1) };
}
