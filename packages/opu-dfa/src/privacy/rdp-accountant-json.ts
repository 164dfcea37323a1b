import { check } from '@tfsci/tensor-core';
import type { NeighbourRelation, PrivacyEvent } from './privacy-event';
import { checkConversionOrders, checkDivergences, CONVERSIONS, type RdpConversion } from './rdp-conversion';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What mechanisms of one's own have cost: the sum of their divergences, one an order, and how many there were. */
export interface OwnMechanisms {
  rdp: readonly number[];
  steps: number;
}

/** What an accountant by Rényi divergences is made of. */
interface SavedRdp {
  relation: NeighbourRelation;
  orders: readonly number[];
  conversion: RdpConversion;
  events: PrivacyEvent[];
  own: OwnMechanisms;
}

/** JSON has no Infinity. */
type JsonNumber = number | 'Infinity';

/** The options of an accountant and its own mechanisms, as plain data. */
export function rdpOptionsJson(accountant: {
  orders: readonly number[];
  conversion: RdpConversion;
  ownMechanisms: OwnMechanisms;
}): Record<string, unknown> {
  const { orders, conversion, ownMechanisms } = accountant;
  const own = { rdp: ownMechanisms.rdp.map(toJson), steps: ownMechanisms.steps };
  return { orders: orders.map(toJson), conversion, own };
}

/**
 * What `toJSON` wrote; the relation and the events are left to the accountant to check.
 *
 * @throws TypeError, ShapeError, RangeError for what it cannot have written
 */
export function readRdpJson(json: unknown): SavedRdp {
  const { accountant, relation, events, options } = recordOf('json', json);
  checkOneOf('json', 'accountant', accountant, ['rdp']);
  if (!Array.isArray(events)) throw new TypeError(argumentMessage('json', 'events', 'be an array', events));
  const { orders: savedOrders, conversion, own: savedOwn } = recordOf('options', options);
  const { rdp: savedRdp, steps } = recordOf('options.own', savedOwn);
  const way = checkOneOf('options', 'conversion', conversion as RdpConversion, CONVERSIONS);
  const orders = checkConversionOrders('options', numbersOf(savedOrders), way);
  const rdp = checkDivergences('options.own', orders, numbersOf(savedRdp));
  checkNumber('options.own', 'steps', steps, { min: 0, integer: true });
  return {
    relation: relation as NeighbourRelation,
    orders,
    conversion: way,
    events: events as PrivacyEvent[],
    own: { rdp, steps: steps as number },
  };
}

function toJson(value: number): JsonNumber {
  return value === Infinity ? 'Infinity' : value;
}

function numbersOf(values: unknown): unknown {
  return Array.isArray(values) ? values.map((value: unknown) => (value === 'Infinity' ? Infinity : value)) : values;
}

function recordOf(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new TypeError(argumentMessage('json', name, 'be a record', value));
}
