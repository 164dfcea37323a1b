import { check } from '@tfsci/tensor-core';
import { checkCamera, type CameraOptions } from './camera';

const { checkNumber, checkOneOf } = check;

/** A camera, and the light that it sees. */
export interface LinearNoiseOptions extends CameraOptions {
  /** A > 0, amplitude of the reference wave. */
  referenceAmplitude: number;
  /** Mean of |x R|^2, summed over the shots; default 0: the reference alone. 2 k / C for k ones or codes that are not 0. */
  intensity?: number;
  /** Shots with the reference in phase (and as many in opposite phase): 2 (default) for ternary inputs, 1 for binary ones. */
  shots?: 1 | 2;
  /** What the projection is multiplied by afterwards, default 1. */
  scale?: number;
}

/** Noise of a recovered projection, in its units. */
export interface LinearNoise {
  /** Standard deviation, mean over pixels: sqrt(shot + read + quantisation). */
  sigma: number;
  /** The least standard deviation of any pixel for any input, rounding not counted: what of it is random for certain. */
  leastSigma: number;
  /** Variances. */
  shot: number;
  read: number;
  quantisation: number;
}

/**
 * Standard deviation of the linear projection that opposite frames of a camera give, so that its noise can stand for the sigma
 * of photonic feedback and of its accounting.
 *
 *   var = (var c_0 + var c_2) / (4 A a)^2 for each shot,  var c_k = a I_k + s^2 + 1/12,  I_0 + I_2 = 2 A^2 + 2 |x R|^2
 *   shot          (shots A^2 + intensity) / (8 A^2 a)
 *   read          shots s^2 / (8 A^2 a^2)
 *   quantisation  shots / (96 A^2 a^2)
 *
 * @throws RangeError for numbers outside
 * @remarks The noise is not exactly Gaussian. A difference of Poisson counts has the variance of the shot noise here, but is a
 *   law on integers with heavier tails; rounding and saturation are no noise at all, they are functions of the light, and for
 *   privacy they must not be counted. The variance also grows a little with the signal, which `leastSigma` leaves out. So an
 *   accountant that takes leastSigma for a Gaussian sigma rests on a model, good from some ten counts a pixel; a guarantee
 *   needs digital noise.
 */
export function linearNoise(options: LinearNoiseOptions): LinearNoise {
  const where = 'opu-dfa.linearNoise';
  const { gain, shotNoise, readNoise, bits } = checkCamera(where, options);
  const { referenceAmplitude, intensity = 0, shots = 2, scale = 1 } = options;
  checkNumber(where, 'referenceAmplitude', referenceAmplitude, { above: 0 });
  checkNumber(where, 'intensity', intensity, { min: 0 });
  checkOneOf(where, 'shots', shots, [1, 2]);
  checkNumber(where, 'scale', scale, { above: 0 });
  const perCount = scale ** 2 / (8 * referenceAmplitude ** 2 * gain ** 2);
  const shotOf = (light: number): number =>
    shotNoise ? perCount * gain * (shots * referenceAmplitude ** 2 + light) : 0;
  const shot = shotOf(intensity);
  const read = perCount * shots * readNoise ** 2;
  const quantisation = bits === null ? 0 : (perCount * shots) / 12;
  return {
    sigma: Math.sqrt(shot + read + quantisation),
    leastSigma: Math.sqrt(shotOf(0) + read),
    shot,
    read,
    quantisation,
  };
}
