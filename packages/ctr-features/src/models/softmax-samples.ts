// S samples, C classes
import { check, random } from '@tfsci/tensor-core';

/** How class probabilities are computed. */
export interface SampleOptions {
  /** What the samples are drawn with; a number n is `random.key(n)`. The same ones serve all rows. */
  key: random.Key | number;
  /** S, default 1000: probabilities have a standard error of at most 1 / (2 sqrt(S)). */
  samples?: number;
}

/** Standard normal numbers, [S, C]. */
export function drawSamples(where: string, { key, samples = 1000 }: SampleOptions, classes: number): Float64Array {
  check.checkNumber(where, 'samples', samples, { min: 1, integer: true });
  return random.fillNormal(random.asKey(where, key), new Float64Array(samples * classes));
}

/** The mean over samples of softmax(mean + std noise), written into `out`. */
export function meanSoftmax(mean: Float64Array, std: Float64Array, noise_SC: Float64Array, out: Float64Array): void {
  const C = mean.length;
  const samples = noise_SC.length / C;
  const powers = new Float64Array(C);
  for (let s = 0; s < samples; s++) {
    let most = -Infinity;
    for (let c = 0; c < C; c++) {
      powers[c] = mean[c]! + std[c]! * noise_SC[s * C + c]!;
      most = Math.max(most, powers[c]!);
    }
    let sum = 0;
    for (let c = 0; c < C; c++) sum += powers[c] = Math.exp(powers[c]! - most);
    for (let c = 0; c < C; c++) out[c]! += powers[c]! / (sum * samples);
  }
}
