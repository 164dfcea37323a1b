// B sequences, L tokens of each with the start, T of them without, R regions.
import { check, random } from '@tfsci/tensor-core';
import { regionPlacer } from './place-regions';
import { completeTask, type TaskConfig } from './task-config';
import { TOKENS } from './tokens';

/** Sequences and what is to be said about them. */
export interface TaskSamples {
  /** int32 [B, L], row by row. */
  tokens: Int32Array;
  /** Ones of each region, int32 [B, R]. */
  counts: Int32Array;
  /** B. */
  batch: number;
  /** L. */
  length: number;
  /** R. */
  regions: number;
}

/**
 * Random sequences of the counting task.
 *
 * Bits are 1 with probability p. With `counts` each region k has exactly counts[k] ones at random places of it; sequences
 * whose regions are too short for theirs are drawn again.
 *
 * @param key    for the draws; the same key gives the same sequences
 * @param batch  B
 * @throws RangeError for a law that is impossible: 2 R > T, regions that do not fit, negative counts, a density outside
 *   [0, 1]; TypeError unless the key is one
 * @see Golkar et al., 2024, sec. 2, arXiv:2406.02585
 * @remarks The paper does not say where its regions lie. The uniform law has its mean count of 28 at T = 512, R = 4, its
 *   largest of about 200 and its chance level of 3 %.
 */
export function sampleTask(key: random.Key, batch: number, config: TaskConfig): TaskSamples {
  const where = 'counting-transformer.sampleTask';
  random.checkKey(where, key);
  check.checkNumber(where, 'batch', batch, { min: 1, integer: true });
  const task = completeTask(where, config);
  const offset = Number(task.start);
  const length = task.length + offset;
  const tokens = new Int32Array(batch * length);
  const counts = new Int32Array(batch * task.regions);
  const [places, bits] = random.split(key) as [random.Key, random.Key];
  fillBits(bits, tokens, task.density);
  const placed = regionPlacer(where, places, batch, task);
  for (let b = 0; b < batch; b++) {
    const row = tokens.subarray(b * length, (b + 1) * length);
    if (task.start) row[0] = TOKENS.start;
    const own = row.subarray(offset);
    const ends = placed(b);
    for (let k = 0; k < task.regions; k++) {
      const [open, close] = [ends[2 * k]!, ends[2 * k + 1]!];
      own[open] = TOKENS.open;
      own[close] = TOKENS.close;
      if (task.counts !== undefined) {
        const chosen = random.foldIn(random.foldIn(bits, b), k);
        setOnes(chosen, own.subarray(open + 1, close), task.counts[k]!);
      }
      let ones = 0;
      for (let t = open + 1; t < close; t++) ones += own[t]!;
      counts[b * task.regions + k] = ones;
    }
  }
  return { tokens, counts, batch, length, regions: task.regions };
}

/** Bits that are 1 with the probability, from 32 random bits each; 1 bit each where they are fair. */
function fillBits(key: random.Key, out: Int32Array, density: number): void {
  if (density === 0.5) {
    const words = random.fillIntegers(key, new Int32Array(Math.ceil(out.length / 32)), {
      low: -(2 ** 31),
      high: 2 ** 31,
    });
    for (let i = 0; i < out.length; i++) out[i] = (words[i >>> 5]! >>> (i & 31)) & 1;
    return;
  }
  const draws = random.fillUniform(key, new Float64Array(out.length));
  for (let i = 0; i < out.length; i++) out[i] = draws[i]! < density ? 1 : 0;
}

/** Bits of which so many, at random places, are 1. */
function setOnes(key: random.Key, bits: Int32Array, count: number): void {
  bits.fill(TOKENS.zero);
  random.permutation(key, bits.length).forEach((place, i) => void (i < count && (bits[place] = TOKENS.one)));
}
