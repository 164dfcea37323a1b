import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { check } from '@tfsci/tensor-core';
import { readJsonFile, writeJsonFile } from '@tfsci/tensor-core/node';
import type { Outcome, Parts } from './experiment';

/** What a run was started with; parts of another one must not be mixed in. */
export interface Settings {
  profile: string;
  seed: number;
  backend: string;
  data: string;
}

/** A finished run, as it is kept for reports. */
export interface StoredResult {
  id: string;
  settings: Settings;
  outcome: Outcome<unknown>;
  seconds: number;
  finished: string;
  machine: string;
}

/**
 * The folder of one experiment: `run.json` (settings), `parts/` (what is done of a run that is under
 * way) and `result.json` (the last finished run, replaced only by the next finished one). Every file
 * is written aside and renamed, so a kill at any moment leaves whole files.
 */
export class RunStore implements Parts {
  private constructor(
    private readonly dir: string,
    private readonly id: string,
    private readonly settings: Settings,
  ) {}

  /**
   * Opens the folder for a run.
   *
   * @param resume  go on from the parts of a run with the same settings, instead of starting anew
   * @throws Error when there is a stopped run of other settings; FormatError naming a damaged file
   */
  static async open(out: string, id: string, settings: Settings, resume: boolean): Promise<RunStore> {
    const store = new RunStore(path.join(out, id), id, settings);
    const runFile = path.join(store.dir, 'run.json');
    if (resume && existsSync(runFile)) {
      const earlier = (await readJsonFile(runFile)) as Settings;
      const differing = (Object.keys(settings) as (keyof Settings)[]).filter((key) => earlier[key] !== settings[key]);
      if (differing.length > 0) {
        const words = differing.map((key) => `${key} ${earlier[key]} (now ${settings[key]})`).join(', ');
        throw new Error(
          `reproduce: --resume must go on with the settings of the stopped run, which had ${words}. ` +
            'Give the same options, or leave --resume out to start anew.',
        );
      }
    } else {
      await rm(path.join(store.dir, 'parts'), { recursive: true, force: true });
    }
    await mkdir(path.join(store.dir, 'parts'), { recursive: true });
    await writeJsonFile(runFile, settings);
    return store;
  }

  async get(name: string): Promise<unknown> {
    const file = this.partFile(name);
    if (!existsSync(file)) return undefined;
    const { name: written, value } = (await readJsonFile(file)) as { name?: string; value?: unknown };
    if (written === name && value !== undefined) return value;
    throw new check.FormatError(
      `reproduce: ${file} must hold the part ${JSON.stringify(name)}. Delete it, or run without --resume.`,
    );
  }

  async set(name: string, value: unknown): Promise<void> {
    await writeJsonFile(this.partFile(name), { name, value });
  }

  /** Keeps the finished run and clears its parts. */
  async finish(outcome: Outcome<unknown>, seconds: number, machine: string): Promise<StoredResult> {
    const { id, settings, dir } = this;
    const result: StoredResult = { id, settings, outcome, seconds, finished: new Date().toISOString(), machine };
    await writeJsonFile(path.join(dir, 'result.json'), result);
    await rm(path.join(dir, 'parts'), { recursive: true, force: true });
    await rm(path.join(dir, 'run.json'), { force: true });
    return result;
  }

  private partFile(name: string): string {
    return path.join(this.dir, 'parts', `${name.replace(/[^\w.=-]+/g, '_')}.json`);
  }
}

/** The last finished run of an experiment, if there is one. @throws FormatError naming a damaged file */
export async function readResult(out: string, id: string): Promise<StoredResult | undefined> {
  const file = path.join(out, id, 'result.json');
  if (!existsSync(file)) return undefined;
  const result = (await readJsonFile(file)) as Partial<StoredResult>;
  if (result.id === id && Array.isArray(result.outcome?.checks)) return result as StoredResult;
  throw new check.FormatError(
    `reproduce: ${file} must hold a result of ${id}. Delete it and run the experiment again.`,
  );
}
