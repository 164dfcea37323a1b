// N points of x, M of y, D coordinates, L slices
import * as tf from '@tensorflow/tfjs';
import { scope } from '@tfsci/tensor-core';
import { type Cloud, cloudTensors, type Weights } from '../cloud';
import { checkCosts, meanSlicedCost } from '../sliced/mean-sliced-cost';
import { transportPlan, type TransportPlan } from '../transport/transport-plan';

/** What slices are learnt for. */
export interface SliceProblem {
  /** The function that messages name. */
  where: string;
  x_ND: tf.Tensor2D;
  y_MD: tf.Tensor2D;
  plan: TransportPlan;
  p: number;
}

/** The problem of two clouds; its tensors are the caller's. @throws as `cloudTensors` and `transportPlan` */
export function sliceProblem(
  where: string,
  x: Cloud,
  y: Cloud,
  { p, weights }: { p: number; weights: Weights | undefined },
): SliceProblem {
  const clouds = tf.tidy(() => {
    // Whatever becomes of the caller's while slices are learnt.
    const [x_ND, y_MD] = cloudTensors(where, x, y).map((cloud) => cloud.clone());
    return { x_ND: x_ND!, y_MD: y_MD! };
  });
  try {
    return { where, ...clouds, plan: transportPlan(where, clouds.x_ND.shape[0], clouds.y_MD.shape[0], weights), p };
  } catch (error) {
    tf.dispose(clouds);
    throw error;
  }
}

/** Mean of W_p^p over slices, []; differentiable in them alone. */
export function meanCost({ x_ND, y_MD, plan, p }: SliceProblem, theta_LD: tf.Tensor2D): tf.Scalar {
  return meanSlicedCost({ x: x_ND, y: y_MD, theta: theta_LD }, plan, p, ['theta']).mean;
}

/**
 * W_p^p of each slice, [L], on the host.
 *
 * @param draw  makes the slices
 * @throws RangeError when a cost is not finite
 */
export async function costsOfSlices(problem: SliceProblem, draw: () => tf.Tensor2D): Promise<Float32Array> {
  const { where, x_ND, y_MD, plan, p } = problem;
  return scope(async (own) => {
    const costs = own(tf.tidy(() => meanSlicedCost({ x: x_ND, y: y_MD, theta: draw() }, plan, p, []).costs));
    const perSlice = Float32Array.from(await costs.data());
    checkCosts(where, perSlice);
    return perSlice;
  });
}
