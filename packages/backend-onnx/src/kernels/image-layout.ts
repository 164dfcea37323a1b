import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';

/**
 * The order of an image's axes: TensorFlow.js keeps channels last (NHWC, NDHWC), operators of ONNX want them first
 * (NCHW, NCDHW).
 */

export function toChannelsFirst(graph: Builder, x: Value): Value {
  const last = x.rank - 1;
  return graph.transpose(x, [0, last, ...range(1, last)]);
}

export function toChannelsLast(graph: Builder, x: Value): Value {
  return graph.transpose(x, [0, ...range(2, x.rank), 1]);
}

/** A filter [...sizes, C, O] as ONNX wants it: [O, C, ...sizes]. */
export function toFilterFirst(graph: Builder, filter: Value): Value {
  const sizes = filter.rank - 2;
  return graph.transpose(filter, [sizes + 1, sizes, ...range(0, sizes)]);
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
