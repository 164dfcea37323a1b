import { existsSync } from 'node:fs';
import path from 'node:path';
import { check } from '@tfsci/tensor-core';
import { readJsonFile } from '@tfsci/tensor-core/node';
import type { Outcome } from './experiment';

/** What a run was started with; parts of another one must not be mixed in. */
export interface Settings {
  profile: string;
  seed: number;
  backend: string;
  /** 'embedded', or the fingerprint of the user's data. */
  data: string;
}

/** A finished run, as it is kept for reports. */
export interface StoredResult {
  id: string;
  settings: Settings;
  outcome: Outcome<unknown>;
  /** Of work, over all sessions of a resumed run. */
  seconds: number;
  /** ISO 8601, UTC. */
  finished: string;
  machine: string;
}

/** The last finished run of an experiment, if there is one. @throws FormatError naming a damaged file */
export async function readResult(out: string, id: string): Promise<StoredResult | undefined> {
  const file = path.join(out, id, 'result.json');
  if (!existsSync(file)) return undefined;
  const result = await readJsonFile(file);
  if (isResult(result) && result.id === id) return result;
  throw new check.FormatError(
    `reproduce: ${file} must hold a result of ${id}. Delete it and run the experiment again.`,
  );
}

/** Whether JSON from a file has all that a report reads, but for the data, which only the experiment knows. */
export function isResult(value: unknown): value is StoredResult {
  return (
    has(value, { id: 'string', seconds: 'number', finished: 'string', machine: 'string' }) &&
    isSettings(value['settings']) &&
    has(value['outcome'], { dataset: 'string', data: 'object' }) &&
    Array.isArray(value['outcome']['checks']) &&
    value['outcome']['checks'].every((entry) =>
      has(entry, { claim: 'string', expected: 'string', source: 'string', measured: 'string', holds: 'boolean' }),
    )
  );
}

export function isSettings(value: unknown): value is Settings {
  return has(value, { profile: 'string', seed: 'number', backend: 'string', data: 'string' });
}

function has(value: unknown, types: Record<string, string>): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(types).every(([key, type]) => typeof (value as Record<string, unknown>)[key] === type);
}
