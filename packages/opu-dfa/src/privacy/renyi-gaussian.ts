// n coordinates
import { check, linalg } from '@tfsci/tensor-core';
import { checkRenyiOrder } from './orders';

const { argumentMessage, checkNumber, ShapeError } = check;
type Matrix64 = linalg.Matrix64;

/** What an n-fold rounding can leave of a pivot or eigenvalue that is 0 is below n times this fraction of its scale. */
const RANK_TOLERANCE = 16 * Number.EPSILON;
/** Entries of a covariance and of its transpose may differ by this fraction of the largest: rounding. */
const SYMMETRY = 1e-8;

/**
 * The Rényi divergence of two Gaussians, D_alpha(N(mu, S) || N(mu', S')).
 *
 *   alpha/2 (mu - mu')^T M^-1 (mu - mu') - (ln|M| - (1 - alpha) ln|S| - alpha ln|S'|) / (2 (alpha - 1)),
 *   M = alpha S' + (1 - alpha) S
 *
 * @param mean             mu, [n]
 * @param covariance       S, [n, n], symmetric and positive definite
 * @param meanPrime        mu', [n]
 * @param covariancePrime  S', [n, n]
 * @param order            alpha > 1, Infinity too
 * @returns >= 0; Infinity where M is not positive definite
 * @throws RangeError for an order <= 1, covariances that are singular or not symmetric, and what is not finite; ShapeError
 *   when sizes differ; TypeError for what are no numbers or matrices
 * @see Gil, Alajaji & Linder, 2013, "Rényi divergence measures for commonly used univariate continuous distributions"
 */
export function renyiGaussian(
  mean: ArrayLike<number>,
  covariance: Matrix64,
  meanPrime: ArrayLike<number>,
  covariancePrime: Matrix64,
  order: number,
): number {
  const where = 'opu-dfa.renyiGaussian';
  checkRenyiOrder(where, 'order', order);
  const n = checkVector(where, 'mean', mean);
  checkVector(where, 'meanPrime', meanPrime, n);
  checkCovariance(where, 'covariance', covariance, n);
  checkCovariance(where, 'covariancePrime', covariancePrime, n);
  const difference = Float64Array.from(mean, (value, i) => value - meanPrime[i]!);
  const names = ['covariance', 'covariancePrime'] as const;
  return pairDivergence(gaussianPair(where, names, difference, covariance, covariancePrime), order);
}

/**
 * Two Gaussians in coordinates in which the second has the covariance I and the first a diagonal one; divergences are the
 * same in all coordinates, and sums over single ones in these.
 */
export interface GaussianPair {
  /** Variances of the first, less 1: small and exact where the two are nearly the same. */
  excess: Float64Array;
  /** (mu - mu')^2. */
  squares: Float64Array;
}

/**
 * One decomposition for the divergences of all orders in both directions: with S' = L L^T, of L^-1 (S - S') L^-T.
 *
 * @param names       what messages call the covariances
 * @param difference  mu - mu', [n]
 * @throws RangeError when a covariance is singular
 */
export function gaussianPair(
  where: string,
  names: readonly [string, string],
  difference: Float64Array,
  covariance: Matrix64,
  covariancePrime: Matrix64,
): GaussianPair {
  const n = difference.length;
  if (positiveFactor(covariance) === undefined) throw singular(where, names[0], covariance);
  const factor = positiveFactor(covariancePrime);
  if (factor === undefined) throw singular(where, names[1], covariancePrime);
  const change = { rows: n, cols: n, data: covariance.data.map((value, i) => value - covariancePrime.data[i]!) };
  const half = linalg.solveTriangular(factor, change);
  const whitened = linalg.solveTriangular(factor, linalg.transposed(half));
  const { values, vectors } = linalg.eigenSymmetric(symmetrised(whitened));
  const mean = linalg.solveTriangular(factor, { rows: n, cols: 1, data: difference });
  const rotated = linalg.multiply(linalg.transposed(vectors), mean).data;
  return { excess: values, squares: rotated.map((value) => value ** 2) };
}

/** The same for diagonal covariances, which are given by their variances. @throws as `gaussianPair` */
export function diagonalPair(
  where: string,
  names: readonly [string, string],
  difference: Float64Array,
  variances: Float64Array,
  variancesPrime: Float64Array,
): GaussianPair {
  const n = difference.length;
  [variances, variancesPrime].forEach((of, side) => {
    const rank = of.reduce((count, variance) => count + Number(variance > 0), 0);
    if (rank < n) throw rankError(where, names[side]!, n, rank);
  });
  return {
    excess: variances.map((variance, i) => (variance - variancesPrime[i]!) / variancesPrime[i]!),
    squares: difference.map((value, i) => value ** 2 / variancesPrime[i]!),
  };
}

/** The second and the first, in coordinates in which the first has the covariance I. */
export function reversedPair({ excess, squares }: GaussianPair): GaussianPair {
  return {
    excess: excess.map((e) => -e / (1 + e)),
    squares: squares.map((square, i) => square / (1 + excess[i]!)),
  };
}

/** D_alpha(first || second); of variances 1 + e and 1 the mixed one is 1 + (1 - alpha) e. */
export function pairDivergence({ excess, squares }: GaussianPair, order: number): number {
  let sum = 0;
  for (let i = 0; i < excess.length; i++) {
    const e = excess[i]!;
    const square = squares[i]!;
    // e reaches -1 by rounding alone; then the divergence is too large to be told.
    if (!(e > -1)) return Infinity;
    if (order === Infinity) {
      if (e > 0 || (e === 0 && square > 0)) return Infinity;
      sum += e === 0 ? 0 : square / -e - Math.log1p(e);
    } else {
      const mixed = 1 + (1 - order) * e;
      if (!(mixed > 0)) return Infinity;
      sum += (order * square) / mixed - Math.log1p((1 - order) * e) / (order - 1) - Math.log1p(e);
    }
  }
  return Math.max(0, sum / 2);
}

/** The lower Cholesky factor; undefined where rounding cannot tell the matrix from a singular one. */
function positiveFactor(covariance: Matrix64): Matrix64 | undefined {
  const { rows: n, data } = covariance;
  let factor: Matrix64;
  try {
    factor = linalg.cholesky(covariance);
  } catch (error) {
    // The matrix is symmetric and finite, so it is a pivot that is not positive.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  for (let i = 0; i < n; i++) {
    if (factor.data[i * n + i]! ** 2 <= n * RANK_TOLERANCE * data[i * n + i]!) return undefined;
  }
  return factor;
}

function singular(where: string, name: string, covariance: Matrix64): RangeError {
  const { rows: n, data } = covariance;
  const scale = Float64Array.from({ length: n }, (_, i) => 1 / Math.sqrt(Math.max(data[i * n + i]!, Number.MIN_VALUE)));
  // As a correlation, so that units of the coordinates do not count.
  const scaled = data.map((value, at) => value * scale[Math.floor(at / n)]! * scale[at % n]!);
  const { values } = linalg.eigenSymmetric({ rows: n, cols: n, data: scaled });
  const least = n * RANK_TOLERANCE * values.reduce((most, value) => Math.max(most, value), 0);
  const rank = values.reduce((count, value) => count + Number(value > least), 0);
  return rankError(where, name, n, Math.min(rank, n - 1));
}

/** What a covariance of too low a rank is refused with. */
function rankError(where: string, name: string, n: number, rank: number): RangeError {
  const fix = 'Of a photonic update: increase the batch or add digital noise.';
  return new RangeError(argumentMessage(where, name, `have rank ${n}`, rank, fix));
}

function symmetrised({ rows: n, data }: Matrix64): Matrix64 {
  const result = data.map((value, at) => (value + data[(at % n) * n + Math.floor(at / n)]!) / 2);
  return { rows: n, cols: n, data: result };
}

function checkVector(where: string, name: string, vector: ArrayLike<number>, length?: number): number {
  const n = (vector as ArrayLike<number> | null | undefined)?.length;
  if (typeof vector !== 'object' || typeof n !== 'number') {
    throw new TypeError(argumentMessage(where, name, 'be an array of numbers', vector));
  }
  if (n !== (length ?? Math.max(n, 1))) {
    throw new ShapeError(argumentMessage(where, name, `have ${length ?? 'at least 1'} entries`, n));
  }
  for (let i = 0; i < n; i++) checkNumber(where, `${name}[${i}]`, vector[i]);
  return n;
}

function checkCovariance(where: string, name: string, covariance: Matrix64, n: number): void {
  const { rows, cols, data } = (covariance ?? {}) as Partial<Matrix64>;
  if (!(data instanceof Float64Array)) {
    const fix = 'Make one with linalg.matrix(rows, cols, values).';
    throw new TypeError(argumentMessage(where, name, 'be a Matrix64', covariance, fix));
  }
  if (rows !== n || cols !== n || data.length !== n * n) {
    throw new ShapeError(argumentMessage(where, name, `have the shape [${n}, ${n}]`, [rows, cols]));
  }
  const broken = data.findIndex((value) => !Number.isFinite(value));
  if (broken >= 0) {
    const entry = `${name}[${Math.floor(broken / n)}, ${broken % n}]`;
    throw new RangeError(argumentMessage(where, entry, 'be finite', data[broken]));
  }
  const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const pair = [data[i * n + j]!, data[j * n + i]!];
      if (Math.abs(pair[0]! - pair[1]!) <= SYMMETRY * largest) continue;
      throw new RangeError(argumentMessage(where, name, `be symmetric at [${i}, ${j}]`, pair));
    }
  }
}
