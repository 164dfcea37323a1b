/**
 * What the sides of a comparison and the runner tell each other: a side warms up and says `Ready`; for each line
 * `run k` it answers `{ "times": [k milliseconds] }`. An answer is a line of JSON; `{ "error": ... }` ends the side.
 */
export interface Ready {
  /** What computes, with its version. */
  engine: string;
  /** The library of matrix products, where the side knows. */
  blas?: string;
  /** The first three losses, or the digest of the output: to see whether all sides do the same. */
  checks: number[];
  /** Milliseconds of the first steps; a compiler is at work in the first two. */
  warmUpMs: number[];
}

/** Steps before a side is ready. */
export const WARM_UP = 4;
/** Losses that are compared. */
export const CHECKED_STEPS = 3;

/** A side's first answer. @throws Error that names the side when it is none that a side gives when it is ready */
export function readyFrom(side: string, answer: Record<string, unknown>): Ready {
  const { engine, blas, checks, warmUpMs } = answer;
  if (typeof engine !== 'string' || !isNumbers(checks) || !isNumbers(warmUpMs) || warmUpMs.length < 2) {
    throw new Error(`${side}: the first answer must have engine, checks and warmUpMs, got ${JSON.stringify(answer)}`);
  }
  return { engine, checks, warmUpMs, ...(typeof blas === 'string' && { blas }) };
}

/** The times of so many steps. @throws Error that names the side when its answer has not so many */
export function timesFrom(side: string, answer: Record<string, unknown>, steps: number): number[] {
  const { times } = answer;
  if (isNumbers(times) && times.length === steps && times.every((time) => time >= 0)) return times;
  throw new Error(`${side}: the answer must have the times of ${steps} steps, got ${JSON.stringify(answer)}`);
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
