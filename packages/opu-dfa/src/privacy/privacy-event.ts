import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, checkOneOf } = check;

/**
 * Which pairs of data sets a guarantee speaks of: one example more or less, one example another, or the label of one
 * example another.
 */
export type NeighbourRelation = 'add-remove' | 'replace' | 'label';

/** Names of the relations. */
export const RELATIONS: readonly NeighbourRelation[] = ['add-remove', 'replace', 'label'];

/** A use of the data by a Gaussian mechanism, once or several times. */
export interface PrivacyEvent {
  /** z, standard deviation of the noise over the sensitivity of what it is added to, >= 0; 0 gives no privacy. */
  noiseMultiplier: number;
  /** q, the probability with which an example takes part, 0..1; default 1: all do. */
  samplingRate?: number;
  /**
   * 'poisson' (default): each example takes part or not independently, for the relation 'add-remove';
   * 'without-replacement': a fixed number of examples, for the relation 'replace'. With q = 1 they are the same.
   */
  sampling?: 'poisson' | 'without-replacement';
  /** How often, default 1. */
  steps?: number;
}

/** An event with its defaults filled in. */
export type CompleteEvent = Required<PrivacyEvent>;

/** What data have cost so far. */
export interface EpsilonReport {
  /** (epsilon, delta)-DP holds; Infinity where nothing can be guaranteed. */
  epsilon: number;
  delta: number;
  relation: NeighbourRelation;
  accountant: 'rdp' | 'pld';
  /** The order that gave epsilon; with an accountant by RDP. */
  order?: number;
  /** What a reader of the number has to know, as a sentence. */
  warning?: string;
}

/** An accountant as plain data. */
export interface AccountantJson {
  accountant: 'rdp' | 'pld';
  relation: NeighbourRelation;
  events: CompleteEvent[];
  /** Orders of RDP, grid of PLD. */
  options: Record<string, unknown>;
}

/** Adds up what uses of the data cost. */
export interface Accountant {
  readonly relation: NeighbourRelation;
  /** Uses so far; equal ones in a row are one entry with their number of steps. */
  readonly events: readonly CompleteEvent[];
  /** Counts a use. @throws RangeError, and then nothing is counted, for an event that cannot be */
  step(event: PrivacyEvent): void;
  /** The cost at a delta. */
  epsilon(delta: number): EpsilonReport;
  /** The least delta at an epsilon. */
  delta(epsilon: number): number;
  /** An accountant of the same uses that goes its own way. */
  clone(): Accountant;
  toJSON(): AccountantJson;
}

/**
 * The event with its defaults, checked.
 *
 * @throws RangeError for a noise multiplier < 0, a sampling rate outside 0..1, steps that are no positive integer, or a
 *   sampling that does not go with the relation; TypeError for what are no numbers
 */
export function checkEvent(where: string, event: PrivacyEvent, relation: NeighbourRelation): CompleteEvent {
  if (typeof event !== 'object' || event === null) {
    const fix = 'For one use of all data take { noiseMultiplier: 1 }.';
    throw new TypeError(argumentMessage(where, 'event', 'be a record with a noiseMultiplier', event, fix));
  }
  const { noiseMultiplier, samplingRate = 1, sampling = 'poisson', steps = 1 } = event;
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  checkNumber(where, 'samplingRate', samplingRate, { min: 0, max: 1 });
  checkOneOf(where, 'sampling', sampling, ['poisson', 'without-replacement']);
  checkNumber(where, 'steps', steps, { min: 1, integer: true });
  const wanted = { 'add-remove': 'poisson', replace: 'without-replacement', label: null }[relation];
  if (samplingRate < 1 && sampling !== wanted) {
    const fix =
      wanted === null
        ? 'Sampling is not counted for labels: take samplingRate: 1.'
        : `Take sampling: '${wanted}', or samplingRate: 1.`;
    throw new RangeError(argumentMessage(where, 'sampling', `go with the relation '${relation}'`, sampling, fix));
  }
  return { noiseMultiplier, samplingRate, sampling, steps };
}

/** Appends an event to a history; one that equals the last but for its steps is added to it. */
export function appendEvent(events: CompleteEvent[], event: CompleteEvent): void {
  const last = events.at(-1);
  const same =
    last?.noiseMultiplier === event.noiseMultiplier &&
    last.samplingRate === event.samplingRate &&
    last.sampling === event.sampling;
  if (same) events[events.length - 1] = { ...last, steps: last.steps + event.steps };
  else events.push(event);
}
