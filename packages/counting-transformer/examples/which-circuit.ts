import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import {
  CountingTransformer,
  identifyBias,
  sampleTask,
  trainCounting,
  variantSweep,
} from '@tfsci/counting-transformer';

// A model learns to count; against what it counts is read off its attention, and foretells where it will fail.
// Run: pnpm examples

await useBackend('auto');
const task = { length: 32, regions: 2 };
const size = { regions: 2, maxCount: 24, width: 32, feedForward: 64 };
const model = CountingTransformer.create({ ...size, positions: { kind: 'rope' } }, 0);
await trainCounting(model, { task, steps: 4000, key: 0 });

const samples = sampleTask(random.key(1), 200, task);
for (const [k, { bias, purity, effective, variation }] of (await identifyBias(model, samples)).entries()) {
  const share = `${(100 * purity).toFixed(0)} % of what its own ones do not get`;
  const spread = `b = ${effective.toFixed(2)} +- ${(effective * variation).toFixed(2)} ones`;
  console.log(`region ${k} is counted against '${bias}' (${share}), ${spread}`);
}
for (const { name, scores, predictedSlopes } of await variantSweep(model, task, { sequences: 500 })) {
  const accuracy = scores.regions.map((region) => region.accuracy.toFixed(2)).join(', ');
  const slopes = scores.regions.map(
    ({ slope }, k) => `${slope.toFixed(2)} (foretold ${predictedSlopes[k]!.toFixed(2)})`,
  );
  console.log(`${name}: accuracy ${accuracy}; slope ${slopes.join(', ')}`);
}
model.dispose();
