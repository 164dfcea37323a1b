// B sequences, R regions, N the largest count.
import * as tf from '@tensorflow/tfjs';
import { check, jit, random } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { sampleTask } from '../task/sample-task';
import type { TaskConfig } from '../task/task-config';
import { checkTask } from '../training/train-counting';

const { argumentMessage, checkNumber } = check;

/** Options of `evaluateCounting`. */
export interface EvaluateOptions {
  /** Default 1000. */
  sequences?: number;
  /** Sequences that a model reads at a time, default 100. */
  batchSize?: number;
  /** For the sequences, default 0: the same ones at each call. */
  key?: random.KeyOrSeed;
  /** k of top-k, default 5. */
  topK?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}

/** How well one region is counted. */
export interface RegionScores {
  /** How often the most probable count is the true one. */
  accuracy: number;
  /** How often the true count is among the k most probable. */
  topK: number;
  meanAbsoluteError: number;
  /** Of the line through 0 of predicted over true counts, sum(p n) / sum(n^2): 1 for what counts rightly. */
  slope: number;
  /** How often the most frequent count occurs: the accuracy of always saying that. */
  chance: number;
}

/** How well a model counts. */
export interface CountingScores {
  /** Of all regions together. */
  all: RegionScores;
  regions: RegionScores[];
  /** How often all regions of a sequence are right. */
  sequences: number;
  /** Accuracy for each true count that occurs. */
  byCount: { count: number; occurrences: number; accuracy: number }[];
  /** True counts [B, R], row by row. */
  truth: Int32Array;
  /** Most probable counts [B, R]. */
  prediction: Int32Array;
}

/** Compiled once for each model. */
const programs = new WeakMap<CountingTransformer, (input: { tokens: tf.Tensor }) => tf.Tensor>();

/**
 * Scores of a model on fresh sequences of a law, by region and by count.
 *
 * @throws RangeError, TypeError for bad options and a law that the model is not made for; RangeError where logits are not
 *   finite; the signal's reason
 * @see Golkar et al., 2024, sec. 4, arXiv:2406.02585
 */
export async function evaluateCounting(
  model: CountingTransformer,
  task: TaskConfig,
  options: EvaluateOptions = {},
): Promise<CountingScores> {
  const where = 'counting-transformer.evaluateCounting';
  const { sequences = 1000, batchSize = 100, key = 0, topK = 5, onProgress, signal } = options;
  checkTask(where, model, task);
  checkNumber(where, 'sequences', sequences, { min: 1, integer: true });
  checkNumber(where, 'batchSize', batchSize, { min: 1, integer: true });
  checkNumber(where, 'topK', topK, { min: 1, integer: true });
  const { tokens, counts: truth, length, regions } = sampleTask(random.asKey(where, key), sequences, task);
  const prediction = new Int32Array(truth.length);
  const isAmong = new Uint8Array(truth.length);
  for (let start = 0; start < sequences; start += batchSize) {
    signal?.throwIfAborted();
    const count = Math.min(batchSize, sequences - start);
    const rows = tokens.subarray(start * length, (start + count) * length);
    const logits = await logitsOf(where, model, rows, count, length);
    const classes = model.config.maxCount + 1;
    for (let b = 0; b < count; b++) {
      for (let k = 0; k < regions; k++) {
        const own = logits.subarray(
          (b * model.config.regions + k) * classes,
          (b * model.config.regions + k + 1) * classes,
        );
        const i = (start + b) * regions + k;
        const wanted = own[truth[i]!];
        let [best, above] = [0, 0];
        for (let j = 0; j < classes; j++) {
          if (own[j]! > own[best]!) best = j;
          if (wanted !== undefined && own[j]! > wanted) above++;
        }
        prediction[i] = best;
        isAmong[i] = Number(wanted !== undefined && above < topK);
      }
    }
    onProgress?.({ done: start + count, total: sequences });
  }
  const every = [...truth.keys()];
  const isRight = (i: number): boolean => prediction[i] === truth[i];
  const whole = Array.from({ length: sequences }, (_, b) =>
    Array.from({ length: regions }, (_own, k) => b * regions + k).every(isRight),
  );
  const scores = (chosen: number[]): RegionScores => scoresOf(chosen, truth, prediction, isAmong);
  return {
    all: scores(every),
    regions: Array.from({ length: regions }, (_, k) => scores(every.filter((i) => i % regions === k))),
    sequences: whole.filter(Boolean).length / sequences,
    byCount: byCount(truth, isRight),
    truth,
    prediction,
  };
}

/** Logits of rows of tokens, [B, R, N + 1]. @throws RangeError when one is not finite */
async function logitsOf(
  where: string,
  model: CountingTransformer,
  rows: Int32Array,
  count: number,
  length: number,
): Promise<Float32Array> {
  let program = programs.get(model);
  if (program === undefined) {
    program = jit(({ tokens }: { tokens: tf.Tensor }) => model.forward(tokens));
    programs.set(model, program);
  }
  const tokens = tf.tensor2d(rows, [count, length], 'int32');
  try {
    const logits = program({ tokens });
    try {
      const values = (await logits.data()) as Float32Array;
      const odd = values.find((value) => !Number.isFinite(value));
      if (odd === undefined) return values;
      throw new RangeError(
        argumentMessage(where, 'logits of the model', 'be finite', odd, 'Its weights are to blame.'),
      );
    } finally {
      logits.dispose();
    }
  } finally {
    tokens.dispose();
  }
}

function scoresOf(chosen: number[], truth: Int32Array, prediction: Int32Array, isAmong: Uint8Array): RegionScores {
  const n = chosen.length;
  const mean = (valueOf: (i: number) => number): number => chosen.reduce((sum, i) => sum + valueOf(i), 0) / n;
  const occurrences = new Map<number, number>();
  for (const i of chosen) occurrences.set(truth[i]!, (occurrences.get(truth[i]!) ?? 0) + 1);
  return {
    accuracy: mean((i) => Number(prediction[i] === truth[i])),
    topK: mean((i) => isAmong[i]!),
    meanAbsoluteError: mean((i) => Math.abs(prediction[i]! - truth[i]!)),
    slope: mean((i) => prediction[i]! * truth[i]!) / mean((i) => truth[i]! ** 2),
    chance: Math.max(...occurrences.values()) / n,
  };
}

function byCount(truth: Int32Array, isRight: (i: number) => boolean): CountingScores['byCount'] {
  const found = new Map<number, { occurrences: number; right: number }>();
  truth.forEach((count, i) => {
    const own = found.get(count) ?? { occurrences: 0, right: 0 };
    found.set(count, { occurrences: own.occurrences + 1, right: own.right + Number(isRight(i)) });
  });
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([count, { occurrences, right }]) => ({ count, occurrences, accuracy: right / occurrences }));
}
