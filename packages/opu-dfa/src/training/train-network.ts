import type * as tf from '@tensorflow/tfjs';
import { check, random, train } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import { checkUpdate, type UpdateOptions } from '../network/update-options';
import { metricsOf } from './metrics';
import { NetworkStep } from './network-step';
import { checkColumns, datasetOf } from './private-data';
import type { Examples } from './poisson-sampler';

const { argumentMessage, checkNumber } = check;

const WHERE = 'opu-dfa.trainNetwork';

/** Options of `fit` of tensor-core that training a network has as they are. */
type LoopOptions = Omit<train.LoopOptions<Examples>, 'average'> &
  Pick<train.FitWithStep<Examples, Examples>, 'batchSize' | 'steps' | 'epochs'>;

/** Examples: columns in memory, or a data set. */
export interface ExamplesOptions {
  /** Inputs [N, ...]; with y. */
  x?: train.Column;
  /** Targets [N, C], or labels int32 [N]. */
  y?: train.Column;
  /** Instead of x and y, batches { x, y }. */
  data?: train.Dataset<Examples> | train.BatchSource<Examples>;
}

/** Options of `trainNetwork`. */
export interface TrainNetworkOptions extends Omit<ExamplesOptions, 'data'>, LoopOptions {
  /** Instead of x and y, batches { x, y }. */
  data?: train.Dataset<Examples> | train.Generator<Examples> | train.BatchSource<Examples>;
  /** Any tf.Optimizer; one with `applyGradientsWithLoss` is told the loss. */
  optimizer: tf.Optimizer;
  /** How gradients are made, default by direct feedback alignment; noise is drawn with the key of each step. */
  update?: Omit<UpdateOptions, 'key' | 'noise'>;
  /** All randomness of the run: order of the data, noise. */
  key: random.KeyOrSeed;
  /** Loss and accuracy on other examples. */
  validate?: ExamplesOptions & { every: train.Cadence; batchSize?: number };
  /** Logs the alignment of each hidden layer, `alignment/NAME`, each time that many steps have been taken; default never. */
  trackAlignment?: number;
}

/**
 * Trains a network without back-propagation, by `fit` of tensor-core with the step
 *
 *   parameters <- optimizer(parameters, network.gradients(x, y, update))
 *
 * compiled as a whole where backend and feedback allow it. Logged are loss and, for classes, accuracy.
 *
 * A run that was stopped goes on from its checkpoint and ends with the same weights, bit for bit: feedback matrices are in
 * it, and noise comes from the key by the number of the step.
 *
 * @returns how the run ended, its history and best validation; the network has the last weights
 * @throws TypeError, RangeError for bad options, data that are not finite and labels that are no classes; else as
 *   `network.gradients` and `fit`
 * @example
 * const { history } = await trainNetwork(network, { x, y, optimizer: tf.train.momentum(0.02, 0.9), epochs: 20, batchSize: 64, key: 1 });
 */
export async function trainNetwork(network: DfaNetwork, options: TrainNetworkOptions): Promise<train.FitResult> {
  const { x, y, data, optimizer, update = {}, key, validate, trackAlignment, compile, ...loop } = options;
  for (const name of ['key', 'noise'] as const) {
    const value = (update as UpdateOptions)[name];
    if (value === undefined) continue;
    const fix = 'Each step draws its own noise.';
    throw new TypeError(argumentMessage(WHERE, `update.${name}`, 'be left out', value, fix));
  }
  const runKey = random.asKey(WHERE, key);
  const complete = checkUpdate(WHERE, { ...update, key: runKey });
  if (typeof (optimizer as tf.Optimizer | undefined)?.applyGradients !== 'function') {
    const fix = 'tf.train.momentum(0.02, 0.9) makes one.';
    throw new TypeError(argumentMessage(WHERE, 'optimizer', 'be a tf.Optimizer', optimizer, fix));
  }
  if (trackAlignment !== undefined) checkNumber(WHERE, 'trackAlignment', trackAlignment, { min: 1, integer: true });
  const source = await checkedSource(WHERE, network, { x, y, data });
  const alignEvery = trackAlignment ?? null;
  const step = new NetworkStep({ network, optimizer, update: complete, alignEvery, compile: compile ?? true });
  return train.fit<Examples>({
    ...loop,
    // The step compiles itself; this is for the validation.
    ...(compile === false ? { compile } : {}),
    data: source,
    key: runKey,
    model: network.parameters,
    state: { ...network.feedback?.variables },
    optimizer,
    step: (batch, context) => step.run(batch, context),
    ...(validate ? { validate: await validation(network, validate) } : {}),
  });
}

/** Options of `evaluateNetwork`. */
export interface EvaluateNetworkOptions extends ExamplesOptions {
  /** Default 256, with x and y or a data set. */
  batchSize?: number;
}

/**
 * Mean loss of a network over examples, and accuracy where there are classes: the part of the examples whose most probable
 * class is right, or with 'sigmoidCrossEntropy' of the outputs that are on the right side of 1/2.
 *
 * @throws as `trainNetwork` for the data
 */
export async function evaluateNetwork(
  network: DfaNetwork,
  options: EvaluateNetworkOptions,
): Promise<{ loss: number; accuracy?: number }> {
  const data = await checkedSource('opu-dfa.evaluateNetwork', network, options);
  const batchSize = 'batchesPerEpoch' in data ? options.batchSize : (options.batchSize ?? 256);
  const values = await train.evaluate({ data, metrics: metricsOf(network), batchSize });
  return values as { loss: number; accuracy?: number };
}

async function validation(
  network: DfaNetwork,
  { every, batchSize, ...examples }: NonNullable<TrainNetworkOptions['validate']>,
): Promise<train.ValidateOptions<Examples>> {
  const data = await checkedSource(`${WHERE}: validate`, network, examples);
  return { data, every, metrics: metricsOf(network), ...(batchSize === undefined ? {} : { batchSize }) };
}

/** The data as `fit` takes them, columns looked at before. */
async function checkedSource<D>(
  where: string,
  network: DfaNetwork,
  { x, y, data }: { x?: train.Column | undefined; y?: train.Column | undefined; data?: D | undefined },
): Promise<D | train.Dataset<Examples>> {
  if (data !== undefined && x === undefined && y === undefined) return data;
  const columns = { ...(x && { x }), ...(y && { y }) };
  const source = datasetOf(where, { ...columns, ...(data && { data: data as never }) });
  await checkColumns(where, columns, network.outputs);
  return source;
}
