// n points of x, m points of y, d coordinates, L slices
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  slicedWasserstein,
  slicedWassersteinDetailed,
  wasserstein1d,
  type Cloud,
  type SlicedWassersteinOptions,
} from '../src';
import {
  assignmentCost,
  flatten,
  largest,
  lineCost,
  normalRows,
  positiveWeights,
  project,
  rowsOf,
  slicedCost,
  tensorOf,
  unitRows,
  type Rows,
} from './clouds';
import { kernels } from './kernels-alone';

vi.mock('../src/transport/row-costs', async (original) => (await import('./kernels-alone')).switchedRowCosts(original));

/** Projections and sums of a few dozen terms of float32, 6e-8 each, relative to costs of the size of 1. */
const ROUNDING = 1e-5;
/** Central differences of float64 add 1e-9 to the rounding of gradients of float32. */
const GRADIENTS = 3e-5;

const ORDERS = [1, 1.5, 2, 3];
const SIZES = [
  { name: 'equal sizes', n: 6, m: 6 },
  { name: 'unequal sizes', n: 7, m: 4 },
  { name: 'weights', n: 5, m: 6, a: positiveWeights(5, 1), b: positiveWeights(6, 2) },
];

const slices = (count: number, d: number, seed = 90): Float32Array[] => unitRows(normalRows(count, d, seed));

function value(x: Cloud, y: Cloud, options: SlicedWassersteinOptions): number {
  return tf.tidy(() => slicedWasserstein(x, y, options).dataSync()[0]!);
}

function mapped(rows: Rows, f: (value: number, column: number) => number): number[][] {
  return rows.map((row) => Array.from(row, f));
}

/** Calls what must throw, and returns nothing. */
function refused(body: () => unknown): void {
  expect(body).toThrow();
}

/** Coordinates scaled as the option says, by definition. */
function scaled(x: Rows, y: Rows, how: 'standard' | 'minmax'): [number[][], number[][]] {
  const scales = Array.from(x[0]!, (_, j) => {
    const column = [...x, ...y].map((row) => row[j]!);
    const least = Math.min(...column);
    if (how === 'minmax') return { centre: least, spread: Math.max(...column) - least };
    const centre = column.reduce((sum, v) => sum + v, 0) / column.length;
    return { centre, spread: Math.sqrt(column.reduce((sum, v) => sum + (v - centre) ** 2, 0) / column.length) };
  });
  const of = (rows: Rows): number[][] => mapped(rows, (v, j) => (v - scales[j]!.centre) / (scales[j]!.spread || 1));
  return [of(x), of(y)];
}

describe.each(backendsUnderTest())('slicedWasserstein on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each([
    { way: 'sorted on the host', alone: false },
    { way: 'sorted by kernels', alone: true },
  ])('$way', ({ alone }) => {
    beforeAll(() => void (kernels.alone = alone));
    afterAll(() => void (kernels.alone = false));

    it.each(SIZES.flatMap((size) => ORDERS.map((p) => ({ ...size, p }))))(
      'is the mean over slices, with its gradients: $name, p = $p',
      ({ n, m, a, b, p }) => {
        const weights = { ...(a && { a }), ...(b && { b }) };
        const [x, y, theta] = [normalRows(n, 3, 10), normalRows(m, 3, 11, 0.6), slices(4, 3)];
        const cost = (u: Rows, v: Rows, s: Rows): number => slicedCost(u, v, s, p, weights);
        expect(value(x, y, { p, weights, slices: theta, root: false })).toBeAllclose(cost(x, y, theta), {
          rtol: ROUNDING,
        });
        const point: Rows[] = [x, y, theta];
        for (const root of [false, true]) {
          const expected = point.map((_, i) =>
            finiteDifferences((u) => {
              const [v, w, s] = point.map((rows, j) => (i === j ? rowsOf(u, 3) : rows)) as [Rows, Rows, Rows];
              return cost(v, w, s) ** (root ? 1 / p : 1);
            }, flatten(point[i]!)),
          );
          tf.tidy(() => {
            const found = tf.grads((...args: tf.Tensor[]) => {
              const [u, v, s] = args as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
              return slicedWasserstein(u, v, { p, weights, slices: s, root });
            })(point.map(tensorOf));
            found.forEach((gradient, i) => {
              const atol = GRADIENTS * largest(expected[i]!);
              expect(gradient.dataSync()).toBeAllclose(Float32Array.from(expected[i]!), { rtol: 0, atol });
            });
          });
        }
      },
    );

    it.each(['standard', 'minmax'] as const)('scales coordinates by both clouds together: %s', (normalise) => {
      // The second coordinate would decide alone; the third never varies.
      const stretched = (seed: number, shift: number): number[][] =>
        mapped(normalRows(6, 3, seed, shift), (v, j) => Math.fround(j === 2 ? 5 : j === 1 ? 1000 * v + 300 : v));
      const [x, y, theta] = [stretched(12, 0), stretched(13, 0.5), slices(5, 3)];
      const [u, v] = scaled(x, y, normalise);
      const options = { normalise, slices: theta, root: false } as const;
      expect(value(x, y, options)).toBeAllclose(slicedCost(u, v, theta, 2), { rtol: 10 * ROUNDING });
      // Moved and stretched coordinates are the same ones.
      const other = (rows: Rows): number[][] => mapped(rows, (w, j) => (j + 1) * w - 2 * j);
      expect(value(other(x), other(y), options)).toBeAllclose(value(x, y, options), { rtol: 10 * ROUNDING });
    });

    it.each(['standard', 'minmax'] as const)('holds the statistics of %s constant in gradients', (normalise) => {
      const [x, y, theta] = [normalRows(5, 2, 14), normalRows(4, 2, 15, 0.8), slices(3, 2)];
      const [u, v] = scaled(x, y, normalise);
      const spreads = [0, 1].map((j) => (x[1]![j]! - x[0]![j]!) / (u[1]![j]! - u[0]![j]!));
      const expected = finiteDifferences((w) => slicedCost(rowsOf(w, 2), v, theta, 2), flatten(u)).map(
        (slope, i) => slope / spreads[i % 2]!,
      );
      tf.tidy(() => {
        const of = (w: tf.Tensor): tf.Tensor =>
          slicedWasserstein(w as tf.Tensor2D, y, { normalise, slices: theta, root: false });
        const atol = GRADIENTS * largest(expected);
        expect(tf.grad(of)(tensorOf(x)).dataSync()).toBeAllclose(Float32Array.from(expected), { rtol: 0, atol });
      });
    });

    it('leaves nothing behind, with and without gradients, inside a tidy and outside, and when it throws', () => {
      const [x, y, theta] = [tensorOf(normalRows(6, 3, 16)), tensorOf(normalRows(4, 3, 17)), tensorOf(slices(5, 3))];
      for (const options of [
        { slices: theta },
        { slices: 7, key: random.key(0), weights: { b: [1, 2, 3, 4] }, normalise: 'standard' },
        { slices: 7, key: random.key(0), sampler: 'orthogonal', root: false, normalise: 'minmax' },
      ] as SlicedWassersteinOptions[]) {
        const of = (u: tf.Tensor): tf.Tensor => slicedWasserstein(u as tf.Tensor2D, y, options);
        expect(() => of(x)).toLeakNothing();
        expect(() => tf.tidy(() => of(x))).toLeakNothing();
        expect(() => tf.grad(of)(x)).toLeakNothing();
        expect(() => tf.valueAndGrad((u: tf.Tensor) => of(u).square())(x)).toLeakNothing();
      }
      expect(() =>
        slicedWasserstein(normalRows(3, 3, 1), normalRows(4, 3, 2), { slices: slices(2, 3) }),
      ).toLeakNothing();
      for (const wrong of [{ p: 0 }, { slices: 0 }, { weights: { a: [1] } }, {}, { slices: [[1, 1, 1]] }]) {
        expect(() => refused(() => slicedWasserstein(x, normalRows(4, 3, 2), wrong))).toLeakNothing();
      }
      const far = tensorOf([[1e30, 0, 0]]);
      expect(() => refused(() => slicedWasserstein(far, y, { slices: theta }))).toLeakNothing();
      expect([x, y, theta].some((tensor) => tensor.isDisposed)).toBe(false);
      tf.dispose([x, y, theta, far]);
    });

    it('has the value 0 and the gradient 0 between equal clouds', () => {
      const x = normalRows(5, 3, 18);
      tf.tidy(() => {
        const of = (u: tf.Tensor): tf.Tensor => slicedWasserstein(u as tf.Tensor2D, x, { slices: slices(4, 3) });
        const { value: distance, grad } = tf.valueAndGrad(of)(tensorOf(x));
        expect(distance.dataSync()[0]).toBe(0);
        expect(grad.dataSync()).toEqual(new Float32Array(15));
        // One cloud moving against itself goes nowhere.
        const self = tf.grad((u) =>
          slicedWasserstein(u as tf.Tensor2D, u.add<tf.Tensor2D>(1), { slices: slices(4, 3) }),
        );
        expect(self(tensorOf(x)).dataSync()).toBeAllclose(new Float32Array(15), { rtol: 0, atol: ROUNDING });
      });
    });
  });

  it('is symmetric, moves with the clouds, scales with them and turns with them', () => {
    const [x, y, theta] = [normalRows(7, 3, 20), normalRows(5, 3, 21, 0.5), slices(6, 3)];
    const turn = rowsOf(flatten(unitRows([[1, 2, 2], [2, 1, -2], [2, -2, 1]])), 3); // prettier-ignore
    const turned = (rows: Rows): number[][] => rows.map((row) => turn.map((axis) => project([row], axis)[0]!));
    for (const p of ORDERS) {
      const distance = value(x, y, { p, slices: theta });
      expect(value(y, x, { p, slices: theta })).toBeAllclose(distance, { rtol: ROUNDING });
      const moved = (rows: Rows): number[][] => mapped(rows, (v, j) => v + [3, -2, 1][j]!);
      expect(value(moved(x), moved(y), { p, slices: theta })).toBeAllclose(distance, { rtol: ROUNDING });
      const times = (rows: Rows): number[][] => mapped(rows, (v) => -2.5 * v);
      expect(value(times(x), times(y), { p, slices: theta })).toBeAllclose(2.5 * distance, { rtol: ROUNDING });
      expect(value(turned(x), turned(y), { p, slices: turned(theta) })).toBeAllclose(distance, { rtol: ROUNDING });
      const opposite = mapped(theta, (v) => -v);
      expect(value(x, y, { p, slices: opposite })).toBeAllclose(distance, { rtol: ROUNDING });
    }
  });

  it('satisfies the triangle inequality and grows with p on shared slices', () => {
    const [x, y, z, theta] = [normalRows(7, 3, 22), normalRows(5, 3, 23, 1), normalRows(6, 3, 24, 0.4), slices(9, 3)];
    for (const p of ORDERS) {
      const between = (u: Rows, v: Rows): number => value(u as Cloud, v as Cloud, { p, slices: theta });
      expect(between(x, y)).toBeLessThan(between(x, z) + between(z, y));
    }
    const roots = [1, 1.3, 2, 3, 5].map((p) => value(x, y, { p, slices: theta }));
    roots.slice(1).forEach((root, i) => expect(root).toBeGreaterThan(roots[i]!));
  });

  it('takes points twice for halved weights, integer weights for repeated points, and no notice of weights of 0', () => {
    const [x, y, theta] = [normalRows(4, 3, 25), normalRows(6, 3, 26), slices(5, 3)];
    const options = { slices: theta, p: 3 };
    const plain = value(x, y, options);
    expect(value([...x, ...x], y, options)).toBeAllclose(plain, { rtol: ROUNDING });
    expect(value([...x, ...x], [...y, ...y], options)).toBeAllclose(plain, { rtol: ROUNDING });
    const far = Float32Array.of(99, -99, 9);
    const ignored = value([far, ...x], y, { ...options, weights: { a: [0, 2, 2, 2, 2] } });
    expect(ignored).toBeAllclose(plain, { rtol: ROUNDING });
    const repeated = value([x[0]!, x[1]!, x[1]!, x[3]!, x[2]!, x[3]!, x[3]!], y, options);
    expect(value(x, y, { ...options, weights: { a: [1, 2, 1, 3] } })).toBeAllclose(repeated, { rtol: ROUNDING });
  });

  it('in one dimension is the exact distance, whatever the slices', () => {
    const [x, y] = [normalRows(7, 1, 27), normalRows(4, 1, 28)];
    for (const p of ORDERS) {
      const exact = lineCost(flatten(x), flatten(y), p);
      for (const sampler of ['uniform', 'orthogonal'] as const) {
        const options = { p, slices: 5, sampler, key: random.key(1), root: false };
        expect(value(x, y, options)).toBeAllclose(exact, { rtol: ROUNDING });
      }
    }
  });

  it('in 1000 dimensions, of one point each, with one slice, is the distance along it', () => {
    const [x, y, theta] = [normalRows(1, 1000, 29), normalRows(1, 1000, 30), slices(1, 1000)];
    const along = Math.abs(project(x, theta[0]!)[0]! - project(y, theta[0]!)[0]!);
    for (const p of ORDERS) expect(value(x, y, { p, slices: theta })).toBeAllclose(along, { rtol: 10 * ROUNDING });
  });

  it('takes tensors of integers, rows of any arrays and slices as rows or as a tensor', () => {
    const theta = slices(3, 2);
    const [x, y] = [[[1, 2], [3, 5]], [[0, 1], [4, 4]]]; // prettier-ignore
    const expected = Math.sqrt(slicedCost(x, y, theta, 2));
    tf.tidy(() => {
      const forms: [Cloud, Cloud, Cloud][] = [
        [tf.tensor2d(x, [2, 2], 'int32'), tf.tensor2d(y), tensorOf(theta)],
        [x, y.map((row) => Float64Array.from(row)), theta],
        [x.map((row) => Uint8Array.from(row)), y.map((row) => ({ ...row, length: 2 })), theta.map((row) => [...row])],
      ];
      for (const [u, v, s] of forms) expect(value(u, v, { slices: s })).toBeAllclose(expected, { rtol: ROUNDING });
    });
  });

  it('trains variables, and passes a gradient on to what the clouds and the slices are made of', () => {
    const [x, y, raw] = [normalRows(5, 2, 31), normalRows(4, 2, 32, 1), normalRows(3, 2, 33)];
    const loss = (factor: number): number =>
      2 * Math.sqrt(slicedCost(mapped(x, (v) => factor * v), y, rowsOf(unitLength(raw, factor), 2), 2)); // prettier-ignore
    const expected = finiteDifferences((u) => loss(u[0]!), [1.3]);
    const factor = tf.variable(tf.scalar(1.3));
    const { value: cost, grads } = tf.variableGrads(() => {
      // Slices that turn with the factor.
      const bent = tensorOf(raw).mul<tf.Tensor2D>(tf.stack([factor, tf.scalar(1)]));
      const theta = bent.div<tf.Tensor2D>(bent.square().sum(1, true).sqrt());
      return slicedWasserstein(tensorOf(x).mul<tf.Tensor2D>(factor), y, { slices: theta }).mul(2);
    });
    expect(cost.dataSync()[0]).toBeAllclose(loss(1.3), { rtol: ROUNDING });
    expect(grads[factor.name]!.dataSync()).toBeAllclose(Float32Array.from(expected), { rtol: GRADIENTS });
    tf.dispose([factor, cost, grads]);
  });

  it('brings a cloud to another one by gradient steps', () => {
    const target = normalRows(20, 2, 34, 2);
    const x = tf.variable(tensorOf(normalRows(20, 2, 35)));
    const optimiser = tf.train.sgd(10);
    const theta = slices(16, 2);
    const distance = (): number => value(x, target, { slices: theta });
    const before = distance();
    for (let step = 0; step < 30; step++) {
      optimiser.minimize(() => slicedWasserstein(x, target, { slices: theta, root: false }));
    }
    expect(distance()).toBeLessThan(before / 5);
    x.dispose();
    optimiser.dispose();
  });
});

describe('slicedWasserstein of many points', () => {
  beforeAll(() => useBackend('wasm'));

  it('finds the same values and gradients chunk by chunk as slice by slice', () => {
    // 2^22 numbers are projected at a time: the seven slices come in two parts.
    const n = 300_000;
    const [x, y] = [random.normal(random.key(2), [n, 2]), random.normal(random.key(3), [n, 2], { mean: 0.5 })];
    const theta = slices(7, 2);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const of = (s: Rows): tf.Tensor[] => {
        const { value: cost, grads } = tf.valueAndGrads((...args: tf.Tensor[]) => {
          const [u, v, w] = args as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
          return slicedWasserstein(u, v, { slices: w, root: false, p: 2 });
        })([x, y, tensorOf(s)]);
        return [cost, ...grads];
      };
      const [cost, ofX, ofY, ofTheta] = of(theta) as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const parts = [of(theta.slice(0, 5)), of(theta.slice(5))] as [tf.Tensor[], tf.Tensor[]];
      const mean = (k: number): tf.Tensor => parts[0][k]!.mul(5 / 7).add(parts[1][k]!.mul(2 / 7));
      expect(cost).toBeAllclose(mean(0), { rtol: ROUNDING });
      const near = (found: tf.Tensor, wanted: tf.Tensor): number =>
        found.sub(wanted).abs().max().div(wanted.abs().max()).dataSync()[0]!;
      expect(near(ofX, mean(1))).toBeLessThan(ROUNDING);
      expect(near(ofY, mean(2))).toBeLessThan(ROUNDING);
      expect(near(ofTheta, tf.concat([parts[0][3]!.mul(5 / 7), parts[1][3]!.mul(2 / 7)], 0))).toBeLessThan(ROUNDING);
    });
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
  });
});

/** Rows (factor a, b) of length 1, as one list. */
function unitLength(rows: Rows, factor: number): number[] {
  return rows.flatMap((row) => {
    const norm = Math.hypot(factor * row[0]!, row[1]!);
    return [(factor * row[0]!) / norm, row[1]! / norm];
  });
}

describe('slicedWasserstein', () => {
  beforeAll(() => useBackend('cpu'));

  it('is at most the exact distance: SW_2^2 <= W_2^2 / d with uniform slices', () => {
    // Orthogonal blocks of all d axes keep the inequality for every draw: the squares along them add up to the whole.
    for (let seed = 0; seed < 10; seed++) {
      const d = 2 + (seed % 3);
      const [x, y] = [normalRows(5, d, 100 + seed), normalRows(5, d, 200 + seed, 0.3)];
      const options = { slices: 4 * d, sampler: 'orthogonal', key: random.key(seed), root: false } as const;
      expect(value(x, y, options)).toBeLessThan(assignmentCost(x, y, 2) / d);
    }
    // W_1 <= E|theta_1| W_1 of the whole; in the plane, over all directions, 2 / pi.
    const [x, y] = [normalRows(5, 2, 300), normalRows(5, 2, 301)];
    const planar = value(x, y, { p: 1, slices: 200, sampler: 'qmc' });
    expect(planar).toBeLessThan((2 / Math.PI) * assignmentCost(x, y, 1));
  });

  it('is the exact distance over sqrt(d) for a cloud and its translation, with whole blocks of orthogonal slices', () => {
    const [x, delta] = [normalRows(6, 4, 302), [1, -2, 0.5, 3]];
    const y = mapped(x, (v, j) => v + delta[j]!);
    const options = { slices: 8, sampler: 'orthogonal', key: random.key(4) } as const;
    expect(value(x, y, options)).toBeAllclose(Math.hypot(...delta) / 2, { rtol: ROUNDING });
  });

  it('compares clouds whose squares are beyond float32 by p = 1, or scaled', () => {
    const [x, y] = [[[1e30, 0], [2e30, 1e30]], [[0, 1e30], [1e30, 1e30]]]; // prettier-ignore
    const theta = slices(4, 2);
    expect(value(x, y, { p: 1, slices: theta })).toBeAllclose(slicedCost(x, y, theta, 1), { rtol: ROUNDING });
    const unit = (rows: number[][]): number[][] => mapped(rows, (v) => v / 1e30);
    for (const normalise of ['standard', 'minmax'] as const) {
      const expected = value(unit(x), unit(y), { normalise, slices: theta });
      expect(expected).toBeGreaterThan(0.1);
      expect(value(x, y, { normalise, slices: theta })).toBeAllclose(expected, { rtol: ROUNDING });
      const tiny = (rows: number[][]): number[][] => mapped(rows, (v) => v / 1e60);
      expect(value(tiny(x), tiny(y), { normalise, slices: theta })).toBeAllclose(expected, { rtol: ROUNDING });
    }
  });

  it('draws 128 uniform slices and takes the root of p = 2 by default', () => {
    const [x, y, key] = [normalRows(5, 3, 303), normalRows(6, 3, 304), random.key(5)];
    const power = value(x, y, { p: 2, slices: 128, sampler: 'uniform', key, root: false });
    expect(value(x, y, { key })).toBeAllclose(Math.sqrt(power), { rtol: ROUNDING });
    expect(value(x, y, { key })).toBe(value(x, y, { key }));
    expect(value(x, y, { key: random.key(6) })).not.toBe(value(x, y, { key }));
  });
});

describe.each(backendsUnderTest())('slicedWassersteinDetailed on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('has the value, the cost of each slice and the slices, which give the same again', async () => {
    const [x, y] = [normalRows(7, 3, 40), normalRows(5, 3, 41, 1)];
    for (const p of ORDERS) {
      const options = { p, slices: 9, key: random.key(7), weights: { a: positiveWeights(7, 42) } };
      const estimate = await slicedWassersteinDetailed(x, y, options);
      expect(estimate.slices).toHaveLength(9);
      const costs = estimate.slices.map((slice) => lineCost(project(x, slice), project(y, slice), p, options.weights));
      expect(estimate.perSlice).toBeAllclose(Float32Array.from(costs), { rtol: ROUNDING });
      expect(estimate.value).toBeAllclose(value(x, y, options), { rtol: ROUNDING });
      const again = await slicedWassersteinDetailed(x, y, { ...options, slices: estimate.slices });
      expect(again.value).toBe(estimate.value);
      expect(again.slices).toEqual(estimate.slices);
      // The delta method on s / sqrt(L).
      const mean = costs.reduce((sum, cost) => sum + cost, 0) / 9;
      const error = Math.sqrt(costs.reduce((sum, cost) => sum + (cost - mean) ** 2, 0) / 8 / 9);
      expect(estimate.standardError).toBeAllclose((error * mean ** (1 / p - 1)) / p, { rtol: 10 * ROUNDING });
      const power = await slicedWassersteinDetailed(x, y, { ...options, root: false });
      expect(power.value).toBeAllclose(mean, { rtol: ROUNDING });
      expect(power.standardError).toBeAllclose(error, { rtol: 10 * ROUNDING });
    }
  });

  it('leaves the tensors that it was given, and nothing else, also when it fails', async () => {
    const [x, y, theta] = [tensorOf(normalRows(6, 3, 43)), tensorOf(normalRows(4, 3, 44)), tensorOf(slices(5, 3))];
    const detailed = (options: SlicedWassersteinOptions) => () => slicedWassersteinDetailed(x, y, options);
    await expect(detailed({ slices: theta })).toLeakNothing();
    await expect(detailed({ slices: 5, key: random.key(0), normalise: 'standard' })).toLeakNothing();
    await expect(() => slicedWassersteinDetailed([[0, 1]], [[1, 0]], { slices: [[1, 0]] })).toLeakNothing();
    const fails = async (body: () => Promise<unknown>): Promise<void> => {
      await expect(body()).rejects.toThrow();
    };
    await expect(() => fails(detailed({ slices: 5 }))).toLeakNothing();
    const far = tensorOf([[1e30, 0, 0]]);
    await expect(() => fails(() => slicedWassersteinDetailed(far, y, { slices: theta }))).toLeakNothing();
    expect([x, y, theta].some((tensor) => tensor.isDisposed)).toBe(false);
    tf.dispose([x, y, theta, far]);
  });

  it('has no standard error for a single group of slices, and 0 for equal clouds', async () => {
    const [x, y] = [normalRows(6, 3, 45), normalRows(6, 3, 46)];
    const key = random.key(8);
    const error = async (options: SlicedWassersteinOptions, other: Cloud = y): Promise<number> =>
      (await slicedWassersteinDetailed(x, other, options)).standardError;
    expect(await error({ slices: 1, key })).toBeNaN();
    expect(await error({ slices: 3, sampler: 'orthogonal', key })).toBeNaN();
    expect(await error({ slices: 50, sampler: 'qmc' })).toBeNaN();
    expect(await error({ slices: 50, sampler: 'qmc', key })).toBeGreaterThan(0);
    expect(await error({ slices: 4, sampler: 'orthogonal', key })).toBeGreaterThan(0);
    for (const p of ORDERS) expect(await error({ slices: 9, key, p }, x)).toBe(0);
  });

  it('has in each slice the distance of wasserstein1d', async () => {
    const [x, y, theta] = [normalRows(6, 3, 47), normalRows(4, 3, 48), slices(5, 3)];
    const { perSlice } = await slicedWassersteinDetailed(x, y, { slices: theta, p: 3 });
    tf.tidy(() => {
      const of = (rows: Rows): tf.Tensor2D => tf.matMul(tensorOf(rows), tensorOf(theta), false, true);
      expect(wasserstein1d(of(x), of(y), { p: 3 })).toBeAllclose(perSlice, { rtol: ROUNDING });
    });
  });
});
