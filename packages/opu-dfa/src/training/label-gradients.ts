// M examples, C outputs, N units of a hidden layer.
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import type { Feedback } from '../feedback/feedback';
import { MatrixFeedback, SharedFeedback } from '../feedback/matrix-feedback';
import type { DfaNetwork, NetworkGradients } from '../network/dfa-network';
import { gradientsOf } from '../network/pass';
import { deltasOf, updateInputs, type Outward } from '../network/update';
import type { CompleteUpdate } from '../network/update-options';
import { feedbackSensitivity } from '../privacy/label-bound';
import type { PrivacyEvent } from '../privacy/privacy-event';
import { normalNumbers, type NormalSource } from './noise-source';

const { argumentMessage, checkNumber } = check;

/** ||e - e'||^2 at the output when a label becomes another one: two entries change by 1. */
const OUTPUT_SENSITIVITY_SQUARED = 2;

/** What training with privacy for labels adds noise to, and how much. */
export interface LabelNoise {
  /** Delta_l of each hidden layer: what a label can move the projection of its error by. See `labelSensitivities`. */
  sensitivities: readonly number[];
  /** sigma, standard deviation of the noise on each projection, > 0. */
  sigma: number;
  /** sigma_o, standard deviation of the noise on the error at the output, > 0. */
  sigmaOutput: number;
}

/**
 * What an epoch costs in which each example takes part once, in training that is private for labels.
 *
 *   1 / z^2 = sum_l Delta_l^2 / sigma^2 + 2 / sigma_o^2
 *
 * Inputs are public; when one label changes, so do the projections of one error, and that error at the output. All else is
 * computed from their noisy versions.
 *
 * @returns a use of the relation 'label'
 * @throws RangeError, TypeError for numbers that are missing or cannot be
 * @see Ohana et al., 2021, arXiv:2106.03645, for the noise of the projection as the mechanism
 */
export function labelEvent({ sensitivities, sigma, sigmaOutput }: LabelNoise): PrivacyEvent {
  const where = 'opu-dfa.labelEvent';
  sensitivities.forEach((delta, l) => checkNumber(where, `sensitivities[${l}]`, delta, { min: 0 }));
  if (sensitivities.length > 0) checkNumber(where, 'sigma', sigma, { above: 0 });
  checkNumber(where, 'sigmaOutput', sigmaOutput, { above: 0 });
  const squares = sensitivities.reduce((sum, delta) => sum + (delta / sigma) ** 2, 0);
  return { noiseMultiplier: (squares + OUTPUT_SENSITIVITY_SQUARED / sigmaOutput ** 2) ** -0.5 };
}

/**
 * Delta_l: how far the projection of an error moves in each hidden layer when its label becomes another one.
 *
 *   max over classes y, y' of ||B^l_y - B^l_y'||, at most 2 projectionClip where projections are clipped
 *
 * Clipping brings no two points farther apart, so the smaller of the two holds.
 *
 * @param feedback  of the network
 * @param widths    N_l of each hidden layer
 * @param options.mode            'dfa' or 'ternary'; only the raw error of 'dfa' is known to move by a row of B for each label
 * @param options.projectionClip  tau_f, > 0
 * @throws RangeError when it is not clipped, and no random matrix that raw errors are sent through
 */
export async function labelSensitivities(
  feedback: Feedback,
  widths: readonly number[],
  { mode, projectionClip = Infinity }: { mode: 'dfa' | 'ternary'; projectionClip?: number },
): Promise<number[]> {
  const where = 'opu-dfa.labelSensitivities';
  if (projectionClip !== Infinity) checkNumber(where, 'projectionClip', projectionClip, { above: 0 });
  if (!isBounded(feedback, mode, projectionClip)) {
    const wanted = "be given unless the mode is 'dfa' with MatrixFeedback or SharedFeedback";
    throw new RangeError(argumentMessage(where, 'projectionClip', wanted, undefined));
  }
  if (!isMatrix(feedback, mode)) return widths.map(() => 2 * projectionClip);
  return scope(async (own) => {
    const { outputs } = feedback;
    const unit = own(tf.eye(outputs));
    const rows = own(feedback.signals(unit, widths, random.key(0)) as tf.Tensor2D[]);
    const read = await Promise.all(rows.map((matrix) => matrix.data()));
    return read.map((data, l) => {
      const B = { rows: outputs, cols: widths[l]!, data: Float64Array.from(data) };
      return Math.min(2 * projectionClip, feedbackSensitivity(B));
    });
  });
}

/** Whether a label moves projections by a bounded distance. */
export function isBounded(feedback: Feedback | null, mode: string, projectionClip: number): boolean {
  return feedback === null || projectionClip < Infinity || isMatrix(feedback, mode);
}

/**
 * Gradients of the mean loss in which labels are behind noise. Call it in a tidy.
 *
 *   delta^l = (clip(T(e) B^l) + sigma g^l) * phi'(z^l),  delta^L = e + sigma_o g
 *
 * @param noise  standard normal numbers: of each hidden layer [M, N_l], then of the output [M, C]
 */
export function labelGradients(
  where: string,
  network: DfaNetwork,
  half: Outward,
  signals: readonly tf.Tensor2D[] | null,
  update: CompleteUpdate,
  { sigmaOutput, noise }: { sigmaOutput: number; noise: NormalSource },
): NetworkGradients {
  const { blocks, parameters } = network;
  const hidden = (signals ?? []).map((signal, l) => normalNumbers(where, noise, l, signal.shape));
  const { error } = half;
  const noisy = error.add<tf.Tensor2D>(normalNumbers(where, noise, hidden.length, error.shape).mul(sigmaOutput));
  const deltas = deltasOf(blocks, { ...half, error: noisy }, signals, { ...update, noise: hidden });
  const means = deltas.map((delta) => delta!.div(error.shape[0]));
  const named = gradientsOf(blocks, updateInputs(half.pass, update), means);
  const gradients = Object.entries(named)
    .filter(([name]) => parameters[name]!.trainable)
    .map(([name, gradient]) => [parameters[name]!.name, gradient] as const);
  return { gradients: Object.fromEntries(gradients), loss: half.losses.mean() };
}

function isMatrix(feedback: Feedback, mode: string): boolean {
  return mode === 'dfa' && (feedback instanceof MatrixFeedback || feedback instanceof SharedFeedback);
}
