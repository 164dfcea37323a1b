import * as tf from '@tensorflow/tfjs';
import { convolve } from './convolution';
import { filterGradient, inputGradient } from './convolution-gradients';
import type { LoweringTable } from './registry';
import { areUsual, gradientOf, windowsOf, type Windows } from './windows';

/** Convolutions of images with a depth, [N, D, H, W, C], and their gradients. */
export const convolution3D: LoweringTable = {
  Conv3D({ x, filter }, { strides, pad, dilations }: tf.Conv3DAttrs, graph) {
    const windows = windowsOf3D(x!.shape, filter!.shape, strides, pad, dilations);
    if (x!.type !== 'float32' || !areUsual(windows)) return null;
    return convolve(graph, x!, filter!, windows);
  },

  Conv3DBackpropInputV2({ dy, filter }, { inputShape, strides, pad }: tf.Conv3DBackpropInputV2Attrs, graph) {
    const windows = windowsOf3D(inputShape, filter!.shape, strides, pad);
    if (!areUsual(windows)) return null;
    return inputGradient(graph, gradientOf(graph, dy!, windows), graph.cast(filter!, 'float32'), windows);
  },

  Conv3DBackpropFilterV2({ x, dy }, { filterShape, strides, pad }: tf.Conv3DBackpropFilterV2Attrs, graph) {
    const windows = windowsOf3D(x!.shape, filterShape, strides, pad);
    if (!areUsual(windows)) return null;
    return filterGradient(graph, graph.cast(x!, 'float32'), gradientOf(graph, dy!, windows), windows);
  },
};

type Shape5D = [number, number, number, number, number];

function windowsOf3D(
  inputShape: readonly number[],
  filterShape: readonly number[],
  strides: number | [number, number, number],
  pad: 'valid' | 'same',
  dilations: number | [number, number, number] = 1,
): Windows {
  const [input, filter] = [inputShape as Shape5D, filterShape as Shape5D];
  return windowsOf(tf.backend_util.computeConv3DInfo(input, filter, strides, dilations, pad));
}
