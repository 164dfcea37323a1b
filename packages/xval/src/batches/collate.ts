// B samples, L the length of the longest, K positions with labels.
import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { IGNORED } from '../model/loss';
import { padSamples, type PaddedSamples, type PaddingOptions, type Sample } from './padded';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** A batch to learn from. */
export type LabelledBatch = {
  /** What the model reads, int32 [B, L]. */
  x: tf.Tensor;
  /** Its values in scaled units, float32 [B, L], 1 where there is none. */
  xNumbers: tf.Tensor;
  /** True ids, int32 [B, L], or [K] with `labelledOnly`; -100 where none is asked for. */
  y: tf.Tensor;
  /** True values in scaled units, float32 of y's shape. */
  yNumbers: tf.Tensor;
  /** bool [B, L], true at padding; not with padMode 'reference'. */
  padding?: tf.Tensor;
  /** With `labelledOnly`: the positions b L + t of the labels, int32 [K]. */
  positions?: tf.Tensor;
};

/** Options of `collateNext`. */
export interface CollateNextOptions extends PaddingOptions {
  /** Keeps only the positions that have labels, default false; the heads then compute nothing else. */
  labelledOnly?: boolean;
}

/** Options of `collate`. */
export interface CollateOptions extends CollateNextOptions {
  maskId: number;
  /** p, for each position independently, default 0.3. */
  maskProbability?: number;
  /** Which positions are masked, 0 or 1, [B L]; in the place of draws. */
  mask?: ArrayLike<number | boolean>;
  /** For the draws; needed unless all masks are given. */
  key?: random.Key;
  /**
   * 'masked' (default): padding is neither attended nor asked for. 'reference': as the authors' code, which masks, attends
   * and learns to predict it.
   */
  padMode?: 'masked' | 'reference';
}

/**
 * Samples as a batch of masked language modelling: what is masked is to be predicted, token and value.
 *
 *   m_t ~ Bernoulli(p),  x = [MASK] where m else ids,  xNum = 1 where m else num,  y = ids where m else -100,  yNum = num
 *
 * @param samples  tokenised texts; one that has a `mask` of its own is masked there and nowhere else
 * @returns the caller's to dispose
 * @throws TypeError when masks are to be drawn without a key, RangeError naming sample and position for bad ids or values
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export function collate(samples: readonly Sample[], options: CollateOptions): LabelledBatch {
  const where = 'xval.collate';
  const { maskId, padMode = 'masked', labelledOnly = false } = options;
  checkNumber(where, 'maskId', maskId, { min: 0, integer: true });
  checkOneOf(where, 'padMode', padMode, ['masked', 'reference']);
  const padded = padSamples(where, samples, options);
  const mask = masksOf(where, samples, padded, options);
  const { ids, numbers, lengths, length } = padded;
  const isPadding = (i: number): boolean => i % length >= lengths[Math.floor(i / length)]!;
  if (padMode === 'masked') mask.forEach((_, i) => void (isPadding(i) && (mask[i] = 0)));
  const x = ids.map((id, i) => (mask[i] ? maskId : id));
  const xNumbers = numbers.map((value, i) => (mask[i] ? 1 : value));
  const y = ids.map((id, i) => (mask[i] ? id : IGNORED));
  return tensorsOf(padded, { x, xNumbers, y, yNumbers: numbers }, padMode === 'masked', labelledOnly);
}

/**
 * Samples as a batch for a causal model: each position is asked for the token that follows.
 *
 *   x_t = ids_t,  y_t = ids_{t+1},  yNum_t = num_{t+1}
 *
 * @returns L is one less than the longest sample has; the caller's to dispose
 * @throws RangeError when all samples have less than two tokens, else as `collate`
 */
export function collateNext(samples: readonly Sample[], options: CollateNextOptions): LabelledBatch {
  const where = 'xval.collateNext';
  const { context, length, ...rest } = options;
  const more = { ...(context && { context: context + 1 }), ...(length && { length: length + 1 }) };
  const { ids, numbers, lengths, length: whole } = padSamples(where, samples, { ...rest, ...more });
  if (whole < 2) throw new RangeError(argumentMessage(where, 'samples', 'have at least two tokens', whole));
  const L = whole - 1;
  const shifted = <T extends Int32Array | Float32Array>(values: T, by: 0 | 1): T => {
    const out = new (values.constructor as new (size: number) => T)(lengths.length * L);
    lengths.forEach((_, b) => out.set(values.subarray(b * whole + by, b * whole + by + L), b * L));
    return out;
  };
  const y = shifted(ids, 1);
  lengths.forEach((own, b) => y.fill(IGNORED, b * L + Math.max(own - 1, 0), (b + 1) * L));
  const inputs = { x: shifted(ids, 0), xNumbers: shifted(numbers, 0), y, yNumbers: shifted(numbers, 1) };
  const padded = { ids, numbers, lengths: lengths.map((own) => Math.min(own, L)), length: L };
  return tensorsOf(padded, inputs, true, options.labelledOnly ?? false);
}

function masksOf(
  where: string,
  samples: readonly Sample[],
  { ids, length }: PaddedSamples,
  { mask, key, maskProbability = 0.3 }: CollateOptions,
): Uint8Array {
  checkNumber(where, 'maskProbability', maskProbability, { min: 0, max: 1 });
  if (mask !== undefined) {
    if (mask.length !== ids.length) {
      throw new RangeError(argumentMessage(where, 'mask', `have ${ids.length} elements, B L`, mask.length));
    }
    return Uint8Array.from(mask, Number);
  }
  const isDrawn = samples.some((sample) => sample.mask === undefined);
  if (isDrawn && key === undefined) {
    const fix = 'Give a key, or samples with masks of their own.';
    throw new TypeError(argumentMessage(where, 'key', 'be a Key', key, fix));
  }
  const masks = new Uint8Array(ids.length);
  if (isDrawn) {
    const draws = random.fillUniform(random.checkKey(where, key), new Float32Array(ids.length));
    draws.forEach((draw, i) => (masks[i] = Number(draw < maskProbability)));
  }
  samples.forEach(({ mask: own }, b) => {
    if (own !== undefined) masks.fill(0, b * length, (b + 1) * length).set(Uint8Array.from(own, Number), b * length);
  });
  return masks;
}

/** Labels that are kept come in multiples of this part of all positions, so that few shapes are to be compiled. */
const PARTS = 16;

function tensorsOf(
  { lengths, length }: PaddedSamples,
  { x, xNumbers, y, yNumbers }: { x: Int32Array; xNumbers: Float32Array; y: Int32Array; yNumbers: Float32Array },
  withPadding: boolean,
  labelledOnly: boolean,
): LabelledBatch {
  const shape: [number, number] = [lengths.length, length];
  const batch: LabelledBatch = {
    x: tf.tensor2d(x, shape, 'int32'),
    xNumbers: tf.tensor2d(xNumbers, shape),
    ...(labelledOnly
      ? labelsAt(y, yNumbers)
      : { y: tf.tensor2d(y, shape, 'int32'), yNumbers: tf.tensor2d(yNumbers, shape) }),
  };
  if (!withPadding) return batch;
  const padding = x.map((_, i) => Number(i % length >= lengths[Math.floor(i / length)]!));
  return { ...batch, padding: tf.tensor2d(Uint8Array.from(padding), shape, 'bool') };
}

function labelsAt(y: Int32Array, yNumbers: Float32Array): Pick<LabelledBatch, 'y' | 'yNumbers' | 'positions'> {
  const labelled = [...y.keys()].filter((i) => y[i] !== IGNORED);
  const unit = Math.max(1, Math.floor(y.length / PARTS));
  const K = Math.max(1, Math.ceil(labelled.length / unit)) * unit;
  // What fills up looks at the first position and asks for nothing.
  const positions = Int32Array.from({ length: K }, (_, k) => labelled[k] ?? 0);
  const kept = Int32Array.from(positions, (i, k) => (k < labelled.length ? y[i]! : IGNORED));
  return {
    y: tf.tensor1d(kept, 'int32'),
    yNumbers: tf.tensor1d(Float32Array.from(positions, (i) => yNumbers[i]!)),
    positions: tf.tensor1d(positions, 'int32'),
  };
}
