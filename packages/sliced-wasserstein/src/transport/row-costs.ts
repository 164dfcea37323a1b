// L rows, N and M numbers in a row of x and of y
import * as tf from '@tensorflow/tfjs';
import { backend } from '@tfsci/tensor-core';
import { deviceRows } from './device-rows';
import { solveRows } from './host-rows';
import type { TransportPlan } from './transport-plan';

/** Optimal transport of rows of numbers. */
export type RowCosts = {
  /** W_p^p of each row, [L] */
  costs: tf.Tensor1D;
  /** dW_p^p / dx [L, N] and dW_p^p / dy [L, M] at the plan that is best, which is a constant of the derivative. */
  slopes?: { x: tf.Tensor2D; y: tf.Tensor2D };
};

/** Sorts on the host where values can be read at once, by kernels elsewhere. Not differentiable: the slopes are given. */
export function rowCosts(
  x_LN: tf.Tensor2D,
  y_LM: tf.Tensor2D,
  plan: TransportPlan,
  p: number,
  withSlopes: boolean,
): RowCosts {
  if (!backend.readsAtOnce()) return tf.tidy(() => deviceRows(x_LN, y_LM, plan, p, withSlopes));
  const costs = new Float64Array(x_LN.shape[0]);
  const slopes = withSlopes ? { x: new Float32Array(x_LN.size), y: new Float32Array(y_LM.size) } : undefined;
  const [x, y] = backend.hostValues([x_LN, y_LM]) as [Float32Array, Float32Array];
  solveRows({ plan, p, x, y, costs, ...(slopes && { slopes }) });
  return {
    costs: tf.tensor1d(Float32Array.from(costs)),
    ...(slopes && { slopes: { x: tf.tensor2d(slopes.x, x_LN.shape), y: tf.tensor2d(slopes.y, y_LM.shape) } }),
  };
}
