import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** Which entries of an error count: those beyond a threshold, or a part of the largest. */
export type TernaryThreshold = number | { keep: number };

/**
 * The ternary code of errors, what a binary light modulator shows in two shots.
 *
 *   T_t(e) = +1 for e > t, -1 for e < -t, 0 else;  NaN and Infinity give NaN
 *
 * @param e          any shape
 * @param threshold  t >= 0, default 0.25; t = 0.1 needs a far smaller learning rate, as nearly fitted examples then send
 *   errors of full size
 * @throws RangeError when the threshold is negative or not finite
 * @see Launay et al., 2020, "Hardware beyond backpropagation", arXiv:2012.06373
 */
export function ternarize<T extends tf.Tensor>(e: T, threshold = 0.25): T {
  checkNumber('opu-dfa.ternarize', 'threshold', threshold, { min: 0 });
  return tf.tidy(() => {
    const above = tf.greater(e, threshold).toFloat();
    const below = tf.less(e, -threshold).toFloat();
    return above.sub(below).add<T>(zeroIfFinite(e));
  });
}

/**
 * The signs of the largest errors, zeros for the others.
 *
 * @param e     any shape
 * @param keep  the part of the entries, by magnitude over all of them, that is kept: above 0, at most 1. Entries as large as
 *   the smallest that is kept are kept too
 * @throws RangeError when keep is outside
 */
export function quantileTernarize<T extends tf.Tensor>(e: T, keep: number): T {
  checkNumber('opu-dfa.quantileTernarize', 'keep', keep, { above: 0, max: 1 });
  return tf.tidy(() => {
    const magnitude = e.abs();
    const count = Math.max(1, Math.round(keep * e.size));
    const least = tf
      .topk(magnitude.flatten(), count)
      .values.slice([count - 1], [1])
      .reshape([]);
    // tf.sign takes numbers near 0 for 0 on wasm.
    return tf.step(e).sub(tf.step(e.neg())).mul(tf.greaterEqual(magnitude, least).toFloat()).add<T>(zeroIfFinite(e));
  });
}

/** How errors are coded before they are sent. */
export interface TernaryOptions {
  /** Default 0.25. */
  threshold?: TernaryThreshold;
  /** Whether codes are multiplied by s = the mean |e| of the entries that are not 0, default false. */
  scaled?: boolean;
}

/** The code of a batch of errors by options. @throws as `ternarize` and `quantileTernarize` */
export function ternaryCode(e: tf.Tensor2D, { threshold = 0.25, scaled = false }: TernaryOptions): tf.Tensor2D {
  return tf.tidy(() => {
    const code = typeof threshold === 'number' ? ternarize(e, threshold) : quantileTernarize(e, threshold.keep);
    if (!scaled) return code;
    const shown = code.abs();
    const mean = e.abs().mul(shown).sum().div(tf.maximum(shown.sum(), 1));
    return code.mul<tf.Tensor2D>(mean);
  });
}

/** @throws RangeError, TypeError when the threshold is none of the kinds */
export function checkThreshold(where: string, threshold: unknown): void {
  if (typeof threshold === 'object' && threshold !== null && 'keep' in threshold) {
    checkNumber(where, 'threshold.keep', threshold.keep, { above: 0, max: 1 });
  } else if (typeof threshold === 'number') {
    checkNumber(where, 'threshold', threshold, { min: 0 });
  } else {
    throw new TypeError(argumentMessage(where, 'threshold', 'be a number or { keep: part of the entries }', threshold));
  }
}

/** 0 for finite numbers, NaN for others: comparisons alone would call a broken error a small one. */
function zeroIfFinite(e: tf.Tensor): tf.Tensor {
  return e.mul(0);
}
