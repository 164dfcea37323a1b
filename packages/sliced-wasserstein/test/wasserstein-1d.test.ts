// n and m numbers on a line, L lines
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { wasserstein1d, type Wasserstein1dOptions } from '../src';
import { flatten, largest, lineCost, normalRows, positiveWeights, tensorOf } from './clouds';
import { kernels } from './kernels-alone';

vi.mock('../src/transport/row-costs', async (original) => (await import('./kernels-alone')).switchedRowCosts(original));

/** Sums of at most 30 terms of float32, each with a few roundings of 6e-8, of the largest term. */
const ROUNDING = 1e-5;
/** Masses of the kernels are differences of float32 sums of weights: an error of 30 * 6e-8 for each of up to 30 terms. */
const MASSES = 6e-5;
/** The host works in float64: the result is rounded once, and so are powers of numbers of float32. */
const HOST = 2e-7;
/** Central differences of float64 with a step of 1e-5 add 1e-9 to the rounding of float32 gradients. */
const GRADIENTS = 1e-5;

const SIZES = [
  { name: 'equal sizes', n: 7, m: 7 },
  { name: 'unequal sizes', n: 7, m: 4 },
  { name: 'weights', n: 6, m: 6, a: positiveWeights(6, 1), b: positiveWeights(6, 2) },
  { name: 'weights of one side, unequal sizes', n: 5, m: 8, b: positiveWeights(8, 3) },
  { name: 'a single point', n: 1, m: 6 },
];
const ORDERS = [1, 1.5, 2, 3];

const line = (n: number, seed: number, shift = 0): Float32Array => Float32Array.from(flatten(normalRows(n, 1, seed, shift))); // prettier-ignore

/** Its value for plain numbers. */
function value(x: ArrayLike<number>, y: ArrayLike<number>, options: Wasserstein1dOptions = {}): number {
  return tf.tidy(() => wasserstein1d(tf.tensor1d(Array.from(x)), tf.tensor1d(Array.from(y)), options).dataSync()[0]!);
}

describe.each(backendsUnderTest())('wasserstein1d on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each([
    { way: 'sorted on the host', alone: false },
    { way: 'sorted by kernels', alone: true },
  ])('$way', ({ alone }) => {
    beforeAll(() => void (kernels.alone = alone));
    afterAll(() => void (kernels.alone = false));

    it.each(ORDERS)('equals the definition for any sizes, ties, zero weights and ratios of weights, p = %d', (p) => {
      const number = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -4, max: 4, noNaN: true }));
      const weight = fc.oneof(fc.constantFrom(0, 1e-12, 1e12, 1), fc.double({ min: 0, max: 1, noNaN: true }));
      const cloud = fc.integer({ min: 1, max: 12 }).chain((n) =>
        fc.record({
          values: fc.array(number, { minLength: n, maxLength: n }).map((values) => values.map(Math.fround)),
          weights: fc.option(
            fc.array(weight, { minLength: n, maxLength: n }).filter((w) => w.some((mass) => mass > 1e-300)),
            { nil: undefined },
          ),
        }),
      );
      fc.assert(
        fc.property(cloud, cloud, (x, y) => {
          const weights = { ...(x.weights && { a: x.weights }), ...(y.weights && { b: y.weights }) };
          const reach = Math.max(...x.values.map((u) => Math.max(...y.values.map((v) => Math.abs(u - v) ** p))));
          const expected = lineCost(x.values, y.values, p, weights);
          const atol = (alone ? MASSES : HOST) * reach + 1e-30;
          expect(value(x.values, y.values, { p, ...weights })).toBeAllclose(expected, { rtol: 0, atol });
        }),
        { numRuns: 60 },
      );
    });

    it('is 0 between a cloud and its points in another order, exactly', () => {
      const x = line(9, 4);
      expect(value(x, [...x].reverse())).toBe(0);
      const [a, b] = [positiveWeights(9, 5), positiveWeights(9, 5).reverse()];
      expect(value(x, [...x].reverse(), { a, b })).toBeAllclose(0, { atol: MASSES });
    });

    it('is symmetric, and does not depend on the order of the points', () => {
      const [x, y] = [line(6, 6), line(9, 7)];
      const [a, b] = [positiveWeights(6, 8), positiveWeights(9, 9)];
      for (const p of ORDERS) {
        const forward = value(x, y, { p, a, b });
        expect(value(y, x, { p, a: b, b: a })).toBeAllclose(forward, { rtol: ROUNDING });
        const turn = <T>(list: ArrayLike<T>): T[] => [...Array.from(list).slice(2), ...Array.from(list).slice(0, 2)];
        expect(value(turn(x), y, { p, a: turn(a), b })).toBeAllclose(forward, { rtol: ROUNDING });
        expect(value(turn(x), y, { p })).toBeAllclose(value(x, y, { p }), { rtol: ROUNDING });
      }
    });

    it('grows with p, when the root is taken', () => {
      const [x, y] = [line(8, 10), line(5, 11, 0.5)];
      const roots = [1, 1.2, 2, 3, 6].map((p) => value(x, y, { p, root: true }));
      roots.slice(1).forEach((root, i) => expect(root).toBeGreaterThan(roots[i]!));
    });

    it('satisfies the triangle inequality, when the root is taken', () => {
      const [x, y, z] = [line(8, 12), line(5, 13, 1), line(7, 14, 0.4)];
      for (const p of ORDERS) {
        const direct = value(x, y, { p, root: true });
        expect(direct).toBeLessThan(value(x, z, { p, root: true }) + value(z, y, { p, root: true }));
      }
    });

    it('takes points twice for halved weights, integer weights for repeated points, and no notice of weights of 0', () => {
      const [x, y] = [line(4, 15), line(6, 16)];
      const twice = Array.from(x).flatMap((number) => [number, number]);
      const repeated = [x[0]!, x[1]!, x[1]!, x[3]!, x[3]!, x[3]!];
      for (const p of ORDERS) {
        expect(value(twice, y, { p })).toBeAllclose(value(x, y, { p }), { rtol: ROUNDING });
        expect(value(twice, y, { p, a: new Array<number>(8).fill(0.5) })).toBeAllclose(value(x, y, { p }), {
          rtol: ROUNDING,
        });
        expect(value(x, y, { p, a: [1, 2, 0, 3] })).toBeAllclose(value(repeated, y, { p }), { rtol: ROUNDING });
        // Lies outside of all others: it would be seen at once.
        expect(value([100, ...x, -100], y, { p, a: [0, 1, 2, 3, 4, 0] })).toBeAllclose(
          value(x, y, { p, a: [1, 2, 3, 4] }),
          { rtol: ROUNDING },
        );
      }
    });

    it('of unequal sizes is that of both repeated to their least common multiple', () => {
      const [x, y] = [line(4, 17), line(6, 18)];
      const times = (list: Float32Array, count: number): number[] =>
        Array.from(list).flatMap((number) => new Array<number>(count).fill(number));
      for (const p of ORDERS) {
        expect(value(x, y, { p })).toBeAllclose(value(times(x, 3), times(y, 2), { p }), { rtol: ROUNDING });
      }
    });

    it('to a single point is the moment about it', () => {
      const x = line(9, 19);
      for (const p of ORDERS) {
        const moment = Array.from(x).reduce((sum, number) => sum + Math.abs(number - 0.5) ** p, 0) / 9;
        expect(value(x, [0.5], { p })).toBeAllclose(moment, { rtol: ROUNDING });
        expect(value([0.5], [2], { p })).toBeAllclose(1.5 ** p, { rtol: ROUNDING });
      }
    });

    it('solves the columns of [n, L] one by one', () => {
      for (const { n, m, a, b } of SIZES) {
        const weights = { ...(a && { a }), ...(b && { b }) };
        const [x, y] = [normalRows(n, 3, 20), normalRows(m, 3, 21)];
        const column = (rows: Float32Array[], l: number): number[] => rows.map((row) => row[l]!);
        const together = tf.tidy(() => wasserstein1d(tensorOf(x), tensorOf(y), { p: 3, ...weights }).dataSync());
        const alone = [0, 1, 2].map((l) => value(column(x, l), column(y, l), { p: 3, ...weights }));
        expect(together).toBeAllclose(alone, { rtol: ROUNDING });
      }
    });

    it.each(SIZES.flatMap((size) => ORDERS.flatMap((p) => [false, true].map((root) => ({ ...size, p, root })))))(
      'has the gradient of the definition: $name, p = $p, root $root',
      ({ n, m, a, b, p, root }) => {
        const weights = { ...(a && { a }), ...(b && { b }) };
        const [x, y] = [line(n, 22), line(m, 23, 0.7)];
        const cost = (u: ArrayLike<number>, v: ArrayLike<number>): number =>
          lineCost(u, v, p, weights) ** (root ? 1 / p : 1);
        const expected = [finiteDifferences((u) => cost(u, y), x), finiteDifferences((v) => cost(x, v), y)];
        tf.tidy(() => {
          const of = (u: tf.Tensor, v: tf.Tensor): tf.Tensor =>
            wasserstein1d(u as tf.Tensor1D, v as tf.Tensor1D, { p, root, ...weights });
          const found = tf.grads(of)([tf.tensor1d(x), tf.tensor1d(y)]);
          found.forEach((gradient, i) => {
            const atol = GRADIENTS * largest(expected[i]!);
            expect(gradient.dataSync()).toBeAllclose(Float32Array.from(expected[i]!), { rtol: 0, atol });
          });
        });
      },
    );

    it('takes an upstream gradient for each of L problems', () => {
      const [x, y] = [normalRows(6, 3, 24), normalRows(4, 3, 25)];
      const upstream = [2, -0.5, 0];
      const loss = (values: Float64Array): number =>
        upstream.reduce((sum, factor, l) => {
          const column = Array.from({ length: 6 }, (_, i) => values[3 * i + l]!);
          return sum + factor * Math.sqrt(lineCost(column, y.map((row) => row[l]!), 2)); // prettier-ignore
        }, 0);
      const expected = finiteDifferences(loss, flatten(x));
      tf.tidy(() => {
        const dy = tf.tensor1d(upstream);
        const of = (u: tf.Tensor): tf.Tensor => wasserstein1d(u as tf.Tensor2D, tensorOf(y), { root: true });
        const found = tf.grad(of)(tensorOf(x), dy);
        expect(found.shape).toEqual([6, 3]);
        expect(found.dataSync()).toBeAllclose(Float32Array.from(expected), { rtol: 0, atol: GRADIENTS });
      });
    });

    it('has the gradient 0 where the distance is 0, with root as without, for every p', () => {
      const x = line(5, 26);
      for (const p of ORDERS) {
        for (const root of [false, true]) {
          tf.tidy(() => {
            const y = tf.tensor1d(x).reverse();
            const found = tf.grad((u) => wasserstein1d(u as tf.Tensor1D, y, { p, root }))(tf.tensor1d(x));
            expect(found.dataSync()).toEqual(new Float32Array(5));
          });
        }
      }
    });

    it('adds both gradients where both clouds depend on the same variable', () => {
      const x = line(5, 27);
      const loss = (u: Float64Array): number => lineCost(u, u.map((value) => value * value), 2); // prettier-ignore
      const expected = finiteDifferences(loss, x);
      tf.tidy(() => {
        const of = (u: tf.Tensor): tf.Tensor => wasserstein1d(u as tf.Tensor1D, tf.square(u as tf.Tensor1D));
        const atol = GRADIENTS * largest(expected);
        expect(tf.grad(of)(tf.tensor1d(x)).dataSync()).toBeAllclose(Float32Array.from(expected), { rtol: 0, atol });
      });
    });

    it('leaves nothing behind, with and without gradients, inside a tidy and outside', () => {
      for (const { n, m, a, b } of SIZES) {
        const options = { ...(a && { a }), ...(b && { b }), p: 3, root: true };
        const [x, y] = [tensorOf(normalRows(n, 2, 28)), tensorOf(normalRows(m, 2, 29))];
        const of = (u: tf.Tensor): tf.Tensor => wasserstein1d(u as tf.Tensor2D, y, options);
        expect(() => of(x)).toLeakNothing();
        expect(() => tf.tidy(() => of(x))).toLeakNothing();
        expect(() => tf.grad(of)(x)).toLeakNothing();
        expect(() => tf.valueAndGrad((u: tf.Tensor) => of(u).sum())(x)).toLeakNothing();
        expect(x.isDisposed || y.isDisposed).toBe(false);
        tf.dispose([x, y]);
      }
    });

    it('takes integers, and variables that are trained', () => {
      expect(tf.tidy(() => wasserstein1d(tf.tensor1d([3, 0, 1], 'int32'), tf.tensor1d([5, 8, 6]), { p: 1 }).dataSync()[0])).toBe(5); // prettier-ignore
      const x = tf.variable(tf.tensor1d([0, 1, 3]));
      const y = tf.tensor1d([5, 6, 8]);
      const { value: loss, grads } = tf.variableGrads(() => wasserstein1d(x, y).asScalar());
      expect(loss.dataSync()[0]).toBeAllclose(25, { rtol: ROUNDING });
      expect(grads[x.name]!).toBeAllclose([-10 / 3, -10 / 3, -10 / 3], { rtol: ROUNDING });
      tf.dispose([x, y, loss, grads]);
    });
  });

  it('counts the inner gradient as a constant in a gradient of a gradient', () => {
    tf.tidy(() => {
      const [x, y] = [tf.tensor1d([1, 2, 4]), tf.tensor1d([0])];
      const inner = (u: tf.Tensor): tf.Tensor => tf.grad((v) => wasserstein1d(v as tf.Tensor1D, y))(u);
      // d/du sum(u * g(u)) with g held: g = 2 u / 3.
      const outer = tf.grad((u) => u.mul(inner(u)).sum())(x);
      expect(outer).toBeAllclose([2 / 3, 4 / 3, 8 / 3], { rtol: ROUNDING });
    });
  });
});

describe('wasserstein1d', () => {
  beforeAll(() => useBackend('cpu'));

  it('has the value of its example', () => {
    expect(value([0, 1, 3], [5, 6, 8], { p: 1 })).toBe(5);
  });

  it('scales with the numbers, and moves with them', () => {
    const real = fc.integer({ min: -50, max: 50 });
    fc.assert(
      fc.property(
        fc.array(real, { minLength: 1, maxLength: 9 }),
        fc.array(real, { minLength: 1, maxLength: 9 }),
        real,
        (x, y, c) => {
          // prettier-ignore
          const distance = value(x, y, { p: 3, root: true });
          const each = (list: number[], f: (u: number) => number): number[] => list.map(f);
          const scaled = value(each(x, (u) => c * u), each(y, (u) => c * u), { p: 3, root: true }); // prettier-ignore
          expect(scaled).toBeAllclose(Math.abs(c) * distance, { rtol: ROUNDING });
          const moved = value(each(x, (u) => u + c), each(y, (u) => u + c), { p: 3, root: true }); // prettier-ignore
          expect(moved).toBeAllclose(distance, { rtol: ROUNDING });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('finds no gradient when none is asked for, even after the function of one has thrown', async () => {
    const { isTaped } = await import('../src/transport/differentiate');
    const taped: boolean[] = [];
    expect(isTaped()).toBe(false);
    const x = tf.tensor1d([1, 2]);
    expect(() =>
      tf.grad(() => {
        taped.push(isTaped());
        throw new Error('stopped');
      })(x),
    ).toThrow('stopped');
    expect(taped).toEqual([true]);
    expect(isTaped()).toBe(false);
    x.dispose();
  });
});
