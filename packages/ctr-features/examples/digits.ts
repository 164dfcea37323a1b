import { readFileSync } from 'node:fs';
import { io, useBackend } from '@tfsci/tensor-core';
import { PolynomialSketch, SoftmaxRegression } from '@tfsci/ctr-features';

// 1797 handwritten digits of 8 x 8 pixels: a kernel classifier of degree 5, by 1024 features. Run: pnpm examples

await useBackend('auto');
const file = 'test/golden/authors/digits.safetensors';
const { x, y } = io.readSafetensors(readFileSync(file)).tensors as Record<'x' | 'y', io.SafetensorsEntry>;
const pixels = Array.from(x.data as Uint8Array, (grey) => grey - 8);
const rows = Array.from({ length: 1797 }, (_, i) => unit(pixels.slice(64 * i, 64 * (i + 1))));
const labels = Array.from(y.data as Uint8Array);

const map = new PolynomialSketch({ inputDim: 64, features: 1024, degree: 5, gamma: 0.5, coef0: 0.5, key: 0 });
const model = await new SoftmaxRegression({ map, lambda: 0.01 }).fit(rows.slice(0, 1400), labels.slice(0, 1400));
const guesses = await model.predict(rows.slice(1400));
const right = guesses.filter((guess, i) => guess === labels[1400 + i]).length;
console.log(`${right} of ${guesses.length} right, digits of other writers`);

function unit(row: number[]): number[] {
  const norm = Math.hypot(...row);
  return row.map((value) => value / norm);
}
