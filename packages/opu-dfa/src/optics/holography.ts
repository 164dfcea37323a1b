// K phases, M frames, N outputs (pixels).
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { Field } from './transmission-matrix';
import { tidied } from '../tidied';

const { argumentMessage, checkNumber, checkShape } = check;

/** With what frames were taken. */
export interface HolographyOptions {
  /** A > 0, amplitude of the reference wave. */
  referenceAmplitude: number;
  /** a > 0, counts of the camera for an intensity of 1, default 1. */
  gain?: number | tf.Tensor;
}

/**
 * Intensities of a field that interferes with a reference wave, whose phase is shifted by quarter turns.
 *
 *   I_k = |y + A exp(i k pi / 2)|^2,  k = 0..3
 *
 * @param field               y, { re, im } [M, N]
 * @param referenceAmplitude  A > 0
 * @returns float32 [4, M, N]
 * @throws RangeError for another amplitude
 */
export function phaseShiftedFrames(field: Field, referenceAmplitude: number): tf.Tensor3D {
  checkNumber('opu-dfa.phaseShiftedFrames', 'referenceAmplitude', referenceAmplitude, { above: 0 });
  return tf.tidy(() =>
    tf.stack([0, 1, 2, 3].map((phase) => interferenceIntensity(field, referenceAmplitude, phase))),
  ) as tf.Tensor3D;
}

/** One of them. */
export function interferenceIntensity({ re, im }: Field, amplitude: number, phase: number): tf.Tensor2D {
  const sign = phase < 2 ? 1 : -1;
  return tf.tidy(() => {
    const [shifted, other] = phase % 2 === 0 ? [re, im] : [im, re];
    return shifted
      .add(sign * amplitude)
      .square()
      .add(other.square());
  });
}

/**
 * The field that four phase-shifted frames show.
 *
 *   Re y = (I_0 - I_2) / (4 A a),  Im y = (I_1 - I_3) / (4 A a)
 *
 * Exact for exact intensities; counts rounded to integers give errors of at most 1 / (4 A a).
 *
 * @param frames_KMN  [4, M, N], any dtype of numbers
 * @returns { re, im } float32 [M, N]
 * @throws ShapeError unless there are four frames, RangeError for an amplitude or gain <= 0
 */
export function fieldFromFrames(frames_KMN: tf.Tensor3D, options: HolographyOptions): Field {
  const where = 'opu-dfa.fieldFromFrames';
  checkShape(where, 'frames', frames_KMN, [4, null, null], 'Take one frame for each quarter turn of the reference.');
  return tidied(() => {
    const unit = countsPerUnit(where, options);
    const [i0, i1, i2, i3] = tf.unstack(frames_KMN.toFloat()) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    return { re: i0.sub<tf.Tensor2D>(i2).div(unit), im: i1.sub<tf.Tensor2D>(i3).div(unit) };
  });
}

/**
 * Re y from the two frames that it takes, with the reference in phase and in opposite phase: (I_0 - I_2) / (4 A a).
 *
 * @param inPhase   I_0, any shape and dtype of numbers
 * @param opposite  I_2, of the same shape
 * @throws ShapeError for different shapes, RangeError for an amplitude or gain <= 0
 */
export function linearFromFrames<T extends tf.Tensor>(inPhase: T, opposite: T, options: HolographyOptions): T {
  const where = 'opu-dfa.linearFromFrames';
  checkShape(where, 'opposite', opposite, inPhase.shape);
  return tf.tidy(() => inPhase.toFloat().sub(opposite.toFloat()).div<T>(countsPerUnit(where, options)));
}

/**
 * The projection on a reference that comes through the medium itself, from three frames and without a reference arm.
 *
 *   (|y + r|^2 - |y|^2 - |r|^2) / (2 |r|) = Re(conj(r) y) / |r|
 *
 * For a real r > 0 this is Re y; for the field r of a fixed anchor frame on other mirrors it is Re y with the phase of each
 * pixel turned, which has the same law and is as linear. Pixels where the anchor is dark have much noise, or no number.
 *
 * @param together  a |y + r|^2, counts with both frames shown, [M, N]
 * @param alone     a |y|^2
 * @param anchor    a |r|^2, broadcast: [N] or [1, N]
 * @param gain      a > 0, default 1
 * @returns float32 [M, N]
 * @throws ShapeError when together and alone have different shapes, RangeError for a gain <= 0
 */
export function linearFromAnchor(
  together: tf.Tensor2D,
  alone: tf.Tensor2D,
  anchor: tf.Tensor,
  { gain = 1 }: { gain?: number } = {},
): tf.Tensor2D {
  const where = 'opu-dfa.linearFromAnchor';
  checkShape(where, 'alone', alone, together.shape);
  checkNumber(where, 'gain', gain, { above: 0 });
  return tf.tidy(() => {
    const r2 = anchor.toFloat();
    const product = together.toFloat().sub(alone.toFloat()).sub(r2);
    return product.div(r2.mul(gain).sqrt().mul(2));
  });
}

/** 4 A a, by which the difference of opposite frames grows with the field. */
function countsPerUnit(where: string, { referenceAmplitude, gain = 1 }: HolographyOptions): number | tf.Tensor {
  checkNumber(where, 'referenceAmplitude', referenceAmplitude, { above: 0 });
  if (gain instanceof tf.Tensor) return gain.mul(4 * referenceAmplitude);
  if (typeof gain !== 'number') throw new TypeError(argumentMessage(where, 'gain', 'be a number or a scalar', gain));
  return 4 * referenceAmplitude * checkNumber(where, 'gain', gain, { above: 0 });
}
