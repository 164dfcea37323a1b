import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf } from '../check';
import { checkKey, split, type Key } from '../random';
import { BatchSampler, GeneratedBatches, keyText, type BatchSource } from './batch-source';
import { CheckpointKeeper } from './checkpoint-store';
import { Tracker } from './early-stop';
import { Evaluator } from './evaluate';
import type { Cadence, CheckpointOptions, FitCallbacks, FitOptions } from './fit-options';
import { GradientStep } from './gradient-step';
import type { Log, ProgressView } from './log';
import { OwnStep } from './own-step';
import { settingsOf, type Holders } from './run-tensors';
import { checkSource } from './sources';
import type { Stepper } from './stepper';
import type { WeightAverage } from './weight-average';
import { checkModel, trainableOf } from './weights';

/** The options of a run, checked and made into what the loop works with. */
export interface Setup<B extends tf.TensorContainer> {
  source: BatchSource<B>;
  stepper: Stepper<B>;
  holders: Holders;
  steps: number;
  accumulate: number;
  key: Key;
  prefetch: number;
  /** What a checkpoint must have in common with this run. */
  settings: Record<string, string>;
  evaluator: { run(): Promise<Record<string, number>> } | null;
  /** What takes the place of the weights in a validation. */
  validatedAverage: WeightAverage | null;
  validateDue: (step: number) => boolean;
  checkpointDue: (step: number) => boolean;
  best: Tracker | null;
  /** Whether the best metric is one that nobody has named. */
  bestIsOptional: boolean;
  earlyStop: Tracker | null;
  patience: number;
  checkpoint: CheckpointOptions | undefined;
  keeper: CheckpointKeeper | null;
  resume: boolean;
  logEvery: number;
  logs: readonly Log[];
  progress: ProgressView | undefined;
  callbacks: FitCallbacks;
  signal: AbortSignal | undefined;
  nanGuard: 'throw' | 'stop' | 'off';
}

const WHERE = 'tensor-core.fit';

/** @throws TypeError, RangeError for every option that cannot be */
export function setUp<B extends tf.TensorContainer, V extends tf.TensorContainer>(options: FitOptions<B, V>): Setup<B> {
  const { checkpoint, earlyStop, callbacks = {}, progress, signal, resume = true, log = [] } = options;
  const key = checkKey(WHERE, options.key);
  const accumulate = checkNumber(WHERE, 'accumulate', options.accumulate ?? 1, { min: 1, integer: true });
  const [dataKey, validationKey] = split(key) as [Key, Key];
  const source = checkSource<B>(WHERE, options.data, options.batchSize, {
    dataset: (dataset, batchSize) => new BatchSampler(dataset, { batchSize, key: dataKey }),
    generator: (generator, batchSize) => new GeneratedBatches(generator, { batchSize, key: dataKey }),
  });
  const holders = holdersOf(options);
  const due = (name: string, every: Cadence | undefined) => cadence(name, every, source.batchesPerEpoch / accumulate);
  const { best, bestIsOptional, early } = trackers(options);
  return {
    source,
    stepper: stepperOf(options, holders, accumulate),
    holders,
    steps: stepsOf(options, source.batchesPerEpoch / accumulate),
    accumulate,
    key,
    prefetch: checkNumber(WHERE, 'prefetch', options.prefetch ?? 1, { min: 0, integer: true }),
    settings: { ...settingsOf(holders), key: keyText(key), data: source.signature, accumulate: String(accumulate) },
    evaluator: evaluatorOf(options, validationKey),
    validatedAverage: validatedAverageOf(options),
    validateDue: options.validate ? due('validate.every', options.validate.every) : () => false,
    checkpointDue: checkpoint ? due('checkpoint.every', checkpoint.every) : () => false,
    best,
    bestIsOptional,
    earlyStop: early,
    patience: early
      ? checkNumber(WHERE, 'earlyStop.patience', earlyStop?.patience, { min: 1, integer: true })
      : Infinity,
    checkpoint,
    keeper: checkpoint ? keeperOf(options, checkpoint) : null,
    resume,
    logEvery: checkNumber(WHERE, 'logEvery', options.logEvery ?? 10, { min: 1, integer: true }),
    logs: Array.isArray(log) ? (log as readonly Log[]) : [log as Log],
    progress,
    callbacks,
    signal,
    nanGuard: checkOneOf(WHERE, 'nanGuard', options.nanGuard ?? 'throw', ['throw', 'stop', 'off']),
  };
}

function holdersOf<B extends tf.TensorContainer, V extends tf.TensorContainer>(options: FitOptions<B, V>): Holders {
  const { model = {}, state = {}, optimizer, average } = options;
  return { model: checkModel(WHERE, 'model', model), state: checkModel(WHERE, 'state', state), optimizer, average };
}

function stepperOf<B extends tf.TensorContainer, V extends tf.TensorContainer>(
  options: FitOptions<B, V>,
  { model, average }: Holders,
  accumulate: number,
): Stepper<B> {
  if (options.step !== undefined) {
    const { step, compile = false } = options;
    if (typeof step !== 'function') throw new TypeError(argumentMessage(WHERE, 'step', 'be a function', step));
    const foreign = (['loss', 'accumulate', 'clipNorm', 'transformGradients'] as const).find(
      (name) => options[name] !== undefined,
    );
    if (foreign === undefined) return new OwnStep(step, compile);
    const fix = 'A step of your own does that itself.';
    throw new TypeError(argumentMessage(WHERE, foreign, 'be left out where step is given', options[foreign], fix));
  }
  const { loss, optimizer, clipNorm, transformGradients, compile = true } = options;
  if (typeof loss !== 'function') throw new TypeError(argumentMessage(WHERE, 'loss', 'be a function of a batch', loss));
  if (typeof (optimizer as tf.Optimizer | undefined)?.applyGradients !== 'function') {
    const fix = 'tf.train.adam(1e-3) makes one.';
    throw new TypeError(argumentMessage(WHERE, 'optimizer', 'be a tf.Optimizer', optimizer, fix));
  }
  if (clipNorm !== undefined) checkNumber(WHERE, 'clipNorm', clipNorm, { above: 0 });
  const trained = trainableOf(model);
  if (trained.length === 0) throw new RangeError(`${WHERE}: model must have a trainable variable, got none.`);
  return new GradientStep({ loss, optimizer, trained, accumulate, clipNorm, transformGradients, average, compile });
}

function stepsOf<B extends tf.TensorContainer, V extends tf.TensorContainer>(
  { steps, epochs }: FitOptions<B, V>,
  stepsPerEpoch: number,
): number {
  if ((steps === undefined) === (epochs === undefined)) {
    throw new RangeError(`${WHERE}: steps or epochs must be given, got ${steps === undefined ? 'neither' : 'both'}.`);
  }
  if (steps !== undefined) return checkNumber(WHERE, 'steps', steps, { min: 1, integer: true });
  checkNumber(WHERE, 'epochs', epochs, { above: 0 });
  checkHasEpochs('epochs', epochs, stepsPerEpoch);
  return Math.max(1, Math.floor(epochs! * stepsPerEpoch));
}

/** Says of a number of steps done whether something is due. */
function cadence(name: string, every: Cadence | undefined, stepsPerEpoch: number): (step: number) => boolean {
  if (typeof every !== 'object' || every === null) {
    const steps = checkNumber(WHERE, name, every, { min: 1, integer: true });
    return (step) => step % steps === 0;
  }
  const epochs = checkNumber(WHERE, `${name}.epochs`, every.epochs, { above: 0 });
  checkHasEpochs(name, epochs, stepsPerEpoch);
  const periods = (step: number): number => Math.floor(step / (epochs * stepsPerEpoch));
  return (step) => periods(step) > periods(step - 1);
}

function checkHasEpochs(name: string, value: unknown, stepsPerEpoch: number): void {
  if (stepsPerEpoch !== Infinity) return;
  throw new RangeError(argumentMessage(WHERE, name, 'count steps where data have no epochs', value));
}

function evaluatorOf<B extends tf.TensorContainer, V extends tf.TensorContainer>(
  { validate, model, batchSize, compile = true }: FitOptions<B, V>,
  key: Key,
): Setup<B>['evaluator'] {
  if (!validate) return null;
  const { data, metrics } = validate;
  const isSampler = typeof data === 'object' && data !== null && 'batchesPerEpoch' in data;
  const size = validate.batchSize ?? (isSampler ? undefined : batchSize);
  return new Evaluator(`${WHERE}: validate`, { data, metrics, key, compile, model, batchSize: size });
}

function validatedAverageOf<B extends tf.TensorContainer, V extends tf.TensorContainer>({
  validate,
  average,
}: FitOptions<B, V>): WeightAverage | null {
  if (validate?.withAverage !== true) return null;
  if (average) return average;
  throw new TypeError(argumentMessage(WHERE, 'average', 'be given with validate.withAverage', average));
}

function trackers<B extends tf.TensorContainer, V extends tf.TensorContainer>(
  options: FitOptions<B, V>,
): { best: Tracker | null; bestIsOptional: boolean; early: Tracker | null } {
  const { validate, earlyStop, checkpoint } = options;
  const named = checkpoint?.best ?? earlyStop;
  if (!validate) {
    if (named === undefined) return { best: null, bestIsOptional: true, early: null };
    const name = earlyStop ? 'earlyStop' : 'checkpoint.best';
    throw new RangeError(argumentMessage(WHERE, name, 'come with validate', named));
  }
  const early = earlyStop ? new Tracker(`${WHERE}: earlyStop`, earlyStop) : null;
  const { metric, mode = 'min' } = named ?? { metric: 'loss' };
  return { best: new Tracker(`${WHERE}: checkpoint.best`, { metric, mode }), bestIsOptional: !named, early };
}

function keeperOf<B extends tf.TensorContainer, V extends tf.TensorContainer>(
  { model }: FitOptions<B, V>,
  { store, keep = 'best-and-last' }: CheckpointOptions,
): CheckpointKeeper {
  if (model === undefined) throw new TypeError(argumentMessage(WHERE, 'model', 'be given with checkpoint', model));
  const methods = ['save', 'load', 'list', 'remove'] as const;
  if (methods.some((method) => typeof (store as Partial<typeof store> | undefined)?.[method] !== 'function')) {
    throw new TypeError(argumentMessage(WHERE, 'checkpoint.store', `have ${methods.join(', ')}`, store));
  }
  return new CheckpointKeeper(store, checkOneOf(WHERE, 'checkpoint.keep', keep, ['best-and-last', 'all']) === 'all');
}
