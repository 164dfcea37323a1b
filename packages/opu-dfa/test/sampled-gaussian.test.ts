import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seriesLogMoment } from '../src/privacy/fractional-order';
import { integerLogMoment } from '../src/privacy/integer-order';
import { gridLogMoment, momentGrid } from '../src/privacy/moment-grid';
import { DEFAULT_ORDERS, OPACUS_ORDERS } from '../src/privacy/orders';
import { rdpGaussian } from '../src/privacy/rdp-gaussian';
import { rdpSampledGaussian, rdpTable, type MomentMethod } from '../src/privacy/sampled-gaussian';

const golden = loadGolden(new URL('./golden/accounting.safetensors', import.meta.url));
const values = (name: string): number[] => Array.from(golden.get(name).data);
const orders = values('orders');
const noises = values('sigma');
const pairs = values('q').map((q, i) => ({ q, z: noises[i]! }));

/** Quadrature of 20 digits, logarithms of sums in float64. */
const LOG_MOMENT = { rtol: 1e-14, atol: 1e-12 };
/** The series of the reference ends after 1000 terms; what it lacks is largest at q = 1/2, z = 4, alpha = 1.1. */
const UPPER = { rtol: 0, atol: 4e-8 };
/** Sums of some hundred float64 terms. */
const ROUNDING = { rtol: 1e-12, atol: 0 };

/** q, z, alpha and log A of 30-digit arithmetic, by the trapezoid rule with twice the points. */
const LOG_MOMENTS_30_DIGITS: readonly (readonly [number, number, number, number])[] = [
  [0.01, 1.1, 1.5, 4.777264285937415e-5],
  [1e-6, 5, 2.5, 7.652020319339006e-14],
  [0.0001, 0.3, 1.1, 2.7315724018174867e-6],
  [0.5, 4, 1.5, 0.0059510459631527835],
  [0.9, 0.7, 10.9, 108.96381527932436],
  [0.3, 30, 40.5, 0.08075504402304505],
  [0.001, 0.1, 3.9, 538.5597544119696],
  [0.99, 2, 1.1, 0.013479858176778204],
  [1e-9, 1, 7.7, 4.4323080447851236e-17],
  [0.02, 0.07, 2.5, 372.87300371091936],
  [0.02, 0.07, 40.5, 163081.35898664748],
  [1e-5, 0.06, 10.9, 14862.009112431826],
  [0.5, 0.03, 1.1, 60.34864921249523],
  [0.5, 0.03, 7.7, 28655.773877820804],
];

describe('rdpGaussian', () => {
  it('is alpha / (2 z^2), as in the reference', () => {
    const table = values('gaussian/sigma').flatMap((z) => orders.map((order) => rdpGaussian(z, order)));
    expect(table).toBeAllclose(values('gaussian/rdp'), ROUNDING);
    expect(rdpGaussian(2, 8)).toBe(1);
  });

  it('is infinite without noise, and at the order infinity', () => {
    expect(rdpGaussian(0, 2)).toBe(Infinity);
    expect(rdpGaussian(3, Infinity)).toBe(Infinity);
    expect(rdpGaussian(1e-200, 2)).toBe(Infinity);
  });

  it.each<[unknown, unknown, ErrorConstructor, string]>([
    [-1, 2, RangeError, 'noiseMultiplier must be a finite number >= 0, got -1.'],
    [1, 1, RangeError, 'order must be a number > 1 and <= 65536, or Infinity, got 1.'],
    [1, NaN, RangeError, 'order must be a number > 1 and <= 65536, or Infinity, got NaN.'],
    [1, '2', TypeError, 'order must be a number > 1 and <= 65536, or Infinity, got "2".'],
  ])('refuses z = %o, order = %o', (z, order, error, message) => {
    const make = () => rdpGaussian(z as number, order as number);
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.rdpGaussian: ${message}`);
  });
});

describe('rdpSampledGaussian', () => {
  const table = (method: MomentMethod): number[] =>
    pairs.flatMap(({ q, z }) => orders.map((order) => (order - 1) * rdpSampledGaussian(q, z, order, { method })));

  it.each(['exact', 'quadrature'] as const)('has log A of the reference by %s', (method) => {
    expect(table(method)).toBeAllclose(values('sgm/logA'), LOG_MOMENT);
  });

  it('has the upper bound of the reference, and the exact value for integer orders', () => {
    const exact = values('sgm/logA');
    const bound = values('sgm/logA_absBinomialUpperBound').map((value, i) => (Number.isNaN(value) ? exact[i]! : value));
    const upper = table('upper');
    expect(upper).toBeAllclose(bound, UPPER);
    upper.forEach((value, i) =>
      expect(value).toBeGreaterThanOrEqual(bound[i]! * (1 - LOG_MOMENT.rtol) - LOG_MOMENT.atol),
    );
  });

  it('has the whole of the upper series, which ends in no sum of finitely many terms', () => {
    // 20,001 terms in 25-digit arithmetic; the terms after them, as i^-3.1, add about 7e-11.
    const terms = 0.014491811183375345;
    const upper = 0.1 * rdpSampledGaussian(0.5, 4, 1.1, { method: 'upper' });
    expect(upper).toBeGreaterThan(terms);
    expect(upper).toBeLessThan(terms + 1e-10);
  });

  it.each(LOG_MOMENTS_30_DIGITS)('has log A of 30 digits at q = %d, z = %d, alpha = %d', (q, z, order, logMoment) => {
    const exact = (order - 1) * rdpSampledGaussian(q, z, order);
    // Where the series takes the place of the rule the error is absolute.
    const tolerance = momentGrid(q, z, order) === null ? { rtol: 1e-13, atol: 1e-14 } : ROUNDING;
    expect(exact).toBeAllclose(logMoment, tolerance);
    if (Number.isInteger(order)) return;
    expect(seriesLogMoment(q, z, order, 'exact')).toBeAllclose(logMoment, { rtol: 1e-13, atol: 1e-14 });
    expect(seriesLogMoment(q, z, order, 'absolute')).toBeGreaterThanOrEqual(logMoment * (1 - 1e-13) - 1e-14);
  });

  it('joins integer and fractional orders, whatever the way', () => {
    for (const { q, z } of pairs) {
      for (const n of [2, 5, 11, 64]) {
        const grid = gridLogMoment(momentGrid(q, z, n)!, n);
        expect(grid).toBeAllclose(integerLogMoment(q, z, n), ROUNDING);
        // d log A / d alpha is below 2 log A / (alpha - 1) + alpha / z^2, so 1e-9 aside is within 1e-6 of log A.
        const aside = rdpSampledGaussian(q, z, n + 1e-9) * (n - 1);
        expect(aside).toBeAllclose(grid, { rtol: 1e-6, atol: 0 });
      }
    }
  });

  it('has the limit 1 of the order: the divergence of Kullback and Leibler', () => {
    // KL = E w log w, by the midpoint rule over 24 standard deviations.
    const [q, z, h] = [0.2, 1.5, 1e-3];
    let divergence = 0;
    for (let x = -12 * z + h / 2; x < 12 * z; x += h) {
      const w = 1 - q + q * Math.exp((2 * x - 1) / (2 * z * z));
      divergence += (w * Math.log(w) * Math.exp((-x * x) / (2 * z * z)) * h) / (z * Math.sqrt(2 * Math.PI));
    }
    // The slope in alpha is of the order of the divergence.
    expect(rdpSampledGaussian(q, z, 1 + 1e-9)).toBeAllclose(divergence, { rtol: 1e-8, atol: 0 });
  });

  it('grows with the order and the sampling rate, falls with the noise, and has (alpha - 1) rdp convex', () => {
    const order = fc.double({ min: 1.05, max: 40, noNaN: true });
    const rate = fc.double({ min: 1e-6, max: 0.99, noNaN: true });
    const noise = fc.double({ min: 0.05, max: 20, noNaN: true });
    const ratio = fc.double({ min: 1.01, max: 3, noNaN: true });
    // log A may be as small as 1e-14 where the series, with an absolute error, is used.
    const atMost = (a: number, b: number): void => expect(a).toBeLessThanOrEqual(b * (1 + 1e-11) + 1e-12);
    fc.assert(
      fc.property(order, rate, noise, ratio, (alpha, q, z, factor) => {
        const here = rdpSampledGaussian(q, z, alpha);
        expect(here).toBeGreaterThanOrEqual(0);
        atMost(here, rdpSampledGaussian(q, z, alpha * factor));
        atMost(here, rdpSampledGaussian(Math.min(1, q * factor), z, alpha));
        atMost(rdpSampledGaussian(q, z * factor, alpha), here);
        atMost(here, rdpGaussian(z, alpha));
        atMost(here, rdpSampledGaussian(q, z, alpha, { method: 'upper' }));
        const moments = [alpha, alpha * factor, (alpha + alpha * factor) / 2].map(
          (a) => (a - 1) * rdpSampledGaussian(q, z, a),
        );
        atMost(moments[2]!, (moments[0]! + moments[1]!) / 2);
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  it('has its special cases', () => {
    expect(rdpSampledGaussian(1, 2, 7.5)).toBe(7.5 / 8);
    expect(rdpSampledGaussian(0, 0, Infinity)).toBe(0);
    expect(rdpTable(0.1, 0, [2, 2.5])).toEqual([Infinity, Infinity]);
    expect(rdpSampledGaussian(0.1, 2, Infinity)).toBe(Infinity);
    expect(rdpSampledGaussian(1e-9, 1e-200, 3)).toBe(Infinity);
    expect(rdpSampledGaussian(1e-9, 1e-200, 3.5)).toBe(Infinity);
    expect(rdpSampledGaussian(0.01, 1.1, 8)).toBeCloseTo(0.000584, 6);
    for (const method of ['exact', 'upper', 'quadrature'] as const) {
      const tiny = rdpSampledGaussian(0.1, 1e300, 2.5, { method });
      expect(tiny).toBeGreaterThanOrEqual(0);
      // The upper series has a limit above 0.
      expect(tiny).toBeLessThan(method === 'upper' ? 1e-5 : 1e-190);
    }
    // Every order that is allowed: the largest exponent alone is alpha^2 / (2 z^2).
    expect(rdpSampledGaussian(0.01, 0.5, 65536)).toBeAllclose(rdpGaussian(0.5, 65536), { rtol: 1e-4, atol: 0 });
    expect(rdpSampledGaussian(0.01, 0.5, 60000.5)).toBeAllclose(rdpGaussian(0.5, 60000.5), { rtol: 1e-4, atol: 0 });
  });

  it.each<[number, unknown, unknown, object, ErrorConstructor, string]>([
    [-0.1, 1, 2, {}, RangeError, 'samplingRate must be a finite number >= 0 and <= 1, got -0.1.'],
    [1.1, 1, 2, {}, RangeError, 'samplingRate must be a finite number >= 0 and <= 1, got 1.1.'],
    [0.1, NaN, 2, {}, RangeError, 'noiseMultiplier must be a finite number >= 0, got NaN.'],
    [0.1, '1', 2, {}, TypeError, 'noiseMultiplier must be a finite number >= 0, got "1".'],
    [0, 1, 1, {}, RangeError, 'order must be a number > 1 and <= 65536, or Infinity, got 1.'],
    [0.1, 1, 65537, {}, RangeError, 'order must be a number > 1 and <= 65536, or Infinity, got 65537.'],
    [0.1, 1, 2, { method: 'best' }, RangeError, 'method must be one of "exact", "upper", "quadrature", got "best".'],
  ])('refuses q = %o, z = %o, order = %o, %o', (q, z, order, options, error, message) => {
    const make = () => rdpSampledGaussian(q, z as number, order as number, options);
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.rdpSampledGaussian: ${message}`);
  });
});

describe('rdpTable', () => {
  it('is rdpSampledGaussian order by order', () => {
    const mixed = [1.01, 3, 2.5, Infinity, 64, 10.9, 200.5];
    for (const [q, z] of [
      [0.01, 1.1],
      [0.3, 0.04],
      [1, 2],
      [0, 1],
      [0.5, 0],
    ] as const) {
      const alone = mixed.map((order) => rdpSampledGaussian(q, z, order));
      expect(rdpTable(q, z, mixed)).toBeAllclose(alone, ROUNDING);
    }
    expect(rdpTable(0.02, 1)).toHaveLength(DEFAULT_ORDERS.length);
  });

  it('has the grids of dp_accounting and Opacus', () => {
    const tenths = Array.from({ length: 99 }, (_, i) => (11 + i) / 10);
    const whole = (first: number): number[] => Array.from({ length: 64 - first }, (_, i) => first + i);
    expect(DEFAULT_ORDERS).toEqual([...tenths, ...whole(11), 128, 256, 512, 1024]);
    expect(OPACUS_ORDERS).toEqual([...tenths, ...whole(12)]);
  });

  it.each<[unknown, string, string]>([
    [[], 'ShapeError', 'orders must be an array of at least one order, got [].'],
    [2, 'TypeError', 'orders must be an array of at least one order, got 2.'],
    [[2, 0.5], 'RangeError', 'orders[1] must be a number > 1 and <= 65536, or Infinity, got 0.5.'],
  ])('refuses the orders %o', (wrong, name, message) => {
    const make = () => rdpTable(0.1, 1, wrong as number[]);
    expect(make).toThrow(expect.objectContaining({ name, message: `opu-dfa.rdpTable: ${message}` }));
  });
});
