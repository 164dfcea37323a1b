// C classes, n units of a layer
import { check } from '@tfsci/tensor-core';
import { checkRenyiOrders } from './orders';
import { hostMatrix, type HostMatrix } from './photonic-moments';

const { argumentMessage, checkNumber, ShapeError } = check;

/** How far another label can move the projection of an example: between two of them, for any clipped ones, or as known. */
export type LabelChange =
  | {
      /** p of the example, [n]. */
      projection: ArrayLike<number>;
      /** p' with the other label, [n]. */
      neighbour: ArrayLike<number>;
    }
  | {
      /** tau_F > 0, what projections are clipped to: two of them are at most 2 tau_F apart. */
      tauF: number;
    }
  | {
      /** The distance itself, >= 0, as from `feedbackSensitivity`. */
      sensitivity: number;
    };

/** Options of `labelPhotonicBound`. */
export interface LabelBoundOptions {
  /** Standard deviation of the optical noise of a projection, > 0. */
  sigma: number;
  /** alpha > 1, at least one; Infinity too. */
  orders: readonly number[];
}

/**
 * What one use of an example's label costs in a layer with optical noise: a bound of the Rényi divergence, both directions.
 *
 *   D_alpha <= alpha ||p - p'||^2 / (2 sigma^2)
 *
 * Inputs are public and only the label of one example changes. Then h and phi' are the same for both batches, and so is the
 * covariance of the update; it is at least that of the example's own noise, so the bound holds for any batch, whatever the
 * rank. Layers add up, as do uses: once an epoch where batches are a fixed partition of the data. The update of the output
 * layer has no optical noise and needs its own.
 *
 * @returns the bound at each order, [orders]
 * @throws RangeError for a sigma that is not above 0, orders that are not above 1, and distances outside their ranges;
 *   ShapeError for projections of different lengths and no order; TypeError for a change of none of the kinds
 */
export function labelPhotonicBound(change: LabelChange, { sigma, orders }: LabelBoundOptions): Float64Array {
  const where = 'opu-dfa.labelPhotonicBound';
  checkNumber(where, 'sigma', sigma, { above: 0 });
  checkRenyiOrders(where, orders);
  const distance = distanceOf(where, change);
  const square = (distance / sigma) ** 2;
  // Infinity times 0 would be NaN.
  return Float64Array.from(orders, (order) => (square === 0 ? 0 : (order / 2) * square));
}

/**
 * How far another label can move a projection of the softmax error that is neither ternary nor clipped.
 *
 *   max over y, y' of ||B_y - B_y'||:  the errors differ by onehot(y') - onehot(y)
 *
 * @param feedback  B of the layer on the host, [C, n]: its rows are the projections of the classes
 * @throws TypeError, ShapeError, RangeError for what is no matrix of finite numbers
 */
export function feedbackSensitivity(feedback: HostMatrix): number {
  const { rows, cols, data } = hostMatrix('opu-dfa.feedbackSensitivity', 'feedback', feedback, null, undefined);
  let largest = 0;
  for (let y = 0; y < rows; y++) {
    for (let other = 0; other < y; other++) {
      let square = 0;
      for (let j = 0; j < cols; j++) square += (data[y * cols + j]! - data[other * cols + j]!) ** 2;
      largest = Math.max(largest, square);
    }
  }
  return Math.sqrt(largest);
}

function distanceOf(where: string, change: LabelChange): number {
  if (typeof change === 'object' && change !== null) {
    if ('tauF' in change) return 2 * checkNumber(where, 'tauF', change.tauF, { above: 0 });
    if ('sensitivity' in change) return checkNumber(where, 'sensitivity', change.sensitivity, { min: 0 });
    if ('projection' in change && 'neighbour' in change) {
      const { projection, neighbour } = change;
      if (projection.length !== neighbour.length) {
        const wanted = `have ${projection.length} entries as projection`;
        throw new ShapeError(argumentMessage(where, 'neighbour', wanted, neighbour.length));
      }
      let square = 0;
      for (let j = 0; j < projection.length; j++) square += (projection[j]! - neighbour[j]!) ** 2;
      return checkNumber(where, '||projection - neighbour||', Math.sqrt(square));
    }
  }
  const wanted = 'be { projection, neighbour }, { tauF } or { sensitivity }';
  throw new TypeError(argumentMessage(where, 'change', wanted, change));
}
