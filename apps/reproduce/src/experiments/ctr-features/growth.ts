import { PolynomialSketch } from '@tfsci/ctr-features';
import type { random } from '@tfsci/tensor-core';

/** Variance of the estimate of k(x, x) = 1 by one feature, Gaussian weights. */
export interface Growth {
  degree: number;
  mode: 'real' | 'ctr';
  /** Of the whole sketch, times its number of real features. */
  variance: number;
  /** Its standard error, by the fourth moment. */
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
  const squares = Float64Array.from({ length: estimates }, (_, l) => {
    const modulus = mode === 'real' ? data[l]! ** 2 : data[l]! ** 2 + data[estimates + l]! ** 2;
    return perReal * (estimates * modulus - 1) ** 2;
  });
  const variance = squares.reduce((sum, square) => sum + square, 0) / estimates;
  const spread = squares.reduce((sum, square) => sum + (square - variance) ** 2, 0) / (estimates - 1);
  return { degree, mode, variance, standardError: Math.sqrt(spread / estimates) };
}
