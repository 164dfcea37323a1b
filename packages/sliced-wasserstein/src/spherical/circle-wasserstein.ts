// n and m points on the circle of circumference 1
import { check } from '@tfsci/tensor-core';
import { checkOrder, normalisedWeights, type Weights } from '../cloud';
import { circleToUniformCost } from './circle-to-uniform';
import { circleCost, circleMasses, onCircle } from './circle-transport';

const { argumentMessage, checkNumber, ShapeError } = check;

/** Options of `circleWasserstein`. */
export interface CircleWassersteinOptions extends Weights {
  /** p >= 1, default 2 */
  p?: number;
  /** Gives W_p instead of W_p^p, default false. */
  root?: boolean;
}

/**
 * Wasserstein distance of points on a circle to the power p, exactly, in float64.
 *
 *   W_p^p(u, v) = min over plans of the mean of d(u_i, v_j)^p,  d(s, t) = min over integers k of |s - t + k|
 *
 * The circle has circumference 1, so W_p <= 1/2; for radians divide by 2 pi, and multiply W_p by it. O((n + m) log(n m)).
 *
 * @param u          coordinates of n points, finite; those that differ by an integer are the same point
 * @param v          of m points
 * @param options.a  weights of the n points, >= 0, divided by their sum; default equal
 * @param options.b  of the m points
 * @throws TypeError, ShapeError for what is no array of numbers, none at all, or another number of weights; RangeError for
 *   p < 1, coordinates that are not finite, and weights that are negative or all 0
 * @see Delon, Salomon & Sobolevski, 2010, arXiv:0902.3527
 * @example
 * circleWasserstein([0.1, 0.5], [0.9, 0.6], { p: 1 }); // 0.15: from 0.1 back over 0 to 0.9, and from 0.5 to 0.6
 */
export function circleWasserstein(
  u: ArrayLike<number>,
  v: ArrayLike<number>,
  options: CircleWassersteinOptions = {},
): number {
  const where = 'sliced-wasserstein.circleWasserstein';
  const { p = 2, root = false, ...weights } = options;
  checkOrder(where, p);
  const [x, y] = [coordinatesOf(where, 'u', u), coordinatesOf(where, 'v', v)];
  const cost = circleCost(x, y, circleMasses(where, x.length, y.length, weights, ''), p);
  return root ? cost ** (1 / p) : cost;
}

/** Options of `circleToUniform`. */
export interface CircleToUniformOptions extends Pick<Weights, 'a'> {
  /** Gives W_2 instead of W_2^2, default false. */
  root?: boolean;
}

/**
 * W_2^2 of points on the circle of circumference 1 and the uniform law on it, in closed form; O(n log n).
 *
 *   sum_i a_i (r_i - r)^2 + sum_i a_i^3 / 12,  r_i = u_(i) - (A_(i-1) + A_i) / 2,  r = sum_i a_i r_i
 *
 * At least 1 / (12 n^2), for n points at equal distances, and at most 1 / 12, for one point.
 *
 * @param u          coordinates, finite; those that differ by an integer are the same point
 * @param options.a  weights of the points, >= 0, divided by their sum; default equal
 * @throws as `circleWasserstein`
 * @see Bonet, Berg, Courty, Septier, Drumetz & Pham, 2023, "Spherical Sliced-Wasserstein", arXiv:2206.08780
 */
export function circleToUniform(u: ArrayLike<number>, { a, root = false }: CircleToUniformOptions = {}): number {
  const where = 'sliced-wasserstein.circleToUniform';
  const x = coordinatesOf(where, 'u', u);
  const cost = circleToUniformCost(x, normalisedWeights(where, 'a', a, x.length));
  return root ? Math.sqrt(cost) : cost;
}

function coordinatesOf(where: string, name: string, values: ArrayLike<number>): Float64Array {
  if (typeof values !== 'object' || typeof (values as ArrayLike<number> | null)?.length !== 'number') {
    throw new TypeError(argumentMessage(where, name, 'be an array of numbers', values));
  }
  if (values.length === 0) throw new ShapeError(argumentMessage(where, name, 'have at least one number', values));
  return Float64Array.from(values, (value, i) => onCircle(checkNumber(where, `${name}[${i}]`, value)));
}
