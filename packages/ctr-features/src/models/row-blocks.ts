import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { FeatureMap, FeatureRows, TransformOptions } from '../feature-map';
import { hostRows, isSparse, readRows, type Rows } from '../rows';

/** Numbers in the features of a block of rows: 8 MiB of float32, as in `FeatureMap`. */
const BLOCK_NUMBERS = 2 ** 21;

/**
 * Rows in a block at most. Also how many products of float32 are added up before float64 takes over, so the bound on
 * the error of Gram matrices.
 */
const BLOCK_ROWS = 512;

/** Features of consecutive rows. */
export interface FeatureBlock {
  phi: FeatureRows;
  /** Number of its first row among all. */
  first: number;
}

/** The features of rows, block by block. @throws as `FeatureMap.transformChunks`; RangeError for `blockRows` */
export async function* featureBlocks(
  where: string,
  map: FeatureMap,
  x: Rows | tf.Tensor2D,
  options: TransformOptions = {},
): AsyncGenerator<FeatureBlock, void, undefined> {
  const step = blockRowsOf(where, map, options);
  const rows = await hostRows(where, x);
  const { count } = readRows(rows, { where, columns: map.inputDim });
  let first = 0;
  for await (const phi of map.transformChunks(slices(rows, count, step), { ...options, blockRows: step })) {
    yield { phi, first };
    first += phi.shape[0];
  }
}

/** The number of rows in a block: that of the options, or what the map's width allows. */
export function blockRowsOf(where: string, map: FeatureMap, { blockRows }: TransformOptions): number {
  if (blockRows !== undefined) return check.checkNumber(where, 'blockRows', blockRows, { min: 1, integer: true });
  const numbers = Math.max(map.features, map.inputDim);
  return Math.max(1, Math.min(BLOCK_ROWS, Math.floor(BLOCK_NUMBERS / numbers)));
}

/** Rows in pieces of `step`, views where they can be. The signal gets its turn before each piece. */
export async function* slices(rows: Rows, count: number, step: number): AsyncGenerator<Rows, void, undefined> {
  for (let first = 0; first < count; first += step) {
    if (first > 0) await new Promise((resolve) => setTimeout(resolve));
    yield slice(rows, first, Math.min(step, count - first));
  }
}

function slice(rows: Rows, first: number, count: number): Rows {
  if (isSparse(rows)) {
    const { indptr, indices, data, shape } = rows;
    const begin = indptr[first]!;
    const end = indptr[first + count]!;
    return {
      indptr: Array.from({ length: count + 1 }, (_, i) => indptr[first + i]! - begin),
      indices: part(indices, begin, end),
      data: part(data, begin, end),
      shape: [count, shape[1]!],
    };
  }
  if (!('shape' in rows)) return rows.slice(first, first + count);
  const { data, shape } = rows;
  const columns = shape[1]!;
  return { data: part(data, first * columns, (first + count) * columns), shape: [count, columns] };
}

function part(values: ArrayLike<number>, begin: number, end: number): ArrayLike<number> {
  if (ArrayBuffer.isView(values)) return (values as unknown as Float64Array).subarray(begin, end);
  return Array.prototype.slice.call(values, begin, end) as number[];
}
