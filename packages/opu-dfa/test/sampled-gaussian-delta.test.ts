import { linalg } from '@tfsci/tensor-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianDelta } from '../src/privacy/gaussian-mechanism';
import { sampledGaussianDelta, sampledGaussianEpsilon } from '../src/privacy/sampled-gaussian-delta';
import { rdpToDelta } from '../src/privacy/rdp-conversion';
import { DEFAULT_ORDERS } from '../src/privacy/orders';
import { rdpTable } from '../src/privacy/sampled-gaussian';

const { normalCdf } = linalg;

/** The trapezoid rule, whose error for smooth integrands is below its rounding but for the kink at epsilon. */
const QUADRATURE = { rtol: 1e-5, atol: 0 };
/** The published values have six digits. */
const PUBLISHED = { rtol: 1e-6, atol: 0 };
const ROUNDING = { rtol: 1e-11, atol: 0 };

/** Integral of (P - e^epsilon P')+ over the outputs. */
function deltaByQuadrature(epsilon: number, q: number, z: number): { remove: number; add: number } {
  const gaussian = (x: number): number => Math.exp(-((x / z) ** 2) / 2) / (z * Math.sqrt(2 * Math.PI));
  const step = z / 2000;
  const sum = { remove: 0, add: 0 };
  for (let x = -9 * z; x < 1 + 9 * z; x += step) {
    const without = gaussian(x);
    const mixed = (1 - q) * without + q * gaussian(x - 1);
    sum.remove += step * Math.max(0, mixed - Math.exp(epsilon) * without);
    sum.add += step * Math.max(0, without - Math.exp(epsilon) * mixed);
  }
  return sum;
}

describe('sampledGaussianDelta', () => {
  it.each([
    { q: 0.01, z: 0.7, epsilon: 0.85 },
    { q: 0.1, z: 1.1, epsilon: 0.05 },
    { q: 0.5, z: 4, epsilon: 0.2 },
    { q: 0.9, z: 1, epsilon: 1 },
    { q: 0.3, z: 2, epsilon: 0 },
  ])('is the larger of both directions: q = $q, z = $z, epsilon = $epsilon', ({ q, z, epsilon }) => {
    const { remove, add } = deltaByQuadrature(epsilon, q, z);
    expect(sampledGaussianDelta(epsilon, q, z)).toBeAllclose(Math.max(remove, add), QUADRATURE);
  });

  it('is that of the Gaussian mechanism without sampling, and 0 for what is never drawn', () => {
    expect(sampledGaussianDelta(1.5, 1, 2)).toBeAllclose(gaussianDelta(1.5, 2), ROUNDING);
    expect(sampledGaussianDelta(1.5, 0, 2)).toBe(0);
    expect(sampledGaussianDelta(1.5, 0.2, 0)).toBe(0.2);
    expect(sampledGaussianDelta(0, 0.2, 3)).toBeAllclose(0.2 * (2 * normalCdf(1 / 6) - 1), ROUNDING);
    expect(sampledGaussianDelta(800, 0.2, 3)).toBe(0);
  });

  it('is never above what Renyi divergences give, grows with q and falls with z', () => {
    const parameters = [
      fc.double({ min: 0.01, max: 3 }),
      fc.double({ min: 0.001, max: 1 }),
      fc.double({ min: 0.5, max: 8 }),
    ];
    fc.assert(
      fc.property(
        ...(parameters as [fc.Arbitrary<number>, fc.Arbitrary<number>, fc.Arbitrary<number>]),
        (epsilon, q, z) => {
          fc.pre(!Number.isNaN(epsilon + q + z));
          const delta = sampledGaussianDelta(epsilon, q, z);
          const slack = 1 + 1e-9;
          expect(delta).toBeLessThanOrEqual(rdpToDelta(DEFAULT_ORDERS, rdpTable(q, z), epsilon) * slack);
          expect(sampledGaussianDelta(epsilon, q / 2, z)).toBeLessThanOrEqual(delta * slack);
          expect(sampledGaussianDelta(epsilon, q, z * 1.1)).toBeLessThanOrEqual(delta * slack);
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });
});

describe('sampledGaussianEpsilon', () => {
  it.each([
    { q: 0.01, z: 0.7, expected: 0.851644 },
    { q: 0.1, z: 1.1, expected: 1.359029 },
    { q: 0.5, z: 4, expected: 0.535652 },
    { q: 0.01, z: 4, expected: 0.00804368 },
  ])('is $expected for q = $q, z = $z, delta = 1e-5', ({ q, z, expected }) => {
    expect(sampledGaussianEpsilon(1e-5, q, z)).toBeAllclose(expected, PUBLISHED);
  });

  it('is the inverse of sampledGaussianDelta', () => {
    for (const [q, z] of [
      [0.2, 0.8],
      [0.9, 2],
      [1e-4, 0.3],
      [1, 1.5],
    ] as const) {
      for (const delta of [1e-12, 1e-7, q / 50]) {
        expect(sampledGaussianDelta(sampledGaussianEpsilon(delta, q, z), q, z)).toBeAllclose(delta, ROUNDING);
      }
    }
  });

  it('is 0 where sampling alone is enough, and Infinity without noise', () => {
    expect(sampledGaussianEpsilon(0.01, 0.01, 0)).toBe(0);
    expect(sampledGaussianEpsilon(0.5, 0, 1)).toBe(0);
    expect(sampledGaussianEpsilon(0.9e-2, 0.01, 4)).toBe(0);
    expect(sampledGaussianEpsilon(0.009, 0.01, 0)).toBe(Infinity);
  });
});

describe('bad arguments', () => {
  it.each([
    [() => sampledGaussianDelta(-1, 0.1, 1), 'Delta: epsilon must be a finite number >= 0, got -1.'],
    [() => sampledGaussianDelta(1, 1.1, 1), 'Delta: samplingRate must be a finite number >= 0 and <= 1, got 1.1.'],
    [() => sampledGaussianDelta(1, 0.1, -1), 'Delta: noiseMultiplier must be a finite number >= 0, got -1.'],
    [() => sampledGaussianEpsilon(0, 0.1, 1), 'Epsilon: delta must be a finite number > 0 and < 1, got 0.'],
    [
      () => sampledGaussianEpsilon(0.1, NaN, 1),
      'Epsilon: samplingRate must be a finite number >= 0 and <= 1, got NaN.',
    ],
  ])('%#', (call, message) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`opu-dfa.sampledGaussian${message}`);
  });
});
