import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { slicedWasserstein, swLoss } from '@tfsci/sliced-wasserstein';

// A network learns to turn noise into a ring: no pairs, no adversary, a distance of clouds as its loss. Run: pnpm examples

await useBackend('auto');
const points = 512;
const ring = tf.tidy(() => {
  const angle = random.uniform(random.key(1), [points, 1], { low: 0, high: 2 * Math.PI });
  return tf.concat([angle.cos(), angle.sin()], 1) as tf.Tensor2D;
});
const noise = random.normal(random.key(2), [points, 2]) as tf.Tensor2D;

const model = tf.sequential({
  layers: [
    tf.layers.dense({
      units: 64,
      activation: 'relu',
      inputShape: [2],
      kernelInitializer: tf.initializers.heNormal({ seed: 3 }),
    }),
    tf.layers.dense({ units: 64, activation: 'relu', kernelInitializer: tf.initializers.heNormal({ seed: 4 }) }),
    tf.layers.dense({ units: 2, kernelInitializer: tf.initializers.glorotNormal({ seed: 5 }) }),
  ],
});
model.compile({ optimizer: tf.train.adam(0.005), loss: swLoss({ slices: 64, key: 0 }) });

const distance = (): string =>
  tf.tidy(() => {
    const samples = model.predict(noise) as tf.Tensor2D;
    return slicedWasserstein(samples, ring, { slices: 128, sampler: 'qmc', key: 1 }).dataSync()[0]!.toFixed(3);
  });
console.log(`before: SW_2 = ${distance()}`);
for (let round = 1; round <= 3; round++) {
  // The whole cloud is one batch; which point goes where is the distance's affair.
  await model.fit(noise, ring, { epochs: 100, batchSize: points, verbose: 0, shuffle: false });
  console.log(`after ${100 * round} steps: SW_2 = ${distance()}`);
}
