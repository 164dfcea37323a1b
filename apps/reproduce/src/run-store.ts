import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { check } from '@tfsci/tensor-core';
import { readJsonFile, writeJsonFile } from '@tfsci/tensor-core/node';
import type { Outcome, Parts } from './experiment';
import { isResult, isSettings, readResult, type Settings, type StoredResult } from './stored-result';

/**
 * The folder of one experiment: `unfinished/` with `run.json` (settings) and `parts/` (what is done) of a run
 * that is under way or was stopped, and `result.json` (the last finished run, replaced only by the next
 * finished one). Every file is written aside and renamed, so a kill at any moment leaves whole files.
 */
export class RunStore implements Parts {
  /** Seconds that parts of earlier sessions took; a resumed run is as long as all its sessions. */
  private earlierSeconds = 0;
  private started = performance.now();
  private partStarted = this.started;

  private constructor(
    private readonly dir: string,
    private readonly id: string,
    private readonly settings: Settings,
  ) {}

  /**
   * Opens the folder for a run.
   *
   * @param resume  go on from the parts of a run with the same settings, instead of starting anew
   * @returns the store; null when there is nothing to go on with, as the run has finished
   * @throws Error when there is a stopped run of other settings, or the folder cannot be written; FormatError
   *   naming a damaged file
   */
  static async open(out: string, id: string, settings: Settings, resume: boolean): Promise<RunStore | null> {
    const store = new RunStore(path.join(out, id), id, settings);
    const { unfinished, runFile } = store;
    if (resume && existsSync(runFile)) assertSame(await readSettings(runFile), settings);
    else if (resume && differing((await readResult(out, id))?.settings, settings).length === 0) return null;
    else await orRefuse(out, rm(unfinished, { recursive: true, force: true }));
    await orRefuse(out, mkdir(path.join(unfinished, 'parts'), { recursive: true }));
    await orRefuse(out, writeJsonFile(runFile, settings));
    return store;
  }

  /** Begins to count the time of the run. */
  start(): void {
    this.started = this.partStarted = performance.now();
  }

  async get(name: string): Promise<unknown> {
    this.partStarted = performance.now();
    const file = this.partFile(name);
    if (!existsSync(file)) return undefined;
    const part = (await readJsonFile(file)) as { name?: string; value?: unknown; seconds?: number } | null;
    if (part?.name !== name || part.value === undefined || typeof part.seconds !== 'number') {
      throw new check.FormatError(
        `reproduce: ${file} must hold the part ${JSON.stringify(name)}. Delete it, or run without --resume.`,
      );
    }
    this.earlierSeconds += part.seconds;
    return part.value;
  }

  async set(name: string, value: unknown): Promise<void> {
    if (value === undefined) {
      throw new TypeError(`reproduce: the part ${JSON.stringify(name)} must be what JSON can hold, got undefined.`);
    }
    await writeJsonFile(this.partFile(name), { name, value, seconds: secondsSince(this.partStarted) });
    this.partStarted = performance.now();
  }

  /** Keeps the finished run and clears its parts. */
  async finish(outcome: Outcome<unknown>, machine: string): Promise<StoredResult> {
    const { id, settings, dir } = this;
    const seconds = this.earlierSeconds + secondsSince(this.started);
    const result: StoredResult = { id, settings, outcome, seconds, finished: new Date().toISOString(), machine };
    if (!isResult(result)) throw new TypeError(`reproduce: the outcome of ${id} must have checks, dataset and data.`);
    await writeJsonFile(path.join(dir, 'result.json'), result);
    // First what --resume looks for, lest it take up a run of which some parts are gone.
    await rm(this.runFile, { force: true });
    await rm(this.unfinished, { recursive: true, force: true });
    return result;
  }

  private get unfinished(): string {
    return path.join(this.dir, 'unfinished');
  }

  private get runFile(): string {
    return path.join(this.unfinished, 'run.json');
  }

  /** Names differ in characters that file names cannot have, or in case alone: a digest tells them apart. */
  private partFile(name: string): string {
    const readable = name.replace(/[^\w.=-]+/g, '_').slice(0, 60);
    const digest = createHash('sha256').update(name).digest('hex').slice(0, 12);
    return path.join(this.unfinished, 'parts', `${readable}-${digest}.json`);
  }
}

/** Says of a folder that cannot be used which option it comes from. */
async function orRefuse(out: string, work: Promise<unknown>): Promise<void> {
  await work.catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const words = `reproduce: --out must be a folder that can be written, got ${path.resolve(out)}. ${reason}`;
    throw new Error(words, { cause });
  });
}

async function readSettings(file: string): Promise<Settings> {
  const settings = await readJsonFile(file);
  if (isSettings(settings)) return settings;
  throw new check.FormatError(`reproduce: ${file} must hold the settings of a run. Leave --resume out to start anew.`);
}

function assertSame(earlier: Settings, settings: Settings): void {
  const words = differing(earlier, settings).map((key) => `${key} ${earlier[key]} (now ${settings[key]})`);
  if (words.length === 0) return;
  throw new Error(
    `reproduce: --resume must go on with the settings of the stopped run, which had ${words.join(', ')}. ` +
      'Give the same options, or leave --resume out to start anew.',
  );
}

function differing(earlier: Settings | undefined, settings: Settings): (keyof Settings)[] {
  return (Object.keys(settings) as (keyof Settings)[]).filter((key) => earlier?.[key] !== settings[key]);
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}
