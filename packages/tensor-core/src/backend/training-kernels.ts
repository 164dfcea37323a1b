import * as tf from '@tensorflow/tfjs';
import { batchMatMul } from './kernels/batch-mat-mul';
import { complex, complexAbs, imag, makeComplexReadable, real } from './kernels/complex';
import { guardComplexOperands, isGuarded } from './kernels/complex-operands';
import { conv2dBackpropFilter, conv2dBackpropInput } from './kernels/conv2d';
import { borrowedFromCpu } from './kernels/cpu-fallback';
import { depthwiseBackpropFilter, depthwiseBackpropInput } from './kernels/depthwise-conv2d';
import { einsum, einsumGradient } from './kernels/einsum';
import { fft, ifft } from './kernels/fft';
import { unsortedSegmentSum } from './kernels/segment-sum';
import type { WasmBackend } from './kernels/wasm-backend';

/** Kernels that tfjs's wasm backend lacks. */
const MISSING_KERNELS: readonly tf.KernelConfig[] = [
  unsortedSegmentSum,
  conv2dBackpropFilter,
  depthwiseBackpropFilter,
  depthwiseBackpropInput,
  einsum,
  fft,
  ifft,
  complex,
  real,
  imag,
  complexAbs,
  borrowedFromCpu('RaggedGather'),
  borrowedFromCpu('RaggedRange'),
  borrowedFromCpu('RaggedTensorToTensor'),
  borrowedFromCpu('StaticRegexReplace'),
];

/** Kernels that the wasm backend has, but slow or wrong, as functions of what it has. */
const IMPROVED_KERNELS: Record<string, (original: tf.KernelFunc) => tf.KernelConfig> = {
  BatchMatMul: batchMatMul,
  Conv2DBackpropInput: () => conv2dBackpropInput,
  // tfjs 4.22 gives no gradient where the largest of a window is negative, in all examples but the first.
  MaxPoolGrad: () => borrowedFromCpu('MaxPoolGrad'),
  MaxPool3DGrad: () => borrowedFromCpu('MaxPool3DGrad'),
};

/** The names of the kernels that `registerTrainingKernels` adds to the wasm backend, which has none of them. */
export const TRAINING_KERNELS: readonly string[] = MISSING_KERNELS.map(({ kernelName }) => kernelName);

/**
 * Completes TensorFlow.js for training on its wasm backend.
 *
 * - adds the kernels `TRAINING_KERNELS`: the gradients of convolutions, depthwise convolutions and
 *   gathers (embeddings), einsum, complex64 and FFT, and, through the cpu backend, ragged tensors;
 * - replaces BatchMatMul and Conv2DBackpropInput, whose slow paths take most of a training step, and the gradients of
 *   maximum pooling, which are wrong for negative images;
 * - lets complex64 tensors be made, read and moved; kernels without a meaning for them throw;
 * - gives tf.einsum its gradient, on every backend.
 *
 * May be called at any time, before or after the backend is set or its package is imported, and again.
 * Draw, the only other kernel that wasm lacks, needs a canvas and is left out.
 */
export function registerTrainingKernels(): void {
  if ((tf.getGradient('Einsum') as tf.GradConfig | undefined) === undefined) tf.registerGradient(einsumGradient);
  for (const config of MISSING_KERNELS) {
    const existing = registered(config.kernelName);
    if (existing && (existing.kernelFunc === config.kernelFunc || isGuarded(existing.kernelFunc))) continue;
    // tfjs calls setupFunc whenever the backend is set, which catches a package that is imported later.
    register(config === complex ? { ...config, setupFunc: (backend) => setup(backend as WasmBackend) } : config);
  }
  const running = (tf.engine().registry as Record<string, unknown>)['wasm'];
  if (running !== undefined) setup(running as WasmBackend);
  else completeKernels();
}

function setup(backend: WasmBackend): void {
  makeComplexReadable(backend);
  completeKernels();
}

/** Replaces and guards what is registered by now. */
function completeKernels(): void {
  for (const [name, improve] of Object.entries(IMPROVED_KERNELS)) {
    const existing = registered(name);
    // The guard comes last, so a guarded kernel is an improved one.
    if (existing && !isGuarded(existing.kernelFunc)) register({ ...existing, ...improve(existing.kernelFunc) });
  }
  guardComplexOperands();
}

function registered(kernelName: string): tf.KernelConfig | undefined {
  return tf.getKernel(kernelName, 'wasm');
}

function register(config: tf.KernelConfig): void {
  // tfjs warns when a kernel is registered over another.
  if (registered(config.kernelName)) tf.unregisterKernel(config.kernelName, 'wasm');
  tf.registerKernel(config);
}
