// M examples, N units of a layer, C outputs.
import type * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { ternaryCode } from '../feedback/ternary';
import type { Block } from './block';
import { errorOf, lossOf, type LossName } from './losses';
import { backpropagatedDeltas, clipExamples, feedbackDeltas, forwardPass, type Pass } from './pass';
import type { CompleteUpdate } from './update-options';

const { argumentMessage, ShapeError } = check;

/** The first half of an update: all that comes before the error is projected. */
export interface Outward {
  pass: Pass;
  /** Losses of the examples, [M]. */
  losses: tf.Tensor1D;
  /** e [M, C], not divided by M. */
  error: tf.Tensor2D;
  /** What is fed back, [M, C]; null where nothing is. */
  code: tf.Tensor2D | null;
}

/** Keys of one update: for the projection's own noise, and for that of the hidden layers. */
export function updateKeys(key: random.Key): { projection: random.Key; noise: random.Key } {
  const [projection, noise] = random.split(key) as [random.Key, random.Key];
  return { projection, noise };
}

/** Forward pass, losses, errors and their code. Call it in a tidy. */
export function outward(
  blocks: readonly Block[],
  loss: LossName,
  x: tf.Tensor,
  y_MC: tf.Tensor2D,
  options: CompleteUpdate,
): Outward {
  const pass = forwardPass(blocks, x);
  const error = errorOf(loss, pass.logits, y_MC);
  const { mode } = options;
  const isFedBack = (mode === 'dfa' || mode === 'ternary') && blocks.length > 1;
  const code = !isFedBack ? null : mode === 'ternary' ? ternaryCode(error, options) : error;
  return { pass, losses: lossOf(loss, pass.logits, y_MC), error, code };
}

/**
 * delta^l of all layers, null for those that are not trained. Call it in a tidy.
 *
 *   f^l <- f^l min(1, tau_f / ||f^l||) + sigma g^l,  g ~ N(0, 1) for each example and unit
 *
 * @param signals  the projections, null where the code was
 */
export function deltasOf(
  blocks: readonly Block[],
  { pass, error }: Outward,
  signals: readonly tf.Tensor2D[] | null,
  { mode, sigma, clip, key, noise }: CompleteUpdate,
): (tf.Tensor | null)[] {
  if (mode === 'last-layer') return [...blocks.slice(1).map(() => null), error];
  if (mode === 'bp' || signals === null) return backpropagatedDeltas(blocks, pass, error);
  const { projection: limit, slope } = clip;
  const noiseKey = updateKeys(key).noise;
  const arriving = signals.map((signal, l) => {
    const clipped = limit === undefined ? signal : clipExamples(signal, limit);
    if (sigma === 0) return clipped;
    const drawn = noise === null ? random.normal(random.foldIn(noiseKey, l), signal.shape) : injected(noise, l, signal);
    return clipped.add<tf.Tensor2D>(drawn.mul(sigma));
  });
  return feedbackDeltas(blocks, pass, arriving, error, slope);
}

/** The inputs that hidden updates are made with: clipped where that is wanted. The last layer's are not. */
export function updateInputs({ inputs }: Pass, { clip }: CompleteUpdate): tf.Tensor[] {
  const limit = clip.inputs;
  if (limit === undefined) return inputs;
  return inputs.map((h, l) => (l < inputs.length - 1 ? clipExamples(h, limit) : h));
}

/** N of the hidden blocks: the numbers of an example at their ends. */
export function widthsOf({ outputs }: Pass): number[] {
  return outputs.slice(0, -1).map(({ shape }) => shape.slice(1).reduce((product, length) => product * length, 1));
}

function injected(noise: readonly tf.Tensor[], l: number, signal: tf.Tensor2D): tf.Tensor {
  const given = noise[l];
  if (given && String(given.shape) === String(signal.shape)) return given;
  const wanted = `have the shape [${signal.shape.join(', ')}]`;
  throw new ShapeError(argumentMessage('opu-dfa.DfaNetwork.gradients', `noise[${l}]`, wanted, given));
}
