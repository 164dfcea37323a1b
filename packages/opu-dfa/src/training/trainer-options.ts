import type * as tf from '@tensorflow/tfjs';
import { check, type random } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import type { UpdateClips } from '../network/pass';
import type { UpdateOptions } from '../network/update-options';
import { ExampleMechanism } from './example-mechanism';
import { isBounded } from './label-gradients';
import { LabelMechanism } from './label-mechanism';
import type { Mechanism } from './mechanism';
import { checkNoise, type Noise } from './noise-source';
import { PrivacyBudget } from './privacy-budget';
import { checkPrivateUpdate, checkProtection } from './private-gradients';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What training with a guarantee takes in each mode. */
export interface CommonTrainerOptions {
  /** Stays the caller's, as the optimiser and the budget do. */
  network: DfaNetwork;
  /** Any tf.Optimizer that does not ask for the loss: what it makes of released gradients costs nothing more. */
  optimizer: tf.Optimizer;
  /** Of the relation that belongs to the mode. To count without an end take one with epsilon: Infinity. */
  budget: PrivacyBudget;
  /** With 'ternary': t, default 0.25. */
  threshold?: number;
  /** Limits of inputs and slopes in hidden updates; see `UpdateOptions`. */
  updateClip?: Omit<UpdateClips, 'projection'>;
  /** Default 'secure'. */
  noise?: Noise;
  /** Whether the loss of batches is logged, default false: no guarantee covers it. */
  reportLoss?: boolean;
  /** Compiles steps where the backend can, default true. */
  compile?: boolean;
}

/** Differential privacy for examples, relation 'add-remove': noise on the clipped sum of gradients. */
export interface ExampleTrainerOptions extends CommonTrainerOptions {
  /** 'hybrid': with noise of the projection besides, which the guarantee does not count. Default 'example'. */
  mode?: 'example' | 'hybrid';
  /** How errors come to the hidden layers, default 'dfa'. */
  update?: 'bp' | 'dfa' | 'ternary';
  /** C, the norm that the gradient of an example has at most, > 0. */
  clip: number;
  /** z, standard deviation of the noise in units of C. */
  noiseMultiplier: number;
  /** q, the probability with which an example is in a batch, above 0 and at most 1. */
  samplingRate: number;
  /** With 'hybrid': standard deviation of the noise on projections, > 0. */
  sigma?: number;
}

/** Differential privacy for labels, relation 'label', inputs public: noise on projections and on the error at the output. */
export interface LabelTrainerOptions extends CommonTrainerOptions {
  mode: 'label';
  /** Default 'dfa'. */
  update?: 'dfa' | 'ternary';
  /** Standard deviation of the noise on projections, > 0. */
  sigma: number;
  /** Standard deviation of the noise on the error at the output, > 0. */
  sigmaOutput: number;
  /** tau_f, the norm that a projection has at most; needed unless raw errors go through random matrices. */
  projectionClip?: number;
  /** Examples of a batch. */
  batchSize: number;
}

/** Options of `PrivateTrainer`. */
export type PrivateTrainerOptions = ExampleTrainerOptions | LabelTrainerOptions;

/** Options with their defaults, checked. */
export interface TrainerSettings {
  mechanism: Mechanism;
  /** null: secure. */
  noiseKey: random.Key | null;
  reportLoss: boolean;
  compile: boolean;
}

type GivenOptions = CommonTrainerOptions &
  Partial<Omit<ExampleTrainerOptions, 'mode' | 'update'>> &
  Partial<Omit<LabelTrainerOptions, 'mode' | 'update'>> & { mode?: string; update?: string };

/** Options that belong to one kind of mode alone. */
const OF_EXAMPLES = ['clip', 'noiseMultiplier', 'samplingRate'] as const;
const OF_LABELS = ['sigmaOutput', 'projectionClip', 'batchSize'] as const;

/** @throws RangeError, TypeError for options that are missing, cannot be, or belong to another mode */
export function checkTrainerOptions(where: string, given: PrivateTrainerOptions): TrainerSettings {
  const options = given as GivenOptions;
  const mode = checkOneOf(where, 'mode', options.mode ?? 'example', ['example', 'label', 'hybrid']);
  const { optimizer, budget, noise = 'secure', reportLoss = false, compile = true } = options;
  if (!(budget instanceof PrivacyBudget)) {
    const fix = 'To count without an end take one with epsilon: Infinity.';
    throw new TypeError(argumentMessage(where, 'budget', 'be a PrivacyBudget', budget, fix));
  }
  if ('applyGradientsWithLoss' in optimizer) {
    const fix = 'No guarantee covers the loss.';
    throw new RangeError(argumentMessage(where, 'optimizer', 'do without the loss', optimizer.getClassName(), fix));
  }
  const mechanism = mode === 'label' ? labelMechanism(where, options) : exampleMechanism(where, options, mode);
  if (budget.relation !== mechanism.relation) {
    const wanted = `have an accountant of the relation '${mechanism.relation}' for the mode '${mode}'`;
    throw new RangeError(argumentMessage(where, 'budget', wanted, budget.relation));
  }
  return { mechanism, noiseKey: checkNoise(where, noise), reportLoss, compile };
}

function exampleMechanism(where: string, options: GivenOptions, mode: string): Mechanism {
  refuse(where, options, OF_LABELS, mode);
  const { clip, noiseMultiplier, samplingRate, sigma, budget } = options;
  const numbers = { clip: clip!, noiseMultiplier: noiseMultiplier!, samplingRate: samplingRate! };
  checkProtection(where, numbers);
  checkNumber(where, 'samplingRate', samplingRate, { above: 0, max: 1 });
  if (noiseMultiplier === 0 && budget.epsilon < Infinity) {
    const fix = 'Without noise there is no epsilon.';
    throw new RangeError(argumentMessage(where, 'noiseMultiplier', 'be > 0 with a finite budget', 0, fix));
  }
  if (mode === 'hybrid') checkNumber(where, 'sigma', sigma, { above: 0 });
  else refuse(where, options, ['sigma'], mode, "For noise of the projection take mode: 'hybrid'.");
  return new ExampleMechanism(updateOf(where, options, ['bp', 'dfa', 'ternary']), numbers);
}

function labelMechanism(where: string, options: GivenOptions): Mechanism {
  refuse(where, options, OF_EXAMPLES, 'label');
  const { network, sigma, sigmaOutput, projectionClip = Infinity, batchSize } = options;
  checkNumber(where, 'sigma', sigma, { above: 0 });
  checkNumber(where, 'sigmaOutput', sigmaOutput, { above: 0 });
  checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  const update = updateOf(where, options, ['dfa', 'ternary']);
  if (network.blocks.length > 1 && !isBounded(network.feedback, update.mode, projectionClip)) {
    const wanted = "be given unless the update is 'dfa' with MatrixFeedback or SharedFeedback";
    throw new RangeError(argumentMessage(where, 'projectionClip', wanted, undefined));
  }
  return new LabelMechanism(update, { sigmaOutput: sigmaOutput!, projectionClip, batchSize: batchSize! });
}

/** The update of the options; one with noise gets its numbers step by step. */
function updateOf(where: string, options: GivenOptions, modes: readonly ('bp' | 'dfa' | 'ternary')[]) {
  const { network, update = 'dfa', threshold = 0.25, sigma = 0, projectionClip, updateClip = {} } = options;
  const mode = checkOneOf(where, 'update', update, modes);
  if (mode !== 'bp' && network.blocks.length > 1 && network.feedback === null) {
    const wanted = `belong to a network with feedback for the update '${mode}'`;
    throw new RangeError(argumentMessage(where, 'network', wanted, null));
  }
  const clip = projectionClip === undefined ? updateClip : { ...updateClip, projection: projectionClip };
  const made: UpdateOptions = { mode, threshold, sigma, clip, noise: [] };
  return { ...checkPrivateUpdate(where, made), noise: null };
}

function refuse(
  where: string,
  options: GivenOptions,
  names: readonly (keyof GivenOptions)[],
  mode: string,
  fix = '',
): void {
  const foreign = names.find((name) => options[name] !== undefined);
  if (foreign === undefined) return;
  throw new RangeError(argumentMessage(where, foreign, `be left out in the mode '${mode}'`, options[foreign], fix));
}
