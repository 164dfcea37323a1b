// q sampling rate, z noise multiplier
import { check } from '@tfsci/tensor-core';
import { checkDelta, gaussianDelta, gaussianEpsilon } from './gaussian-mechanism';
import { sampledLoss, unsampledLoss } from './privacy-loss';
import { checkSampled } from './sampled-gaussian';

const { checkNumber } = check;

/**
 * The least delta for which one use of the sampled Gaussian mechanism, Poisson sampling, is (epsilon, delta)-DP, exactly.
 *
 * Neighbours have an example more or less. By the delta of the Gaussian mechanism,
 *
 *   delta = q delta_G(ln(1 + (e^epsilon - 1) / q))
 *
 * which is that of removing an example; that of adding one is not larger for epsilon >= 0.
 *
 * @param epsilon          >= 0
 * @param samplingRate     q, 0..1
 * @param noiseMultiplier  z >= 0
 * @returns 0..q
 * @throws TypeError, RangeError for other numbers
 * @see Balle, Barthe & Gaboardi, 2018, theorem 8, arXiv:1807.01647; Balle & Wang, 2018, arXiv:1805.06530
 * @example
 * sampledGaussianDelta(1, 0.01, 0.7); // 0.0000057
 */
export function sampledGaussianDelta(epsilon: number, samplingRate: number, noiseMultiplier: number): number {
  const where = 'opu-dfa.sampledGaussianDelta';
  checkNumber(where, 'epsilon', epsilon, { min: 0 });
  checkSampled(where, samplingRate, noiseMultiplier);
  if (samplingRate === 0) return 0;
  return samplingRate * gaussianDelta(unsampledLoss(samplingRate, epsilon), noiseMultiplier);
}

/**
 * The least epsilon for which one use of the sampled Gaussian mechanism is (epsilon, delta)-DP, exactly: the inverse of
 * `sampledGaussianDelta`.
 *
 * @param delta            above 0, below 1
 * @param samplingRate     q, 0..1
 * @param noiseMultiplier  z >= 0
 * @returns >= 0; 0 for delta >= q, else Infinity for z = 0
 * @throws TypeError, RangeError for other numbers
 * @example
 * sampledGaussianEpsilon(1e-5, 0.01, 0.7); // 0.8516
 */
export function sampledGaussianEpsilon(delta: number, samplingRate: number, noiseMultiplier: number): number {
  const where = 'opu-dfa.sampledGaussianEpsilon';
  checkDelta(where, delta);
  checkSampled(where, samplingRate, noiseMultiplier);
  const [q, z] = [samplingRate, noiseMultiplier];
  if (delta >= q) return 0;
  return sampledLoss(q, gaussianEpsilon(delta / q, z));
}
