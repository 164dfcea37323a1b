import { checkFinite, eachPair, kernelSquares, type PairTable } from './pair-moments';
import { biasedDim } from '../sketches/polynomial-kernel';
import type { CheckedPlan } from './sketch-plan';
import { frequencyShares } from './tensor-sketch-variance';
import { featureVariance, sharedRows, type FeatureKind } from './variance';

/**
 * The predicted relative Frobenius error of a planned sketch as a function of D alone, O(degree) a value.
 *
 * The variances of all pairs are added once: V_1 as it is, C as a polynomial in beta.
 *
 * @param inputDim  d, without the bias
 * @throws RangeError where the kernel of all pairs is 0, or a variance is beyond float64
 */
export function errorCurve(
  where: string,
  plan: CheckedPlan,
  inputDim: number,
  table: PairTable,
): (features: number) => number {
  const { kind, kernel, mode, srhtBlocks } = plan;
  const { degree } = kernel;
  const squares = kernelSquares(where, table, degree);
  const relative = (variance: number): number => Math.sqrt(Math.max(variance, 0) / squares);
  const total = (of: FeatureKind): number => {
    let sum = 0;
    eachPair(table, (pair) => (sum += featureVariance(pair, of)));
    return checkFinite(where, sum);
  };
  if (kind === 'TensorSketch') {
    const ctr = total({ projection: 'rademacher', mode: 'ctr', degree });
    const real = total({ projection: 'rademacher', mode: 'real', degree });
    return (features) => {
      const shares = frequencyShares(features);
      return relative(shares.ctr * ctr + shares.real * real);
    };
  }
  const single = total({ ...plan, degree });
  if (plan.projection !== 'srht') return (features) => relative(single / features);
  const coefficients = covarianceCoefficients(table, { ...plan, degree });
  const biased = biasedDim(inputDim, kernel);
  return (features) => {
    const { share, beta } = sharedRows(mode === 'ctr' ? features / 2 : features, biased, srhtBlocks);
    if (share === 0) return relative(single / features);
    const covariance = coefficients.reduceRight((sum, coefficient) => (sum + coefficient) * beta, 0);
    return relative(single / features + share * covariance);
  };
}

/** C of all pairs, added, as a polynomial in beta: the coefficients of beta, beta^2, .. beta^p. */
function covarianceCoefficients(table: PairTable, { mode, degree }: FeatureKind): Float64Array {
  const sums = new Float64Array(degree);
  const powers = new Float64Array(degree).fill(1);
  const binomials = new Float64Array(degree + 1).fill(1);
  for (let k = 1; k <= degree; k++) binomials[k] = (binomials[k - 1]! * (degree - k + 1)) / k;
  /** Adds (square - beta slope)^p - square^p, of whose base `powers` has the powers up to p - 1. */
  const add = (slope: number, weight: number): void => {
    let product = weight;
    for (let k = 1; k <= degree; k++) {
      product *= -slope;
      sums[k - 1]! += binomials[k]! * product * powers[degree - k]!;
    }
  };
  eachPair(table, ({ s, squares, norms }) => {
    const square = s * s;
    for (let k = 1; k < degree; k++) powers[k] = powers[k - 1]! * square;
    if (mode === 'real') return add(norms + square - 2 * squares, 1);
    add(norms - squares, mode === 'ctr' ? 0.5 : 1);
    if (mode === 'ctr') add(square - squares, 0.5);
  });
  return sums;
}
