import { random } from '@tfsci/tensor-core';
import type { ImageData } from '../../image-data';

/** Points on the unit sphere, with their labels. */
export interface Points {
  /** [count, dim], row after row. */
  data: Float32Array;
  labels: Int32Array;
  count: number;
  dim: number;
}

/** How pixels become points: as they are, or standardised over the data set; then each row is divided by its norm. */
export type Preparation = 'non-negative' | 'zero-mean';

/** At most `limit` pictures of a data set, both parts one after the other, as points; all of them in their order if so few. */
export function pointsOf({ train, test }: ImageData, preparation: Preparation, limit: number, key: random.Key): Points {
  const dim = train.size;
  const all = train.count + test.count;
  const rows =
    all <= limit ? Int32Array.from({ length: all }, (_, i) => i) : random.permutation(key, all).subarray(0, limit);
  const pixels = new Float64Array(rows.length * dim);
  const labels = Int32Array.from(rows, (row, i) => {
    const [part, at] = row < train.count ? [train, row] : [test, row - train.count];
    pixels.set(part.pixels.subarray(at * dim, (at + 1) * dim), i * dim);
    return part.labels[at]!;
  });
  if (preparation === 'zero-mean') standardise(pixels, rows.length, dim);
  return { data: unitRows(pixels, dim), labels, count: rows.length, dim };
}

/** `count` of the points, in random order and without repetition. */
export function someOf(points: Points, count: number, key: random.Key): Points {
  return take(points, random.permutation(key, points.count).subarray(0, count));
}

/** The points of the given numbers. */
export function take({ data, labels, dim }: Points, rows: Int32Array): Points {
  const taken = new Float32Array(rows.length * dim);
  rows.forEach((row, i) => taken.set(data.subarray(row * dim, (row + 1) * dim), i * dim));
  return { data: taken, labels: Int32Array.from(rows, (row) => labels[row]!), count: rows.length, dim };
}

/** To mean 0 and (n - 1)-variance 1 by columns; columns that are constant only lose their mean. */
function standardise(values: Float64Array, count: number, dim: number): void {
  for (let j = 0; j < dim; j++) {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += values[i * dim + j]! / count;
    let squares = 0;
    for (let i = 0; i < count; i++) squares += (values[i * dim + j]! - mean) ** 2;
    const std = Math.sqrt(squares / (count - 1)) || 1;
    for (let i = 0; i < count; i++) values[i * dim + j] = (values[i * dim + j]! - mean) / std;
  }
}

/** Each row over its norm; a row of zeros stays one. */
function unitRows(values: Float64Array, dim: number): Float32Array {
  const rows = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += dim) {
    const row = values.subarray(start, start + dim);
    const norm = Math.hypot(...row) || 1;
    row.forEach((value, j) => (rows[start + j] = value / norm));
  }
  return rows;
}
