import { argumentMessage, checkNumber, ShapeError } from '../check';

/** A dense float64 matrix on the host, row-major: entry (i, j) is `data[i * cols + j]`. */
export interface Matrix64 {
  rows: number;
  cols: number;
  data: Float64Array;
}

/**
 * A matrix of given size.
 *
 * @param values  row-major entries, copied; zeros by default
 * @throws RangeError when a length is not a positive integer or a value is not finite, ShapeError when the number of
 *   values is not rows * cols
 */
export function matrix(rows: number, cols: number, values?: ArrayLike<number>): Matrix64 {
  const where = 'tensor-core.matrix';
  checkNumber(where, 'rows', rows, { min: 1, integer: true });
  checkNumber(where, 'cols', cols, { min: 1, integer: true });
  if (values === undefined) return { rows, cols, data: new Float64Array(rows * cols) };
  if (values.length !== rows * cols) {
    throw new ShapeError(argumentMessage(where, 'values', `have ${rows * cols} entries`, values.length));
  }
  return checkMatrix(where, 'values', { rows, cols, data: Float64Array.from(values) });
}

/**
 * A matrix of rows of equal length.
 *
 * @throws ShapeError when there is no row or a row has another length than the first, RangeError when a value is not finite
 */
export function matrixFromRows(rows: readonly ArrayLike<number>[]): Matrix64 {
  const where = 'tensor-core.matrixFromRows';
  const cols = rows[0]?.length ?? 0;
  if (cols === 0) throw new ShapeError(argumentMessage(where, 'rows', 'hold at least one number', rows.length));
  const data = new Float64Array(rows.length * cols);
  rows.forEach((row, i) => {
    if (row.length !== cols) {
      throw new ShapeError(argumentMessage(where, `rows[${i}]`, `have ${cols} entries as the first`, row.length));
    }
    data.set(row, i * cols);
  });
  return checkMatrix(where, 'rows', { rows: rows.length, cols, data });
}

/** The identity, n x n. @throws RangeError when n is not a positive integer */
export function identityMatrix(n: number): Matrix64 {
  const identity = matrix(n, n);
  for (let i = 0; i < n; i++) identity.data[i * n + i] = 1;
  return identity;
}

/** The transpose. @throws TypeError, ShapeError, RangeError for a broken matrix */
export function transposed(a: Matrix64): Matrix64 {
  const { rows, cols, data } = checkMatrix('tensor-core.transposed', 'a', a);
  const result = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) result[j * rows + i] = data[i * cols + j]!;
  return { rows: cols, cols: rows, data: result };
}

/**
 * The product A B.
 *
 * @throws TypeError, ShapeError, RangeError for a broken matrix or when A has not as many columns as B has rows
 */
export function multiply(a: Matrix64, b: Matrix64): Matrix64 {
  const where = 'tensor-core.multiply';
  checkMatrix(where, 'a', a);
  checkMatrix(where, 'b', b);
  if (a.cols !== b.rows) {
    throw new ShapeError(
      argumentMessage(where, 'b', `have ${a.cols} rows, as many as a has columns`, [b.rows, b.cols]),
    );
  }
  const result = new Float64Array(a.rows * b.cols);
  for (let i = 0; i < a.rows; i++) {
    for (let k = 0; k < a.cols; k++) {
      const factor = a.data[i * a.cols + k]!;
      for (let j = 0; j < b.cols; j++) result[i * b.cols + j]! += factor * b.data[k * b.cols + j]!;
    }
  }
  return { rows: a.rows, cols: b.cols, data: result };
}

/** Row i as a view of the matrix's memory. */
export function rowOf({ cols, data }: Matrix64, i: number): Float64Array {
  return data.subarray(i * cols, (i + 1) * cols);
}

/** Column j as a copy. */
export function columnOf({ rows, cols, data }: Matrix64, j: number): Float64Array {
  return Float64Array.from({ length: rows }, (_, i) => data[i * cols + j]!);
}

/**
 * Returns `value` if it is a matrix of finite numbers.
 *
 * @throws TypeError when it is none, ShapeError when its lengths disagree, RangeError when an entry is not finite
 */
export function checkMatrix(where: string, name: string, value: Matrix64): Matrix64 {
  const { rows, cols, data } = (value ?? {}) as Partial<Matrix64>;
  if (!(data instanceof Float64Array)) {
    const fix = 'Make one with matrix(rows, cols, values).';
    throw new TypeError(argumentMessage(where, name, 'be a Matrix64', value, fix));
  }
  if (!(Number.isInteger(rows) && rows! > 0 && Number.isInteger(cols) && cols! > 0 && rows! * cols! === data.length)) {
    const shape = `[${rows}, ${cols}] with ${data.length} entries`;
    throw new ShapeError(argumentMessage(where, name, 'have rows * cols > 0 entries', shape));
  }
  // Loops, as calls for each entry take as long as a factorisation's arithmetic.
  let broken = 0;
  while (broken < data.length && Number.isFinite(data[broken])) broken++;
  if (broken < data.length) {
    const at = `${name}[${Math.floor(broken / cols!)}, ${broken % cols!}]`;
    throw new RangeError(argumentMessage(where, at, 'be finite', data[broken]));
  }
  return value;
}

/** Returns `value` if it is a square matrix. @throws as `checkMatrix`, and ShapeError when it is not square */
export function checkSquare(where: string, name: string, value: Matrix64): Matrix64 {
  checkMatrix(where, name, value);
  if (value.rows !== value.cols) {
    throw new ShapeError(argumentMessage(where, name, 'be square', [value.rows, value.cols]));
  }
  return value;
}

/** Entries above and below the diagonal may differ by this fraction of the largest entry: rounding, not another matrix. */
const SYMMETRY = 1e-8;

/** Returns `value` if it is symmetric up to rounding. @throws as `checkSquare`, and RangeError when it is not symmetric */
export function checkSymmetric(where: string, name: string, value: Matrix64): Matrix64 {
  const { rows: n, data } = checkSquare(where, name, value);
  let largest = 0;
  for (let i = 0; i < data.length; i++) largest = Math.max(largest, Math.abs(data[i]!));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const difference = Math.abs(data[i * n + j]! - data[j * n + i]!);
      if (difference <= SYMMETRY * largest) continue;
      const fix = 'Take (A + A^T) / 2.';
      const pair = [data[i * n + j], data[j * n + i]];
      throw new RangeError(argumentMessage(where, name, `be symmetric at [${i}, ${j}]`, pair, fix));
    }
  }
  return value;
}
