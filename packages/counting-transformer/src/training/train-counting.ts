import * as tf from '@tensorflow/tfjs';
import { check, optim, random, train } from '@tfsci/tensor-core';
import { countingLoss } from '../model/counting-loss';
import { CountingTransformer } from '../model/counting-transformer';
import { sampleTask } from '../task/sample-task';
import { completeTask, type TaskConfig } from '../task/task-config';

const { argumentMessage } = check;

const WHERE = 'counting-transformer.trainCounting';

/** Sequences to learn from. */
export type CountingBatch = {
  /** int32 [B, L]. */
  tokens: tf.Tensor;
  /** int32 [B, R]. */
  counts: tf.Tensor;
};

/** Options of `trainCounting`. */
export interface TrainCountingOptions extends train.LoopOptions<CountingBatch> {
  /** The law of the sequences, all of them fresh. */
  task: TaskConfig;
  steps: number;
  /** Default 64. */
  batchSize?: number;
  /** All randomness of the run. */
  key: random.KeyOrSeed;
  /**
   * Any tf.Optimizer; default AdamW with a weight decay of 0.01 and a learning rate that rises to 3e-3 in 200 steps and
   * falls along a cosine.
   */
  optimizer?: tf.Optimizer;
  /** Of the whole gradient, default 1; null for none. */
  clipNorm?: number | null;
  /** Losses on sequences that stay the same. */
  validate?: { task?: TaskConfig; every: train.Cadence; batchSize?: number; batches?: number };
}

/**
 * Trains a model on fresh sequences of a law.
 *
 * The whole step is compiled where the backend can do that. A run that was stopped goes on from its checkpoint and ends
 * with the same weights, bit for bit.
 *
 * @returns how the run ended, its history and best validation; the model has the last weights
 * @throws TypeError, RangeError for bad options, a law whose start, length or regions the model is not made for; else as
 *   `fit` of tensor-core
 * @see Golkar et al., 2024, sec. 4, arXiv:2406.02585; optimiser and schedule are ours
 * @example
 * const model = CountingTransformer.create({ regions: 2, maxCount: 24, width: 32, positions: { kind: 'rope' } }, 0);
 * await trainCounting(model, { task: { length: 32, regions: 2 }, steps: 5000, key: 0 });
 */
export async function trainCounting(
  model: CountingTransformer,
  options: TrainCountingOptions,
): Promise<train.FitResult> {
  const { task, steps, batchSize = 64, key, optimizer, clipNorm = 1, validate, ...loop } = options;
  check.checkNumber(WHERE, 'steps', steps, { min: 1, integer: true });
  checkTask(WHERE, model, task);
  const own = optimizer ?? defaultOptimizer(steps);
  const [data, held] = random.split(random.asKey(WHERE, key)) as [random.Key, random.Key];
  try {
    if (typeof (own as tf.Optimizer | undefined)?.applyGradients !== 'function') {
      const fix = 'new optim.AdamW({ learningRate: 1e-3 }) makes one.';
      throw new TypeError(argumentMessage(WHERE, 'optimizer', 'be a tf.Optimizer', own, fix));
    }
    const loss = ({ tokens, counts }: CountingBatch): tf.Scalar => countingLoss(model.forward(tokens), counts);
    return await train.fit<CountingBatch>({
      ...loop,
      steps,
      ...(clipNorm !== null && { clipNorm }),
      model,
      optimizer: own,
      loss: (batch) => ({ loss: loss(batch) }),
      data: countingBatches(task, { batchSize, key: data }),
      key: random.asKey(WHERE, key),
      ...(validate && {
        validate: {
          data: countingBatches(checkTask(WHERE, model, validate.task ?? task), {
            batchSize: validate.batchSize ?? batchSize,
            key: held,
            batchesPerEpoch: validate.batches ?? 4,
          }),
          every: validate.every,
          metrics: (batch: CountingBatch) => ({ loss: loss(batch) }),
        },
      }),
    });
  } finally {
    if (optimizer === undefined) own.dispose();
  }
}

/**
 * Batches of fresh sequences for `fit`, a function of the key and the number of the batch.
 *
 * @throws RangeError for an impossible law
 */
export function countingBatches(
  task: TaskConfig,
  options: train.GeneratedBatchesOptions,
): train.BatchSource<CountingBatch> {
  completeTask('counting-transformer.countingBatches', task);
  const sample = (key: random.Key, count: number): CountingBatch => {
    const { tokens, counts, batch, length, regions } = sampleTask(key, count, task);
    return {
      tokens: tf.tensor2d(tokens, [batch, length], 'int32'),
      counts: tf.tensor2d(counts, [batch, regions], 'int32'),
    };
  };
  return new train.GeneratedBatches<CountingBatch>({ sample }, options);
}

/**
 * The law if a model can be asked about it.
 *
 * @throws RangeError when it has more regions than the model, or is longer than its table of positions; TypeError when one
 *   has a start token and the other has not
 */
export function checkTask(where: string, model: CountingTransformer, task: TaskConfig): TaskConfig {
  if (!(model instanceof CountingTransformer)) {
    throw new TypeError(argumentMessage(where, 'model', 'be a CountingTransformer', model));
  }
  const { regions, start, length } = completeTask(where, task);
  const { config } = model;
  if (regions > config.regions) {
    const fix = 'It has a query for each region.';
    throw new RangeError(
      argumentMessage(where, 'task.regions', `be at most the model's ${config.regions}`, regions, fix),
    );
  }
  if (start !== config.start) {
    throw new TypeError(argumentMessage(where, 'task.start', `be ${config.start}, as the model's`, start));
  }
  const { positions } = config;
  const tokens = length + Number(start);
  if (positions.kind === 'absolute' && tokens > positions.maxLength) {
    const wanted = `have at most the ${positions.maxLength} tokens of the model's positions, the start included`;
    throw new RangeError(argumentMessage(where, 'task', wanted, tokens));
  }
  return task;
}

function defaultOptimizer(steps: number): tf.Optimizer {
  const warmup = Math.min(200, Math.floor(steps / 2));
  return new optim.AdamW({ learningRate: optim.cosine({ base: 3e-3, warmup, steps }), weightDecay: 0.01 });
}
