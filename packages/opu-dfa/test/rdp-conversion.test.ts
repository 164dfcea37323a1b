import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gaussianEpsilon } from '../src/privacy/gaussian-mechanism';
import { DEFAULT_ORDERS, OPACUS_ORDERS } from '../src/privacy/orders';
import { rdpToDelta, rdpToEpsilon } from '../src/privacy/rdp-conversion';
import { rdpGaussian } from '../src/privacy/rdp-gaussian';
import { rdpTable } from '../src/privacy/sampled-gaussian';

const golden = loadGolden(new URL('./golden/accounting.safetensors', import.meta.url));

/** Thousands of steps of float64 logarithms, in another order. */
const GOLDEN = { rtol: 1e-10, atol: 1e-10 };
/** A few float64 operations. */
const ROUNDING = { rtol: 1e-12, atol: 0 };

describe('rdpToEpsilon', () => {
  it('has epsilon and order of the reference, both ways', () => {
    const { data, shape } = golden.get('convert/rows');
    const orders = Array.from(golden.get('convert/orders').data);
    expect(orders).toBeAllclose(OPACUS_ORDERS, ROUNDING);
    for (let i = 0; i < shape[0]!; i++) {
      const row = Array.from(data.slice(8 * i, 8 * i + 8));
      const [q, sigma, steps, delta, classic, classicOrder, improved, order] = row as [
        ...[number, number, number, number],
        ...[number, number, number, number],
      ];
      const rdp = rdpTable(q, sigma, OPACUS_ORDERS).map((value) => steps * value);
      const found = rdpToEpsilon(OPACUS_ORDERS, rdp, delta);
      expect(found.epsilon).toBeAllclose(improved, GOLDEN);
      expect(found.order).toBeAllclose(order, ROUNDING);
      const byMironov = rdpToEpsilon(OPACUS_ORDERS, rdp, delta, { method: 'classic' });
      expect(byMironov.epsilon).toBeAllclose(classic, GOLDEN);
      expect(byMironov.order).toBeAllclose(classicOrder, ROUNDING);
    }
  });

  it('has the published epsilon of 60 epochs of MNIST', () => {
    const total = (orders: readonly number[]): number[] =>
      rdpTable(250 / 15000, 1.3, orders).map((value) => 900 * value);
    const whole = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    const published = rdpToEpsilon(whole, total(whole), 1e-5, { method: 'classic' });
    expect(published).toEqual({ epsilon: expect.closeTo(2.46145, 5) as number, order: 10, atGridEdge: false });
    const classic = rdpToEpsilon(OPACUS_ORDERS, total(OPACUS_ORDERS), 1e-5, { method: 'classic' });
    expect(classic).toEqual({ epsilon: expect.closeTo(2.461023, 6) as number, order: 9.9, atGridEdge: false });
    const improved = rdpToEpsilon(OPACUS_ORDERS, total(OPACUS_ORDERS), 1e-5);
    expect(improved).toEqual({ epsilon: expect.closeTo(2.084715, 6) as number, order: 9.1, atGridEdge: false });
  });

  it('is never below the exact epsilon of a Gaussian, and improved never above classic', () => {
    const noises = fc.double({ min: 0.1, max: 200, noNaN: true });
    const exponents = fc.double({ min: -12, max: -0.05, noNaN: true });
    fc.assert(
      fc.property(noises, exponents, (z, exponent) => {
        const rdp = DEFAULT_ORDERS.map((order) => rdpGaussian(z, order));
        const improved = rdpToEpsilon(DEFAULT_ORDERS, rdp, 10 ** exponent).epsilon;
        expect(improved).toBeGreaterThanOrEqual(gaussianEpsilon(10 ** exponent, z) * (1 - 1e-12));
        expect(improved).toBeLessThanOrEqual(
          rdpToEpsilon(DEFAULT_ORDERS, rdp, 10 ** exponent, { method: 'classic' }).epsilon,
        );
      }),
      { seed: 11, numRuns: 60 },
    );
  });

  it('says when the best order is at an end of the grid', () => {
    const edge = (z: number, orders: number[], delta = 1e-5) =>
      rdpToEpsilon(
        orders,
        orders.map((order) => rdpGaussian(z, order)),
        delta,
      );
    // The best order of a Gaussian is about 1 + z sqrt(2 log(1 / delta)).
    expect(edge(1, [8, 4, 16])).toMatchObject({ order: 4, atGridEdge: true });
    expect(edge(1, [3, 8, 4, 2])).toMatchObject({ order: 4, atGridEdge: false });
    expect(edge(5, [2, 16, 8])).toMatchObject({ order: 16, atGridEdge: true });
    expect(edge(5, [8])).toMatchObject({ order: 8, atGridEdge: true });
    // Nothing is less than 0.
    expect(edge(1e3, [2, 3], 0.5)).toEqual({ epsilon: 0, order: 2, atGridEdge: false });
  });

  it('takes infinite orders and divergences for what they are', () => {
    // Pure DP: the divergence of order infinity is epsilon.
    expect(rdpToEpsilon([2, Infinity], [3, 0.5], 1e-5)).toEqual({ epsilon: 0.5, order: Infinity, atGridEdge: false });
    expect(rdpToEpsilon([2, 3], [Infinity, Infinity], 1e-5)).toEqual({ epsilon: Infinity, atGridEdge: false });
    expect(rdpToEpsilon([2, 3, 4], [0.1, 0.2, Infinity], 0.1, { method: 'classic' })).toMatchObject({ order: 3 });
    expect(rdpToEpsilon([2, 3], [0, 0], 1e-5, { method: 'classic' }).epsilon).toBe(0);
    expect(rdpToDelta([2, Infinity], [3, 0.5], 0.5)).toBe(0);
    expect(rdpToDelta([Infinity], [0.5], 0.4)).toBeAllclose(Math.sqrt(-Math.expm1(-0.5)), ROUNDING);
    expect(rdpToDelta([2, 3], [Infinity, Infinity], 10)).toBe(1);
    expect(rdpToDelta([2, 3], [0, 0.1], 0)).toBe(0);
  });

  it('is 0 where the total variation is below delta', () => {
    // sqrt(1 - e^-r) = 0.1
    const r = -Math.log1p(-0.01);
    expect(rdpToEpsilon([1.5], [r * (1 - 1e-9)], 0.1).epsilon).toBe(0);
    expect(rdpToEpsilon([1.5], [r * 1.1], 0.1).epsilon).toBeGreaterThan(0);
    expect(rdpToDelta([1.5], [r], 0)).toBeAllclose(0.1, ROUNDING);
  });
});

describe('rdpToDelta', () => {
  it('is the least delta whose epsilon is not more', () => {
    const rates = fc.double({ min: 1e-4, max: 1, noNaN: true });
    const noises = fc.double({ min: 0.5, max: 10, noNaN: true });
    const epsilons = fc.double({ min: 1e-3, max: 20, noNaN: true });
    fc.assert(
      fc.property(rates, noises, epsilons, (q, z, epsilon) => {
        const rdp = rdpTable(q, z);
        const delta = rdpToDelta(DEFAULT_ORDERS, rdp, epsilon);
        expect(delta).toBeLessThanOrEqual(1);
        if (delta < 1e-300 || delta > 1 - 1e-6) return;
        expect(rdpToEpsilon(DEFAULT_ORDERS, rdp, delta * (1 + 1e-9)).epsilon).toBeLessThanOrEqual(
          epsilon * (1 + 1e-12),
        );
        expect(rdpToEpsilon(DEFAULT_ORDERS, rdp, delta * (1 - 1e-6)).epsilon).toBeGreaterThan(epsilon * (1 - 1e-12));
      }),
      { seed: 2, numRuns: 60 },
    );
    // e^(7 (1/4 - 1)) (7/8)^7 / 8 at the order 8, and less at 16: e^(-15/2) (15/16)^15 / 16.
    expect(rdpToDelta([8], [0.25], 1)).toBeAllclose((Math.exp(-5.25) * (7 / 8) ** 7) / 8, ROUNDING);
    expect(rdpToDelta([8, 16, 32], [0.25, 0.5, 1], 1)).toBeAllclose((Math.exp(-7.5) * (15 / 16) ** 15) / 16, ROUNDING);
    expect(rdpToDelta([8], [30], 1)).toBe(Math.sqrt(-Math.expm1(-30)));
  });
});

describe('errors', () => {
  const anEpsilon = (orders: unknown, rdp: unknown, delta: unknown = 1e-5, method: unknown = 'improved') =>
    rdpToEpsilon(orders as number[], rdp as number[], delta as number, { method: method as 'improved' });
  const aDelta = (orders: unknown, rdp: unknown, epsilon: unknown = 1) =>
    rdpToDelta(orders as number[], rdp as number[], epsilon as number);
  it.each<[() => unknown, string, string]>([
    [() => anEpsilon([], []), 'ShapeError', 'rdpToEpsilon: orders must be an array of at least one order, got [].'],
    [
      () => anEpsilon([2, 1], [1, 1]),
      'RangeError',
      'rdpToEpsilon: orders[1] must be a number > 1 and <= 65536, or Infinity, got 1.',
    ],
    [
      () => anEpsilon([2, 1.005], [1, 1]),
      'RangeError',
      'rdpToEpsilon: orders[1] must be >= 1.01 for the improved conversion, which is not stable below, got 1.005.',
    ],
    [() => anEpsilon([2, 3], [1]), 'ShapeError', 'rdpToEpsilon: rdp must have one value an order (2), got [1].'],
    [() => anEpsilon([2], 1), 'TypeError', 'rdpToEpsilon: rdp must be an array, got 1.'],
    [() => anEpsilon([2], ['1']), 'TypeError', 'rdpToEpsilon: rdp[0] must be a number >= 0, or Infinity, got "1".'],
    [() => anEpsilon([2], [-1]), 'RangeError', 'rdpToEpsilon: rdp[0] must be a number >= 0, or Infinity, got -1.'],
    [() => anEpsilon([2], [NaN]), 'RangeError', 'rdpToEpsilon: rdp[0] must be a number >= 0, or Infinity, got NaN.'],
    [() => anEpsilon([2], [1], 0), 'RangeError', 'rdpToEpsilon: delta must be a finite number > 0 and < 1, got 0.'],
    [
      () => anEpsilon([2], [1], 0.1, 'best'),
      'RangeError',
      'rdpToEpsilon: method must be one of "improved", "classic", got "best".',
    ],
    [() => aDelta([2], [1], -1), 'RangeError', 'rdpToDelta: epsilon must be a finite number >= 0, got -1.'],
    [
      () => aDelta([1.001], [1]),
      'RangeError',
      'rdpToDelta: orders[0] must be >= 1.01 for the improved conversion, which is not stable below, got 1.001.',
    ],
    [() => aDelta([2], [NaN]), 'RangeError', 'rdpToDelta: rdp[0] must be a number >= 0, or Infinity, got NaN.'],
  ])('case %#', (make, name, text) => {
    expect(make).toThrow(expect.objectContaining({ name, message: `opu-dfa.${text}` }));
  });

  it('has no least order for the classic way', () => {
    expect(anEpsilon([1.001], [0.5], 0.5, 'classic').epsilon).toBeAllclose(0.5 + Math.LN2 / 1e-3, {
      rtol: 1e-9,
      atol: 0,
    });
  });
});
