// L rows, n and m numbers in a row
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Weights } from '../src';
import { deviceRows } from '../src/transport/device-rows';
import { rowCosts } from '../src/transport/row-costs';
import { transportPlan } from '../src/transport/transport-plan';
import { largest, lineCost, normalRows, positiveWeights, tensorOf, type Rows } from './clouds';

/** Sums of at most 30 terms of float32, relative to the largest. */
const ROUNDING = 1e-5;
/** Masses are differences of float32 sums of weights: an error of 2^-24 for each weight that is added. */
const massError = (count: number): number => count * 2 ** -24;

interface Solved {
  costs: number[];
  ofX: number[];
  ofY: number[];
}

/** Rows solved by kernels, or as the backend does it. */
function solved(how: typeof deviceRows, x: Rows, y: Rows, p: number, weights: Weights = {}): Solved {
  const plan = transportPlan('test', x[0]!.length, y[0]!.length, weights);
  return tf.tidy(() => {
    const { costs, slopes } = how(tensorOf(x), tensorOf(y), plan, p, true);
    const list = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());
    return { costs: list(costs), ofX: list(slopes!.x), ofY: list(slopes!.y) };
  });
}

function expectClose(found: Solved, expected: Solved, tolerance: number): void {
  for (const part of ['costs', 'ofX', 'ofY'] as const) {
    expect(found[part]).toBeAllclose(expected[part], {
      rtol: 0,
      atol: tolerance * Math.max(1, largest(expected[part])),
    });
  }
}

describe.each(backendsUnderTest())('rows sorted by kernels on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([1, 1.5, 2, 3])('are those sorted on the host, for any sizes and weights, p = %d', (p) => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, fc.nat(1000), fc.constantFrom('none', 'a', 'b', 'both'), (n, m, L, seed, which) => {
        const weights = {
          ...((which === 'a' || which === 'both') && { a: positiveWeights(n, seed) }),
          ...((which === 'b' || which === 'both') && { b: positiveWeights(m, seed + 1) }),
        };
        const [x, y] = [normalRows(L, n, seed + 2), normalRows(L, m, seed + 3, 0.5)];
        const tolerance = which === 'none' ? ROUNDING : ROUNDING + 20 * massError(n + m);
        expectClose(solved(deviceRows, x, y, p, weights), solved(rowCosts, x, y, p, weights), tolerance);
      }),
      { numRuns: 25 },
    );
  });

  it('take no notice of weights of 0, however far away the points are', () => {
    // In float32 the weights of 40 orders add up to a little more or less than 1.
    const [x, y] = [normalRows(40, 7, 13), normalRows(40, 2, 14)];
    const far = x.map((row) => [1e4, ...row, -1e4, 3e4, -2e4]);
    const positive = positiveWeights(7, 15);
    const a = [0, ...positive, 0, 0, 0];
    const near = solved(deviceRows, x, y, 2, { a: positive });
    const with0 = solved(deviceRows, far, y, 2, { a });
    expect(with0.costs).toBeAllclose(near.costs, { rtol: ROUNDING });
    const ignored = (i: number): boolean => i % 11 < 1 || i % 11 > 7;
    const inside = with0.ofX.filter((_, i) => !ignored(i));
    expect(inside).toBeAllclose(near.ofX, { rtol: 0, atol: ROUNDING });
    expect(largest(with0.ofX.filter((_, i) => ignored(i)))).toBe(0);
    expect(solved(deviceRows, y, far, 2, { b: a }).costs).toBeAllclose(near.costs, { rtol: ROUNDING });
  });

  it('of a thousand weighted points are exact up to the rounding of their masses', () => {
    const [n, m] = [1000, 700];
    const [x, y] = [normalRows(2, n, 1), normalRows(2, m, 2, 1)];
    const [a, b] = [positiveWeights(n, 3), positiveWeights(m, 4)];
    const { costs } = solved(deviceRows, x, y, 2, { a, b });
    x.forEach((row, l) => {
      // Levels that are wrong by e move the mass e between neighbours; each difference of costs is at most the largest.
      const expected = lineCost(row, y[l]!, 2, { a, b });
      expect(costs[l]).toBeAllclose(expected, { rtol: 0, atol: massError(n + m) });
    });
  });

  it('move all of the mass: to a single point from anywhere it costs 1 at distance 1', () => {
    const x = [new Array<number>(50).fill(1)];
    for (const weights of [{}, { a: positiveWeights(50, 5) }, { a: positiveWeights(50, 5), b: [3] }]) {
      expect(solved(deviceRows, x, [[0]], 3, weights).costs[0]).toBeAllclose(1, { rtol: massError(10) });
    }
    expect(solved(deviceRows, x, [[0, 0, 0]], 3).costs[0]).toBeAllclose(1, { rtol: massError(10) });
  });

  it('have slopes that add up to 0, and those of each cloud to the slope of a translation', () => {
    const [x, y] = [normalRows(3, 6, 6), normalRows(3, 4, 7, 2)];
    for (const weights of [{}, { a: positiveWeights(6, 8), b: positiveWeights(4, 9) }]) {
      const { ofX, ofY } = solved(deviceRows, x, y, 1.5, weights);
      const sums = (slopes: number[], count: number): number[] =>
        [0, 1, 2].map((l) => slopes.slice(l * count, (l + 1) * count).reduce((sum, slope) => sum + slope, 0));
      expect(sums(ofX, 6)).toBeAllclose(sums(ofY, 4).map((sum) => -sum), { rtol: ROUNDING }); // prettier-ignore
      const h = 1e-4;
      const moved = (l: number, by: number): number => lineCost(x[l]!.map((v) => v + by), y[l]!, 1.5, weights); // prettier-ignore
      const slope = [0, 1, 2].map((l) => (moved(l, h) - moved(l, -h)) / (2 * h));
      // Numbers moved by 1e-4 are rounded to float32 by 1e-7 of 4.
      expect(sums(ofX, 6)).toBeAllclose(slope, { rtol: 0, atol: 5e-3 });
    }
  });

  it('take equal numbers in any order', () => {
    const [x, y] = [[[1, 1, 1, 2, 2]], [[2, 1, 1, 2, 1]]]; // prettier-ignore
    expect(solved(deviceRows, x, y, 2).costs).toEqual([0]);
    const a = [0.1, 0.2, 0.3, 0.15, 0.25];
    expect(solved(deviceRows, x, x, 2, { a, b: a }).costs[0]).toBe(0);
    expect(solved(deviceRows, x, y, 1, { a, b: [1, 1, 1, 1, 1] }).costs[0]).toBeAllclose(0, { atol: massError(10) });
  });

  it('leave only their result', () => {
    const [x, y] = [tensorOf(normalRows(3, 6, 10)), tensorOf(normalRows(3, 4, 11))];
    for (const weights of [{}, { a: positiveWeights(6, 12) }]) {
      const plan = transportPlan('test', 6, 4, weights);
      expect(() => tf.tidy(() => ({ ...deviceRows(x, y, plan, 2, true) }))).toLeakNothing();
      expect(() => tf.tidy(() => ({ ...deviceRows(x, y, plan, 2, false) }))).toLeakNothing();
    }
    tf.dispose([x, y]);
  });

  it('have no slopes unless they are asked for', () => {
    const x = random.normal(random.key(0), [2, 3]) as tf.Tensor2D;
    const result = tf.tidy(() => ({ ...deviceRows(x, x, transportPlan('test', 3, 3), 2, false) }));
    expect(Object.keys(result)).toEqual(['costs']);
    tf.dispose([x, ...Object.values(result)]);
  });
});
