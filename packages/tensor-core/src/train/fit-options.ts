import type * as tf from '@tensorflow/tfjs';
import type { Key } from '../random';
import type { BatchSource } from './batch-source';
import type { CheckpointStore } from './checkpoint-store';
import type { Dataset, Generator } from './dataset';
import type { EarlyStopOptions, WatchedMetric } from './early-stop';
import type { MetricsFunction } from './evaluate';
import type { GradientTransform, LossFunction } from './gradient-step';
import type { Log, LogRecord, ProgressView } from './log';
import type { StepFunction } from './stepper';
import type { WeightAverage } from './weight-average';
import type { Model } from './weights';

/** How often: a number of steps, or of epochs. */
export type Cadence = number | { epochs: number };

/** How a run is validated. */
export interface ValidateOptions<V extends tf.TensorContainer> {
  /** A data set is gone through in order. */
  data: Dataset<V> | BatchSource<V>;
  /** Means over the examples of a batch; the key is the same at each validation. The model is in evaluation mode. */
  metrics: MetricsFunction<V>;
  every: Cadence;
  /** Default: that of the training. */
  batchSize?: number;
  /** With the moving averages in the place of the weights, default false. */
  withAverage?: boolean;
}

/** How a run is kept. */
export interface CheckpointOptions {
  store: CheckpointStore;
  every: Cadence;
  /** 'best-and-last' (default): the best by validation and the two newest; 'all': every one. */
  keep?: 'best-and-last' | 'all';
  /** Which validation metric says what is best, default that of `earlyStop`, else loss; 'min'. */
  best?: WatchedMetric;
}

/** What is called along the way; promises are waited for. */
export interface FitCallbacks {
  /** Before each step, with the number of steps done: the place to set a learning rate. */
  onStep?(step: number): void | Promise<void>;
  /** When means of training values are known; that may be a few steps later. */
  onLog?(record: LogRecord): void | Promise<void>;
  onValidation?(record: LogRecord): void | Promise<void>;
  /** When a checkpoint has been written. */
  onCheckpoint?(checkpoint: { step: number; isBest: boolean }): void | Promise<void>;
}

/** Options that runs of both levels have. */
interface CommonOptions<B extends tf.TensorContainer, V extends tf.TensorContainer> {
  /** What to train on; a data set is shuffled anew in each epoch. */
  data: Dataset<B> | Generator<B> | BatchSource<B>;
  /** Examples of a batch; needed unless `data` is a sampler. */
  batchSize?: number;
  /** The length of the run; one of the two. */
  steps?: number;
  epochs?: number;
  /** All randomness of the run: split(key)[0] for the order of the data, foldIn(key, n) for step n. */
  key: Key;
  /** Batches that are prepared while a step runs, default 1. */
  prefetch?: number;
  /** Further variables that belong to the run, for the checkpoint. */
  state?: Model;
  /** A moving average of the weights: brought up to date after each step made of `loss`, and kept in checkpoints. */
  average?: WeightAverage;
  validate?: ValidateOptions<V>;
  earlyStop?: EarlyStopOptions;
  checkpoint?: CheckpointOptions;
  /** true (default): goes on from the newest checkpoint of the store, if there is one; false: clears them. */
  resume?: boolean;
  /** Steps whose values are averaged into one record, default 10. */
  logEvery?: number;
  log?: Log | readonly Log[];
  progress?: ProgressView;
  callbacks?: FitCallbacks;
  /** Ends the run after the step under way, with a checkpoint. */
  signal?: AbortSignal;
  /**
   * What becomes of a loss, or of weights to be saved, that are not finite: 'throw' (default), 'stop' the run ends with
   * the status diverged, 'off' it goes on. With the first two no checkpoint ever holds them.
   */
  nanGuard?: 'throw' | 'stop' | 'off';
}

/** A run that is told a loss; `fit` makes the step of it. */
export interface FitWithLoss<B extends tf.TensorContainer, V extends tf.TensorContainer> extends CommonOptions<B, V> {
  /** The mean loss of a batch. */
  loss: LossFunction<B>;
  model: Model;
  /** Any tf.Optimizer; one with `applyGradientsWithLoss` is told the loss. */
  optimizer: tf.Optimizer;
  /** Micro-batches whose gradients make one step, default 1. */
  accumulate?: number;
  /** Largest norm of all gradients together, default none; logged as gradientNorm. */
  clipNorm?: number;
  transformGradients?: GradientTransform;
  /** Compiles the step where the backend can, default true. */
  compile?: boolean;
  step?: never;
}

/** A run with a step of one's own. */
export interface FitWithStep<B extends tf.TensorContainer, V extends tf.TensorContainer> extends CommonOptions<B, V> {
  step: StepFunction<B>;
  /** For the checkpoint, as the next one. */
  model?: Model;
  optimizer?: tf.Optimizer;
  /** Compiles the step where the backend can, default false. */
  compile?: boolean;
  loss?: never;
  accumulate?: never;
  clipNorm?: never;
  transformGradients?: never;
}

/** Options of the loop of a run, whatever is trained: those that a training function of one's own hands on to `fit`. */
export type LoopOptions<B extends tf.TensorContainer, V extends tf.TensorContainer = B> = Pick<
  FitWithLoss<B, V>,
  | 'prefetch'
  | 'average'
  | 'earlyStop'
  | 'checkpoint'
  | 'resume'
  | 'logEvery'
  | 'log'
  | 'progress'
  | 'callbacks'
  | 'signal'
  | 'nanGuard'
  | 'compile'
>;

/** Options of `fit`. */
export type FitOptions<B extends tf.TensorContainer, V extends tf.TensorContainer = B> =
  FitWithLoss<B, V> | FitWithStep<B, V>;

/** How a run has ended: it was done, it did not improve any more, it was aborted, or it had values that are not finite. */
export type FitStatus = 'finished' | 'stopped-early' | 'aborted' | 'diverged';

/** What a run gives. */
export interface FitResult {
  status: FitStatus;
  /** Steps done, those before a resume included. */
  steps: number;
  /** Epochs done, with fractions; 0 where there are no epochs. */
  epochs: number;
  /** All records, from the first step on. */
  history: LogRecord[];
  /** The best validation of the metric that is watched, null without one. */
  best: { metric: string; value: number; step: number } | null;
}
