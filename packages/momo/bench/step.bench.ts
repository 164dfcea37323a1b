import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { interleaved, report } from '@tfsci/tooling/bench';
import { momo, momoAdam, type ScalarPath } from '../src';

// One training step of MLPs on the same backend with the optimisers of this package and those of
// TensorFlow.js, interleaved; and the same forward and backward pass without an optimiser.

const BATCH = 128;
const SIZES = {
  'small 64-100-100-10': [64, 100, 100, 10],
  'MNIST 784-100-100-10': [784, 100, 100, 10],
  'large 784-512-512-10': [784, 512, 512, 10],
};
const BACKENDS = ['wasm', 'cpu'];

function mlp(sizes: number[]) {
  const keys = random.split(random.key(0), sizes.length);
  const variables = sizes.slice(1).flatMap((units, i) => {
    const bound = 1 / Math.sqrt(sizes[i]!);
    const kernel = random.uniform(keys[i]!, [sizes[i]!, units], { low: -bound, high: bound });
    return [tf.variable(kernel), tf.variable(tf.zeros([units]))];
  });
  const x = random.normal(keys[0]!, [BATCH, sizes[0]!]) as tf.Tensor2D;
  const classes = random.integers(keys[1]!, [BATCH], 0, sizes.at(-1)!) as tf.Tensor1D;
  const y = tf.oneHot(classes, sizes.at(-1)!).toFloat();
  const loss = (): tf.Scalar =>
    tf.tidy(() => {
      let h: tf.Tensor = x;
      for (let i = 0; i < variables.length; i += 2) {
        h = h.dot(variables[i]!).add(variables[i + 1]!);
        if (i + 2 < variables.length) h = h.relu();
      }
      return tf.losses.softmaxCrossEntropy(y, h);
    });
  return { variables, loss };
}

const rows = [];
for (const backend of BACKENDS) {
  await useBackend(backend);
  for (const [model, sizes] of Object.entries(SIZES)) {
    // The plain cpu backend takes a second a step for the large one.
    if (backend === 'cpu' && model.startsWith('large')) continue;
    const step = (optimizer: tf.Optimizer) => {
      const { loss, variables } = mlp(sizes);
      return () => {
        optimizer.minimize(loss, true, variables)!.dataSync();
      };
    };
    const scalars = (path: ScalarPath) => ({ scalars: path });
    const bare = mlp(sizes);
    const times = await interleaved(
      {
        gradient: () =>
          tf.tidy(() => {
            const { value, grads } = tf.variableGrads(bare.loss, bare.variables);
            value.dataSync();
            tf.dispose(grads);
          }),
        sgd: step(tf.train.sgd(1e-3)),
        momo: step(momo({ learningRate: 1e-3, ...scalars('exact') })),
        momoDevice: step(momo({ learningRate: 1e-3, ...scalars('device') })),
        adam: step(tf.train.adam(1e-4)),
        momoAdam: step(momoAdam({ learningRate: 1e-4, ...scalars('exact') })),
        momoAdamDevice: step(momoAdam({ learningRate: 1e-4, ...scalars('device') })),
      },
      { rounds: 60, warmUp: 15 },
    );
    rows.push({
      backend,
      model,
      ...times,
      'momo/sgd': times.momo / times.sgd,
      'momoAdam/adam': times.momoAdam / times.adam,
      'momo overhead of its step': (times.momo - times.gradient) / times.momo,
      'momoAdam overhead of its step': (times.momoAdam - times.gradient) / times.momoAdam,
    });
    tf.disposeVariables();
  }
}
report('step', rows);
