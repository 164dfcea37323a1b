import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import { normalizeAxes, reducedShape } from '../graph/shapes';
import { sizeOf, type Value } from '../graph/value';
import type { LoweringTable } from './registry';

/** Many elements to one, over axes or along one axis. */
export const reductions: LoweringTable = {
  Sum: ({ x }, { axis, keepDims }: tf.SumAttrs, graph) => sum(graph, x!, axesOf(axis, x!), keepDims),

  Mean({ x }, { axis, keepDims }: tf.MeanAttrs, graph) {
    const axes = axesOf(axis, x!);
    const count = sizeOf(axes.map((a) => x!.shape[a]!));
    return graph.div(sum(graph, graph.cast(x!, 'float32'), axes, keepDims), graph.scalar('float32', count));
  },

  Prod({ x }, { axis, keepDims }: tf.ProdAttrs, graph) {
    const axes = axesOf(axis, x!);
    return x!.type === 'float32'
      ? graph.reduce('ReduceProd', x!, axes, keepDims)
      : reduceWide(graph, 'ReduceProd', x!, axes, keepDims);
  },

  Max: ({ x }, { reductionIndices, keepDims }: tf.MaxAttrs, graph) =>
    extreme(graph, 'ReduceMax', x!, axesOf(reductionIndices, x!), keepDims),
  Min: ({ x }, { axis, keepDims }: tf.MinAttrs, graph) => extreme(graph, 'ReduceMin', x!, axesOf(axis, x!), keepDims),

  All: ({ x }, { axis, keepDims }: tf.AllAttrs, graph) =>
    x!.type === 'bool' ? graph.reduce('ReduceMin', x!, axesOf(axis, x!), keepDims) : null,
  Any: ({ x }, { axis, keepDims }: tf.AnyAttrs, graph) =>
    x!.type === 'bool' ? graph.reduce('ReduceMax', x!, axesOf(axis, x!), keepDims) : null,

  ArgMax: ({ x }, { axis }: tf.ArgMaxAttrs, graph) => position(graph, 'ArgMax', x!, axis),
  ArgMin: ({ x }, { axis }: tf.ArgMinAttrs, graph) => position(graph, 'ArgMin', x!, axis),

  Cumsum({ x }, { axis, exclusive, reverse }: tf.CumsumAttrs, graph) {
    const terms = numeric(graph, x!);
    const along = graph.scalar('int32', axesOf(axis, x!)[0]!);
    const order = { exclusive: exclusive ? 1 : 0, reverse: reverse ? 1 : 0 };
    return graph.op('CumSum', [terms, along], terms.type, terms.shape, order);
  },

  Cumprod: ({ x }, { axis, exclusive, reverse }: tf.CumprodAttrs, graph) =>
    cumulativeProduct(graph, numeric(graph, x!), axesOf(axis, x!)[0]!, exclusive, reverse),

  /** Always in order, which TensorFlow.js leaves open without `sorted`. */
  TopK({ x }, { k }: tf.TopKAttrs, graph) {
    if (k === 0) return null;
    const keys = numeric(graph, x!);
    const shape = [...x!.shape.slice(0, -1), k];
    const [values, indices] = graph.multi(
      'TopK',
      [keys, graph.ints([k])],
      [
        [keys.type, shape],
        ['int64', shape],
      ],
      { axis: -1, largest: 1, sorted: 1 },
    );
    return [graph.cast(values!, x!.type), graph.cast(indices!, 'int32')];
  },
};

/** Non-negative axes in ascending order. @throws Error when one is not an axis of x */
function axesOf(axis: number | number[], { shape, rank }: Value): number[] {
  return normalizeAxes(tf.util.parseAxisParam(axis, [...shape]), rank);
}

/** What TensorFlow.js counts with: truth values are numbers. */
function numeric(graph: Builder, x: Value): Value {
  return x.type === 'bool' ? graph.cast(x, 'int32') : x;
}

/** Sums and products of int32 wrap around; those of ONNX Runtime stop at the largest number. */
function reduceWide(graph: Builder, op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  if (axes.length === 0) return numeric(graph, x);
  return graph.cast(graph.reduce(op, graph.cast(x, 'int64'), axes, keepDims), 'int32');
}

const LONGEST_SUM = 256;

/** How many numbers may be summed one by one; those of a row ONNX Runtime sums in several parts. */
const longestSum = (outer: number, inner: number): number => (outer > 1 && inner === 1 ? 8 : 1) * LONGEST_SUM;

/** The sum over axes in ascending order, of float32 or else in int32. */
export function sum(graph: Builder, x: Value, axes: readonly number[], keepDims = false): Value {
  if (x.type !== 'float32') return reduceWide(graph, 'ReduceSum', x, axes, keepDims);
  if (x.size <= LONGEST_SUM) return graph.reduce('ReduceSum', x, axes, keepDims);
  // ReduceSum is fast on neighbouring axes only, so these go together, the longest first: it leaves least to the others.
  const rest = [...x.shape];
  const lengthOf = (group: readonly number[]): number => sizeOf(group.map((axis) => x.shape[axis]!));
  const groups = neighbours(axes).sort((a, b) => lengthOf(b) - lengthOf(a));
  let sums = x;
  for (const group of groups) {
    const [first, last] = [group[0]!, group.at(-1)!];
    const [outer, length, inner] = [sizeOf(rest.slice(0, first)), lengthOf(group), sizeOf(rest.slice(last + 1))];
    if (groups.length === 1 && inner === 1 && outer > 1 && length <= longestSum(outer, inner)) {
      return graph.reduce('ReduceSum', x, axes, keepDims);
    }
    sums = sumMiddle(graph, sums, outer, length, inner);
    rest.fill(1, first, last + 1);
  }
  return graph.reshape(sums, reducedShape(x.shape, axes, keepDims));
}

/** [0, 2, 3, 5] -> [[0], [2, 3], [5]] */
function neighbours(axes: readonly number[]): number[][] {
  const groups: number[][] = [];
  for (const axis of axes) {
    const last = groups.at(-1);
    if (last?.at(-1) === axis - 1) last.push(axis);
    else groups.push([axis]);
  }
  return groups;
}

/**
 * The sum over the middle of [outer, length, inner], which may have any shape, as has the result.
 *
 * Long sums are sums of sums: one by one, 10^6 terms keep but two digits.
 */
function sumMiddle(graph: Builder, x: Value, outer: number, length: number, inner: number): Value {
  if (length === 1) return x;
  const longest = longestSum(outer, inner);
  const row = length > longest ? divisorUpTo(Math.min(Math.sqrt(length), longest), length) : length;
  const rows = length / row;
  if (inner === 1 && outer > 1) {
    const sums = graph.reduce('ReduceSum', graph.reshape(x, [outer * rows, row]), [1]);
    return sumMiddle(graph, sums, outer, rows, inner);
  }
  // A product with ones: over leading axes 2 to 10 times as fast as ReduceSum, over middle ones 1.5 times.
  const ones = graph.fill('float32', [1, row], 1);
  const terms = graph.reshape(x, outer > 1 ? [outer * rows, row, inner] : [row, rows * inner]);
  return sumMiddle(graph, graph.matMul(ones, terms), outer, rows, inner);
}

/** The largest divisor of length up to a limit; the length itself where none is worth it. */
function divisorUpTo(limit: number, length: number): number {
  for (let divisor = Math.floor(limit); divisor >= 8; divisor--) if (length % divisor === 0) return divisor;
  return length;
}

/** A maximum or minimum, which is NaN if an element is; that of ONNX Runtime is so only if it is the first. */
function extreme(graph: Builder, op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  const result = graph.reduce(op, x, axes, keepDims);
  if (x.type !== 'float32' || axes.length === 0) return result;
  // A sum of magnitudes is NaN only if one of them is.
  const magnitude = sum(graph, graph.unary('Abs', x), axes, keepDims);
  return graph.where(isNaN(graph, magnitude), magnitude, result);
}

/** Where the first of the largest or smallest elements is. NaNs are passed over, but where the first element is one. */
function position(graph: Builder, op: 'ArgMax' | 'ArgMin', x: Value, axis: number): Value {
  const [along] = axesOf(axis, x);
  if (along === undefined) return graph.fill('int32', [], 0);
  const shape = reducedShape(x.shape, [along], false);
  const find = (keys: Value): Value =>
    graph.cast(graph.op(op, [keys], 'int64', shape, { axis: along, keepdims: 0 }), 'int32');
  if (x.type !== 'float32') return find(numeric(graph, x));
  const never = graph.scalar('float32', op === 'ArgMax' ? -Infinity : Infinity);
  const found = find(graph.where(isNaN(graph, x), never, x));
  const first = graph.reshape(graph.slice(x, [along], [0], [1]), shape);
  return graph.where(isNaN(graph, first), graph.scalar('int32', 0), found);
}

const isNaN = (graph: Builder, x: Value): Value => graph.op('IsNaN', [x], 'bool', x.shape);

/** In steps of 1, 2, 4, ... positions, each a product of all. */
function cumulativeProduct(graph: Builder, x: Value, axis: number, exclusive: boolean, reverse: boolean): Value {
  const length = x.shape[axis]!;
  const one = graph.scalar(x.type, 1);
  /** What stands `by` positions earlier in the order of the product; 1 where there is nothing. */
  const shifted = (value: Value, by: number): Value => {
    const kept = reverse ? graph.slice(value, [axis], [by], [length]) : graph.slice(value, [axis], [0], [length - by]);
    const before = x.shape.map((_, a) => (a === axis && !reverse ? by : 0));
    const after = x.shape.map((_, a) => (a === axis && reverse ? by : 0));
    return graph.pad(kept, before, after, 'constant', one);
  };
  let product = x;
  for (let by = 1; by < length; by *= 2) product = graph.mul(product, shifted(product, by));
  if (!exclusive) return product;
  return length === 1 ? graph.fill(x.type, x.shape, 1) : shifted(product, 1);
}
