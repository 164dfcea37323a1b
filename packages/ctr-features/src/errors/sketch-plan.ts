import { check } from '@tfsci/tensor-core';
import { FeatureMap } from '../feature-map';
import {
  biasedDim,
  checkKernel,
  type PolynomialKernel,
  type PolynomialKernelOptions,
} from '../sketches/polynomial-kernel';
import { MODES, type ProjectedSketch, type SketchMode } from '../sketches/projected-sketch';
import { checkProjection, type ProjectionKind, type SrhtBlocks } from '../sketches/projection';
import { tensorSketchVarianceOf } from './tensor-sketch-variance';
import { sketchVarianceOf, type PairMoments } from './variance';

const { argumentMessage, checkOneOf } = check;

/** The sketches whose variance has a closed form; a CountSketch is a TensorSketch of degree 1. */
export const PLANNED_KINDS = ['PolynomialSketch', 'TensorSketch'] as const;
export type PlannedKind = (typeof PLANNED_KINDS)[number];

/** How a sketch is built, without a kernel. */
export interface SketchCandidate {
  /** Default 'PolynomialSketch'. */
  kind?: PlannedKind;
  /** Default 'srht'; only for 'PolynomialSketch', as the two others. */
  projection?: ProjectionKind;
  /** Default 'ctr'. */
  mode?: SketchMode;
  /** Default 'shared'. */
  srhtBlocks?: SrhtBlocks;
}

/** A sketch before its number of features is known and its random numbers are drawn. */
export type SketchPlan = SketchCandidate & PolynomialKernelOptions;

/** The same, checked and complete. */
export interface CheckedPlan extends Required<SketchCandidate> {
  kernel: PolynomialKernel;
}

/** The plan of options. @throws TypeError, RangeError for an option outside its range */
export function checkPlan(where: string, plan: SketchPlan): CheckedPlan {
  const { projection, blocks } = checkProjection(where, plan);
  return {
    kind: checkOneOf(where, 'kind', plan.kind ?? 'PolynomialSketch', PLANNED_KINDS),
    projection,
    mode: checkOneOf(where, 'mode', plan.mode ?? 'ctr', MODES),
    srhtBlocks: blocks,
    kernel: checkKernel(where, plan),
  };
}

/** The plan of a map. @throws TypeError for a map whose variance has no closed form */
export function planOf(where: string, map: FeatureMap): CheckedPlan {
  if (!((map as unknown) instanceof FeatureMap)) {
    throw new TypeError(argumentMessage(where, 'map', 'be a feature map', map));
  }
  // By the names of the classes: the classes themselves may offer these predictions as methods.
  if (map.kind === 'PolynomialSketch') {
    const { projection, mode, srhtBlocks, kernelOptions } = map as ProjectedSketch;
    return { kind: map.kind, projection, mode, srhtBlocks, kernel: kernelOptions };
  }
  if (map.kind === 'TensorSketch' || map.kind === 'CountSketch') {
    const { kernelOptions } = map as FeatureMap & { kernelOptions: PolynomialKernel };
    return checkPlan(where, { kind: 'TensorSketch', ...kernelOptions });
  }
  const wanted = 'be a PolynomialSketch, TensorSketch or CountSketch, whose variances have a closed form';
  throw new TypeError(argumentMessage(where, 'map', wanted, map.kind, 'measuredError takes every map.'));
}

/** Whether the number of features must be even. */
export function inPairs({ kind, mode }: CheckedPlan): boolean {
  return kind === 'PolynomialSketch' && mode === 'ctr';
}

/** The variance of the kernel estimate by a planned sketch, for many pairs. @param inputDim  d, without the bias */
export function varianceOf(plan: CheckedPlan, inputDim: number, features: number): (pair: PairMoments) => number {
  const { kind, kernel } = plan;
  const { degree } = kernel;
  const variance =
    kind === 'TensorSketch'
      ? tensorSketchVarianceOf({ degree, features })
      : sketchVarianceOf({ ...plan, degree, features, inputDim: biasedDim(inputDim, kernel) });
  return (pair) => kernel.variance ** 2 * variance(pair);
}
