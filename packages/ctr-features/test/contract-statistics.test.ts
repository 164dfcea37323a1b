import * as tf from '@tensorflow/tfjs';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolynomialSketch } from '../src/index';
import { FEATURE_MAPS } from './feature-maps';

/** Keys that are drawn with. */
const KEYS = 4000;
/**
 * Standard errors that a mean may be off. A normal variable is beyond 4.5 of them with probability 7e-6; there are three
 * pairs for each map, and the keys are fixed.
 */
const STANDARD_ERRORS = 4.5;

const POINTS = [
  [0.9, -0.4, 0.3],
  [0.5, 0.8, -0.6],
] as const;
const PAIRS = [
  [0, 0],
  [0, 1],
  [1, 1],
] as const;

describe('the estimate of the kernel', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(FEATURE_MAPS)('is unbiased: $name', ({ make, kernel }) => {
    const x = tf.tensor2d(POINTS.flat(), [2, 3]);
    const estimates = PAIRS.map(() => new Float64Array(KEYS));
    for (let seed = 0; seed < KEYS; seed++) {
      const map = make({ inputDim: 3, features: 2, key: random.foldIn(random.key(11), seed) });
      const phi = tf.tidy(() => map.transform(x).dataSync());
      map.dispose();
      PAIRS.forEach(([i, j], pair) => {
        estimates[pair]![seed] = phi[2 * i]! * phi[2 * j]! + phi[2 * i + 1]! * phi[2 * j + 1]!;
      });
    }
    x.dispose();
    PAIRS.forEach(([i, j], pair) => {
      const values = linalg.matrix(KEYS, 1, estimates[pair]);
      const mean = linalg.meanOfRows(values)[0]!;
      const standardError = Math.sqrt(linalg.covariance(values).data[0]! / KEYS);
      const exact = kernel(POINTS[i], POINTS[j]);
      // A map whose estimate never varies is one that is exact, but for rounding of float32.
      expect(Math.abs(mean - exact)).toBeLessThan(STANDARD_ERRORS * standardError + 1e-5 * exact);
    });
  });
});

describe('the weights', () => {
  it.each(['gaussian', 'rademacher', 'srht'] as const)(
    'of %s projections have mean 0 and a variance of 1',
    (projection) => {
      const inputDim = 128;
      const features = 256;
      const options = { inputDim, degree: 2, projection, srhtBlocks: 'independent', key: 5 } as const;
      const name = projection === 'srht' ? 'rad' : 'w';
      const complex = new PolynomialSketch({ ...options, features, mode: 'complex' }).weights();
      const real = new PolynomialSketch({ ...options, features, mode: 'real' }).weights()[`${name}.0`]!
        .data as Float32Array;
      const part = (which: string): Float32Array => complex[`${name}.${which}`]!.data as Float32Array;
      const product = (a: Float32Array, b: Float32Array): number =>
        a.reduce((sum, value, i) => sum + value * b[i]!, 0) / a.length;
      // Products of two numbers of variance v have at most the variance of a squared normal number, 2 v^2.
      const bound = (variance: number): number => STANDARD_ERRORS * variance * Math.sqrt(2 / real.length);
      const mean = (a: Float32Array): number => Math.abs(product(a, new Float32Array(a.length).fill(1)));
      expect(mean(real)).toBeLessThan(bound(1));
      expect(Math.abs(product(real, real) - 1)).toBeLessThan(bound(1));
      for (const i of [0, 1]) {
        const [re, im] = [part(`${i}.re`), part(`${i}.im`)];
        expect(Math.max(mean(re), mean(im))).toBeLessThan(bound(1));
        expect(Math.abs(product(re, re) - 0.5)).toBeLessThan(bound(0.5));
        expect(Math.abs(product(im, im) - 0.5)).toBeLessThan(bound(0.5));
        expect(Math.abs(product(re, im))).toBeLessThan(bound(0.5));
      }
      // Those of two degrees are independent.
      expect(Math.abs(product(part('0.re'), part('1.re')))).toBeLessThan(bound(0.5));
    },
  );
});

describe('the rows of a Hadamard projection', () => {
  const rowsOf = (srhtBlocks: 'shared' | 'independent', features: number): number[] => {
    const options = { inputDim: 128, features, degree: 1, mode: 'real', key: 5 } as const;
    return Array.from(new PolynomialSketch({ ...options, srhtBlocks }).weights()['perm.0']!.data, Number);
  };
  const sorted = (rows: number[]): number[] => [...rows].sort((a, b) => a - b);

  it('are those of one block, each as often, when the signs are shared', () => {
    const rows = rowsOf('shared', 256);
    expect(sorted(rows)).toEqual(Array.from({ length: 256 }, (_, i) => Math.floor(i / 2)));
    // Shuffled over all, not block by block.
    expect(new Set(rows.slice(0, 128)).size).toBeLessThan(128);
  });

  it('are block by block those of each, in orders of their own, when the signs are independent', () => {
    const rows = rowsOf('independent', 300);
    const [first, second, third] = [rows.slice(0, 128), rows.slice(128, 256), rows.slice(256)];
    expect(sorted(first)).toEqual(Array.from({ length: 128 }, (_, i) => i));
    expect(sorted(second)).toEqual(Array.from({ length: 128 }, (_, i) => 128 + i));
    expect(second.map((row) => row - 128)).not.toEqual(first);
    expect(new Set(third).size).toBe(44);
    expect(Math.min(...third)).toBeGreaterThanOrEqual(256);
  });
});

describe('Hadamard projections of whole blocks', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([
    ['shared', 'real', 4],
    ['shared', 'ctr', 16],
    ['independent', 'real', 8],
    ['independent', 'ctr', 16],
    ['independent', 'real', 12],
  ] as const)('are orthogonal: %s, %s, %i features', (srhtBlocks, mode, features) => {
    const sketch = new PolynomialSketch({ inputDim: 3, features, degree: 1, srhtBlocks, mode, key: 6 });
    const signs = sketch.weights()[mode === 'real' ? 'rad.0' : 'rad.0.re']!;
    const blocks = features / (mode === 'real' ? 4 : 8);
    expect(signs.shape).toEqual([1, srhtBlocks === 'shared' ? 1 : blocks, 4]);
    tf.tidy(() => {
      const x = tf.tensor2d(POINTS.flat(), [2, 3]);
      expect(sketch.kernel(x)).toBeAllclose(tf.matMul(x, x, false, true), { rtol: 0, atol: 1e-6 });
    });
    sketch.dispose();
  });
});
