import { random } from '@tfsci/tensor-core';
import type { DegreeMoments } from './moments';

/** What is distributed over the degrees of a Maclaurin series. */
export interface Budget {
  /** Features to distribute. */
  features: number;
  /** a_n, n = 0, 1, ... Degrees of a_n = 0 get none. */
  coefs: readonly number[];
  /** The lowest degree that gets features: 1, or 2 where the linear term is exact. */
  firstDegree: number;
  /** The highest degree that gets features. */
  maxDegree: number;
}

/** A budget whose highest degree is chosen too. */
export interface OptimisedBudget extends Budget {
  /** The cut-off is chosen from minDegree to maxDegree. */
  minDegree: number;
  /** d', the rows of a Hadamard matrix; says nothing where covariances are 0. */
  paddedDim: number;
}

/** Features for the degrees, and the mean squared error that they are expected to have. */
export interface Allocation {
  /** D_1, D_2, ... to the last that is not 0. */
  distribution: number[];
  /** F = sum_n a_n^2 v_n(D_n) */
  variance: number;
  /** Of the terms that are left out. */
  squaredBias: number;
}

/**
 * The distribution of features over the degrees that minimises variance and squared bias.
 *
 *   F(D_1, D_2, ...) = sum_n a_n^2 v_n(D_n)
 *   v_n(D) = (var_n + (D - 1) cov_n) / D  up to D = d' for cov_n <= 0,  (var_n + (d' - 1) cov_n) / D  beyond
 *
 * For each cut-off each degree has one feature, and each further feature goes to the degree where F falls most, the last
 * of equals: the minimum, as the terms are convex. The cut-off with the smallest F + bias is taken, the last of equals.
 *
 * @see Wacker, Kanagawa & Filippone, 2022, algorithm 1, arXiv:2201.08712
 * @remarks Differs from the reference: degrees with a_n = 0 get no feature.
 */
export function optimisedDistribution(moments: DegreeMoments, budget: OptimisedBudget): Allocation {
  let best: Allocation | null = null;
  for (let cutOff = budget.minDegree; cutOff <= budget.maxDegree; cutOff++) {
    const found = greedyDistribution(moments, { ...budget, maxDegree: cutOff });
    if (found === null) continue;
    if (best === null || found.variance + found.squaredBias <= best.variance + best.squaredBias) best = found;
  }
  return best!;
}

/** null where there is no degree, or not one feature for each. */
function greedyDistribution(moments: DegreeMoments, budget: OptimisedBudget): Allocation | null {
  const { features, coefs, paddedDim, maxDegree } = budget;
  const degrees = degreesOf(budget);
  if (degrees.length === 0 || degrees.length > features) return null;
  const term = (n: number, count: number): number => {
    const [variance, covariance] = [moments.variance[n - 1]!, moments.covariance[n - 1]!];
    const others = covariance <= 0 ? Math.min(count, paddedDim) - 1 : paddedDim - 1;
    return (coefs[n]! ** 2 * (variance + others * covariance)) / count;
  };
  const counts = degrees.map(() => 1);
  const gains = degrees.map((n) => term(n, 1) - term(n, 2));
  for (let left = features - degrees.length; left > 0; left--) {
    let chosen = 0;
    gains.forEach((gain, i) => {
      if (gain >= gains[chosen]!) chosen = i;
    });
    if (gains[chosen]! < 0) chosen = 0;
    const count = ++counts[chosen]!;
    gains[chosen] = term(degrees[chosen]!, count) - term(degrees[chosen]!, count + 1);
  }
  return {
    distribution: byDegree(degrees, counts),
    variance: degrees.reduce((sum, n, i) => sum + term(n, counts[i]!), 0),
    squaredBias: moments.squaredBias[maxDegree - 1]!,
  };
}

/**
 * P(n), the probability that a feature of Kar & Karnick has degree n: in proportion to 2^-n over the degrees that have
 * features at all.
 *
 * @returns [maxDegree], entry n - 1 for degree n
 * @remarks Differs from the paper: no degree is above maxDegree.
 */
export function degreeProbabilities(budget: Budget): number[] {
  const weights = new Array<number>(budget.maxDegree).fill(0);
  for (const n of degreesOf(budget)) weights[n - 1] = 2 ** -n;
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * Features of random degrees: how many have each.
 *
 * @see Kar & Karnick, 2012, "Random feature maps for dot product kernels", arXiv:1201.6530
 */
export function randomDistribution(key: random.Key, budget: Budget): number[] {
  const probabilities = degreeProbabilities(budget);
  const degrees = degreesOf(budget);
  const counts = degrees.map(() => 0);
  for (const uniform of random.fillUniform(key, new Float64Array(budget.features))) {
    let below = 0;
    const chosen = degrees.findIndex((n) => uniform < (below += probabilities[n - 1]!));
    // Rounding may leave the sum of all probabilities below 1, and the number above it.
    counts[Math.max(chosen, 0)]!++;
  }
  return byDegree(degrees, counts);
}

/** D_1, D_2, ... to the last that is not 0. */
function byDegree(degrees: readonly number[], counts: readonly number[]): number[] {
  const distribution: number[] = [];
  degrees.forEach((n, i) => {
    if (counts[i]! === 0) return;
    while (distribution.length < n - 1) distribution.push(0);
    distribution.push(counts[i]!);
  });
  return distribution;
}

/** The degrees that have features. */
export function degreesOf({ coefs, firstDegree, maxDegree }: Omit<Budget, 'features'>): number[] {
  const degrees: number[] = [];
  for (let n = firstDegree; n <= maxDegree; n++) if (coefs[n]! > 0) degrees.push(n);
  return degrees;
}
