// L rows, N and M numbers in a row of x and of y, K pairs of a plan
import * as tf from '@tensorflow/tfjs';
import type { TransportPlan } from './transport-plan';

/** Optimal transport of rows of numbers. */
export type RowCosts = {
  /** W_p^p of each row, [L] */
  costs: tf.Tensor1D;
  /** dW_p^p / dx [L, N] and dW_p^p / dy [L, M] at the plan that is best, which is a constant of the derivative. */
  slopes?: { x: tf.Tensor2D; y: tf.Tensor2D };
};

/** Places in [L, N] and [L, M] written one after the other, [L, K], and what goes between them, [L, K] or [1, K]. */
interface Pairs {
  x: tf.Tensor2D;
  y: tf.Tensor2D;
  mass: tf.Tensor2D;
}

/**
 * Transport of rows by kernels of the backend, for where values cannot be read: on a graphics card and in compiled functions.
 *
 * Numbers are sorted downwards, which gives the same costs: plans of equal weights are symmetric, and weights are carried.
 */
export function deviceRows(
  x_LN: tf.Tensor2D,
  y_LM: tf.Tensor2D,
  plan: TransportPlan,
  p: number,
  withSlopes: boolean,
): RowCosts {
  const pairs = pairsOf(x_LN, y_LM, plan);
  const difference_LK = tf.sub<tf.Tensor2D>(taken(x_LN, pairs.x), taken(y_LM, pairs.y));
  const size_LK = difference_LK.abs<tf.Tensor2D>();
  const costs = tf.sum<tf.Tensor1D>(tf.mul(pairs.mass, size_LK.pow(p)), 1);
  if (!withSlopes) return { costs };
  // 0^0 = 1 for p = 1, where the sign is 0.
  const slope_LK = tf.mul<tf.Tensor2D>(
    pairs.mass,
    size_LK
      .pow(p - 1)
      .mul(difference_LK.sign())
      .mul(p),
  );
  return {
    costs,
    slopes: { x: given(slope_LK, pairs.x, x_LN.shape), y: given(slope_LK.neg(), pairs.y, y_LM.shape) },
  };
}

function pairsOf(x_LN: tf.Tensor2D, y_LM: tf.Tensor2D, plan: TransportPlan): Pairs {
  const [orderX_LN, orderY_LM] = [descending(x_LN), descending(y_LM)];
  if (plan.kind === 'equal') {
    const mass = tf.fill<tf.Rank.R2>([1, plan.n], 1 / plan.n);
    return { x: flat(orderX_LN, plan.n), y: flat(orderY_LM, plan.m), mass };
  }
  if (plan.kind === 'uniform') {
    const at = (order: tf.Tensor2D, from: Int32Array): tf.Tensor2D => tf.gather(order, tf.tensor1d(from, 'int32'), 1);
    return {
      x: flat(at(orderX_LN, plan.fromX), plan.n),
      y: flat(at(orderY_LM, plan.fromY), plan.m),
      mass: tf.tensor2d(Float32Array.from(plan.mass), [1, plan.mass.length]),
    };
  }
  return weightedPairs(orderX_LN, orderY_LM, plan);
}

/** Levels of both sides, sorted together: before level k lie as many points of a side as that side has levels below it. */
function weightedPairs(
  orderX_LN: tf.Tensor2D,
  orderY_LM: tf.Tensor2D,
  { a, b, n, m }: TransportPlan & { kind: 'weighted' },
): Pairs {
  const levelsX_LN = levelsOf(a, orderX_LN);
  const levelsY_LM = levelsOf(b, orderY_LM);
  const { values, indices } = tf.topk<tf.Tensor2D>(tf.concat([levelsX_LN, levelsY_LM], 1).neg(), n + m);
  const levels_LK = values.neg<tf.Tensor2D>();
  const rows = levels_LK.shape[0];
  const below_LK = tf.slice2d(levels_LK, [0, 0], [rows, n + m - 1]).pad<tf.Tensor2D>([
    [0, 0],
    [1, 0],
  ]);
  const ofX_LK = indices.less(n).cast<tf.Tensor2D>('int32');
  const position = (passed: tf.Tensor2D, count: number): tf.Tensor2D =>
    tf
      .cumsum<tf.Tensor>(passed.cast('float32'), 1, true)
      .minimum(count - 1)
      .cast<tf.Tensor2D>('int32');
  return {
    x: flat(chosen(orderX_LN, position(ofX_LK, n)), n),
    y: flat(chosen(orderY_LM, position(tf.sub(1, ofX_LK), m)), m),
    mass: levels_LK.sub(below_LK),
  };
}

/**
 * Cumulative weights in the order of the points, [L, N]; 1 from the last point that weighs anything, whatever was lost in
 * float32: the rest would go to points of weight 0 behind it, which may be far away.
 */
function levelsOf(weights: Float64Array, order_LN: tf.Tensor2D): tf.Tensor2D {
  const ordered: tf.Tensor = tf.gather(tf.tensor1d(Float32Array.from(weights)), order_LN);
  const behind = tf.cumsum<tf.Tensor>(ordered, 1, true, true);
  const sums_LN = tf.cumsum<tf.Tensor2D>(ordered, 1);
  return tf.where(behind.greater(0), sums_LN.minimum<tf.Tensor2D>(1), tf.onesLike(sums_LN));
}

function descending(x_LN: tf.Tensor2D): tf.Tensor2D {
  return tf.topk<tf.Tensor2D>(x_LN, x_LN.shape[1]).indices;
}

/** Row l, column i of [L, N] as l N + i. */
function flat(columns_LK: tf.Tensor2D, width: number): tf.Tensor2D {
  const rows = tf.range(0, columns_LK.shape[0], 1, 'int32').mul(tf.scalar(width, 'int32'));
  return columns_LK.add(rows.expandDims(1));
}

/** values[l, columns[l, k]] */
function chosen(values_LN: tf.Tensor2D, columns_LK: tf.Tensor2D): tf.Tensor2D {
  return taken(values_LN, flat(columns_LK, values_LN.shape[1]));
}

function taken(values_LN: tf.Tensor2D, places_LK: tf.Tensor2D): tf.Tensor2D {
  return tf.gather(values_LN.flatten(), places_LK.flatten()).reshape(places_LK.shape);
}

/** The transpose of `taken`. */
function given(values_LK: tf.Tensor2D, places_LK: tf.Tensor2D, [rows, width]: [number, number]): tf.Tensor2D {
  return tf.unsortedSegmentSum(values_LK.flatten(), places_LK.flatten(), rows * width).reshape([rows, width]);
}
