import type * as tf from '@tensorflow/tfjs';
import { convInfoOf, type Conv2DInfo, type ConvAttributes, type Shape4D } from './conv-info';
import {
  bringToHeap,
  callKernel,
  floatsOf,
  release,
  releaseView,
  viewOf,
  wasmKernel,
  type WasmBackend,
} from './wasm-backend';

// B batch, H W input rows and columns, R S output rows and columns, C input channels, O output
// channels, K = filterHeight * filterWidth * C. A convolution is a product of matrices over the
// patches of the image; its two gradients are the two other products of the same three matrices.

// Patches are made for some output rows at a time, about this many floats: 1 MiB stays in the cache.
const PATCH_FLOATS = 1 << 18;

/** dW [KH, KW, C, O] = patches(x)^T [K, BRS] dy [BRS, O]. */
export const conv2dBackpropFilter = wasmKernel<
  { x: tf.TensorInfo; dy: tf.TensorInfo },
  ConvAttributes & { filterShape: Shape4D }
>('Conv2DBackpropFilter', ({ inputs: { x, dy }, attrs, backend }) => {
  const info = convInfoOf('conv2dBackpropFilter', x.shape as Shape4D, attrs.filterShape, dy, attrs);
  bringToHeap(backend, x, dy);
  const out = backend.makeOutput(attrs.filterShape, 'float32');
  floatsOf(backend, out).fill(0);
  forRowBlocks(info, (firstRow, rows) => {
    const length = rows * info.outWidth;
    const patches_KN = transposedPatches(backend, x, info, firstRow, rows);
    const dy_NO = viewOf(backend, dy, firstRow * info.outWidth * info.outChannels, [1, length, info.outChannels]);
    const product_KO = callKernel(backend, 'BatchMatMul', { a: patches_KN, b: dy_NO }, UNTRANSPOSED);
    addTo(floatsOf(backend, out), floatsOf(backend, product_KO));
    releaseView(backend, dy_NO);
    release(backend, patches_KN, product_KO);
  });
  return out;
});

/** dx [B, H, W, C] = the patches dy [BRS, O] filter^T [O, K], each added where it was taken from. */
export const conv2dBackpropInput = wasmKernel<
  { dy: tf.TensorInfo; filter: tf.TensorInfo },
  ConvAttributes & { inputShape: Shape4D }
>('Conv2DBackpropInput', ({ inputs: { dy, filter }, attrs, backend }) => {
  const info = convInfoOf('conv2dBackpropInput', attrs.inputShape, filter.shape as Shape4D, dy, attrs);
  bringToHeap(backend, dy, filter);
  const { outChannels, outWidth } = info;
  const patchSize = info.filterHeight * info.filterWidth * info.inChannels;
  const filter_KO = viewOf(backend, filter, 0, [1, patchSize, outChannels]);
  const filter_OK = callKernel(backend, 'Transpose', { x: filter_KO }, { perm: [0, 2, 1] });
  const out = backend.makeOutput(attrs.inputShape, 'float32');
  floatsOf(backend, out).fill(0);
  forRowBlocks(info, (firstRow, rows) => {
    const dy_NO = viewOf(backend, dy, firstRow * outWidth * outChannels, [1, rows * outWidth, outChannels]);
    const patches_NK = callKernel(backend, 'BatchMatMul', { a: dy_NO, b: filter_OK }, UNTRANSPOSED);
    addPatches(floatsOf(backend, out), floatsOf(backend, patches_NK), info, firstRow, rows);
    releaseView(backend, dy_NO);
    release(backend, patches_NK);
  });
  releaseView(backend, filter_KO);
  release(backend, filter_OK);
  return out;
});

const UNTRANSPOSED = { transposeA: false, transposeB: false };

/** Goes through the B * R output rows in blocks whose patches have about PATCH_FLOATS elements. */
function forRowBlocks(info: Conv2DInfo, body: (firstRow: number, rows: number) => void): void {
  const { batchSize, outHeight, outWidth, filterHeight, filterWidth, inChannels, outChannels } = info;
  const total = outWidth * inChannels * outChannels === 0 ? 0 : batchSize * outHeight;
  const block = Math.max(1, Math.floor(PATCH_FLOATS / (outWidth * filterHeight * filterWidth * inChannels)));
  for (let row = 0; row < total; row += block) body(row, Math.min(block, total - row));
}

/** The image columns that output columns [first, end) of filter column `column` see lie inside the image. */
function insideColumns(info: Conv2DInfo, column: number): [first: number, end: number] {
  const { strideWidth, outWidth, inWidth, padInfo } = info;
  const first = Math.max(0, Math.ceil((padInfo.left - column) / strideWidth));
  const end = Math.min(outWidth, Math.floor((inWidth - 1 + padInfo.left - column) / strideWidth) + 1);
  return [first, end];
}

/** The patches under `rows` output rows as columns: [1, K, rows * S], zero where a patch leaves the image. */
function transposedPatches(backend: WasmBackend, x: tf.TensorInfo, info: Conv2DInfo, firstRow: number, rows: number) {
  const { inHeight, inWidth, inChannels, filterHeight, filterWidth, outHeight, outWidth, padInfo } = info;
  const step = info.strideWidth * inChannels;
  const length = rows * outWidth;
  const patches = backend.makeOutput([1, filterHeight * filterWidth * inChannels, length], 'float32');
  const to = floatsOf(backend, patches).fill(0);
  const from = backend.typedArrayFromHeap(x);
  for (let row = 0; row < rows; row++) {
    const image = Math.floor((firstRow + row) / outHeight);
    const top = ((firstRow + row) % outHeight) * info.strideHeight - padInfo.top;
    for (let i = Math.max(0, -top); i < Math.min(filterHeight, inHeight - top); i++) {
      const imageRow = (image * inHeight + top + i) * inWidth;
      for (let j = 0; j < filterWidth; j++) {
        const [first, end] = insideColumns(info, j);
        const start = (imageRow + first * info.strideWidth + j - padInfo.left) * inChannels;
        for (let c = 0; c < inChannels; c++) {
          const target = ((i * filterWidth + j) * inChannels + c) * length + row * outWidth;
          for (let s = first, source = start + c; s < end; s++, source += step) to[target + s] = from[source]!;
        }
      }
    }
  }
  return patches;
}

/** Adds patches [rows * S, K] to the image [B, H, W, C] at the places that they cover. */
function addPatches(to: Float32Array, patches: Float32Array, info: Conv2DInfo, firstRow: number, rows: number): void {
  const { inHeight, inWidth, inChannels, filterHeight, filterWidth, outHeight, outWidth, padInfo } = info;
  const patchRow = filterWidth * inChannels;
  for (let row = 0; row < rows; row++) {
    const image = Math.floor((firstRow + row) / outHeight);
    const top = ((firstRow + row) % outHeight) * info.strideHeight - padInfo.top;
    for (let s = 0; s < outWidth; s++) {
      const left = s * info.strideWidth - padInfo.left;
      const first = Math.max(0, -left) * inChannels;
      const end = Math.min(filterWidth, inWidth - left) * inChannels;
      for (let i = Math.max(0, -top); i < Math.min(filterHeight, inHeight - top); i++) {
        const source = ((row * outWidth + s) * filterHeight + i) * patchRow;
        const target = ((image * inHeight + top + i) * inWidth + left) * inChannels;
        for (let k = first; k < end; k++) to[target + k]! += patches[source + k]!;
      }
    }
  }
}

function addTo(sum: Float32Array, term: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += term[i]!;
}
