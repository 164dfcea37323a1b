import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { median, report } from '@tfsci/tooling/bench';
import { momo, momoAdam, PolyakOptimizer } from '../src';

// One training step of MLPs on the same backend with the optimisers of this package and those of
// TensorFlow.js, in turns: how long its gradient takes and how long the optimiser.

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

/** A model with its optimiser; each step adds the milliseconds of its two parts. */
function training(sizes: number[], optimizer: tf.Optimizer) {
  const { variables, loss } = mlp(sizes);
  const times = { gradient: [] as number[], optimizer: [] as number[] };
  const step = (): void => {
    const start = performance.now();
    const { value, grads } = tf.variableGrads(loss, variables);
    value.dataSync();
    const middle = performance.now();
    if (optimizer instanceof PolyakOptimizer) optimizer.applyGradientsWithLoss(grads, value);
    else optimizer.applyGradients(grads);
    const end = performance.now();
    tf.dispose([value, grads]);
    times.gradient.push(middle - start);
    times.optimizer.push(end - middle);
  };
  return { step, times };
}

const OPTIMIZERS = {
  'tf.train.sgd': () => tf.train.sgd(1e-3),
  momo: () => momo({ learningRate: 1e-3 }),
  'tf.train.adam': () => tf.train.adam(1e-4),
  momoAdam: () => momoAdam({ learningRate: 1e-4 }),
};
// Several steps at a stretch, as in training: a step after another model's finds its weights out of the cache.
const [ROUNDS, WARM_UP, STRETCH] = [15, 4, 8];

const rows: Record<string, string | number>[] = [];
for (const backend of BACKENDS) {
  await useBackend(backend);
  for (const [model, sizes] of Object.entries(SIZES)) {
    // The plain cpu backend takes half a second a step for the large one.
    if (backend === 'cpu' && model.startsWith('large')) continue;
    const runs = Object.entries(OPTIMIZERS).map(([name, create]) => ({ name, ...training(sizes, create()) }));
    for (let round = -WARM_UP; round < ROUNDS; round++) {
      for (const { step, times } of runs) {
        for (let i = 0; i < STRETCH; i++) step();
        if (round < 0) times.gradient.length = times.optimizer.length = 0;
      }
    }
    const medians = runs.map(({ times }) => [median(times.gradient), median(times.optimizer)] as const);
    runs.forEach(({ name }, i) => {
      const [gradient, optimizer] = medians[i]!;
      // Each of ours stands after its peer.
      const peer = medians[i - (i % 2)]!;
      rows.push({
        backend,
        model,
        optimizer: name,
        'gradient, ms': gradient,
        'optimizer, ms': optimizer,
        'share of the step': optimizer / (gradient + optimizer),
        'step / peer': (gradient + optimizer) / (peer[0] + peer[1]),
      });
    });
    tf.disposeVariables();
  }
}
report('step', rows);
