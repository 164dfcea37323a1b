// q sampling rate, z noise multiplier
import { linalg } from '@tfsci/tensor-core';

/** Terms of the alternating rest: its error is below 2 / 5.8^24 = 1e-18 of the first. */
const ALTERNATING_TERMS = 24;
/** Terms of the rest with all signs positive; what comes after them is bounded. */
const POSITIVE_TERMS = 2000;

/**
 * log A of an order that is no integer, by the series of binomials on both sides of the point x0 where both parts of the
 * mixture are equal, 0 < q < 1, z > 0.
 *
 *   A = sum_i C(alpha, i) (first_i + second_i),  j = alpha - i,  x0 = z^2 log(1/q - 1) + 1/2
 *   first_i  = q^i (1-q)^j exp((i^2 - i) / (2 z^2)) erfc((i - x0) / (sqrt(2) z)) / 2
 *   second_i = q^j (1-q)^i exp((j^2 - j) / (2 z^2)) erfc((x0 - j) / (sqrt(2) z)) / 2
 *
 * Beyond alpha the signs alternate, and the terms without them are the moments of a positive measure: a few of them, weighted
 * after Cohen, Rodriguez Villegas & Zagier, give the whole rest, where thousands would have to be added.
 *
 * @param signs  'absolute' takes |C(alpha, i)|: an upper bound, as dp_accounting has it
 * @see Mironov, Talwar & Zhang, 2019, section 3.3, arXiv:1908.10530; Cohen, Rodriguez Villegas & Zagier, 2000, "Convergence
 *   acceleration of alternating series", algorithm 1
 */
export function seriesLogMoment(q: number, z: number, order: number, signs: 'exact' | 'absolute'): number {
  const head = Math.ceil(order);
  const rest = signs === 'exact' ? alternatingWeights(ALTERNATING_TERMS) : positiveWeights(head, q, z, order);
  const logTerms = termLogs(q, z, order, head + rest.length);
  const largest = logTerms.reduce((most, term) => Math.max(most, term));
  if (largest === Infinity) return Infinity;
  let sum = 0;
  // The small ones first.
  for (let i = logTerms.length - 1; i >= 0; i--) {
    sum += (i < head ? 1 : rest[i - head]!) * Math.exp(logTerms[i]! - largest);
  }
  // Its rounding alone can make the logarithm of a sum next to 1 negative.
  return Math.max(0, largest + Math.log(sum));
}

/** log(|C(alpha, i)| (first_i + second_i)) for i < count. */
function termLogs(q: number, z: number, order: number, count: number): number[] {
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  const x0 = middleOf(q, z);
  const width = Math.SQRT2 * z;
  // What all terms have in common where erfc is small, and written as exp(-x^2) erfcx(x).
  const common = order * logRest - (x0 / width) ** 2;
  const part = (inside: number, outside: number, x: number): number =>
    x < 0
      ? inside * logQ + outside * logRest + (inside * (inside - 1)) / (2 * z) / z + linalg.logErfc(x)
      : common + Math.log(linalg.erfcx(x));
  const logs: number[] = [];
  let logBinomial = 0;
  for (let i = 0; i < count; i++) {
    const j = order - i;
    const first = part(i, j, (i - x0) / width);
    const second = part(j, i, (x0 - j) / width);
    const high = Math.max(first, second);
    const both = high === -Infinity ? high : high + Math.log1p(Math.exp(Math.min(first, second) - high));
    logs.push(logBinomial + both - Math.LN2);
    logBinomial += Math.log(Math.abs(j) / (i + 1));
  }
  return logs;
}

/** Weights c_k of sum_k (-1)^k a_k = sum_{k<n} c_k a_k for moments a_k of a positive measure on [0, 1]. */
function alternatingWeights(n: number): number[] {
  const power = (3 + Math.sqrt(8)) ** n;
  const scale = (power + 1 / power) / 2;
  const weights: number[] = [];
  let b = -1;
  let c = -scale;
  for (let k = 0; k < n; k++) {
    c = b - c;
    weights.push(c / scale);
    b *= ((k + n) * (k - n)) / ((k + 0.5) * (k + 1));
  }
  return weights;
}

/**
 * Ones, and as the last weight, of the term i, what stands for all later terms too.
 *
 * With p = alpha + 1, |C(alpha, k)| <= |C(alpha, i)| (i / k)^p for k > i; erfcx falls, and as x / (x^2 + 1/2) <= sqrt(pi)
 * erfcx(x) <= 1 / x nearly as 1 / k. So the rest is at most a_i i^p sum_k k^-p, and a power more where i is large; the sum is
 * below the integral from i + 1/2.
 */
function positiveWeights(head: number, q: number, z: number, order: number): number[] {
  const weights = new Array<number>(POSITIVE_TERMS).fill(1);
  const i = head + POSITIVE_TERMS - 1;
  const x0 = middleOf(q, z);
  const nearest = (i - Math.max(x0, order - x0)) / (Math.SQRT2 * z);
  const furthest = Math.max(0, -x0, x0 - order);
  const sumOfPowers = (p: number): number => (i * (i / (i + 0.5)) ** (p - 1)) / (p - 1);
  const slow = sumOfPowers(order + 1);
  const fast = (1 + 0.5 / nearest ** 2) * (1 + furthest / i) * sumOfPowers(order + 2);
  weights[POSITIVE_TERMS - 1] = 1 + (nearest > 0 ? Math.min(slow, fast) : slow);
  return weights;
}

/** x0, where (1-q) and q exp((2x-1) / (2 z^2)) are equal. */
function middleOf(q: number, z: number): number {
  return z * z * (Math.log1p(-q) - Math.log(q)) + 0.5;
}
