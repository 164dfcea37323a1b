// N particles, M points of the target, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import { checkOrder, type Cloud, cloudTensors } from '../cloud';
import { drawSlices, type SliceOptions } from '../slices/slices';
import { costGradient } from '../sliced/cost-gradient';
import { checkCosts } from '../sliced/mean-sliced-cost';
import { transportPlan } from '../transport/transport-plan';
import { turns } from '../turns';

const { checkNumber } = check;
const WHERE = 'sliced-wasserstein.slicedWassersteinFlow';

/** Options of `slicedWassersteinFlow`; the key is folded with the number of a step, so that each has slices of its own. */
export interface SlicedWassersteinFlowOptions extends SliceOptions {
  /** Steps to take, >= 0. */
  steps: number;
  /**
   * > 0. For p = 2 the default d / 2 is a full step: the moves in the slices add up to the whole way, and d orthogonal slices
   * bring each particle to where its projections are assigned. For other p, where the way is no multiple of the gradient, it
   * must be given; for p = 1 a particle moves by rate / d in each of d orthogonal slices.
   */
  rate?: number;
  /** p >= 1, default 2 */
  p?: number;
  /** Steps that were taken before, default 0: with the particles of a flow that was stopped, it goes on as if it had not been. */
  firstStep?: number;
  /** Called, and awaited, after every step. */
  onStep?: (step: FlowStep) => void | Promise<void>;
  signal?: AbortSignal;
}

export interface FlowStep {
  /** Steps taken since the flow began: the `firstStep` of one that goes on from here. */
  step: number;
  /** SW_p to the target in the slices of this step, before the particles moved. */
  value: number;
  /** [n, d], the flow's own: clone what is to be kept after the call. */
  particles: tf.Tensor2D;
}

export interface SlicedWassersteinFlow {
  /** Where the particles are, float32 [n, d]; the caller's. */
  particles: tf.Tensor2D;
  /** SW_p before each step of this call, in the slices of that step. */
  values: Float64Array;
}

/**
 * Gradient flow of a cloud towards a target, in the sliced Wasserstein distance: particles that transport themselves.
 *
 *   x_i <- x_i - rate n dSW_p^p(x, y) / dx_i
 *
 * with fresh slices in each step. A particle has the mass 1 / n, and the factor n makes its velocity what the gradient of the
 * Wasserstein space says, whatever the number of particles.
 *
 * @param x0      particles at the start, [n, d] tensor or rows
 * @param target  y, [m, d]
 * @throws TypeError, ShapeError, RangeError for clouds that are no [n, d] of finite numbers, dimensions that differ, options
 *   outside their ranges, and particles that have left float32, when the rate is too large; the signal's reason
 * @see Bonneel, Rabin, Peyre & Pfister, 2015, "Sliced and Radon Wasserstein barycenters of measures"; full steps in
 *   orthogonal slices: Pitie, Kokaram & Dahyot, 2007, "Automated colour grading using colour distribution transfer"
 * @remarks To stop with a result, keep a clone of the particles in `onStep` before the signal is aborted.
 * @example
 * const { particles } = await slicedWassersteinFlow(x0, target, { steps: 50, slices: 64, key: 0 });
 */
export async function slicedWassersteinFlow(
  x0: Cloud,
  target: Cloud,
  options: SlicedWassersteinFlowOptions,
): Promise<SlicedWassersteinFlow> {
  const { steps, p = 2, firstStep = 0, onStep, signal } = options;
  checkOrder(WHERE, p);
  checkNumber(WHERE, 'steps', steps, { min: 0, integer: true });
  checkNumber(WHERE, 'firstStep', firstStep, { min: 0, integer: true });
  signal?.throwIfAborted();
  return scope(async (own) => {
    const clouds = own(
      tf.tidy(() => {
        const [x, y] = cloudTensors(WHERE, x0, target);
        return { x: x.clone(), y: y.clone() };
      }),
    );
    const [n, dim] = clouds.x.shape;
    const rate = checkNumber(WHERE, 'rate', options.rate ?? (p === 2 ? dim / 2 : undefined), { above: 0 });
    const plan = transportPlan(WHERE, n, clouds.y.shape[0]);
    const values = new Float64Array(steps);
    const turn = turns(signal);
    const ofSteps = options.key === undefined ? undefined : random.asKey(WHERE, options.key);
    let particles = clouds.x;
    for (let step = 0; step < steps; step++) {
      await turn();
      const key = ofSteps && { key: random.foldIn(ofSteps, firstStep + step) };
      const moved = own(
        tf.tidy(() => {
          const { theta } = drawSlices(WHERE, dim, { ...options, ...key });
          const { costs, gradient } = costGradient({ x: particles, y: clouds.y, theta }, plan, p, 'x');
          return { costs, particles: particles.sub<tf.Tensor2D>(gradient.mul(rate * n)) };
        }),
      );
      const costs = await moved.costs.data();
      checkCosts(WHERE, costs);
      values[step] = meanOf(costs) ** (1 / p);
      tf.dispose([particles, moved.costs]);
      particles = moved.particles;
      await onStep?.({ step: firstStep + step + 1, value: values[step]!, particles });
    }
    return { particles, values };
  });
}

function meanOf(costs: ArrayLike<number>): number {
  let sum = 0;
  for (let l = 0; l < costs.length; l++) sum += costs[l]!;
  return sum / costs.length;
}
