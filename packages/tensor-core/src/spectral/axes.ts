import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';

/** Some axes of tensors of one shape, moved to the end, with the others as one axis in front. */
export interface ChosenAxes {
  /** The product of the other lengths. */
  batch: number;
  /** Lengths of the chosen axes, in their order. */
  lengths: number[];
  /** [batch, ...lengths] */
  flatten<T extends tf.Tensor>(x: tf.Tensor): T;
  /** The way back, where the chosen axes may have other lengths now. */
  restore(y: tf.Tensor, lengths: number[]): tf.Tensor;
}

/**
 * Prepares the move of axes to the end; where no data has to move it is a reshape.
 *
 * @param axes  distinct, from -rank to rank - 1
 * @throws ShapeError when there are fewer axes than chosen ones, RangeError when they are not such numbers
 */
export function chooseAxes(where: string, x: tf.Tensor, axes: readonly number[]): ChosenAxes {
  const { shape, rank } = x;
  if (rank < axes.length) {
    throw new ShapeError(argumentMessage(where, 'x', `have at least ${axes.length} axes`, x));
  }
  const chosen = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const valid = chosen.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank);
  if (!valid || new Set(chosen).size < chosen.length) {
    const name = axes.length === 1 ? 'axis' : 'axes';
    const wanted = `be ${axes.length === 1 ? 'an integer' : 'distinct integers'} from ${-rank} to ${rank - 1}`;
    throw new RangeError(argumentMessage(where, name, wanted, axes.length === 1 ? axes[0] : axes));
  }
  const others = shape.map((_, axis) => axis).filter((axis) => !chosen.includes(axis));
  const order = [...others, ...chosen];
  const inverse = order.map((_, axis) => order.indexOf(axis));
  // Axes of length 1 stand anywhere.
  const isSorted = (axes: number[], lengths: readonly number[]): boolean => {
    const long = axes.filter((axis) => lengths[axis]! > 1);
    return long.every((axis, i) => i === 0 || long[i - 1]! < axis);
  };
  const lengths = chosen.map((axis) => shape[axis]!);
  const batch = others.reduce((product, axis) => product * shape[axis]!, 1);
  return {
    batch,
    lengths,
    flatten: (x) => (isSorted(order, shape) ? x : x.transpose(order)).reshape([batch, ...lengths]),
    restore(y, newLengths) {
      const newShape = shape.map((length, axis) => newLengths[chosen.indexOf(axis)] ?? length);
      if (isSorted(order, newShape)) return y.reshape(newShape);
      return y.reshape(order.map((axis) => newShape[axis]!)).transpose(inverse);
    },
  };
}

/** Returns two axes. @throws TypeError when they are not a pair */
export function checkPair(where: string, axes: unknown): readonly [number, number] {
  if (Array.isArray(axes) && axes.length === 2) return axes as [number, number];
  throw new TypeError(argumentMessage(where, 'axes', 'be a pair of axes', axes, `Such as [1, 2] for NHWC images.`));
}
