import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkMatrix, checkSquare, checkSymmetric, type Matrix64 } from './matrix';

/** How a matrix is factorised. */
export interface CholeskyOptions {
  /** Added to every diagonal entry before the factorisation, >= 0, default 0. */
  jitter?: number;
}

/** Which triangular system is solved. */
export interface TriangularOptions {
  /** Whether T is lower or upper triangular, default 'lower'; the other triangle is not read. */
  triangle?: 'lower' | 'upper';
  /** Whether T^T X = B is solved instead of T X = B, default false. */
  transpose?: boolean;
}

/**
 * The Cholesky factor: the lower triangular L with positive diagonal and L L^T = A + jitter I.
 *
 * @throws RangeError when A is not symmetric, or not positive definite in float64: the message names the pivot;
 *   TypeError, ShapeError, RangeError for a broken matrix or jitter
 */
export function cholesky(a: Matrix64, { jitter = 0 }: CholeskyOptions = {}): Matrix64 {
  const where = 'tensor-core.cholesky';
  const { rows: n, data } = checkSymmetric(where, 'a', a);
  checkNumber(where, 'jitter', jitter, { min: 0 });
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let rest = data[i * n + j]! + (i === j ? jitter : 0);
      for (let k = 0; k < j; k++) rest -= factor[i * n + k]! * factor[j * n + k]!;
      if (i > j) {
        factor[i * n + j] = rest / factor[j * n + j]!;
      } else if (rest > 0) {
        factor[i * n + i] = Math.sqrt(rest);
      } else {
        const fix = 'Add a jitter, or drop what depends linearly on the rest.';
        throw new RangeError(argumentMessage(where, `pivot ${i} of a`, 'be > 0 (positive definite)', rest, fix));
      }
    }
  }
  return { rows: n, cols: n, data: factor };
}

/**
 * The solution X of T X = B (or T^T X = B) for a triangular T, by substitution.
 *
 * @throws RangeError when a diagonal entry is 0, ShapeError when B has not as many rows as T; as `matrix` otherwise
 */
export function solveTriangular(
  t: Matrix64,
  b: Matrix64,
  { triangle = 'lower', transpose = false }: TriangularOptions = {},
): Matrix64 {
  const where = 'tensor-core.solveTriangular';
  const { rows: n, data } = checkSquare(where, 't', t);
  checkMatrix(where, 'b', b);
  if (b.rows !== n) throw new ShapeError(argumentMessage(where, 'b', `have ${n} rows as t`, [b.rows, b.cols]));
  const x = b.data.slice();
  const m = b.cols;
  const forward = (triangle === 'lower') !== transpose;
  for (let step = 0; step < n; step++) {
    const i = forward ? step : n - 1 - step;
    const diagonal = data[i * n + i]!;
    if (diagonal === 0) throw new RangeError(argumentMessage(where, `t[${i}, ${i}]`, 'be other than 0', diagonal));
    const [from, to] = forward ? [0, i] : [i + 1, n];
    for (let k = from; k < to; k++) {
      const entry = transpose ? data[k * n + i]! : data[i * n + k]!;
      for (let j = 0; j < m; j++) x[i * m + j]! -= entry * x[k * m + j]!;
    }
    for (let j = 0; j < m; j++) x[i * m + j]! /= diagonal;
  }
  return { rows: n, cols: m, data: x };
}

/**
 * The solution X of A X = B, given the Cholesky factor L of A.
 *
 * @throws as `solveTriangular`
 */
export function choleskySolve(factor: Matrix64, b: Matrix64): Matrix64 {
  return solveTriangular(factor, solveTriangular(factor, b), { transpose: true });
}

/** log det A = 2 sum_i log L_ii, given the Cholesky factor L of A. @throws as `matrix`, and RangeError for a diagonal <= 0 */
export function choleskyLogDet(factor: Matrix64): number {
  const where = 'tensor-core.choleskyLogDet';
  const { rows: n, data } = checkSquare(where, 'factor', factor);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const diagonal = checkNumber(where, `factor[${i}, ${i}]`, data[i * n + i], { above: 0 });
    sum += Math.log(diagonal);
  }
  return 2 * sum;
}
