import * as tf from '@tensorflow/tfjs';
import type { Builder } from '../graph/builder';
import type { Value } from '../graph/value';
import { blockFor } from './blocked-layout';
import { arePatches, convolve, patchesOf } from './convolution';
import { toChannelsFirst, toChannelsLast, toFilterFirst } from './image-layout';
import type { LoweringTable } from './registry';
import { areUsual, cutOut, fitted, gradientOf, padSpatial, unfoldPhases, windowsOf, type Windows } from './windows';

/** Gradients of convolutions of images; the one for the input is also conv2dTranspose. */
export const convolutionGradients: LoweringTable = {
  Conv2DBackpropInput({ dy, filter }, attributes: tf.Conv2DBackpropInputAttrs, graph) {
    const { inputShape, strides, pad, dimRoundingMode, dataFormat } = attributes;
    const windows = windowsOf2D(inputShape, filter!.shape, strides, pad, dimRoundingMode, dataFormat);
    if (!areUsual(windows)) return null;
    const [dy_NHWC, back] = asChannelsLast(graph, dy!, dataFormat);
    return back(inputGradient(graph, gradientOf(graph, dy_NHWC, windows), graph.cast(filter!, 'float32'), windows));
  },

  Conv2DBackpropFilter({ x, dy }, attributes: tf.Conv2DBackpropFilterAttrs, graph) {
    const { filterShape, strides, pad, dimRoundingMode, dataFormat } = attributes;
    const windows = windowsOf2D(x!.shape, filterShape, strides, pad, dimRoundingMode, dataFormat);
    if (!areUsual(windows)) return null;
    const [x_NHWC] = asChannelsLast(graph, graph.cast(x!, 'float32'), dataFormat);
    const [dy_NHWC] = asChannelsLast(graph, dy!, dataFormat);
    return filterGradient(graph, x_NHWC, gradientOf(graph, dy_NHWC, windows), windows);
  },
};

type Shape4D = [number, number, number, number];

function windowsOf2D(
  inputShape: readonly number[],
  filterShape: readonly number[],
  strides: number | [number, number],
  pad: tf.Conv2DAttrs['pad'],
  rounding: tf.Conv2DAttrs['dimRoundingMode'],
  dataFormat: tf.Conv2DAttrs['dataFormat'],
): Windows {
  const format = tf.backend_util.convertConv2DDataFormat(dataFormat);
  const [input, filter] = [inputShape as Shape4D, filterShape as Shape4D];
  return windowsOf(tf.backend_util.computeConv2DInfo(input, filter, strides, 1, pad, rounding, false, format));
}

/** The image with channels last, and what gives a result the order that it had. */
function asChannelsLast(graph: Builder, x: Value, dataFormat: string): [Value, (y: Value) => Value] {
  if (dataFormat !== 'NCHW') return [x, (y) => y];
  return [toChannelsLast(graph, x), (y) => toChannelsFirst(graph, y)];
}

/** d/dx of sum(dy_NHWC convolve(x_NHWC, filter)). */
export function inputGradient(graph: Builder, dy: Value, filter: Value, windows: Windows): Value {
  const { sizes, strides } = windows;
  if (sizes.every((size, i) => size <= strides[i]!)) return gradientOfPatches(graph, dy, filter, windows);
  const [inputs, outputs] = filter.shape.slice(-2) as [number, number];
  const phases = phasesOf(windows);
  const waste = sizes.reduce((product, size, i) => (product * phases.sizes[i]! * strides[i]!) / size, 1);
  const count = strides.reduce((product, stride) => product * stride, 1);
  // Without ONNX Runtime's own convolutions, one by phases beats ConvTranspose at stride 1 (11 against 14 ms) alone.
  const isFast = count === 1 || blockFor(graph, outputs, inputs * count, windows, waste) > 0;
  return isFast
    ? convolutionByPhases(graph, dy, filter, windows, phases)
    : transposedConvolution(graph, dy, filter, windows);
}

/** No pixel is in two windows. */
function gradientOfPatches(graph: Builder, dy: Value, filter: Value, windows: Windows): Value {
  const { inputs, outputs, sizes, strides, before } = windows;
  const [C, O] = filter.shape.slice(-2) as [number, number];
  const batch = dy.shape[0]!;
  const matrix = graph.reshape(filter, [filter.size / O, O]);
  const patches = graph.gemm(graph.reshape(dy, [dy.size / O, O]), matrix, { transB: true });
  const gaps = strides.map((stride, i) => stride - sizes[i]!);
  const none = [0, ...outputs.map(() => 0)];
  const apart = graph.reshape(patches, [batch, ...outputs, ...sizes, C]);
  const spaced = graph.pad(apart, [...none, ...gaps.map(() => 0), 0], [...none, ...gaps, 0]);
  const whole = unfoldPhases(graph, spaced, outputs, strides, C);
  return cutOut(graph, whole, before, inputs);
}

/**
 * Pixels at a distance of a multiple of the stride share a phase. Pixel s q + a, counted from the padding's start,
 * has the gradient sum_m dy[q - m] filter[s m + a]: for each phase a, dy convolved with every s-th row of the filter.
 *
 * @returns the windows, of stride 1, of the convolution that gives all phases as channels
 */
function phasesOf({ inputs, outputs, sizes, strides, before }: Windows): Windows {
  const ones = strides.map(() => 1);
  const taps = sizes.map((size, i) => Math.ceil(size / strides[i]!));
  const first = strides.map((stride, i) => Math.floor(before[i]! / stride));
  const last = strides.map((stride, i) => Math.floor((inputs[i]! - 1 + before[i]!) / stride));
  return {
    inputs: outputs,
    outputs: last.map((end, i) => end - first[i]! + 1),
    sizes: taps,
    strides: ones,
    dilations: ones,
    before: taps.map((count, i) => count - 1 - first[i]!),
    after: last.map((end, i) => end - (outputs[i]! - 1)),
  };
}

function convolutionByPhases(graph: Builder, dy: Value, filter: Value, windows: Windows, phases: Windows): Value {
  const { inputs, sizes, strides, before } = windows;
  const phaseFilter = flipped(graph, filterOfPhases(graph, filter, windows, phases), sizes.length);
  const stacked = convolve(graph, dy, phaseFilter, phases);
  const image = unfoldPhases(graph, stacked, phases.outputs, strides, filter.shape.at(-2)!);
  const start = before.map((count, i) => count - Math.floor(count / strides[i]!) * strides[i]!);
  return cutOut(graph, image, start, inputs);
}

/** [...sizes, C, O] -> [...taps, O, phases and C]. */
function filterOfPhases(graph: Builder, filter: Value, { sizes, strides }: Windows, phases: Windows): Value {
  const rank = sizes.length;
  const [C, O] = filter.shape.slice(-2) as [number, number];
  const axes = sizes.map((_, i) => i);
  if (strides.every((stride) => stride === 1)) return graph.transpose(filter, [...axes, rank + 1, rank]);
  const none = filter.shape.map(() => 0);
  const missing = phases.sizes.map((taps, i) => taps * strides[i]! - sizes[i]!);
  const lengths = phases.sizes.flatMap((taps, i) => [taps, strides[i]!]);
  const whole = graph.reshape(graph.pad(filter, none, [...missing, 0, 0]), [...lengths, C, O]);
  const perm = [...axes.map((axis) => 2 * axis), 2 * rank + 1, ...axes.map((axis) => 2 * axis + 1), 2 * rank];
  const channels = strides.reduce((product, stride) => product * stride, C);
  return graph.reshape(graph.transpose(whole, perm), [...phases.sizes, O, channels]);
}

/** In reverse order along the first `rank` axes. */
export function flipped(graph: Builder, filter: Value, rank: number): Value {
  const axes = filter.shape.slice(0, rank).flatMap((length, axis) => (length > 1 ? [axis] : []));
  const last = axes.map((axis) => filter.shape[axis]! - 1);
  if (axes.length === 0) return filter;
  return graph.slice(
    filter,
    axes,
    last,
    axes.map(() => -(2 ** 31)),
    axes.map(() => -1),
  );
}

function transposedConvolution(graph: Builder, dy: Value, filter: Value, windows: Windows): Value {
  const { inputs, sizes, strides, before, after } = windows;
  const padding = [...before, ...after].map((count) => Math.max(count, 0));
  const [front, behind] = [before, after].map((counts) => counts.map((count) => Math.max(-count, 0))) as [
    number[],
    number[],
  ];
  const reached = inputs.map((length, i) => length - front[i]! - behind[i]!);
  // ONNX has filters [C, O, ...sizes] of the transposed convolution, whose O are our C.
  const operands = [toChannelsFirst(graph, dy), toFilterFirst(graph, filter)];
  const shape = [dy.shape[0]!, filter.shape.at(-2)!, ...reached];
  const dx = graph.op('ConvTranspose', operands, 'float32', shape, { kernel_shape: sizes, strides, pads: padding });
  return padSpatial(graph, toChannelsLast(graph, dx), front, behind);
}

/**
 * d/dfilter of sum(dy_NHWC convolve(image_NHWC, filter)).
 *
 * This is a convolution of the image with dy as its filter, whose outputs are the filter's few places. With the image
 * x seen as one of N channels that is W C wide, and dy's steps along W dilated by C, the outputs are places times C:
 * x is taken as it lies, and no window is written out. 9 ms for x [8, 32, 32, 64] and 3x3x64x64; one product for each
 * place takes 13, one with the windows side by side 18, a convolution with N and C swapped 22.
 */
export function filterGradient(graph: Builder, image: Value, dy: Value, windowsOfImage: Windows): Value {
  const [x, windows] = fitted(graph, image, windowsOfImage, 1);
  const { outputs, sizes, strides, before, after } = windows;
  const [batch, C] = [x.shape[0]!, x.shape.at(-1)!];
  const O = dy.shape.at(-1)!;
  if (arePatches(windows)) {
    const patches = patchesOf(graph, x, windows);
    const product = graph.gemm(patches, graph.reshape(dy, [patches.shape[0]!, O]), { transA: true });
    return graph.reshape(product, [...sizes, C, O]);
  }
  const none = before.map(() => 0);
  const reached = padSpatial(
    graph,
    x,
    none,
    after.map((count) => Math.min(count, 0)),
  );
  const wide = (counts: readonly number[]): number[] =>
    counts.map((count, i) => (i < counts.length - 1 ? count : count * C));
  const wideImage = graph.reshape(reached, [1, batch, ...wide(reached.shape.slice(1, -1))]);
  const rank = sizes.length;
  const dy_ONHW = graph.transpose(dy, [rank + 1, ...Array.from({ length: rank + 1 }, (_, axis) => axis)]);
  const gradient = graph.op('Conv', [wideImage, dy_ONHW], 'float32', [1, O, ...wide(sizes)], {
    kernel_shape: outputs,
    strides: none.map(() => 1),
    dilations: wide(strides),
    pads: [...wide(before), ...wide(after.map((count) => Math.max(count, 0)))],
  });
  const matrix = graph.reshape(gradient, [O, gradient.size / O]);
  return graph.reshape(graph.transpose(matrix, [1, 0]), [...sizes, C, O]);
}
