import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate, collateNext, type CollateOptions, type LabelledBatch } from '../src/batches/collate';
import { SampleBatches } from '../src/batches/sample-batches';
import { IGNORED } from '../src/model/loss';

const [MASK, PAD, NUM] = [1, 2, 3];
const TOKENS = { padId: PAD, maskId: MASK, numberId: NUM };
const SAMPLES = [
  { ids: [4, NUM, 5, NUM], numbers: [1, 0.5, 1, -2] },
  { ids: [NUM, 6], numbers: [7, 1] },
];

/** The values of a batch, whose tensors are disposed. */
function read(batch: LabelledBatch): Record<string, number[]> {
  const values = Object.entries(batch).map(([name, tensor]) => [name, Array.from(tensor.dataSync(), Number)] as const);
  tf.dispose(batch);
  return Object.fromEntries(values);
}

describe('collate', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(['a', 'b'])('makes the batch of the reference from its samples and mask (%s)', (name) => {
    const file = loadGolden(new URL(`./golden/numformer_${name}.safetensors`, import.meta.url));
    const { data: ids, shape } = file.get('in.ids');
    const numbers = file.get('in.numbers').data;
    const [B, L] = shape as [number, number];
    const samples = Array.from({ length: B }, (_, b) => ({
      ids: ids.subarray(b * L, (b + 1) * L),
      numbers: numbers.subarray(b * L, (b + 1) * L),
    }));
    const batch = read(collate(samples, { ...TOKENS, mask: file.get('in.mask').data, padMode: 'reference' }));
    for (const [own, wanted] of Object.entries({ x: 'x', xNumbers: 'x_num', y: 'y', yNumbers: 'y_num' })) {
      expect(batch[own], own).toEqual([...file.get(`in.${wanted}`).data]);
    }
    expect(batch['padding']).toBeUndefined();
  });

  it('masks with the probability asked for, padding never', () => {
    const samples = Array.from({ length: 200 }, (_, b) => {
      const length = 20 + (b % 30);
      return { ids: Array.from({ length }, () => NUM), numbers: Array.from({ length }, (_, t) => t + 1) };
    });
    const { x, y, xNumbers, yNumbers, padding } = read(collate(samples, { ...TOKENS, key: random.key(3) }));
    const count = samples.reduce((sum, { ids }) => sum + ids.length, 0);
    const masked = x!.filter((id) => id === MASK).length;
    // Five standard deviations of a binomial count.
    expect(Math.abs(masked - 0.3 * count)).toBeLessThan(5 * Math.sqrt(count * 0.3 * 0.7));
    x!.forEach((id, i) => {
      expect(y![i]).toBe(id === MASK ? NUM : IGNORED);
      expect(xNumbers![i]).toBe(id === NUM ? yNumbers![i] : 1);
      expect(padding![i] === 1).toBe(id === PAD);
    });
    expect(padding!.filter(Boolean)).toHaveLength(200 * 49 - count);
  });

  it('masks a sample where it says', () => {
    const samples = SAMPLES.map((sample, b) => ({ ...sample, mask: sample.ids.map((_, t) => t === b) }));
    const { x, xNumbers, y } = read(collate(samples, TOKENS));
    expect(x).toEqual([MASK, NUM, 5, NUM, NUM, MASK, PAD, PAD]);
    expect(xNumbers).toEqual([1, 0.5, 1, -2, 7, 1, 1, 1]);
    expect(y).toEqual([4, IGNORED, IGNORED, IGNORED, IGNORED, 6, IGNORED, IGNORED]);
  });

  it('keeps labelled positions only, when asked to', () => {
    const mask = [0, 1, 0, 1, 0, 1, 0, 0];
    const { y, yNumbers, positions } = read(collate(SAMPLES, { ...TOKENS, mask, labelledOnly: true }));
    expect(positions).toEqual([1, 3, 5]);
    expect(y).toEqual([NUM, NUM, 6]);
    expect(yNumbers).toEqual([0.5, -2, 1]);
    const none = read(collate(SAMPLES, { ...TOKENS, maskProbability: 0, key: random.key(0), labelledOnly: true }));
    expect(none['y']).toEqual([IGNORED]);
  });

  it('reads numbers in scaled units, and only numbers', () => {
    const scaler = { transform: (values: Float64Array) => values.map((value) => value / 2) };
    const { yNumbers } = read(collate(SAMPLES, { ...TOKENS, scaler, maskProbability: 0, key: random.key(0) }));
    expect(yNumbers).toEqual([1, 0.25, 1, -1, 3.5, 1, 1, 1]);
  });

  it.each<[string, typeof SAMPLES, Partial<CollateOptions>]>([
    ['xval.collate: samples must have at least one', [], {}],
    ['xval.collate: key must be a Key', SAMPLES, {}],
    [
      'numbers of sample 1 must have the length of its ids, 2, got 1.',
      [SAMPLES[0]!, { ids: [4, 5], numbers: [1] }],
      {},
    ],
    ['id 1 of sample 0 must be from 0 to 5, got 6.', [{ ids: [4, 6], numbers: [1, 1] }], { vocabSize: 6 }],
    ['number 0 of sample 0 must be a finite float32, got NaN.', [{ ids: [NUM], numbers: [NaN] }], {}],
    ['number 0 of sample 0 must be a finite float32, got 1e+39.', [{ ids: [NUM], numbers: [1e39] }], {}],
    ['a sample of 4 tokens must fit into 3 tokens, got 4.', SAMPLES, { context: 3 }],
    ['a sample of 4 tokens must fit into 2 tokens, got 4.', SAMPLES, { length: 2 }],
    ['mask must have 8 elements, B L, got 3.', SAMPLES, { mask: [1, 0, 1] }],
    ['maskProbability must be', SAMPLES, { maskProbability: 2, key: random.key(0) }],
    ['padMode must be one of', SAMPLES, { padMode: 'none' as 'masked' }],
  ])('says %s', (message, samples, options) => {
    const before = tf.memory().numTensors;
    expect(() => collate(samples, { ...TOKENS, ...options })).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('collateNext', () => {
  it('asks each position for the next token and value, the last of a sample for none', () => {
    const { x, xNumbers, y, yNumbers, padding } = read(collateNext(SAMPLES, TOKENS));
    expect(x).toEqual([4, NUM, 5, NUM, 6, PAD]);
    expect(xNumbers).toEqual([1, 0.5, 1, 7, 1, 1]);
    expect(y).toEqual([NUM, 5, NUM, 6, IGNORED, IGNORED]);
    expect(yNumbers).toEqual([0.5, 1, -2, 1, 1, 1]);
    expect(padding).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('needs two tokens', () => {
    expect(() => collateNext([{ ids: [4], numbers: [1] }], TOKENS)).toThrow('samples must have at least two tokens');
  });
});

describe('SampleBatches', () => {
  const samples = Array.from({ length: 23 }, (_, i) => ({
    ids: Array.from({ length: 2 + (i % 5) }, () => NUM),
    numbers: Array.from({ length: 2 + (i % 5) }, () => i),
  }));
  const options = { ...TOKENS, batchSize: 5, key: 4 };

  it('shows every sample once an epoch, in another order each time', () => {
    const batches = new SampleBatches(samples, { ...options, maskProbability: 0 });
    const epochs = [0, 1].map((epoch) =>
      Array.from({ length: batches.batchesPerEpoch }, (_, position) => {
        const { x, xNumbers } = read(batches.batch(epoch, position));
        const L = x!.length / batches.batchLength(epoch, position);
        return xNumbers!.filter((_, i) => i % L === 0);
      }).flat(),
    );
    for (const order of epochs) expect([...order].sort((a, b) => a - b)).toEqual(samples.map((_, i) => i));
    expect(epochs[0]).not.toEqual(epochs[1]);
  });

  it('is a function of key, epoch and position', () => {
    const [one, other] = [new SampleBatches(samples, options), new SampleBatches(samples, options)];
    read(other.batch(0, 3));
    const batch = read(one.batch(1, 2));
    expect(read(other.batch(1, 2))).toEqual(batch);
    expect(read(new SampleBatches(samples, { ...options, key: 5 }).batch(1, 2))).not.toEqual(batch);
  });

  it('keeps order and masks for a validation', () => {
    const batches = new SampleBatches(samples, { ...options, shuffle: false, freshMasks: false });
    expect(read(batches.batch(0, 1))).toEqual(read(batches.batch(7, 1)));
    const fresh = new SampleBatches(samples, { ...options, shuffle: false });
    expect(read(fresh.batch(0, 1))).not.toEqual(read(fresh.batch(7, 1)));
  });

  it('pads to the least length given that holds a batch', () => {
    const batches = new SampleBatches(samples, { ...options, batchSize: 1, lengths: [3, 5], shuffle: false });
    const shapes = Array.from({ length: 5 }, (_, position) => read(batches.batch(0, position))['x']!.length);
    expect(shapes).toEqual([3, 3, 5, 5, 6]);
    const causal = new SampleBatches(samples, { ...options, task: 'next', shuffle: false });
    expect(read(causal.batch(0, 0))['x']).toHaveLength(5 * 5);
  });

  it('refuses nothing, and lengths that are none', () => {
    expect(() => new SampleBatches([], options)).toThrow('xval.SampleBatches: samples must have at least one');
    expect(() => new SampleBatches(samples, { ...options, lengths: [0] })).toThrow('a length must be');
  });
});
