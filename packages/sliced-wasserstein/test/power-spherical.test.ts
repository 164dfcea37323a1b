import { linalg } from '@tfsci/tensor-core';
import { describe, expect, it } from 'vitest';
import { PowerSpherical } from '../src/slices/power-spherical';
import { trigamma } from '../src/slices/trigamma';

/** A sum of 64 positive terms. */
const ACCURACY = 1e-12;
/** psi'(x) - psi'(x + b) loses x / b-fold: 2e5 for d = 2 and kappa = 1e5. */
const SLOPES = 1e-11;

/** d, kappa, KL and dKL/dkappa in 40-digit arithmetic, by the closed forms. */
const TABLE: [number, number, number, number][] = [
  [2, 0.001, 1.64013717879573e-6, 0.003275488784317639],
  [2, 1, 0.3068528194400547, 0.28986813369645287],
  [2, 1e5, 5.828830175409815, 4.999975e-6],
  [5, 0.01, 1.7948089391665438e-5, 0.0035789268345807223],
  [5, 2, 0.303972804325936, 0.205],
  [5, 1000, 10.033731635281965, 0.0019900388604833555],
  [20, 15, 2.1560144869058164, 0.17718167679391153],
  [100, 40, 4.326033100439124, 0.16062606450272163],
  [1000, 0.001, 5.012515834957237e-10, 1.002502162649108e-6],
  [1000, 500, 58.976576263364024, 0.1668334707577194],
  [1000, 1e5, 1962.3386561647874, 0.004921061905199031],
];

const axis = (d: number): Float64Array => Float64Array.from({ length: d }, (_, j) => (j === 0 ? 1 : 0));

describe('PowerSpherical', () => {
  it.each(TABLE)('d = %d, kappa = %d: has the divergence and slope of 40-digit arithmetic', (d, kappa, kl, slope) => {
    const distribution = new PowerSpherical(axis(d), kappa);
    expect(distribution.klUniform()).toBeAllclose(kl, { rtol: ACCURACY, atol: 0 });
    expect(distribution.klSlope()).toBeAllclose(slope, { rtol: SLOPES, atol: 0 });
  });

  it('has the divergence of the closed form by log Gamma and digamma', () => {
    const { digamma, logGamma } = linalg;
    for (const [d, kappa] of [
      [2, 3],
      [6, 10],
      [30, 100],
    ] as const) {
      const b = (d - 1) / 2;
      const logMean = logGamma(b + kappa) - logGamma(2 * b + kappa) + logGamma(2 * b) - logGamma(b);
      const expected = kappa * (digamma(b + kappa) - digamma(2 * b + kappa)) - logMean;
      expect(new PowerSpherical(axis(d), kappa).klUniform()).toBeAllclose(expected, { rtol: 1e-12, atol: 0 });
    }
  });

  it('has the normaliser of De Cao and Aziz, and no density opposite to mu', () => {
    // log c = -(a + b) log 2 - b log pi - log Gamma(a) + log Gamma(a + b), a = b + kappa, b = (d - 1) / 2.
    const [d, kappa] = [4, 2.5];
    const [a, b] = [1.5 + kappa, 1.5];
    const logC = -(a + b) * Math.LN2 - b * Math.log(Math.PI) - linalg.logGamma(a) + linalg.logGamma(a + b);
    const [top, side, back] = new PowerSpherical(axis(d), kappa).logProb([
      [1, 0, 0, 0],
      [0.6, 0, 0.8, 0],
      [-1, 0, 0, 0],
    ]);
    expect(top).toBeAllclose(logC + kappa * Math.LN2, { rtol: ACCURACY });
    expect(side).toBeAllclose(logC + kappa * Math.log(1.6), { rtol: ACCURACY });
    expect(back).toBe(-Infinity);
    // With kappa = 0 it is uniform there too.
    expect(new PowerSpherical([1, 0], 0).logProb([[-1, 0]])).toBeAllclose([-Math.log(2 * Math.PI)]);
  });

  it('refuses one dimension', () => {
    const wanted = 'sliced-wasserstein.PowerSpherical: mu must have at least two numbers, got [1].';
    const fix = 'Of two points all mass is at mu unless kappa is 0.';
    expect(() => new PowerSpherical([1], 1)).toThrow(RangeError);
    expect(() => new PowerSpherical([1], 1)).toThrow(`${wanted} ${fix}`);
  });
});

describe('trigamma', () => {
  it.each([
    [0.1, 101.43329915079275],
    [0.5, Math.PI ** 2 / 2],
    [1, Math.PI ** 2 / 6],
    [1.5, Math.PI ** 2 / 2 - 4],
    [3.7, 0.3100378576700383],
    [14.9, 0.06941658320709579],
    [15, 0.0689382278476838],
    [100, 0.010050166663333571],
    [1e6, 1.0000005000001667e-6],
  ])('of %d has 15 digits', (x, value) => {
    expect(trigamma(x)).toBeAllclose(value, { rtol: 2e-15, atol: 0 });
  });
});
