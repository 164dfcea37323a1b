// L slices, d coordinates
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { cloudTensor } from '../cloud';
import { refuseInCompiled } from './uniform-slices';

const { argumentMessage, ShapeError } = check;

/** Norms may differ from 1 by this: float32 rows that were normalised in float32. */
const UNIT = 1e-4;

/** The Euclidean norm, where squares would overflow too. */
export function norm(values: ArrayLike<number>): number {
  let largest = 0;
  for (let j = 0; j < values.length; j++) largest = Math.max(largest, Math.abs(values[j]!));
  if (largest === 0) return 0;
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += (values[j]! / largest) ** 2;
  return largest * Math.sqrt(sum);
}

/**
 * values / |values|, in float64.
 *
 * @throws TypeError when it is no array of numbers, ShapeError when it is empty, RangeError when an entry is not finite or
 *   all are 0
 */
export function unitVector(where: string, name: string, values: ArrayLike<number>): Float64Array {
  if (typeof values !== 'object' || typeof (values as ArrayLike<number> | null)?.length !== 'number') {
    throw new TypeError(argumentMessage(where, name, 'be an array of numbers', values));
  }
  if (values.length === 0) throw new ShapeError(argumentMessage(where, name, 'have at least one number', values));
  // + 0, that -0 becomes 0: JSON knows no other.
  const vector = Float64Array.from(values, (value, j) => check.checkNumber(where, `${name}[${j}]`, value) + 0);
  const length = norm(vector);
  if (length === 0) throw new RangeError(argumentMessage(where, name, 'have an entry that is not 0', values));
  // So that a unit vector stays the same number for number.
  if (Math.abs(length - 1) <= values.length * Number.EPSILON) return vector;
  const largest = vector.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0);
  const scaled = vector.map((entry) => entry / largest);
  const scale = norm(scaled);
  return scaled.map((entry) => entry / scale + 0);
}

/**
 * Rows of norm 1, [L, d] row after row, in float64 and divided by their norms.
 *
 * @param dim  d; any by default
 * @throws TypeError, ShapeError when they are not [L, d]; RangeError when a row has not norm 1; BackendError in a compiled
 *   function
 */
export function unitRows(
  where: string,
  name: string,
  rows: tf.Tensor2D | readonly ArrayLike<number>[],
  dim?: number,
): { values: Float64Array; dim: number } {
  if (rows instanceof tf.Tensor) refuseInCompiled(where, name);
  const { values, columns } = hostRows(where, name, rows);
  if (dim !== undefined && columns !== dim) {
    const shape = [values.length / columns, columns];
    throw new ShapeError(argumentMessage(where, name, `have the shape [L, ${dim}]`, shape));
  }
  for (let l = 0; l < values.length / columns; l++) {
    const row = values.subarray(l * columns, (l + 1) * columns);
    const length = norm(row);
    if (!(Math.abs(length - 1) <= UNIT)) {
      const fix = 'Divide each by its norm.';
      throw new RangeError(argumentMessage(where, `row ${l} of ${name}`, 'have norm 1', length, fix));
    }
    row.forEach((entry, j) => (row[j] = entry / length));
  }
  return { values, dim: columns };
}

function hostRows(
  where: string,
  name: string,
  rows: tf.Tensor2D | readonly ArrayLike<number>[],
): { values: Float64Array; columns: number } {
  let values: Float64Array | undefined;
  let columns = 0;
  tf.tidy(() => {
    // Looks at types, shapes and values; of rows on the host its float32 numbers are not taken.
    const tensor = cloudTensor(where, name, rows);
    columns = tensor.shape[1];
    if (rows instanceof tf.Tensor) values = Float64Array.from(tensor.dataSync());
  });
  values ??= Float64Array.from((rows as ArrayLike<number>[]).flatMap((row) => Array.from(row)));
  return { values, columns };
}
