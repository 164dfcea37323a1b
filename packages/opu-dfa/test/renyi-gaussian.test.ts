import { linalg, random } from '@tfsci/tensor-core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pairDivergence, renyiGaussian, reversedPair } from '../src/privacy/renyi-gaussian';

/** Sums of a few dozen terms of float64. */
const ROUNDING = { rtol: 1e-11, atol: 1e-12 };
/** The trapezoid rule on smooth tails is exact to rounding; the logarithm divides it by alpha - 1. */
const QUADRATURE = { rtol: 1e-10, atol: 1e-10 };

const variance = (v: number): linalg.Matrix64 => linalg.matrix(1, 1, [v]);

/** X X^T / n + floor I of normal draws X. */
function covarianceOf(seed: number, n: number, floor = 0.1): linalg.Matrix64 {
  const x = linalg.matrix(n, n, random.fillNormal(random.key(seed), new Float64Array(n * n)));
  const product = linalg.multiply(x, linalg.transposed(x));
  return { ...product, data: product.data.map((value, at) => value / n + (at % (n + 1) === 0 ? floor : 0)) };
}

const vectorOf = (seed: number, n: number): Float64Array => random.fillNormal(random.key(seed), new Float64Array(n));

/** 1 / (alpha - 1) ln of the integral of f^alpha g^(1 - alpha) of normal densities, by the trapezoid rule. */
function byQuadrature(mean: number, v: number, meanPrime: number, vPrime: number, order: number): number {
  // The integrand is a Gaussian with this precision and centre.
  const precision = order / v + (1 - order) / vPrime;
  const centre = ((order * mean) / v + ((1 - order) * meanPrime) / vPrime) / precision;
  const step = 1 / Math.sqrt(precision) / 20;
  const logDensity = (x: number, at: number, of: number): number =>
    -((x - at) ** 2) / (2 * of) - 0.5 * Math.log(2 * Math.PI * of);
  const terms = Array.from({ length: 601 }, (_, i) => centre + (i - 300) * step).map(
    (x) => order * logDensity(x, mean, v) + (1 - order) * logDensity(x, meanPrime, vPrime),
  );
  return (linalg.logSumExp(terms) + Math.log(step)) / (order - 1);
}

/** The formula as it is written, by Cholesky factors of the three matrices. */
function byFactors(
  mean: Float64Array,
  s: linalg.Matrix64,
  meanPrime: Float64Array,
  sPrime: linalg.Matrix64,
  order: number,
): number {
  const mixed = { ...s, data: s.data.map((value, at) => order * sPrime.data[at]! + (1 - order) * value) };
  const factor = linalg.cholesky(mixed);
  const logDet = (matrix: linalg.Matrix64): number => linalg.choleskyLogDet(linalg.cholesky(matrix));
  const difference = mean.map((value, i) => value - meanPrime[i]!);
  const solved = linalg.choleskySolve(factor, { rows: mean.length, cols: 1, data: difference }).data;
  const quadratic = difference.reduce((sum, value, i) => sum + value * solved[i]!, 0);
  const logs = linalg.choleskyLogDet(factor) - (1 - order) * logDet(s) - order * logDet(sPrime);
  return (order / 2) * quadratic - logs / (2 * (order - 1));
}

describe('renyiGaussian', () => {
  it.each([
    [0.3, 1, -0.2, 1, 2],
    [0.3, 0.5, -0.2, 1.4, 1.01],
    [1, 1.4, -2, 0.9, 2.5],
    [0, 1.02, 0.01, 1, 40],
    [5, 0.01, 0, 3, 7.7],
  ])('of numbers is the integral: N(%d, %d), N(%d, %d), order %d', (mean, v, meanPrime, vPrime, order) => {
    const value = renyiGaussian([mean], variance(v), [meanPrime], variance(vPrime), order);
    expect(value).toBeAllclose(byQuadrature(mean, v, meanPrime, vPrime, order), QUADRATURE);
  });

  it('is the formula by determinants, where that is finite', () => {
    for (const order of [1.1, 2, 4]) {
      const n = 6;
      const s = covarianceOf(0, n, 1);
      const change = covarianceOf(1, n);
      const sPrime = { ...s, data: s.data.map((value, at) => value + 0.3 * change.data[at]!) };
      const means = [vectorOf(2, n), vectorOf(3, n)] as const;
      const value = renyiGaussian(means[0], s, means[1], sPrime, order);
      expect(value).toBeAllclose(byFactors(means[0], s, means[1], sPrime, order), ROUNDING);
    }
  });

  it('is that of the Gaussian mechanism for equal covariances, and 0 for equal laws', () => {
    const s = linalg.matrix(2, 2, [0.25, 0, 0, 0.25]);
    expect(renyiGaussian([3, 0], s, [0, 4], s, 2)).toBeAllclose((2 * 25) / (2 * 0.25), ROUNDING);
    expect(renyiGaussian([3, 1], covarianceOf(4, 2), [3, 1], covarianceOf(4, 2), 30)).toBe(0);
  });

  it('does not lose small differences of covariances', () => {
    // To second order in e, D_alpha(N(0, 1 + e) || N(0, 1)) = alpha e^2 / 4.
    const e = 1e-7;
    expect(renyiGaussian([0], variance(1 + e), [0], variance(1), 2)).toBeAllclose(e ** 2 / 2, { rtol: 1e-5, atol: 0 });
  });

  it('is Infinity as soon as the mixed covariance is not positive definite', () => {
    const at = (order: number): number => renyiGaussian([0], variance(1.5), [0], variance(1), order);
    expect(at(2.999)).toBeGreaterThan(0);
    expect(at(2.999)).toBeLessThan(Infinity);
    expect(at(3)).toBe(Infinity);
    expect(at(50)).toBe(Infinity);
    expect(renyiGaussian([0], variance(1), [0], variance(1.5), 50)).toBeLessThan(Infinity);
    expect(renyiGaussian([0], variance(1e-40), [0], variance(1), 2)).toBe(Infinity);
    // Rounding can make a variance of 0, or less, of what is nearly one.
    for (const e of [-1, -1 - 2 * Number.EPSILON]) {
      const pair = { excess: Float64Array.of(e), squares: Float64Array.of(0.1) };
      expect([pairDivergence(pair, 2), pairDivergence(reversedPair(pair), 2)]).toEqual([Infinity, Infinity]);
    }
  });

  it('of the order Infinity is the largest log ratio of densities', () => {
    const [mean, v] = [0.3, 0.5];
    const ratios = Array.from({ length: 4001 }, (_, i) => (i - 2000) / 500).map(
      (x) => x ** 2 / 2 - (x - mean) ** 2 / (2 * v) - Math.log(v) / 2,
    );
    const at = (first: number, covariance: number): number =>
      renyiGaussian([first], variance(covariance), [0], variance(1), Infinity);
    // The grid has steps of 1/500, so its largest is within the curvature 1 of the maximum, over 10^6.
    expect(at(mean, v)).toBeAllclose(Math.max(...ratios), { rtol: 0, atol: 1e-6 });
    expect([at(0.3, 1), at(0, 1.01), at(0, 1)]).toEqual([Infinity, Infinity, 0]);
  });

  it('grows with the order, and is the same in other coordinates', () => {
    const cases = fc.record({
      seed: fc.integer({ min: 0, max: 2 ** 30 }),
      n: fc.integer({ min: 1, max: 5 }),
      order: fc.double({ min: 1.05, max: 6, noNaN: true }),
    });
    fc.assert(
      fc.property(cases, ({ seed, n, order }) => {
        const s = covarianceOf(seed, n, 0.5);
        const change = covarianceOf(seed + 1, n);
        const sPrime = { ...s, data: s.data.map((value, at) => value + 0.2 * change.data[at]!) };
        const means = [vectorOf(seed + 2, n), vectorOf(seed + 3, n)] as const;
        const value = renyiGaussian(means[0], s, means[1], sPrime, order);
        expect(renyiGaussian(means[0], s, means[1], sPrime, order * 1.1)).toBeGreaterThanOrEqual(value);
        const scales = Array.from({ length: n }, (_, i) => 10 ** (i - 2));
        const scaled = (matrix: linalg.Matrix64): linalg.Matrix64 => ({
          ...matrix,
          data: matrix.data.map((entry, at) => entry * scales[Math.floor(at / n)]! * scales[at % n]!),
        });
        const moved = means.map((mean) => mean.map((entry, i) => entry * scales[i]!)) as [Float64Array, Float64Array];
        const same = renyiGaussian(moved[0], scaled(s), moved[1], scaled(sPrime), order);
        expect(same).toBeAllclose(value, { rtol: 1e-9, atol: 1e-9 });
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  const fix = 'Of a photonic update: increase the batch or add digital noise.';
  const s = linalg.identityMatrix(2);
  it.each<[string, unknown[], string, string]>([
    [
      'RangeError',
      [[0, 0], s, [0, 0], s, 1],
      'order must be a number > 1 and <= 65536, or Infinity, got 1.',
      'an order of 1',
    ],
    ['TypeError', [null, s, [0, 0], s, 2], 'mean must be an array of numbers, got null.', 'no mean'],
    ['ShapeError', [[], s, [], s, 2], 'mean must have at least 1 entries, got 0.', 'no entries'],
    ['ShapeError', [[0, 0], s, [0], s, 2], 'meanPrime must have 2 entries, got 1.', 'means of other lengths'],
    ['RangeError', [[0, NaN], s, [0, 0], s, 2], 'mean[1] must be a finite number, got NaN.', 'NaN'],
    [
      'TypeError',
      [[0], 1, [0], 1, 2],
      'covariance must be a Matrix64, got 1. Make one with linalg.matrix(rows, cols, values).',
      'a number',
    ],
    ['ShapeError', [[0], s, [0], s, 2], 'covariance must have the shape [1, 1], got [2, 2].', 'another size'],
    [
      'RangeError',
      [[0, 0], s, [0, 0], { rows: 2, cols: 2, data: Float64Array.of(1, 0, Infinity, 1) }, 2],
      'covariancePrime[1, 0] must be finite, got Infinity.',
      'Infinity',
    ],
    [
      'RangeError',
      [[0, 0], linalg.matrix(2, 2, [1, 0, 0.5, 1]), [0, 0], s, 2],
      'covariance must be symmetric at [1, 0], got [0.5, 0].',
      'a matrix that is not symmetric',
    ],
    [
      'RangeError',
      [[0, 0], linalg.matrix(2, 2, [1, 2, 2, 4]), [0, 0], s, 2],
      `covariance must have rank 2, got 1. ${fix}`,
      'rank 1',
    ],
    [
      'RangeError',
      [[0, 0], s, [0, 0], linalg.matrix(2, 2), 2],
      `covariancePrime must have rank 2, got 0. ${fix}`,
      'rank 0',
    ],
    [
      'RangeError',
      [[0, 0, 0], linalg.matrix(3, 3, [1e-20, 0, 0, 0, 1, 1, 0, 1, 1]), [0, 0, 0], linalg.identityMatrix(3), 2],
      `covariance must have rank 3, got 2. ${fix}`,
      'rank 2, of which one in a small unit',
    ],
    [
      'RangeError',
      [[0, 0], s, [0, 0], linalg.matrix(2, 2, [1e-20, 1e-10, 1e-10, 1 + 1e-15]), 2],
      `covariancePrime must have rank 2, got 1. ${fix}`,
      'rank 1 but for rounding, in any units',
    ],
  ])('%s: %s %s (%s)', (name, args, message) => {
    const make = () => renyiGaussian(...(args as Parameters<typeof renyiGaussian>));
    expect(make).toThrow(expect.objectContaining({ name }));
    expect(make).toThrow(`opu-dfa.renyiGaussian: ${message}`);
  });
});
