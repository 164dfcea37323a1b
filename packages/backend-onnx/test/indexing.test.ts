import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit } from '../src/index';
import { ROUNDING, run } from './numbers';
import { computed, counted, DTYPES, picks, valuesOf } from './picks';
import { sameAsCpu } from './same-as-cpu';

/** Indices [count, rank] into the first axes of a shape. */
const places = (count: number, shape: readonly number[], rank: number, seed = 1): tf.Tensor2D =>
  tf.stack(
    shape.slice(0, rank).map((length, axis) => picks([count], length, seed + axis)),
    1,
  ) as tf.Tensor2D;

const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => Promise<void>, numRuns = 20): Promise<void> =>
  fc.assert(fc.asyncProperty(arbitrary, property), { numRuns, seed: 1 });
const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe('gather', () => {
  it.each(DTYPES)('takes from any axis of %s what the cpu backend does', (dtype) =>
    check(fc.tuple(shapes, fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 })), ([shape, wanted]) =>
      sameAsCpu(() =>
        shape.flatMap((length, axis) => [
          tf.gather(counted(shape, dtype), picks(wanted, length, axis + 1), axis),
          tf.gather(counted(shape, dtype), picks(wanted, length, axis + 1), axis - shape.length),
        ]),
      ),
    ),
  );

  it.each(DTYPES)('takes from each of a batch of %s what the cpu backend does', (dtype) =>
    sameAsCpu(() => {
      const shape = [2, 3, 4, 2];
      return [
        [2, 2, 1],
        [2, 5, 1],
        [2, 3, 1],
        [2, 2, 3],
        [2, 3, 2],
        [2, 3, 1, 2],
      ].flatMap((wanted) =>
        [1, 2].flatMap((batchDims) =>
          [1, 2, 3].flatMap((axis) => {
            if (axis < batchDims || (batchDims === 2 && wanted[1] !== 3)) return [];
            return tf.gather(counted(shape, dtype), picks(wanted, shape[axis]!, axis), axis, batchDims);
          }),
        ),
      );
    }),
  );

  it('has the gradients of the cpu backend', () =>
    sameAsCpu(
      () => [
        tf.grad((x: tf.Tensor) => tf.gather(x, picks([2, 7], 5)).square())(counted([5, 3])),
        tf.grad((x: tf.Tensor) => tf.gather(x, picks([7], 3), 1).square())(counted([5, 3, 2])),
        tf.grad((x: tf.Tensor) => tf.gather(x, picks([2, 4], 3), 1, 1).square())(counted([2, 3, 2])),
      ],
      ROUNDING,
    ));

  it.each([-1, 3])('refuses the index %i, known or not', async (index) => {
    const kernels: ((indices: tf.Tensor) => tf.Tensor)[] = [
      (indices) => tf.gather(counted([3, 2]), indices.reshape([2])),
      (indices) => tf.gather(counted([2, 3]), indices.reshape([2, 1]), 1, 1),
    ];
    for (const kernel of kernels) {
      await sameAsCpu(() => kernel(tf.tensor1d([0, index], 'int32')));
      expect(() => valuesOf(() => kernel(computed([0, index])))).toThrow(/out of data bounds|invalid index found/);
    }
  });

  it('in a compiled function reads and refuses the indices of each call', () => {
    const embed = jit((table: tf.Tensor, indices: tf.Tensor1D) => {
      const { value, grads } = tf.valueAndGrads((x: tf.Tensor) => tf.gather(x, indices).square().sum())([table]);
      return [value, ...grads];
    });
    for (const indices of [
      [0, 1],
      [2, 2],
      [1, 0],
    ]) {
      const [square, slope] = tf.tidy(() =>
        embed(counted([3]), tf.tensor1d(indices, 'int32')).map((result) => Array.from(result.dataSync())),
      );
      const times = [0, 1, 2].map((row) => indices.filter((index) => index === row).length);
      expect(square).toEqual([indices.reduce((sum, index) => sum + (index + 1) ** 2, 0)]);
      expect(slope).toEqual(times.map((count, row) => 2 * count * (row + 1)));
    }
    for (const index of [-1, 3]) {
      expect(() => tf.tidy(() => embed(counted([3]), tf.tensor1d([index, 0], 'int32')))).toThrow(/out of data bounds/);
    }
  });
});

describe('slices by their indices', () => {
  it.each(DTYPES)('gatherND, scatterND and their like treat %s as the cpu backend does', (dtype) =>
    check(shapes, (shape) =>
      sameAsCpu(() =>
        shape.flatMap((_, axis) => {
          const rank = axis + 1;
          const indices = places(5, shape, rank);
          const updates = counted([5, ...shape.slice(rank)], dtype);
          return [
            tf.gatherND(counted(shape, dtype), indices),
            tf.tensorScatterUpdate(counted(shape, dtype).clone(), indices, updates),
            ...(dtype === 'bool' ? [] : [tf.scatterND(indices, updates, shape)]),
          ];
        }),
      ),
    ),
  );

  it('take indices of any rank', () =>
    sameAsCpu(() => {
      const indices = places(6, [3, 4], 2).reshape([2, 3, 2]);
      return [
        tf.gatherND(counted([3, 4, 2]), indices),
        tf.scatterND(indices, counted([2, 3, 2]), [3, 4, 2]),
        run('ScatterNd', { indices: picks([5], 3), updates: counted([5, 2]) }, { shape: [3, 2] }),
      ];
    }));

  it.each(DTYPES)('sparseToDense treats %s as the cpu backend does', (dtype) =>
    sameAsCpu(() => {
      const fallback = tf.scalar(1, dtype);
      return [
        tf.sparseToDense(picks([4], 6), counted([4], dtype), [6], fallback),
        tf.sparseToDense(places(4, [3, 2], 2), counted([4], dtype), [3, 2], fallback),
        tf.sparseToDense(places(4, [3, 2], 2), tf.scalar(1, dtype), [3, 2], tf.scalar(0, dtype)),
        tf.sparseToDense(tf.scalar(2, 'int32'), tf.scalar(1, dtype), [5], tf.scalar(0, dtype)),
      ];
    }),
  );

  it.each([
    [-1, 0],
    [3, 0],
    [0, -1],
    [2, 2],
    [2147483647, 2147483647],
  ])('refuse the index [%i, %i], known or not', async (row, column) => {
    const kernels: ((indices: tf.Tensor) => tf.Tensor)[] = [
      (indices) => tf.gatherND(counted([3, 2]), indices),
      (indices) => tf.scatterND(indices, counted([2]), [3, 2]),
      (indices) => tf.tensorScatterUpdate(counted([3, 2]), indices, counted([2])),
    ];
    const indices = [1, 1, row, column];
    for (const kernel of kernels) {
      await sameAsCpu(() => kernel(tf.tensor2d(indices, [2, 2], 'int32')));
      expect(() => valuesOf(() => kernel(computed(indices).reshape([2, 2])))).toThrow(/out of data bounds/);
    }
  });
});

describe('positions', () => {
  it.each(DTYPES)('oneHot of %s has nothing for indices outside', (dtype) =>
    sameAsCpu(() => {
      const indices = tf.tensor2d([0, 3, -1, 4, 2, -5], [3, 2], 'int32');
      const others = dtype === 'bool' ? [] : [tf.oneHot(indices, 4, 5, -2, dtype)];
      return [tf.oneHot(indices, 4, 1, 0, dtype), tf.oneHot(tf.scalar(2, 'int32'), 3, 1, 0, dtype), ...others];
    }),
  );

  it.each(DTYPES)('diag of %s is that of the cpu backend', (dtype) =>
    sameAsCpu(() => [tf.diag(counted([1], dtype)), tf.diag(counted([5], dtype)), tf.diag(counted([2, 3], dtype))]),
  );

  it('a diagonal of NaN is 0 beside it', () => sameAsCpu(() => tf.diag(tf.tensor1d([NaN, 1, Infinity]))));

  it.each(['float32', 'int32'] as const)('searchSorted in %s finds what the cpu backend does', (dtype) =>
    check(fc.constantFrom(1, 2, 3, 4, 7, 8, 9, 100), (length) =>
      sameAsCpu(() => {
        const steps = picks([2, length], 3).cast(dtype);
        const sorted = tf.cumsum(steps, 1);
        const ends = dtype === 'int32' ? [2 ** 31 - 1, -(2 ** 31)] : [Infinity, -Infinity];
        const values = tf.concat([tf.range(-1, 13), tf.tensor1d(ends)]).cast(dtype);
        return (['left', 'right'] as const).map((side) =>
          tf.searchSorted(sorted, tf.stack([values, values.reverse()]), side),
        );
      }),
    ),
  );

  it('searchSorted knows infinities and NaN', () =>
    sameAsCpu(() => {
      const sorted = tf.tensor1d([-Infinity, 0, 1, Infinity, Infinity]);
      const values = tf.tensor1d([-Infinity, Infinity, NaN, 0.5]);
      return [tf.searchSorted(sorted, values, 'left'), tf.searchSorted(sorted, values, 'right')];
    }));
});
