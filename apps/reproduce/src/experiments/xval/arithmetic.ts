import { optim, random } from '@tfsci/tensor-core';
import {
  ARITHMETIC_WORDS,
  arithmeticSamples,
  Numformer,
  NUMFORMER_SIZES,
  numberScores,
  NumberTokenizer,
  predictNumberGroups,
  predictNumbers,
  trainNumformer,
  type ArithmeticSample,
  type EncodingName,
  type NumberScores,
  type Sample,
} from '@tfsci/xval';
import { CURVE, HOLE, RANGE, type Plan } from './plan';

/** Scores that a report keeps. */
export type Scores = Pick<
  NumberScores,
  'r2' | 'meanAbsoluteError' | 'medianAbsoluteError' | 'maxAbsoluteError' | 'invalid' | 'outliers'
>;

/** How an encoding has learned with one seed. */
export interface Training {
  encoding: EncodingName;
  seed: number;
  steps: number;
  vocabulary: number;
  parameters: number;
  /** Tokens of the longest task. */
  tokens: number;
  /** On tasks like those of the training, all and by operator. */
  scores: Scores;
  r2: Record<string, number>;
  /** On tasks whose a lies in the hole. */
  hole: Scores;
  /** Predictions that were no number are null. */
  points: { truth: number[]; prediction: (number | null)[] };
  curve: { a: number[]; prediction: (number | null)[] };
}

/** From texts to the model's units and back. */
const scaler = {
  transform: (values: Float64Array): Float64Array => values.map((value) => value / RANGE),
  inverse: (values: Float64Array): Float64Array => values.map((value) => value * RANGE),
};
/** Points of the scatter plot. */
const SHOWN = 400;

/** Trains once on the reduced protocol: a op b = c, of which c is to be predicted. */
export async function trainingOf(
  encoding: EncodingName,
  plan: Plan,
  seed: number,
  signal: AbortSignal,
): Promise<Training> {
  const tokenizer = NumberTokenizer.build({ encoding, words: ARITHMETIC_WORDS, structure: false });
  const read = (tasks: readonly ArithmeticSample[]): Sample[] => tasks.map((task) => sampleOf(tokenizer, task.text));
  const [training, testing, inside] = random.split(random.key(seed), 3) as [random.Key, random.Key, random.Key];
  const samples = read(arithmeticSamples(training, { count: plan.train, hole: HOLE }));
  const tests = arithmeticSamples(testing, { count: plan.test, hole: HOLE });
  // Operands of the hole alone: b is drawn as ever, from a key of its own.
  const held = arithmeticSamples(inside, { count: plan.test / 2, range: HOLE }).map((task, i) =>
    taskOf(task.a, tests[i]!.b, task.operator),
  );
  const tokens = samples.reduce((most, { ids }) => Math.max(most, ids.length), 0);
  const { vocabSize, numberId, padId, maskId } = tokenizer;
  const model = Numformer.create({ ...NUMFORMER_SIZES.small, context: tokens + 4, vocabSize, numberId }, seed);
  const schedule = optim.cosine({ base: 1e-3, warmup: plan.warmup, steps: plan.steps });
  const optimizer = new optim.AdamW({ learningRate: schedule, weightDecay: 0.01 });
  try {
    await trainNumformer(model, {
      samples,
      padId,
      maskId,
      batchSize: plan.batchSize,
      steps: plan.steps,
      key: random.foldIn(random.key(seed), 1),
      optimizer,
      signal,
      ...(numberId === null ? {} : { scaler }),
    });
    const predict = async (tasks: readonly Pick<ArithmeticSample, 'text'>[]): Promise<Float64Array> => {
      const asked = tasks.map(({ text }) => sampleOf(tokenizer, text));
      const options = { maskId, signal, batchSize: 250 };
      if (numberId !== null)
        return (await predictNumbers(model, asked, { ...options, scaler, which: 'masks' })).prediction;
      const decode = (ids: number[]): number | null => tokenizer.decodeNumber(ids);
      return (await predictNumberGroups(model, asked, { ...options, decode })).prediction;
    };
    const predicted = await predict(tests);
    const truth = tests.map(({ result }) => result);
    const a = Array.from(
      { length: CURVE.points },
      (_, i) => CURVE.from + (i * (CURVE.to - CURVE.from)) / (CURVE.points - 1),
    );
    const curve = await predict(a.map((own) => taskOf(own, CURVE.b, '*')));
    return {
      encoding,
      seed,
      steps: plan.steps,
      vocabulary: vocabSize,
      parameters: model.parameterCount(),
      tokens,
      scores: scoresOf(predicted, truth),
      r2: Object.fromEntries(
        ['+', '-', '*'].map((operator) => {
          const chosen = [...tests.keys()].filter((i) => tests[i]!.operator === operator);
          return [
            operator,
            scoresOf(
              chosen.map((i) => predicted[i]!),
              chosen.map((i) => truth[i]!),
            ).r2,
          ];
        }),
      ),
      hole: scoresOf(
        await predict(held),
        held.map(({ result }) => result),
      ),
      points: { truth: truth.slice(0, SHOWN), prediction: valid(predicted.slice(0, SHOWN)) },
      curve: { a, prediction: valid(curve) },
    };
  } finally {
    model.dispose();
    optimizer.dispose();
  }
}

function scoresOf(prediction: ArrayLike<number>, truth: ArrayLike<number>): Scores {
  const { adjustedR2: _a, meanSquaredError: _m, count: _c, ...scores } = numberScores(prediction, truth);
  return scores;
}

/** A task with operands of one's own, its result exact. */
function taskOf(a: number, b: number, operator: ArithmeticSample['operator']): ArithmeticSample {
  const result = operator === '+' ? a + b : operator === '-' ? a - b : a * b;
  return { a, b, operator, result, text: `${a}${operator}${b}=${result}` };
}

/** A task as tokens, of which those behind '=' are to be predicted. */
function sampleOf(tokenizer: NumberTokenizer, text: string): Sample {
  const { ids, numbers, offsets } = tokenizer.encode(text);
  const result = text.indexOf('=') + 1;
  return { ids, numbers, mask: Array.from(ids, (_, t) => offsets[2 * t]! >= result) };
}

/** JSON knows no NaN. */
function valid(values: Float64Array): (number | null)[] {
  return Array.from(values, (value) => (Number.isFinite(value) ? value : null));
}
