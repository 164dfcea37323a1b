import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkMatrix, checkSquare, checkSymmetric, type Matrix64 } from './matrix';

/** Columns that are factorised before their products are taken from the rest: then memory is read far less often. */
const PANEL = 32;

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
    for (let j = 0; j <= i; j++) factor[i * n + j] = data[i * n + j]!;
    factor[i * n + i]! += jitter;
  }
  for (let first = 0; first < n; first += PANEL) {
    const width = Math.min(PANEL, n - first);
    const panel = factorPanel(where, factor, n, first, width);
    subtractPanel(factor, n, first, panel, width);
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
    // T_ik lies at row + k * column.
    const row = transpose ? i : i * n;
    const column = transpose ? n : 1;
    let k = from;
    // Four rows at once, so that row i is read and written less often.
    for (; k + 4 <= to; k += 4) {
      const e0 = data[row + k * column]!;
      const e1 = data[row + (k + 1) * column]!;
      const e2 = data[row + (k + 2) * column]!;
      const e3 = data[row + (k + 3) * column]!;
      for (let j = 0, at = k * m; j < m; j++, at++) {
        x[i * m + j]! -= e0 * x[at]! + e1 * x[at + m]! + (e2 * x[at + 2 * m]! + e3 * x[at + 3 * m]!);
      }
    }
    for (; k < to; k++) {
      const e = data[row + k * column]!;
      for (let j = 0; j < m; j++) x[i * m + j]! -= e * x[k * m + j]!;
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

/**
 * Factorises columns first .. first + width - 1, from which all columns before are subtracted already.
 *
 * @returns them from row `first` on, row after row without gaps
 */
function factorPanel(where: string, factor: Float64Array, n: number, first: number, width: number): Float64Array {
  const panel = new Float64Array((n - first) * width);
  for (let i = first; i < n; i++) {
    const row = (i - first) * width;
    const last = Math.min(i - first, width - 1);
    for (let j = 0; j <= last; j++) {
      let rest = factor[i * n + first + j]!;
      for (let k = 0; k < j; k++) rest -= panel[row + k]! * panel[j * width + k]!;
      if (i > first + j) {
        rest /= panel[j * width + j]!;
      } else if (rest > 0) {
        rest = Math.sqrt(rest);
      } else {
        const fix = 'Add a jitter, or drop what depends linearly on the rest.';
        throw new RangeError(argumentMessage(where, `pivot ${i} of a`, 'be > 0 (positive definite)', rest, fix));
      }
      panel[row + j] = factor[i * n + first + j] = rest;
    }
  }
  return panel;
}

/** Takes the products of the panel's rows from what is to the right of it: four rows by two columns at once. */
function subtractPanel(factor: Float64Array, n: number, first: number, panel: Float64Array, width: number): void {
  const start = first + width;
  let i = start;
  for (; i + 4 <= n; i += 4) {
    const p0 = (i - first) * width;
    const p1 = p0 + width;
    const p2 = p1 + width;
    const p3 = p2 + width;
    let j = start;
    for (; j + 2 <= i; j += 2) {
      const q0 = (j - first) * width;
      const q1 = q0 + width;
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let k = 0; k < width; k++) {
        const x = panel[q0 + k]!;
        const y = panel[q1 + k]!;
        const r0 = panel[p0 + k]!;
        const r1 = panel[p1 + k]!;
        const r2 = panel[p2 + k]!;
        const r3 = panel[p3 + k]!;
        a0 += r0 * x;
        a1 += r1 * x;
        a2 += r2 * x;
        a3 += r3 * x;
        b0 += r0 * y;
        b1 += r1 * y;
        b2 += r2 * y;
        b3 += r3 * y;
      }
      const at = i * n + j;
      factor[at]! -= a0;
      factor[at + 1]! -= b0;
      factor[at + n]! -= a1;
      factor[at + n + 1]! -= b1;
      factor[at + 2 * n]! -= a2;
      factor[at + 2 * n + 1]! -= b2;
      factor[at + 3 * n]! -= a3;
      factor[at + 3 * n + 1]! -= b3;
    }
    for (let row = i; row < i + 4; row++) subtractRow(factor, n, first, panel, width, row, j);
  }
  for (; i < n; i++) subtractRow(factor, n, first, panel, width, i, start);
}

/** The same for one row, from column `from` to the diagonal. */
function subtractRow(
  factor: Float64Array,
  n: number,
  first: number,
  panel: Float64Array,
  width: number,
  row: number,
  from: number,
): void {
  for (let j = from; j <= row; j++) {
    let sum = 0;
    for (let k = 0; k < width; k++) sum += panel[(row - first) * width + k]! * panel[(j - first) * width + k]!;
    factor[row * n + j]! -= sum;
  }
}
