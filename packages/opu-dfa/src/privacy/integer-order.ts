// q sampling rate, z noise multiplier
import { linalg } from '@tfsci/tensor-core';

/**
 * log A of an integer order n, 0 < q < 1, z > 0; exact, also where A is next to 1.
 *
 *   A = sum_k C(n, k) (1-q)^(n-k) q^k exp((k^2 - k) / (2 z^2)) = 1 + the same with exp(..) - 1
 *
 * as the binomial weights have sum 1. No term of the second sum is negative.
 */
export function integerLogMoment(q: number, z: number, n: number): number {
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  const terms: number[] = [];
  let logBinomial = Math.log(n);
  for (let k = 2; k <= n; k++) {
    logBinomial += Math.log((n - k + 1) / k);
    const exponent = (k * (k - 1)) / (2 * z) / z;
    if (exponent === Infinity) return Infinity;
    terms.push(logBinomial + k * logQ + (n - k) * logRest + logExpm1(exponent));
  }
  return log1pExp(linalg.logSumExp(terms));
}

/** log(e^x - 1), x >= 0. */
export function logExpm1(x: number): number {
  return x > 40 ? x : Math.log(Math.expm1(x));
}

/** log(1 + e^x) */
export function log1pExp(x: number): number {
  return x > 40 ? x : Math.log1p(Math.exp(x));
}
