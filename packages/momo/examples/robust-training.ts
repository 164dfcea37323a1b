import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { lrSweep, momoAdam, summarizeSweep } from '@tfsci/momo';

// Which learning rates train? A small network learns to tell the inside of a ring from the rest, with Adam and
// with MoMo-Adam, at rates over six decades. Run: pnpm examples

await useBackend('auto');

function ring(seed: number, rows: number) {
  return tf.tidy(() => {
    const xs = random.uniform(random.key(seed), [rows, 2], { low: -1, high: 1 });
    const radius = xs.square().sum(1, true).sqrt();
    return { xs, ys: radius.greater(0.4).logicalAnd(radius.less(0.8)).toFloat() };
  });
}

// Large enough to fit the data: the lower bound 0 of the loss, on which the step size rests, is then in reach.
function network(seed: number) {
  const sizes = [2, 64, 64, 1];
  const keys = random.split(random.key(seed), 3);
  const variables = tf.tidy(() =>
    keys.flatMap((key, layer) => {
      const [inputs, outputs] = [sizes[layer]!, sizes[layer + 1]!];
      const kernel = random.normal(key, [inputs, outputs], { std: Math.sqrt(2 / inputs) });
      return [kernel.variable(), tf.zeros([outputs]).variable()];
    }),
  );
  const layer = (x: tf.Tensor, i: number): tf.Tensor => x.dot(variables[2 * i]!).add(variables[2 * i + 1]!);
  return {
    variables,
    forward: (x: tf.Tensor) => layer(layer(layer(x, 0).relu(), 1).relu(), 2),
    dispose: () => tf.dispose(variables),
  };
}

const runs = await lrSweep({
  build: network,
  data: { train: ring(1, 512), test: ring(2, 512) },
  loss: (ys, logits) => tf.losses.sigmoidCrossEntropy(ys, logits),
  metrics: { accuracy: (ys, logits) => logits.greater(0).equal(ys.toBool()).toFloat().mean() },
  optimizers: { Adam: (rate) => tf.train.adam(rate), 'MoMo-Adam': (rate) => momoAdam({ learningRate: rate }) },
  learningRates: [0.001, 0.01, 0.1, 1, 10, 100],
  seeds: [0, 1, 2],
  epochs: 30,
});

const points = summarizeSweep(runs, 'test', 'accuracy');
console.log('learning rate    Adam   MoMo-Adam   (test accuracy, mean of 3 seeds)');
for (const { learningRate, mean } of points.filter(({ optimizer }) => optimizer === 'Adam')) {
  const ours = points.find((point) => point.optimizer === 'MoMo-Adam' && point.learningRate === learningRate)!;
  const cell = (value: number | null): string => (value === null ? 'not finite' : value.toFixed(2)).padStart(8);
  console.log(`${String(learningRate).padStart(13)}${cell(mean)}${cell(ours.mean).padStart(12)}`);
}
