import { check } from '@tfsci/tensor-core';
import { degreesOf, type OptimisedBudget } from './distribution';
import { defaultMaxDegree, dotProductKernel, type DotProductKernel, type DotProductKernelOptions } from './kernel';
import { MODES, type SketchMode } from '../sketches/projected-sketch';
import { checkProjection, type ProjectionKind } from '../sketches/projection';
import type { WeightSource } from '../weights';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** How features are distributed over the degrees: at the least expected error on data, or at random. */
export const ALLOCATIONS = ['optimised', 'kar-karnick'] as const;
/** Features for each degree at the least expected error on data, or at random. */
export type MaclaurinAllocation = (typeof ALLOCATIONS)[number];

/** Options of `MaclaurinFeatures`. */
export interface MaclaurinFeaturesOptions extends DotProductKernelOptions, WeightSource {
  /** d */
  inputDim: number;
  /** D: of real numbers, for 'complex' of complex ones. */
  features: number;
  /** Points are divided by it, > 0; default 1, for 'gaussian' the median of the distances between the points of `fit`. */
  lengthscale?: number;
  /** Default 'srht', with blocks of independent signs. */
  projection?: ProjectionKind;
  /** Default 'ctr'. */
  mode?: SketchMode;
  /** The highest degree is chosen from minDegree to maxDegree; default 2. */
  minDegree?: number;
  /** Default 10, for 'polynomial' its degree. */
  maxDegree?: number;
  /** Whether the linear term is exact, by d features; default false. */
  h01?: boolean;
  /** Default 'optimised'. */
  allocation?: MaclaurinAllocation;
  /** Given numbers of features of degree 1, 2, ..., for 'ctr' of complex ones; instead of an allocation to the data. */
  distribution?: readonly number[];
}

/** What Maclaurin features are made of, but for what depends on data and on chance. */
export interface MaclaurinPlan {
  kernel: DotProductKernel;
  mode: SketchMode;
  projection: ProjectionKind;
  allocation: MaclaurinAllocation;
  /** Whether there is a column sqrt(a_0). */
  constant: boolean;
  /** Whether there are d columns sqrt(a_1) u. */
  linear: boolean;
  /** The other columns, for 'complex' complex ones. */
  randomColumns: number;
  /** The features that these columns are; for 'ctr' complex ones, the last without its imaginary part if columns are odd. */
  budget: OptimisedBudget;
}

/** The plan of options. @throws TypeError, RangeError for options outside their ranges */
export function maclaurinPlan(where: string, options: MaclaurinFeaturesOptions): MaclaurinPlan {
  const { h01 = false, lengthscale } = options;
  const inputDim = checkNumber(where, 'inputDim', options.inputDim, { min: 1, integer: true });
  const mode = checkOneOf(where, 'mode', options.mode ?? 'ctr', MODES);
  const { projection } = checkProjection(where, options);
  const allocation = checkOneOf(where, 'allocation', options.allocation ?? 'optimised', ALLOCATIONS);
  checkOneOf(where, 'h01', Number(h01), [0, 1]);
  if (lengthscale !== undefined) checkNumber(where, 'lengthscale', lengthscale, { above: 0 });
  const firstDegree = h01 ? 2 : 1;
  const maxDegree = options.maxDegree ?? defaultMaxDegree(where, options);
  checkNumber(where, 'maxDegree', maxDegree, { min: firstDegree, integer: true });
  const minDegree = options.minDegree ?? Math.min(2, maxDegree);
  checkNumber(where, 'minDegree', minDegree, { min: firstDegree, max: maxDegree, integer: true });
  const kernel = dotProductKernel(where, options, maxDegree);
  const { coefs } = kernel;
  const constant = coefs[0]! > 0;
  const linear = h01 && coefs[1]! > 0;
  const exactColumns = Number(constant) + (linear ? inputDim : 0);
  checkNumber(where, 'features', options.features, { min: exactColumns + 1, integer: true });
  const randomColumns = options.features - exactColumns;
  const features = mode === 'ctr' ? Math.ceil(randomColumns / 2) : randomColumns;
  const paddedDim = 2 ** Math.ceil(Math.log2(inputDim));
  const budget = { features, coefs, firstDegree, minDegree, maxDegree, paddedDim };
  checkBudget(where, budget, options);
  return { kernel, mode, projection, allocation, constant, linear, randomColumns, budget };
}

function checkBudget(where: string, budget: OptimisedBudget, options: MaclaurinFeaturesOptions): void {
  const { features, firstDegree, minDegree, maxDegree } = budget;
  const degrees = degreesOf(budget);
  const { allocation = 'optimised', distribution } = options;
  if (degrees.length === 0) {
    const wanted = `have a term of degree ${firstDegree} to ${maxDegree}`;
    throw new RangeError(argumentMessage(where, 'kernel', wanted, 'none'));
  }
  if (distribution !== undefined) {
    const fits = (count: number, i: number): boolean =>
      Number.isSafeInteger(count) && count >= 0 && (count === 0 || degrees.includes(i + 1));
    const sum = Array.isArray(distribution) ? distribution.reduce<number>((all, count) => all + Number(count), 0) : NaN;
    if (sum === features && distribution.every(fits)) return;
    const wanted = `be numbers of features of the degrees ${degrees.join(', ')}, ${features} in all`;
    throw new RangeError(argumentMessage(where, 'distribution', wanted, distribution));
  }
  // A cut-off may have no degree with features; then the first that has one counts.
  const least = Math.max(1, degrees.filter((n) => n <= minDegree).length);
  if (allocation === 'optimised' && features < least) {
    const wanted = `leave one for each of the ${least} degrees up to minDegree`;
    throw new RangeError(argumentMessage(where, 'features', wanted, options.features));
  }
}
