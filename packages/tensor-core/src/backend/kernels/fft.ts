import type * as tf from '@tensorflow/tfjs';
import { checkComplex } from './complex';
import { fftInPlace } from './host-fft';
import { bringToHeap, floatsOf, wasmKernel } from './wasm-backend';

/** tf.spectral.fft: the transform along the last axis, unscaled. */
export const fft = transformKernel('FFT', false);

/** tf.spectral.ifft: the inverse transform along the last axis, scaled by 1/N. */
export const ifft = transformKernel('IFFT', true);

/** Transforms each line of the last axis in float64 and rounds the result to float32. */
function transformKernel(kernelName: 'FFT' | 'IFFT', inverse: boolean): tf.KernelConfig {
  return wasmKernel<{ input: tf.TensorInfo }>(kernelName, ({ inputs: { input }, backend }) => {
    checkComplex(kernelName, input);
    bringToHeap(backend, input);
    const out = backend.makeOutput(input.shape, 'complex64');
    const from = floatsOf(backend, input);
    const to = floatsOf(backend, out);
    const length = input.shape.at(-1) ?? 1;
    const re = new Float64Array(length);
    const im = new Float64Array(length);
    for (let line = 0; line < to.length; line += 2 * length) {
      for (let i = 0; i < length; i++) {
        re[i] = from[line + 2 * i]!;
        im[i] = from[line + 2 * i + 1]!;
      }
      fftInPlace(re, im, inverse);
      for (let i = 0; i < length; i++) {
        to[line + 2 * i] = re[i]!;
        to[line + 2 * i + 1] = im[i]!;
      }
    }
    return out;
  });
}
