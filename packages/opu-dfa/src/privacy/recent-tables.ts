import type { CompleteEvent } from './privacy-event';
import { gaussianDivergence } from './rdp-gaussian';
import { rdpTable } from './sampled-gaussian';
import { withoutReplacementTable } from './without-replacement';

/** Few are in use at a time; noise that changes at every step must not fill the memory. */
const TABLES_KEPT = 16;

/** Divergences of one use of an event for each of some orders; the latest tables are kept. */
export class RecentTables {
  readonly #orders: readonly number[];
  readonly #tables = new Map<string, readonly number[]>();

  constructor(orders: readonly number[]) {
    this.#orders = orders;
  }

  /** The divergences, one an order. */
  of(event: CompleteEvent): readonly number[] {
    const key = `${event.sampling} ${event.samplingRate} ${event.noiseMultiplier}`;
    const table = this.#tables.get(key) ?? tableOf(event, this.#orders);
    // A map gives its keys in the order in which they were set.
    this.#tables.delete(key);
    this.#tables.set(key, table);
    if (this.#tables.size > TABLES_KEPT) this.#tables.delete(this.#tables.keys().next().value!);
    return table;
  }
}

function tableOf({ noiseMultiplier, samplingRate, sampling }: CompleteEvent, orders: readonly number[]): number[] {
  if (samplingRate === 1) return orders.map((order) => gaussianDivergence(noiseMultiplier, order));
  const table = sampling === 'poisson' ? rdpTable : withoutReplacementTable;
  return table(samplingRate, noiseMultiplier, orders);
}
