// S samples, D features, T thresholds
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { tidied } from '../tidied';

const { argumentMessage, checkNumber, checkShape, ShapeError } = check;

/**
 * 1 where a feature is above its threshold, else 0; NaN and Infinity give NaN.
 *
 * @param x_SD       [S, D]
 * @param threshold  for all features, default 0, or one for each, [D], such as their `featureMedians` over training data
 * @returns float32 of 0 and 1 [S, D]
 * @throws ShapeError for what is no matrix and another number of thresholds, RangeError for a threshold that is not finite
 */
export function thresholdCode(x_SD: tf.Tensor2D, threshold: number | tf.Tensor1D = 0): tf.Tensor2D {
  const where = 'opu-dfa.thresholdCode';
  checkShape(where, 'x', x_SD, [null, null]);
  if (typeof threshold === 'number') checkNumber(where, 'threshold', threshold);
  else checkShape(where, 'threshold', threshold, [x_SD.shape[1]], 'One for each feature: take featureMedians(x).');
  return tf.tidy(() => tf.greater(x_SD.toFloat(), threshold).toFloat().add(nothingFinite(x_SD)));
}

/**
 * The median of each feature, [D]; for an even number of samples the mean of the two in the middle.
 *
 * @throws ShapeError for what is no matrix with rows
 */
export function featureMedians(x_SD: tf.Tensor2D): tf.Tensor1D {
  const where = 'opu-dfa.featureMedians';
  checkShape(where, 'x', x_SD, [null, null]);
  const samples = x_SD.shape[0];
  if (samples === 0) throw new ShapeError(argumentMessage(where, 'x', 'have rows', x_SD));
  return tf.tidy(() => {
    const count = Math.floor(samples / 2) + 1;
    const largest = tf.topk(x_SD.toFloat().transpose(), count).values;
    const least = samples % 2 === 1 ? 1 : 2;
    return largest.slice([0, count - least], [-1, least]).mean<tf.Tensor1D>(1);
  });
}

/**
 * A plane of bits for each threshold, side by side: all features at the first, then all at the second.
 *
 * @param thresholds  T for all features; or [T, D], a tensor with one for each feature
 * @returns float32 of 0 and 1 [S, T D]
 * @throws ShapeError for what is no matrix, no thresholds and thresholds of another shape, RangeError for thresholds that are
 *   not finite
 */
export function multiThresholdCode(x_SD: tf.Tensor2D, thresholds: readonly number[] | tf.Tensor2D): tf.Tensor2D {
  const where = 'opu-dfa.multiThresholdCode';
  const [samples, features] = checkShape(where, 'x', x_SD, [null, null]).shape;
  const planes = Array.isArray(thresholds) ? thresholds.length : (thresholds as tf.Tensor2D).shape[0];
  if (planes === 0) throw new ShapeError(argumentMessage(where, 'thresholds', 'have at least one', thresholds));
  return tf.tidy(() => {
    const limits = limitsOf(where, thresholds, features);
    const above = tf.greater(x_SD.toFloat().expandDims(1), limits).toFloat();
    return above.add(nothingFinite(x_SD).expandDims(1)).reshape<tf.Tensor2D>([samples, planes * features]);
  });
}

/** [1, T, 1 or D] */
function limitsOf(where: string, thresholds: readonly number[] | tf.Tensor2D, features: number): tf.Tensor {
  if (thresholds instanceof tf.Tensor) {
    return checkShape(where, 'thresholds', thresholds, [null, features]).expandDims(0);
  }
  thresholds.forEach((t, i) => checkNumber(where, `thresholds[${i}]`, t));
  return tf.tensor3d([...thresholds], [1, thresholds.length, 1]);
}

/**
 * Base-2 thermometer: bit b of an integer 2^b times, the most significant first, so that nearby levels differ in few mirrors
 * and the number of lit ones is the level. 5 of 8 levels: 1111 00 1.
 *
 * @param x_SD    integers 0 .. levels - 1; others are rounded and clipped
 * @param levels  a power of 2, 2..256, default 16
 * @returns float32 of 0 and 1 [S, D (levels - 1)], the bits of a feature side by side
 * @throws ShapeError for what is no matrix, RangeError for other levels
 * @see LightOn, lightonml, sequential base-2 encoder
 */
export function thermometerCode(x_SD: tf.Tensor2D, { levels = 16 }: { levels?: number } = {}): tf.Tensor2D {
  const where = 'opu-dfa.thermometerCode';
  const [samples, features] = checkShape(where, 'x', x_SD, [null, null]).shape;
  checkNumber(where, 'levels', levels, { min: 2, max: 256, integer: true });
  if (!Number.isInteger(Math.log2(levels))) {
    throw new RangeError(argumentMessage(where, 'levels', 'be a power of 2', levels));
  }
  // 8 8 8 8 8 8 8 8 4 4 4 4 2 2 1 for 16 levels.
  const places = Array.from({ length: levels - 1 }, (_, i) => 2 ** Math.floor(Math.log2(levels - 1 - i)));
  return tf.tidy(() => {
    const level = x_SD
      .toFloat()
      .add(0.5)
      .floor()
      .clipByValue(0, levels - 1);
    const shifted = level.expandDims(2).div(tf.tensor3d(places, [1, 1, levels - 1])).floor(); // prettier-ignore
    const bits = shifted.sub(shifted.div(2).floor().mul(2));
    return bits.reshape<tf.Tensor2D>([samples, features * (levels - 1)]);
  });
}

/**
 * Ternary numbers as two binary ones, x = plus - minus: 1 where x > 0, and 1 where x < 0.
 *
 * @param x  any shape
 * @returns float32 of 0 and 1; NaN and Infinity give NaN
 */
export function ternarySplit<T extends tf.Tensor>(x: T): { plus: T; minus: T } {
  return tidied(() => {
    const broken = nothingFinite(x);
    return { plus: tf.greater(x, 0).toFloat().add<T>(broken), minus: tf.less(x, 0).toFloat().add<T>(broken) };
  });
}

/** 0 for finite numbers, NaN for others: a comparison alone would hide them. */
function nothingFinite(x: tf.Tensor): tf.Tensor {
  return x.toFloat().mul(0);
}
