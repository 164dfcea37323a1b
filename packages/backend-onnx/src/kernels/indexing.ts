import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { upcast } from '../graph/types';
import { sizeOf, type Shape, type Value } from '../graph/value';
import type { LoweringTable } from './registry';

/** Reading and writing at positions that are data themselves. */
export const indexing: LoweringTable = {
  GatherV2({ x, indices }, { axis, batchDims }: tf.GatherV2Attrs, graph) {
    if (indices!.type !== 'int32') return null;
    const along = tf.util.parseAxisParam(axis, [...x!.shape])[0]!;
    const { batchSize, outerSize, dimSize, sliceSize, outputShape } =
      tf.backend_util.segment_util.collectGatherOpShapeInfo(infoOf(x!), infoOf(indices!), along, batchDims ?? 0);
    const chosen = within(
      graph,
      indices!,
      dimSize,
      (index) => `GatherV2: the index value ${index} is not in [0, ${dimSize - 1}]`,
    );
    if (!batchDims) return graph.gather(x!, chosen, along);
    const count = indices!.size / batchSize;
    const perBatch = graph.cast(graph.reshape(chosen, [batchSize, 1, count, 1]), 'int64');
    const picks = graph.expand(perBatch, [batchSize, outerSize, count, 1]);
    const blocks = graph.reshape(x!, [batchSize, outerSize, dimSize, sliceSize]);
    const shape = [batchSize, outerSize, count, sliceSize];
    return graph.reshape(graph.op('GatherND', [blocks, picks], x!.type, shape, { batch_dims: 2 }), outputShape);
  },

  GatherNd({ params, indices }, _, graph) {
    const [shape, count, size] = tf.backend_util.prepareAndValidate(infoOf(params!), infoOf(indices!));
    const rank = indices!.shape.at(-1)!;
    const rows = rowsAt(graph, indices!, rank, count, params!.shape);
    const slices = graph.reshape(params!, [params!.size / size, size]);
    return graph.reshape(graph.gather(slices, rows, 0), shape);
  },

  ScatterNd({ indices, updates }, { shape }: tf.ScatterNdAttrs, graph) {
    if (updates!.type === 'bool' || sizeOf(shape) === 0) return null;
    return scatterSlices(graph, graph.fill(updates!.type, shape, 0), indices!, updates!, 'add');
  },

  TensorScatterUpdate: ({ tensor, indices, updates }, _, graph) =>
    tensor!.type === updates!.type ? scatterSlices(graph, tensor!, indices!, updates!, 'none') : null,

  SparseToDense({ sparseIndices, sparseValues, defaultValue }, { outputShape }: tf.SparseToDenseAttrs, graph) {
    if (defaultValue!.type !== sparseValues!.type || sizeOf(outputShape) === 0) return null;
    const ones = outputShape.map(() => 1);
    const base = graph.expand(graph.reshape(defaultValue!, ones), outputShape);
    return scatterSlices(graph, base, sparseIndices!, sparseValues!, 'none');
  },

  OneHot({ indices }, { depth, onValue, offValue, dtype }: tf.OneHotAttrs, graph) {
    const isBinary = onValue === 1 && offValue === 0;
    if (dtype !== 'float32' && dtype !== 'int32' && !(dtype === 'bool' && isBinary)) return null;
    // ONNX's OneHot counts negative indices from the end; here they are nowhere.
    const hits = graph.equal(graph.reshape(indices!, [...indices!.shape, 1]), graph.range(indices!.type, depth));
    if (isBinary) return graph.cast(hits, dtype);
    return graph.where(hits, graph.scalar(dtype, onValue), graph.scalar(dtype, offValue));
  },

  Diag({ x }, _, graph) {
    const { size, shape, type } = x!;
    const column = graph.range('int32', size);
    const diagonal = graph.equal(graph.reshape(column, [size, 1]), column);
    const row = graph.reshape(x!, [size]);
    const matrix = type === 'bool' ? graph.and(diagonal, row) : graph.where(diagonal, row, graph.scalar(type, 0));
    return graph.reshape(matrix, [...shape, ...shape]);
  },

  /** By bisection of all rows at once: log2(N) steps for N sorted numbers. */
  SearchSorted({ sortedSequence, values }, { side }: tf.SearchSortedAttrs, graph) {
    const type = upcast(sortedSequence!.type, values!.type);
    if (type === 'bool') return null;
    const length = sortedSequence!.shape[1]!;
    const steps = Math.ceil(Math.log2(length + 1));
    const last = graph.scalar(type, type === 'int32' ? 2 ** 31 - 1 : Infinity);
    const padded = graph.pad(graph.cast(sortedSequence!, type), [0, 0], [0, 2 ** steps - 1 - length], 'constant', last);
    const wanted = graph.cast(values!, type);
    const precedes = side === 'left' ? 'Less' : 'LessOrEqual';
    let found = graph.fill('int32', values!.shape, 0);
    for (let step = 2 ** (steps - 1); step >= 1; step /= 2) {
      const ahead = graph.add(found, graph.scalar('int32', step - 1));
      const there = graph.op('GatherElements', [padded, ahead], type, values!.shape, { axis: 1 });
      const moves = graph.cast(graph.binary(precedes, there, wanted, 'bool'), 'int32');
      found = graph.add(found, graph.mul(moves, graph.scalar('int32', step)));
    }
    return graph.binary('Min', found, graph.scalar('int32', length));
  },
};

/** What TensorFlow.js's functions on shapes ask for. */
function infoOf({ shape, type }: Value): tf.TensorInfo {
  return { dataId: {}, shape: [...shape], dtype: type as tf.DataType };
}

/** Indices of an axis of length `size`, none of them outside it; what is known now is refused now. */
export function within(graph: Builder, indices: Value, size: number, message: (index: number) => string): Value {
  const wrong = (indices.known as Int32Array | null)?.find((index) => index < 0 || index >= size);
  if (wrong !== undefined) throw new Error(message(wrong));
  return indices.constant ? indices : refuseNegative(graph, indices, size);
}

/** Negative indices, which in ONNX count from the end, as ones beyond the end, which it refuses. */
export function refuseNegative(graph: Builder, indices: Value, size: number): Value {
  const negative = graph.less(indices, graph.scalar(indices.type, 0));
  return graph.where(negative, graph.scalar(indices.type, size), indices);
}

/** Where the slices are that indices [..., rank] of the first axes name, in the order of the elements: [count]. */
function rowsAt(graph: Builder, indices: Value, rank: number, count: number, shape: Shape): Value {
  const strides = shape.slice(0, rank).map((_, axis) => sizeOf(shape.slice(axis + 1, rank)));
  const rows = sizeOf(shape.slice(0, rank));
  const { known } = indices;
  for (let i = 0; known && i < count; i++) {
    const index = Array.from(known.slice(i * rank, (i + 1) * rank), Number);
    const row = index.reduce((sum, position, axis) => sum + position * strides[axis]!, 0);
    if (row < 0 || row >= rows) {
      throw new Error(`Invalid indices: ${index.join()} does not index into ${shape.join()}`);
    }
  }
  const wide = graph.cast(graph.reshape(indices, [count, rank]), 'int64');
  const flat =
    rank === 1 ? graph.reshape(wide, [count]) : graph.op('MatMul', [wide, graph.ints(strides)], 'int64', [count]);
  return refuseNegative(graph, flat, rows);
}

/** `base` with slices of it replaced ('none': the last one stays) or increased ('add'). */
function scatterSlices(graph: Builder, base: Value, indices: Value, updates: Value, reduction: 'none' | 'add'): Value {
  const { sliceRank, numUpdates, sliceSize } = tf.backend_util.calculateShapes(infoOf(updates), infoOf(indices), [
    ...base.shape,
  ]);
  const rows = rowsAt(graph, indices, sliceRank, numUpdates, base.shape);
  const single = graph.reshape(updates, updates.rank === 0 ? [1, 1] : [numUpdates, sliceSize]);
  const slices = graph.expand(single, [numUpdates, sliceSize]);
  const result = scatterRows(graph, graph.reshape(base, [base.size / sliceSize, sliceSize]), rows, slices, reduction);
  return graph.reshape(result, base.shape);
}

/**
 * x [R, C] with row rows[i] replaced by updates[i] or increased by it.
 *
 * By ScatterElements: ONNX Runtime's ScatterND writes with several threads, so that rows named twice lose updates.
 */
export function scatterRows(graph: Builder, x: Value, rows: Value, updates: Value, reduction: 'none' | 'add'): Value {
  const everywhere = graph.expand(graph.reshape(rows, [rows.size, 1]), updates.shape);
  return graph.op('ScatterElements', [x, everywhere, updates], x.type, x.shape, { axis: 0, reduction });
}
