import { check } from '@tfsci/tensor-core';
import { checkDelta } from './gaussian-mechanism';
import { DEFAULT_ORDERS } from './orders';
import {
  appendEvent,
  checkEvent,
  RELATIONS,
  type Accountant,
  type AccountantJson,
  type CompleteEvent,
  type EpsilonReport,
  type NeighbourRelation,
  type PrivacyEvent,
} from './privacy-event';
import { rdpOptionsJson, readRdpJson, type OwnMechanisms } from './rdp-accountant-json';
import {
  checkConversionOrders,
  checkDivergences,
  CONVERSIONS,
  deltaOf,
  epsilonOf,
  type RdpConversion,
} from './rdp-conversion';
import { RecentTables } from './recent-tables';
import { rdpWarning } from './rdp-warning';

const { argumentMessage, checkNumber, checkOneOf, FormatError } = check;
const WHERE = 'opu-dfa.RdpAccountant';

/** Options of `RdpAccountant`. */
export interface RdpAccountantOptions {
  /** alpha > 1, Infinity too; >= 1.01 for 'improved'; default `DEFAULT_ORDERS`. */
  orders?: readonly number[];
  /** Default 'add-remove'. */
  relation?: NeighbourRelation;
  /** From divergences to epsilon, default 'improved'. */
  conversion?: RdpConversion;
}

/**
 * Adds up what uses of the data cost, by Rényi divergences: those of the same order add up.
 *
 * Equal uses in a row are one entry of `events`. Which divergence is taken follows from the relation: `rdpSampledGaussian`
 * for 'add-remove', `rdpSampledWithoutReplacement` for 'replace', `rdpGaussian` where every example takes part. The noise
 * multiplier is over the sensitivity under that relation: for sums clipped to C it is C for 'add-remove', 2 C for 'replace'.
 * Running through shuffled data in epochs is no sampling: account one use with samplingRate 1 an epoch.
 *
 * @throws TypeError, ShapeError, RangeError for other options
 * @see Mironov, 2017, proposition 1, arXiv:1702.07476
 * @example
 * const accountant = new RdpAccountant();
 * accountant.step({ noiseMultiplier: 1.3, samplingRate: 250 / 15000, steps: 900 });
 * accountant.epsilon(1e-5).epsilon; // 2.0847
 */
export class RdpAccountant implements Accountant {
  readonly relation: NeighbourRelation;
  readonly orders: readonly number[];
  readonly conversion: RdpConversion;
  #events: CompleteEvent[] = [];
  #own: OwnMechanisms;
  /** Sum over all entries but the last. */
  #settled: number[];
  #tables: RecentTables;

  constructor(options: RdpAccountantOptions = {}) {
    const { orders = DEFAULT_ORDERS, relation = 'add-remove', conversion = 'improved' } = options;
    this.conversion = checkOneOf(WHERE, 'conversion', conversion, CONVERSIONS);
    this.relation = checkOneOf(WHERE, 'relation', relation, RELATIONS);
    this.orders = [...checkConversionOrders(WHERE, orders, conversion)];
    this.#settled = this.orders.map(() => 0);
    this.#own = { rdp: this.#settled, steps: 0 };
    this.#tables = new RecentTables(this.orders);
  }

  get events(): readonly CompleteEvent[] {
    return this.#events;
  }

  /** What `stepRdp` has counted. */
  get ownMechanisms(): OwnMechanisms {
    return this.#own;
  }

  /**
   * Counts a use of the data by a Gaussian mechanism.
   *
   * @throws TypeError, RangeError, and then nothing is counted, for an event that cannot be
   */
  step(event: PrivacyEvent): void {
    this.#append(checkEvent(`${WHERE}.step`, event, this.relation));
  }

  /**
   * Counts a use of the data by a mechanism of one's own. The divergences must hold for the relation of this accountant, in
   * both directions.
   *
   * @param rdp    r(alpha) >= 0, Infinity too: one an order of `orders`, or a function of the order
   * @param steps  how often, default 1
   * @throws TypeError, ShapeError, RangeError, and then nothing is counted, for other numbers
   */
  stepRdp(rdp: readonly number[] | ((order: number) => number), steps = 1): void {
    const where = `${WHERE}.stepRdp`;
    const given: unknown = typeof rdp === 'function' ? this.orders.map((order) => rdp(order)) : rdp;
    const values = checkDivergences(where, this.orders, given);
    checkNumber(where, 'steps', steps, { min: 1, integer: true });
    this.#own = {
      rdp: this.#own.rdp.map((sum, i) => sum + steps * values[i]!),
      steps: this.#own.steps + steps,
    };
  }

  /** The divergences of all uses together, one an order. */
  rdp(): number[] {
    const last = this.#events.at(-1);
    const table = last === undefined ? null : this.#tables.of(last);
    return this.#settled.map((sum, i) => sum + (table === null ? 0 : last!.steps * table[i]!) + this.#own.rdp[i]!);
  }

  /**
   * The epsilon of all uses together.
   *
   * @param delta  above 0, below 1; it should be far below one over the number of examples
   * @returns with a warning where another grid of orders may give less, nothing is guaranteed, or delta is above 1e-3
   * @throws TypeError, RangeError for another delta
   */
  epsilon(delta: number): EpsilonReport {
    checkDelta(`${WHERE}.epsilon`, delta);
    const found = epsilonOf(this.orders, this.rdp(), delta, this.conversion);
    const warning = rdpWarning(found, this.orders, delta);
    return {
      epsilon: found.epsilon,
      delta,
      relation: this.relation,
      accountant: 'rdp',
      ...(found.order !== undefined && { order: found.order }),
      ...(warning !== null && { warning }),
    };
  }

  /** The least delta of all uses together at an epsilon >= 0. @throws TypeError, RangeError for another epsilon */
  delta(epsilon: number): number {
    checkNumber(`${WHERE}.delta`, 'epsilon', epsilon, { min: 0 });
    return deltaOf(this.orders, this.rdp(), epsilon, this.conversion);
  }

  clone(): RdpAccountant {
    const copy = new RdpAccountant(this);
    copy.#events = this.#events.map((event) => ({ ...event }));
    copy.#own = this.#own;
    copy.#settled = this.#settled;
    return copy;
  }

  /** Plain data: `JSON.stringify` keeps every number, as Infinity is written as a word. */
  toJSON(): AccountantJson {
    const events = this.#events.map((event) => ({ ...event }));
    return { accountant: 'rdp', relation: this.relation, events, options: rdpOptionsJson(this) };
  }

  /**
   * The accountant that `toJSON` wrote; it gives the same numbers.
   *
   * @throws FormatError for anything else
   */
  static fromJSON(json: unknown): RdpAccountant {
    try {
      const { events, own, ...options } = readRdpJson(json);
      const accountant = new RdpAccountant(options);
      for (const event of events) accountant.step(event);
      accountant.#own = own;
      return accountant;
    } catch (cause) {
      const wanted = 'be what toJSON of an RdpAccountant gives';
      const why = cause instanceof Error ? cause.message : '';
      throw new FormatError(argumentMessage(`${WHERE}.fromJSON`, 'json', wanted, json, why), { cause });
    }
  }

  #append(event: CompleteEvent): void {
    const last = this.#events.at(-1);
    const before = this.#events.length;
    appendEvent(this.#events, event);
    if (last === undefined || this.#events.length === before) return;
    const table = this.#tables.of(last);
    this.#settled = this.#settled.map((sum, i) => sum + last.steps * table[i]!);
  }
}
