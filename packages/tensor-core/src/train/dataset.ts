import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkedSize, checkNumber, ShapeError } from '../check';
import type { Key } from '../random';

/** A finite set of examples. */
export interface Dataset<B extends tf.TensorContainer> {
  /** How many examples there are. */
  readonly size: number;
  /**
   * The examples with these indices, 0 .. size - 1, stacked; the caller disposes their tensors. Besides tensors a batch
   * may hold strings and numbers, each combination of which makes compiled functions compile once more.
   */
  batch(indices: Int32Array): B | Promise<B>;
}

/** An endless supply of fresh examples: a simulator, noise, an augmentation without end. */
export interface Generator<B extends tf.TensorContainer> {
  /** A batch that is a function of the key alone; the caller disposes its tensors. */
  sample(key: Key, batchSize: number): B | Promise<B>;
}

/** The columns that `arrays` takes. */
export type HostArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** One column of a data set in memory: examples along the first axis, on the host or on the device. */
export type Column = tf.Tensor | { data: HostArray; shape: readonly number[] };

/**
 * A data set of columns in memory.
 *
 * @param columns  by name, each with the same length of the first axis. Typed arrays stay on the host and rows are copied
 *   out of them: Float32Array and Float64Array make float32, Int32Array and Uint8Array make int32. Tensors stay on the
 *   device, where rows are gathered; they remain the caller's and must live as long as the data set
 * @returns a data set whose batches are records of tensors [batch, ...rest of the column's shape]
 * @throws RangeError without columns, ShapeError when lengths differ or data and shape disagree, TypeError for other
 *   values
 * @example
 * const data = arrays({ x: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, y: tf.tensor1d([0, 1]) });
 * data.batch(Int32Array.of(1)); // { x: [[3, 4]], y: [1] }
 */
export function arrays<C extends Record<string, Column>>(columns: C): Dataset<{ [K in keyof C]: tf.Tensor }> {
  const where = 'tensor-core.arrays';
  const named = Object.entries(columns);
  if (named.length === 0) throw new RangeError(argumentMessage(where, 'columns', 'have at least one column', columns));
  const sizes = named.map(([name, column]) => checkedLength(where, name, column));
  const [first] = named as [[string, Column]];
  const odd = sizes.findIndex((size) => size !== sizes[0]);
  if (odd > 0) {
    const wanted = `have the ${sizes[0]} examples of ${first[0]}`;
    throw new ShapeError(argumentMessage(where, named[odd]![0], wanted, named[odd]![1].shape));
  }
  return {
    size: sizes[0]!,
    batch: (indices) => {
      const rows = named.map(([name, column]) => [name, rowsOf(column, indices)]);
      return Object.fromEntries(rows) as { [K in keyof C]: tf.Tensor };
    },
  };
}

/**
 * Some examples of a data set, in the given order: the part to train on, or to validate with.
 *
 * @param indices  into the data set; repetitions are allowed
 * @throws RangeError when an index is outside
 */
export function subset<B extends tf.TensorContainer>(dataset: Dataset<B>, indices: ArrayLike<number>): Dataset<B> {
  const where = 'tensor-core.subset';
  const chosen = Int32Array.from(indices, (index) =>
    checkNumber(where, 'an index', index, { min: 0, below: dataset.size, integer: true }),
  );
  return { size: chosen.length, batch: (positions) => dataset.batch(positions.map((position) => chosen[position]!)) };
}

function rowsOf(column: Column, indices: Int32Array): tf.Tensor {
  if (column instanceof tf.Tensor) return tf.tidy(() => tf.gather(column, tf.tensor1d(indices, 'int32')));
  const { data, shape } = column;
  const width = tf.util.sizeFromShape(shape.slice(1));
  const Rows = data instanceof Float32Array || data instanceof Float64Array ? Float32Array : Int32Array;
  const rows = new Rows(indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i]! * width;
    rows.set(data.subarray(start, start + width), i * width);
  }
  return tf.tensor(rows, [indices.length, ...shape.slice(1)], Rows === Float32Array ? 'float32' : 'int32');
}

function checkedLength(where: string, name: string, column: Column): number {
  if (!(column instanceof tf.Tensor) && !isHostArray((column as Partial<typeof column> | null)?.data)) {
    const fix = 'Use a Float32Array, Float64Array, Int32Array or Uint8Array as data.';
    throw new TypeError(argumentMessage(where, name, 'be a tensor or { data, shape }', column, fix));
  }
  const [length] = column.shape;
  if (length === undefined)
    throw new ShapeError(argumentMessage(where, name, 'have an axis of examples', column.shape));
  if (!(column instanceof tf.Tensor) && checkedSize(where, column.shape) !== column.data.length) {
    const wanted = `have the elements of its shape [${column.shape.join(', ')}]`;
    throw new ShapeError(argumentMessage(where, name, wanted, column.data));
  }
  return length;
}

function isHostArray(data: unknown): data is HostArray {
  return [Float32Array, Float64Array, Int32Array, Uint8Array].some((type) => data instanceof type);
}
