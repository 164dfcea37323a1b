// C outputs of the network, N outputs of the processor (pixels)
import { check, random } from '@tfsci/tensor-core';
import { onMirrors } from './frames';
import { opposedShots } from './opposed-shots';
import type { OpticalProcessor } from './optical-processor';

const { checkNumber } = check;

/** Options of `calibrateProcessor`. */
export interface CalibrationOptions {
  /** For the frames, and for the noise of a simulation; a key, or a seed. */
  key: random.KeyOrSeed;
  /** How many random frames are shown, default 64; each four times. */
  frames?: number;
  /** C, outputs of the network, default the inputs of the processor. */
  outputs?: number;
  signal?: AbortSignal;
}

/** What a processor does, in units of the feedback. */
export interface Calibration {
  /** For `opticalFeedback`: entries of the feedback matrix get the mean square 1 / C. */
  scale: number;
  /** Standard deviation of the noise of a projected ternary code (two shots) at that scale. */
  sigma: number;
  /** Part of the pixels that were full, which should be 0; null where saturation is not known. */
  saturated: number | null;
}

/**
 * Measures the scale and the noise of a processor by showing random frames twice.
 *
 *   d, d' = c_0 - c_2 of the same frame x, k ones:  E d d' = (entries' mean square) k,  E (d - d')^2 = 2 var d
 *   scale = sqrt(mean k / (C mean(d d'))),  sigma = scale sqrt(mean((d - d')^2))
 *
 * Noise that is not independent from shot to shot, as drifts are, is not in sigma, and must not be taken for privacy.
 *
 * @throws RangeError for options outside, and when nothing of the frames is seen: mean(d d') <= 0; ShapeError when the
 *   processor gives another number of counts
 */
export async function calibrateProcessor(
  processor: OpticalProcessor,
  { key, frames = 64, outputs = processor.inputs, signal }: CalibrationOptions,
): Promise<Calibration> {
  const where = 'opu-dfa.calibrateProcessor';
  checkNumber(where, 'frames', frames, { min: 1, integer: true });
  checkNumber(where, 'outputs', outputs, { min: 1, max: processor.inputs, integer: true });
  const [forFrames, first, second] = random.split(random.asKey(where, key), 3) as [random.Key, random.Key, random.Key];
  const bits = random.fillBernoulli(forFrames, new Uint8Array(frames * outputs));
  const shown = onMirrors(bits, frames, outputs, processor.inputs);
  const one = await opposedShots(where, processor, shown, frames, first, signal);
  const two = await opposedShots(where, processor, shown, frames, second, signal);
  let product = 0;
  let change = 0;
  const { length } = one.difference;
  for (let i = 0; i < length; i++) {
    product += one.difference[i]! * two.difference[i]!;
    change += (one.difference[i]! - two.difference[i]!) ** 2;
  }
  const fix = 'Is the reference wave on, and does its phase turn?';
  checkNumber(where, 'mean(d d)', product / length, { above: 0 }, fix);
  const ones = bits.reduce((sum, bit) => sum + bit, 0) / frames;
  const scale = Math.sqrt(ones / outputs / (product / length));
  const saturated = one.saturated === null ? null : (one.saturated + two.saturated!) / 2;
  return { scale, sigma: scale * Math.sqrt(change / length), saturated };
}
