/** Where a claim comes from. */
export interface Paper {
  title: string;
  authors: string;
  year: number;
  arxiv: string;
}

/** quick: minutes on two cores. full: the finer grids and more seeds of a long run. */
export type Profile = 'quick' | 'full';

/** One number or fact of the claim, held against what was measured. */
export interface Check {
  /** What is compared, with its setting. */
  claim: string;
  /** The value or bound it should have, in words. */
  expected: string;
  /** Where that comes from. */
  source: string;
  measured: string;
  holds: boolean;
}

/** What a run of an experiment leaves: JSON, from which the report is made at any later time. */
export interface Outcome<Data> {
  checks: Check[];
  /** The measured numbers that the plots show. */
  data: Data;
  /** Data set and sizes, as used. */
  dataset: string;
}

/** A picture of the report. */
export interface Figure {
  caption: string;
  svg: string;
}

/** How far a run has come, for the progress line. */
export interface Progress {
  /** 0..1 */
  fraction: number;
  doing: string;
}

/** What a run function is given. */
export interface RunContext {
  profile: Profile;
  /** First seed; experiments count up from it. */
  seed: number;
  /** The user's data folder, if any. */
  dataDir: string | undefined;
  signal: AbortSignal;
  /** Results of finished parts, kept on disk: a stopped run goes on from them. */
  parts: Parts;
  onProgress: (progress: Progress) => void;
}

/** Store of finished parts by name; values are JSON. */
export interface Parts {
  get(name: string): Promise<unknown>;
  set(name: string, value: unknown): Promise<void>;
}

/** A headline result of a paper, and how to reproduce it. */
export interface Experiment<Data = unknown> {
  /** Name on the command line. */
  id: string;
  paper: Paper;
  title: string;
  /** What the paper says, in a sentence. */
  claim: string;
  /** How it is measured here. */
  protocol: string;
  /**
   * Reads the user's data folder, before a run with it is begun, and tells its contents by a short text:
   * a run can only be resumed with the same data.
   *
   * @throws Error that says what is missing or damaged
   */
  fingerprint(dataDir: string): Promise<string>;
  run(context: RunContext): Promise<Outcome<Data>>;
  figures(outcome: Outcome<Data>): Promise<Figure[]>;
}
