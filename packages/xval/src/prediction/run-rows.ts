// B rows, L tokens, K positions that are looked at.
import * as tf from '@tensorflow/tfjs';
import { check, random, scope } from '@tfsci/tensor-core';
import type { Numformer } from '../model/numformer';
import type { MaskedRow } from './masked-rows';
import { ask, type Question, type RowTensors } from './model-programs';

const { argumentMessage, checkNumber } = check;

/** How long batches may follow each other before the event loop gets its turn. */
const TURN_MS = 12;

/** How predictions of many rows are run. */
export interface RunOptions {
  /** Rows that a model reads at a time, default 32. */
  batchSize?: number;
  /** Lengths of batches: each gets the least that holds its rows; default the length of the longest row of all. */
  lengths?: readonly number[];
  /** Told after each batch how many rows are done. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** What is asked of which model. */
export interface Inquiry {
  model: Numformer;
  question: Question;
  /** Id of [MASK]. */
  maskId: number;
  /** For dropout; default none drops. */
  key?: random.Key | undefined;
}

/** Answers to a row: those of its position i begin at i * width. */
export type TakeAnswers = (row: number, answers: Float32Array, width: number) => void;

/**
 * Asks a model about rows, in batches of few shapes so that little is compiled.
 *
 * @param take  gets the answers of each row once
 * @throws RangeError for options outside their ranges and for answers that are not finite, the signal's reason
 */
export async function runRows(
  where: string,
  inquiry: Inquiry,
  rows: readonly MaskedRow[],
  { batchSize = 32, lengths = [], onProgress, signal }: RunOptions,
  take: TakeAnswers,
): Promise<void> {
  checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  lengths.forEach((length) => checkNumber(where, 'a length', length, { min: 1, integer: true }));
  signal?.throwIfAborted();
  const batches = batchesOf(rows, batchSize, lengths, inquiry.model.config.context);
  let done = 0;
  let turn = Date.now();
  for (const [number, { chosen, ...shape }] of batches.entries()) {
    const key = inquiry.key === undefined ? undefined : random.foldIn(inquiry.key, number);
    const asked = chosen.map((row) => rows[row]!);
    const answers = await answersOf({ ...inquiry, key }, asked, shape);
    const width = answers.length / shape.looks;
    let start = 0;
    for (const row of chosen) {
      const own = answers.subarray(start, (start += rows[row]!.positions.length * width));
      if (!own.every(Number.isFinite)) {
        const fix = 'Its weights, or numbers far outside the range it was trained on, are to blame.';
        const odd = own.find((value) => !Number.isFinite(value));
        throw new RangeError(argumentMessage(where, `what the model says about row ${row}`, 'be finite', odd, fix));
      }
      take(row, own, width);
    }
    done += chosen.length;
    onProgress?.({ done, total: rows.length });
    if (Date.now() - turn >= TURN_MS) {
      // A page stays alive, and a signal can come.
      await new Promise((resolve) => setTimeout(resolve));
      turn = Date.now();
    }
    signal?.throwIfAborted();
  }
}

/** Shape of a batch: B, L and K. */
interface BatchShape {
  count: number;
  length: number;
  looks: number;
}

/** Which rows come together; batches of one length have one shape. */
function batchesOf(
  rows: readonly MaskedRow[],
  batchSize: number,
  lengths: readonly number[],
  context: number,
): (BatchShape & { chosen: number[] })[] {
  const longest = rows.reduce((most, { ids }) => Math.max(most, ids.length), 1);
  const sizes = [...lengths.filter((length) => length <= context), longest].sort((a, b) => a - b);
  const classes = new Map<number, number[]>();
  rows.forEach(({ ids }, row) => {
    const length = sizes.find((size) => size >= ids.length)!;
    const members = classes.get(length);
    if (members === undefined) classes.set(length, [row]);
    else members.push(row);
  });
  const count = Math.min(batchSize, rows.length);
  return [...classes].flatMap(([length, members]) => {
    const chunks = Array.from({ length: Math.ceil(members.length / count) }, (_, i) =>
      members.slice(i * count, (i + 1) * count),
    );
    const looksOf = (chunk: number[]): number => chunk.reduce((sum, row) => sum + rows[row]!.positions.length, 0);
    const looks = chunks.reduce((most, chunk) => Math.max(most, looksOf(chunk)), count);
    return chunks.map((chosen) => ({ chosen, count, length, looks }));
  });
}

async function answersOf(
  { model, question, maskId, key }: Inquiry,
  rows: readonly MaskedRow[],
  shape: BatchShape,
): Promise<Float32Array> {
  return scope(async (own) => {
    const answers = own(ask(model, question, own(tensorsOf(rows, maskId, shape)), key));
    return (await answers.data()) as Float32Array;
  });
}

function tensorsOf(rows: readonly MaskedRow[], maskId: number, { count, length, looks }: BatchShape): RowTensors {
  const ids = new Int32Array(count * length);
  const numbers = new Float32Array(count * length).fill(1);
  // What fills up the batch has one token each, and is looked at by what fills up the positions.
  const padding = Uint8Array.from(ids, (_, i) => Number(i % length !== 0));
  const positions = Int32Array.from({ length: looks }, (_, k) => Math.min(k, count - 1) * length);
  let next = 0;
  rows.forEach((row, b) => {
    ids.set(row.ids, b * length);
    numbers.set(row.numbers, b * length);
    padding.fill(0, b * length, b * length + row.ids.length);
    for (const t of row.masked) {
      ids[b * length + t] = maskId;
      numbers[b * length + t] = 1;
    }
    for (const t of row.positions) positions[next++] = b * length + t;
  });
  return {
    ids: tf.tensor2d(ids, [count, length], 'int32'),
    numbers: tf.tensor2d(numbers, [count, length]),
    padding: tf.tensor2d(padding, [count, length], 'bool'),
    positions: tf.tensor1d(positions, 'int32'),
  };
}
