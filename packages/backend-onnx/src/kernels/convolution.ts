import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { blockedConvolution, blockFor, fromBlocked, toBlocked, toBlockedBias, toBlockedFilter } from './blocked-layout';
import { activate, activationAttributes, type Activation } from './fused-activation';
import { toChannelsFirst, toChannelsLast, toFilterFirst } from './image-layout';
import type { LoweringTable } from './registry';
import {
  areUsual,
  fitted,
  foldPhases,
  isPadded,
  padSpatial,
  windowAttributes,
  windowsOf,
  type Windows,
} from './windows';

/** Convolutions of images. Their gradients are in convolution-gradients.ts, those with a depth in convolution-3d.ts. */
export const convolution: LoweringTable = {
  Conv2D({ x, filter }, attributes: tf.Conv2DAttrs, graph) {
    const windows = windowsOf2D(x!, filter!, attributes);
    return windows && convolve(graph, x!, filter!, windows, { channelsFirst: attributes.dataFormat === 'NCHW' });
  },

  FusedConv2D({ x, filter, bias, preluActivationWeights: slopes }, attributes: tf.FusedConv2DAttrs, graph) {
    const windows = windowsOf2D(x!, filter!, attributes);
    if (windows === null) return null;
    const channelsFirst = attributes.dataFormat === 'NCHW';
    const alongChannels = (value: Value | undefined): Value | undefined =>
      value && channelsFirst && value.rank === 1 ? graph.reshape(value, [value.size, 1, 1]) : value;
    const activation = {
      name: attributes.activation ?? 'linear',
      alpha: attributes.leakyreluAlpha,
      slopes: alongChannels(slopes),
    };
    const vector = bias && vectorOf(graph, bias, filter!.shape[3]!);
    if (bias && !vector) {
      const sum = graph.add(convolve(graph, x!, filter!, windows, { channelsFirst }), alongChannels(bias)!);
      return activate(graph, sum, activation);
    }
    return convolve(graph, x!, filter!, windows, { channelsFirst, bias: vector, activation });
  },
};

/** `null` for what the host has to take. */
function windowsOf2D(x: Value, filter: Value, attributes: tf.Conv2DAttrs): Windows | null {
  const { strides, dilations, pad, dimRoundingMode, dataFormat } = attributes;
  const info = tf.backend_util.computeConv2DInfo(
    x.shape as [number, number, number, number],
    filter.shape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    tf.backend_util.convertConv2DDataFormat(dataFormat),
  );
  const windows = windowsOf(info);
  return x.type === 'float32' && areUsual(windows) ? windows : null;
}

/** A bias as one number for each of `channels`; `undefined` if it depends on the pixel. */
export function vectorOf(graph: Builder, bias: Value, channels: number): Value | undefined {
  if (bias.size === 1) return graph.expand(graph.reshape(bias, [1]), [channels]);
  return bias.size === channels && bias.shape.at(-1) === channels ? graph.reshape(bias, [channels]) : undefined;
}

export interface ConvolutionOptions {
  /** Whether the image and the result have channels first; the filter is [...sizes, C, O] in either case. */
  channelsFirst?: boolean;
  /** [O] */
  bias?: Value | undefined;
  activation?: Activation;
}

const LINEAR: Activation = { name: 'linear' };

/** image_NHWC (or NDHWC) * filter [...sizes, C, O]. */
export function convolve(
  graph: Builder,
  image: Value,
  filter: Value,
  windowsOfImage: Windows,
  { channelsFirst = false, bias, activation = LINEAR }: ConvolutionOptions = {},
): Value {
  const [x, windows] = fitted(graph, image, windowsOfImage, channelsFirst ? 2 : 1);
  const [inputs, outputs] = filter.shape.slice(-2) as [number, number];
  if (!channelsFirst && arePatches(windows)) {
    const patches = patchesOf(graph, x, windows);
    const product = graph.gemm(patches, graph.reshape(filter, [patches.shape[1]!, outputs]), { c: bias });
    return activate(graph, graph.reshape(product, [x.shape[0]!, ...windows.outputs, outputs]), activation);
  }
  const block = blockFor(graph, inputs, outputs, windows);
  if (block === 0) {
    const operands = [
      channelsFirst ? x : toChannelsFirst(graph, x),
      toFilterFirst(graph, filter),
      ...(bias ? [bias] : []),
    ];
    const shape = [x.shape[0]!, outputs, ...windows.outputs];
    const y = graph.op('Conv', operands, 'float32', shape, windowAttributes(windows));
    return activate(graph, channelsFirst ? y : toChannelsLast(graph, y), activation);
  }
  const fused = activationAttributes(activation);
  const blocked = blockedConvolution(
    graph,
    inputs >= block ? toBlocked(graph, x, block, channelsFirst) : channelsFirst ? x : toChannelsFirst(graph, x),
    toBlockedFilter(graph, filter, block),
    windows,
    { bias: bias && toBlockedBias(graph, bias, block), activation: fused ?? {} },
  );
  const y = fromBlocked(graph, blocked, outputs, channelsFirst);
  return fused ? y : activate(graph, y, activation);
}

/** Whether no pixel is in two windows, so that the convolution is one product of matrices. */
export function arePatches(windows: Windows): boolean {
  const { sizes, strides } = windows;
  return !isPadded(windows) && (sizes.every((size) => size === 1) || sizes.every((size, i) => size === strides[i]));
}

/** The windows of x_NHWC as rows: [N * outputs, sizes * C]. */
export function patchesOf(graph: Builder, x: Value, { outputs, sizes, strides }: Windows): Value {
  const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const rows = [batch, ...outputs].reduce((product, length) => product * length, 1);
  const columns = sizes.reduce((product, size) => product * size, channels);
  const axes = sizes.map((_, i) => i + 1);
  const zeros = axes.map(() => 0);
  if (columns === channels) {
    const ends = outputs.map((length, i) => (length - 1) * strides[i]! + 1);
    return graph.reshape(graph.slice(x, axes, zeros, ends, strides), [rows, columns]);
  }
  const unreached = outputs.map((length, i) => length * sizes[i]! - x.shape[i + 1]!);
  return graph.reshape(foldPhases(graph, padSpatial(graph, x, zeros, unreached), outputs, sizes), [rows, columns]);
}
