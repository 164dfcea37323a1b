import type * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { pooled, windowsOf2D, windowsOf3D } from './pooling';
import type { LoweringTable } from './registry';
import {
  areUsual,
  cutOut,
  gradientOf,
  padSpatial,
  spread,
  sumOfTaps,
  tapsOf,
  unfoldPhases,
  type Windows,
} from './windows';

/** Gradients of poolings. */
export const poolingGradients: LoweringTable = {
  MaxPoolGrad({ dy, input, output }, attributes: tf.MaxPoolGradAttrs, graph) {
    return maximumGradient(graph, dy!, input!, output!, windowsOf2D(input!, attributes), 'first');
  },

  MaxPool3DGrad({ dy, input, output }, attributes: tf.MaxPool3DGradAttrs, graph) {
    return maximumGradient(graph, dy!, input!, output!, windowsOf3D(input!, attributes), 'last');
  },

  AvgPoolGrad: ({ dy, input }, attributes: tf.AvgPoolGradAttrs, graph) =>
    meanGradient(graph, dy!, windowsOf2D(input!, attributes)),

  AvgPool3DGrad: ({ dy, input }, attributes: tf.AvgPool3DGradAttrs, graph) =>
    meanGradient(graph, dy!, windowsOf3D(input!, attributes)),
};

/** @param ties  which of several largest pixels of a window gets the gradient; TensorFlow.js has both */
function maximumGradient(
  graph: Builder,
  dy: Value,
  x: Value,
  y: Value,
  windows: Windows,
  ties: 'first' | 'last',
): Value | null {
  if (x.type !== 'float32' || !areUsual(windows)) return null;
  const taps = tapsOf(graph, x, windows, graph.scalar('float32', NaN));
  const inOrder = ties === 'first' ? taps : taps.reverse();
  const parts = partsOfWinners(graph, inOrder, gradientOf(graph, y, windows), gradientOf(graph, dy, windows));
  return sumOfTaps(graph, ties === 'first' ? parts : parts.reverse(), windows);
}

/**
 * dy at the first of the taps that is y, and 0 at the others. Half the time of finding the places by MaxPool and adding
 * there by ScatterElements, though these are many nodes.
 */
export function partsOfWinners(graph: Builder, taps: readonly Value[], y: Value, dy: Value): Value[] {
  const zero = graph.scalar('float32', 0);
  let rest = dy;
  return taps.map((tap, i) => {
    if (i === taps.length - 1) return rest;
    const wins = graph.equal(tap, y);
    const part = graph.where(wins, rest, zero);
    rest = graph.where(wins, zero, rest);
    return part;
  });
}

/** TensorFlow.js divides by the size of the whole window, also where a part of it lies outside. */
function meanGradient(graph: Builder, dy: Value, windows: Windows): Value | null {
  const { inputs, outputs, sizes, strides, before } = windows;
  if (!areUsual(windows)) return null;
  const gradient = gradientOf(graph, dy, windows);
  if (sizes.every((size, i) => size === strides[i])) {
    const share = graph.scalar('float32', 1 / sizes.reduce((product, size) => product * size, 1));
    const [batch, channels] = [dy.shape[0]!, dy.shape.at(-1)!];
    const ones = sizes.map(() => 1);
    const shares = graph.reshape(graph.mul(gradient, share), [batch, ...outputs, ...ones, channels]);
    const whole = unfoldPhases(
      graph,
      graph.expand(shares, [batch, ...outputs, ...sizes, channels]),
      outputs,
      sizes,
      channels,
    );
    return cutOut(graph, whole, before, inputs);
  }
  const [image, stepwise] = spread(graph, gradient, windows);
  if (areUsual(stepwise)) return pooled(graph, 'AveragePool', image, stepwise, { count_include_pad: 1 });
  const padded = padSpatial(graph, image, stepwise.before, stepwise.after);
  const none = stepwise.before.map(() => 0);
  return pooled(graph, 'AveragePool', padded, {
    ...stepwise,
    inputs: padded.shape.slice(1, -1),
    before: none,
    after: none,
  });
}
