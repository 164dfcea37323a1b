import { random } from '@tfsci/tensor-core';
import {
  ENCODINGS,
  NumberTokenizer,
  planetKeys,
  planetSample,
  planetText,
  type EncodingName,
  type PlanetSample,
  type PlanetSampleOptions,
  type Sample,
} from '@tfsci/xval';
import { learn, scoresOf, valid, type Scores } from './learning';
import type { Plan } from './plan';

/** The parameters that are to be read off the motion: a of the first planet, and the step of time. */
export const ASKED = ['a', 'stepsize'] as const;
type Asked = (typeof ASKED)[number];

/** How an encoding has learned about planets with one seed. */
export interface PlanetTraining {
  encoding: EncodingName;
  seed: number;
  steps: number;
  vocabulary: number;
  parameters: number;
  tokens: number;
  /** On systems like those of the training, and on those whose parameter lies where no training system's does. */
  scores: Record<Asked, Scores>;
  hole: Record<Asked, Scores>;
  /** Predictions of a, inside and outside the hole; null where it was no number. */
  points: { truth: number[]; prediction: (number | null)[] };
}

/** No semi-major axis of a training system lies in here. */
export const GAP = [1, 1.5] as const;

/** Two planets at ten times; a is 1 for the inner one and from 1.5 to 3 for the outer one; no duration is 5. */
const SYSTEMS: PlanetSampleOptions = { planets: [2, 2], outerAxis: [GAP[1], 3], steps: [10, 10], duration: [3, 8] };
const TRAINED: PlanetSampleOptions = { ...SYSTEMS, accept: ({ stepsize, data }) => duration(stepsize, data) !== 5 };
const HELD: Record<Asked, PlanetSampleOptions> = {
  a: {
    ...TRAINED,
    outerAxis: [GAP[0] + 0.05, GAP[1] - 0.05],
    accept: (sample) => sample.a[0]! > 1 && TRAINED.accept!(sample),
  },
  stepsize: { ...SYSTEMS, duration: [5, 5] },
};
/** Figures behind the point, of all numbers. */
const DECIMALS = 3;
/** Points of the scatter plot, of each kind. */
const SHOWN = 300;

/** Trains once: a system's motion is told, and a parameter is to be predicted. */
export async function planetTrainingOf(
  encoding: EncodingName,
  plan: Plan,
  seed: number,
  signal: AbortSignal,
): Promise<PlanetTraining> {
  const tokenizer = tokenizerOf(encoding);
  const keys = random.split(random.key(seed), 4) as [random.Key, random.Key, random.Key, random.Key];
  const systems = (key: random.Key, count: number, options: PlanetSampleOptions): PlanetSample[] =>
    Array.from({ length: count }, (_, i) => planetSample(random.foldIn(key, i), options));
  const read = (own: readonly PlanetSample[], asked: Asked): Sample[] =>
    own.map((system) => sampleOf(tokenizer, system, asked));
  const told = systems(keys[0], plan.train, TRAINED);
  const samples = ASKED.flatMap((asked) => read(told, asked));
  const tests = systems(keys[1], plan.test, TRAINED);
  const held = { a: systems(keys[2], plan.test, HELD.a), stepsize: systems(keys[3], plan.test, HELD.stepsize) };
  return learn({ tokenizer, samples, schedule: plan, seed, signal }, async ({ predict, ...size }) => {
    const answers = async (own: readonly PlanetSample[], asked: Asked): Promise<Answers> => ({
      truth: own.map((system) => valueOf(system, asked)),
      prediction: await predict(read(own, asked)),
    });
    const ofTests = { a: await answers(tests, 'a'), stepsize: await answers(tests, 'stepsize') };
    const ofHeld = { a: await answers(held.a, 'a'), stepsize: await answers(held.stepsize, 'stepsize') };
    const scores = (own: Record<Asked, Answers>): Record<Asked, Scores> => ({
      a: scoresOf(own.a.prediction, own.a.truth),
      stepsize: scoresOf(own.stepsize.prediction, own.stepsize.truth),
    });
    return {
      encoding,
      seed,
      steps: plan.steps,
      vocabulary: tokenizer.vocabSize,
      ...size,
      scores: scores(ofTests),
      hole: scores(ofHeld),
      points: {
        truth: [ofTests.a, ofHeld.a].flatMap(({ truth }) => truth.slice(0, SHOWN)),
        prediction: [ofTests.a, ofHeld.a].flatMap(({ prediction }) => valid(prediction.slice(0, SHOWN))),
      },
    };
  });
}

interface Answers {
  truth: number[];
  prediction: Float64Array;
}

/** How many tokens each encoding makes of the same systems, by their numbers. */
export interface TokenCounts {
  numbers: number[];
  tokens: Record<EncodingName, number[]>;
}

/** Counts the tokens of whole samples of the data set, of 2 to 5 planets. */
export function tokenCounts(seed: number): TokenCounts {
  // Planets that start at their pericentres have y = 0, for which P10 has one word.
  const texts = [2, 3, 4, 5].map((n) =>
    planetText(planetSample(random.foldIn(random.key(seed), n), { planets: [n, n], steps: [45, 45], aligned: 0 })),
  );
  const countOf = (encoding: EncodingName): number[] =>
    texts.map((text) => tokenizerOf(encoding).encode(text).ids.length);
  const own = tokenizerOf('xval');
  const numbers = texts.map((text) => {
    const { ids, numbers: values } = own.encode(text);
    return own.values(ids, values).values.length;
  });
  const tokens = Object.fromEntries(ENCODINGS.map((encoding) => [encoding, countOf(encoding)]));
  return { numbers, tokens: tokens as Record<EncodingName, number[]> };
}

function tokenizerOf(encoding: EncodingName): NumberTokenizer {
  return NumberTokenizer.build({ encoding, keys: planetKeys(5), outOfRange: 'clip' });
}

/** A system as tokens, of which those of one parameter are to be predicted. */
function sampleOf(tokenizer: NumberTokenizer, system: PlanetSample, asked: Asked): Sample {
  const text = planetText(system, { decimals: DECIMALS });
  const { ids, numbers, offsets } = tokenizer.encode(text);
  const key = `'${asked}':`;
  const start = text.indexOf(key) + key.length;
  return { ids, numbers, mask: Array.from(ids, (_, t) => offsets[2 * t] === start) };
}

function valueOf(system: PlanetSample, asked: Asked): number {
  return Number((asked === 'a' ? system.a[0]! : system.stepsize).toFixed(DECIMALS));
}

function duration(stepsize: number, data: readonly unknown[]): number {
  return Math.round(stepsize * (data.length - 1));
}
