import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../src/check';
import { foldIn, key, permutation } from '../src/random';
import {
  arrays,
  BatchSampler,
  GeneratedBatches,
  MixedSampler,
  subset,
  type BatchSource,
  type Dataset,
  type Generator,
  type MixedSamplerOptions,
} from '../src/train';
import { Prefetcher } from '../src/train/prefetch';

/** A data set whose batches are the numbers of their examples, from `first` on. */
function numbered(size: number, first = 0): Dataset<{ ids: string }> {
  return { size, batch: (indices) => ({ ids: [...indices].map((i) => i + first).join(' ') }) };
}

async function epochOf(source: BatchSource<{ ids: string }>, epoch: number): Promise<number[][]> {
  const batches: number[][] = [];
  for (let i = 0; i < source.batchesPerEpoch; i++) {
    const { ids } = await source.batch(epoch, i);
    batches.push(ids.split(' ').map(Number));
    expect(source.batchLength(epoch, i)).toBe(batches[i]!.length);
  }
  return batches;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

describe('arrays', () => {
  it('gives the rows of typed arrays and tensors, in the order of the indices', async () => {
    const device = tf.tensor3d(upTo(12), [3, 2, 2]);
    const data = arrays({
      floats: { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] },
      doubles: { data: Float64Array.of(0.1, 0.2, 0.3), shape: [3] },
      integers: { data: Int32Array.of(7, 8, 9), shape: [3, 1] },
      bytes: { data: Uint8Array.of(0, 255, 128), shape: [3] },
      device,
    });
    expect(data.size).toBe(3);
    const batch = await data.batch(Int32Array.of(2, 0, 2));
    expect(batch.floats).toBeAllclose([
      [5, 6],
      [1, 2],
      [5, 6],
    ]);
    expect(batch.doubles).toBeAllclose(Float32Array.of(0.3, 0.1, 0.3));
    expect(batch.integers).toBeAllclose([[9], [7], [9]]);
    expect(batch.bytes).toBeAllclose([128, 0, 128]);
    expect([...batch.device.dataSync()]).toEqual([8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
    expect(batch.device.shape).toEqual([3, 2, 2]);
    const dtypes = [batch.floats, batch.doubles, batch.integers, batch.bytes].map(({ dtype }) => dtype);
    expect(dtypes).toEqual(['float32', 'float32', 'int32', 'int32']);
    tf.dispose(batch);
    await expect(async () => data.batch(Int32Array.of(1))).toLeakNothing();
    expect(device.isDisposed).toBe(false);
    device.dispose();
  });

  it('refuses columns that do not make a data set', () => {
    const x = { data: new Float32Array(6), shape: [3, 2] };
    expect(() => arrays({})).toThrow(
      new RangeError('tensor-core.arrays: columns must have at least one column, got an object.'),
    );
    expect(() => arrays({ x, y: { data: new Float32Array(2), shape: [2] } })).toThrow(
      new ShapeError('tensor-core.arrays: y must have the 3 examples of x, got [2].'),
    );
    expect(() => arrays({ x: { data: new Float32Array(5), shape: [3, 2] } })).toThrow(
      new ShapeError('tensor-core.arrays: x must have the elements of its shape [3, 2], got Float32Array(5).'),
    );
    expect(() => arrays({ x: tf.scalar(1) })).toThrow(
      new ShapeError('tensor-core.arrays: x must have an axis of examples, got [].'),
    );
    expect(() => arrays({ x: { data: [1, 2], shape: [2] } as never })).toThrow(
      new TypeError(
        'tensor-core.arrays: x must be a tensor or { data, shape }, got an object. ' +
          'Use a Float32Array, Float64Array, Int32Array or Uint8Array as data.',
      ),
    );
    expect(() => arrays({ x: null as never })).toThrow(TypeError);
  });
});

describe('subset', () => {
  it('has the chosen examples under new indices', async () => {
    const part = subset(numbered(10), [7, 3, 3]);
    expect(part.size).toBe(3);
    await expect(Promise.resolve(part.batch(Int32Array.of(2, 0)))).resolves.toEqual({ ids: '3 7' });
  });

  it('refuses an index outside', () => {
    expect(() => subset(numbered(3), [0, 3])).toThrow(
      new RangeError('tensor-core.subset: an index must be an integer >= 0 and < 3, got 3.'),
    );
  });
});

describe('BatchSampler', () => {
  it('has every example once an epoch, in batches, whatever the sizes', async () => {
    const sizes = fc.record({ size: fc.integer({ min: 1, max: 40 }), batchSize: fc.integer({ min: 1, max: 12 }) });
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(1000), async ({ size, batchSize }, seed) => {
        const batches = await epochOf(new BatchSampler(numbered(size), { batchSize, key: key(seed) }), 3);
        expect(sorted(batches.flat())).toEqual(upTo(size));
        expect(batches.slice(0, -1).every((batch) => batch.length === batchSize)).toBe(true);
        if (size < batchSize) return;
        const whole = new BatchSampler(numbered(size), { batchSize, key: key(seed), dropLast: true });
        expect(await epochOf(whole, 3)).toEqual(batches.filter((batch) => batch.length === batchSize));
      }),
      { numRuns: 50 },
    );
  });

  it('follows the permutation of foldIn(key, epoch), from any place', async () => {
    const make = () => new BatchSampler(numbered(10), { batchSize: 4, key: key(1) });
    const source = make();
    for (const epoch of [2, 0, 1]) {
      const order = [...permutation(foldIn(key(1), epoch), 10)];
      expect(await epochOf(source, epoch)).toEqual([order.slice(0, 4), order.slice(4, 8), order.slice(8)]);
      expect(await make().batch(epoch, 1)).toEqual({ ids: order.slice(4, 8).join(' ') });
    }
  });

  it('goes through the data set in order without a key', async () => {
    const source = new BatchSampler(numbered(5), { batchSize: 2 });
    for (const epoch of [0, 1]) expect(await epochOf(source, epoch)).toEqual([[0, 1], [2, 3], [4]]);
  });

  it('tells by its signature what a run must not change', () => {
    const signatures = [
      new BatchSampler(numbered(5), { batchSize: 2 }),
      new BatchSampler(numbered(6), { batchSize: 2 }),
      new BatchSampler(numbered(5), { batchSize: 3 }),
      new BatchSampler(numbered(5), { batchSize: 2, dropLast: true }),
      new BatchSampler(numbered(5), { batchSize: 2, key: key(0) }),
      new BatchSampler(numbered(5), { batchSize: 2, key: key(1) }),
    ].map(({ signature }) => signature);
    expect(new Set(signatures).size).toBe(signatures.length);
    expect(signatures[0]).toBe('5 examples by 2, in order');
  });

  it('refuses sizes that leave no batch, and what is no key', () => {
    const make = (size: number, options: object) => () =>
      new BatchSampler(numbered(size), { batchSize: 4, ...options });
    expect(make(3, { dropLast: true })).toThrow(
      new RangeError(
        'tensor-core.BatchSampler: dataset must have a batch of 4, got 3. Take a smaller batchSize, or dropLast: false.',
      ),
    );
    expect(make(0, {})).toThrow(new RangeError('tensor-core.BatchSampler: dataset must have a batch of 4, got 0.'));
    expect(make(3, { batchSize: 0 })).toThrow(
      new RangeError('tensor-core.BatchSampler: batchSize must be an integer >= 1, got 0.'),
    );
    expect(make(3, { key: 7 })).toThrow(/^tensor-core\.BatchSampler: key must be a Key, got 7\./);
  });
});

/** A generator that names the key it was given. */
const named: Generator<{ ids: string }> = {
  sample: ({ word0, word1 }, batchSize) => ({ ids: `${word0}/${word1}/${batchSize}` }),
};

describe('GeneratedBatches', () => {
  it('draws each batch with a key of its own', async () => {
    const source = new GeneratedBatches(named, { batchSize: 3, key: key(4) });
    const { word0, word1 } = foldIn(foldIn(key(4), 2), 5);
    expect(await source.batch(2, 5)).toEqual({ ids: `${word0}/${word1}/3` });
    expect(source.batchLength()).toBe(3);
    expect(source.batchesPerEpoch).toBe(Infinity);
    const seen = [0, 1].flatMap((epoch) => upTo(20).map((i) => (source.batch(epoch, i) as { ids: string }).ids));
    expect(new Set(seen).size).toBe(40);
  });

  it('refuses a broken number of batches', () => {
    const make = (options: object) => () => new GeneratedBatches(named, { batchSize: 3, key: key(4), ...options });
    expect(make({ batchesPerEpoch: 0.5 })).toThrow(
      new RangeError('tensor-core.GeneratedBatches: batchesPerEpoch must be an integer >= 1, got 0.5.'),
    );
    expect(make({ batchSize: -1 })).toThrow(RangeError);
    expect(make({ key: null })).toThrow(TypeError);
    const signatures = [{}, { batchSize: 4 }, { batchesPerEpoch: 2 }, { key: key(5) }].map((o) => make(o)().signature);
    expect(new Set(signatures).size).toBe(4);
  });
});

describe('MixedSampler', () => {
  // The hundreds of an example are its data set.
  const sets = [numbered(12), numbered(7, 100), numbered(30, 200)];
  const mixed = (options: Partial<MixedSamplerOptions> = {}, datasets: Dataset<{ ids: string }>[] = sets) =>
    new MixedSampler(datasets, { batchSize: 3, key: key(1), ...options });
  const setOf = (batch: readonly number[]): number => Math.floor(batch[0]! / 100);

  it('has batches of one data set each, and every example once until all are exhausted', async () => {
    const source = mixed();
    expect(source.batchesPerEpoch).toBe(4 + 3 + 10);
    for (const epoch of [0, 1]) {
      const batches = await epochOf(source, epoch);
      for (const [i, batch] of batches.entries()) {
        expect(new Set(batch.map((id) => Math.floor(id / 100))).size).toBe(1);
        expect(source.datasetOf(epoch, i)).toBe(setOf(batch));
      }
      const all = [...upTo(12), ...upTo(7).map((i) => i + 100), ...upTo(30).map((i) => i + 200)];
      expect(sorted(batches.flat())).toEqual(all);
    }
    expect(await epochOf(source, 0)).not.toEqual(await epochOf(source, 1));
    expect(await epochOf(mixed(), 1)).toEqual(await epochOf(source, 1));
    expect(await epochOf(mixed({ key: key(2) }), 1)).not.toEqual(await epochOf(source, 1));
  });

  it('gives the same batch at the same place whatever was asked before', async () => {
    const batches = await epochOf(mixed(), 2);
    const source = mixed();
    for (const i of [16, 3, 9, 3, 0]) {
      await source.batch(5, 2);
      expect((await source.batch(2, i)).ids).toBe(batches[i]!.join(' '));
    }
  });

  it('leaves out smaller batches and ends early where that is wanted', async () => {
    const batches = await epochOf(mixed({ dropLast: true }), 0);
    expect(batches).toHaveLength(4 + 2 + 10);
    expect(batches.every((batch) => batch.length === 3)).toBe(true);
    expect(mixed({ batchesPerEpoch: 5 }).batchesPerEpoch).toBe(5);
    expect(mixed({ batchesPerEpoch: 500 }).batchesPerEpoch).toBe(17);
  });

  it('begins an exhausted data set again in another order', async () => {
    const source = mixed({ exhausted: 'reshuffle', batchesPerEpoch: 60 });
    const small = (await epochOf(source, 0)).filter((batch) => setOf(batch) === 1);
    expect(small.length).toBeGreaterThan(6);
    const passes = [small.slice(0, 3).flat(), small.slice(3, 6).flat()];
    for (const pass of passes) expect(sorted(pass)).toEqual(upTo(7).map((i) => i + 100));
    expect(passes[0]).not.toEqual(passes[1]);
  });

  it.each([
    ['uniform', [1 / 3, 1 / 3, 1 / 3]],
    ['size', [12 / 49, 7 / 49, 30 / 49]],
    [
      [1, 0, 3],
      [1 / 4, 0, 3 / 4],
    ],
  ] as const)('chooses by weight: %s', (weights, expected) => {
    const n = 20000;
    const source = mixed({ weights: weights as 'uniform', exhausted: 'reshuffle', batchesPerEpoch: n });
    const counts = [0, 0, 0];
    for (let i = 0; i < n; i++) counts[source.datasetOf(0, i)]!++;
    expected.forEach((p, i) => {
      // Five standard deviations of a binomial share; 0 stays 0.
      expect(Math.abs(counts[i]! / n - p)).toBeLessThanOrEqual(5 * Math.sqrt((p * (1 - p)) / n));
    });
  });

  it('divides what has left among the others in proportion', () => {
    // The first data set has one batch only; the weights of the others are 1 : 3 as long as both are there.
    const datasets = [numbered(1), numbered(30000, 100), numbered(30000, 200)];
    const source = new MixedSampler(datasets, {
      batchSize: 1,
      key: key(3),
      weights: [10, 1, 3],
      batchesPerEpoch: 8001,
    });
    const chosen = upTo(8001).map((i) => source.datasetOf(0, i));
    expect(chosen.filter((index) => index === 0)).toHaveLength(1);
    const share = chosen.filter((index) => index === 2).length / 8000;
    expect(Math.abs(share - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / 8000));
  });

  it('takes generators, each batch with a key of its own', async () => {
    const options = { batchSize: 3, key: key(1), batchesPerEpoch: 40 };
    const source = new MixedSampler([numbered(6), named], options);
    const batches = await Promise.all(upTo(40).map(async (i) => (await source.batch(0, i)).ids));
    const generated = batches.filter((ids) => ids.endsWith('/3'));
    expect(batches.length - generated.length).toBe(2);
    expect(new Set(generated).size).toBe(38);
    expect(source.batchLength(0, 39)).toBe(3);
    expect(source.signature).toContain('6, generated');
  });

  it('refuses options that make no mixture', () => {
    const make =
      (options: object, datasets: unknown[] = sets) =>
      () =>
        new MixedSampler(datasets as typeof sets, { batchSize: 3, key: key(1), ...options });
    const where = 'tensor-core.MixedSampler:';
    expect(make({}, [])).toThrow(new RangeError(`${where} datasets must have a data set, got [].`));
    expect(make({}, [numbered(0)])).toThrow(new RangeError(`${where} dataset must have a batch of 3, got 0.`));
    expect(make({ weights: 'even' })).toThrow(
      new TypeError(`${where} weights must be 'uniform', 'size' or 3 numbers, got "even".`),
    );
    expect(make({ weights: [1, 2] })).toThrow(
      new RangeError(`${where} weights must be 'uniform', 'size' or 3 numbers, got [1, 2].`),
    );
    expect(make({ weights: [1, -2, 3] })).toThrow(
      new RangeError(`${where} weights[1] must be a finite number >= 0, got -2.`),
    );
    expect(make({ weights: [0, 0, 0] })).toThrow(new RangeError(`${where} one of weights must be > 0, got [0, 0, 0].`));
    expect(make({ exhausted: 'stop' })).toThrow(
      new RangeError(`${where} exhausted must be one of "leave", "reshuffle", got "stop".`),
    );
    expect(make({}, [named])).toThrow(
      new RangeError(
        `${where} batchesPerEpoch must be finite where data are generated, got undefined. Say how many batches make an epoch.`,
      ),
    );
    expect(make({ weights: 'size', batchesPerEpoch: 3 }, [named])).toThrow(
      new RangeError(
        `${where} weights must be numbers where data are generated, got "size". A generator has no size: give numbers.`,
      ),
    );
    expect(make({ batchSize: 1.5 })).toThrow(RangeError);
    expect(make({ key: 1 })).toThrow(TypeError);
  });
});

describe('Prefetcher', () => {
  const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

  it('hands out items in order, however long each takes, and prepares so many ahead', async () => {
    const started: number[] = [];
    const make = async (i: number): Promise<string> => {
      started.push(i);
      // Later ones are ready first.
      await new Promise((resolve) => setTimeout(resolve, 10 - 2 * i));
      return `item ${i}`;
    };
    const items = new Prefetcher(make, 1, 5, 2);
    expect(started).toEqual([]);
    expect(await items.next()).toBe('item 1');
    expect(started).toEqual([1, 2, 3]);
    expect(await items.next()).toBe('item 2');
    expect(started).toEqual([1, 2, 3, 4]);
    expect([await items.next(), await items.next()]).toEqual(['item 3', 'item 4']);
    expect(started).toEqual([1, 2, 3, 4]);
  });

  it('prepares nothing ahead with 0', async () => {
    const started: number[] = [];
    const items = new Prefetcher((i) => String(started.push(i)), 0, 9, 0);
    await items.next();
    await pause();
    expect(started).toEqual([0]);
  });

  it('fails in its turn', async () => {
    const make = (i: number): string => {
      if (i === 1) throw new Error('no item 1');
      return `item ${i}`;
    };
    const items = new Prefetcher(make, 0, 9, 3);
    expect(await items.next()).toBe('item 0');
    await pause();
    await expect(items.next()).rejects.toThrow('no item 1');
    expect(await items.next()).toBe('item 2');
  });

  it('disposes what nobody has taken, that under way and that which fails included', async () => {
    await expect(async () => {
      const make = async (i: number): Promise<tf.Tensor> => {
        await pause();
        if (i === 2) throw new Error('no item 2');
        return tf.scalar(i);
      };
      const items = new Prefetcher(make, 0, Infinity, 4);
      (await items.next()).dispose();
      await items.dispose();
    }).toLeakNothing();
  });
});
