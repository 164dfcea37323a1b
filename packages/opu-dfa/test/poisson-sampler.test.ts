import type * as tf from '@tensorflow/tfjs';
import { random, train, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixedPartition } from '../src/training/fixed-partition';
import { PoissonSampler } from '../src/training/poisson-sampler';

/** Deviations that a correct sampler exceeds with a probability below 6e-7 each. */
const FIVE_SIGMA = 5;

const key = random.key(7);

function numbered(size: number): train.Dataset<{ x: tf.Tensor; y: tf.Tensor }> {
  const x = Float32Array.from({ length: 2 * size }, (_, i) => i + 1);
  const y = Int32Array.from({ length: size }, (_, i) => i + 1);
  return train.arrays({ x: { data: x, shape: [size, 2] }, y: { data: y, shape: [size] } });
}

describe('PoissonSampler', () => {
  beforeAll(() => useBackend('cpu'));

  it('has each example in a batch with probability q, independently of others and of other batches', () => {
    const [N, T, q] = [40, 1500, 0.13];
    const sampler = new PoissonSampler(numbered(N), { samplingRate: q, key });
    const isIn = Array.from({ length: T }, (_, step) => {
      const row = new Float64Array(N);
      for (const i of sampler.chosen(0, step)) row[i] = 1;
      return row;
    });
    // A sum over n of (indicator - q)(indicator' - q) of independent ones has the variance n (q (1 - q))^2; that of
    // indicators n q (1 - q).
    const v = q * (1 - q);
    for (let i = 0; i < N; i++) {
      const [count, withNext, withLater] = [0, 0, 0].map(() => ({ sum: 0 })) as [Sum, Sum, Sum];
      isIn.forEach((row, t) => {
        count.sum += row[i]! - q;
        withNext.sum += (row[i]! - q) * (row[(i + 1) % N]! - q);
        withLater.sum += (row[i]! - q) * (isIn[(t + 1) % T]![i]! - q);
      });
      expect(Math.abs(count.sum)).toBeLessThan(FIVE_SIGMA * Math.sqrt(T * v));
      expect(Math.abs(withNext.sum)).toBeLessThan(FIVE_SIGMA * v * Math.sqrt(T));
      expect(Math.abs(withLater.sum)).toBeLessThan(FIVE_SIGMA * v * Math.sqrt(T));
    }
  });

  it('makes batches of different sizes', () => {
    const sampler = new PoissonSampler(numbered(200), { samplingRate: 0.1, key });
    const sizes = Array.from({ length: 400 }, (_, step) => sampler.batchLength(0, step));
    const mean = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
    const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / (sizes.length - 1);
    // Binomial: the mean 20, the variance 18, whose estimate has the standard deviation 18 sqrt(2 / 399) about.
    expect(Math.abs(mean - 20)).toBeLessThan(FIVE_SIGMA * Math.sqrt(18 / 400));
    expect(Math.abs(variance - 18)).toBeLessThan(FIVE_SIGMA * 18 * Math.sqrt(2 / 399));
  });

  it('depends on key and number of the batch alone', async () => {
    const [one, other] = [1, 2].map(() => new PoissonSampler(numbered(50), { samplingRate: 0.3, key }));
    const late = await one!.batch(3, 1);
    await one!.batch(0, 0);
    // Three batches an epoch.
    expect(one!.batchesPerEpoch).toBe(3);
    expect([...(await other!.batch(0, 10)).x.dataSync()]).toEqual([...late.x.dataSync()]);
    const foreign = new PoissonSampler(numbered(50), { samplingRate: 0.3, key: random.key(8) });
    expect([...foreign.chosen(3, 1)]).not.toEqual([...one!.chosen(3, 1)]);
  });

  it.each([1, 8, 32])('fills up to a multiple of %d with rows of zeros', async (block) => {
    const sampler = new PoissonSampler(numbered(30), { samplingRate: 0.4, key, block });
    const chosen = [...sampler.chosen(0, 2)];
    const { x, y, mask } = await sampler.batch(0, 2);
    const rows = Math.ceil(chosen.length / block) * block;
    const padding = new Array<number>(rows - chosen.length).fill(0);
    expect(x.shape).toEqual([rows, 2]);
    expect([...mask.dataSync()]).toEqual([...chosen.map(() => 1), ...padding]);
    expect(y.dtype).toBe('int32');
    expect([...y.dataSync()]).toEqual([...chosen.map((i) => i + 1), ...padding]);
    expect([...x.dataSync()]).toEqual([...chosen.flatMap((i) => [2 * i + 1, 2 * i + 2]), ...padding, ...padding]);
  });

  it('may have nothing but padding, and everything with q = 1', async () => {
    const rare = new PoissonSampler(numbered(30), { samplingRate: 1e-9, key });
    const { x, mask } = await rare.batch(0, 0);
    expect(rare.batchLength(0, 0)).toBe(0);
    expect(rare.batchesPerEpoch).toBe(1e9);
    expect([x.shape, mask.sum().dataSync()[0], x.abs().sum().dataSync()[0]]).toEqual([[32, 2], 0, 0]);
    const all = new PoissonSampler(numbered(30), { samplingRate: 1, key });
    expect([...all.chosen(0, 5)]).toEqual(Array.from({ length: 30 }, (_, i) => i));
    expect(all.batchesPerEpoch).toBe(1);
  });

  it('leaves nothing behind', async () => {
    const sampler = new PoissonSampler(numbered(30), { samplingRate: 0.3, key });
    await expect(() => sampler.batch(0, 1)).toLeakNothing();
  });

  it('says what two runs must have in common', () => {
    const { signature } = new PoissonSampler(numbered(30), { samplingRate: 0.3, key });
    expect(signature).toBe('30 examples, each with probability 0.3, by blocks of 32');
  });

  it.each<[object, ErrorConstructor, string]>([
    [{ samplingRate: 0 }, RangeError, 'samplingRate must be a finite number > 0 and <= 1, got 0.'],
    [{ samplingRate: 1.1 }, RangeError, 'samplingRate must be a finite number > 0 and <= 1, got 1.1.'],
    [{ samplingRate: NaN }, RangeError, 'samplingRate must be a finite number > 0 and <= 1, got NaN.'],
    [{ samplingRate: undefined }, TypeError, 'samplingRate must be a finite number > 0 and <= 1, got undefined.'],
    [{ block: 0 }, RangeError, 'block must be an integer >= 1, got 0.'],
    [{ key: 3 }, TypeError, 'key must be a Key, got 3. Make one with key(seed) or split(key).'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => new PoissonSampler(numbered(3), { samplingRate: 0.5, key, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.PoissonSampler: ${message}`);
  });

  it('refuses no examples', () => {
    expect(() => new PoissonSampler(numbered(0), { samplingRate: 0.5, key })).toThrow(
      'opu-dfa.PoissonSampler: the size of the data set must be an integer >= 1, got 0.',
    );
  });
});

interface Sum {
  sum: number;
}

describe('fixedPartition', () => {
  beforeAll(() => useBackend('cpu'));

  it('has each example once an epoch, in the same batches', async () => {
    const source = fixedPartition(numbered(10), { batchSize: 4, key });
    expect(source.batchesPerEpoch).toBe(3);
    const epoch = async (e: number): Promise<number[][]> => {
      const batches: number[][] = [];
      for (let i = 0; i < 3; i++) batches.push([...(await source.batch(e, i)).y.dataSync()]);
      return batches;
    };
    const first = await epoch(0);
    expect(first.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
    expect(first.flat()).not.toEqual(Array.from({ length: 10 }, (_, i) => i + 1));
    expect(await epoch(5)).toEqual(first);
  });

  it.each<[object, string]>([
    [{ batchSize: 0 }, 'batchSize must be an integer >= 1, got 0.'],
    [{ key: 3 }, 'key must be a Key, got 3. Make one with key(seed) or split(key).'],
  ])('refuses %o', (wrong, message) => {
    const make = () => fixedPartition(numbered(3), { batchSize: 2, key, ...wrong });
    expect(make).toThrow(`opu-dfa.fixedPartition: ${message}`);
  });
});
