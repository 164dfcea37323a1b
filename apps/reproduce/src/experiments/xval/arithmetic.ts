import { random } from '@tfsci/tensor-core';
import {
  ARITHMETIC_WORDS,
  arithmeticSamples,
  NumberTokenizer,
  type ArithmeticSample,
  type EncodingName,
  type Sample,
} from '@tfsci/xval';
import { learn, scoresOf, valid, type Scores } from './learning';
import { CURVE, HOLE, RANGE, type Plan } from './plan';

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
  const step = (CURVE.to - CURVE.from) / (CURVE.points - 1);
  const a = Array.from({ length: CURVE.points }, (_, i) => CURVE.from + i * step);
  return learn({ tokenizer, samples, scaler, schedule: plan, seed, signal }, async ({ predict, ...size }) => {
    const predicted = await predict(read(tests));
    const curve = await predict(read(a.map((own) => taskOf(own, CURVE.b, '*'))));
    const inHole = await predict(read(held));
    const truth = tests.map(({ result }) => result);
    const r2Of = (operator: string): number => {
      const chosen = [...tests.keys()].filter((i) => tests[i]!.operator === operator);
      const [ours, theirs] = [chosen.map((i) => predicted[i]!), chosen.map((i) => truth[i]!)];
      return scoresOf(ours, theirs).r2;
    };
    const heldTruth = held.map(({ result }) => result);
    return {
      encoding,
      seed,
      steps: plan.steps,
      vocabulary: tokenizer.vocabSize,
      ...size,
      scores: scoresOf(predicted, truth),
      r2: Object.fromEntries(['+', '-', '*'].map((operator) => [operator, r2Of(operator)])),
      hole: scoresOf(inHole, heldTruth),
      points: { truth: truth.slice(0, SHOWN), prediction: valid(predicted.slice(0, SHOWN)) },
      curve: { a, prediction: valid(curve) },
    };
  });
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
