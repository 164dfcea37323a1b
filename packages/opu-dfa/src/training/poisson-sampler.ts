// M rows of a batch.
import * as tf from '@tensorflow/tfjs';
import { check, random, scope, type train } from '@tfsci/tensor-core';

const { checkNumber } = check;

/** Examples: inputs [M, ...] and targets [M, C], or labels int32 [M]. */
export type Examples = { x: tf.Tensor; y: tf.Tensor };

/** Examples of which some may be padding. */
export type MaskedExamples = Examples & {
  /** 1 for examples, 0 for rows of zeros that fill up the batch, [M]. */
  mask: tf.Tensor1D;
};

/** Options of `PoissonSampler`. */
export interface PoissonSamplerOptions {
  /** q, the probability with which an example is in a batch, above 0 and at most 1. */
  samplingRate: number;
  /** Whoever knows it knows the batches: for a guarantee it must stay secret. */
  key: random.Key;
  /** Rows of a batch are a multiple of this, default 32, so that compiled steps meet few shapes. */
  block?: number;
}

/**
 * Batches that each example is in with probability q, independently of all others and of other batches: what the
 * accounting of `samplingRate` rests on. Batches have different sizes, and may be empty.
 *
 *   example i is in batch t if u_ti < q, u of foldIn(key, t) with 64 random bits
 *
 * A batch is filled up with rows of zeros, whose mask is 0, to a multiple of `block` and at least one block. An epoch has
 * round(1 / q) batches.
 *
 * @throws RangeError for a sampling rate outside (0, 1], a block that is no positive integer or a data set without
 *   examples; TypeError for a bad key
 */
export class PoissonSampler implements train.BatchSource<MaskedExamples> {
  readonly batchesPerEpoch: number;
  readonly signature: string;
  private readonly samplingRate: number;
  private readonly key: random.Key;
  private readonly block: number;

  constructor(
    private readonly dataset: train.Dataset<Examples>,
    { samplingRate, key, block = 32 }: PoissonSamplerOptions,
  ) {
    const where = 'opu-dfa.PoissonSampler';
    this.samplingRate = checkNumber(where, 'samplingRate', samplingRate, { above: 0, max: 1 });
    this.key = random.checkKey(where, key);
    this.block = checkNumber(where, 'block', block, { min: 1, integer: true });
    checkNumber(where, 'the size of the data set', dataset.size, { min: 1, integer: true });
    this.batchesPerEpoch = Math.round(1 / samplingRate);
    this.signature = `${dataset.size} examples, each with probability ${samplingRate}, by blocks of ${block}`;
  }

  /** Examples of a batch, without the padding. */
  batchLength(epoch: number, position: number): number {
    return this.chosen(epoch, position).length;
  }

  /** The indices of the examples of a batch, in their order. */
  chosen(epoch: number, position: number): Int32Array {
    const key = random.foldIn(this.key, epoch * this.batchesPerEpoch + position);
    const isIn = random.fillBernoulli(key, new Uint8Array(this.dataset.size), { p: this.samplingRate });
    return Int32Array.from(isIn.keys()).filter((i) => isIn[i] === 1);
  }

  async batch(epoch: number, position: number): Promise<MaskedExamples> {
    const chosen = this.chosen(epoch, position);
    const rows = Math.max(1, Math.ceil(chosen.length / this.block)) * this.block;
    // Some example stands where padding will be, as not every source of data can give none.
    const indices = new Int32Array(rows);
    indices.set(chosen);
    return scope(async (own) => {
      const { x, y } = own(await this.dataset.batch(indices));
      const isExample = Float32Array.from(indices, (_, row) => (row < chosen.length ? 1 : 0));
      return tf.tidy(() => {
        const mask = tf.tensor1d(isExample);
        return { x: withoutPadding(x, mask), y: withoutPadding(y, mask), mask };
      });
    });
  }
}

function withoutPadding(rows: tf.Tensor, mask: tf.Tensor1D): tf.Tensor {
  const shape = rows.shape.map((length, axis) => (axis === 0 ? length : 1));
  return rows.mul(mask.cast(rows.dtype).reshape(shape));
}
