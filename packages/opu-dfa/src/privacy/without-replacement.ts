// q sampling rate, z noise multiplier
import { linalg } from '@tfsci/tensor-core';
import { log1pExp, logExpm1 } from './integer-order';
import { checkRenyiOrder } from './orders';
import { gaussianDivergence } from './rdp-gaussian';
import { checkSampled } from './sampled-gaussian';

/**
 * An upper bound of the Rényi divergence of the Gaussian mechanism on a fixed number of examples, drawn without replacement.
 * One example another.
 *
 *   (alpha - 1) rdp(alpha) = log(1 + q^2 C(alpha, 2) min(4 (e^r(2) - 1), 2 e^r(2)) + sum_{j>=3} 2 q^j C(alpha, j)
 *   e^((j-1) r(j))),  r(j) = j / (2 z^2)
 *
 * for integer orders; between them by lines, which are above as (alpha - 1) rdp is convex and 0 at alpha = 1. Never above
 * r(alpha), what is paid when every example takes part.
 *
 * @param samplingRate     q = examples drawn over all examples, 0..1
 * @param noiseMultiplier  z >= 0, the standard deviation of the noise over how far the sum moves when one example is
 *   exchanged: for a sum of vectors clipped to the norm C that is 2 C, so z is half of noise / C
 * @param order            alpha > 1, Infinity too
 * @returns in nats; 0 for q = 0, Infinity for z = 0 or alpha = Infinity
 * @throws TypeError, RangeError for other numbers
 * @see Wang, Balle & Kasiviswanathan, 2019, theorem 9, arXiv:1808.00087
 * @example
 * rdpSampledWithoutReplacement(0.01, 2, 8); // 0.000488
 */
export function rdpSampledWithoutReplacement(samplingRate: number, noiseMultiplier: number, order: number): number {
  const where = 'opu-dfa.rdpSampledWithoutReplacement';
  checkSampled(where, samplingRate, noiseMultiplier);
  checkRenyiOrder(where, 'order', order);
  return withoutReplacementTable(samplingRate, noiseMultiplier, [order])[0]!;
}

/** `rdpSampledWithoutReplacement` of checked numbers for many orders. */
export function withoutReplacementTable(q: number, z: number, orders: readonly number[]): number[] {
  if (q === 0) return orders.map(() => 0);
  const known = new Map<number, number>([[1, 0]]);
  const logMoment = (n: number): number => {
    const value = known.get(n) ?? integerBound(q, z, n);
    known.set(n, value);
    return value;
  };
  return orders.map((order) => {
    const whole = gaussianDivergence(z, order);
    if (whole === Infinity) return Infinity;
    const low = Math.floor(order);
    const part = order - low;
    const line = part === 0 ? logMoment(low) : (1 - part) * logMoment(low) + part * logMoment(low + 1);
    return Math.min(whole, line / (order - 1));
  });
}

/** (n - 1) rdp(n) */
function integerBound(q: number, z: number, n: number): number {
  const logQ = Math.log(q);
  const terms: number[] = [];
  let logBinomial = Math.log(n);
  for (let j = 2; j <= n; j++) {
    logBinomial += Math.log((n - j + 1) / j);
    const exponent = (j - 1) * gaussianDivergence(z, j);
    if (exponent === Infinity) return Infinity;
    const factor = j === 2 ? Math.min(Math.log(4) + logExpm1(exponent), Math.LN2 + exponent) : Math.LN2 + exponent;
    terms.push(logBinomial + j * logQ + factor);
  }
  return log1pExp(linalg.logSumExp(terms));
}
