import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { partsOfWinners } from './pooling-gradients';
import type { LoweringTable } from './registry';
import { areUsual, sumOfTaps, tapsOf, windowsOf, type Windows } from './windows';

/** Grayscale dilation, max over a window of image plus filter [H, W, C], and its gradients. */
export const dilation: LoweringTable = {
  Dilation2D({ x, filter }, attributes: tf.Dilation2DAttrs, graph) {
    const sums = sumsOf(graph, x!, filter!, attributes);
    return sums && graph.variadic('Max', sums.taps);
  },

  Dilation2DBackpropInput({ x, filter, dy }, attributes: tf.Dilation2DAttrs, graph) {
    const sums = sumsOf(graph, x!, filter!, attributes);
    if (sums === null) return null;
    const parts = partsOfWinners(graph, sums.taps, graph.variadic('Max', sums.taps), graph.cast(dy!, 'float32'));
    return sumOfTaps(graph, parts, sums.windows);
  },

  Dilation2DBackpropFilter({ x, filter, dy }, attributes: tf.Dilation2DAttrs, graph) {
    const sums = sumsOf(graph, x!, filter!, attributes);
    if (sums === null) return null;
    const parts = partsOfWinners(graph, sums.taps, graph.variadic('Max', sums.taps), graph.cast(dy!, 'float32'));
    const channels = filter!.shape[2]!;
    const rows = parts.map((part) => graph.reshape(graph.reduce('ReduceSum', part, [0, 1, 2]), [1, channels]));
    return graph.reshape(graph.concat(rows, 0), filter!.shape);
  },
};

/** Image plus filter at each place of the windows; `null` for types other than float32. */
function sumsOf(
  graph: Builder,
  x: Value,
  filter: Value,
  { strides, pad, dilations }: tf.Dilation2DAttrs,
): { taps: Value[]; windows: Windows } | null {
  if (x.type !== 'float32' || filter.type !== 'float32') return null;
  const windows = windowsOf(
    tf.backend_util.computeDilation2DInfo(
      x.shape as [number, number, number, number],
      filter.shape as [number, number, number],
      strides,
      pad,
      'NHWC',
      dilations,
    ),
  );
  if (!areUsual(windows)) return null;
  const [height, width, channels] = filter.shape as [number, number, number];
  const heights = graph.split(
    graph.reshape(filter, [height * width, channels]),
    0,
    Array.from({ length: height * width }, () => 1),
  );
  const outside = graph.scalar('float32', -Infinity);
  const taps = tapsOf(graph, x, windows, outside).map((tap, i) => graph.add(tap, heights[i]!));
  return { taps, windows };
}
