/** What is known of a run at a step. */
export interface LogRecord {
  /** Steps done. */
  step: number;
  /** Epochs done, with fractions; 0 where there are no epochs. */
  epoch: number;
  /** Means since the record before; those of a validation are named `validation/...`. */
  values: Record<string, number>;
}

/** A record with the time at which it was written, in seconds since 1970. */
export interface TimedRecord extends LogRecord {
  time: number;
}

/** Where the records of a run go: a file, a page, a service. `fit` opens it when it begins and closes it at its end. */
export interface Log {
  /** Told the step from which the run goes on, 0 for a new one: records beyond it will come again. */
  open?(step: number): void | Promise<void>;
  write(record: TimedRecord): void | Promise<void>;
  close(): void | Promise<void>;
}

/** How far a run is. */
export interface TrainingProgress {
  /** Steps done, and steps in all. */
  step: number;
  steps: number;
  epoch: number;
  /** Of the latest record; empty before the first. */
  values: Record<string, number>;
}

/** Shows how far a run is; `terminalProgress` of the Node entry is one. */
export interface ProgressView {
  /** Called when the run begins, where a resumed one stands, after every step, and when it has ended well. */
  show(progress: TrainingProgress): void;
  end(): void;
}
