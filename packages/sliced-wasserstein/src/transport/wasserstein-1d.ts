// n and m numbers on a line, L lines
import * as tf from '@tensorflow/tfjs';
import { backend, check } from '@tfsci/tensor-core';
import { checkFinite, checkOrder, type Weights } from '../cloud';
import { isTaped, pthRoot } from './differentiate';
import { rowCosts } from './row-costs';
import { transportPlan, type TransportPlan } from './transport-plan';

const { argumentMessage, ShapeError } = check;
const WHERE = 'sliced-wasserstein.wasserstein1d';

export interface Wasserstein1dOptions extends Weights {
  /** p >= 1, default 2 */
  p?: number;
  /** Gives W_p instead of W_p^p, default false: the power has a gradient everywhere. */
  root?: boolean;
}

/**
 * Wasserstein distance of numbers on a line to the power p, exactly; differentiable in both clouds.
 *
 *   W_p^p(x, y) = integral over u in (0, 1) of |F_x^-1(u) - F_y^-1(u)|^p
 *
 * Equal sizes and weights: the mean of |x_(i) - y_(i)|^p over sorted numbers. Otherwise the quantile functions are merged,
 * for any sizes and weights. O(L (n log n + m log m)) at most; radix sorts, linear in n, where values are in host memory.
 *
 * @param x          float32 [n], or [n, L] for L problems at once
 * @param y          [m], or [m, L]
 * @param options.a  weights of the n numbers, >= 0, divided by their sum; default equal
 * @param options.b  of the m numbers
 * @returns scalar [], or [L] for [n, L]
 * @throws TypeError for what is no tensor of real numbers, ShapeError for other shapes, empty clouds and numbers of weights,
 *   RangeError for p < 1, numbers that are not finite, costs above the largest float32, and weights that are negative or
 *   all 0
 * @remarks The order of the numbers is a constant of the gradient. Where numbers are equal any order is best, and the
 *   gradient is one of several; |x - y| has slope 0 at 0. The root has gradient 0 at distance 0. There are no second
 *   derivatives: in a gradient of a gradient the inner one counts as a constant.
 * @example
 * wasserstein1d(tf.tensor1d([0, 1, 3]), tf.tensor1d([5, 6, 8]), { p: 1 }).print(); // 5
 */
export function wasserstein1d(
  x: tf.Tensor1D | tf.Tensor2D,
  y: tf.Tensor1D | tf.Tensor2D,
  options: Wasserstein1dOptions = {},
): tf.Tensor {
  const { p = 2, root = false, ...weights } = options;
  checkOrder(WHERE, p);
  checkNumbers('x', x);
  checkNumbers('y', y);
  if (x.shape.length !== y.shape.length || x.shape[1] !== y.shape[1]) {
    const wanted = x.rank === 1 ? 'have the shape [m]' : `have the shape [m, ${x.shape[1]}]`;
    throw new ShapeError(argumentMessage(WHERE, 'y', `${wanted}, as x is ${x.rank}-D`, y));
  }
  const plan = transportPlan(WHERE, x.shape[0], y.shape[0], weights, '');
  return tf.tidy(() => {
    const costs = differentiableCosts(rowsOf(x), rowsOf(y), plan, p);
    if (backend.readsAtOnce()) checkPowers(backend.hostValues([costs])[0]!);
    const power = x.rank === 1 ? costs.asScalar() : costs;
    return root ? pthRoot(power, p) : power;
  });
}

function checkNumbers(name: string, x: tf.Tensor): void {
  const wanted = 'be a tensor of real numbers, [n] or [n, L]';
  if (!(x instanceof tf.Tensor) || x.dtype === 'string' || x.dtype === 'complex64') {
    throw new TypeError(argumentMessage(WHERE, name, wanted, x));
  }
  if ((x.rank !== 1 && x.rank !== 2) || x.size === 0) {
    throw new ShapeError(argumentMessage(WHERE, name, 'have the shape [n] or [n, L] with n >= 1 and L >= 1', x));
  }
  checkFinite(WHERE, name, x);
}

function checkPowers(costs: tf.TypedArray): void {
  const cost = costs.find((value) => !Number.isFinite(value));
  if (cost === undefined) return;
  const wanted = 'have differences whose p-th powers are within float32';
  throw new RangeError(argumentMessage(WHERE, 'x and y', wanted, cost, 'Scale both.'));
}

/** A problem a row, [L, n]. */
function rowsOf(x: tf.Tensor1D | tf.Tensor2D): tf.Tensor2D {
  const floats = x.cast<tf.Tensor>('float32');
  return x.rank === 1 ? floats.as2D(1, x.size) : floats.transpose<tf.Tensor2D>();
}

function differentiableCosts(x: tf.Tensor2D, y: tf.Tensor2D, plan: TransportPlan, p: number): tf.Tensor1D {
  const taped = isTaped();
  const costs = tf.customGrad((...args) => {
    const save = args.pop() as tf.GradSaveFunc;
    const [ofX, ofY] = args as [tf.Tensor2D, tf.Tensor2D];
    const { costs: value, slopes } = rowCosts(ofX, ofY, plan, p, taped);
    if (slopes) save([slopes.x, slopes.y]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => saved.map((slope) => slope.mul(dy.expandDims(1))),
    };
  });
  return costs(x, y);
}
