import { random, useBackend } from '@tfsci/tensor-core';
import { chooseSketch, expectedError, makeSketch, measuredError } from '@tfsci/ctr-features';

// Which sketch, and how many features, for an error of 5 % of the kernel matrix? The closed form answers from a sample
// of the data; then the chosen one is measured. Run: pnpm examples

await useBackend('auto');
const points = random.fillUniform(random.key(1), new Float32Array(200 * 32), { low: 0, high: 1 });
const x = { data: points, shape: [200, 32] };
const choice = chooseSketch(x, { degree: 4, gamma: 1 / 32, coef0: 1 }, { targetRelativeError: 0.05 });
console.log('features   sketch');
for (const { kind, projection, mode, srhtBlocks, features } of choice.table) {
  console.log(`${String(features).padStart(8)}   ${[kind, projection, mode, srhtBlocks].filter(Boolean).join(' ')}`);
}

const map = makeSketch(choice, 7);
const predicted = expectedError(map, x).relativeFrobenius;
const { relativeFrobenius, standardError } = await measuredError(map, x, { key: 1, draws: 20 });
console.log(
  `predicted ${predicted.toFixed(4)}, measured ${relativeFrobenius.toFixed(4)} ± ${standardError.toFixed(4)}`,
);
map.dispose();
