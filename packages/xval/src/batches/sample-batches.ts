import { check, random, train } from '@tfsci/tensor-core';
import { collate, collateNext, type CollateOptions, type LabelledBatch } from './collate';
import type { Sample } from './padded';

const { argumentMessage, checkNumber } = check;

/** Options of SampleBatches. */
export interface SampleBatchesOptions extends Omit<CollateOptions, 'key' | 'mask' | 'length'> {
  batchSize: number;
  /** For the order, and the masks of each batch. */
  key: random.KeyOrSeed;
  /** 'masked' (default) language modelling, or the 'next' token for a causal model. */
  task?: 'masked' | 'next';
  /** Whether each epoch has an order of its own, default true. */
  shuffle?: boolean;
  /** Whether each epoch has masks of its own, default true; false for a validation that is to be compared. */
  freshMasks?: boolean;
  /** Lengths of batches: each gets the least that holds its samples; default the length of the longest sample of all. */
  lengths?: readonly number[];
}

/**
 * Batches of samples for `fit`, with masks that are a function of key, epoch and number of the batch, so that a run that
 * is taken up again meets the same ones.
 *
 * @throws RangeError when there are no samples or a length holds none of them, else as `collate` with the first batch
 */
export class SampleBatches implements train.BatchSource<LabelledBatch> {
  readonly batchesPerEpoch: number;
  readonly signature: string;
  private readonly sampler: train.BatchSampler<LabelledBatch>;
  private readonly sizes: readonly number[];
  private next: { epoch: number; position: number } = { epoch: 0, position: 0 };

  constructor(
    private readonly samples: readonly Sample[],
    private readonly options: SampleBatchesOptions,
  ) {
    const where = 'xval.SampleBatches';
    if (samples.length === 0) throw new RangeError(argumentMessage(where, 'samples', 'have at least one', samples));
    const { key, batchSize, shuffle = true, task = 'masked', freshMasks = true, maskProbability = 0.3 } = options;
    check.checkOneOf(where, 'task', task, ['masked', 'next']);
    const longest = samples.reduce((most, { ids }) => Math.max(most, ids.length), 0) - Number(task === 'next');
    this.sizes = [...(options.lengths ?? []), longest].sort((a, b) => a - b);
    this.sizes.forEach((size) => checkNumber(where, 'a length', size, { min: 1, integer: true }));
    const [order, masks] = random.split(random.asKey(where, key)) as [random.Key, random.Key];
    const data = { size: samples.length, batch: (indices: Int32Array) => this.make(indices, masks, freshMasks) };
    this.sampler = new train.BatchSampler(data, { batchSize, key: shuffle ? order : null });
    this.batchesPerEpoch = this.sampler.batchesPerEpoch;
    const how = task === 'next' ? 'next tokens' : `masked with probability ${maskProbability}`;
    this.signature = `${this.sampler.signature}, ${how}${freshMasks ? '' : ', the same masks each epoch'}`;
  }

  batchLength(epoch: number, position: number): number {
    return this.sampler.batchLength(epoch, position);
  }

  batch(epoch: number, position: number): LabelledBatch {
    this.next = { epoch, position };
    return this.sampler.batch(epoch, position) as LabelledBatch;
  }

  private make(indices: Int32Array, masks: random.Key, freshMasks: boolean): LabelledBatch {
    const samples = Array.from(indices, (index) => this.samples[index]!);
    const { epoch, position } = this.next;
    const { task = 'masked', lengths: _lengths, ...options } = this.options;
    const own = Number(task === 'next');
    const longest = samples.reduce((most, { ids }) => Math.max(most, ids.length - own), 1);
    const length = this.sizes.find((size) => size >= longest)!;
    if (task === 'next') return collateNext(samples, { ...options, length });
    const key = random.foldIn(random.foldIn(masks, freshMasks ? epoch : 0), position);
    return collate(samples, { ...options, key, length });
  }
}
