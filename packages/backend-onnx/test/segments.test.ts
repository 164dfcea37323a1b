import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { ROUNDING } from './numbers';
import { computed, counted, picks, valuesOf } from './picks';
import { sameAsCpu } from './same-as-cpu';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe('segments', () => {
  const segmentCounts = [1, 3, 64, 65, 200];

  it.each(segmentCounts)('unsortedSegmentSum into %i leaves out what has no segment', (segmentCount) =>
    sameAsCpu(() => {
      const ids = tf.concat([picks([90], segmentCount + 3), tf.tensor1d([-1, segmentCount, 2 ** 31 - 1], 'int32')]);
      return [[93], [93, 2], [93, 5, 8]].flatMap((shape) => [
        tf.unsortedSegmentSum(counted(shape), ids, segmentCount),
        tf.unsortedSegmentSum(counted(shape, 'int32'), ids, segmentCount),
      ]);
    }, ROUNDING),
  );

  it.each([40, 100])('no row is lost, and the last one stays, where thousands share %i segments', (segmentCount) =>
    sameAsCpu(() => {
      const ids = picks([4096], segmentCount);
      return [
        tf.unsortedSegmentSum(tf.ones([4096, 64]), ids, segmentCount),
        tf.scatterND(ids.reshape([4096, 1]), tf.ones([4096, 64]), [segmentCount, 64]),
        tf.tensorScatterUpdate(tf.zeros([segmentCount, 64]), ids.reshape([4096, 1]), counted([4096, 64])),
      ];
    }),
  );

  it('unsortedSegmentSum has the gradient of the cpu backend', () =>
    sameAsCpu(() => {
      const ids = tf.tensor1d([0, 2, -1, 2, 1], 'int32');
      return tf.grad((x: tf.Tensor) => tf.unsortedSegmentSum(x, ids, 3).square())(counted([5, 2]));
    }));

  it('sums of sparse segments are those of the cpu backend', () =>
    sameAsCpu(() => {
      const ids = tf.tensor1d([0, 0, 1, 4, 4, 4], 'int32');
      return [[9], [9, 3], [9, 2, 40]].flatMap((shape) => [
        tf.sparse.sparseSegmentSum(counted(shape), picks([6], 9), ids),
        tf.sparse.sparseSegmentMean(counted(shape), picks([6], 9), ids),
      ]);
    }, ROUNDING));

  it.each([
    [[0, 9], [0, 1], /out of range/],
    [[0, -1], [0, 1], /out of range/],
    [[0, 1], [1, 0], /not increasing/],
    [[0, 1], [-2, -1], />= 0/],
  ])('sparse segments refuse the indices %o in the segments %o', (indices, ids, message) => {
    const sum = (): tf.Tensor => tf.sparse.sparseSegmentSum(counted([9]), indices, ids);
    expect(() => tf.tidy(sum)).toThrow(message);
  });

  it.each(['float32', 'int32'] as const)('bincount adds weights of %s up as the cpu backend does', (dtype) =>
    sameAsCpu(() =>
      [1, 4, 20].flatMap((size) => [
        tf.bincount(picks([30], 9), counted([30], dtype) as tf.Tensor1D, size),
        tf.denseBincount(picks([30], 9), counted([30], dtype) as tf.Tensor1D, size, true),
        ...[false, true].map((binary) =>
          tf.denseBincount(picks([3, 10], 9), counted([3, 10], dtype) as tf.Tensor1D, size, binary),
        ),
      ]),
    ),
  );

  it('bincount refuses negative numbers, known or not', async () => {
    await sameAsCpu(() => tf.bincount(tf.tensor1d([1, -1], 'int32'), tf.ones([2]), 3));
    expect(() => valuesOf(() => tf.bincount(computed([1, -1]), tf.ones([2]), 3))).toThrow(/out of data bounds/);
  });
});
