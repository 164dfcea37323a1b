import * as tf from '@tensorflow/tfjs';
import { backend, check, random, scope, type Own } from '@tfsci/tensor-core';
import { NonFiniteError } from './engine';
import { PolyakOptimizer } from './polyak-optimizer';
import type { StepLog } from './step-size';

/** A model to train: anything that maps a batch to predictions through variables. */
export interface SweepModel {
  /** @param training  false in evaluations, where dropout and the like are off */
  forward(xs: tf.Tensor, training: boolean): tf.Tensor;
  variables: tf.Variable[];
  dispose(): void;
}

/** Inputs [N, ...] and targets [N, ...] with the same N. */
export interface SweepData {
  xs: tf.Tensor;
  ys: tf.Tensor;
}

/** Mean loss and metrics over a data set; null where the value was not finite, so that JSON keeps it. */
export type Scores = Record<string, number | null>;

/** One training run of the sweep. */
export interface SweepRun {
  optimizer: string;
  learningRate: number;
  seed: number;
  /** After each epoch; shorter than asked when the run diverged. */
  epochs: { train: Scores; test?: Scores }[];
  /** Whether loss, gradient or weights stopped being finite. */
  diverged: boolean;
  /** t1, tau and the cap of every step, for optimisers of this package and if asked for. */
  steps?: Pick<StepLog, 'adaptiveStep' | 'stepSize' | 'userStep'>[];
}

/** Where finished runs are kept, so that a stopped sweep goes on where it was. */
export interface RunCache {
  get(id: string): Promise<SweepRun | undefined>;
  set(id: string, run: SweepRun): Promise<void>;
}

/** State of a sweep, reported once an epoch. */
export interface SweepProgress {
  /** Runs finished and runs in all. */
  done: number;
  total: number;
  optimizer: string;
  learningRate: number;
  seed: number;
  epoch: number;
  epochs: number;
}

/** Options of `lrSweep`. */
export interface LrSweepOptions {
  /** A fresh model; the same seed must give the same initial weights. */
  build: (seed: number) => SweepModel | tf.LayersModel;
  data: { train: SweepData; test?: SweepData };
  /** Mean loss of a batch, in the argument order of tf.losses. */
  loss: (ys: tf.Tensor, predictions: tf.Tensor) => tf.Scalar;
  /** Further scores that are means over the batch, by name; default none. */
  metrics?: Record<string, (ys: tf.Tensor, predictions: tf.Tensor) => tf.Scalar>;
  /** By the name that the plot shows. */
  optimizers: Record<string, (learningRate: number) => tf.Optimizer>;
  /** One grid for all, or one for each optimiser. */
  learningRates: readonly number[] | Record<string, readonly number[]>;
  seeds: readonly number[];
  epochs: number;
  /** Default 64; a smaller last batch is kept. */
  batchSize?: number;
  /**
   * Whether to compile the training step where the backend can (see tensor-core's `jit`); default false. The model
   * and loss must then not read values or draw ambient random numbers (tf.dropout).
   */
  compile?: boolean;
  /** Order of the rows in an epoch (from 0); default a permutation drawn from seed and epoch. */
  shuffle?: (seed: number, epoch: number) => ArrayLike<number>;
  /** Which runs keep their step sizes; default none. */
  keepSteps?: (run: Pick<SweepRun, 'optimizer' | 'learningRate' | 'seed'>) => boolean;
  cache?: RunCache;
  onProgress?: (progress: SweepProgress) => void;
  /** Stops between epochs; finished runs are in the cache. */
  signal?: AbortSignal;
}

/** Rows of an evaluation that go through the model at once. */
const EVALUATION_ROWS = 4096;

/**
 * Trains the same model with each optimiser, learning rate and seed: the data of the plot that shows
 * how far a method depends on its learning rate.
 *
 * @returns all runs, in the order optimiser, learning rate, seed
 * @throws RangeError or TypeError naming the option; the signal's reason when aborted
 * @see Schaipp et al., 2024, arXiv:2305.07583, whose experiments show it so
 */
export async function lrSweep(options: LrSweepOptions): Promise<SweepRun[]> {
  const plan = plannedRuns(options);
  const runs: SweepRun[] = [];
  for (const cell of plan) {
    options.signal?.throwIfAborted();
    const id = `${cell.optimizer} lr=${cell.learningRate} seed=${cell.seed}`;
    let run = await options.cache?.get(id);
    if (run === undefined) {
      run = await trainOnce(options, cell, runs.length, plan.length);
      await options.cache?.set(id, run);
    }
    runs.push(run);
  }
  return runs;
}

type Cell = Pick<SweepRun, 'optimizer' | 'learningRate' | 'seed'>;

function plannedRuns({ optimizers, learningRates, seeds, epochs, batchSize = 64, data }: LrSweepOptions): Cell[] {
  const where = 'momo.lrSweep';
  check.checkNumber(where, 'epochs', epochs, { min: 1, integer: true });
  check.checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  for (const [name, { xs, ys }] of Object.entries<SweepData>(data)) {
    if (xs.shape[0] === ys.shape[0] && xs.shape[0] > 0) continue;
    throw new check.ShapeError(
      `${where}: xs and ys of data.${name} must have the same number of rows, at least one, ` +
        `got [${xs.shape.join(', ')}] and [${ys.shape.join(', ')}].`,
    );
  }
  const grid = (name: string): readonly number[] => {
    const rates = Array.isArray(learningRates)
      ? (learningRates as number[])
      : (learningRates as Record<string, number[]>)[name];
    if (!rates?.length)
      throw new RangeError(check.argumentMessage(where, `learningRates of ${name}`, 'not be empty', rates));
    rates.forEach((rate) => check.checkNumber(where, `a learning rate of ${name}`, rate, { min: 0 }));
    return rates;
  };
  if (seeds.length === 0) throw new RangeError(check.argumentMessage(where, 'seeds', 'not be empty', seeds));
  return Object.keys(optimizers).flatMap((optimizer) =>
    grid(optimizer).flatMap((learningRate) => seeds.map((seed) => ({ optimizer, learningRate, seed }))),
  );
}

function trainOnce(options: LrSweepOptions, cell: Cell, done: number, total: number): Promise<SweepRun> {
  const { optimizer: name, learningRate, seed } = cell;
  const { epochs, data, signal, onProgress } = options;
  const model = asSweepModel(options.build(seed));
  const optimizer = options.optimizers[name]!(learningRate);
  const run: SweepRun = { ...cell, epochs: [], diverged: false };
  const keepSteps = optimizer instanceof PolyakOptimizer && (options.keepSteps?.(cell) ?? false);
  if (keepSteps) {
    optimizer.logSteps = true;
    run.steps = [];
  }
  const afterStep = async (): Promise<void> => {
    if (!keepSteps) return;
    const { adaptiveStep, stepSize, userStep } = (await optimizer.readLastStep())!;
    run.steps!.push({ adaptiveStep, stepSize, userStep });
  };
  const trainStep = (batch: tf.Tensor, targets: tf.Tensor): void => {
    const loss = (): tf.Scalar => options.loss(targets, model.forward(batch, true));
    tf.tidy(() => void optimizer.minimize(loss, false, model.variables));
  };
  const step = options.compile ? backend.jit(trainStep) : trainStep;
  return scope(async (own) => {
    try {
      for (let epoch = 0; epoch < epochs && !run.diverged; epoch++) {
        run.diverged = !(await trainEpoch(options, step, seed, epoch, own, afterStep));
        const train = await evaluate(options, model, data.train);
        run.epochs.push(data.test ? { train, test: await evaluate(options, model, data.test) } : { train });
        run.diverged ||= train['loss'] === null;
        onProgress?.({ ...cell, done, total, epoch: epoch + 1, epochs });
        // Lets signals, timers and the page run: nothing else in a wasm step gives way.
        await new Promise((resolve) => setTimeout(resolve, 0));
        signal?.throwIfAborted();
      }
      return run;
    } finally {
      optimizer.dispose();
      model.dispose();
    }
  });
}

/** False when the optimiser refused a batch that was not finite. */
async function trainEpoch(
  options: LrSweepOptions,
  step: (batch: tf.Tensor, targets: tf.Tensor) => void,
  seed: number,
  epoch: number,
  own: Own,
  afterStep: () => Promise<void>,
): Promise<boolean> {
  const { data, batchSize = 64 } = options;
  const rows = data.train.xs.shape[0];
  const order = options.shuffle?.(seed, epoch) ?? random.permutation(random.foldIn(random.key(seed), epoch), rows);
  const [xs, ys] = own(
    tf.tidy(() => {
      const index = tf.tensor1d(Array.from(order), 'int32');
      return [data.train.xs.gather(index), data.train.ys.gather(index)] as [tf.Tensor, tf.Tensor];
    }),
  );
  try {
    for (let start = 0; start < rows; start += batchSize) {
      tf.tidy(() => {
        const size = Math.min(batchSize, rows - start);
        step(xs.slice([start], [size]), ys.slice([start], [size]));
      });
      await afterStep();
    }
    return true;
  } catch (error) {
    if (error instanceof NonFiniteError) return false;
    throw error;
  } finally {
    tf.dispose([xs, ys]);
  }
}

async function evaluate(
  { loss, metrics = {} }: LrSweepOptions,
  model: SweepModel,
  { xs, ys }: SweepData,
): Promise<Scores> {
  const scorers = Object.entries({ loss, ...metrics });
  const rows = xs.shape[0];
  const means = tf.tidy(() => {
    const weighted: tf.Tensor[] = [];
    for (let start = 0; start < rows; start += EVALUATION_ROWS) {
      const size = Math.min(EVALUATION_ROWS, rows - start);
      const targets = ys.slice([start], [size]);
      const predictions = model.forward(xs.slice([start], [size]), false);
      weighted.push(tf.stack(scorers.map(([, score]) => score(targets, predictions).toFloat())).mul(size / rows));
    }
    return tf.addN(weighted);
  });
  const values = await means.data().finally(() => means.dispose());
  return Object.fromEntries(scorers.map(([name], i) => [name, Number.isFinite(values[i]) ? values[i]! : null]));
}

function asSweepModel(model: SweepModel | tf.LayersModel): SweepModel {
  if (!(model instanceof tf.LayersModel)) return model;
  return {
    forward: (xs, training) => model.apply(xs, { training }) as tf.Tensor,
    variables: model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    dispose: () => model.dispose(),
  };
}
