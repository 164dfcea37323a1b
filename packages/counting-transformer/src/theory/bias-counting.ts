// n ones of a region, b bias tokens, N the largest count.
import { check } from '@tfsci/tensor-core';

const { checkNumber } = check;

/** How a decoder that counts against bias tokens reads its attention. */
export interface BiasReading {
  /** S, default 8. */
  sharpness?: number;
  /** b_train, the number of bias tokens that it was made for; default 1. */
  trainedBias?: number;
  /** N. */
  maxCount: number;
}

/**
 * Logits of a decoder that attends n ones and b bias tokens equally and reads them linearly: how a softmax can count.
 *
 *   logit_j = S / (n + b) (2 j n - j^2 b / b_train),  j = 0 .. N
 *
 * For b = b_train = 1 that is S / (n + 1) (n^2 - (j - n)^2): a discrete Gaussian about n of variance (n + 1) / (2 S), wider
 * the more there is to count. Without bias tokens n cancels, and nothing is counted.
 *
 * @throws RangeError for negative numbers, or none to attend
 * @see Golkar et al., 2024, sec. 4, arXiv:2406.02585, for what is attended; the closed form is ours
 */
export function biasLogits(
  n: number,
  b: number,
  { sharpness = 8, trainedBias = 1, maxCount }: BiasReading,
): Float64Array {
  const where = 'counting-transformer.biasLogits';
  checkNumber(where, 'n', n, { min: 0 });
  checkNumber(where, 'b', b, { min: 0 });
  checkNumber(where, 'n + b', n + b, { above: 0 });
  checkNumber(where, 'sharpness', sharpness, { above: 0 });
  checkNumber(where, 'trainedBias', trainedBias, { above: 0 });
  checkNumber(where, 'maxCount', maxCount, { min: 0, integer: true });
  const scale = sharpness / (n + b);
  return Float64Array.from({ length: maxCount + 1 }, (_, j) => scale * (2 * j * n - (j * j * b) / trainedBias));
}

/**
 * What such a decoder counts, before rounding: n b_train / b, cut to [0, N]; N without bias tokens.
 *
 * @throws as `biasLogits`
 */
export function biasCount(
  n: number,
  b: number,
  { trainedBias = 1, maxCount }: Pick<BiasReading, 'trainedBias' | 'maxCount'>,
): number {
  const where = 'counting-transformer.biasCount';
  checkNumber(where, 'n', n, { min: 0 });
  checkNumber(where, 'b', b, { min: 0 });
  checkNumber(where, 'n + b', n + b, { above: 0 });
  return Math.min((n * trainedBias) / b, maxCount);
}
