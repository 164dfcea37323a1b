import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { polynomialSketch } from '@tfsci/ctr-features';

// A sketch as a layer: a linear model on it learns a product of two coordinates, and the kernel's gamma on the way.
// Run: pnpm examples

await useBackend('auto');
const x = random.normal(random.key(1), [200, 8]);
const y = tf.tidy(() => x.slice([0, 0], [-1, 1]).mul(x.slice([0, 1], [-1, 1])));

const sketch = polynomialSketch({
  ...{ features: 128, degree: 2, gamma: 0.1, coef0: 1, key: 0 },
  ...{ learn: ['gamma'], inputShape: [8] },
});
const model = tf.sequential({ layers: [sketch, tf.layers.dense({ units: 1, kernelInitializer: 'zeros' })] });
model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
const { history } = await model.fit(x, y, { epochs: 30, batchSize: 50, shuffle: false, verbose: 0 });
const losses = history['loss'] as number[];
console.log(`loss ${losses[0]!.toFixed(3)} at first, ${losses.at(-1)!.toFixed(3)} after ${losses.length} epochs`);
console.log(`gamma ${(await sketch.kernelParameters()).gamma.toFixed(3)}, from 0.1`);
model.dispose();
tf.dispose([x, y]);
