import { check } from '@tfsci/tensor-core';
import { composedDelta, composedEpsilon, type CompositionOptions, type SampledGaussianUse } from './composed-privacy';
import { checkDelta } from './gaussian-mechanism';
import { LossGrids } from './loss-grid';
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

const { argumentMessage, checkNumber, checkOneOf, FormatError } = check;
const WHERE = 'opu-dfa.PldAccountant';

/** Less would be near what is cut off from the tails of many uses. */
const LEAST_DELTA = 1e-12;

/** Options of `PldAccountant`. */
export interface PldAccountantOptions {
  /** Default 'add-remove'. */
  relation?: NeighbourRelation;
  /**
   * Distance of the points that losses are put on, > 0. Epsilon is an upper bound for each. By default the distance adds to it
   * about 0.04 % at most; more, some per cent, for sampling rates below 1e-4 where losses have long tails.
   */
  grid?: number;
}

/**
 * Adds up what uses of the data cost, by the distribution of the privacy loss: the sum of independent losses, composed by
 * Fourier transforms. Tighter than Rényi divergences, and never too small: losses go to a grid pessimistically, and what is
 * cut off, or rounded, is counted as delta. With sampling the larger of both directions is taken.
 *
 * Uses of all data (samplingRate 1), the only ones for the relations 'replace' and 'label', are Gaussian mechanisms, and their
 * composition is exact. The noise multiplier is over the sensitivity under the relation: for sums clipped to C it is C for
 * 'add-remove', 2 C for 'replace'.
 *
 * @throws TypeError, RangeError for other options
 * @see Koskela, Jaelkoe & Honkela, 2020, arXiv:1906.03049; Doroshenko, Ghazi, Kamath, Kumar & Manurangsi, 2022,
 *   arXiv:2207.04380
 * @example
 * const accountant = new PldAccountant();
 * accountant.step({ noiseMultiplier: 1.3, samplingRate: 250 / 15000, steps: 900 });
 * accountant.epsilon(1e-5).epsilon; // 1.892
 */
export class PldAccountant implements Accountant {
  readonly relation: NeighbourRelation;
  readonly grid: number | undefined;
  #events: CompleteEvent[] = [];
  #grids = new LossGrids();

  constructor(options: PldAccountantOptions = {}) {
    const { relation = 'add-remove', grid } = options;
    this.relation = checkOneOf(WHERE, 'relation', relation, RELATIONS);
    if (grid !== undefined) checkNumber(WHERE, 'grid', grid, { above: 0 });
    this.grid = grid;
  }

  get events(): readonly CompleteEvent[] {
    return this.#events;
  }

  /**
   * Counts a use of the data by a Gaussian mechanism.
   *
   * @throws TypeError, RangeError, and then nothing is counted, for an event that cannot be; sampling without replacement is
   *   for an RdpAccountant
   */
  step(event: PrivacyEvent): void {
    const where = `${WHERE}.step`;
    const complete = checkEvent(where, event, this.relation);
    if (complete.samplingRate < 1 && complete.sampling === 'without-replacement') {
      const fix = 'Take an RdpAccountant.';
      throw new RangeError(argumentMessage(where, 'sampling', "be 'poisson'", complete.sampling, fix));
    }
    appendEvent(this.#events, complete);
  }

  /**
   * The epsilon of all uses together, rounded up.
   *
   * @param delta  1e-12 .. 1; it should be far below one over the number of examples
   * @returns Infinity, with a warning, where a use had no noise
   * @throws TypeError, RangeError for another delta, or a grid too fine for the range of the losses
   */
  epsilon(delta: number): EpsilonReport {
    const where = `${WHERE}.epsilon`;
    checkPldDelta(where, delta);
    const uses = this.uses();
    const epsilon = uses === null ? Infinity : composedEpsilon(where, uses, delta, this.composition);
    const report: EpsilonReport = { epsilon, delta, relation: this.relation, accountant: 'pld' };
    if (epsilon < Infinity) return report;
    return { ...report, warning: 'Nothing is guaranteed: there was a use of the data without noise.' };
  }

  /**
   * The least delta of all uses together at an epsilon >= 0, rounded up.
   *
   * @throws TypeError, RangeError for another epsilon, or a grid too fine for the range of the losses
   */
  delta(epsilon: number): number {
    const where = `${WHERE}.delta`;
    checkNumber(where, 'epsilon', epsilon, { min: 0 });
    const uses = this.uses();
    return uses === null ? 1 : composedDelta(where, uses, epsilon, this.composition);
  }

  clone(): PldAccountant {
    const copy = new PldAccountant(this.options);
    copy.#events = this.#events.map((event) => ({ ...event }));
    copy.#grids = this.#grids;
    return copy;
  }

  /** Plain data. */
  toJSON(): AccountantJson {
    const events = this.#events.map((event) => ({ ...event }));
    const { relation, ...options } = this.options;
    return { accountant: 'pld', relation, events, options };
  }

  /**
   * The accountant that `toJSON` wrote; it gives the same numbers.
   *
   * @throws FormatError for anything else
   */
  static fromJSON(json: unknown): PldAccountant {
    try {
      const { accountant: kind, relation, events, options } = recordOf('json', json);
      checkOneOf('json', 'accountant', kind, ['pld']);
      checkOneOf('json', 'relation', relation as NeighbourRelation, RELATIONS);
      if (!Array.isArray(events)) throw new TypeError(argumentMessage('json', 'events', 'be an array', events));
      const { grid } = recordOf('options', options);
      const own = { relation: relation as NeighbourRelation, ...(grid !== undefined && { grid: grid as number }) };
      const accountant = new PldAccountant(own);
      for (const event of events) accountant.step(event as PrivacyEvent);
      return accountant;
    } catch (cause) {
      const wanted = 'be what toJSON of a PldAccountant gives';
      const why = cause instanceof Error ? cause.message : '';
      throw new FormatError(argumentMessage(`${WHERE}.fromJSON`, 'json', wanted, json, why), { cause });
    }
  }

  private get options(): { relation: NeighbourRelation; grid?: number } {
    const { relation, grid } = this;
    return { relation, ...(grid !== undefined && { grid }) };
  }

  private get composition(): CompositionOptions {
    return { grid: this.grid, grids: this.#grids };
  }

  /** The uses that cost something; null when one of them had no noise. */
  private uses(): SampledGaussianUse[] | null {
    const costly = this.#events.filter(({ samplingRate }) => samplingRate > 0);
    return costly.some(({ noiseMultiplier }) => noiseMultiplier === 0) ? null : costly;
  }
}

/** Returns `delta` if it can be asked for. @throws TypeError, RangeError otherwise */
export function checkPldDelta(where: string, delta: unknown): number {
  checkDelta(where, delta);
  return checkNumber(where, 'delta', delta, { min: LEAST_DELTA }, 'For smaller ones take an RdpAccountant.');
}

function recordOf(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  throw new TypeError(argumentMessage('json', name, 'be a record', value));
}
