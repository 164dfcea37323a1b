import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { errorCurve } from './error-curve';
import { FeatureMap } from '../feature-map';
import { pairMoments } from './pair-moments';
import { MODES, type SketchMode } from '../sketches/projected-sketch';
import { shapeOfRows, type Rows } from '../rows';
import { checkPlan, inPairs, planOf, type CheckedPlan, type SketchPlan } from './sketch-plan';

/** Options of a search for a number of features. */
export interface DimensionOptions {
  /** The largest number that is tried, default 2^20. */
  maxFeatures?: number;
}

/**
 * The smallest number of features D, even for 'ctr', whose predicted relative error on a sample is at most the target.
 *
 * The error need not fall with D for Hadamard projections: at multiples of d' it may be lower than behind them.
 *
 * @param sketch  a map (its own number of features plays no part), or options of one
 * @param x_ND    [n, d]: some hundred rows are enough
 * @param targetRelativeError  of `KernelError.relativeFrobenius`, > 0
 * @throws RangeError where no number up to `maxFeatures` meets the target; else as `expectedError`
 */
export function dimensionFor(
  sketch: FeatureMap | SketchPlan,
  x_ND: Rows | tf.Tensor2D,
  targetRelativeError: number,
  options: DimensionOptions = {},
): number {
  const where = 'ctr-features.dimensionFor';
  const plan = sketch instanceof FeatureMap ? planOf(where, sketch) : checkPlan(where, sketch);
  const columns = sketch instanceof FeatureMap ? sketch.inputDim : shapeOfRows(where, x_ND)[1];
  check.checkNumber(where, 'targetRelativeError', targetRelativeError, { above: 0 });
  const maxFeatures = checkMaxFeatures(where, options);
  const table = pairMoments(x_ND, x_ND, { where, columns, kernel: plan.kernel });
  const curve = errorCurve(where, plan, columns, table);
  const features = smallestDimension(curve, plan, targetRelativeError, maxFeatures);
  if (features !== null) return features;
  const best = Number(curve(largestDimension(plan, maxFeatures)).toPrecision(3));
  const wanted = `be at least ${best}, the error of ${maxFeatures} features`;
  const fix = 'Raise maxFeatures, or take another sketch: see chooseSketch.';
  throw new RangeError(check.argumentMessage(where, 'targetRelativeError', wanted, targetRelativeError, fix));
}

/** The largest number of features to try. @throws TypeError, RangeError */
export function checkMaxFeatures(where: string, { maxFeatures = 2 ** 20 }: DimensionOptions): number {
  return check.checkNumber(where, 'maxFeatures', maxFeatures, { min: 2, integer: true });
}

/** The largest possible number of features that is at most `features`. */
export function largestDimension(plan: CheckedPlan, features: number): number {
  return inPairs(plan) ? features - (features % 2) : features;
}

/** The smallest number of features whose error is at most the target, or null. */
export function smallestDimension(
  curve: (features: number) => number,
  plan: CheckedPlan,
  target: number,
  maxFeatures: number,
): number | null {
  const step = inPairs(plan) ? 2 : 1;
  for (let features = step; features <= maxFeatures; features += step) if (curve(features) <= target) return features;
  return null;
}

/**
 * The number of features that suffices, whatever the points are, by Chebyshev's inequality:
 *
 *   Pr { |k_hat(x, y) - k(x, y)| >= epsilon |x|^p |y|^p } <= delta   for D >= c_p / (delta epsilon^2)
 *
 * with c_p = 3^p - 1 for 'real', 2^{p+1} - 2 for 'ctr' and 2^p - 1 for 'complex' features; gamma and the bias are in x
 * and y. For Gaussian and Rademacher projections; for Hadamard ones where the rows of one matrix do not add variance, as
 * for real and complex features of odd p.
 *
 * @param epsilon  relative error, > 0
 * @param delta    probability, in (0, 1)
 * @returns even for 'ctr'
 * @throws TypeError, RangeError for arguments outside their ranges
 * @see Wacker, Ohana & Filippone, 2023, arXiv:2202.02031
 */
export function featuresForGuarantee(degree: number, epsilon: number, delta: number, mode: SketchMode = 'ctr'): number {
  const where = 'ctr-features.featuresForGuarantee';
  check.checkNumber(where, 'degree', degree, { min: 1, integer: true });
  check.checkNumber(where, 'epsilon', epsilon, { above: 0 });
  check.checkNumber(where, 'delta', delta, { above: 0, below: 1 });
  check.checkOneOf(where, 'mode', mode, MODES);
  const constants = { real: 3 ** degree - 1, complex: 2 ** degree - 1, ctr: 2 ** (degree + 1) - 2 };
  const features = Math.ceil(constants[mode] / (delta * epsilon ** 2));
  return mode === 'ctr' ? features + (features % 2) : features;
}
