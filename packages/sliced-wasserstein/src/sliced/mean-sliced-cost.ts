// N points of x, M of y, D coordinates, L slices of which C are projected on at a time
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { isTaped } from '../transport/differentiate';
import { rowCosts } from '../transport/row-costs';
import type { TransportPlan } from '../transport/transport-plan';

/** Projections held at a time: 16 MB, which products of matrices and graphics cards like, whatever n and L are. */
const LARGEST_CHUNK = 2 ** 22;

/** What a gradient may be asked for. */
export type Differentiable = 'x' | 'y' | 'theta';

export interface SlicedCosts {
  /** Mean over the slices of W_p^p, []; differentiable. */
  mean: tf.Scalar;
  /** W_p^p in each slice, [L]; not differentiable. */
  costs: tf.Tensor1D;
}

interface Gradients {
  x: tf.Tensor2D;
  y: tf.Tensor2D;
  theta: tf.Tensor2D;
}

/**
 * Mean of W_p^p over given slices, with its gradient found on the way, chunk by chunk, while the order of the points is at
 * hand: memory O(C (N + M)) instead of O(L (N + M)), with a gradient as without.
 *
 * @param of  what a gradient may be asked for; of the rest it is 0
 */
export function meanSlicedCost(
  clouds: { x: tf.Tensor2D; y: tf.Tensor2D; theta: tf.Tensor2D },
  plan: TransportPlan,
  p: number,
  of: readonly Differentiable[],
): SlicedCosts {
  const wanted = isTaped() ? of : [];
  let kept: tf.Tensor1D | undefined;
  const mean = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [x, y, theta] = args as tf.Tensor2D[] as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const { costs, gradients } = costsByChunks({ x, y, theta }, plan, p, wanted);
    kept = tf.keep(costs);
    const found = wanted.map((name) => gradients[name]!);
    save(found);
    return {
      value: costs.mean(),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        [x, y, theta].map((input, i) => {
          const at = wanted.indexOf((['x', 'y', 'theta'] as const)[i]!);
          return at < 0 ? tf.zeros(input.shape) : saved[at]!.mul(dy);
        }),
    };
  });
  const value = mean(clouds.x, clouds.y, clouds.theta) as tf.Scalar;
  // A copy that the caller's tidy knows.
  const costs = kept!.clone();
  kept!.dispose();
  return { mean: value, costs };
}

function costsByChunks(
  { x, y, theta }: Gradients,
  plan: TransportPlan,
  p: number,
  wanted: readonly Differentiable[],
): { costs: tf.Tensor1D; gradients: Partial<Gradients> } {
  const [count, dim] = theta.shape;
  // Of almost equal size: at most two shapes, which compiling backends compile.
  const chunks = Math.ceil(count / Math.max(1, Math.floor(LARGEST_CHUNK / (plan.n + plan.m))));
  const step = Math.ceil(count / chunks);
  const costs: tf.Tensor1D[] = [];
  const ofTheta: tf.Tensor2D[] = [];
  const sums: { x?: tf.Tensor2D; y?: tf.Tensor2D } = {};
  for (let first = 0; first < count; first += step) {
    const theta_CD = tf.slice2d(theta, [first, 0], [Math.min(step, count - first), dim]);
    const part = tf.tidy(() => chunk({ x, y, theta: theta_CD }, plan, p, wanted));
    costs.push(part.costs);
    if (part.theta) ofTheta.push(part.theta);
    for (const name of ['x', 'y'] as const) {
      const [sum, term] = [sums[name], part[name]];
      if (!term) continue;
      sums[name] = sum ? sum.add<tf.Tensor2D>(term) : term;
      if (sum) tf.dispose([sum, term]);
    }
    theta_CD.dispose();
  }
  const gradients: Partial<Gradients> = {};
  for (const name of ['x', 'y'] as const) {
    const sum = sums[name];
    if (sum) gradients[name] = sum.div<tf.Tensor2D>(count);
  }
  if (ofTheta.length > 0) gradients.theta = tf.concat2d(ofTheta, 0).div<tf.Tensor2D>(count);
  return { costs: costs.length === 1 ? costs[0]! : tf.concat1d(costs), gradients };
}

type Chunk = Partial<Gradients> & { costs: tf.Tensor1D };

function chunk(
  { x: x_ND, y: y_MD, theta: theta_CD }: Gradients,
  plan: TransportPlan,
  p: number,
  wanted: readonly Differentiable[],
): Chunk {
  const x_CN = tf.matMul<tf.Tensor2D>(theta_CD, x_ND, false, true);
  const y_CM = tf.matMul<tf.Tensor2D>(theta_CD, y_MD, false, true);
  const { costs, slopes } = rowCosts(x_CN, y_CM, plan, p, wanted.length > 0);
  const result: Chunk = { costs };
  if (!slopes) return result;
  if (wanted.includes('x')) result.x = tf.matMul<tf.Tensor2D>(slopes.x, theta_CD, true);
  if (wanted.includes('y')) result.y = tf.matMul<tf.Tensor2D>(slopes.y, theta_CD, true);
  if (wanted.includes('theta')) {
    result.theta = tf.add<tf.Tensor2D>(tf.matMul(slopes.x, x_ND), tf.matMul(slopes.y, y_MD));
  }
  return result;
}

/** @throws RangeError when a cost is not finite: projections or their powers have left float32 */
export function checkCosts(where: string, costs: ArrayLike<number>): void {
  const slice = Array.from(costs).findIndex((cost) => !Number.isFinite(cost));
  if (slice < 0) return;
  const wanted = 'have finite projections whose p-th powers are within float32';
  throw new RangeError(check.argumentMessage(where, 'x and y', wanted, costs[slice], 'Scale both clouds alike.'));
}
