import { EVD, LU, Matrix, QR, SVD } from 'ml-matrix';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkMatrix, checkSquare, checkSymmetric, type Matrix64, transposed } from './matrix';

/** A = V diag(values) V^T. */
export interface SymmetricEigen {
  /** Eigenvalues, ascending. */
  values: Float64Array;
  /** Orthonormal eigenvectors, in the columns. */
  vectors: Matrix64;
}

/** A = U diag(values) V^T with r = min(rows, cols) singular values. */
export interface SingularValues {
  /** [rows, r], orthonormal columns. */
  u: Matrix64;
  /** Singular values, descending, >= 0. */
  values: Float64Array;
  /** [cols, r], orthonormal columns. */
  v: Matrix64;
}

/** log |det A| and its sign: det A = sign exp(logAbs). */
export interface LogDeterminant {
  /** 1, -1, or 0 for a singular matrix. */
  sign: -1 | 0 | 1;
  /** -Infinity for a singular matrix. */
  logAbs: number;
}

/**
 * The solution X of A X = B by LU with partial pivoting.
 *
 * @throws RangeError when A is singular, ShapeError when it is not square or B has not as many rows; TypeError,
 *   RangeError for a broken matrix
 */
export function solve(a: Matrix64, b: Matrix64): Matrix64 {
  const where = 'tensor-core.solve';
  checkSquare(where, 'a', a);
  checkMatrix(where, 'b', b);
  if (b.rows !== a.rows) {
    throw new ShapeError(argumentMessage(where, 'b', `have ${a.rows} rows as a`, [b.rows, b.cols]));
  }
  const lu = new LU(toMl(a));
  if (lu.isSingular()) {
    const fix = 'Take pseudoInverse(a) for a solution of least squares.';
    throw new RangeError(argumentMessage(where, 'a', 'be invertible', 'a singular matrix', fix));
  }
  return fromMl(lu.solve(toMl(b)));
}

/** Sign and logarithm of the determinant, without overflow. @throws as `solve`, but not for singular matrices */
export function logDet(a: Matrix64): LogDeterminant {
  checkSquare('tensor-core.logDet', 'a', a);
  const lu = new LU(toMl(a));
  const permutation = [...lu.pivotPermutationVector];
  let negative = false;
  // Every exchange that sorts the permutation changes the sign once.
  permutation.forEach((_, i) => {
    while (permutation[i] !== i) {
      const target = permutation[i]!;
      [permutation[i], permutation[target]] = [permutation[target]!, target];
      negative = !negative;
    }
  });
  let logAbs = 0;
  for (const pivot of lu.upperTriangularMatrix.diagonal()) {
    if (pivot === 0) return { sign: 0, logAbs: -Infinity };
    if (pivot < 0) negative = !negative;
    logAbs += Math.log(Math.abs(pivot));
  }
  return { sign: negative ? -1 : 1, logAbs };
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix.
 *
 * @throws RangeError when A is not symmetric; TypeError, ShapeError, RangeError for a broken matrix
 */
export function eigenSymmetric(a: Matrix64): SymmetricEigen {
  checkSymmetric('tensor-core.eigenSymmetric', 'a', a);
  const evd = new EVD(toMl(a), { assumeSymmetric: true });
  return { values: Float64Array.from(evd.realEigenvalues), vectors: fromMl(evd.eigenvectorMatrix) };
}

/** The thin singular value decomposition. @throws TypeError, ShapeError, RangeError for a broken matrix */
export function svd(a: Matrix64): SingularValues {
  checkMatrix('tensor-core.svd', 'a', a);
  const r = Math.min(a.rows, a.cols);
  const found = new SVD(toMl(a), { autoTranspose: true });
  const thin = (vectors: Matrix): Matrix64 => fromMl(vectors.subMatrix(0, vectors.rows - 1, 0, r - 1));
  return {
    u: thin(found.leftSingularVectors),
    values: Float64Array.from(found.diagonal.slice(0, r)),
    v: thin(found.rightSingularVectors),
  };
}

/**
 * The thin QR decomposition of a matrix with rows >= cols: A = Q R, Q [rows, cols] with orthonormal columns,
 * R [cols, cols] upper triangular. The signs of R's diagonal are not fixed.
 *
 * @throws ShapeError when there are more columns than rows; TypeError, ShapeError, RangeError for a broken matrix
 */
export function qr(a: Matrix64): { q: Matrix64; r: Matrix64 } {
  const where = 'tensor-core.qr';
  checkMatrix(where, 'a', a);
  if (a.rows < a.cols) {
    throw new ShapeError(argumentMessage(where, 'a', 'have at least as many rows as columns', [a.rows, a.cols]));
  }
  const found = new QR(toMl(a));
  return { q: fromMl(found.orthogonalMatrix), r: fromMl(found.upperTriangularMatrix) };
}

/**
 * The Moore-Penrose pseudo-inverse, V diag(1 / s_i) U^T over the singular values s_i > tolerance * s_max.
 *
 * @param tolerance  default max(rows, cols) 2^-52
 * @throws TypeError, ShapeError, RangeError for a broken matrix or tolerance
 */
export function pseudoInverse(a: Matrix64, tolerance = Math.max(a.rows, a.cols) * Number.EPSILON): Matrix64 {
  const where = 'tensor-core.pseudoInverse';
  checkMatrix(where, 'a', a);
  checkNumber(where, 'tolerance', tolerance, { min: 0, below: 1 });
  const { u, values, v } = svd(a);
  const result = new Float64Array(a.rows * a.cols);
  values.forEach((value, k) => {
    if (value <= tolerance * values[0]!) return;
    for (let i = 0; i < a.cols; i++) {
      const factor = v.data[i * v.cols + k]! / value;
      for (let j = 0; j < a.rows; j++) result[i * a.rows + j]! += factor * u.data[j * u.cols + k]!;
    }
  });
  return { rows: a.cols, cols: a.rows, data: result };
}

/** V diag(f(values)) V^T: a function of a symmetric matrix, such as its square root. @throws as `eigenSymmetric` */
export function symmetricFunction(a: Matrix64, f: (eigenvalue: number) => number): Matrix64 {
  const { values, vectors } = eigenSymmetric(a);
  const n = a.rows;
  const scale = values.map(f);
  const vectorsT = transposed(vectors);
  const result = new Float64Array(n * n);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      const factor = scale[k]! * vectorsT.data[k * n + i]!;
      for (let j = 0; j < n; j++) result[i * n + j]! += factor * vectorsT.data[k * n + j]!;
    }
  }
  return { rows: n, cols: n, data: result };
}

function toMl({ rows, cols, data }: Matrix64): Matrix {
  const result = new Matrix(rows, cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) result.set(i, j, data[i * cols + j]!);
  return result;
}

function fromMl(source: Matrix): Matrix64 {
  const { rows, columns: cols } = source;
  const data = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) data[i * cols + j] = source.get(i, j);
  return { rows, cols, data };
}
