import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein, slicedWassersteinDetailed } from '../src';
import { slicedTwoSampleTest } from '../src/two-sample/sliced-two-sample-test';

const key = random.key(3);

/** Rounding of float32 projections, of size 5. */
const VALUE = 2e-6;
/** Standard errors from which an estimate is wrong: by chance 6e-7. */
const ERRORS = 5;

function normals(seed: number, shape: [number, number], mean = 0): tf.Tensor2D {
  return random.normal(random.key(seed), shape, { mean }) as tf.Tensor2D;
}

/** All ways to take `count` of `total` points. */
function choices(total: number, count: number, first = 0): number[][] {
  if (count === 0) return [[]];
  return Array.from({ length: Math.max(0, total - first) }, (_, i) => first + i).flatMap((i) =>
    choices(total, count - 1, i + 1).map((rest) => [i, ...rest]),
  );
}

describe.each(backendsUnderTest())('slicedTwoSampleTest on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('compares the sliced distance, or the largest over the slices', async () => {
    for (const [n, m] of [
      [20, 20],
      [13, 22],
    ] as const) {
      const [x, y] = [normals(n, [n, 4]), normals(m + 100, [m, 4], 0.5)];
      for (const p of [1, 2, 3]) {
        for (const normalise of ['none', 'standard', 'minmax'] as const) {
          const options = { p, normalise, sampler: 'orthogonal', slices: 10, key: random.foldIn(key, 0) } as const;
          const { value, perSlice } = await slicedWassersteinDetailed(x, y, options);
          const test = { ...options, key, permutations: 2 };
          const sliced = await slicedTwoSampleTest(x, y, test);
          expect(sliced.statistic).toBeAllclose(value, { rtol: VALUE, atol: 0 });
          const largest = await slicedTwoSampleTest(x, y, { ...test, statistic: 'maxSlice' });
          expect(largest.statistic).toBeAllclose(Math.max(...perSlice) ** (1 / p), { rtol: VALUE, atol: 0 });
        }
      }
      tf.dispose([x, y]);
    }
  });

  it('leaves nothing behind', async () => {
    const [x, y] = [normals(1, [6, 2]), normals(2, [5, 2])];
    await expect(() => slicedTwoSampleTest(x, y, { permutations: 3, slices: 4, key })).toLeakNothing();
    await expect(() => slicedTwoSampleTest([[1]], [[2]], { permutations: 3, slices: 4, key })).toLeakNothing();
    const slices = tf.eye(2);
    await expect(() => slicedTwoSampleTest(x, y, { permutations: 3, slices, key })).toLeakNothing();
    expect(x.isDisposed || slices.isDisposed).toBe(false);
    tf.dispose([x, y, slices]);
  });
});

describe('slicedTwoSampleTest', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([
    [3, 3],
    [2, 4],
    [4, 2],
  ])('draws from all divisions of the pooled points into %i and %i, equally often', async (n, m) => {
    const pooled = normals(4, [n + m, 3]);
    const [x, y] = tf.split(pooled, [n, m]) as [tf.Tensor2D, tf.Tensor2D];
    const slices = tf.eye(3);
    const permutations = 4000;
    for (const statistic of ['sliced', 'maxSlice'] as const) {
      const test = await slicedTwoSampleTest(x, y, { permutations, p: 1.5, statistic, slices, key });
      const exact = await Promise.all(
        choices(n + m, n).map(async (chosen) => {
          const rest = Array.from({ length: n + m }, (_, i) => i).filter((i) => !chosen.includes(i));
          const [a, b] = [chosen, rest].map((rows) => tf.gather(pooled, tf.tensor1d(rows, 'int32'))) as [
            tf.Tensor2D,
            tf.Tensor2D,
          ];
          const { value, perSlice } = await slicedWassersteinDetailed(a, b, { p: 1.5, slices });
          return statistic === 'sliced' ? value : Math.max(...perSlice) ** (1 / 1.5);
        }),
      );
      const near = (value: number, other: number): boolean => Math.abs(value - other) <= 1e-5 * other;
      for (const value of exact) {
        // A binomial number of permutations has a value that `same` of the divisions have.
        const share = exact.filter((other) => near(value, other)).length / exact.length;
        const count = test.null.reduce((sum, other) => sum + Number(near(other, value)), 0);
        const error = Math.sqrt(permutations * share * (1 - share));
        expect(Math.abs(count - permutations * share)).toBeLessThan(ERRORS * error);
      }
      expect(test.null.every((value) => exact.some((other) => near(value, other)))).toBe(true);
      const share = exact.filter((value) => value >= test.statistic * (1 - 1e-5)).length / exact.length;
      expect(Math.abs(test.pValue - share)).toBeLessThan(ERRORS * test.standardError + 1 / permutations);
      const error = Math.sqrt((test.pValue * (1 - test.pValue)) / permutations);
      expect(test.standardError).toBeAllclose(error, { rtol: 1 / permutations, atol: 0 });
    }
  });

  it.each([
    { statistic: 'sliced', n: 8, m: 8, normalise: 'none' },
    { statistic: 'maxSlice', n: 5, m: 9, normalise: 'standard' },
  ] as const)('has a uniform p-value where the laws are equal: $statistic', async ({ n, m, ...options }) => {
    const [repeats, permutations, bins] = [400, 19, 5];
    const counts = new Array<number>(bins).fill(0);
    for (let repeat = 0; repeat < repeats; repeat++) {
      const [x, y] = [normals(2 * repeat, [n, 2]), normals(2 * repeat + 1, [m, 2])];
      const of = { permutations, slices: 4, key: random.foldIn(key, repeat) };
      const { pValue } = await slicedTwoSampleTest(x, y, { ...options, ...of });
      // 1/20, 2/20, ..., 1: all equally likely, four a bin.
      counts[Math.ceil(pValue * bins - 1e-9) - 1]!++;
      tf.dispose([x, y]);
    }
    const expected = repeats / bins;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // exp(-x / 2) (1 + x / 2), the tail for 4 degrees of freedom, is 5e-6 at x = 31; all in one bin would give 1600.
    expect(chiSquare).toBeLessThan(31);
  });

  it('finds a difference of means and one of spread', async () => {
    const x = normals(5, [60, 5]);
    for (const y of [normals(6, [60, 5], 0.8), normals(7, [50, 5]).mul<tf.Tensor2D>(2)]) {
      for (const statistic of ['sliced', 'maxSlice'] as const) {
        const test = await slicedTwoSampleTest(x, y, { permutations: 199, slices: 30, statistic, key });
        // Six or more standard deviations away from what divisions show.
        expect(test.pValue).toBe(1 / 200);
        expect(Math.max(...test.null)).toBeLessThan(test.statistic);
        expect(test.standardError).toBeAllclose(Math.sqrt((199 * 199) / 200 ** 2) / 200, { rtol: 1e-12, atol: 0 });
      }
    }
  });

  it('has p-value 1 for clouds of one point', async () => {
    const one = [[1, 2]];
    const { pValue, statistic, standardError } = await slicedTwoSampleTest(one, one, { permutations: 9, key });
    expect([pValue, statistic, standardError]).toEqual([1, 0, 0]);
    // Two points: each division is the observed one or its mirror image, which has the same distance to the last digit.
    expect((await slicedTwoSampleTest(one, [[4, 7]], { permutations: 99, p: 3, key })).pValue).toBe(1);
  });

  it('uses the same permutations in slices that do not fit into memory together', async () => {
    const [n, m] = [5000, 6500];
    const [x, y] = [normals(8, [n, 1]), normals(9, [m, 1], 0.01)];
    // 11 500 points by 94 slices are more than 2^20 projections, which 91 slices are not.
    const slices = tf.ones<tf.Rank.R2>([94, 1]);
    const few = tf.ones<tf.Rank.R2>([47, 1]);
    for (const statistic of ['sliced', 'maxSlice'] as const) {
      const seen: number[] = [];
      const options = { permutations: 1, p: 1, statistic, key };
      const onProgress = (share: number): void => void seen.push(share);
      const all = await slicedTwoSampleTest(x, y, { ...options, slices, onProgress });
      const half = await slicedTwoSampleTest(x, y, { ...options, slices: few });
      expect([all.statistic, ...all.null]).toBeAllclose([half.statistic, ...half.null], { rtol: 1e-12, atol: 0 });
      expect(all.statistic).toBeAllclose(slicedWasserstein(x, y, { p: 1, slices: few }), { rtol: 1e-5, atol: 0 });
      expect(seen).toBeAllclose([91 / 188, 91 / 94, 185 / 188, 1], { rtol: 1e-12, atol: 0 });
    }
  });

  it('gives the same for the same key, and tells its progress', async () => {
    const [x, y] = [normals(10, [9, 2]), normals(11, [7, 2])];
    const seen: number[] = [];
    const options = { permutations: 4, slices: 3, key };
    const one = await slicedTwoSampleTest(x, y, { ...options, onProgress: (share) => seen.push(share) });
    expect(await slicedTwoSampleTest(x, y, options)).toEqual(one);
    expect(seen).toBeAllclose([0.2, 0.4, 0.6, 0.8, 1], { rtol: 1e-12, atol: 0 });
    expect(one.null).toHaveLength(4);
    const longer = await slicedTwoSampleTest(x, y, { ...options, permutations: 6 });
    expect(longer.null.slice(0, 4)).toEqual(one.null);
    const other = await slicedTwoSampleTest(x, y, { ...options, key: random.key(99) });
    expect(other.statistic).not.toBe(one.statistic);
  });

  it('stops at a signal', async () => {
    const [x, y] = [normals(12, [5, 2]), normals(13, [5, 2])];
    const controller = new AbortController();
    let calls = 0;
    const onProgress = (): void => {
      if (++calls === 3) controller.abort(new Error('enough'));
    };
    await expect(slicedTwoSampleTest(x, y, { key, onProgress, signal: controller.signal })).rejects.toThrow('enough');
    expect(calls).toBe(3);
    const aborted = AbortSignal.abort(new Error('no'));
    await expect(slicedTwoSampleTest(x, y, { key, signal: aborted })).rejects.toThrow('no');
  });

  it('lets timers run while it works', async () => {
    const [x, y] = [normals(14, [300, 2]), normals(15, [300, 2])];
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('timer')), 1);
    const work = slicedTwoSampleTest(x, y, { permutations: 1e6, slices: 50, key, signal: controller.signal });
    await expect(work).rejects.toThrow('timer');
  });

  it('refuses bad arguments', async () => {
    const where = 'sliced-wasserstein.slicedTwoSampleTest';
    const cases: [object, Error][] = [
      [{ p: 0.9 }, new RangeError(`${where}: p must be a finite number >= 1, got 0.9.`)],
      [{ permutations: 0 }, new RangeError(`${where}: permutations must be an integer >= 1, got 0.`)],
      [{ statistic: 'mean' }, new RangeError(`${where}: statistic must be one of "sliced", "maxSlice", got "mean".`)],
      [
        { normalise: 'all' },
        new RangeError(`${where}: normalise must be one of "none", "standard", "minmax", got "all".`),
      ],
      [
        { key: undefined },
        new TypeError(`${where}: key must be a Key or a number, got undefined. For a start take key: 0.`),
      ],
      [
        { sampler: 'qmc', slices: 4 },
        new RangeError(
          `${where}: dimension for the sampler 'qmc' must be 2 or 3, got 1. Take the sampler 'orthogonal' for others.`,
        ),
      ],
      [
        { p: 200 },
        new RangeError(
          `${where}: x and y must have finite projections whose p-th powers are within float32, got Infinity. ` +
            'Scale both clouds alike.',
        ),
      ],
    ];
    for (const [options, error] of cases) {
      await expect(slicedTwoSampleTest([[1e3]], [[3]], { key, ...options })).rejects.toThrow(error);
    }
    await expect(slicedTwoSampleTest([[1, 2]], [[3]], { key })).rejects.toThrow(
      `${where}: y must have the same last dimension as x (2), got [1, 1]. Transpose or slice y first.`,
    );
  });
});
