import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';

export { torchPeer, torchTime, type TorchPeer } from './torch-peer';

/** One thing to time: runs once, and waits until its work is done. */
export type Timed = () => void | Promise<void>;

/** Options of `interleaved`. */
export interface InterleavedOptions {
  /** Counted rounds, default 15. */
  rounds?: number;
  /** Rounds before, in which the engine compiles; default 5. */
  warmUp?: number;
  /**
   * Calls in a row of each candidate in a round, the mean of which counts; default 1. Steps of a training follow each other:
   * called once in turn, each would find its weights driven out of the caches by the others.
   */
  calls?: number;
}

/**
 * Milliseconds of each candidate, medians over rounds in which every candidate runs once in turn: on a
 * machine whose speed drifts, their ratios hold where times of separate runs would not.
 */
export async function interleaved<Name extends string>(
  candidates: Record<Name, Timed>,
  { rounds = 15, warmUp = 5, calls = 1 }: InterleavedOptions = {},
): Promise<Record<Name, number>> {
  const names = Object.keys(candidates) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -warmUp; round < rounds; round++) {
    for (const name of names) {
      const start = performance.now();
      for (let call = 0; call < calls; call++) await candidates[name]();
      if (round >= 0) times[name].push((performance.now() - start) / calls);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(times[name])])) as Record<Name, number>;
}

/** The middle value; of an even number the upper of the two. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('tooling.median: values must not be empty.');
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

/** Prints the rows of a benchmark and writes them to `bench/results/<name>.json` of the package, with the machine. */
export function report(name: string, rows: Record<string, string | number>[]): void {
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${cpus().length} threads, Node ${process.version}`;
  console.log(`\n${name} (${machine})`);
  console.table(
    rows.map((row) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, rounded(value)]))),
  );
  const folder = path.resolve('bench', 'results');
  mkdirSync(folder, { recursive: true });
  const result = { name, machine, date: new Date().toISOString(), rows };
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
}

function rounded(value: string | number): string | number {
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value;
}
