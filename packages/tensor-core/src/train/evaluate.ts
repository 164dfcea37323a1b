import * as tf from '@tensorflow/tfjs';
import { jit } from '../backend';
import { argumentMessage } from '../check';
import { Module } from '../nn';
import { checkKey, foldIn, key as keyOfSeed, type Key } from '../random';
import { BatchSampler, type BatchSource } from './batch-source';
import type { Dataset } from './dataset';
import { checkSource } from './sources';
import { numbersOf, scalarsOf, type Scalars } from './scalars';
import type { Model } from './weights';

/** Scalars of a batch: means over its examples. A lone scalar is named loss. */
export type MetricsFunction<B> = (batch: B, key: Key) => tf.Tensor | Record<string, tf.Tensor>;

/** Options of `evaluate`. */
export interface EvaluateOptions<B extends tf.TensorContainer> {
  /** What to evaluate on; a data set is gone through in order. */
  data: Dataset<B> | BatchSource<B>;
  metrics: MetricsFunction<B>;
  /** Needed with a data set. */
  batchSize?: number | undefined;
  /** For metrics that draw; batch i gets foldIn(key, i). Default key(0), the same draws at each evaluation. */
  key?: Key;
  /** Set to evaluation mode meanwhile, where it is a module. */
  model?: Model | undefined;
  /** Compiles `metrics` where the backend can, default true. */
  compile?: boolean;
}

/** Batches whose scalars are held on the device before they are read. */
const READ_EVERY = 64;

/**
 * Means of metrics over a data set; a batch counts by its number of examples.
 *
 * @returns numbers by name
 * @throws TypeError when `metrics` gives anything but scalars, RangeError when the data have no end
 */
export async function evaluate<B extends tf.TensorContainer>(
  options: EvaluateOptions<B>,
): Promise<Record<string, number>> {
  return new Evaluator('tensor-core.evaluate', options).run();
}

/** An evaluation that is repeated, compiled once. */
export class Evaluator<B extends tf.TensorContainer> {
  private readonly metrics: (batch: B, key: Key) => Scalars;
  private readonly source: BatchSource<B>;
  private readonly key: Key;
  private readonly model: Model | undefined;

  constructor(where: string, { data, metrics, batchSize, key, model, compile = true }: EvaluateOptions<B>) {
    if (typeof metrics !== 'function') {
      throw new TypeError(argumentMessage(where, 'metrics', 'be a function of a batch', metrics));
    }
    const make = (dataset: Dataset<B>, size: number): BatchSource<B> => new BatchSampler(dataset, { batchSize: size });
    this.source = checkSource(where, data, batchSize, { dataset: make });
    if (this.source.batchesPerEpoch === Infinity) {
      throw new RangeError(argumentMessage(where, 'data', 'have an end', Infinity, 'Set batchesPerEpoch.'));
    }
    this.key = checkKey(where, key ?? keyOfSeed(0));
    this.model = model;
    const body = (batch: B, key: Key): Scalars => tf.tidy(() => scalarsOf(where, 'metrics', metrics(batch, key)));
    this.metrics = compile ? jit(body) : body;
  }

  async run(): Promise<Record<string, number>> {
    const restore = evaluating(this.model);
    const sums = new Map<string, { sum: number; weight: number }>();
    let waiting: { scalars: Scalars; weight: number }[] = [];
    const read = async (): Promise<void> => {
      for (const { scalars, weight } of waiting) {
        for (const [name, value] of Object.entries(await numbersOf(scalars))) {
          const entry = sums.get(name) ?? { sum: 0, weight: 0 };
          sums.set(name, { sum: entry.sum + weight * value, weight: entry.weight + weight });
        }
        tf.dispose(scalars);
      }
      waiting = [];
    };
    try {
      for (let position = 0; position < this.source.batchesPerEpoch; position++) {
        const batch = await this.source.batch(0, position);
        try {
          const weight = this.source.batchLength(0, position);
          waiting.push({ scalars: this.metrics(batch, foldIn(this.key, position)), weight });
        } finally {
          tf.dispose(batch);
        }
        if (waiting.length === READ_EVERY) await read();
      }
      await read();
    } finally {
      for (const { scalars } of waiting) tf.dispose(scalars);
      restore();
    }
    return Object.fromEntries([...sums].map(([name, { sum, weight }]) => [name, sum / weight]));
  }
}

/** Sets a module to evaluation mode; the returned function gives each part its mode back. */
function evaluating(model: Model | undefined): () => void {
  if (!(model instanceof Module)) return () => undefined;
  const modes = model.modules().map((module) => [module, module.training] as const);
  model.eval();
  // Parents come first, so that what they set below is set right afterwards.
  return () => modes.forEach(([module, training]) => module.train(training));
}
