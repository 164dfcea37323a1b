import { argumentMessage, checkNumber, checkOneOf } from '../check';

/** Which validation metric is watched, and what better means. */
export interface WatchedMetric {
  /** A name among those that `validate.metrics` gives. */
  metric: string;
  /** Default 'min': smaller is better. */
  mode?: 'min' | 'max';
}

/** Options of early stopping. */
export interface EarlyStopOptions extends WatchedMetric {
  /** How many validations in a row may fail to improve before the run stops, at least 1. */
  patience: number;
  /** By how much a value must be better than the best to count as an improvement, default 0: by anything. */
  minDelta?: number;
}

/** What a tracker knows, for a checkpoint. */
export interface TrackerState {
  best: number | null;
  bestStep: number | null;
  /** Validations since the best. */
  waited: number;
}

/**
 * Follows a metric from validation to validation.
 *
 *   an improvement is  value < best - minDelta ('min')  or  value > best + minDelta ('max'); NaN never is one
 */
export class Tracker {
  state: TrackerState = { best: null, bestStep: null, waited: 0 };
  readonly metric: string;
  private readonly sign: 1 | -1;
  private readonly minDelta: number;

  constructor(where: string, { metric, mode = 'min', minDelta = 0 }: WatchedMetric & { minDelta?: number }) {
    if (typeof metric !== 'string') {
      throw new TypeError(argumentMessage(where, 'metric', 'be the name of a validation metric', metric));
    }
    this.metric = metric;
    this.sign = checkOneOf(where, 'mode', mode, ['min', 'max']) === 'min' ? 1 : -1;
    this.minDelta = checkNumber(where, 'minDelta', minDelta, { min: 0 });
  }

  /**
   * Takes the metrics of a validation into account and says whether the watched one has improved.
   *
   * @throws RangeError when it is not among them
   */
  offer(where: string, values: Record<string, number>, step: number): boolean {
    const value = values[this.metric];
    if (value === undefined) {
      const names = Object.keys(values).join(', ');
      throw new RangeError(argumentMessage(where, 'metric', `be a validation metric (${names})`, this.metric));
    }
    const { best, waited } = this.state;
    const improved = best === null ? !Number.isNaN(value) : this.sign * (value - best) < -this.minDelta;
    if (improved) this.state = { best: value, bestStep: step, waited: 0 };
    else this.state = { ...this.state, waited: waited + 1 };
    return improved;
  }
}
