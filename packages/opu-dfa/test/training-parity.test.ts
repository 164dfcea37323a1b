import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, optim, useBackend } from '@tfsci/tensor-core';
import { readIdxFile } from '@tfsci/tensor-core/node';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { DenseMap, DfaNetwork, MatrixFeedback, type UpdateOptions } from '../src/index';

const golden = loadGolden(new URL('golden/training_digits.safetensors', import.meta.url));
const TRAIN = 1437;
const BATCH = 64;
/** Rounding grows along the run: of losses about 1, and of accuracies, of which a picture is 0.0028. */
const CURVES = { losses: 2e-3, accuracies: 0.006 };

const tensor = (name: string): tf.Tensor => {
  const { data, shape } = golden.get(name);
  return tf.tensor(Float32Array.from(data), shape);
};

/** Losses and accuracies on the test pictures after each epoch: weights, feedback and order of the reference's seed 0. */
async function train(options: UpdateOptions, epochs: number): Promise<{ losses: number[]; accuracies: number[] }> {
  const folder = new URL('golden/digits/', import.meta.url);
  const images = await readIdxFile(new URL('digits-images-idx3-ubyte.gz', folder));
  const labels = await readIdxFile(new URL('digits-labels-idx1-ubyte.gz', folder));
  const rows = (indices: ArrayLike<number>): [tf.Tensor2D, tf.Tensor1D] => {
    const x = Array.from(indices, (i) => Array.from(images.data.subarray(i * 64, (i + 1) * 64), (v) => Number(v) / 16));
    return [
      tf.tensor2d(x),
      tf.tensor1d(
        Array.from(indices, (i) => Number(labels.data[i])),
        'int32',
      ),
    ];
  };
  const blocks = [0, 1, 2].map((l) => ({
    name: `layers.${l}`,
    map: new DenseMap(tf.variable(tensor(`W${l}`)), tf.variable(tf.zeros([l === 2 ? 10 : 128]))),
    activation: l === 2 ? ('linear' as const) : ('tanh' as const),
    tail: null,
  }));
  const feedback = new MatrixFeedback([tensor('B0'), tensor('B1')]);
  const network = new DfaNetwork({ blocks, loss: 'softmaxCrossEntropy', feedback });
  const optimizer = new optim.Sgd({ learningRate: 0.02, momentum: 0.9 });
  const step = jit((x: tf.Tensor, y: tf.Tensor) =>
    tf.tidy(() => {
      optimizer.applyGradients(network.gradients(x, y, options).gradients);
    }),
  );
  const [xTest, yTest] = rows(Array.from({ length: images.shape[0]! - TRAIN }, (_, i) => TRAIN + i));
  const { data: orders } = golden.get('perms');
  const curves = { losses: [] as number[], accuracies: [] as number[] };
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = orders.subarray(epoch * TRAIN, (epoch + 1) * TRAIN);
    for (let start = 0; start < TRAIN; start += BATCH) {
      const [x, y] = rows(order.subarray(start, start + BATCH));
      step(x, y);
      tf.dispose([x, y]);
    }
    curves.losses.push(network.losses(xTest, yTest).mean().dataSync()[0]!);
    const right = network.predict(xTest).argMax(1).equal(yTest).toFloat().mean();
    curves.accuracies.push(right.dataSync()[0]!);
  }
  network.dispose();
  optimizer.dispose();
  return curves;
}

describe('training on the digits', () => {
  beforeAll(() => useBackend('onnx'));

  it.each<[string, UpdateOptions]>([
    ['bp', { mode: 'bp' }],
    ['dfa', { mode: 'dfa' }],
    ['dfa_last_layer_only', { mode: 'last-layer' }],
    ['ternary_t0.25', { mode: 'ternary', threshold: 0.25 }],
  ])('follows the reference, %s', async (name, options) => {
    const epochs = 20;
    const { losses, accuracies } = await train(options, epochs);
    const { data } = golden.get(`${name}/curves`);
    const column = (which: number): number[] => Array.from({ length: epochs }, (_, i) => data[2 * i + which]!);
    expect(losses).toBeAllclose(column(0), { rtol: 0, atol: CURVES.losses });
    expect(accuracies).toBeAllclose(column(1), { rtol: 0, atol: CURVES.accuracies });
  });
});
