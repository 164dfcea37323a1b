import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import type { LoweringTable } from './registry';
import { BEFORE_ALL } from './slicing';

/** The same elements in another order. */
export const order: LoweringTable = {
  Transpose: ({ x }, { perm }: tf.TransposeAttrs, graph) => graph.transpose(x!, perm),

  Reverse({ x }, { dims }: tf.ReverseAttrs, graph) {
    const axes = tf.util.parseAxisParam(dims, [...x!.shape]);
    return axes.reduce((value, axis) => reverse(graph, value, axis), x!);
  },

  /** [B, H, W, C] -> [B, H s, W s, C / s^2] */
  DepthToSpace({ x }, { blockSize: s, dataFormat }: tf.DepthToSpaceAttrs, graph) {
    if (dataFormat !== 'NHWC') return null;
    const [B, H, W, C] = x!.shape as [number, number, number, number];
    const depth = C / (s * s);
    const blocks = graph.reshape(x!, [B, H, W, s, s, depth]);
    return graph.reshape(graph.transpose(blocks, [0, 1, 3, 2, 4, 5]), [B, H * s, W * s, depth]);
  },

  SpaceToBatchND({ x }, { blockShape, paddings }: tf.SpaceToBatchNDAttrs, graph) {
    const size = tf.util.sizeFromShape(blockShape);
    const rest = x!.shape.slice(1 + blockShape.length).map(() => [0, 0]);
    const all = [[0, 0], ...paddings, ...rest];
    const before = all.map(([n]) => n!);
    const after = all.map(([, n]) => n!);
    const padded = graph.pad(x!, before, after);
    const shape = [...padded.shape];
    const blocks = graph.reshape(padded, tf.backend_util.getReshaped(shape, blockShape, size, false));
    const perm = tf.backend_util.getPermuted(blocks.rank, blockShape.length, false);
    const flat = tf.backend_util.getReshapedPermuted(shape, blockShape, size, false);
    return graph.reshape(graph.transpose(blocks, perm), flat);
  },

  BatchToSpaceND({ x }, { blockShape, crops }: tf.BatchToSpaceNDAttrs, graph) {
    const size = tf.util.sizeFromShape(blockShape);
    const shape = [...x!.shape];
    const blocks = graph.reshape(x!, tf.backend_util.getReshaped(shape, blockShape, size));
    const perm = tf.backend_util.getPermuted(blocks.rank, blockShape.length);
    const flat = tf.backend_util.getReshapedPermuted(shape, blockShape, size);
    const whole = graph.reshape(graph.transpose(blocks, perm), flat);
    const axes = crops.map((_, i) => i + 1);
    const starts = crops.map(([before]) => before!);
    const ends = crops.map(([, after], i) => flat[i + 1]! - after!);
    return graph.slice(whole, axes, starts, ends);
  },
};

/** The elements at these positions of an axis. */
export function pick(graph: Builder, x: Value, positions: readonly number[], axis: number): Value {
  return graph.gather(x, graph.table('int32', [positions.length], Int32Array.from(positions)), axis);
}

export function reverse(graph: Builder, x: Value, axis: number): Value {
  const length = x.shape[axis]!;
  // Gather copies whole blocks and is up to three times faster on outer axes; Slice wins on single elements.
  if (axis === x.rank - 1) return graph.slice(x, [axis], [length - 1], [BEFORE_ALL], [-1]);
  return pick(
    graph,
    x,
    Array.from({ length }, (_, i) => length - 1 - i),
    axis,
  );
}
