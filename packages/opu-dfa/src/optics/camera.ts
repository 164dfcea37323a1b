import * as tf from '@tensorflow/tfjs';
import { check, random } from '@tfsci/tensor-core';
import { poissonCounts } from './poisson';

const { checkNumber } = check;

/** What a camera makes of light; by default nothing. */
export interface CameraOptions {
  /** a > 0, photoelectrons, and counts, for an intensity of 1; default 1. */
  gain?: number;
  /** Whether photoelectrons are Poisson counts of mean a I, default false. */
  shotNoise?: boolean;
  /** Standard deviation of the noise of reading a pixel, in counts, default 0. */
  readNoise?: number;
  /** Counts are integers from 0 to 2^bits - 1, bits 1..16; null (default): not rounded, without an end. */
  bits?: number | null;
}

/** A camera with its defaults. */
export type Camera = Required<CameraOptions>;

/** The camera with its defaults, checked. @throws RangeError for numbers outside */
export function checkCamera(where: string, options: CameraOptions): Camera {
  const { gain = 1, shotNoise = false, readNoise = 0, bits = null } = options;
  checkNumber(where, 'gain', gain, { above: 0 });
  checkNumber(where, 'readNoise', readNoise, { min: 0 });
  if (bits !== null) checkNumber(where, 'bits', bits, { min: 1, max: 16, integer: true });
  return { gain, shotNoise, readNoise, bits };
}

/** Whether the same light twice gives different counts. */
export function isNoisy({ shotNoise, readNoise }: Pick<Camera, 'shotNoise' | 'readNoise'>): boolean {
  return shotNoise || readNoise > 0;
}

/** The count of a full pixel, 2^bits - 1; null where counts have no end. */
export function saturationOf({ bits }: Pick<Camera, 'bits'>): number | null {
  return bits === null ? null : 2 ** bits - 1;
}

/**
 * Counts of a camera.
 *
 *   clip(floor(Poisson(a I) + N(0, s^2) + 1/2), 0, 2^bits - 1)
 *
 * @param intensity  I >= 0, float32, any shape
 * @param options    the gain may be a scalar tensor here
 * @param key        for the noise; where there is none it is not used
 * @returns float32 of the same shape, integers where bits are given
 * @throws RangeError for numbers outside, TypeError for noise without a key
 */
export function cameraCounts<T extends tf.Tensor>(
  intensity: T,
  options: Omit<CameraOptions, 'gain'> & { gain?: number | tf.Tensor },
  key?: random.Key,
): T {
  const where = 'opu-dfa.cameraCounts';
  const { gain = 1, ...others } = options;
  const camera = checkCamera(where, { ...others, ...(typeof gain === 'number' ? { gain } : {}) });
  const [forShot, forRead] = isNoisy(camera) ? random.split(random.checkKey(where, key)) : [];
  const full = saturationOf(camera);
  return tf.tidy(() => {
    let counts: tf.Tensor = intensity.mul(gain);
    if (camera.shotNoise) counts = poissonCounts(counts, forShot!);
    if (camera.readNoise > 0) counts = counts.add(random.normal(forRead!, counts.shape, { std: camera.readNoise }));
    return full === null ? counts : counts.add(0.5).floor().clipByValue(0, full);
  }) as T;
}

/**
 * The part of the pixels that are full, a scalar in 0..1: their true count may be any larger one.
 *
 * @param bits  of the camera, 1..16
 * @throws RangeError for other bits
 */
export function saturatedFraction(counts: tf.Tensor, bits: number): tf.Scalar {
  checkNumber('opu-dfa.saturatedFraction', 'bits', bits, { min: 1, max: 16, integer: true });
  return tf.tidy(() =>
    tf
      .greaterEqual(counts, 2 ** bits - 1)
      .toFloat()
      .mean(),
  );
}

/**
 * The gain at which a part of the pixels stays below saturation.
 *
 *   a = (2^bits - 2) / (the given quantile of I)
 *
 * @param intensity         of frames like those to come, any shape; read from the device
 * @param options.quantile  the part of the pixels that may be brightest but not full, above 0, at most 1; default 0.99
 * @param options.bits      2..16, default 8
 * @throws RangeError for options outside, for light that is dark at the quantile and for NaN
 */
export async function exposureGain(
  intensity: tf.Tensor,
  { quantile = 0.99, bits = 8 }: { quantile?: number; bits?: number } = {},
): Promise<number> {
  const where = 'opu-dfa.exposureGain';
  checkNumber(where, 'quantile', quantile, { above: 0, max: 1 });
  checkNumber(where, 'bits', bits, { min: 2, max: 16, integer: true });
  // NaN comes last in a sorted typed array.
  const sorted = Float32Array.from(await intensity.data()).sort();
  const last = sorted.at(-1) ?? NaN;
  const brightest = Number.isNaN(last) ? last : sorted[Math.ceil(quantile * sorted.length) - 1];
  const fix = 'Show frames with light, without NaN.';
  checkNumber(where, 'the quantile of the intensities', brightest, { above: 0 }, fix);
  return (2 ** bits - 2) / brightest!;
}
