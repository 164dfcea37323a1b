import { describe, expect, it } from 'vitest';
import { fillTruncatedNormal, key, split } from '../src/random';
import { kolmogorov, normalUpperTail } from './random-oracles';

// Seeds are fixed, so nothing here is flaky; the bounds say how unlikely a correct generator is to miss them.

/** Kolmogorov's statistic exceeds 2.4 with probability 2 exp(-2 2.4^2) = 2e-5. */
const KOLMOGOROV = 2.4;

const N = 100_000;
const seeds = split(key(20260101), 64);

describe('fillTruncatedNormal', () => {
  /** Phi((x - mean) / std) conditioned on the interval, from upper tails so that far tails stay exact. */
  const conditional = (mean: number, std: number, lower: number, upper: number) => {
    const survival = (x: number): number => {
      const z = (x - mean) / std;
      return z === Infinity ? 0 : z === -Infinity ? 1 : z < 0 ? 1 - normalUpperTail(-z) : normalUpperTail(z);
    };
    const [a, b] = [survival(lower), survival(upper)];
    return (x: number): number => (a - survival(x)) / (a - b);
  };

  it.each([
    // By normal, uniform and exponential proposals; the mirrored tails are compared as -x.
    { mean: 0, std: 1, lower: -2, upper: 2 },
    { mean: 1, std: 0.02, lower: 0.96, upper: 1.04 },
    { mean: 0, std: 1, lower: 0, upper: Infinity },
    { mean: 0, std: 1, lower: -Infinity, upper: Infinity },
    { mean: 0, std: 1, lower: -1, upper: 1.2 },
    { mean: 5, std: 2, lower: 4.9, upper: 5.1 },
    { mean: 0, std: 1, lower: 0.5, upper: 0.9 },
    { mean: 0, std: 1, lower: 2, upper: 2.3 },
    { mean: 0, std: 1, lower: 0.1, upper: 9 },
    { mean: 0, std: 1, lower: 8, upper: 9 },
    { mean: -3, std: 2, lower: 13, upper: Infinity },
    { mean: 0, std: 1, lower: 30, upper: 31 },
  ])('draws N($mean, $std) on [$lower, $upper], and its mirror image', ({ mean, std, lower, upper }) => {
    const cdf = conditional(mean, std, lower, upper);
    const values = fillTruncatedNormal(seeds[2]!, new Float64Array(N), { mean, std, lower, upper });
    expect(values.every((x) => x >= lower && x <= upper)).toBe(true);
    expect(kolmogorov(values, cdf)).toBeLessThan(KOLMOGOROV);
    const mirror = fillTruncatedNormal(seeds[3]!, new Float64Array(N), {
      mean: -mean,
      std,
      lower: -upper,
      upper: -lower,
    });
    expect(
      kolmogorov(
        mirror.map((x) => -x),
        cdf,
      ),
    ).toBeLessThan(KOLMOGOROV);
  });

  it('ends at once and stays inside however far the tail is', () => {
    for (const [lower, upper] of [
      [1e3, 1e3 + 1],
      [1e8, 2e8],
      [1e30, Infinity],
      [-1e8, -1e7],
      [-Infinity, -1e200],
    ] as const) {
      const values = fillTruncatedNormal(seeds[4]!, new Float64Array(1000), { lower, upper });
      expect(values.every((x) => x >= lower && x <= upper)).toBe(true);
    }
    // Beyond 1000 standard deviations the excess over the bound is exponential with rate 1000, up to 1e-6 relative.
    const excess = fillTruncatedNormal(seeds[4]!, new Float64Array(N), { lower: 1e3, upper: 2e3 }).map((x) => x - 1e3);
    expect(kolmogorov(excess, (t) => -Math.expm1(-1e3 * t))).toBeLessThan(KOLMOGOROV);
  });

  it('stays inside bounds that float32 cannot represent', () => {
    for (const [lower, upper] of [
      [0.7, 0.7 + 1e-6],
      [0.1 - 1e-8, 0.1 + 2e-8],
      [-0.7 - 1e-6, -0.7],
      [5.3, 5.3000005],
    ] as const) {
      const values = fillTruncatedNormal(seeds[5]!, new Float32Array(2000), { lower, upper });
      expect(values.every((x) => x >= lower && x <= upper)).toBe(true);
    }
  });
});
