import { optim, random } from '@tfsci/tensor-core';
import {
  Numformer,
  NUMFORMER_SIZES,
  numberScores,
  predictNumberGroups,
  predictNumbers,
  trainNumformer,
  type InvertibleMap,
  type NumberScores,
  type NumberTokenizer,
  type Sample,
} from '@tfsci/xval';

/** Scores that a report keeps. */
export type Scores = Omit<NumberScores, 'adjustedR2' | 'count'>;

/** How long a model learns. */
export interface Schedule {
  steps: number;
  /** Steps in which the learning rate rises. */
  warmup: number;
  batchSize: number;
}

/** What a model learns from; the masks of the samples say what is to be predicted. */
export interface Lesson {
  tokenizer: NumberTokenizer;
  samples: readonly Sample[];
  /** Default: numbers as the texts have them. */
  scaler?: InvertibleMap;
  schedule: Schedule;
  seed: number;
  signal: AbortSignal;
}

/** A model that has learned; for as long as `learn` has it. */
export interface Pupil {
  parameters: number;
  /** Tokens of the longest sample. */
  tokens: number;
  /** The number of each sample that its mask hides; NaN where tokens write none. */
  predict: (samples: readonly Sample[]) => Promise<Float64Array>;
}

/** Trains the small Numformer of an encoding, and uses it. */
export async function learn<T>(lesson: Lesson, use: (pupil: Pupil) => Promise<T>): Promise<T> {
  const { tokenizer, samples, scaler, schedule, seed, signal } = lesson;
  const { vocabSize, numberId, padId, maskId } = tokenizer;
  const tokens = samples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const model = Numformer.create({ ...NUMFORMER_SIZES.small, context: tokens + 4, vocabSize, numberId }, seed);
  const { steps, warmup, batchSize } = schedule;
  const optimizer = new optim.AdamW({ learningRate: optim.cosine({ base: 1e-3, warmup, steps }), weightDecay: 0.01 });
  const scaled = numberId === null || scaler === undefined ? {} : { scaler };
  const key = random.foldIn(random.key(seed), 1);
  try {
    await trainNumformer(model, { samples, padId, maskId, batchSize, steps, key, optimizer, signal, ...scaled });
    const predict = async (asked: readonly Sample[]): Promise<Float64Array> => {
      const options = { maskId, signal, batchSize: Math.min(250, Math.ceil(8192 / tokens)) };
      if (numberId !== null) {
        return (await predictNumbers(model, asked, { ...options, ...scaled, which: 'masks' })).prediction;
      }
      const decode = (ids: number[]): number | null => tokenizer.decodeNumber(ids);
      return (await predictNumberGroups(model, asked, { ...options, decode })).prediction;
    };
    return await use({ parameters: model.parameterCount(), tokens, predict });
  } finally {
    model.dispose();
    optimizer.dispose();
  }
}

/** Scores of predictions, NaN of which are invalid. */
export function scoresOf(prediction: ArrayLike<number>, truth: ArrayLike<number>): Scores {
  const { adjustedR2: _a, count: _c, ...scores } = numberScores(prediction, truth);
  return scores;
}

/** Predictions as JSON, which knows no NaN. */
export function valid(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null));
}
