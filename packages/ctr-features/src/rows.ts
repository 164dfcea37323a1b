import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';

const { argumentMessage, ShapeError } = check;

/** The largest float32, 2^128 - 2^104. */
const LARGEST_FLOAT = 2 ** 128 - 2 ** 104;

/** Numbers as they lie in memory, row after row; an array of a .npy file is one. */
export interface DenseRows {
  data: ArrayLike<number>;
  /** [n, d] */
  shape: readonly number[];
}

/** Rows with few non-zeros, compressed by rows (CSR), as scipy.sparse.csr_matrix has them. */
export interface SparseRows {
  /** Row i has the entries indptr[i] .. indptr[i + 1] - 1 of the two other arrays; n + 1 numbers. */
  indptr: ArrayLike<number>;
  /** The columns of the non-zeros; those that occur twice in a row are added. */
  indices: ArrayLike<number>;
  data: ArrayLike<number>;
  /** [n, d] */
  shape: readonly number[];
}

/** n points of d coordinates, on the host. */
export type Rows = DenseRows | SparseRows | readonly ArrayLike<number>[];

/** Where rows are written to. */
export interface RowTarget {
  out: Float32Array;
  /** From the start of one row in `out` to that of the next. */
  stride: number;
  /** Of coordinate 0 in a row of `out`. */
  offset: number;
  /** Every coordinate is multiplied by it. */
  scale: number;
}

/** Rows in a form in which blocks of them can be read. */
export interface RowReader {
  readonly count: number;
  readonly columns: number;
  /**
   * Writes rows first .. first + count - 1; the target is zero there before.
   *
   * @throws RangeError that names the row when a value is not finite
   */
  read(first: number, count: number, target: RowTarget): void;
  /**
   * Calls `each` with every column and its value; of a sparse row with its entries alone.
   *
   * @throws as `read`
   */
  visit(row: number, each: (column: number, value: number) => void): void;
}

/** Where messages about rows come from. */
export interface RowSource {
  /** The function that the user called. */
  where: string;
  /** What it calls the rows, default 'x'. */
  name?: string;
  /** The number of columns that they must have. */
  columns: number;
  /** Number of the first row in a stream, for messages, default 0. */
  firstRow?: number;
}

/**
 * A reader of rows, after a check of their form.
 *
 * @throws TypeError when they are no rows, ShapeError when lengths disagree, there is no row, or a row has not `columns`
 */
export function readRows(x: Rows | tf.Tensor2D, source: RowSource): RowReader {
  const { where, name = 'x', columns, firstRow = 0 } = source;
  const reader = readerOf(x, { where, name, columns, firstRow });
  if (reader.count === 0) throw new ShapeError(argumentMessage(where, name, 'have at least one row', describe(x)));
  if (reader.columns !== columns) {
    throw new ShapeError(argumentMessage(where, name, `have ${columns} columns`, [reader.count, reader.columns]));
  }
  return reader;
}

/** The numbers of rows and columns of something that `readRows` takes, [n, d]. @throws TypeError, ShapeError */
export function shapeOfRows(where: string, x: Rows | tf.Tensor2D, name = 'x'): [number, number] {
  const { count, columns } = readerOf(x, { where, name, columns: 0, firstRow: 0 });
  return [count, columns];
}

export function isSparse(x: Rows | tf.Tensor2D): x is SparseRows {
  return typeof x === 'object' && x !== null && 'indptr' in x;
}

type Named = Required<RowSource>;

function readerOf(x: Rows | tf.Tensor2D, source: Named): RowReader {
  const { where, name } = source;
  if (x instanceof tf.Tensor) return tensorReader(checkTensor(where, name, x), source);
  if (Array.isArray(x)) return listReader(x as ArrayLike<number>[], source);
  if (isSparse(x)) return sparseReader(x, source);
  const { data, shape } = (x ?? {}) as Partial<DenseRows>;
  if (data === undefined || shape === undefined) {
    const wanted = 'be a 2-D tensor, { data, shape }, { indptr, indices, data, shape } or an array of rows';
    throw new TypeError(argumentMessage(where, name, wanted, x));
  }
  return denseReader({ data, shape }, source);
}

/** The rows of a tensor on the host; others as they are. @throws TypeError, ShapeError for a tensor of another kind */
export async function hostRows(where: string, x: Rows | tf.Tensor2D): Promise<Rows> {
  if (!(x instanceof tf.Tensor)) return x;
  const { shape } = checkTensor(where, 'x', x);
  return { data: await x.data(), shape };
}

/** Returns `x` if it is a tensor of rows of real numbers. @throws TypeError, ShapeError */
export function checkTensor(where: string, name: string, x: tf.Tensor): tf.Tensor2D {
  if (x.dtype === 'string' || x.dtype === 'complex64') {
    throw new TypeError(argumentMessage(where, name, 'have real numbers', x));
  }
  if (x.rank !== 2) throw new ShapeError(argumentMessage(where, name, 'have the shape [n, d]', x));
  return x as tf.Tensor2D;
}

/** Its values are fetched when they are first read: who asks for the shape alone need not wait for a device. */
function tensorReader(x: tf.Tensor2D, source: Named): RowReader {
  const [count, columns] = x.shape;
  let reader: RowReader | undefined;
  const fetched = (): RowReader => (reader ??= denseReader({ data: x.dataSync(), shape: x.shape }, source));
  return {
    count,
    columns,
    read: (...blocks) => fetched().read(...blocks),
    visit: (...rows) => fetched().visit(...rows),
  };
}

function denseReader({ data, shape }: DenseRows, source: Named): RowReader {
  const [count, columns] = checkedShape(shape, source);
  if (data.length !== count * columns) {
    throw new ShapeError(
      argumentMessage(source.where, `${source.name}.data`, `have ${count * columns} numbers`, data.length),
    );
  }
  return {
    count,
    columns,
    read: (first, number, { out, stride, offset, scale }) => {
      for (let row = 0; row < number; row++) {
        const from = (first + row) * columns;
        const to = row * stride + offset;
        for (let j = 0; j < columns; j++) out[to + j] = scale * finite(data[from + j]!, first + row, source);
      }
    },
    visit: (row, each) => {
      for (let j = 0; j < columns; j++) each(j, finite(data[row * columns + j]!, row, source));
    },
  };
}

function listReader(rows: readonly ArrayLike<number>[], source: Named): RowReader {
  const columns = rows[0]?.length ?? 0;
  rows.forEach((row: ArrayLike<number> | null | undefined, i) => {
    if (typeof row?.length !== 'number') {
      const label = `${source.name}[${source.firstRow + i}]`;
      throw new TypeError(argumentMessage(source.where, label, 'be a row, an array of numbers', row));
    }
    if (row.length !== columns) {
      const row0 = `have ${columns} numbers as the first row`;
      throw new ShapeError(argumentMessage(source.where, `${source.name}[${source.firstRow + i}]`, row0, row.length));
    }
  });
  return {
    count: rows.length,
    columns,
    read: (first, number, { out, stride, offset, scale }) => {
      for (let row = 0; row < number; row++) {
        const values = rows[first + row]!;
        const to = row * stride + offset;
        for (let j = 0; j < columns; j++) out[to + j] = scale * finite(values[j]!, first + row, source);
      }
    },
    visit: (row, each) => {
      for (let j = 0; j < columns; j++) each(j, finite(rows[row]![j]!, row, source));
    },
  };
}

function sparseReader({ indptr, indices, data, shape }: SparseRows, source: Named): RowReader {
  const { where, name } = source;
  const [count, columns] = checkedShape(shape, source);
  if (indptr.length !== count + 1) {
    throw new ShapeError(
      argumentMessage(where, `${name}.indptr`, `have ${count + 1} numbers, one more than rows`, indptr.length),
    );
  }
  if (indices.length !== data.length || indptr[0] !== 0 || indptr[count] !== data.length) {
    const wanted = 'begin with 0 and end with the number of entries in indices and in data';
    throw new ShapeError(
      argumentMessage(where, `${name}.indptr`, wanted, [indptr[0], indptr[count], indices.length, data.length]),
    );
  }
  for (let row = 0; row < count; row++) {
    if (!(indptr[row]! <= indptr[row + 1]!)) {
      throw new RangeError(argumentMessage(where, `${name}.indptr`, 'not decrease', [indptr[row], indptr[row + 1]]));
    }
  }
  const visit: RowReader['visit'] = (row, each) => {
    for (let k = indptr[row]!; k < indptr[row + 1]!; k++) {
      const column = indices[k]!;
      if (!(Number.isInteger(column) && column >= 0 && column < columns)) {
        throw new RangeError(argumentMessage(where, `${name}.indices[${k}]`, `be a column below ${columns}`, column));
      }
      each(column, finite(data[k]!, row, source));
    }
  };
  return {
    count,
    columns,
    read: (first, number, { out, stride, offset, scale }) => {
      for (let row = 0; row < number; row++) {
        const to = row * stride + offset;
        visit(first + row, (column, value) => (out[to + column]! += scale * value));
      }
    },
    visit,
  };
}

function checkedShape(shape: readonly number[], { where, name }: Named): [number, number] {
  const [count, columns] = shape;
  if (shape.length !== 2 || !shape.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw new ShapeError(argumentMessage(where, `${name}.shape`, 'be [n, d]', shape));
  }
  return [count!, columns!];
}

function finite(value: number, row: number, { where, name, firstRow }: Named): number {
  if (Number.isFinite(value) && Math.abs(value) <= LARGEST_FLOAT) return value;
  const wanted = Number.isFinite(value) ? 'have numbers within float32' : 'have finite numbers';
  throw new RangeError(argumentMessage(where, `row ${firstRow + row} of ${name}`, wanted, value));
}

function describe(x: Rows | tf.Tensor2D): unknown {
  return Array.isArray(x) ? x : (x as DenseRows).shape;
}
