import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { sphereCosine } from '../src/fourier/sphere-cosine';
import { orthogonalFrequencies } from '../src/fourier/orthogonal-frequencies';
import {
  fourierVariance,
  RandomFourierFeatures,
  type RandomFourierFeaturesOptions,
} from '../src/fourier/random-fourier';

/** Inner products of float32 columns of norm 3. */
const ORTHOGONAL = 1e-5;
/** A mean of normal deviates is farther off once in 150 000 cases. */
const STANDARD_ERRORS = 4.5;

function squaredDistance(x: readonly number[], y: readonly number[]): number {
  return x.reduce((sum, value, j) => sum + (value - y[j]!) ** 2, 0);
}

/** Estimates of k(x, y), one a key. */
function estimates(options: RandomFourierFeaturesOptions, x: number[], y: number[], draws: number): Float64Array {
  return Float64Array.from({ length: draws }, (_, key) => {
    const map = new RandomFourierFeatures({ ...options, key });
    const estimate = tf.tidy(() => map.kernel(tf.tensor2d([x]), tf.tensor2d([y])).dataSync()[0]!);
    map.dispose();
    return estimate;
  });
}

function meanOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The squared distances from the mean that values should have: the mean of these is a variance. */
function squaresAround(values: Float64Array, mean: number): Float64Array {
  return values.map((value) => (value - mean) ** 2);
}

/** Expects that the mean of independent values is the given one, by the standard error that they show. */
function expectMean(values: Float64Array, expected: number): void {
  const mean = meanOf(values);
  const standardError = Math.sqrt(meanOf(squaresAround(values, mean)) / values.length);
  expect(Math.abs(mean - expected)).toBeLessThan(STANDARD_ERRORS * standardError);
}

describe('RandomFourierFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(['paired', 'phase'] as const)('is unbiased, with the variance of fourierVariance: %s', (layout) => {
    const x = [0.3, -0.5, 0.8];
    const y = [0.7, -0.1, 0.4];
    const options = { inputDim: 3, features: 4, lengthscale: 1.1, layout };
    const square = squaredDistance(x, y);
    const exact = Math.exp(-square / (2 * 1.1 ** 2));
    const values = estimates(options, x, y, 3000);
    expectMean(values, exact);
    expectMean(squaresAround(values, exact), fourierVariance(Math.sqrt(square), options));
  });

  it('has phases that are uniform on [0, 2 pi)', () => {
    const options = { inputDim: 1, features: 5000, gamma: 1, layout: 'phase', key: 1 } as const;
    const phases = Float64Array.from(new RandomFourierFeatures(options).weights()['b']!.data, Number);
    expectMean(phases, Math.PI);
    expectMean(squaresAround(phases, Math.PI), Math.PI ** 2 / 3);
  });

  it('has a smaller variance with orthogonal frequencies, and is unbiased', () => {
    const x = [0.3, -0.5, 0.8, 0.1];
    const y = [0.9, 0.2, 0.1, -0.4];
    const options = { inputDim: 4, features: 8, lengthscale: 1 };
    const square = squaredDistance(x, y);
    const exact = Math.exp(-square / 2);
    const values = estimates({ ...options, projection: 'orthogonal' }, x, y, 1500);
    const squares = squaresAround(values, exact);
    expectMean(values, exact);
    // About half of it, for as many frequencies as dimensions at this distance; the mean of 1500 squares is 4 % off.
    expect(meanOf(squares)).toBeLessThan(0.75 * fourierVariance(Math.sqrt(square), options));
  });

  it('has nearly the kernel of uniform directions and one length with Hadamard frequencies', () => {
    const x = [0.3, -0.5, 0.8, 0.1, 0, 0.2];
    const y = [0.9, 0.2, 0.1, -0.4, 0.3, -0.1];
    const options = { inputDim: 6, features: 16, lengthscale: 1.1, projection: 'sorf' } as const;
    const values = estimates(options, x, y, 1000);
    const length = Math.sqrt(squaredDistance(x, y)) / 1.1;
    // In d' = 8 dimensions; three rounds of signs are not quite uniform. The Gaussian kernel is 0.03 away.
    expect(Math.abs(meanOf(values) - sphereCosine(8, 10)(Math.sqrt(8) * length))).toBeLessThan(0.01);
    expect(Math.abs(meanOf(values) - Math.exp((-length * length) / 2))).toBeLessThan(0.05);
  });

  it('comes nearer with more features: the root of the mean squared error falls as D^-1/2', () => {
    const points = random.fillNormal(random.key(0), new Float32Array(20 * 6));
    const errorOf = (features: number): number => {
      let sum = 0;
      for (let key = 0; key < 10; key++) {
        const map = new RandomFourierFeatures({ inputDim: 6, features, lengthscale: 2, key });
        const estimate = tf.tidy(() => map.kernel(tf.tensor2d(points, [20, 6])).dataSync());
        map.dispose();
        for (let i = 0; i < 20; i++) {
          for (let j = 0; j < 20; j++) {
            const row = (k: number): number[] => [...points.subarray(6 * k, 6 * k + 6)];
            sum += (estimate[20 * i + j]! - Math.exp(-squaredDistance(row(i), row(j)) / 8)) ** 2;
          }
        }
      }
      return Math.sqrt(sum / 4000);
    };
    const slope = Math.log(errorOf(1024) / errorOf(64)) / Math.log(16);
    // 10 draws leave each error about a tenth uncertain, the slope 0.05.
    expect(Math.abs(slope + 0.5)).toBeLessThan(0.15);
  });
});

describe('orthogonalFrequencies', () => {
  it('has orthogonal columns, d at a time, with norms of chi', () => {
    const [dim, count] = [8, 800];
    const frequencies = orthogonalFrequencies(random.key(2), dim, count);
    const column = (j: number): number[] => Array.from({ length: dim }, (_, i) => frequencies[i * count + j]!);
    const inner = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    for (let j = 1; j < 16; j++) {
      for (let i = dim * Math.floor(j / dim); i < j; i++) {
        expect(Math.abs(inner(column(i), column(j)))).toBeLessThan(ORTHOGONAL);
      }
    }
    const squares = Float64Array.from({ length: count }, (_, j) => inner(column(j), column(j)));
    // chi^2 with d degrees of freedom: mean d, variance 2 d.
    expectMean(squares, dim);
    expectMean(squaresAround(squares, dim), 2 * dim);
  });

  it('has every sign: the mean of each coordinate is 0', () => {
    const [dim, count] = [3, 3000];
    const frequencies = orthogonalFrequencies(random.key(5), dim, count);
    for (let i = 0; i < dim; i++) {
      for (let j = 0; j < dim; j++) {
        // Every third column is the same column of its Haar matrix.
        const entries = Float64Array.from({ length: count / dim }, (_, b) => frequencies[i * count + b * dim + j]!);
        expectMean(entries, 0);
      }
    }
  });
});
