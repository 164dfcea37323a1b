import { check } from '@tfsci/tensor-core';

const { argumentMessage, ShapeError } = check;

/** What is summed over an order's integers stays quick. */
const LARGEST_ORDER = 65536;

/** first, first + 1 / perUnit, ..., last, each rounded once. */
function range(first: number, last: number, perUnit: number): number[] {
  return Array.from({ length: Math.round((last - first) * perUnit) + 1 }, (_, i) => (first * perUnit + i) / perUnit);
}

/** The orders that Google's dp_accounting takes: 1.1 to 10.9 by tenths, 11 to 63, 128, 256, 512, 1024. */
export const DEFAULT_ORDERS: readonly number[] = [...range(1.1, 10.9, 10), ...range(11, 63, 1), 128, 256, 512, 1024];

/** The orders that Opacus takes: 1.1 to 10.9 by tenths, 12 to 63. */
export const OPACUS_ORDERS: readonly number[] = [...range(1.1, 10.9, 10), ...range(12, 63, 1)];

/** Returns `order` if it is one of a Rényi divergence. @throws TypeError, RangeError otherwise */
export function checkRenyiOrder(where: string, name: string, order: unknown): number {
  const wanted = `be a number > 1 and <= ${LARGEST_ORDER}, or Infinity`;
  const message = (): string => argumentMessage(where, name, wanted, order);
  if (typeof order !== 'number') throw new TypeError(message());
  if (!(order > 1) || (order > LARGEST_ORDER && order !== Infinity)) throw new RangeError(message());
  return order;
}

/** Returns `orders` if they are some, each of a Rényi divergence. @throws TypeError, ShapeError, RangeError otherwise */
export function checkRenyiOrders(where: string, orders: unknown): readonly number[] {
  const message = (): string => argumentMessage(where, 'orders', 'be an array of at least one order', orders);
  if (!Array.isArray(orders)) throw new TypeError(message());
  if (orders.length === 0) throw new ShapeError(message());
  return orders.map((order, i) => checkRenyiOrder(where, `orders[${i}]`, order));
}
