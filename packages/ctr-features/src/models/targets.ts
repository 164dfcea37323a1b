import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { DenseRows } from '../rows';

const { argumentMessage, ShapeError } = check;

/** A number for each row, or k numbers each: [n] or [n, k]. */
export type Targets = ArrayLike<number> | readonly ArrayLike<number>[] | DenseRows | tf.Tensor;

/** The class of each row, an integer 0 .. C - 1: [n]. */
export type Labels = ArrayLike<number> | tf.Tensor1D;

/** Targets on the host. */
export interface TargetRows {
  /** Row after row. */
  data: Float64Array;
  /** k */
  outputs: number;
}

/** What targets belong to. */
export interface TargetSource {
  /** The function that the user called. */
  where: string;
  /** What it calls them, default 'y'. */
  name?: string;
  /** n */
  rows: number;
  /** k, where it is known already. */
  outputs?: number;
  /** Number of the first row in a stream, for messages, default 0. */
  firstRow?: number;
}

/**
 * Targets in float64.
 *
 * @throws TypeError for something else, ShapeError when they are not n rows of k numbers, RangeError that names the row
 *   for a number that is not finite
 */
export async function readTargets(targets: Targets, source: TargetSource): Promise<TargetRows> {
  const { where, name = 'y', rows, outputs, firstRow = 0 } = source;
  const { data, shape } = await numbersOf(where, name, targets);
  const [count, width = 1] = shape;
  const wanted = outputs ?? width;
  if (shape.length > 2 || count !== rows || width !== wanted || width < 1 || data.length !== rows * width) {
    const wantedShape = `[${rows}${outputs === undefined || outputs > 1 ? `, ${outputs ?? 'k'}` : ''}]`;
    const also = outputs === undefined ? `[${rows}] or ` : '';
    throw new ShapeError(argumentMessage(where, name, `have the shape ${also}${wantedShape}`, shape));
  }
  const wrong = data.findIndex((value) => !Number.isFinite(value));
  if (wrong < 0) return { data, outputs: width };
  const row = firstRow + Math.floor(wrong / width);
  throw new RangeError(argumentMessage(where, `row ${row} of ${name}`, 'have finite numbers', data[wrong]));
}

/**
 * The classes of rows.
 *
 * @param classes  C; undefined where any number of classes may come
 * @throws TypeError, ShapeError as `readTargets`, RangeError that names the row for what is no class
 */
export async function readLabels(labels: Labels, source: TargetSource, classes?: number): Promise<Float64Array> {
  const { where, name = 'y', firstRow = 0 } = source;
  const { data } = await readTargets(labels, { ...source, outputs: 1 });
  data.forEach((label, i) => {
    if (Number.isInteger(label) && label >= 0 && label < (classes ?? Infinity)) return;
    const wanted = `be a class, an integer >= 0${classes === undefined ? '' : ` and < ${classes}`}`;
    throw new RangeError(argumentMessage(where, `row ${firstRow + i} of ${name}`, wanted, label));
  });
  return data;
}

async function numbersOf(where: string, name: string, y: Targets): Promise<{ data: Float64Array; shape: number[] }> {
  if (y instanceof tf.Tensor) return { data: Float64Array.from(await y.data()), shape: y.shape };
  if (typeof y === 'object' && (y as unknown) !== null) {
    if ('data' in y) return { data: Float64Array.from(y.data), shape: [...y.shape] };
    if (Number.isSafeInteger(y.length)) return numbersOfList(where, name, y);
  }
  throw new TypeError(argumentMessage(where, name, 'be numbers, rows of numbers, { data, shape } or a tensor', y));
}

function numbersOfList(
  where: string,
  name: string,
  list: ArrayLike<number | ArrayLike<number>>,
): { data: Float64Array; shape: number[] } {
  if (typeof list[0] !== 'object') {
    return { data: Float64Array.from(list as ArrayLike<number>), shape: [list.length] };
  }
  const width = list[0].length;
  const data = new Float64Array(list.length * width);
  Array.from(list as ArrayLike<ArrayLike<number>>, (row, i) => {
    if (row.length !== width) {
      const wanted = `have ${width} numbers as the first row`;
      throw new ShapeError(argumentMessage(where, `${name}[${i}]`, wanted, row.length));
    }
    data.set(row, i * width);
  });
  return { data, shape: [list.length, width] };
}
