import { PolynomialSketch } from '@tfsci/ctr-features';
import type { random } from '@tfsci/tensor-core';

/** Variance of the estimate of k(x, x) = 1 by one feature, Gaussian weights. */
export interface Growth {
  degree: number;
  mode: 'real' | 'ctr';
  /** Of the whole sketch, times its number of real features. */
  variance: number;
  /** Its standard error, by the moments of the exact distribution: a sample would tell them too low. */
  standardError: number;
}

/** A unit vector; the distribution of Gaussian weights does not care which. */
const POINT = Float32Array.of(0.5, 0.5, 0.5, 0.5);

/** The variance of one real feature: of x = y, the largest over all points of these norms. */
export function closedForm(degree: number, mode: Growth['mode']): number {
  return mode === 'real' ? 3 ** degree - 1 : 2 ** (degree + 1) - 2;
}

/** Measures the variance from the independent features of one map. */
export async function growthOf(
  degree: number,
  mode: Growth['mode'],
  features: number,
  key: random.Key,
): Promise<Growth> {
  const map = new PolynomialSketch({ inputDim: POINT.length, features, degree, projection: 'gaussian', mode, key });
  const { data } = await map.transformRows([POINT]);
  map.dispose();
  // Independent estimates of 1: of a real feature, or of a complex one, which is two real ones.
  const estimates = mode === 'real' ? features : features / 2;
  const perReal = features / estimates;
  let variance = 0;
  for (let l = 0; l < estimates; l++) {
    const modulus = mode === 'real' ? data[l]! ** 2 : data[l]! ** 2 + data[estimates + l]! ** 2;
    variance += (perReal * (estimates * modulus - 1) ** 2) / estimates;
  }
  // Of (v - 1)^2, with v a product of p squared moduli of normal numbers: E v^k is (2k - 1)!!^p, or k!^p.
  const moments = mode === 'real' ? [1, 3, 15, 105] : [1, 2, 6, 24];
  const [, second, third, fourth] = moments.map((moment) => moment ** degree) as [number, number, number, number];
  const spread = fourth - 4 * third + 6 * second - 3 - (second - 1) ** 2;
  return { degree, mode, variance, standardError: perReal * Math.sqrt(spread / estimates) };
}
