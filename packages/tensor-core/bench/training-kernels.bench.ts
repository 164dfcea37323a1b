import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { interleaved, report } from '@tfsci/tooling/bench';
import { registerTrainingKernels } from '../src/backend/training-kernels';

// The training kernels on the wasm backend against the cpu backend of TensorFlow.js, the only other one
// in Node with all of them: medians of interleaved runs.

/** Filled with a fixed pattern, so that runs compare. */
const fill = (...shape: number[]): tf.Tensor =>
  tf.tidy(() => tf.sin(tf.range(0, tf.util.sizeFromShape(shape))).reshape(shape));

const imageGradients = (size: number, channels: number, depthwise: boolean) => () => {
  const x = fill(2, size, size, channels) as tf.Tensor4D;
  const filter = fill(3, 3, channels, depthwise ? 1 : channels) as tf.Tensor4D;
  const convolve = depthwise ? tf.depthwiseConv2d : tf.conv2d;
  const gradients = tf.grads((image, weights) =>
    convolve(image as tf.Tensor4D, weights as tf.Tensor4D, 1, 'same').sum(),
  );
  return () => gradients([x, filter]);
};

const gatherGradient = (rows: number, width: number, picks: number) => () => {
  const table = fill(rows, width);
  const ids = tf.tidy(() => tf.range(0, picks, 1, 'int32').mul(tf.scalar(7, 'int32')).mod(tf.scalar(rows, 'int32')));
  const gradient = tf.grad((x) => tf.gather(x, ids.toInt()).square().sum());
  return () => [gradient(table)];
};

const attentionGradients = (tokens: number) => () => {
  const q = fill(8, tokens, 32);
  const k = fill(8, tokens, 32);
  const gradients = tf.grads((a, b) => tf.einsum('bid,bjd->bij', a, b).square().sum());
  return () => gradients([q, k]);
};

const fourier = (length: number) => () => {
  const z = tf.complex(fill(16, length), fill(16, length));
  return () => [tf.spectral.fft(z)];
};

const CASES: Record<string, () => () => tf.Tensor[]> = {
  'conv2d 3x3 gradients, 2x8x8x16': imageGradients(8, 16, false),
  'conv2d 3x3 gradients, 2x16x16x32': imageGradients(16, 32, false),
  'conv2d 3x3 gradients, 2x32x32x16': imageGradients(32, 16, false),
  'depthwise 3x3 gradients, 2x16x16x32': imageGradients(16, 32, true),
  'depthwise 3x3 gradients, 2x32x32x64': imageGradients(32, 64, true),
  'gather gradient, 64 of 100x32': gatherGradient(100, 32, 64),
  'gather gradient, 256 of 300x64': gatherGradient(300, 64, 256),
  'einsum gradients, 8x32 tokens': attentionGradients(32),
  'einsum gradients, 8x128 tokens': attentionGradients(128),
  'fft, 16 lines of 256': fourier(256),
  'fft, 16 lines of 500': fourier(500),
  'fft, 16 lines of 1024': fourier(1024),
};

/** One run on a backend, the values read; what it takes from its inputs is made outside the time. */
async function prepared(backend: string, make: () => () => tf.Tensor[]) {
  await tf.setBackend(backend);
  const run = make();
  return async () => {
    await tf.setBackend(backend);
    for (const result of run()) {
      result.dataSync();
      result.dispose();
    }
  };
}

registerTrainingKernels();
const rows = [];
for (const [name, make] of Object.entries(CASES)) {
  const runs = { wasm: await prepared('wasm', make), cpu: await prepared('cpu', make) };
  const { wasm, cpu } = await interleaved(runs, { rounds: 5, warmUp: 1 });
  rows.push({ case: name, 'ours on wasm, ms': wasm, 'tfjs on cpu, ms': cpu, ratio: wasm / cpu });
}
report('training-kernels', rows);
