// N points of x, M of y, D coordinates, L slices
import * as tf from '@tensorflow/tfjs';
import type { TransportPlan } from '../transport/transport-plan';
import { type Differentiable, meanSlicedCost } from './mean-sliced-cost';

/** W_p^p in each slice, [L], and the gradient of their mean in one of the clouds or in the slices, of its shape. */
export type CostGradient = { costs: tf.Tensor1D; gradient: tf.Tensor2D };

/** The costs of slices and a gradient from one pass; both are the caller's. */
export function costGradient(
  clouds: { x: tf.Tensor2D; y: tf.Tensor2D; theta: tf.Tensor2D },
  plan: TransportPlan,
  p: number,
  of: Differentiable,
): CostGradient {
  return tf.tidy(() => {
    let kept: tf.Tensor1D | undefined;
    const mean = (input: tf.Tensor): tf.Scalar => {
      const found = meanSlicedCost({ ...clouds, [of]: input }, plan, p, [of]);
      // Of what is computed in here only the result would stay.
      kept = tf.keep(found.costs);
      return found.mean;
    };
    const gradient = tf.grad(mean)(clouds[of]) as tf.Tensor2D;
    const costs = kept!.clone();
    kept!.dispose();
    return { costs, gradient };
  });
}
