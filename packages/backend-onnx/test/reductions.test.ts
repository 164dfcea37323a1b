import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { expectLowered } from './lowered';
import { run } from './numbers';
import { expectParity } from './parity';

type DType = 'float32' | 'int32' | 'bool';
type Reduce = (x: tf.Tensor, axes: number[] | undefined, keepDims: boolean) => tf.Tensor;
type Along = (x: tf.Tensor, axis: number) => tf.Tensor | tf.Tensor[];

/** Sums of a few thousand float32 of size 1, in another order. */
const ROUNDING = 1e-6;
const DTYPES: DType[] = ['float32', 'int32', 'bool'];
const AWKWARD = [NaN, Infinity, -Infinity, 0, 3.4e38, -3.4e38];

/** Zeros of either sign are the same. */
const unsigned = (x: tf.Tensor): tf.Tensor => (x.dtype === 'bool' ? x : x.add(tf.scalar(0, x.dtype)));

const sums: Record<string, Reduce> = { sum: tf.sum, mean: tf.mean };
const choices: Record<string, Reduce> = {
  max: (x, axes, keepDims) => unsigned(tf.max(x, axes, keepDims)),
  min: (x, axes, keepDims) => unsigned(tf.min(x, axes, keepDims)),
};

/** A kernel's result in each of the orders that it knows. */
const ordered =
  (accumulate: typeof tf.cumsum): Along =>
  (x, axis) =>
    [0, 1, 2, 3].map((order) => unsigned(accumulate(x, axis, order % 2 === 1, order > 1)));
const along: Record<string, Along> = {
  argMax: tf.argMax,
  argMin: tf.argMin,
  cumsum: ordered(tf.cumsum),
  cumprod: ordered(tf.cumprod),
};

/** Small numbers, all sums and most products of which are exact; the same for a seed. */
function numbers(shape: readonly number[], dtype: DType, seed: number, values?: readonly number[]): tf.Tensor {
  let state = seed + 1;
  const draw = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const element = (): number => (values ? values[draw(values.length)]! : dtype === 'bool' ? draw(2) : draw(7) - 3);
  return tf.tensor(Array.from({ length: tf.util.sizeFromShape([...shape]) }, element), [...shape], dtype);
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 0, maxLength: 5 });
const problems = shapes.chain((shape) =>
  fc.record({
    shape: fc.constant(shape),
    axes: fc.option(
      fc.subarray([...shape.keys()]).chain((axes) =>
        fc.shuffledSubarray(
          axes.map((axis, i) => (i % 2 === 0 ? axis : axis - shape.length)),
          { minLength: axes.length },
        ),
      ),
      { nil: undefined },
    ),
    keepDims: fc.boolean(),
    seed: fc.nat(1000),
  }),
);
type Problem = typeof problems extends fc.Arbitrary<infer T> ? T : never;
const check = (property: (problem: Problem) => Promise<unknown>, numRuns = 25): Promise<void> =>
  fc.assert(
    fc.asyncProperty(problems, async (problem) => void (await property(problem))),
    { numRuns, seed: 1 },
  );

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe.each(DTYPES)('over axes of %s', (dtype) => {
  it('sums, extremes and truth are those of the cpu backend', () =>
    check(({ shape, axes, keepDims, seed }) =>
      expectParity(() => {
        const x = numbers(shape, dtype, seed);
        const logic = dtype === 'bool' ? [tf.all, tf.any] : [];
        return [tf.sum, choices.max!, choices.min!, ...logic].map((reduce) => reduce(x, axes, keepDims));
      }),
    ));

  it('means and products are, too', () =>
    check(({ shape, axes, keepDims, seed }) =>
      expectParity(() => {
        const x = numbers(shape, dtype, seed);
        return [tf.mean(x, axes, keepDims), tf.prod(x, axes, keepDims)];
      }, ROUNDING),
    ));
});

describe('over axes of numbers that are not', () => {
  it('maximum and minimum are NaN where an element is', () =>
    check(({ shape, axes, keepDims, seed }) =>
      expectParity(() => {
        const x = numbers(shape, 'float32', seed, [...AWKWARD, 1, 2, 3, 4, 5, 6, 7]);
        return [choices.max!(x, axes, keepDims), choices.min!(x, axes, keepDims)];
      }),
    ));

  it('sum and mean are NaN or infinite where those of the cpu backend are', () =>
    check(({ shape, axes, keepDims, seed }) =>
      expectParity(() => {
        const x = numbers(shape, 'float32', seed, [NaN, Infinity, -Infinity, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        const mean = tf.mean(x, axes, keepDims);
        return [unsigned(tf.sum(x, axes, keepDims)), tf.isNaN(mean), tf.isFinite(mean)];
      }),
    ));

  it('a maximum is NaN wherever in a long row the NaN is', async () => {
    for (const place of [0, 1, 7, 8, 99]) {
      const row = (): tf.Tensor => tf.tensor1d(Array.from({ length: 100 }, (_, i) => (i === place ? NaN : -i)));
      await expectParity(() => [tf.max(row()), tf.min(row()), tf.max(row().reshape([100, 1]), 0)]);
    }
  });
});

describe('long sums', () => {
  it.each([[[700, 3]], [[2048]], [[3, 1024]], [[2, 600, 3]], [[1031]], [[2, 1031]], [[4096, 4, 2]], [[30, 40, 5, 2]]])(
    'over every choice of axes of %o are right',
    async (shape) => {
      for (let choice = 1; choice < 2 ** shape.length; choice++) {
        const axes = [...shape.keys()].filter((axis) => choice & (1 << axis));
        const x = (): tf.Tensor => numbers(shape, 'float32', choice);
        await expectParity(() => [tf.sum(x(), axes), tf.sum(x(), axes, true), tf.max(x(), axes)]);
        await expectParity(() => tf.mean(x(), axes), ROUNDING);
      }
    },
  );

  it('over 2^20 equal terms are right to 1e-5, where one by one they lose all digits but two', () => {
    const x = tf.fill([2 ** 20, 2], 0.1);
    const exact = 2 ** 20 * Math.fround(0.1);
    for (const sum of [x.sum(0), x.transpose().sum(1), x.sum().div(2)]) {
      expect(Math.abs(sum.dataSync()[0]! / exact - 1)).toBeLessThan(1e-5);
    }
    x.dispose();
  });

  it('of int32 wrap around', () =>
    expectParity(() => {
      const x = tf.tensor2d([2 ** 31 - 1, 1, -(2 ** 31), -7, 16777217, 2 ** 30], [3, 2], 'int32');
      return [x.sum(), x.sum(0), x.sum(1), x.max(0), x.prod(1), x.cumsum(0)];
    }));
});

describe('along an axis', () => {
  it.each(DTYPES)('positions and cumulative sums and products of %s are those of the cpu backend', (dtype) =>
    check(async ({ shape, axes, seed }) => {
      const axis = axes?.[0] ?? 0;
      if (shape.length === 0) return;
      // The cpu backend takes no axis below 0 here.
      const place = axis < 0 ? axis + shape.length : axis;
      await expectParity(() => {
        const x = numbers(shape, dtype, seed);
        return Object.values(along).flatMap((kernel, i) => kernel(x, i < 2 ? axis : place));
      });
    }),
  );

  it('argMax and argMin pass NaN over but where it is first', () =>
    check(async ({ shape, axes, seed }) => {
      const axis = axes?.[0] ?? 0;
      if (shape.length === 0) return;
      await expectParity(() => {
        const x = numbers(shape, 'float32', seed, [...AWKWARD, 1, 2, 3, 4]);
        return [tf.argMax(x, axis), tf.argMin(x, axis)];
      });
    }));

  it('products of 100 terms are right', () =>
    expectParity(() => {
      const x = tf.tensor2d(
        Array.from({ length: 200 }, (_, i) => 1 + Math.sin(i) / 10),
        [2, 100],
      );
      return [tf.cumprod(x, 1), tf.cumprod(x, 1, true, true)];
    }, ROUNDING));

  it.each(DTYPES)('topk of %s has the first of equals first', async (dtype) => {
    for (const [shape, k] of [
      [[7], 3],
      [[3, 40], 40],
      [[2, 2, 9], 1],
      [[1], 1],
    ] as const) {
      await expectParity(() => {
        const { values, indices } = tf.topk(numbers(shape, dtype, k), k);
        return [unsigned(values), indices];
      });
    }
  });

  it('topk without order has the same elements', () => {
    const x = numbers([3, 20], 'float32', 1);
    const [some, all] = [false, true].map((sorted) => expectLowered(() => tf.topk(x, 5, sorted).values.dataSync()));
    expect(Array.from(some!).sort()).toEqual(Array.from(all!).sort());
    x.dispose();
  });
});

describe('gradients', () => {
  it('of sums, means and extremes are those of the cpu backend', () =>
    check(
      ({ shape, axes, keepDims }) =>
        expectParity(() => {
          const x = tf.range(0, tf.util.sizeFromShape(shape)).reshape(shape).sin().add(2);
          return Object.values({ ...sums, ...choices }).map((reduce) =>
            tf.grad((z: tf.Tensor) => reduce(z, axes, keepDims).square().sum())(x),
          );
        }, ROUNDING),
      10,
    ));

  it('of cumsum is the sum from the other end', () =>
    expectParity(() => tf.grad((x: tf.Tensor) => tf.cumsum(x, 1).square())(numbers([3, 5], 'float32', 2))));
});

describe('axes', () => {
  it.each(['Sum', 'Max', 'ArgMax', 'Cumsum'])('of %s must exist', (kernel) => {
    const x = tf.ones([2, 3]);
    expect(() => run(kernel, { x }, { axis: 2, reductionIndices: 2 })).toThrow(
      /All values in axis param must be in range/,
    );
    x.dispose();
  });
});
