import * as tf from '@tensorflow/tfjs';
import { convInfoOf, type Conv2DInfo, type ConvAttributes, type Shape4D } from './conv-info';
import { bringToHeap, floatsOf, wasmKernel } from './wasm-backend';

// A depthwise convolution has one small filter for each channel c and multiplier m, output channel
// q = c * M + m: too little arithmetic for a matrix product, so these are loops over the channels.

/** dW [KH, KW, C, M]: each tap times the output gradient, summed in float64 over images and places. */
export const depthwiseBackpropFilter = wasmKernel<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  ConvAttributes & { filterShape: Shape4D }
>('DepthwiseConv2dNativeBackpropFilter', ({ inputs: { x, dy }, attrs, backend }) => {
  const info = convInfoOf('depthwiseConv2dBackpropFilter', x.shape as Shape4D, attrs.filterShape, dy, attrs, true);
  bringToHeap(backend, x, dy);
  const out = backend.makeOutput(attrs.filterShape, 'float32');
  const image = backend.typedArrayFromHeap(x);
  const gradient = backend.typedArrayFromHeap(dy);
  const sums = new Float64Array(tf.util.sizeFromShape(attrs.filterShape));
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  forTaps(info, (pixel, place, tap) => addOuter(sums, tap, image, pixel, inChannels, gradient, place, multiplier));
  floatsOf(backend, out).set(sums);
  return out;
});

/** dx [B, H, W, C]: the output gradients of a pixel's taps times their weights, summed over taps and multipliers. */
export const depthwiseBackpropInput = wasmKernel<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  ConvAttributes & { inputShape: Shape4D }
>('DepthwiseConv2dNativeBackpropInput', ({ inputs: { dy, filter }, attrs, backend }) => {
  const info = convInfoOf('depthwiseConv2dBackpropInput', attrs.inputShape, filter.shape as Shape4D, dy, attrs, true);
  bringToHeap(backend, dy, filter);
  const out = backend.makeOutput(attrs.inputShape, 'float32');
  const gradient = backend.typedArrayFromHeap(dy);
  const weights = backend.typedArrayFromHeap(filter);
  const image = floatsOf(backend, out).fill(0);
  const { inChannels, outChannels } = info;
  const multiplier = outChannels / inChannels;
  forTaps(info, (pixel, place, tap) => addInner(image, pixel, inChannels, gradient, place, weights, tap, multiplier));
  return out;
});

/** Calls `body` with the offsets of an input pixel, an output place and a filter tap, wherever the three meet. */
function forTaps(info: Conv2DInfo, body: (pixel: number, place: number, tap: number) => void): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = info;
  for (let row = 0; row < batchSize * outHeight; row++) {
    const image = Math.floor(row / outHeight);
    const top = (row % outHeight) * info.strideHeight - padInfo.top;
    for (let i = 0; i < info.filterHeight; i++) {
      const h = top + i * info.dilationHeight;
      if (h < 0 || h >= inHeight) continue;
      for (let s = 0; s < outWidth; s++) {
        const left = s * info.strideWidth - padInfo.left;
        for (let j = 0; j < info.filterWidth; j++) {
          const w = left + j * info.dilationWidth;
          if (w < 0 || w >= inWidth) continue;
          const pixel = ((image * inHeight + h) * inWidth + w) * inChannels;
          body(pixel, (row * outWidth + s) * outChannels, (i * info.filterWidth + j) * outChannels);
        }
      }
    }
  }
}

// The two loops over channels stand alone, with their arrays as arguments, for the compiler's sake.

/** sums[c, m] += x[c] g[c, m], each array from its offset on. */
function addOuter(
  sums: Float64Array,
  sumsAt: number,
  x: tf.backend_util.TypedArray,
  xAt: number,
  channels: number,
  g: tf.backend_util.TypedArray,
  gAt: number,
  multiplier: number,
): void {
  if (multiplier === 1) {
    for (let c = 0; c < channels; c++) sums[sumsAt + c]! += x[xAt + c]! * g[gAt + c]!;
    return;
  }
  for (let c = 0, q = 0; c < channels; c++) {
    const value = x[xAt + c]!;
    for (let m = 0; m < multiplier; m++, q++) sums[sumsAt + q]! += value * g[gAt + q]!;
  }
}

/** x[c] += sum over m of g[c, m] w[c, m], each array from its offset on. */
function addInner(
  x: Float32Array,
  xAt: number,
  channels: number,
  g: tf.backend_util.TypedArray,
  gAt: number,
  w: tf.backend_util.TypedArray,
  wAt: number,
  multiplier: number,
): void {
  if (multiplier === 1) {
    for (let c = 0; c < channels; c++) x[xAt + c]! += g[gAt + c]! * w[wAt + c]!;
    return;
  }
  for (let c = 0, q = 0; c < channels; c++) {
    let sum = 0;
    for (let m = 0; m < multiplier; m++, q++) sum += g[gAt + q]! * w[wAt + q]!;
    x[xAt + c]! += sum;
  }
}
