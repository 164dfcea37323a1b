import { linalg } from '@tfsci/tensor-core';

/**
 * An upper bound of a probability from independent trials: the largest p with P(X <= count) >= risk.
 *
 * The true probability is above it with a chance of at most `risk`, whatever it is and however few trials there are.
 *
 * @param count  successes, 0 .. trials
 * @see Clopper & Pearson, 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial"
 */
export function upperProbability(count: number, trials: number, risk: number): number {
  if (count >= trials) return 1;
  let below = count / trials;
  let above = 1;
  // To float64: what is returned is the end of the bracket that is certain.
  for (;;) {
    const middle = (below + above) / 2;
    if (middle <= below || middle >= above) return above;
    if (linalg.binomialCdf(count, trials, middle) >= risk) below = middle;
    else above = middle;
  }
}

/**
 * The same by Wilson's closed form, an approximation: for searches among many counts.
 *
 * @param z  the normal quantile of 1 - risk
 */
export function approximateUpperProbability(count: number, trials: number, z: number): number {
  const rate = count / trials;
  const square = z ** 2 / trials;
  const spread = z * Math.sqrt((rate * (1 - rate) + square / 4) / trials);
  return Math.min(1, (rate + square / 2 + spread) / (1 + square));
}
