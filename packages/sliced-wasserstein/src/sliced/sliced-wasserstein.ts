// N points of x, M of y, D coordinates, L slices
import * as tf from '@tensorflow/tfjs';
import { backend, check, scope } from '@tfsci/tensor-core';
import { checkOrder, type Cloud, cloudTensors, type Weights } from '../cloud';
import { drawSlices, type DrawnSlices, type SliceOptions } from '../slices/slices';
import { pthRoot } from '../transport/differentiate';
import { transportPlan, type TransportPlan } from '../transport/transport-plan';
import { checkCosts, meanSlicedCost, type SlicedCosts } from './mean-sliced-cost';
import { normalised, type Normalisation } from './normalisation';
import { standardError } from './standard-error';

export interface SlicedWassersteinOptions extends SliceOptions {
  /** p >= 1, default 2 */
  p?: number;
  /** Gives SW_p instead of SW_p^p, default true; for a loss take false: the power has a gradient everywhere. */
  root?: boolean;
  /** Masses of the points; default equal. */
  weights?: Weights;
  /** Scales the coordinates by the range of both clouds together, default 'none'. */
  normalise?: Normalisation;
}

/** A sliced distance, on the host. */
export interface SlicedWassersteinEstimate {
  /** SW_p, or SW_p^p where `root` is false. */
  value: number;
  /**
   * Of `value`, as slices are drawn at random: the clouds are as they are. NaN where it cannot be told: a single slice, a
   * single block of orthogonal slices, `qmc` without key. Given slices count as independent draws.
   */
  standardError: number;
  /** W_p^p of each slice, [L] */
  perSlice: Float32Array;
  /** The slices, L rows of d numbers; `slices` of another call takes them. */
  slices: Float32Array[];
}

/**
 * Sliced Wasserstein distance of two clouds; differentiable in them, and in slices that are given as a tensor.
 *
 *   SW_p^p(x, y; rho) = mean over slices theta ~ rho of W_p^p(<theta, x>, <theta, y>)
 *
 * O(L (n + m) (d + log n)) time, linear in n where values are in host memory, and memory for a few slices at a time.
 *
 * @param x  [n, d] tensor or rows
 * @param y  [m, d]
 * @returns scalar []
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, p < 1,
 *   weights that are negative, all 0 or of another number, slices without norm 1, and when slices are to be drawn without key
 * @see Bonneel, Rabin, Peyre & Pfister, 2015, "Sliced and Radon Wasserstein barycenters of measures"; for other rho Ohana,
 *   Nadjahi, Rakotomamonjy & Ralaivola, 2023, arXiv:2206.03230
 * @remarks The order of the projected points and the statistics of `normalise` are constants of the gradient. In compiled
 *   functions use the sampler 'uniform' or given slices. Where values cannot be read at once (graphics cards, compiled
 *   functions), they are not checked to be finite. There are no second derivatives: in a gradient of a gradient the inner
 *   one counts as a constant.
 * @example
 * const distance = slicedWasserstein(x, y, { slices: 500, key: 0 });
 */
export function slicedWasserstein(x: Cloud, y: Cloud, options: SlicedWassersteinOptions = {}): tf.Scalar {
  const where = 'sliced-wasserstein.slicedWasserstein';
  const { p = 2, root = true } = options;
  return tf.tidy(() => {
    const { mean, costs } = slicedCosts(where, x, y, options).costs;
    // Costs within float32 may have a sum beyond it.
    if (backend.readsAtOnce()) backend.hostValues([costs, mean]).forEach((values) => checkCosts(where, values));
    return root ? pthRoot(mean, p) : mean;
  });
}

/**
 * `slicedWasserstein` with its standard error, its slices and the distance in each of them.
 *
 * @throws as `slicedWasserstein`
 * @example
 * const { value, standardError } = await slicedWassersteinDetailed(x, y, { slices: 500, key: 0 });
 */
export async function slicedWassersteinDetailed(
  x: Cloud,
  y: Cloud,
  options: SlicedWassersteinOptions = {},
): Promise<SlicedWassersteinEstimate> {
  const where = 'sliced-wasserstein.slicedWassersteinDetailed';
  const { p = 2, root = true } = options;
  return scope(async (own) => {
    let groups: number[] = [];
    const tensors = own(
      tf.tidy(() => {
        const { costs, slices } = slicedCosts(where, x, y, options);
        groups = slices.groups;
        return { costs: costs.costs, theta: slices.given ? slices.theta.clone() : slices.theta };
      }),
    );
    const [perSlice, theta] = (await Promise.all([tensors.costs.data(), tensors.theta.data()])) as Float32Array[];
    checkCosts(where, perSlice!);
    const mean = perSlice!.reduce((sum, cost) => sum + cost, 0) / perSlice!.length;
    const error = standardError(perSlice!, groups);
    const value = root ? mean ** (1 / p) : mean;
    const dim = tensors.theta.shape[1];
    return {
      value,
      // The delta method: the derivative of mean^(1/p). At 0 every slice has cost 0, and so has every other.
      standardError: !root || error === 0 ? error : (error * value ** (1 - p)) / p,
      perSlice: Float32Array.from(perSlice!),
      slices: rowsOf(Float32Array.from(theta!), dim),
    };
  });
}

function rowsOf(values: Float32Array, dim: number): Float32Array[] {
  return Array.from({ length: values.length / dim }, (_, row) => values.subarray(row * dim, (row + 1) * dim));
}

interface Sliced {
  costs: SlicedCosts;
  slices: DrawnSlices;
}

function slicedCosts(where: string, x: Cloud, y: Cloud, options: SlicedWassersteinOptions): Sliced {
  const { p = 2, weights, normalise = 'none' } = options;
  checkOrder(where, p);
  check.checkOneOf(where, 'normalise', normalise, ['none', 'standard', 'minmax']);
  const clouds = cloudTensors(where, x, y);
  const [n, dim] = clouds[0].shape;
  const plan: TransportPlan = transportPlan(where, n, clouds[1].shape[0], weights);
  const slices = drawSlices(where, dim, options);
  const [xs, ys] = normalised(...clouds, normalise);
  const of = slices.given ? (['x', 'y', 'theta'] as const) : (['x', 'y'] as const);
  return { costs: meanSlicedCost({ x: xs, y: ys, theta: slices.theta }, plan, p, of), slices };
}
