import type * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { checkThreshold, type TernaryThreshold } from '../feedback/ternary';
import type { UpdateClips } from './pass';

const { argumentMessage, checkNumber, checkOneOf } = check;

/**
 * How the error reaches the hidden layers: 'bp' back-propagation, 'dfa' by feedback, 'ternary' by feedback of its ternary
 * code, 'last-layer' not at all, so that only the last layer is trained.
 */
export type UpdateMode = 'bp' | 'dfa' | 'ternary' | 'last-layer';

/** The names that options may have. */
export const UPDATE_MODES: readonly UpdateMode[] = ['bp', 'dfa', 'ternary', 'last-layer'];

/** How gradients are made. With 'ternary' and sigma they are those of photonic direct feedback alignment. */
export interface UpdateOptions {
  /** Default 'dfa'. */
  mode?: UpdateMode;
  /** With 'ternary': t, default 0.25, or the part of the errors that is kept. */
  threshold?: TernaryThreshold;
  /** With 'ternary': whether codes are scaled to the mean size of the errors they stand for, default false. */
  scaled?: boolean;
  /** Standard deviation of the Gaussian noise on what arrives at each unit of a hidden layer, default 0. */
  sigma?: number;
  /** Limits of what hidden updates are made of, default none. */
  clip?: UpdateClips;
  /** For sigma > 0 and feedback that draws. */
  key?: random.KeyOrSeed;
  /** Standard normal numbers for each hidden layer, [M, N_l], instead of drawing them. */
  noise?: readonly tf.Tensor[];
}

/** Options with their defaults. */
export interface CompleteUpdate {
  mode: UpdateMode;
  threshold: TernaryThreshold;
  scaled: boolean;
  sigma: number;
  clip: UpdateClips;
  key: random.Key;
  noise: readonly tf.Tensor[] | null;
}

/**
 * The options, checked.
 *
 * @throws RangeError, TypeError for values that cannot be, and for sigma > 0 without a key or noise
 */
export function checkUpdate(where: string, options: UpdateOptions): CompleteUpdate {
  const { mode = 'dfa', threshold = 0.25, scaled = false, sigma = 0, clip = {}, key, noise = null } = options;
  checkOneOf(where, 'mode', mode, UPDATE_MODES);
  checkThreshold(where, threshold);
  checkNumber(where, 'sigma', sigma, { min: 0 });
  for (const [name, limit] of Object.entries(clip)) {
    checkOneOf(where, 'a name in clip', name, ['inputs', 'slope', 'projection']);
    if (limit !== undefined) checkNumber(where, `clip.${name}`, limit as number, { above: 0 });
  }
  const usesFeedback = mode === 'dfa' || mode === 'ternary';
  if (sigma > 0 && !usesFeedback) {
    const fix = `Noise is a part of the feedback, which '${mode}' has not.`;
    throw new RangeError(argumentMessage(where, 'sigma', 'be 0', sigma, fix));
  }
  if (!usesFeedback && (clip.slope !== undefined || clip.projection !== undefined)) {
    const fix = `Those are limits of the feedback, which '${mode}' has not.`;
    throw new RangeError(argumentMessage(where, 'clip', 'have no slope and projection', Object.keys(clip), fix));
  }
  if (sigma > 0 && noise === null && key === undefined) {
    throw new TypeError(argumentMessage(where, 'key', 'be given for sigma > 0', key, 'For a start take key: 0.'));
  }
  const checkedKey = key === undefined ? random.key(0) : random.asKey(where, key);
  return { mode, threshold, scaled, sigma, clip, key: checkedKey, noise };
}
