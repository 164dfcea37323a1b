// N, M points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { PolynomialKernel } from '../sketches/polynomial-kernel';
import { isSparse, readRows, type RowReader, type Rows } from '../rows';
import type { PairMoments } from './variance';

const { argumentMessage } = check;

/** s, S and N of all pairs of rows, float64: what the variances of estimates depend on. */
export interface PairTable {
  /** n */
  rows: number;
  /** m */
  cols: number;
  /** [n, m], gamma x.y + coef0 */
  s: Float64Array;
  /** [n, m], gamma^2 sum_i x_i^2 y_i^2 + coef0^2 */
  squares: Float64Array;
  /** [n], gamma |x|^2 + coef0 */
  xNorms: Float64Array;
  /** [m] */
  yNorms: Float64Array;
}

/** What pairs of rows are compared by, and who asks. */
export interface PairSource {
  /** The function that the user called. */
  where: string;
  /** d */
  columns: number;
  kernel: PolynomialKernel;
}

/**
 * The moments of all pairs of rows of x and y, the bias and gamma included.
 *
 * In float64, of the float32 numbers that a feature map is given. O(n m d), with sparse y O(n (d + non-zeros of y)).
 *
 * @param y_MD  default x: then half of the work
 * @throws TypeError, ShapeError, RangeError for broken rows
 */
export function pairMoments(
  x_ND: Rows | tf.Tensor2D,
  y_MD: Rows | tf.Tensor2D = x_ND,
  { where, columns, kernel: { gamma, coef0 } }: PairSource,
): PairTable {
  const symmetric = y_MD === x_ND;
  const left = readRows(x_ND, { where, columns });
  const right = symmetric ? left : readRows(y_MD, { where, columns, name: 'y' });
  const compare = isSparse(y_MD) ? compareSparse(right) : compareDense(right);
  const [rows, cols] = [left.count, right.count];
  const s = new Float64Array(rows * cols);
  const squares = new Float64Array(rows * cols);
  const row = new RowBuffer(left);
  const norm = (values: Float64Array): number => gamma * values.reduce((sum, value) => sum + value * value, 0) + coef0;
  const xNorms = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const x = row.read(i);
    xNorms[i] = norm(x);
    compare(x, { s, squares, at: i * cols, first: symmetric ? i : 0 });
    for (let j = symmetric ? i : 0; j < cols; j++) {
      s[i * cols + j] = gamma * s[i * cols + j]! + coef0;
      squares[i * cols + j] = gamma * gamma * squares[i * cols + j]! + coef0 * coef0;
      if (!symmetric) continue;
      s[j * cols + i] = s[i * cols + j]!;
      squares[j * cols + i] = squares[i * cols + j]!;
    }
  }
  const other = new RowBuffer(right);
  const yNorms = symmetric ? xNorms : Float64Array.from({ length: cols }, (_, j) => norm(other.read(j)));
  return { rows, cols, s, squares, xNorms, yNorms };
}

/** Shows each pair and its place in the [n, m] table; the object is the same one each time. */
export function eachPair(table: PairTable, visit: (pair: PairMoments, index: number) => void): void {
  const { rows, cols, s, squares, xNorms, yNorms } = table;
  const pair = { s: 0, squares: 0, norms: 0 };
  for (let i = 0, index = 0; i < rows; i++) {
    for (let j = 0; j < cols; j++, index++) {
      pair.s = s[index]!;
      pair.squares = squares[index]!;
      pair.norms = xNorms[i]! * yNorms[j]!;
      visit(pair, index);
    }
  }
}

/** |K|_F^2 / variance^2, the sum of s^2p. @throws RangeError when it is 0 or beyond float64 */
export function kernelSquares(where: string, { s }: PairTable, degree: number): number {
  const squares = s.reduce((sum, value) => sum + (value * value) ** degree, 0);
  if (squares > 0) return checkFinite(where, squares);
  throw new RangeError(argumentMessage(where, 'x', 'have pairs whose kernel is not 0', squares));
}

/** Returns a sum over pairs. @throws RangeError when it is beyond float64 */
export function checkFinite(where: string, sum: number): number {
  if (Number.isFinite(sum)) return sum;
  const wanted = 'have kernels whose squares are within float64';
  throw new RangeError(argumentMessage(where, 'x', wanted, sum, 'Divide x by its largest norm, or lower gamma.'));
}

/** Where the sums over coordinates of one row and those from `first` on go: the places from `at` + `first` on. */
interface RowSums {
  s: Float64Array;
  squares: Float64Array;
  at: number;
  first: number;
}

/** Compares a row with the rows of y. */
type Compare = (x: Float64Array, sums: RowSums) => void;

function compareDense(reader: RowReader): Compare {
  const { count, columns } = reader;
  const y = new Float32Array(count * columns);
  reader.read(0, count, { out: y, stride: columns, offset: 0, scale: 1 });
  const values = Float64Array.from(y);
  return (x, { s, squares, at, first }) => {
    for (let j = first; j < count; j++) {
      let dot = 0;
      let sum = 0;
      for (let k = 0, from = j * columns; k < columns; k++, from++) {
        const product = x[k]! * values[from]!;
        dot += product;
        sum += product * product;
      }
      s[at + j] = dot;
      squares[at + j] = sum;
    }
  };
}

function compareSparse(reader: RowReader): Compare {
  const buffer = new RowBuffer(reader);
  const rows = Array.from({ length: reader.count }, (_, j) => {
    const indices = [...buffer.read(j).keys()].filter((k) => buffer.values[k] !== 0);
    return { indices: Int32Array.from(indices), values: Float64Array.from(indices, (k) => buffer.values[k]!) };
  });
  return (x, { s, squares, at, first }) => {
    for (let j = first; j < rows.length; j++) {
      const { indices, values } = rows[j]!;
      let dot = 0;
      let sum = 0;
      for (let k = 0; k < indices.length; k++) {
        const product = x[indices[k]!]! * values[k]!;
        dot += product;
        sum += product * product;
      }
      s[at + j] = dot;
      squares[at + j] = sum;
    }
  };
}

/** One row at a time, dense, as float64. */
class RowBuffer {
  readonly values: Float64Array;
  private readonly rounded: Float32Array;
  private readonly reader: RowReader;

  constructor(reader: RowReader) {
    this.reader = reader;
    this.values = new Float64Array(reader.columns);
    this.rounded = new Float32Array(reader.columns);
  }

  read(row: number): Float64Array {
    this.rounded.fill(0);
    this.reader.read(row, 1, { out: this.rounded, stride: this.rounded.length, offset: 0, scale: 1 });
    this.values.set(this.rounded);
    return this.values;
  }
}
