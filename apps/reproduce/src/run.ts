import os from 'node:os';
import path from 'node:path';
import { useBackend } from '@tfsci/tensor-core';
import type { Profile } from './experiment';
import { chooseExperiments } from './registry';
import { writeReport, type Finished } from './report';
import { readResult, RunStore } from './run-store';
import { progressLine } from './terminal';

/** Options of the command line, checked. */
export interface RunOptions {
  ids: string[];
  profile: Profile;
  backend: string;
  seed: number;
  data: string | undefined;
  out: string;
  resume: boolean;
  signal: AbortSignal;
}

/** Runs experiments one after the other, each to its stored result, and writes the report. */
export async function runExperiments(options: RunOptions): Promise<{ finished: Finished[]; report: string }> {
  const { profile, seed, out, data, resume, signal } = options;
  const chosen = chooseExperiments(options.ids);
  const { backend } = await useBackend(options.backend);
  for (const experiment of chosen) {
    const settings = { profile, seed, backend, data: data === undefined ? 'embedded' : path.resolve(data) };
    const store = await RunStore.open(out, experiment.id, settings, resume);
    const line = progressLine(experiment.id);
    const start = performance.now();
    try {
      const { show: onProgress } = line;
      const outcome = await experiment.run({ profile, seed, dataDir: data, signal, parts: store, onProgress });
      await store.finish(outcome, (performance.now() - start) / 1000, machine());
    } finally {
      line.end();
    }
  }
  return report(out, options.ids);
}

/** Writes the report of what has been run so far. @throws Error when nothing has */
export async function report(out: string, ids: string[]): Promise<{ finished: Finished[]; report: string }> {
  const finished: Finished[] = [];
  for (const experiment of chooseExperiments(ids)) {
    const result = await readResult(out, experiment.id);
    if (result) finished.push({ experiment, result });
  }
  if (finished.length === 0) {
    throw new Error(
      `reproduce: there must be a finished run in ${path.resolve(out)} to report on, got none. Use run first.`,
    );
  }
  return { finished, report: await writeReport(out, finished) };
}

function machine(): string {
  const cpus = os.cpus();
  return `${cpus[0]?.model.trim() ?? 'unknown processor'}, ${cpus.length} threads, Node ${process.version}, ${os.platform()} ${os.arch()}`;
}
