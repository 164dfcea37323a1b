// M examples, N entries of a row
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';

const { checkNumber, checkShape } = check;

/**
 * Rows with norms of at most tau: v min(1, tau / ||v||), row by row.
 *
 * Rows inside the ball stay as they are, exactly; norms are below tau up to the rounding of float32. Differentiable, at rows
 * of zeros too.
 *
 * @param v_MN  float32 [M, N], a row an example
 * @param tau   > 0
 * @returns [M, N]. A row that has a NaN or an Infinity, or whose ||v||^2 / tau^2 is above the largest float32, is NaN
 *   altogether: it can neither pass for clipped nor go unnoticed
 * @throws TypeError, ShapeError for what is no matrix, RangeError for a tau that is not above 0
 */
export function clipL2(v_MN: tf.Tensor2D, tau: number): tf.Tensor2D {
  const where = 'opu-dfa.clipL2';
  checkShape(where, 'v', v_MN, [null, null]);
  checkNumber(where, 'tau', tau, { above: 0 });
  return tf.tidy(() => {
    const square_M1 = v_MN.div(tau).square().sum(1, true);
    const factor_M1 = square_M1.maximum(1).rsqrt();
    return v_MN.mul<tf.Tensor2D>(factor_M1.add(zeroOrNaN(square_M1)));
  });
}

/**
 * Rows with the norm tau: v tau / ||v||, row by row; rows of zeros stay zeros.
 *
 * Differentiable; at a row of zeros, where there is no derivative, it gets the gradient of tau v.
 *
 * @param v_MN  float32 [M, N]
 * @param tau   > 0
 * @returns [M, N]; a row that has a NaN or an Infinity is NaN altogether
 * @throws as `clipL2`
 */
export function scaleTo(v_MN: tf.Tensor2D, tau: number): tf.Tensor2D {
  const where = 'opu-dfa.scaleTo';
  checkShape(where, 'v', v_MN, [null, null]);
  checkNumber(where, 'tau', tau, { above: 0 });
  return tf.tidy(() => {
    const largest_M1 = v_MN.abs().max(1, true);
    const isZero_M1 = tf.sub(1, tf.step(largest_M1));
    // With 1 as its largest entry no row is too long or too short for the square of its norm.
    const unit_MN = v_MN.div(largest_M1.add(isZero_M1));
    const square_M1 = unit_MN.square().sum(1, true);
    const factor_M1 = square_M1.maximum(1).rsqrt().mul(tau);
    return unit_MN.mul<tf.Tensor2D>(factor_M1.add(zeroOrNaN(square_M1)));
  });
}

/**
 * Entries cut to [-c, c]; NaN and Infinity give NaN.
 *
 * @param v  float32, any shape
 * @param c  > 0
 * @throws RangeError for a c that is not above 0
 */
export function clipElements<T extends tf.Tensor>(v: T, c: number): T {
  checkNumber('opu-dfa.clipElements', 'c', c, { above: 0 });
  return tf.tidy(() => v.clipByValue(-c, c).add<T>(zeroOrNaN(v)));
}

/**
 * Magnitudes cut to [lo, hi], signs kept: sign(v) clip(|v|, lo, hi). Zeros stay zeros; NaN and Infinity give NaN.
 *
 * @param v   float32, any shape
 * @param lo  >= 0, for a lower bound of the magnitudes of what is not 0
 * @param hi  >= lo and > 0
 * @throws RangeError for bounds outside
 */
export function clipBand<T extends tf.Tensor>(v: T, lo: number, hi: number): T {
  const where = 'opu-dfa.clipBand';
  checkNumber(where, 'lo', lo, { min: 0 });
  checkNumber(where, 'hi', hi, { above: 0, min: lo });
  return tf.tidy(() => {
    // Not sign(v), which is 0 on wasm for small numbers.
    const sign = tf.step(v).sub(tf.step(v.neg()));
    return sign.mul(v.abs().clipByValue(lo, hi)).add<T>(zeroOrNaN(v));
  });
}

/**
 * Entries squashed into (-c, c): c tanh(v / c). NaN and Infinity give NaN.
 *
 * @param v  float32, any shape
 * @param c  > 0
 * @throws RangeError for a c that is not above 0
 */
export function clipSmooth<T extends tf.Tensor>(v: T, c: number): T {
  checkNumber('opu-dfa.clipSmooth', 'c', c, { above: 0 });
  return tf.tidy(() => v.div(c).tanh().mul(c).add<T>(zeroOrNaN(v)));
}

/** 0 for finite numbers, NaN for others: kernels differ in what minima and signs of NaN are, and Infinity would be cut. */
export function zeroOrNaN(v: tf.Tensor): tf.Tensor {
  return v.mul(0);
}
