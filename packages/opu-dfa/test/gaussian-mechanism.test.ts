import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  classicalGaussianNoiseMultiplier,
  composeGaussians,
  gaussianDelta,
  gaussianEpsilon,
  gaussianNoiseMultiplier,
} from '../src/privacy/gaussian-mechanism';

const golden = loadGolden(new URL('./golden/accounting.safetensors', import.meta.url));

/** Rows of a golden table. */
function rowsOf(name: string): number[][] {
  const { data, shape } = golden.get(name);
  return Array.from({ length: shape[0]! }, (_, i) => Array.from(data.slice(i * shape[1]!, (i + 1) * shape[1]!)));
}

/** A few float64 operations. */
const ROUNDING = { rtol: 1e-12, atol: 0 };
/** The root finders of the reference stop at differences of this size. */
const ROOTS = { rtol: 1e-11, atol: 1e-11 };

/** epsilon, z and delta of 60-digit arithmetic. */
const DELTAS_60_DIGITS: readonly (readonly [number, number, number])[] = [
  [0, 3, 0.13236766522180732],
  [0, 100000.0, 3.989422803997704e-6],
  [1e-9, 5000.0, 7.97879559881971e-5],
  [0.001, 690, 0.0002107062556767062],
  [0.001, 720, 0.0001919045992590954],
  [0.1, 100, 7.857692771036754e-27],
  [1, 0.5, 0.5098616600546702],
  [1, 10, 1.2308359836427041e-25],
  [5, 0.1, 0.9999937840259198],
  [5, 3, 9.716959457685939e-52],
  [30, 0.5, 9.66210668297518e-46],
  [500, 0.02, 1.0],
  [30, 1, 4.709326318097522e-193],
];

describe('gaussianDelta', () => {
  it.each(DELTAS_60_DIGITS)('is that of 60 digits at epsilon = %d, z = %d', (epsilon, z, delta) => {
    expect(gaussianDelta(epsilon, z)).toBeAllclose(delta, ROUNDING);
  });

  it('is the probability mass by which one law exceeds e^epsilon times the other, by brute force', () => {
    for (const [epsilon, z] of [
      [0.3, 1],
      [1, 0.7],
      [2, 2],
    ] as const) {
      const density = (x: number): number => Math.exp((-x * x) / (2 * z * z)) / (z * Math.sqrt(2 * Math.PI));
      const h = 1e-4;
      let mass = 0;
      for (let x = -12 * z; x < 12 * z; x += h)
        mass += Math.max(0, density(x - 1) - Math.exp(epsilon) * density(x)) * h;
      // The kink of the integrand costs h^2.
      expect(gaussianDelta(epsilon, z)).toBeAllclose(mass, { rtol: 1e-6, atol: 0 });
    }
  });

  it('is 1 without noise, and never NaN', () => {
    expect(gaussianDelta(3, 0)).toBe(1);
    const numbers = fc.double({ min: 0, max: 1e308, noNaN: true });
    fc.assert(
      fc.property(numbers, numbers, (epsilon, z) => {
        const delta = gaussianDelta(epsilon, z);
        expect(delta).toBeGreaterThanOrEqual(0);
        expect(delta).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('falls with epsilon and with the noise', () => {
    const epsilons = fc.double({ min: 0, max: 20, noNaN: true });
    const noises = fc.double({ min: 0.05, max: 2000, noNaN: true });
    const steps = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(
      fc.property(epsilons, noises, steps, (epsilon, z, step) => {
        const here = gaussianDelta(epsilon, z) * (1 + ROUNDING.rtol);
        expect(gaussianDelta(epsilon + step, z)).toBeLessThanOrEqual(here);
        expect(gaussianDelta(epsilon, z * (1 + step))).toBeLessThanOrEqual(here);
      }),
    );
  });
});

describe('gaussianEpsilon and gaussianNoiseMultiplier', () => {
  it('are those of the reference', () => {
    const rows = rowsOf('analyticGaussian/eps_delta_sigma_classical');
    for (const [epsilon, delta, sigma, classical] of rows as [number, number, number, number][]) {
      expect(gaussianNoiseMultiplier(epsilon, delta)).toBeAllclose(sigma, ROOTS);
      expect(gaussianEpsilon(delta, sigma)).toBeAllclose(epsilon, ROOTS);
      expect(classicalGaussianNoiseMultiplier(epsilon, delta)).toBeAllclose(classical, ROUNDING);
    }
  });

  it('are inverse to each other and to delta, on the safe side to the last digit', () => {
    const epsilons = fc.double({ min: 1e-3, max: 50, noNaN: true });
    const exponents = fc.double({ min: -100, max: -0.5, noNaN: true });
    fc.assert(
      fc.property(epsilons, exponents, (epsilon, exponent) => {
        const delta = 10 ** exponent;
        const z = gaussianNoiseMultiplier(epsilon, delta);
        expect(gaussianDelta(epsilon, z)).toBeLessThanOrEqual(delta);
        expect(gaussianDelta(epsilon, z * (1 - 1e-10))).toBeGreaterThan(delta);
        const least = gaussianEpsilon(delta, z);
        expect(gaussianDelta(least, z)).toBeLessThanOrEqual(delta);
        expect(least).toBeAllclose(epsilon, { rtol: 1e-9, atol: 0 });
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it('have limits', () => {
    expect(gaussianEpsilon(1e-5, 0)).toBe(Infinity);
    expect(gaussianEpsilon(1e-5, 1e-200)).toBe(Infinity);
    expect(gaussianEpsilon(0.5, 2)).toBe(0);
    // delta = erf(1 / (2 sqrt(2) z)) at epsilon = 0, and for small delta 1 / (z sqrt(2 pi)).
    expect(gaussianNoiseMultiplier(0, 1e-20)).toBeAllclose(1e20 / Math.sqrt(2 * Math.PI), ROUNDING);
    // Much privacy is lost: delta = 1 - Phi(..), so epsilon z = 1 / (2z) - Phi^-1(delta), nearly 1 / (2 z^2).
    expect(gaussianNoiseMultiplier(1e8, 0.5)).toBeAllclose(Math.sqrt(1 / 2e8), { rtol: 1e-3, atol: 0 });
  });

  it('differ from the classical calibration, which is too little for large epsilon', () => {
    expect(classicalGaussianNoiseMultiplier(0.5, 1e-5)).toBeCloseTo(9.6896, 4);
    expect(classicalGaussianNoiseMultiplier(8, 1e-5)).toBeCloseTo(0.6056, 4);
    expect(gaussianNoiseMultiplier(8, 1e-5)).toBeCloseTo(0.6002, 4);
    expect(classicalGaussianNoiseMultiplier(9, 1e-5)).toBeLessThan(gaussianNoiseMultiplier(9, 1e-5));
  });
});

describe('composeGaussians', () => {
  it('has the epsilon of the reference for Gaussians in a row', () => {
    for (const [sigma, steps, delta, epsilon] of rowsOf('gaussianComposition/sigma_steps_delta_eps') as [
      number,
      number,
      number,
      number,
    ][]) {
      const z = composeGaussians(new Array<number>(steps).fill(sigma));
      expect(gaussianEpsilon(delta, z)).toBeAllclose(epsilon, ROOTS);
    }
  });

  it('adds the inverse squares', () => {
    expect(composeGaussians([3, 4])).toBeAllclose(2.4, ROUNDING);
    expect(composeGaussians([5])).toBe(5);
    expect(composeGaussians([1, 0, 2])).toBe(0);
    expect(composeGaussians([1e200, 1e200])).toBeAllclose(1e200 / Math.SQRT2, ROUNDING);
    expect(composeGaussians([1e-200, 1e200])).toBe(1e-200);
  });
});

describe('errors', () => {
  const message = (where: string, text: string): string => `opu-dfa.${where}: ${text}`;
  const epsilonText = 'epsilon must be a finite number >= 0, got -1.';
  const noiseText = 'noiseMultiplier must be a finite number >= 0, got -1.';
  const deltaText = 'delta must be a finite number > 0 and < 1, got';
  it.each<[string, () => unknown, string, string]>([
    ['gaussianDelta', () => gaussianDelta(-1, 1), 'RangeError', epsilonText],
    ['gaussianDelta', () => gaussianDelta(1, -1), 'RangeError', noiseText],
    ['gaussianEpsilon', () => gaussianEpsilon(1, 1), 'RangeError', `${deltaText} 1.`],
    ['gaussianEpsilon', () => gaussianEpsilon(0.1, -1), 'RangeError', noiseText],
    ['gaussianNoiseMultiplier', () => gaussianNoiseMultiplier(-1, 0.1), 'RangeError', epsilonText],
    ['gaussianNoiseMultiplier', () => gaussianNoiseMultiplier(1, 0), 'RangeError', `${deltaText} 0.`],
    ['gaussianNoiseMultiplier', () => gaussianNoiseMultiplier(1, NaN), 'RangeError', `${deltaText} NaN.`],
    [
      'classicalGaussianNoiseMultiplier',
      () => classicalGaussianNoiseMultiplier(0, 0.1),
      'RangeError',
      'epsilon must be a finite number > 0, got 0.',
    ],
    [
      'classicalGaussianNoiseMultiplier',
      () => classicalGaussianNoiseMultiplier(1, '0.1' as never),
      'TypeError',
      `${deltaText} "0.1".`,
    ],
    [
      'composeGaussians',
      () => composeGaussians([]),
      'ShapeError',
      'multipliers must be an array of at least one, got [].',
    ],
    [
      'composeGaussians',
      () => composeGaussians(2 as never),
      'TypeError',
      'multipliers must be an array of at least one, got 2.',
    ],
    [
      'composeGaussians',
      () => composeGaussians([1, -1]),
      'RangeError',
      'multipliers[1] must be a finite number >= 0, got -1.',
    ],
  ])('%s refuses case %#', (where, make, name, text) => {
    expect(make).toThrow(expect.objectContaining({ name, message: message(where, text) }));
  });
});
