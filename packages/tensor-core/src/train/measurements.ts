import * as tf from '@tensorflow/tfjs';
import { numbersOf, type Scalars } from './scalars';

/** Sums of a window that is not full yet, for a checkpoint. */
export type WindowSums = Record<string, { sum: number; count: number }>;

/** A value that is not finite, and the step that it came from. */
export interface NonFinite {
  step: number;
  name: string;
  value: number | 'values that are not';
}

/**
 * Scalars of steps: they stay on the device until a window is full, are read while the next steps run, and their means
 * are reported. Sums are float64 in the order of the steps, so that windows may be cut anywhere without another result.
 */
export class Measurements {
  /** The first loss that is not finite, as soon as it has been read. */
  nonFinite: NonFinite | null = null;
  /** Valid once `settle` has resolved. */
  sums: WindowSums = {};
  private pending: { step: number; scalars: Scalars }[] = [];
  private reading: Promise<void> = Promise.resolve();
  private failure: Error | null = null;

  /**
   * @param watches  whether values that are not finite end it all
   * @param report   takes the means of a window, one window after the other
   */
  constructor(
    private readonly watches: boolean,
    private readonly report: (step: number, means: Record<string, number>) => Promise<void>,
  ) {}

  /** Takes the scalars of a step over. */
  add(step: number, scalars: Scalars): void {
    this.pending.push({ step, scalars });
  }

  /**
   * Starts to read what has come.
   *
   * @param report  the step at which means are reported, and whether the window is full then; default: no report
   */
  read(report?: { step: number; isFull: boolean }): void {
    const items = this.pending;
    this.pending = [];
    const work = async (): Promise<void> => {
      try {
        const numbers = await Promise.all(items.map(({ scalars }) => numbersOf(scalars)));
        items.forEach(({ step }, i) => this.include(step, numbers[i]!));
      } finally {
        for (const { scalars } of items) tf.dispose(scalars);
      }
      if (report === undefined || this.nonFinite) return;
      const means = this.means();
      if (report.isFull) this.sums = {};
      await this.report(report.step, means);
    };
    this.reading = this.reading.then(work).catch((error: unknown) => {
      this.failure ??= error instanceof Error ? error : new Error(String(error));
    });
  }

  /** Waits until all that was to be read has been reported. @throws what the report threw */
  async settle(): Promise<void> {
    await this.reading;
    if (this.failure) throw this.failure;
  }

  private means(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.sums).map(([name, { sum, count }]) => [name, sum / count]));
  }

  /** Gives up what has not been read. */
  async dispose(): Promise<void> {
    for (const { scalars } of this.pending.splice(0)) tf.dispose(scalars);
    await this.reading;
  }

  private include(step: number, values: Record<string, number>): void {
    // A metric may be undefined for a batch; a loss may not, and what has no loss is watched as a whole.
    const watched = !this.watches ? [] : 'loss' in values ? ['loss'] : Object.keys(values);
    for (const [name, value] of Object.entries(values)) {
      const entry = (this.sums[name] ??= { sum: 0, count: 0 });
      entry.sum += value;
      entry.count++;
      if (watched.includes(name) && !Number.isFinite(value)) this.nonFinite ??= { step, name, value };
    }
  }
}
