// S samples, D features, P = S bits rows of planes, N outputs
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { tidied } from '../tidied';

const { checkNumber, checkShape, argumentMessage, ShapeError } = check;

/** Which bits of integers are planes. */
export interface BitPlaneOptions {
  /** Planes of a sample, 1..16, default 8. */
  bits?: number;
  /** The lowest bit that is one, default 0; bits below it are dropped. bits + startingBit <= 24. */
  startingBit?: number;
}

/**
 * Binary planes of integers, bits rows for each sample, the least significant first.
 *
 *   row (i bits + b): floor(x_i / 2^(b + startingBit)) mod 2
 *
 * @param x_SD  integers 0 .. 2^24 - 1 of any dtype; fractions are cut off
 * @returns float32 of 0 and 1 [S bits, D]
 * @throws ShapeError for what is no matrix, RangeError for bits outside
 * @see LightOn, lightonml, separated bit planes
 */
export function encodeBitPlanes(x_SD: tf.Tensor2D, { bits = 8, startingBit = 0 }: BitPlaneOptions = {}): tf.Tensor2D {
  const where = 'opu-dfa.encodeBitPlanes';
  checkShape(where, 'x', x_SD, [null, null]);
  checkNumber(where, 'bits', bits, { min: 1, max: 16, integer: true });
  checkNumber(where, 'startingBit', startingBit, { min: 0, max: 24 - bits, integer: true });
  const [samples, features] = x_SD.shape;
  return tf.tidy(() => {
    const places = tf.tensor3d(powers(2, bits, startingBit), [1, bits, 1]);
    const shifted = x_SD.toFloat().expandDims(1).div(places).floor();
    const halves = shifted.div(2).floor();
    return shifted.sub(halves.mul(2)).reshape<tf.Tensor2D>([samples * bits, features]);
  });
}

/**
 * One row for each sample from those of its planes.
 *
 *   y_i = sum_b decay^b y_(i bits + b)
 *
 * With decay 2 (default) the linear transform of the integers, exactly. For intensities, which are not linear, lightonml takes
 * 0.5: features for learning, not a transform of the integers.
 *
 * @param y_PN   [S bits, N]
 * @param bits   planes of a sample, default 8
 * @returns float32 [S, N]
 * @throws ShapeError unless the rows are a multiple of bits, RangeError for bits or a decay outside
 */
export function decodeBitPlanes(y_PN: tf.Tensor2D, { bits = 8, decay = 2 }: DecodeOptions = {}): tf.Tensor2D {
  const where = 'opu-dfa.decodeBitPlanes';
  checkShape(where, 'y', y_PN, [null, null]);
  checkNumber(where, 'bits', bits, { min: 1, max: 16, integer: true });
  checkNumber(where, 'decay', decay, { above: 0 });
  const [rows, outputs] = y_PN.shape;
  if (rows % bits !== 0) {
    throw new ShapeError(argumentMessage(where, 'y', `have a multiple of ${bits} rows, one for each bit`, y_PN));
  }
  return tf.tidy(() => {
    const weights = tf.tensor3d(powers(decay, bits), [1, bits, 1]);
    return y_PN
      .toFloat()
      .reshape([rows / bits, bits, outputs])
      .mul(weights)
      .sum<tf.Tensor2D>(1);
  });
}

/** Options of `decodeBitPlanes`. */
export interface DecodeOptions {
  /** Planes of a sample, default 8. */
  bits?: number;
  /** Weight of a bit over that of the bit below, default 2. */
  decay?: number;
}

/** Codes of real numbers for shots of positive and of negative ones. */
export type SignedPlanes = {
  /** Of the positive numbers, [S bits, D]. */
  plus: tf.Tensor2D;
  /** Of the negative ones, without their sign. */
  minus: tf.Tensor2D;
  /** The number that an integer 1 stands for; scalar. */
  step: tf.Scalar;
};

/**
 * Bit planes of real numbers: scaled to integers, rounded, and split by sign.
 *
 *   x = step (integers of plus - integers of minus) + error, |error| <= step / 2,  step = max|x| / (2^bits - 1)
 *
 * A linear transform L is step (decodeBitPlanes(L(plus)) - decodeBitPlanes(L(minus))).
 *
 * @param x_SD  finite numbers; NaN gives NaN
 * @param bits  1..16, default 8
 * @throws ShapeError for what is no matrix, RangeError for bits outside
 */
export function encodeSigned(x_SD: tf.Tensor2D, { bits = 8 }: { bits?: number } = {}): SignedPlanes {
  const where = 'opu-dfa.encodeSigned';
  checkShape(where, 'x', x_SD, [null, null]);
  checkNumber(where, 'bits', bits, { min: 1, max: 16, integer: true });
  return tidied(() => {
    const x = x_SD.toFloat();
    const step = x
      .abs()
      .max()
      .div<tf.Scalar>(2 ** bits - 1);
    // Where all is 0 any unit will do.
    const unit = tf.where(tf.equal(step, 0), 1, step);
    const integers = x.div(unit).abs().add(0.5).floor();
    const planesOf = (part: tf.Tensor): tf.Tensor2D => encodeBitPlanes(integers.mul(part.toFloat()), { bits });
    return { plus: planesOf(tf.greater(x, 0)), minus: planesOf(tf.less(x, 0)), step };
  });
}

/** base^(from + b), b = 0 .. count - 1. */
function powers(base: number, count: number, from = 0): number[] {
  return Array.from({ length: count }, (_, b) => base ** (from + b));
}
