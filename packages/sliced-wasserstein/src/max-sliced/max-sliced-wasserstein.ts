// N points of x, M of y, D coordinates, R starts
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import { checkOrder, type Cloud, cloudTensors, type Weights } from '../cloud';
import { uniformSlices } from '../slices/uniform-slices';
import { costGradient } from '../sliced/cost-gradient';
import { checkCosts, meanSlicedCost } from '../sliced/mean-sliced-cost';
import { transportPlan } from '../transport/transport-plan';
import { turns } from '../turns';
import { climbFrom, type Climb, type Evaluated, hasArrived, judge, proposal } from './ascent';
import { bestStarts, momentStarts, type Start, type StartKind } from './starts';

const { checkNumber } = check;
const WHERE = 'sliced-wasserstein.maxSlicedWasserstein';

/** Random slices that are looked at, besides one for each start. */
const RANDOM = 64;

export interface MaxSlicedOptions {
  /** p >= 1, default 2 */
  p?: number;
  /** R >= 1, the number of starts, default 8. The cost grows like R. */
  restarts?: number;
  /** Steps that are tried from each start, default 100; 0 gives the best start. */
  maxIterations?: number;
  /** An ascent ends where its step promises less than this fraction of the value; >= 0, default 1e-6. */
  tolerance?: number;
  /** Masses of the points; default equal. */
  weights?: Weights;
  /** Gives W_p instead of W_p^p, default true. */
  root?: boolean;
  /** What random starts are drawn with. */
  key: random.KeyOrSeed;
  /** Told after every iteration. */
  onProgress?: (progress: MaxSlicedProgress) => void;
  signal?: AbortSignal;
}

export interface MaxSlicedProgress {
  /** Iterations done. */
  iteration: number;
  /** The largest value so far. */
  value: number;
  /** How many starts still climb. */
  climbing: number;
}

/** How the ascent from one start ended. */
export interface MaxSlicedRestart {
  value: number;
  start: StartKind;
  /** Steps tried. */
  iterations: number;
  /** Whether it ended before `maxIterations`. */
  converged: boolean;
}

export interface MaxSliced {
  /** W_p in the slice theta, or W_p^p where `root` is false: a lower bound of the maximum. */
  value: number;
  /** The best slice found, a unit vector [d]; -theta is as good. */
  theta: Float32Array;
  /** The value at the start and after each iteration of the best ascent; it never falls. */
  trace: Float64Array;
  /** All ascents, in the order of their starts. */
  restarts: MaxSlicedRestart[];
}

/**
 * Max-sliced Wasserstein distance: the largest over all slices, and the slice that shows it.
 *
 *   max-SW_p(x, y) = max over |theta| = 1 of W_p(<theta, x>, <theta, y>)
 *
 * The maximum is searched for by ascents on the sphere, along the tangent part of the gradient with steps by Armijo's rule, from
 * R starts that advance together: the difference of the means, directions in which the covariances differ (up to d = 64)
 * and the best of 64 + R random slices. W_p has many local maxima: the value is a lower bound, which more starts can raise.
 * O(R (n + m) (d + log n)) an iteration.
 *
 * @param x  [n, d] tensor or rows
 * @param y  [m, d]
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, options
 *   outside their ranges, weights that are negative, all 0 or of another number, and a missing key; the signal's reason
 * @see Deshpande et al., 2019, "Max-sliced Wasserstein distance and its use for GANs", arXiv:1904.05877
 * @remarks Other than where Adam is followed by a division by the norm, the value is that of the slice that is returned, it
 *   never falls, and steps need no rate: they scale with the clouds.
 * @example
 * const { value, theta } = await maxSlicedWasserstein(x, y, { key: 0 });
 */
export async function maxSlicedWasserstein(x: Cloud, y: Cloud, options: MaxSlicedOptions): Promise<MaxSliced> {
  const { p = 2, restarts = 8, maxIterations = 100, tolerance = 1e-6, root = true, weights, signal } = options;
  checkOrder(WHERE, p);
  checkNumber(WHERE, 'restarts', restarts, { min: 1, integer: true });
  checkNumber(WHERE, 'maxIterations', maxIterations, { min: 0, integer: true });
  checkNumber(WHERE, 'tolerance', tolerance, { min: 0 });
  const key = random.asKey(WHERE, options.key);
  signal?.throwIfAborted();
  return scope(async (own) => {
    const clouds = own(
      tf.tidy(() => {
        const [xs, ys] = cloudTensors(WHERE, x, y);
        return { x: xs.clone(), y: ys.clone() };
      }),
    );
    const plan = transportPlan(WHERE, clouds.x.shape[0], clouds.y.shape[0], weights);
    const problem: Problem = { clouds, plan, p };
    const valueOf = (cost: number): number => (root ? cost ** (1 / p) : cost);
    const starts = await startsOf(problem, restarts, key);
    const found = await evaluated(problem, thetasOf(starts));
    const climbs = starts.map(({ theta }, r) => climbFrom(theta, found.costs[r]!, found.gradients[r]!, p));
    const turn = turns(signal);
    for (let iteration = 1; ; iteration++) {
      const climbing = climbs.filter((climb) => !(climb.converged ||= hasArrived(climb, tolerance)));
      if (climbing.length === 0 || iteration > maxIterations) break;
      await turn();
      await advance(problem, climbing);
      options.onProgress?.({ iteration, value: valueOf(bestOf(climbs).cost), climbing: climbing.length });
    }
    const best = bestOf(climbs);
    return {
      value: valueOf(best.cost),
      theta: Float32Array.from(best.theta),
      trace: Float64Array.from(best.trace, valueOf),
      restarts: climbs.map(({ cost, iterations, converged }, r) => {
        return { value: valueOf(cost), start: starts[r]!.kind, iterations, converged };
      }),
    };
  });
}

interface Problem {
  clouds: { x: tf.Tensor2D; y: tf.Tensor2D };
  plan: ReturnType<typeof transportPlan>;
  p: number;
}

async function startsOf({ clouds, plan, p }: Problem, restarts: number, key: random.Key): Promise<Start[]> {
  const dim = clouds.x.shape[1];
  const candidates = await momentStarts(clouds.x, clouds.y, plan);
  const costs = await scope(async (own) => {
    const random_RD = own(uniformSlices(RANDOM + restarts, dim, key));
    const values = await random_RD.data();
    for (let first = 0; first < values.length; first += dim) {
      candidates.push({ kind: 'random slice', theta: Float64Array.from(values.subarray(first, first + dim)) });
    }
    const found = own(
      tf.tidy(() => meanSlicedCost({ ...clouds, theta: tensorOf(thetasOf(candidates)) }, plan, p, []).costs),
    );
    return Float32Array.from(await found.data());
  });
  checkCosts(WHERE, costs);
  return bestStarts(candidates, costs, restarts).map((i) => candidates[i]!);
}

/** One step of each ascent, all of them in one pass over the clouds. */
async function advance(problem: Problem, climbs: readonly Climb[]): Promise<void> {
  const proposals = climbs.map(proposal);
  const { costs, gradients } = await evaluated(problem, proposals);
  climbs.forEach((climb, r) => judge(climb, proposals[r]!, costs[r]!, gradients[r]!));
}

function evaluated({ clouds, plan, p }: Problem, thetas: Float64Array[]): Promise<Evaluated> {
  return scope(async (own) => {
    const found = own(tf.tidy(() => costGradient({ ...clouds, theta: tensorOf(thetas) }, plan, p, 'theta')));
    const [costs, gradient] = (await Promise.all([found.costs.data(), found.gradient.data()])) as Float32Array[];
    const dim = clouds.x.shape[1];
    // The gradient of the mean over slices has a row for each slice: its own gradient over their number.
    const gradients = thetas.map((_, r) =>
      Float64Array.from(gradient!.subarray(r * dim, (r + 1) * dim), (value) => thetas.length * value),
    );
    return { costs: Float32Array.from(costs!), gradients };
  });
}

function thetasOf(starts: readonly Start[]): Float64Array[] {
  return starts.map(({ theta }) => theta);
}

function tensorOf(thetas: readonly Float64Array[]): tf.Tensor2D {
  const dim = thetas[0]!.length;
  const values = new Float32Array(thetas.length * dim);
  thetas.forEach((theta, r) => values.set(theta, r * dim));
  return tf.tensor2d(values, [thetas.length, dim]);
}

function bestOf(climbs: readonly Climb[]): Climb {
  return climbs.reduce((best, climb) => (climb.cost > best.cost ? climb : best));
}
