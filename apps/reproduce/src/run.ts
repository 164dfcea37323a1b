import os from 'node:os';
import path from 'node:path';
// 'auto' takes it where it runs.
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import type { Experiment, Profile } from './experiment';
import { chooseExperiments } from './registry';
import { writeReport, type Finished } from './report';
import { RunStore } from './run-store';
import { readResult, type Settings } from './stored-result';
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
  // All that can be refused is, before anything of an earlier run is cleared.
  const settings = new Map<Experiment, Settings>();
  for (const experiment of chosen) {
    const fingerprint = data === undefined ? 'embedded' : await experiment.fingerprint(data);
    settings.set(experiment, { profile, seed, backend, data: fingerprint });
  }
  // All are opened before the first runs: of a run that is stopped, --resume takes up also those not yet begun.
  const stores = new Map<Experiment, RunStore>();
  for (const experiment of chosen) {
    const store = await RunStore.open(out, experiment.id, settings.get(experiment)!, resume);
    if (store) stores.set(experiment, store);
    else console.error(`${experiment.id}: finished before with these settings; leave --resume out to run it again.`);
  }
  for (const [experiment, store] of stores) {
    const line = progressLine(experiment.id);
    store.start();
    try {
      const { show: onProgress } = line;
      const outcome = await experiment.run({ profile, seed, dataDir: data, signal, parts: store, onProgress });
      await store.finish(outcome, machine());
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
