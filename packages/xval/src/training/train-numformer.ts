import * as tf from '@tensorflow/tfjs';
import { check, optim, random, train } from '@tfsci/tensor-core';
import type { LabelledBatch } from '../batches/collate';
import type { Sample } from '../batches/padded';
import { SampleBatches, type SampleBatchesOptions } from '../batches/sample-batches';
import { numformerLoss, type LossOptions, type NumformerLoss } from '../model/loss';
import type { Numformer } from '../model/numformer';

const { argumentMessage } = check;

const WHERE = 'xval.trainNumformer';

/** Options of `fit` of tensor-core that training a Numformer has as they are. */
type LoopOptions = train.LoopOptions<LabelledBatch> &
  Pick<train.FitWithLoss<LabelledBatch, LabelledBatch>, 'steps' | 'epochs' | 'accumulate' | 'clipNorm'>;

/** How samples become batches; what the model knows already is left out. */
export type BatchOptions = Omit<
  SampleBatchesOptions,
  'key' | 'batchSize' | 'numberId' | 'vocabSize' | 'context' | 'task'
>;

/** Options of `trainNumformer`. */
export interface TrainNumformerOptions extends LoopOptions, BatchOptions {
  /** Tokenised texts, such as a tokenizer's `encode` gives; or batches of one's own. */
  samples: readonly Sample[] | train.BatchSource<LabelledBatch>;
  /** Default 32. */
  batchSize?: number;
  /** All randomness of the run: order, masks, dropout. */
  key: random.KeyOrSeed;
  /** Any tf.Optimizer; default AdamW with a learning rate of 1e-4 and a weight decay of 0.01, the authors' recipe. */
  optimizer?: tf.Optimizer;
  /** See LossOptions. */
  loss?: Omit<LossOptions, 'numberId'>;
  /** Losses on other samples, whose masks stay the same. */
  validate?: { samples: readonly Sample[]; every: train.Cadence; batchSize?: number };
}

/**
 * Trains a Numformer on samples: masked tokens and values are to be predicted, or the next ones by a causal model.
 *
 * The whole step is compiled where the backend can do that. Logged are loss, tokens and numbers (see `numformerLoss`). A run
 * that was stopped goes on from its checkpoint and ends with the same weights, bit for bit.
 *
 * @returns how the run ended, its history and best validation; the model has the last weights
 * @throws TypeError, RangeError for bad options and samples; else as `fit` of tensor-core
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @example
 * const samples = texts.map((text) => tokenizer.encode(text));
 * const { padId, maskId } = tokenizer;
 * await trainNumformer(model, { samples, padId, maskId, epochs: 10, key: 0 });
 */
export async function trainNumformer(model: Numformer, options: TrainNumformerOptions): Promise<train.FitResult> {
  const { samples, batchSize = 32, key, optimizer, loss = {}, validate, ...rest } = options;
  const { batch, loop } = separated(rest);
  const own = optimizer ?? new optim.AdamW({ learningRate: 1e-4, weightDecay: 0.01 });
  try {
    if (typeof (own as tf.Optimizer | undefined)?.applyGradients !== 'function') {
      const fix = 'new optim.AdamW({ learningRate: 1e-4 }) makes one.';
      throw new TypeError(argumentMessage(WHERE, 'optimizer', 'be a tf.Optimizer', own, fix));
    }
    const batches = (from: readonly Sample[], size: number, isValidation: boolean): SampleBatches =>
      numformerBatches(model, from, {
        ...batch,
        batchSize: size,
        key,
        ...(isValidation ? { shuffle: false, freshMasks: false } : {}),
      });
    return await train.fit<LabelledBatch>({
      ...loop,
      data: Array.isArray(samples)
        ? batches(samples as readonly Sample[], batchSize, false)
        : (samples as train.BatchSource<LabelledBatch>),
      key: random.asKey(WHERE, key),
      model,
      optimizer: own,
      loss: (labelled, stepKey) => recordOf(batchLoss(model, labelled, { ...loss, key: stepKey })),
      ...(validate && {
        validate: {
          data: batches(validate.samples, validate.batchSize ?? batchSize, true),
          every: validate.every,
          metrics: (labelled: LabelledBatch) => recordOf(batchLoss(model, labelled, loss)),
        },
      }),
    });
  } finally {
    if (optimizer === undefined) own.dispose();
  }
}

/**
 * The batches that a model learns from: masked ones, or for a causal model those of the next token; ids and lengths are
 * checked against the model. The heads look at labelled positions only.
 */
export function numformerBatches(
  model: Numformer,
  samples: readonly Sample[],
  options: BatchOptions & Pick<SampleBatchesOptions, 'batchSize' | 'key'>,
): SampleBatches {
  const { numberId, vocabSize, context, causal } = model.config;
  const task = causal ? 'next' : 'masked';
  return new SampleBatches(samples, { labelledOnly: true, ...options, numberId, vocabSize, context, task });
}

/**
 * The loss of a model on a batch.
 *
 * @returns scalars, the caller's to dispose
 * @throws as `Numformer.forward` and `numformerLoss`
 */
export function batchLoss(
  model: Numformer,
  { x, xNumbers, y, yNumbers, padding, positions }: LabelledBatch,
  { key, ...options }: Omit<LossOptions, 'numberId'> & { key?: random.Key } = {},
): NumformerLoss {
  const { numberId } = model.config;
  const losses = tf.tidy(() => {
    const { loss, tokens, numbers } = numformerLoss(
      model.forward(x, xNumbers, { padding, positions, key }),
      y,
      yNumbers,
      { ...options, numberId },
    );
    return [loss, tokens, numbers];
  });
  const [loss, tokens, numbers] = losses as [tf.Scalar, tf.Scalar, tf.Scalar];
  return { loss, tokens, numbers };
}

function recordOf({ loss, tokens, numbers }: NumformerLoss): { loss: tf.Scalar } & Record<string, tf.Scalar> {
  return { loss, tokens, numbers };
}

/** Options of batches apart from those of the loop. */
function separated(
  options: Omit<TrainNumformerOptions, 'samples' | 'batchSize' | 'key' | 'optimizer' | 'loss' | 'validate'>,
): { batch: BatchOptions; loop: LoopOptions } {
  const { padId, maskId, maskProbability, padMode, labelledOnly, scaler, shuffle, freshMasks, lengths, ...loop } =
    options;
  const given = { maskProbability, padMode, labelledOnly, scaler, shuffle, freshMasks, lengths };
  const batch = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { batch: { padId, maskId, ...batch }, loop };
}
