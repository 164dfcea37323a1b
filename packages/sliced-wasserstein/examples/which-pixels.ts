import { readFileSync } from 'node:fs';
import { io, useBackend } from '@tfsci/tensor-core';
import { fitAdaptiveSlices, slicedTwoSampleTest, slicedWassersteinDetailed } from '@tfsci/sliced-wasserstein';

// Which pixels (0 to 16) tell a handwritten 3 from an 8? Slices are learned on half of the pictures and looked at on the others.
// Run: pnpm examples

await useBackend('auto');
const file = '../ctr-features/test/golden/authors/digits.safetensors';
const { x, y } = io.readSafetensors(readFileSync(file)).tensors as Record<'x' | 'y', io.SafetensorsEntry>;
const pictures = (digit: number): number[][] =>
  Array.from({ length: 1797 }, (_, i) => i)
    .filter((i) => y.data[i] === digit)
    .map((i) => Array.from({ length: 64 }, (_, pixel) => Number(x.data[64 * i + pixel])));
const [threes, eights] = [pictures(3), pictures(8)];
const half = (rows: number[][], odd: 0 | 1): number[][] => rows.filter((_, i) => i % 2 === odd);

const { distribution } = await fitAdaptiveSlices(half(threes, 0), half(eights, 0), { key: 0 });
const [three, eight] = [half(threes, 1), half(eights, 1)];
for (const [name, sampler] of [
  ['uniform', 'uniform'],
  ['learned', distribution],
] as const) {
  const { value, standardError } = await slicedWassersteinDetailed(three, eight, { slices: 1000, sampler, key: 1 });
  console.log(`SW_2 by ${name} slices: ${value.toFixed(3)} ± ${standardError.toFixed(3)}`);
}
const { pValue } = await slicedTwoSampleTest(three, eight, { key: 2 });
console.log(`p-value of one law for both: ${pValue}`);
console.log('ink that speaks for one digit (+) and for the other (-):');
for (let row = 0; row < 8; row++) {
  const weights = Array.from(distribution.mu.subarray(8 * row, 8 * row + 8));
  console.log(weights.map((weight) => (Math.abs(weight) < 0.08 ? '.' : weight > 0 ? '+' : '-')).join(' '));
}
