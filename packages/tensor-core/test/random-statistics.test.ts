import { describe, expect, it } from 'vitest';
import { fillExponential, fillGamma, fillNormal, fillUniform, foldIn, key, type Key, split } from '../src/random';
import { correlation, gammaCdf, kolmogorov, moments, normalCdf } from './random-oracles';

// Seeds are fixed, so nothing here is flaky; the bounds say how unlikely a correct generator is to miss them.

/** In standard errors: a normal variable leaves them with probability 6e-7. */
const SIGMAS = 5;
/** Kolmogorov's statistic exceeds 2.4 with probability 2 exp(-2 2.4^2) = 2e-5. */
const KOLMOGOROV = 2.4;

const N = 100_000;
const seeds = split(key(20260101), 64);

interface Case {
  name: string;
  draw: (key: Key, out: Float32Array | Float64Array) => void;
  cdf: (x: number) => number;
  mean: number;
  variance: number;
  /** Fourth central moment. */
  fourth: number;
}

const gammaCase = (alpha: number, rate: number): Case => ({
  name: `gamma(${alpha}, ${rate})`,
  draw: (k, out) => fillGamma(k, out, { alpha, rate }),
  cdf: (x) => gammaCdf(alpha, rate * x),
  mean: alpha / rate,
  variance: alpha / rate ** 2,
  fourth: (3 * alpha ** 2 + 6 * alpha) / rate ** 4,
});

const cases: Case[] = [
  {
    name: 'uniform on [-2, 5)',
    draw: (k, out) => fillUniform(k, out, { low: -2, high: 5 }),
    cdf: (x) => (x + 2) / 7,
    mean: 1.5,
    variance: 49 / 12,
    fourth: 7 ** 4 / 80,
  },
  {
    name: 'normal(3, 0.5)',
    draw: (k, out) => fillNormal(k, out, { mean: 3, std: 0.5 }),
    cdf: (x) => normalCdf((x - 3) / 0.5),
    mean: 3,
    variance: 0.25,
    fourth: 3 / 16,
  },
  {
    name: 'exponential(2)',
    draw: (k, out) => fillExponential(k, out, { rate: 2 }),
    cdf: (x) => -Math.expm1(-2 * x),
    mean: 0.5,
    variance: 0.25,
    fourth: 9 / 16,
  },
  gammaCase(0.1, 1),
  gammaCase(0.5, 2),
  gammaCase(1, 0.5),
  gammaCase(3, 1),
  gammaCase(50, 10),
];

describe.each(cases)('$name', ({ draw, cdf, mean, variance, fourth }) => {
  it.each([Float32Array, Float64Array])('has its distribution, mean and variance in a %o', (FloatArray) => {
    const values = new FloatArray(N);
    draw(seeds[0]!, values);
    expect(kolmogorov(values, cdf)).toBeLessThan(KOLMOGOROV);
    const found = moments(values);
    expect(Math.abs(found.mean - mean)).toBeLessThan(SIGMAS * Math.sqrt(variance / N));
    // The variance of the sample variance is (fourth - variance^2) / n up to O(1 / n^2).
    expect(Math.abs(found.variance - variance)).toBeLessThan(SIGMAS * Math.sqrt((fourth - variance ** 2) / N));
  });

  it('has no correlation between neighbours', () => {
    const values = new Float64Array(N + 1);
    draw(seeds[1]!, values);
    // Under independence the coefficient has standard error 1 / sqrt(n), whatever the distribution.
    const lag1 = correlation(values.subarray(0, N), values.subarray(1));
    expect(Math.abs(lag1)).toBeLessThan(SIGMAS / Math.sqrt(N));
  });
});

describe('fillUniform', () => {
  it('stays in [low, high) where rounding would leave it', () => {
    for (const [low, high] of [
      [1, 1 + 2 ** -22],
      [0.7, 0.7000003],
      [-1 - 2 ** -22, -1],
      [-(2 ** -148), 2 ** -148],
    ] as const) {
      const values = fillUniform(seeds[6]!, new Float32Array(2000), { low, high });
      expect(values.every((x) => x >= low && x < high)).toBe(true);
      expect(new Set(values).size).toBeGreaterThan(1);
    }
    const values = fillUniform(seeds[6]!, new Float64Array(2000), { low: 1, high: 1 + 2 ** -51 });
    expect(new Set(values)).toEqual(new Set([1, 1 + 2 ** -52]));
  });

  it('has 24 random bits in float32 and 53 in float64', () => {
    const single = fillUniform(seeds[7]!, new Float32Array(4096)).map((x) => x * 2 ** 24);
    const double = fillUniform(seeds[7]!, new Float64Array(4096)).map((x) => x * 2 ** 53);
    expect(single.every(Number.isInteger)).toBe(true);
    expect(double.every(Number.isInteger)).toBe(true);
    // The lowest bit is fair: a binomial with standard deviation sqrt(4096) / 2 = 32.
    for (const values of [single, double]) {
      const odd = Array.from(values).filter((x) => x % 2 === 1).length;
      expect(Math.abs(odd - 2048)).toBeLessThan(SIGMAS * 32);
    }
  });
});

describe('streams', () => {
  const stream = (k: Key): Float64Array => fillNormal(k, new Float64Array(N));
  const parent = seeds[14]!;
  const [first, second] = split(parent) as [Key, Key];

  it.each([
    { name: 'two children', a: first, b: second },
    { name: 'parent and child', a: parent, b: first },
    { name: 'child and grandchild', a: first, b: split(first)[0]! },
    { name: 'a child by split and one by foldIn', a: first, b: foldIn(parent, 0) },
    { name: 'neighbours by foldIn', a: foldIn(parent, 0), b: foldIn(parent, 1) },
    { name: 'neighbouring seeds', a: key(0), b: key(1) },
    { name: 'a seed and the one with its words exchanged', a: key(7), b: key(7 * 2 ** 32) },
  ])('of $name are independent', ({ a, b }) => {
    const [x, y] = [stream(a), stream(b)];
    const bound = SIGMAS / Math.sqrt(N);
    expect(Math.abs(correlation(x, y))).toBeLessThan(bound);
    expect(Math.abs(correlation(x.subarray(1), y.subarray(0, N - 1)))).toBeLessThan(bound);
    const square = (v: number): number => v * v;
    expect(Math.abs(correlation(x.map(square), y.map(square)))).toBeLessThan(bound);
  });

  it('first draws of consecutive children are distributed as draws of one key', () => {
    const values = Float64Array.from(split(seeds[15]!, 20_000), (k) => fillNormal(k, new Float64Array(1))[0]!);
    expect(kolmogorov(values, normalCdf)).toBeLessThan(KOLMOGOROV);
    const folded = Float64Array.from(values, (_, i) => fillNormal(foldIn(seeds[15]!, i), new Float64Array(1))[0]!);
    expect(kolmogorov(folded, normalCdf)).toBeLessThan(KOLMOGOROV);
  });
});
