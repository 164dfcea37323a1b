// q sampling rate, z noise multiplier
import { check } from '@tfsci/tensor-core';
import { seriesLogMoment } from './fractional-order';
import { integerLogMoment } from './integer-order';
import { gridLogMoment, momentGrid, type MomentGrid } from './moment-grid';
import { checkRenyiOrder, checkRenyiOrders, DEFAULT_ORDERS } from './orders';
import { gaussianDivergence } from './rdp-gaussian';

const { checkNumber, checkOneOf } = check;

/** More noise counts as this much, as its square would leave float64; the divergence is below 1e-190 anyway. */
const LARGEST_NOISE = 1e100;

/** Ways to a moment of the sampled Gaussian mechanism. */
export type MomentMethod = 'exact' | 'upper' | 'quadrature';

/** Options of `rdpSampledGaussian`. */
export interface SampledGaussianOptions {
  /**
   * 'exact' (default): the finite sum for integer orders, the trapezoid rule for others, and their series where z is so
   * small (below about 0.1) that the rule needs too many points; 'quadrature': the rule for integer orders too; 'upper':
   * the series of dp_accounting for orders that are no integers, never below the exact value.
   */
  method?: MomentMethod;
}

/**
 * The Rényi divergence of the sampled Gaussian mechanism: each example takes part with probability q, independently, and
 * N(0, s^2 I) is added to the sum. One example more or less.
 *
 *   rdp(alpha) = log A / (alpha - 1),  A = E_{x ~ N(0, z^2)} [(1-q) + q exp((2x-1) / (2 z^2))]^alpha
 *
 * @param samplingRate     q, 0..1
 * @param noiseMultiplier  z >= 0, s over the norm that no example's part of the sum exceeds
 * @param order            alpha > 1, Infinity too
 * @returns in nats, relative error below 1e-12 (for z < 0.1 absolute, of log A); 0 for q = 0, Infinity for z = 0 or alpha =
 *   Infinity
 * @throws TypeError, RangeError for other numbers or methods
 * @see Mironov, Talwar & Zhang, 2019, arXiv:1908.10530
 * @remarks Of the two directions this is the larger one for every order, as shown there.
 * @example
 * rdpSampledGaussian(0.01, 1.1, 8); // 0.000584
 */
export function rdpSampledGaussian(
  samplingRate: number,
  noiseMultiplier: number,
  order: number,
  options: SampledGaussianOptions = {},
): number {
  const where = 'opu-dfa.rdpSampledGaussian';
  const { method = 'exact' } = options;
  checkSampled(where, samplingRate, noiseMultiplier);
  checkRenyiOrder(where, 'order', order);
  checkOneOf(where, 'method', method, ['exact', 'upper', 'quadrature']);
  return divergences(samplingRate, noiseMultiplier, [order], method)[0]!;
}

/**
 * The Rényi divergences of the sampled Gaussian mechanism for many orders, which share what they have in common.
 *
 * @param samplingRate     q, 0..1
 * @param noiseMultiplier  z >= 0
 * @param orders           default `DEFAULT_ORDERS`
 * @returns those of `rdpSampledGaussian`, one an order
 * @throws TypeError, ShapeError, RangeError for other numbers or no orders
 * @example
 * rdpTable(0.01, 1.1, [2, 8, 32]); // [ 0.000129, 0.000584, 8.47 ]
 */
export function rdpTable(
  samplingRate: number,
  noiseMultiplier: number,
  orders: readonly number[] = DEFAULT_ORDERS,
): number[] {
  const where = 'opu-dfa.rdpTable';
  checkSampled(where, samplingRate, noiseMultiplier);
  return divergences(samplingRate, noiseMultiplier, checkRenyiOrders(where, orders), 'exact');
}

/** @throws TypeError, RangeError when q is no probability or z negative */
export function checkSampled(where: string, samplingRate: number, noiseMultiplier: number): void {
  checkNumber(where, 'samplingRate', samplingRate, { min: 0, max: 1 });
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
}

function divergences(q: number, noise: number, orders: readonly number[], method: MomentMethod): number[] {
  if (q === 0) return orders.map(() => 0);
  if (noise === 0) return orders.map(() => Infinity);
  if (q === 1) return orders.map((order) => gaussianDivergence(noise, order));
  const z = Math.min(noise, LARGEST_NOISE);
  const onGrid = orders.filter((order) => order < Infinity && needsGrid(order, method));
  const largest = onGrid.reduce((most, order) => Math.max(most, order), 0);
  const grid = largest > 0 ? momentGrid(q, z, largest) : null;
  return orders.map((order) => (order === Infinity ? order : logMoment(q, z, order, method, grid) / (order - 1)));
}

function needsGrid(order: number, method: MomentMethod): boolean {
  return method === 'quadrature' || (method === 'exact' && !Number.isInteger(order));
}

function logMoment(q: number, z: number, order: number, method: MomentMethod, grid: MomentGrid | null): number {
  if (grid !== null && needsGrid(order, method)) return gridLogMoment(grid, order);
  if (Number.isInteger(order)) return integerLogMoment(q, z, order);
  return seriesLogMoment(q, z, order, method === 'upper' ? 'absolute' : 'exact');
}
