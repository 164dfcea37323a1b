import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { cast } from '../graph/types';
import type { Value } from '../graph/value';
import type { LoweringTable } from './registry';

/** Taking tensors apart and putting them together. */
export const slicing: LoweringTable = {
  Slice({ x }, { begin, size }: tf.SliceAttrs, graph) {
    const [begins, sizes] = tf.slice_util.parseSliceParams(infoOf(x!), begin, size);
    tf.slice_util.assertParamsValid(infoOf(x!), begins!, sizes!);
    const axes = x!.shape.flatMap((length, axis) => (sizes![axis] === length ? [] : [axis]));
    const starts = axes.map((axis) => begins![axis]!);
    const ends = axes.map((axis) => begins![axis]! + sizes![axis]!);
    return graph.slice(x!, axes, starts, ends);
  },

  StridedSlice({ x }, attributes: tf.StridedSliceAttrs, graph) {
    const { beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
    const { begin, end, strides, finalShape } = tf.slice_util.sliceInfo(
      [...x!.shape],
      attributes.begin,
      attributes.end,
      attributes.strides,
      beginMask,
      endMask,
      ellipsisMask,
      newAxisMask,
      shrinkAxisMask,
    );
    // An end before the first element is -1 in TensorFlow.js, which is the last element in ONNX.
    const ends = end.map((position, axis) => (strides[axis]! < 0 && position < 0 ? BEFORE_ALL : position));
    const axes = x!.shape.map((_, axis) => axis);
    return graph.reshape(graph.slice(x!, axes, begin, ends, strides), finalShape);
  },

  SplitV({ x }, { numOrSizeSplits, axis }: tf.SplitVAttrs, graph) {
    const along = axisOf(axis, x!);
    return graph.split(x!, along, tf.backend_util.prepareSplitSize(infoOf(x!), numOrSizeSplits, along));
  },

  /** One Gather each, so that parts that nobody uses cost nothing. */
  Unpack({ value }, { axis }: tf.UnpackAttrs, graph) {
    const along = axisOf(axis, value!);
    return Array.from({ length: value!.shape[along]! }, (_, i) =>
      graph.gather(value!, graph.scalar('int64', i), along),
    );
  },

  Concat(operands, { axis }: tf.ConcatAttrs, graph) {
    const values = Object.values(operands);
    const along = axisOf(axis, values[0]!);
    tf.backend_util.assertParamsConsistent(
      values.map(({ shape }) => [...shape]),
      along,
    );
    return join(graph, values, along);
  },

  Pack(operands, { axis }: tf.PackAttrs, graph) {
    const values = Object.values(operands);
    const { shape, type, rank } = values[0]!;
    for (const value of values) {
      tf.util.assertShapesMatch([...shape], [...value.shape], 'All tensors passed to stack must have matching shapes');
      tf.util.assert(type === value.type, () => 'All tensors passed to stack must have matching dtypes');
    }
    const along = axis < 0 ? axis + rank + 1 : axis;
    const single = [...shape.slice(0, along), 1, ...shape.slice(along)];
    return join(
      graph,
      values.map((value) => graph.reshape(value, single)),
      along,
    );
  },
};

/** ONNX's end of a slice that runs backwards through the first element. */
export const BEFORE_ALL = -(2 ** 31);

/** The first operand decides the type. */
function join(graph: Builder, values: readonly Value[], axis: number): Value {
  const { type } = values[0]!;
  return graph.concat(
    values.map((value) => cast(graph, value, type)),
    axis,
  );
}

function axisOf(axis: number, { shape }: Value): number {
  return tf.util.parseAxisParam(axis, [...shape])[0]!;
}

/** What TensorFlow.js's functions on shapes ask for. */
function infoOf({ shape, type }: Value): tf.TensorInfo {
  return { dataId: {}, shape: [...shape], dtype: type as tf.DataType };
}
