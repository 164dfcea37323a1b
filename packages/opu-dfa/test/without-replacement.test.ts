import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rdpGaussian } from '../src/privacy/rdp-gaussian';
import { rdpSampledWithoutReplacement } from '../src/privacy/without-replacement';

/** Sums of some ten float64 terms, and logarithms of them. */
const ROUNDING = { rtol: 1e-12, atol: 0 };

/** The theorem as it is written, without logarithms. */
function boundOfTheorem(q: number, z: number, n: number): number {
  const r = (j: number): number => rdpGaussian(z, j);
  const choose = (k: number): number => (k === 0 ? 1 : (choose(k - 1) * (n - k + 1)) / k);
  let sum = 1 + q ** 2 * choose(2) * Math.min(4 * (Math.exp(r(2)) - 1), 2 * Math.exp(r(2)));
  for (let j = 3; j <= n; j++) sum += 2 * q ** j * choose(j) * Math.exp((j - 1) * r(j));
  return Math.min(Math.log(sum) / (n - 1), r(n));
}

/** All sums of `size` of the values. */
function sumsOfSubsets(values: readonly number[], size: number): number[] {
  if (size === 0) return [0];
  return values.flatMap((value, i) => sumsOfSubsets(values.slice(i + 1), size - 1).map((sum) => value + sum));
}

/** The divergence of two mixtures of equal parts N(m, s^2), by sums over points h apart. */
function divergence(means: readonly number[], others: readonly number[], s: number, order: number): number {
  const h = s / 20;
  const density = (parts: readonly number[], x: number): number =>
    parts.reduce((sum, m) => sum + Math.exp(-((x - m) ** 2) / (2 * s * s)), 0) / (parts.length * s);
  let sum = 0;
  // The integrand is at most a Gaussian as wide around order m - (order - 1) m'.
  const reach = 4 * order + 12 * s;
  for (let x = -reach; x < reach; x += h) {
    const [p, other] = [density(means, x), density(others, x)];
    if (p > 0 && other > 0) sum += (other * (p / other) ** order * h) / Math.sqrt(2 * Math.PI);
  }
  return Math.log(sum) / (order - 1);
}

describe('rdpSampledWithoutReplacement', () => {
  it('is the bound of the theorem for integer orders', () => {
    for (const [q, z] of [
      [0.01, 2],
      [0.2, 5],
      [0.5, 0.8],
      [0.05, 1.2],
    ] as const) {
      for (const n of [2, 3, 7, 12]) {
        expect(rdpSampledWithoutReplacement(q, z, n)).toBeAllclose(boundOfTheorem(q, z, n), ROUNDING);
      }
    }
    expect(rdpSampledWithoutReplacement(0.01, 2, 8)).toBeCloseTo(0.000488, 6);
  });

  it('is linear in (alpha - 1) rdp between them, from 0 at the order 1', () => {
    const moment = (order: number): number => (order - 1) * rdpSampledWithoutReplacement(0.05, 2, order);
    expect(moment(1.25)).toBeAllclose(0.25 * moment(2), ROUNDING);
    expect(moment(5.75)).toBeAllclose(0.25 * moment(5) + 0.75 * moment(6), ROUNDING);
  });

  it('is above the divergence of every pair of neighbours, by brute force', () => {
    // Numbers in [-1, 1], two of five at a time; the first is exchanged, so the sum moves by 2 at most.
    const others = [
      [0, 0, 0, 0],
      [0.9, -0.4, 0.2, -1],
    ];
    for (const rest of others) {
      for (const s of [1.5, 3, 8]) {
        for (const order of [1.5, 2, 3, 4.5, 8]) {
          const [data, neighbour] = [sumsOfSubsets([1, ...rest], 2), sumsOfSubsets([-1, ...rest], 2)];
          const bound = rdpSampledWithoutReplacement(2 / 5, s / 2, order);
          expect(bound).toBeGreaterThan(divergence(data, neighbour, s, order));
          expect(bound).toBeGreaterThan(divergence(neighbour, data, s, order));
        }
      }
    }
  });

  it('is what all examples pay at q = 1, the least where sampling does not help, and less where it does', () => {
    for (const z of [0.3, 1, 5]) {
      for (const order of [1.3, 2, 8.5, 64]) {
        expect(rdpSampledWithoutReplacement(1, z, order)).toBeAllclose(rdpGaussian(z, order), ROUNDING);
      }
    }
    // log(1 + 4 q^2 (e^(1/z^2) - 1)) = 4 q^2 / z^2 + ... at the order 2.
    expect(rdpSampledWithoutReplacement(1e-3, 10, 2)).toBeAllclose(4e-6 * Math.expm1(0.01), { rtol: 1e-7, atol: 0 });
  });

  it('grows with the order and the sampling rate, and falls with the noise', () => {
    const order = fc.double({ min: 1.05, max: 40, noNaN: true });
    const rate = fc.double({ min: 1e-6, max: 1, noNaN: true });
    const noise = fc.double({ min: 0.05, max: 20, noNaN: true });
    const ratio = fc.double({ min: 1.01, max: 3, noNaN: true });
    fc.assert(
      fc.property(order, rate, noise, ratio, (alpha, q, z, factor) => {
        const here = rdpSampledWithoutReplacement(q, z, alpha) * (1 - 1e-12);
        expect(here).toBeGreaterThan(0);
        expect(here).toBeLessThanOrEqual(rdpSampledWithoutReplacement(q, z, alpha * factor));
        expect(here).toBeLessThanOrEqual(rdpSampledWithoutReplacement(Math.min(1, q * factor), z, alpha));
        expect(here).toBeLessThanOrEqual(rdpSampledWithoutReplacement(q, z / factor, alpha));
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  it('has its special cases', () => {
    expect(rdpSampledWithoutReplacement(0, 0, 2)).toBe(0);
    expect(rdpSampledWithoutReplacement(0.1, 0, 2)).toBe(Infinity);
    expect(rdpSampledWithoutReplacement(0.1, 1, Infinity)).toBe(Infinity);
    expect(rdpSampledWithoutReplacement(1e-9, 1e-200, 2)).toBe(Infinity);
  });

  it.each<[unknown, unknown, unknown, ErrorConstructor, string]>([
    [2, 1, 2, RangeError, 'samplingRate must be a finite number >= 0 and <= 1, got 2.'],
    [0.5, -1, 2, RangeError, 'noiseMultiplier must be a finite number >= 0, got -1.'],
    [0.5, 1, 0.5, RangeError, 'order must be a number > 1 and <= 65536, or Infinity, got 0.5.'],
    [null, 1, 2, TypeError, 'samplingRate must be a finite number >= 0 and <= 1, got null.'],
  ])('refuses q = %o, z = %o, order = %o', (q, z, order, error, message) => {
    const make = () => rdpSampledWithoutReplacement(q as number, z as number, order as number);
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.rdpSampledWithoutReplacement: ${message}`);
  });
});
