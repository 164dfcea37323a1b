// N points, D coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, type random } from '@tfsci/tensor-core';
import { checkMaxFeatures, largestDimension, smallestDimension, type DimensionOptions } from './dimension';
import { errorCurve } from './error-curve';
import type { FeatureMap } from '../feature-map';
import { pairMoments } from './pair-moments';
import { checkKernel, type PolynomialKernelOptions } from '../sketches/polynomial-kernel';
import { PolynomialSketch, type PolynomialSketchOptions } from '../sketches/polynomial-sketch';
import { shapeOfRows, type Rows } from '../rows';
import { someRows } from './some-rows';
import { sketchCost } from './sketch-cost';
import { checkPlan, type CheckedPlan, type SketchCandidate } from './sketch-plan';
import { TensorSketch, type TensorSketchOptions } from '../sketches/tensor-sketch';
import type { WeightSource } from '../weights';

const { argumentMessage } = check;

/** Rows of the sample whose pairs are looked at. */
const SAMPLE_ROWS = 500;
/** What is not more than this factor worse than the best goes by its cost. */
const NEAR_TIE = 1.02;
/** Smaller relative errors are rounding: features are float32. */
const ROUNDING = 1e-6;

/** What a sketch is chosen for: the lowest error of a number of features, or the fewest features of an error. */
export type SketchGoal = { features: number } | { targetRelativeError: number };

/** Options of `chooseSketch`. */
export interface ChooseSketchOptions extends DimensionOptions {
  /** Sketches of real features; default `SKETCH_CANDIDATES`. */
  candidates?: readonly SketchCandidate[];
  /** What 500 rows are chosen with where the sample has more. */
  key?: random.Key | number;
}

/** One candidate in the table of `chooseSketch`. */
export interface SketchRow extends SketchCandidate {
  /** D, for 'ctr' even: one less than asked for where that is odd. */
  features: number;
  /** Relative Frobenius error on the sample, see `expectedError`. */
  predictedError: number;
  /** Multiplications for one dense point, see `sketchCost`. */
  costPerPoint: number;
}

/** A sketch that lacks only its random numbers; `makeSketch` draws them. */
export type ChosenSketch =
  | { kind: 'PolynomialSketch'; options: Omit<PolynomialSketchOptions, keyof WeightSource> }
  | { kind: 'TensorSketch'; options: Omit<TensorSketchOptions, keyof WeightSource> };

/** The result of `chooseSketch`. */
export type SketchChoice = ChosenSketch & {
  /** Relative Frobenius error on the sample. */
  predictedError: number;
  /** All candidates that meet the goal, the best ones first. */
  table: SketchRow[];
};

/** All sketches of real features whose error has a closed form, the simplest of equals first. */
export const SKETCH_CANDIDATES: readonly SketchCandidate[] = [
  { kind: 'PolynomialSketch', projection: 'srht', mode: 'ctr', srhtBlocks: 'shared' },
  { kind: 'PolynomialSketch', projection: 'srht', mode: 'real', srhtBlocks: 'shared' },
  { kind: 'PolynomialSketch', projection: 'srht', mode: 'ctr', srhtBlocks: 'independent' },
  { kind: 'PolynomialSketch', projection: 'srht', mode: 'real', srhtBlocks: 'independent' },
  { kind: 'TensorSketch' },
  { kind: 'PolynomialSketch', projection: 'rademacher', mode: 'ctr' },
  { kind: 'PolynomialSketch', projection: 'rademacher', mode: 'real' },
  { kind: 'PolynomialSketch', projection: 'gaussian', mode: 'ctr' },
  { kind: 'PolynomialSketch', projection: 'gaussian', mode: 'real' },
];

/**
 * The sketch with the lowest predicted error on a sample, or the fewest features for a target.
 *
 * The errors are those of `expectedError` over all pairs of at most 500 rows. Candidates within 2 % of the best one (of its
 * error, or its number of features), or exact up to rounding as it, go by their cost for one point.
 *
 * @param xSample_ND  [n, d], rows as the sketch will be given
 * @throws TypeError when more than 500 rows come without a key; TypeError, RangeError for options outside their ranges, and
 *   where no candidate meets the goal; as `expectedError` for the sample
 */
export function chooseSketch(
  xSample_ND: Rows | tf.Tensor2D,
  kernelOptions: PolynomialKernelOptions,
  goal: SketchGoal,
  options: ChooseSketchOptions = {},
): SketchChoice {
  const where = 'ctr-features.chooseSketch';
  const kernel = checkKernel(where, kernelOptions);
  const { featuresOf, worth, ...asked } = aimOf(where, goal, checkMaxFeatures(where, options));
  const plans = (options.candidates ?? SKETCH_CANDIDATES).map((candidate) => checkCandidate(where, candidate, kernel));
  const columns = shapeOfRows(where, xSample_ND)[1];
  const sample = someRows(xSample_ND, { where, columns, count: SAMPLE_ROWS, key: options.key });
  const table = pairMoments(sample, sample, { where, columns, kernel });
  const rows = plans.flatMap((plan) => {
    const curve = errorCurve(where, plan, columns, table);
    const features = featuresOf(plan, curve);
    if (features === null) return [];
    const costPerPoint = sketchCost(plan, columns, features);
    return [{ ...candidateOf(plan), features, predictedError: curve(features), costPerPoint, plan }];
  });
  const ranked = rank(rows, worth);
  const best = ranked[0];
  if (best === undefined) {
    throw new RangeError(argumentMessage(where, asked.name, 'be met by a candidate', asked.value, asked.fix));
  }
  return {
    ...chosen(best.plan, columns, best.features),
    predictedError: best.predictedError,
    table: ranked.map(({ plan: _, ...row }) => row),
  };
}

/** A chosen sketch with random numbers. @throws as the constructors of the sketches */
export function makeSketch({ kind, options }: ChosenSketch, key: random.Key | number): FeatureMap {
  return kind === 'TensorSketch' ? new TensorSketch({ ...options, key }) : new PolynomialSketch({ ...options, key });
}

function chosen(plan: CheckedPlan, inputDim: number, features: number): ChosenSketch {
  const { kind, kernel, projection, mode, srhtBlocks } = plan;
  const options = { inputDim, features, ...kernel };
  if (kind === 'TensorSketch') return { kind, options };
  return { kind, options: { ...options, projection, mode, srhtBlocks } };
}

function candidateOf({ kind, projection, mode, srhtBlocks }: CheckedPlan): SketchCandidate {
  if (kind === 'TensorSketch') return { kind };
  return { kind, mode, projection, ...(projection === 'srht' && { srhtBlocks }) };
}

/** Sorted by worth, small ones first; near ties with the best one come first, by their costs. */
function rank<R extends SketchRow>(rows: readonly R[], worth: (row: SketchRow) => number): R[] {
  const best = Math.min(...rows.map(worth));
  const group = (row: R): number => (worth(row) <= NEAR_TIE * best ? 0 : worth(row));
  return [...rows].sort((a, b) => group(a) - group(b) || a.costPerPoint - b.costPerPoint || worth(a) - worth(b));
}

/** A checked goal. */
interface Aim {
  name: string;
  value: number;
  /** What to do where no candidate meets it. */
  fix: string;
  /** The features that a candidate gets, null where it cannot meet the goal. */
  featuresOf: (plan: CheckedPlan, curve: (features: number) => number) => number | null;
  /** What candidates are compared by. */
  worth: (row: SketchRow) => number;
}

function aimOf(where: string, goal: SketchGoal, maxFeatures: number): Aim {
  const { features, targetRelativeError } = (goal ?? {}) as { features?: number; targetRelativeError?: number };
  if ((features === undefined) === (targetRelativeError === undefined)) {
    throw new TypeError(argumentMessage(where, 'goal', 'be { features } or { targetRelativeError }', goal));
  }
  if (features !== undefined) {
    return {
      name: 'features',
      value: check.checkNumber(where, 'features', features, { min: 1, integer: true }),
      fix: "Add a candidate of mode 'real'.",
      featuresOf: (plan) => largestDimension(plan, features) || null,
      worth: ({ predictedError }) => Math.max(predictedError, ROUNDING),
    };
  }
  const target = check.checkNumber(where, 'targetRelativeError', targetRelativeError, { above: 0 });
  return {
    name: 'targetRelativeError',
    value: target,
    fix: 'Raise it, or maxFeatures.',
    featuresOf: (plan, curve) => smallestDimension(curve, plan, target, maxFeatures),
    worth: (row) => row.features,
  };
}

function checkCandidate(where: string, candidate: SketchCandidate, kernel: PolynomialKernelOptions): CheckedPlan {
  const plan = checkPlan(where, { ...candidate, ...kernel });
  if (plan.mode !== 'complex') return plan;
  throw new RangeError(argumentMessage(where, 'mode', "be 'real' or 'ctr'", plan.mode));
}
