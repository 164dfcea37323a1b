import type * as tf from '@tensorflow/tfjs';
import { FormatError } from '../check';
import { readSafetensors, writeSafetensors, type SafetensorsEntry } from '../io';
import { bytesFromArray } from '../io/bytes';
import { crc32c } from '../io/crc32';
import type { LogRecord } from './log';
import type { TrackerState } from './early-stop';
import type { WindowSums } from './measurements';
import type { Entries } from './weights';

/** What a run knows besides tensors. */
export interface RunState {
  /** Steps done. */
  step: number;
  /** Epochs done, with fractions. */
  epoch: number;
  /** What runs must have in common to be parts of one, by name, in words. */
  settings: Record<string, string>;
  history: LogRecord[];
  window: WindowSums;
  best: TrackerState | null;
  earlyStop: TrackerState | null;
}

/** Tensors of a run, in the file under `<part>/<name>`. */
export const PARTS = ['model', 'state', 'average', 'optimizer', 'optimizer.others'] as const;
export type Part = (typeof PARTS)[number];

/** A training run at the end of a step: all that is needed to go on exactly. */
export interface Checkpoint extends RunState {
  /** Weights and buffers by name, for `loadStateDict`. */
  model: Entries;
  /** The moving average's state in the order of its `getWeights`, for its `setWeights`; empty where there is none. */
  average: NamedEntry[];
  /** All tensors by the parts of a run. */
  parts: Record<Part, Entries>;
}

/** A tensor of a list. */
export interface NamedEntry {
  name: string;
  entry: SafetensorsEntry;
}

const FORMAT = 'tfsci-training-1';
/** The run's state as JSON: a long history does not fit into a header. */
const RUN = 'run';

/**
 * A run as one safetensors file.
 *
 * @param parts  tensors by part and name; they stay the caller's
 */
export async function writeCheckpoint(
  parts: Record<Part, Record<string, tf.Tensor>>,
  state: RunState,
): Promise<{ bytes: Uint8Array; entries: Record<Part, Entries> }> {
  const entries = Object.fromEntries(PARTS.map((part) => [part, {}])) as Record<Part, Entries>;
  const file: Entries = {};
  for (const part of PARTS) {
    const named = Object.entries(parts[part]);
    const read = await Promise.all(named.map(([, tensor]) => entryOf(tensor)));
    named.forEach(([name], i) => {
      entries[part][name] = file[`${part}/${name}`] = read[i]!;
    });
  }
  const json = new TextEncoder().encode(JSON.stringify(state, spellNonFinite));
  file[RUN] = { dtype: 'U8', shape: [json.length], data: json };
  const { step, epoch } = state;
  const metadata = { format: FORMAT, step: String(step), epoch: String(epoch), checksum: checksum(file) };
  return { bytes: writeSafetensors(file, metadata), entries };
}

/**
 * Reads a checkpoint of `fit`.
 *
 * @param bytes  a whole file
 * @returns the run at the end of a step
 * @throws FormatError when the bytes are truncated, damaged or not such a checkpoint
 * @example
 * model.loadStateDict(readCheckpoint(bytes).model);
 */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = readSafetensors(bytes);
  const run = tensors[RUN];
  if (metadata['format'] !== FORMAT || !(run?.data instanceof Uint8Array)) {
    throw refusal(`format ${JSON.stringify(metadata['format'] ?? null)}`);
  }
  if (metadata['checksum'] !== checksum(tensors)) throw refusal('tensors that differ from their checksum');
  const parts = Object.fromEntries(PARTS.map((part) => [part, {}])) as Record<Part, Entries>;
  for (const [name, entry] of Object.entries(tensors)) {
    if (name === RUN) continue;
    const part = PARTS.find((candidate) => name.startsWith(`${candidate}/`));
    if (part === undefined) throw refusal(`a tensor named ${JSON.stringify(name)}`);
    parts[part][name.slice(part.length + 1)] = entry;
  }
  const state = runState(run.data);
  const { step, epoch } = state;
  if (String([step, epoch]) !== String([metadata['step'], metadata['epoch']])) {
    throw refusal(
      `step ${metadata['step']}, epoch ${metadata['epoch']} of the header and ${step}, ${epoch} of the state`,
    );
  }
  return { ...state, model: parts.model, average: inOrder(parts.average), parts };
}

/** Named tensors by their place and name, in which form they are a part of a file. */
export function byPlace(tensors: readonly { name: string; tensor: tf.Tensor }[]): Record<string, tf.Tensor> {
  return Object.fromEntries(tensors.map(({ name, tensor }, i) => [`${i}/${name}`, tensor]));
}

/** What `byPlace` gave, as a list again. */
export function inOrder(entries: Entries): NamedEntry[] {
  const placed = Object.entries(entries).map(([name, entry]) => {
    const slash = name.indexOf('/');
    return { place: Number(name.slice(0, slash)), name: name.slice(slash + 1), entry };
  });
  return placed.sort((a, b) => a.place - b.place).map(({ name, entry }) => ({ name, entry }));
}

/** The name of the first tensor with a NaN or, where it must be finite, an infinity. */
export function firstNonFinite(entries: Entries, mustBeFinite: (name: string) => boolean): string | undefined {
  for (const [name, { dtype, data }] of Object.entries(entries)) {
    if (dtype !== 'F32') continue;
    const isBad = mustBeFinite(name) ? (x: number) => !Number.isFinite(x) : Number.isNaN;
    if ((data as Float32Array).some(isBad)) return name;
  }
  return undefined;
}

/** Of names, shapes and data, in the order of the names: a disk that forgets a bit is noticed. */
function checksum(file: Entries): string {
  let crc = 0;
  for (const name of Object.keys(file).sort()) {
    const { dtype, shape, data } = file[name]!;
    crc = crc32c(new TextEncoder().encode(`${name} ${dtype} [${shape.join()}]`), crc);
    crc = crc32c(bytesFromArray(data, 'little'), crc);
  }
  return crc.toString(16).padStart(8, '0');
}

async function entryOf(tensor: tf.Tensor): Promise<SafetensorsEntry> {
  const { dtype, shape } = tensor;
  const data = await tensor.data();
  if (dtype === 'int32') return { dtype: 'I32', shape, data: Int32Array.from(data) };
  if (dtype === 'bool') return { dtype: 'BOOL', shape, data: Uint8Array.from(data) };
  return { dtype: 'F32', shape, data: Float32Array.from(data) };
}

function runState(bytes: Uint8Array): RunState {
  let state: Partial<RunState> | null;
  try {
    state = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes),
      readNonFinite,
    ) as Partial<RunState> | null;
  } catch {
    throw refusal('a state that is not JSON');
  }
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
  const { step, epoch, settings, history, window, best, earlyStop } = state ?? {};
  const whole =
    isCount(step) &&
    typeof epoch === 'number' &&
    isRecord(settings) &&
    Array.isArray(history) &&
    history.every((record) => isRecord(record) && isCount(record.step) && isRecord(record.values)) &&
    isRecord(window) &&
    [best, earlyStop].every((tracker) => tracker === null || isCount(tracker?.waited));
  if (!whole) throw refusal('an incomplete state');
  return state as RunState;
}

function refusal(what: string): FormatError {
  const words = `bytes must be a checkpoint of fit (${FORMAT}), got ${what}.`;
  return new FormatError(`tensor-core.readCheckpoint: ${words}`);
}

/** JSON has no NaN and infinities; metrics may. */
const NON_FINITE = '\u0000number:';

function spellNonFinite(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? NON_FINITE + String(value) : value;
}

function readNonFinite(_: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(NON_FINITE) ? Number(value.slice(NON_FINITE.length)) : value;
}
