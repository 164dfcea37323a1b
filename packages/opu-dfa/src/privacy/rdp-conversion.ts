// r(alpha) Rényi divergence of order alpha
import { check } from '@tfsci/tensor-core';
import { checkDelta } from './gaussian-mechanism';
import { checkRenyiOrders } from './orders';

const { argumentMessage, checkNumber, checkOneOf, ShapeError } = check;

/** Ways from Rényi divergences to (epsilon, delta): Canonne, Kamath & Steinke's and Mironov's. */
export type RdpConversion = 'improved' | 'classic';

/** Names of the ways. */
export const CONVERSIONS: readonly RdpConversion[] = ['improved', 'classic'];

/** Below, log(1 - 1 / alpha) is large, and what it is taken from has to be exact. */
const LEAST_IMPROVED_ORDER = 1.01;

/** Options of `rdpToEpsilon`. */
export interface RdpToEpsilonOptions {
  /** 'improved' (default) or 'classic', which is never less. */
  method?: RdpConversion;
}

/** An epsilon and the order that gave it. */
export interface RdpEpsilon {
  /** Infinity where all divergences are. */
  epsilon: number;
  /** The best of the orders; absent for Infinity. */
  order?: number;
  /** Whether the best is the least or the largest of the orders, so that others may be better; never so for epsilon = 0. */
  atGridEdge: boolean;
}

/**
 * The least epsilon that Rényi divergences guarantee at a delta.
 *
 *   improved: epsilon = min over alpha of r + log((alpha-1) / alpha) - (log delta + log alpha) / (alpha-1), at least 0;
 *   0 too where delta^2 >= 1 - e^-r, the bound of Bretagnolle & Huber
 *   classic:  epsilon = min over alpha of r + log(1 / delta) / (alpha-1)
 *
 * @param orders          alpha > 1, Infinity too; >= 1.01 for 'improved'
 * @param rdp             r(alpha) >= 0, Infinity too, one an order
 * @param delta           above 0, below 1
 * @param options.method  default 'improved'
 * @throws TypeError, ShapeError, RangeError for other numbers, none, or lists that differ in length
 * @see Canonne, Kamath & Steinke, 2020, proposition 12, arXiv:2004.00010; Mironov, 2017, proposition 3, arXiv:1702.07476
 * @example
 * const rdp = DEFAULT_ORDERS.map((order) => rdpGaussian(4, order));
 * rdpToEpsilon(DEFAULT_ORDERS, rdp, 1e-5); // { epsilon: 1.0126, order: 18, atGridEdge: false }
 */
export function rdpToEpsilon(
  orders: readonly number[],
  rdp: readonly number[],
  delta: number,
  options: RdpToEpsilonOptions = {},
): RdpEpsilon {
  const where = 'opu-dfa.rdpToEpsilon';
  const { method = 'improved' } = options;
  checkOneOf(where, 'method', method, CONVERSIONS);
  checkConversionOrders(where, orders, method);
  checkDivergences(where, orders, rdp);
  checkDelta(where, delta);
  return epsilonOf(orders, rdp, delta, method);
}

/**
 * The least delta that Rényi divergences guarantee at an epsilon.
 *
 *   delta = min over alpha of e^((alpha-1) (r - epsilon)) (1 - 1/alpha)^(alpha-1) / alpha and sqrt(1 - e^-r), at most 1
 *
 * @param orders   alpha >= 1.01, Infinity too
 * @param rdp      r(alpha) >= 0, Infinity too, one an order
 * @param epsilon  >= 0
 * @returns 0..1; the other way round `rdpToEpsilon` of method 'improved'
 * @throws TypeError, ShapeError, RangeError for other numbers, none, or lists that differ in length
 * @see Canonne, Kamath & Steinke, 2020, proposition 12, arXiv:2004.00010; Bretagnolle & Huber, 1979
 * @example
 * rdpToDelta([8, 16, 32], [0.25, 0.5, 1], 1); // 0.0000131
 */
export function rdpToDelta(orders: readonly number[], rdp: readonly number[], epsilon: number): number {
  const where = 'opu-dfa.rdpToDelta';
  checkConversionOrders(where, orders, 'improved');
  checkDivergences(where, orders, rdp);
  checkNumber(where, 'epsilon', epsilon, { min: 0 });
  return deltaOf(orders, rdp, epsilon, 'improved');
}

/** Returns `orders` if a way can use them. @throws TypeError, ShapeError, RangeError otherwise */
export function checkConversionOrders(where: string, orders: unknown, method: RdpConversion): readonly number[] {
  const checked = checkRenyiOrders(where, orders);
  const broken = method === 'classic' ? -1 : checked.findIndex((order) => order < LEAST_IMPROVED_ORDER);
  if (broken < 0) return checked;
  const wanted = `be >= ${LEAST_IMPROVED_ORDER} for the improved conversion, which is not stable below`;
  throw new RangeError(argumentMessage(where, `orders[${broken}]`, wanted, checked[broken]));
}

/** @throws TypeError, ShapeError, RangeError unless there is one divergence, >= 0 or Infinity, an order */
export function checkDivergences(where: string, orders: readonly number[], rdp: unknown): readonly number[] {
  if (!Array.isArray(rdp)) throw new TypeError(argumentMessage(where, 'rdp', 'be an array', rdp));
  if (rdp.length !== orders.length) {
    const wanted = `have one value an order (${orders.length})`;
    throw new ShapeError(argumentMessage(where, 'rdp', wanted, rdp));
  }
  return rdp.map((value: unknown, i) => {
    const message = (): string => argumentMessage(where, `rdp[${i}]`, 'be a number >= 0, or Infinity', value);
    if (typeof value !== 'number') throw new TypeError(message());
    if (!(value >= 0)) throw new RangeError(message());
    return value;
  });
}

/** `rdpToEpsilon` of checked numbers. */
export function epsilonOf(
  orders: readonly number[],
  rdp: readonly number[],
  delta: number,
  method: RdpConversion,
): RdpEpsilon {
  let epsilon = Infinity;
  let best: number | undefined;
  orders.forEach((order, i) => {
    const candidate = epsilonAt(order, rdp[i]!, delta, method);
    if (candidate < epsilon) [epsilon, best] = [candidate, order];
  });
  if (best === undefined) return { epsilon, atGridEdge: false };
  const order = best;
  const hasLess = orders.some((other) => other < order);
  const hasMore = order === Infinity || orders.some((other) => other > order);
  return { epsilon, order, atGridEdge: epsilon > 0 && !(hasLess && hasMore) };
}

/** `rdpToDelta` of checked numbers; 'classic' inverts the classic way. */
export function deltaOf(
  orders: readonly number[],
  rdp: readonly number[],
  epsilon: number,
  method: RdpConversion,
): number {
  return orders.reduce((least, order, i) => Math.min(least, deltaAt(order, rdp[i]!, epsilon, method)), 1);
}

function epsilonAt(order: number, r: number, delta: number, method: RdpConversion): number {
  // The laws are equal.
  if (r === 0) return 0;
  if (method === 'improved' && delta * delta >= -Math.expm1(-r)) return 0;
  if (order === Infinity || r === Infinity) return r;
  const rest = order - 1;
  if (method === 'classic') return r - Math.log(delta) / rest;
  return Math.max(0, r + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / rest);
}

function deltaAt(order: number, r: number, epsilon: number, method: RdpConversion): number {
  if (r === Infinity) return 1;
  if (r === 0) return 0;
  if (order === Infinity && r <= epsilon) return 0;
  const rest = order - 1;
  if (method === 'classic') return Math.min(1, Math.exp(rest * (r - epsilon)));
  const byTotalVariation = Math.sqrt(-Math.expm1(-r));
  if (order === Infinity) return byTotalVariation;
  return Math.min(byTotalVariation, Math.exp(rest * (r - epsilon + Math.log1p(-1 / order)) - Math.log(order)));
}
