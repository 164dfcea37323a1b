// N points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { isSparse, readRows, type Rows, type SparseRows } from '../rows';

/** Which rows are taken, and who asks. */
export interface RowChoice {
  /** The function that the user called. */
  where: string;
  /** d */
  columns: number;
  /** The largest number of rows. */
  count: number;
  /** What they are chosen with where there are more. */
  key: random.Key | number | undefined;
}

/** At most `count` of the rows, each as likely, in their order. @throws TypeError when a key is needed and missing */
export function someRows(x_ND: Rows | tf.Tensor2D, { where, columns, count, key }: RowChoice): Rows | tf.Tensor2D {
  const reader = readRows(x_ND, { where, columns });
  if (reader.count <= count) return x_ND;
  if (key === undefined) {
    const fix = `It chooses ${count} of the rows.`;
    throw new TypeError(check.argumentMessage(where, 'key', `be given for ${reader.count} rows`, key, fix));
  }
  const checked = random.asKey(where, key);
  const rows = random.permutation(checked, reader.count).slice(0, count).sort();
  if (isSparse(x_ND)) return someSparse(x_ND, rows);
  const data = new Float32Array(count * columns);
  rows.forEach((row, i) => reader.read(row, 1, { out: data, stride: columns, offset: i * columns, scale: 1 }));
  return { data, shape: [count, columns] };
}

function someSparse({ indptr, indices, data, shape }: SparseRows, rows: Int32Array): SparseRows {
  const starts = [0];
  const [columns, values]: [number[], number[]] = [[], []];
  for (const row of rows) {
    for (let k = indptr[row]!; k < indptr[row + 1]!; k++) {
      columns.push(indices[k]!);
      values.push(data[k]!);
    }
    starts.push(values.length);
  }
  return { indptr: starts, indices: columns, data: values, shape: [rows.length, shape[1]!] };
}
