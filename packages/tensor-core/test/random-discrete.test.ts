import { describe, expect, it } from 'vitest';
import { fillBernoulli, fillIntegers, foldIn, key, permutation, split } from '../src/random';
import { chiSquared, chiSquaredBounds, moments } from './random-oracles';

// Seeds are fixed, so nothing here is flaky; the bounds say how unlikely a correct generator is to miss them.

/** In standard errors: a normal variable leaves them with probability 6e-7. */
const SIGMAS = 5;
/** Exponent of the chi-squared bounds: left with probability 2 exp(-12) = 1.2e-5. */
const CHI_SQUARED = 12;

const N = 100_000;
const seeds = split(key(20260101), 64);

describe('fillIntegers', () => {
  it.each([
    { low: 0, high: 10 },
    { low: -3, high: 4 },
    { low: 0, high: 256 },
  ])('gives every integer of [$low, $high) equally often', ({ low, high }) => {
    const counts = new Float64Array(high - low);
    fillIntegers(seeds[8]!, new Int32Array(N), { low, high }).forEach((x) => counts[x - low]!++);
    const [least, most] = chiSquaredBounds(counts.length - 1, CHI_SQUARED);
    expect(chiSquared(counts)).toBeGreaterThan(least);
    expect(chiSquared(counts)).toBeLessThan(most);
  });

  it.each([
    // With a plain remainder the first 2^30 values of a range of 3 2^30 would be drawn twice as often as the others.
    { low: -(2 ** 31), high: 2 ** 30 },
    { low: -(2 ** 30), high: 2 ** 30 + 3 },
    { low: -(2 ** 31), high: 2 ** 31 },
  ])('is unbiased over the large range [$low, $high)', ({ low, high }) => {
    const counts = new Float64Array(12);
    const values = fillIntegers(seeds[9]!, new Int32Array(N), { low, high });
    values.forEach((x) => counts[Math.floor((12 * (x - low)) / (high - low))]!++);
    expect(values.every((x) => x >= low && x < high)).toBe(true);
    expect(chiSquared(counts)).toBeLessThan(chiSquaredBounds(11, CHI_SQUARED)[1]);
  });

  it('knows only one integer in a range of one', () => {
    expect(fillIntegers(seeds[9]!, new Int32Array(5), { low: 7, high: 8 })).toEqual(new Int32Array(5).fill(7));
  });
});

describe('fillBernoulli', () => {
  it.each([0.5, 0.3, 0.001, 0.999])('is 1 with probability %s', (p) => {
    const { mean } = moments(fillBernoulli(seeds[10]!, new Uint8Array(N), { p }));
    expect(Math.abs(mean - p)).toBeLessThan(SIGMAS * Math.sqrt((p * (1 - p)) / N));
  });

  it('is certain at p = 0 and p = 1', () => {
    expect(fillBernoulli(seeds[10]!, new Uint8Array(1000), { p: 0 })).toEqual(new Uint8Array(1000));
    expect(fillBernoulli(seeds[10]!, new Uint8Array(1000), { p: 1 })).toEqual(new Uint8Array(1000).fill(1));
  });

  it('is monotone in p: u < p for the same u', () => {
    const [few, many] = [0.2, 0.6].map((p) => fillBernoulli(seeds[10]!, new Uint8Array(1000), { p }));
    expect(few!.every((x, i) => x <= many![i]!)).toBe(true);
  });
});

describe('permutation', () => {
  it('is a permutation', () => {
    for (const n of [0, 1, 2, 3, 1000, 5000]) {
      expect(permutation(seeds[11]!, n).sort()).toEqual(Int32Array.from({ length: n }, (_, i) => i));
    }
  });

  it('gives all 24 orders of four equally often', () => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = permutation(foldIn(seeds[12]!, i), 4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const [least, most] = chiSquaredBounds(23, CHI_SQUARED);
    expect(chiSquared([...counts.values()])).toBeGreaterThan(least);
    expect(chiSquared([...counts.values()])).toBeLessThan(most);
  });

  it('puts every element everywhere', () => {
    const n = 50;
    const places = new Float64Array(n * n);
    for (let i = 0; i < 2000; i++) permutation(foldIn(seeds[13]!, i), n).forEach((x, at) => places[x * n + at]!++);
    // Rows and columns of the table have fixed sums, which leaves (n - 1)^2 degrees of freedom.
    const [least, most] = chiSquaredBounds((n - 1) ** 2, CHI_SQUARED);
    expect(chiSquared(places) * ((n - 1) / n)).toBeGreaterThan(least);
    expect(chiSquared(places) * ((n - 1) / n)).toBeLessThan(most);
  });
});
