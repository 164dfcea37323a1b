// n points, m points of the other cloud, d coordinates
import * as tf from '@tensorflow/tfjs';
import { backend, check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Points of equal weight unless weights are given: float32 [n, d], or n rows of d numbers. */
export type Cloud = tf.Tensor2D | readonly ArrayLike<number>[];

/** Masses of the points of two clouds; each is divided by its sum. */
export interface Weights {
  /** Of the n points of x, >= 0, not all 0; default equal. */
  a?: ArrayLike<number>;
  /** Of the m points of y. */
  b?: ArrayLike<number>;
}

/**
 * A cloud as a float32 tensor [n, d], the same tensor where it is one; values are looked at where that costs no wait.
 *
 * @throws TypeError when it is neither tensor nor rows of numbers, ShapeError when it is not [n, d] with n, d >= 1,
 *   RangeError when a value at hand is not finite
 */
export function cloudTensor(where: string, name: string, cloud: Cloud): tf.Tensor2D {
  const tensor = cloud instanceof tf.Tensor ? cloud : fromRows(where, name, cloud);
  if (tensor.dtype === 'string' || tensor.dtype === 'complex64') {
    throw new TypeError(argumentMessage(where, name, 'have real numbers', tensor));
  }
  const [n, d] = tensor.shape;
  if (tensor.rank !== 2 || n === 0 || d === 0) {
    const fix = tensor.rank === 1 ? 'Numbers on a line are [n, 1]: reshape it.' : '';
    throw new ShapeError(argumentMessage(where, name, 'have the shape [n, d] with n >= 1 and d >= 1', tensor, fix));
  }
  checkFinite(where, name, tensor);
  return tensor.dtype === 'float32' ? tensor : tensor.cast<tf.Tensor2D>('float32');
}

/** Two clouds of equal dimension, as tensors. @throws as `cloudTensor`, ShapeError when the dimensions differ */
export function cloudTensors(where: string, x: Cloud, y: Cloud): [tf.Tensor2D, tf.Tensor2D] {
  const [xs, ys] = [cloudTensor(where, 'x', x), cloudTensor(where, 'y', y)];
  if (xs.shape[1] !== ys.shape[1]) {
    const wanted = `have the same last dimension as x (${xs.shape[1]})`;
    throw new ShapeError(argumentMessage(where, 'y', wanted, ys.shape, 'Transpose or slice y first.'));
  }
  return [xs, ys];
}

/** @throws RangeError when a value of `tensor` is not finite; a backend that would have to be waited for is trusted */
export function checkFinite(where: string, name: string, tensor: tf.Tensor): void {
  if (!backend.readsAtOnce()) return;
  const [values] = backend.hostValues([tensor]) as [tf.TypedArray];
  // The sum is finite only when every value is: one addition a value instead of a comparison of each.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
  if (sum === 0) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  const row = Math.floor(at / (tensor.size / tensor.shape[0]));
  throw new RangeError(argumentMessage(where, `row ${row} of ${name}`, 'have finite numbers', values[at]));
}

/**
 * Weights divided by their sum, float64; undefined where none are given, which means equal ones.
 *
 * @throws TypeError, ShapeError when their number is not `count`, RangeError when one is negative or not finite, or all are 0
 */
export function normalisedWeights(
  where: string,
  name: string,
  weights: ArrayLike<number> | undefined,
  count: number,
): Float64Array | undefined {
  if (weights === undefined) return undefined;
  if (typeof (weights as ArrayLike<number> | null)?.length !== 'number') {
    throw new TypeError(argumentMessage(where, name, 'be an array of numbers', weights));
  }
  if (weights.length !== count) {
    throw new ShapeError(argumentMessage(where, name, `have ${count} numbers, one for each point`, weights.length));
  }
  const masses = Float64Array.from(weights, (weight, i) => checkNumber(where, `${name}[${i}]`, weight, { min: 0 }));
  const total = masses.reduce((sum, mass) => sum + mass, 0);
  if (!(total > 0 && Number.isFinite(total))) {
    throw new RangeError(argumentMessage(where, name, 'have a positive finite sum', total));
  }
  return masses.map((mass) => mass / total);
}

/** Returns p. @throws RangeError when it is below 1: then W_p is no distance */
export function checkOrder(where: string, p: number): number {
  return checkNumber(where, 'p', p, { min: 1 });
}

function fromRows(where: string, name: string, rows: readonly ArrayLike<number>[]): tf.Tensor2D {
  if (!Array.isArray(rows)) {
    throw new TypeError(argumentMessage(where, name, 'be a 2-D tensor or an array of rows', rows));
  }
  const n = rows.length;
  const d = n === 0 ? 0 : lengthOf(where, `${name}[0]`, rows[0]);
  const values = new Float32Array(n * d);
  for (let i = 0; i < n; i++) {
    const row = rows[i] as ArrayLike<number>;
    if (lengthOf(where, `${name}[${i}]`, row) !== d) {
      throw new ShapeError(argumentMessage(where, `${name}[${i}]`, `have ${d} numbers as the first row`, row.length));
    }
    for (let j = 0; j < d; j++) {
      const value: unknown = row[j];
      // What is no number would be made one: null is 0, '1' is 1.
      if (typeof value !== 'number') {
        throw new TypeError(argumentMessage(where, `row ${i} of ${name}`, 'have finite numbers', value));
      }
      values[i * d + j] = value;
      if (!Number.isFinite(values[i * d + j])) {
        throw new RangeError(argumentMessage(where, `row ${i} of ${name}`, 'have finite numbers', values[i * d + j]));
      }
    }
  }
  return tf.tensor2d(values, [n, d]);
}

function lengthOf(where: string, name: string, row: unknown): number {
  const length = (row as ArrayLike<number> | null | undefined)?.length;
  if (typeof row !== 'object' || !Number.isSafeInteger(length) || length! < 0) {
    throw new TypeError(argumentMessage(where, name, 'be a row, an array of numbers', row));
  }
  return length!;
}
