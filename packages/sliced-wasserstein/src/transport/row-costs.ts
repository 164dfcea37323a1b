// L rows, N and M numbers in a row of x and of y
import * as tf from '@tensorflow/tfjs';
import { backend } from '@tfsci/tensor-core';
import { deviceRows, type RowCosts } from './device-rows';
import { filledTensors } from './host-memory';
import type { RowProblem } from './host-rows';
import { solveProblem } from './row-solver';
import type { TransportPlan } from './transport-plan';

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
  const [x, y] = backend.hostValues([x_LN, y_LM]) as [Float32Array, Float32Array];
  const problem: RowProblem = { plan, p, x, y, costs };
  if (!withSlopes) {
    solveProblem(problem);
    return { costs: tf.tensor1d(Float32Array.from(costs)) };
  }
  // Nothing is made before both arrays are filled: x and y stay where they are.
  const slopes = filledTensors(x_LN.shape, y_LM.shape, (out) => solveProblem({ ...problem, slopes: out }));
  return { costs: tf.tensor1d(Float32Array.from(costs)), slopes };
}
