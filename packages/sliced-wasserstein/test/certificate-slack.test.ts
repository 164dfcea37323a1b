import { linalg } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { describe, expect, it } from 'vitest';
import type { Bound } from '../src/certificate/bound';
import { certify } from '../src/certificate/certify';
import { concentration, distanceToSample, j1OfTails } from '../src/certificate/concentration';
import { optimalLambda, pacBayesSlack, referenceLambda, type SlackOptions } from '../src/certificate/pac-bayes-slack';

/** Sums of a few terms of float64, in another order. */
const ROUNDING = { rtol: 1e-13, atol: 0 };
/** The golden file was written by float64 programs of other libraries. */
const PARITY = { rtol: 1e-12, atol: 0 };

const WHERE = 'sliced-wasserstein.pacBayesSlack';
const bounded: Bound = { kind: 'bounded', diameter: 1.5 };
const subgaussian: Bound = { kind: 'subgaussian', sigmaX: 1, sigmaY: 2 };
const bernstein: Bound = { kind: 'bernstein', sigmaX: 1, sigmaY: 2, b: 0.5 };
const concentrated: Bound = { kind: 'gaussianConcentration', sigmaX: 1, sigmaY: 2 };

describe('pacBayesSlack', () => {
  it('has the numbers of the golden file', () => {
    const golden = loadGolden(new URL('./golden/pac_bounds.safetensors', import.meta.url));
    const column = (name: string): Float64Array => golden.get(name).data;
    const rows = Array.from(column('p'), (p, i) => ({
      p,
      bound: { kind: 'bounded' as const, diameter: column('diameter')[i]! },
      n: column('n')[i]!,
      kl: column('kl')[i]!,
      delta: column('delta')[i]!,
    }));
    const slacks = rows.map((row) => pacBayesSlack(row));
    const best = rows.map((row) => optimalLambda(row));
    expect(slacks.map((row) => row.phi)).toBeAllclose(column('phi'), PARITY);
    expect(slacks.map((row) => row.psi)).toBeAllclose(column('psi_bounded'), PARITY);
    expect(slacks.map((row) => row.slack)).toBeAllclose(column('slack_lambda_sqrt_n'), PARITY);
    expect(best).toBeAllclose(column('lambda_star'), PARITY);
    const least = rows.map((row, i) => pacBayesSlack({ ...row, lambda: best[i]! }).slack);
    expect(least).toBeAllclose(column('slack_lambda_star'), PARITY);
    expect(rows.map((row) => referenceLambda(row))).toBeAllclose(column('lambda_reference_code'), PARITY);
  });

  // Written out from bounded differences, martingale differences and Lipschitz constants of two samples.
  const [n, m] = [50, 200];
  it.each<[string, number, Bound, { mgf: number; psi: number; upperPsi: number }]>([
    [
      'bounded',
      2,
      bounded,
      { mgf: (1.5 ** 4 * (1 / n + 1 / m)) / 8, psi: 1.5 ** 2 * (n ** -0.5 + m ** -0.5), upperPsi: 0 },
    ],
    [
      'subgaussian',
      1,
      { ...subgaussian, j1X: 1.1, j1Y: 1.7 },
      { mgf: 1 / n + 4 / m, psi: 1.1 * n ** -0.5 + 1.7 * m ** -0.5, upperPsi: 0 },
    ],
    [
      'Gaussian',
      1,
      { ...subgaussian, gaussian: true },
      { mgf: (1 / n + 4 / m) / 2, psi: 1.6147438535 * (n ** -0.5 + 2 * m ** -0.5), upperPsi: 0 },
    ],
    [
      'bernstein',
      1,
      { ...bernstein, j1X: 1.1, j1Y: 1.7 },
      { mgf: ((1 / n + 4 / m) * 2) / 3, psi: 1.1 * n ** -0.5 + 1.7 * m ** -0.5, upperPsi: 0 },
    ],
    [
      'gaussianConcentration',
      1.5,
      { ...concentrated, psi: 0.3 },
      { mgf: (1 / n + 4 / m) / 2, psi: 0.3, upperPsi: 0.3 },
    ],
    [
      'gaussianConcentration',
      3,
      { ...concentrated, psi: 0.3 },
      { mgf: (n ** (-2 / 3) + 4 * m ** (-2 / 3)) / 2, psi: 0.3, upperPsi: 0.3 },
    ],
    ['gaussianConcentration', 1, { ...concentrated, psi: 0.3 }, { mgf: (1 / n + 4 / m) / 2, psi: 0.3, upperPsi: 0 }],
  ])('has the constants of %s for p = %d and unequal sizes', (_, p, bound, { mgf, psi, upperPsi }) => {
    const lambda = 7;
    const found = pacBayesSlack({ p, bound, n, m, kl: 0.8, delta: 0.1, lambda });
    expect(found.size).toBeAllclose(80, ROUNDING);
    expect(found.slack).toBeAllclose(lambda * mgf + (0.8 + Math.log(10)) / lambda, ROUNDING);
    expect(found.psi).toBeAllclose(psi, ROUNDING);
    expect(found.upperPsi).toBeAllclose(upperPsi, ROUNDING);
    expect(found.of).toBe(bound.kind === 'gaussianConcentration' ? 'W_p' : 'W_p^p');
    expect(found.rigorous).toBe(true);
    expect(found.reasons).toEqual([]);
  });

  it('takes the harmonic mean of the sizes for sqrt, delta 0.05 and p = 2', () => {
    const found = pacBayesSlack({ bound: bounded, n: 50, m: 200, kl: 1 });
    expect(found.lambda).toBeAllclose(Math.sqrt(80), ROUNDING);
    expect(found).toEqual(
      pacBayesSlack({ p: 2, bound: bounded, n: 50, m: 200, kl: 1, delta: 0.05, lambda: found.lambda }),
    );
    expect(pacBayesSlack({ bound: bounded, n: 80, kl: 1 }).slack).toBeAllclose(found.slack, ROUNDING);
  });

  it('takes the best of the grid, at delta / 41', () => {
    for (const kl of [0, 1, 30]) {
      const options = { p: 1, bound: bounded, n: 100, kl, delta: 0.1 };
      const all = Array.from({ length: 41 }, (_, i) =>
        pacBayesSlack({ ...options, delta: 0.1 / 41, lambda: 10 * 2 ** ((i - 20) / 2) }),
      );
      const least = all.reduce((best, one) => (one.slack < best.slack ? one : best));
      const found = pacBayesSlack({ ...options, lambda: 'grid' });
      expect(found.slack).toBeAllclose(least.slack, ROUNDING);
      expect(found.lambda).toBeAllclose(least.lambda, ROUNDING);
      // Neighbours are a factor sqrt 2 apart, so the best is within 2^(1/4) of the optimum: (2^(1/4) + 2^(-1/4)) / 2 < 1.016.
      const optimum = 2 * Math.sqrt((found.phi * (kl + Math.log(410))) / 100);
      expect(found.slack / optimum).toBeLessThan(1.016);
    }
  });

  it('keeps lambda of Bernstein tails below lambda*', () => {
    const options: SlackOptions = { p: 1, bound: { ...bernstein, b: 10 }, n: 100, m: 200, kl: 100 };
    expect(optimalLambda(options)).toBe(5);
    expect(pacBayesSlack({ ...options, lambda: 5 }).lambda).toBe(5);
    const grid = pacBayesSlack({ ...options, lambda: 'grid' }).lambda;
    expect(grid).toBeLessThanOrEqual(5);
    expect(grid).toBeGreaterThan(5 / Math.SQRT2);
    const fix = "Take 'grid', or a smaller number fixed before the data.";
    const wanted = 'lambda must be at most 5, lambda* = min(n, m) / (2 b) of the bound';
    expect(() => pacBayesSlack({ ...options, lambda: 5.1 })).toThrow(`${WHERE}: ${wanted}, got 5.1. ${fix}`);
    expect(() => pacBayesSlack({ ...options, lambda: 'sqrt' })).toThrow(RangeError);
    const heavy = { ...options, bound: { ...bernstein, b: 1e9 } as Bound, lambda: 'grid' as const };
    expect(() => pacBayesSlack(heavy)).toThrow('Take more points.');
  });

  it('says when constants are estimates', () => {
    const found = pacBayesSlack({ bound: { kind: 'bounded', diameter: 1, estimated: true }, n: 10, kl: 0 });
    expect(found.rigorous).toBe(false);
    expect(found.reasons).toEqual(['the constants of the bound are estimates from the sample']);
  });

  const good = { p: 1, bound: bounded, n: 10, kl: 0 };
  const diameterFix =
    'Give a distance known before the data; one that is taken from them needs estimated: true as well.';
  const orderFix = "Give { kind: 'bounded', diameter }, or { kind: 'gaussianConcentration', sigmaX, sigmaY }.";
  it.each<[object, ErrorConstructor, string]>([
    [{ p: 0.5 }, RangeError, 'p must be a finite number >= 1, got 0.5.'],
    [{ n: 0 }, RangeError, 'n must be an integer >= 1, got 0.'],
    [{ m: 1.5 }, RangeError, 'm must be an integer >= 1, got 1.5.'],
    [{ kl: -1 }, RangeError, 'kl must be a finite number >= 0, got -1.'],
    [{ delta: 1 }, RangeError, 'delta must be a finite number > 0 and < 1, got 1.'],
    [{ lambda: 0 }, RangeError, 'lambda must be a finite number > 0, got 0.'],
    [{ lambda: 'best' }, RangeError, 'lambda must be one of "sqrt", "grid", got "best".'],
    [
      { bound: undefined },
      TypeError,
      'bound must be an object with a kind, one of bounded, subgaussian, bernstein, gaussianConcentration, got undefined. ' +
        'Without a constant there is no certificate.',
    ],
    [
      { bound: { kind: 'cauchy' } },
      RangeError,
      'bound.kind must be one of "bounded", "subgaussian", "bernstein", "gaussianConcentration", got "cauchy".',
    ],
    [
      { bound: { kind: 'bounded' } },
      TypeError,
      `bound.diameter must be a finite number > 0, got undefined. ${diameterFix}`,
    ],
    [
      { bound: { ...bounded, diameter: 0 } },
      RangeError,
      `bound.diameter must be a finite number > 0, got 0. ${diameterFix}`,
    ],
    [
      { bound: { ...bounded, diameter: 1e200 } },
      RangeError,
      'bound must keep phi and psi finite, got Infinity. Scale the data.',
    ],
    [
      { p: 2, bound: subgaussian },
      RangeError,
      `p must be 1 for a bound of kind 'subgaussian': W_p^p of unbounded laws is not Lipschitz, got 2. ${orderFix}`,
    ],
    [
      { p: 1.5, bound: bernstein },
      RangeError,
      `p must be 1 for a bound of kind 'bernstein': W_p^p of unbounded laws is not Lipschitz, got 1.5. ${orderFix}`,
    ],
    [
      { bound: { ...subgaussian, sigmaX: undefined } },
      TypeError,
      'bound.sigmaX must be a finite number > 0, got undefined. It bounds every projection of mu.',
    ],
    [
      { bound: { ...concentrated, sigmaY: -1 } },
      RangeError,
      'bound.sigmaY must be a finite number > 0, got -1. It bounds every projection of nu.',
    ],
    [
      { bound: { ...bernstein, b: 0 } },
      RangeError,
      "bound.b must be a finite number > 0, got 0. For b = 0 take the kind 'subgaussian'.",
    ],
    [{ bound: { ...bernstein, j1X: -1 } }, RangeError, 'bound.j1X must be a finite number >= 0, got -1.'],
    [{ bound: { ...subgaussian, j1Y: NaN } }, RangeError, 'bound.j1Y must be a finite number >= 0, got NaN.'],
    [{ bound: { ...concentrated, psi: -1 } }, RangeError, 'bound.psi must be a finite number >= 0, got -1.'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => pacBayesSlack({ ...good, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`${WHERE}: ${message}`);
  });

  it('names the function that was called', () => {
    const wrong = { ...good, kl: -1 };
    expect(() => optimalLambda(wrong)).toThrow('sliced-wasserstein.optimalLambda: kl must be');
    expect(() => referenceLambda(wrong)).toThrow('sliced-wasserstein.referenceLambda: kl must be');
    expect(() => certify({ ...wrong, value: 0 })).toThrow('sliced-wasserstein.certify: kl must be');
  });
});

/** Midpoint rule on [-reach, reach]. */
function integral(f: (t: number) => number, reach: number, nodes = 20000): number {
  const h = (2 * reach) / nodes;
  let sum = 0;
  for (let k = 0; k < nodes; k++) sum += f(-reach + (k + 0.5) * h);
  return sum * h;
}

describe('bias', () => {
  it('of Gaussians is J_1 of the normal law', () => {
    const j1 = integral((t) => Math.sqrt(linalg.normalCdf(t) * linalg.normalCdf(-t)), 20);
    const { psi } = concentration('test', { p: 1, bound: { ...subgaussian, gaussian: true }, n: 1 });
    // Rounded up at the tenth decimal.
    expect(psi / 3).toBeAllclose(j1, { rtol: 1e-9, atol: 0 });
    expect(psi / 3).toBeGreaterThanOrEqual(j1);
  });

  it('of tails is the integral of their quantiles', () => {
    // Both sides of the mean, by u: integral of min(1/2, e^(-u/2)) dt, t = sigma sqrt(2 u) + b u; u = s^2 takes the root away.
    for (const [sigma, b] of [
      [1, 0],
      [0.7, 0.3],
      [0.1, 2],
    ] as const) {
      const both = integral(
        (s) => Math.min(0.5, Math.exp((-s * s) / 2)) * (Math.SQRT2 * sigma + 2 * b * Math.abs(s)),
        12,
      );
      // The corner at s^2 = 2 log 2 costs the midpoint rule h^2 = 1e-6.
      expect(j1OfTails(sigma, b)).toBeAllclose(both, { rtol: 1e-6, atol: 0 });
    }
  });

  it('of tails is above J_1 of laws that have them', () => {
    // Rademacher: sub-Gaussian with sigma 1, J_1 = 2 * 1/2. Exponential of rate 1: E|X - X'|^k = k! (Laplace), so sigma^2 = 2,
    // b = 1; J_1 = integral of sqrt(e^-t (1 - e^-t)) = pi / 2.
    expect(j1OfTails(1, 0)).toBeGreaterThan(1);
    expect(j1OfTails(1, 0)).toBeGreaterThan(1.6148);
    expect(j1OfTails(Math.SQRT2, 1)).toBeGreaterThan(Math.PI / 2);
  });

  it('of W_p is the integral of |t|^(p-1) over the tails, p 2^(p-1) of it', () => {
    for (const p of [1, 1.5, 2, 3]) {
      const sigma = 0.8;
      const tail = (t: number): number => Math.min(0.5, Math.exp((-t * t) / (4 * sigma * sigma)));
      const k = integral((t) => Math.abs(t) ** (p - 1) * tail(t), 20);
      const expected = ((p * 2 ** (p - 1) * k) / Math.sqrt(30)) ** (1 / p);
      // A corner and, for p = 1.5, a root at 0: h^1.5 = 1e-4.
      expect(distanceToSample(sigma, p, 30)).toBeAllclose(expected, { rtol: 1e-4, atol: 0 });
    }
    expect(distanceToSample(0.8, 1, 30)).toBeAllclose(j1OfTails(0.8, 0) / Math.sqrt(30), ROUNDING);
    const { psi } = concentration('test', { p: 3, bound: concentrated, n: 10, m: 40 });
    expect(psi).toBeAllclose(distanceToSample(1, 3, 10) + distanceToSample(2, 3, 40), ROUNDING);
  });
});
