import { check } from '@tfsci/tensor-core';
import { checkRenyiOrder } from './orders';

const { checkNumber } = check;

/**
 * The Rényi divergence of the Gaussian mechanism f + N(0, s^2 I) on neighbouring data.
 *
 *   rdp(alpha) = alpha / (2 z^2),  z = s / sensitivity of f
 *
 * @param noiseMultiplier  z >= 0
 * @param order            alpha > 1, Infinity too
 * @returns in nats; Infinity for z = 0 or alpha = Infinity
 * @throws TypeError, RangeError for other numbers
 * @see Mironov, 2017, corollary 3, arXiv:1702.07476
 * @example
 * rdpGaussian(2, 8); // 1
 */
export function rdpGaussian(noiseMultiplier: number, order: number): number {
  const where = 'opu-dfa.rdpGaussian';
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  checkRenyiOrder(where, 'order', order);
  return gaussianDivergence(noiseMultiplier, order);
}

/** alpha / (2 z^2) of checked numbers. */
export function gaussianDivergence(z: number, order: number): number {
  // Two divisions: the square of a small z would be 0 too early.
  return order / (2 * z) / z;
}
