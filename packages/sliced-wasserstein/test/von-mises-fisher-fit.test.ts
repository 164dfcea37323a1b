import * as tf from '@tensorflow/tfjs';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { cosineMoments } from '../src/slices/bessel';
import { VonMisesFisher } from '../src/slices/von-mises-fisher';
import { distributionOf, meanOf } from './axial-support';

/** A few roundings of float64. */
const FLOAT64 = 1e-12;
/** Slices of float32, whose norms differ from 1 by 6e-8. */
const FLOAT32 = 1e-7;
/** A mean of normal deviates is farther off once in 1 700 000 cases. */
const STANDARD_ERRORS = 5;

describe('VonMisesFisher.fit', () => {
  beforeAll(() => useBackend('cpu'));

  it('finds the mean direction and the kappa whose mean cosine is that of the slices', () => {
    for (const [d, kappa] of [
      [1, 0.7],
      [2, 1],
      [3, 300],
      [20, 5],
      [784, 1e4],
    ] as const) {
      const theta = distributionOf('vmf', d, kappa).sample(400, random.key(2));
      const fitted = VonMisesFisher.fit(theta);
      const rows = theta.arraySync();
      theta.dispose();
      const mean = fitted.mu.map((_, j) => meanOf(rows.map((row) => row[j]!)).mean);
      const length = Math.hypot(...mean);
      // Rows of float32 are divided by their norms, which are 1 up to 1e-7.
      expect(fitted.mu).toBeAllclose(
        mean.map((entry) => entry / length),
        { rtol: 0, atol: FLOAT32 },
      );
      expect(cosineMoments(d, fitted.kappa).mean).toBeAllclose(length, { rtol: FLOAT32, atol: 0 });
      // Its standard error is 1 / sqrt(n A').
      const standardError = 1 / Math.sqrt(400 * cosineMoments(d, kappa).slope);
      expect(Math.abs(fitted.kappa - kappa)).toBeLessThan(STANDARD_ERRORS * standardError);
    }
  });

  it('counts a slice of weight 2 as two slices', () => {
    const [a, b, c] = [
      [1, 0],
      [0, 1],
      [0.6, 0.8],
    ] as const;
    const weighted = VonMisesFisher.fit([a, b, c], { weights: [2, 0, 1] });
    const repeated = VonMisesFisher.fit([a, a, c]);
    expect(weighted.mu).toBeAllclose(repeated.mu, { rtol: FLOAT64 });
    expect(weighted.kappa).toBeAllclose(repeated.kappa, { rtol: FLOAT64 });
  });

  it('inverts the mean cosine to rounding, also for long and short means', () => {
    // Two slices at the angle a from mu have the mean cos a.
    for (const a of [1e-3, 0.3, 1, 1.5, Math.PI / 2 - 1e-5]) {
      const fitted = VonMisesFisher.fit([
        [Math.cos(a), Math.sin(a), 0, 0],
        [Math.cos(a), -Math.sin(a), 0, 0],
      ]);
      expect(fitted.meanCosine()).toBeAllclose(Math.cos(a), { rtol: 1e-14, atol: 0 });
    }
  });

  it.each<[number[][], number[] | undefined, new (message?: string) => Error, string]>([
    [
      [
        [1, 0],
        [1, 0],
      ],
      undefined,
      RangeError,
      'theta must have rows that differ, got "a mean of norm 1".',
    ],
    [
      [
        [1, 0],
        [-1, 0],
      ],
      undefined,
      RangeError,
      'mean of theta must differ from 0, got 0.',
    ],
    [[[1, 1]], undefined, RangeError, `row 0 of theta must have norm 1, got ${Math.SQRT2}. Divide each by its norm.`],
    [
      [
        [1, 0],
        [0, 1],
      ],
      [1],
      check.ShapeError,
      'weights must have 2 numbers, one for each point, got 1.',
    ],
    [
      [
        [1, 0],
        [0, 1],
      ],
      [1, -1],
      RangeError,
      'weights[1] must be a finite number >= 0, got -1.',
    ],
  ])('refuses %j with weights %j', (theta, weights, error, message) => {
    const fit = () => VonMisesFisher.fit(theta, weights === undefined ? {} : { weights });
    expect(fit).toThrow(error);
    expect(fit).toThrow(`sliced-wasserstein.VonMisesFisher.fit: ${message}`);
  });

  it('leaks nothing', () => {
    const theta = tf.tensor2d([
      [1, 0],
      [0, 1],
    ]);
    expect(() => void VonMisesFisher.fit(theta)).toLeakNothing();
    theta.dispose();
  });
});

describe('VonMisesFisher.uniform', () => {
  it('refuses dimensions below 1', () => {
    const message = 'sliced-wasserstein.VonMisesFisher.uniform: dim must be an integer >= 1, got 0.';
    expect(() => VonMisesFisher.uniform(0)).toThrow(RangeError);
    expect(() => VonMisesFisher.uniform(0)).toThrow(message);
  });
});
