import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import {
  blockedConvolution,
  depthwiseBlockFor,
  fromBlocked,
  toBlocked,
  toBlockedBias,
  toBlockedDepthwiseFilter,
} from './blocked-layout';
import { vectorOf } from './convolution';
import { flipped } from './convolution-gradients';
import { activate, activationAttributes, type Activation } from './fused-activation';
import { toChannelsFirst, toChannelsLast } from './image-layout';
import type { LoweringTable } from './registry';
import {
  areUsual,
  fitted,
  gradientOf,
  padSpatial,
  spread,
  tapsOf,
  windowAttributes,
  windowsOf,
  type Windows,
} from './windows';

/** Depthwise convolutions of images and their gradients: M filters for each channel, [H, W, C, M]. Channels are last. */
export const depthwise: LoweringTable = {
  DepthwiseConv2dNative({ x, filter }, attributes: tf.DepthwiseConv2dNativeAttrs, graph) {
    const windows = windowsOfDepthwise(x!.shape, filter!.shape, attributes);
    if (x!.type !== 'float32' || !areUsual(windows)) return null;
    return depthwiseConvolve(graph, x!, filter!, windows);
  },

  FusedDepthwiseConv2D({ x, filter, bias, preluActivationWeights }, attributes: tf.FusedDepthwiseConv2DAttrs, graph) {
    const windows = windowsOfDepthwise(x!.shape, filter!.shape, attributes);
    if (x!.type !== 'float32' || !areUsual(windows)) return null;
    const activation: Activation = {
      name: attributes.activation ?? 'linear',
      alpha: attributes.leakyreluAlpha,
      slopes: preluActivationWeights,
    };
    const vector = bias && vectorOf(graph, bias, filter!.shape[2]! * filter!.shape[3]!);
    if (!bias || vector) return depthwiseConvolve(graph, x!, filter!, windows, vector, activation);
    return activate(graph, graph.add(depthwiseConvolve(graph, x!, filter!, windows), bias), activation);
  },

  DepthwiseConv2dNativeBackpropInput({ dy, filter }, attributes: tf.DepthwiseConv2dNativeBackpropInputAttrs, graph) {
    const windows = windowsOfDepthwise(attributes.inputShape, filter!.shape, attributes);
    if (!areUsual(windows) || windows.dilations.some((dilation) => dilation > 1)) return null;
    return inputGradient(graph, gradientOf(graph, dy!, windows), filter!, windows);
  },

  DepthwiseConv2dNativeBackpropFilter({ x, dy }, attributes: tf.DepthwiseConv2dNativeBackpropFilterAttrs, graph) {
    const windows = windowsOfDepthwise(x!.shape, attributes.filterShape, attributes);
    if (!areUsual(windows) || windows.dilations.some((dilation) => dilation > 1)) return null;
    const [height, width, C, M] = attributes.filterShape;
    const gradients = multiples(graph, gradientOf(graph, dy!, windows), M).map((part) => {
      return graph.reshape(filterGradient(graph, x!, part, windows), [height, width, C, 1]);
    });
    return graph.concat(gradients, 3);
  },
};

interface Geometry {
  strides: [number, number] | number;
  dilations: [number, number] | number;
  pad: tf.DepthwiseConv2dNativeAttrs['pad'];
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

function windowsOfDepthwise(
  inputShape: readonly number[],
  filterShape: readonly number[],
  geometry: Geometry,
): Windows {
  const { strides, dilations, pad, dimRoundingMode } = geometry;
  type Shape4D = [number, number, number, number];
  const [input, filter] = [inputShape as Shape4D, filterShape as Shape4D];
  return windowsOf(
    tf.backend_util.computeConv2DInfo(input, filter, strides, dilations ?? [1, 1], pad, dimRoundingMode, true),
  );
}

/** [..., C M] as M values [..., C]. */
function multiples(graph: Builder, x: Value, M: number): Value[] {
  if (M === 1) return [x];
  const shape = [...x.shape.slice(0, -1), x.shape.at(-1)! / M];
  const parts = graph.split(
    graph.reshape(x, [...shape, M]),
    x.rank,
    Array.from({ length: M }, () => 1),
  );
  return parts.map((part) => graph.reshape(part, shape));
}

/** The reverse of `multiples`. */
function interleaved(graph: Builder, parts: readonly Value[]): Value {
  if (parts.length === 1) return parts[0]!;
  const { shape } = parts[0]!;
  const stacked = graph.concat(
    parts.map((part) => graph.reshape(part, [...shape, 1])),
    shape.length,
  );
  return graph.reshape(stacked, [...shape.slice(0, -1), shape.at(-1)! * parts.length]);
}

/** image [N, H, W, C], filter [h, w, C, M], bias [C M]; result [N, H', W', C M]. */
function depthwiseConvolve(
  graph: Builder,
  image: Value,
  filter: Value,
  windowsOfImage: Windows,
  bias?: Value,
  activation: Activation = { name: 'linear' },
): Value {
  const [x, windows] = fitted(graph, image, windowsOfImage, 1);
  const [height, width, C, M] = filter.shape as [number, number, number, number];
  const block = depthwiseBlockFor(graph, C);
  if (block === 0) {
    const filter_OHW = graph.reshape(graph.transpose(filter, [2, 3, 0, 1]), [C * M, 1, height, width]);
    const operands = [toChannelsFirst(graph, x), filter_OHW, ...(bias ? [bias] : [])];
    const shape = [x.shape[0]!, C * M, ...windows.outputs];
    const y = graph.op('Conv', operands, 'float32', shape, { ...windowAttributes(windows), group: C });
    return activate(graph, toChannelsLast(graph, y), activation);
  }
  const blockedImage = toBlocked(graph, x, block);
  const biases = bias && multiples(graph, bias, M);
  const fused = activationAttributes(activation);
  const parts = multiples(graph, graph.reshape(filter, [height, width, C * M]), M).map((part, m) => {
    const blocked = blockedConvolution(graph, blockedImage, toBlockedDepthwiseFilter(graph, part, block), windows, {
      group: blockedImage.shape[1]!,
      bias: biases && toBlockedBias(graph, biases[m]!, block),
      activation: fused ?? {},
    });
    return fromBlocked(graph, blocked, C);
  });
  const y = interleaved(graph, parts);
  return fused ? y : activate(graph, y, activation);
}

/**
 * dy with its pixels `stride` apart, convolved with the reversed filter: half to a quarter of ConvTranspose's time,
 * also at stride 2, where three of four pixels are 0.
 */
function inputGradient(graph: Builder, dy: Value, filter: Value, windows: Windows): Value {
  const [image, stepwise] = spread(graph, dy, windows);
  const [height, width, C, M] = filter.shape as [number, number, number, number];
  const filters = multiples(graph, flipped(graph, graph.reshape(filter, [height, width, C * M]), 2), M);
  const parts = multiples(graph, image, M).map((part, m) => {
    return depthwiseConvolve(graph, part, graph.reshape(filters[m]!, [height, width, C, 1]), stepwise);
  });
  return graph.variadic('Sum', parts);
}

/**
 * x and dy [N, ..., C] -> [h, w, C]. Each image and channel has a filter of its own, dy's, which gives its part of
 * the gradient: one depthwise convolution over N C channels, of which blocks are made as easily as of C. A quarter of
 * the time of a product and a sum for each place of the filter.
 */
function filterGradient(graph: Builder, x: Value, dy: Value, windows: Windows): Value {
  const [batch, C] = [x.shape[0]!, x.shape[3]!];
  const { sizes, outputs, strides, before, after } = windows;
  const block = depthwiseBlockFor(graph, C);
  if (block === 0) {
    const places = tapsOf(graph, x, windows).map((tap) => {
      return graph.reshape(graph.reduce('ReduceSum', graph.mul(tap, dy), [0, 1, 2]), [1, C]);
    });
    return graph.reshape(graph.concat(places, 0), [...sizes, C]);
  }
  // Padded beforehand: the convolution is slow at pixels with padding, which here would be most.
  const image = toBlocked(graph, padSpatial(graph, x, before, after), block);
  const filter = toBlocked(graph, dy, block);
  const channels = batch * image.shape[1]!;
  const ones = strides.map(() => 1);
  const zeros = strides.map(() => 0);
  const places: Windows = {
    inputs: image.shape.slice(2),
    outputs: sizes,
    sizes: outputs,
    strides: ones,
    dilations: strides,
    before: zeros,
    after: zeros,
  };
  const gradients = blockedConvolution(
    graph,
    graph.reshape(image, [1, channels, ...places.inputs]),
    graph.reshape(filter, [channels, 1, ...outputs]),
    places,
    { group: channels },
  );
  const apart = graph.reshape(fromBlocked(graph, gradients, channels), [...sizes, batch, image.shape[1]!]);
  return graph.slice(graph.reduce('ReduceSum', apart, [2]), [2], [0], [C]);
}
