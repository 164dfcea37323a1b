import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { MaclaurinFeatures } from '../src/maclaurin/features';
import type { MaclaurinFeaturesOptions } from '../src/maclaurin/plan';

/** A mean of normal deviates is farther off once in 150 000 cases. */
const STANDARD_ERRORS = 4.5;

/** Estimates of k(x, y) by maps of new random numbers. */
function estimates(map: MaclaurinFeatures, [x, y]: readonly number[][], draws: number): Float64Array {
  return Float64Array.from({ length: draws }, (_, key) => {
    const drawn = map.resample(key);
    const estimate = tf.tidy(() => {
      if (drawn.mode !== 'complex') return drawn.kernel(tf.tensor2d([x!]), tf.tensor2d([y!])).dataSync()[0]!;
      const { re, im } = drawn.transformComplex(tf.tensor2d([x!, y!]));
      const all = tf.concat([re, im], 1);
      return tf.matMul(all, all, false, true).dataSync()[1]!;
    });
    drawn.dispose();
    return estimate;
  });
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Expects that the mean of independent values is the given one, by the standard error that they show. */
function expectMean(values: Float64Array, expected: number): void {
  const mean = meanOf(values);
  const standardError = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)) / values.length);
  expect(Math.abs(mean - expected)).toBeLessThan(STANDARD_ERRORS * standardError);
}

describe('MaclaurinFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  const pair = [[0.9, -0.4, 0.5, 0.2], [0.6, 0.3, 0.8, -0.5]]; // prettier-ignore
  const inner = 0.54 - 0.12 + 0.4 - 0.1;
  const polynomial = { inputDim: 4, kernel: 'polynomial', degree: 3, coef0: 0.5, lengthscale: 1.1, key: 0 } as const;
  const exact = (inner / 1.1 ** 2 + 0.5) ** 3;

  it.each<Partial<MaclaurinFeaturesOptions> & { features: number }>([
    { features: 12, mode: 'real', projection: 'gaussian' },
    { features: 11, mode: 'real', projection: 'srht' },
    { features: 13, mode: 'ctr', projection: 'rademacher' },
    { features: 15, mode: 'ctr', projection: 'srht', h01: true },
    { features: 9, mode: 'complex', projection: 'rademacher' },
    { features: 9, mode: 'complex', projection: 'srht', h01: true },
  ])('is unbiased, with the predicted variance: %o', (given) => {
    // Fitted to two points, the expected error is that of this pair.
    const map = new MaclaurinFeatures({ ...polynomial, ...given, minDegree: 3 }).fit(pair);
    const { variance, squaredBias } = map.prediction!;
    expect(squaredBias).toBeLessThan(1e-20);
    const values = estimates(map, pair, 600);
    expectMean(values, exact);
    // Of a complex estimate this is only the variance of the real part.
    const squares = values.map((value) => (value - exact) ** 2);
    if (given.mode === 'complex') expect(meanOf(squares)).toBeLessThan(variance);
    else expectMean(squares, variance);
  });

  it.each<Partial<MaclaurinFeaturesOptions> & { features: number }>([
    { features: 10, mode: 'ctr', projection: 'gaussian' },
    { features: 10, mode: 'ctr', projection: 'srht', h01: true },
    { features: 9, mode: 'real', projection: 'rademacher', allocation: 'kar-karnick' },
    { features: 10, mode: 'ctr', projection: 'rademacher', allocation: 'kar-karnick' },
    { features: 10, mode: 'complex', projection: 'gaussian', allocation: 'kar-karnick', h01: true },
  ])('is unbiased: %o', (given) => {
    const map = new MaclaurinFeatures({ ...polynomial, ...given, minDegree: 3 }).fit(pair);
    const { prediction } = map;
    expect(prediction === null).toBe(given.allocation === 'kar-karnick');
    expectMean(estimates(map, pair, 600), exact);
  });

  it('makes up for an imaginary part that is left out', () => {
    // Signs w_1, w_2 among 1, i, -1, -i for x = 1: the columns Re w_1, Re w_2, Im w_1, over sqrt(3 / 2).
    const options = { inputDim: 1, features: 3, kernel: { coefs: [0, 1] }, projection: 'rademacher' } as const;
    const map = new MaclaurinFeatures({ ...options, distribution: [2], key: 0 });
    const values = estimates(map, [[1], [1]], 400); // prettier-ignore
    expect(values.every((value) => Math.min(Math.abs(value - 2 / 3), Math.abs(value - 4 / 3)) < 1e-6)).toBe(true);
    expectMean(values, 1);
  });

  const columns = 8;
  const points = Array.from({ length: 40 }, (_, i) => [
    ...random.fillNormal(random.foldIn(random.key(1), i), new Float64Array(columns)),
  ]);

  it('estimates the Gaussian kernel with an error that falls as D^-1/2', () => {
    const errorOf = (features: number): { measured: number; predicted: number } => {
      const map = new MaclaurinFeatures({ inputDim: columns, features, kernel: 'gaussian', key: 0 }).fit(points);
      let sum = 0;
      for (let key = 0; key < 10; key++) {
        const drawn = map.resample(key);
        const k = tf.tidy(() => drawn.kernel(tf.tensor2d(points)).dataSync());
        drawn.dispose();
        points.forEach((x, i) =>
          points.slice(0, i).forEach((y, j) => {
            const square = x.reduce((all, value, c) => all + (value - y[c]!) ** 2, 0);
            sum += (k[40 * i + j]! - Math.exp(-square / (2 * map.lengthscale ** 2))) ** 2;
          }),
        );
      }
      const { variance, squaredBias } = map.prediction!;
      return { measured: Math.sqrt(sum / 7800), predicted: Math.sqrt(variance + squaredBias) };
    };
    const [few, many] = [errorOf(65), errorOf(1025)];
    // 10 draws leave each error about a tenth uncertain, the slope 0.05.
    expect(Math.abs(Math.log(many.measured / few.measured) / Math.log(16) + 0.5)).toBeLessThan(0.15);
    for (const { measured, predicted } of [few, many]) {
      expect(Math.abs(measured / predicted - 1)).toBeLessThan(0.3);
    }
  });
});
