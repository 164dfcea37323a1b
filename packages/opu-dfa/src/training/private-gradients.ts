// M rows of a batch.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { ghostClipFactors } from '../clipping/ghost-clipping';
import type { DfaNetwork, NetworkGradients } from '../network/dfa-network';
import { gradientsOf, squaredNormsOf } from '../network/pass';
import { deltasOf, updateInputs, type Outward } from '../network/update';
import { checkUpdate, type CompleteUpdate, type UpdateOptions } from '../network/update-options';
import { tidied } from '../tidied';
import { normalNumbers, type NormalSource } from './noise-source';
import type { Examples, MaskedExamples } from './poisson-sampler';

const { argumentMessage, checkNumber, checkOneOf, checkShape } = check;

/** How examples are protected. */
export interface ExampleProtection {
  /** C, what the gradient of an example over all layers together has as its norm at most; > 0. */
  clip: number;
  /** z, standard deviation of the noise in units of C, >= 0; 0 gives no privacy. */
  noiseMultiplier: number;
  /** q N, the examples that a batch has on average; > 0. The number that it has would tell of the data. */
  expectedExamples: number;
}

/** Options of `privateGradients`. */
export interface PrivateGradientsOptions extends ExampleProtection {
  /** How gradients are made, default { mode: 'dfa' }; without what mixes examples. */
  update?: UpdateOptions;
  /** Standard normal numbers for each of `network.parameters`, in their order, or a key to draw them with. */
  noise: NormalSource;
}

/** Gradients of which only `gradients` may be shown. */
export interface PrivateGradients extends NetworkGradients {
  /** ||g_i||^2 before clipping, [M]. */
  squaredNorms: tf.Tensor1D;
}

/**
 * What training with differential privacy for examples releases at a step.
 *
 *   G = (sum_i mask_i min(1, C / ||g_i||) g_i + z C N(0, I)) / (q N),  ||g_i|| over all layers together
 *
 * To leave an example out or add one changes the sum by at most C, up to the rounding of float32. By feedback or by
 * back-propagation, the directions of the g_i do not matter for that. Works in `jit`.
 *
 * @param batch  x [M, ...]; y targets [M, C] or labels int32 [M]; mask [M], default all 1: 0 leaves a row out
 * @returns by the names of the tf.Variables, as `tf.Optimizer.applyGradients` takes them; NaN where an example's gradient is
 *   not finite. The loss, the mean over the rows that count, and the norms are without protection
 * @throws RangeError, TypeError for bad options, and for updates that mix examples; ShapeError when shapes do not fit;
 *   BackendError when the feedback answers later
 * @see Abadi et al., 2016, "Deep learning with differential privacy", arXiv:1607.00133, algorithm 1
 */
export function privateGradients(
  network: DfaNetwork,
  batch: Examples & { mask?: tf.Tensor1D },
  options: PrivateGradientsOptions,
): PrivateGradients {
  const where = 'opu-dfa.privateGradients';
  checkProtection(where, options);
  checkNumber(where, 'expectedExamples', options.expectedExamples, { above: 0 });
  const update = checkPrivateUpdate(where, options.update ?? {});
  const { x, y } = batch;
  return tidied(() => {
    const mask = batch.mask ?? tf.ones<tf.Rank.R1>([x.shape[0]]);
    checkShape(where, 'mask', mask, [x.shape[0]]);
    const half = network.outward('gradients', x, y, update);
    const signals = network.signals(half, update.key);
    return protectedGradients(where, network, half, signals, mask, update, options);
  });
}

/** The same from the first half of an update and its projections. Call it in a tidy. */
export function protectedGradients(
  where: string,
  network: DfaNetwork,
  half: Outward,
  signals: readonly tf.Tensor2D[] | null,
  mask: MaskedExamples['mask'],
  update: CompleteUpdate,
  { clip, noiseMultiplier, expectedExamples, noise }: ExampleProtection & { noise: NormalSource },
): PrivateGradients {
  const { blocks, parameters } = network;
  const deltas = deltasOf(blocks, half, signals, update) as tf.Tensor[];
  const inputs = updateInputs(half.pass, update);
  const squares = squaredNormsOf(blocks, { ...half.pass, inputs }, deltas);
  // Of a convolution they may be below 0 by rounding; NaN must stay.
  const squaredNorms = tf.maximum(squares, 0).add<tf.Tensor1D>(squares.mul(0));
  const weights = ghostClipFactors([squaredNorms], clip).mul<tf.Tensor1D>(mask);
  const clipped = deltas.map((delta) => delta.mul(weights.reshape(columnOf(delta))));
  const sums = gradientsOf(blocks, inputs, clipped);
  // Noise goes by the place of a parameter, whatever is frozen.
  const gradients = Object.entries(parameters).flatMap(([name, variable], i): [string, tf.Tensor][] => {
    if (!variable.trainable) return [];
    const numbers = normalNumbers(where, noise, i, variable.shape);
    const noisy = sums[name]!.add(numbers.mul(noiseMultiplier * clip));
    return [[variable.name, noisy.div(expectedExamples)]];
  });
  const loss = half.losses.mul(mask).sum().div<tf.Scalar>(tf.maximum(mask.sum(), 1));
  return { gradients: Object.fromEntries(gradients), loss, squaredNorms };
}

/** @throws RangeError, TypeError for a clip or a noise multiplier that is missing or cannot be */
export function checkProtection(
  where: string,
  { clip, noiseMultiplier }: Pick<ExampleProtection, 'clip' | 'noiseMultiplier'>,
): void {
  checkNumber(where, 'clip', clip, { above: 0 }, 'Without it the sensitivity has no bound.');
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
}

/**
 * The options of an update in which what is done for an example does not depend on the others.
 *
 * @throws RangeError where it would, or where a part of the network stands still; else as `DfaNetwork.gradients`
 */
export function checkPrivateUpdate(where: string, options: UpdateOptions): CompleteUpdate {
  const update = checkUpdate(where, options);
  checkOneOf(where, 'mode', update.mode, ['bp', 'dfa', 'ternary']);
  const fix = 'What is done for one example must not depend on the others.';
  if (typeof update.threshold !== 'number') {
    throw new RangeError(argumentMessage(where, 'threshold', 'be a number', update.threshold, fix));
  }
  if (update.scaled) throw new RangeError(argumentMessage(where, 'scaled', 'be false', true, fix));
  return update;
}

function columnOf({ shape }: tf.Tensor): number[] {
  return shape.map((length, axis) => (axis === 0 ? length : 1));
}
