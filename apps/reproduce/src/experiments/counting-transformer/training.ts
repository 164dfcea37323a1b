import {
  capture,
  contextualPositions,
  CountingTransformer,
  effectiveValues,
  identifyBias,
  sampleTask,
  TOKENS,
  trainCounting,
  variantSweep,
  type Source,
} from '@tfsci/counting-transformer';
import { random } from '@tfsci/tensor-core';
import { SIZE, TASK, type Encoder, type Plan } from './plan';

/** How a region is counted on a law. */
export interface RegionResult {
  accuracy: number;
  /** Of always naming the most frequent count. */
  chance: number;
  slope: number;
  /** The slope that attention foretells. */
  foretold: number;
}

/** The two sides by which a region is counted. */
export interface Balance {
  /** [N + 1]. */
  one: number[];
  /** The mean of what is no one of the region, weighted by attention. */
  other: number[];
  /** How many ones weigh as much as all of that. */
  effective: number;
  /** What biases add. */
  constant: number[];
}

/** How an encoder has learned with one seed. */
export interface Training {
  code: string;
  causal: boolean;
  seed: number;
  steps: number;
  parameters: number;
  /** By law, in distribution first. */
  laws: { name: string; regions: RegionResult[] }[];
  /** Of each region: against what it is counted, and how many ones weigh as much. */
  bias: { token: Source; purity: number; effective: number; variation: number }[];
  /** A sequence, and the decoder's attention to it by region. */
  shown: { tokens: number[]; weights: number[][] };
  /** What a one of region 0, and all else that its query attends in that sequence, say to the logits. */
  balance: Balance;
}

/** Trains an encoder and a decoder, and looks into them. */
export async function trainingOf(encoder: Encoder, plan: Plan, seed: number, signal: AbortSignal): Promise<Training> {
  const { code, positions, causal, steps } = encoder;
  const model = CountingTransformer.create({ ...SIZE, positions, causal }, seed);
  try {
    await trainCounting(model, { task: TASK, steps, batchSize: plan.batchSize, key: seed, signal });
    const sweep = await variantSweep(model, TASK, { sequences: plan.test, key: 1, signal });
    const bias = await identifyBias(model, sampleTask(random.key(2), 200, TASK));
    // A sequence of its own kind: four ones in the first region, two in the second.
    const sample = sampleTask(random.key(3), 1, { ...TASK, counts: [4, 2] });
    const { 'dec.attn.weights': weights } = await capture(model, sample, { names: ['dec.attn.weights'] });
    const L = sample.length;
    return {
      code,
      causal,
      seed,
      steps,
      parameters: model.parameterCount(),
      laws: sweep.map(({ name, scores, predictedSlopes }) => ({
        name,
        regions: scores.regions.map(({ accuracy, chance, slope }, k) => ({
          accuracy,
          chance,
          slope,
          foretold: predictedSlopes[k]!,
        })),
      })),
      bias: bias.map(({ bias: token, purity, effective, variation }) => ({ token, purity, effective, variation })),
      shown: {
        tokens: [...sample.tokens],
        weights: Array.from({ length: SIZE.regions }, (_, k) => [...weights.data.subarray(k * L, (k + 1) * L)]),
      },
      balance: await balanceOf(model, sample.tokens),
    };
  } finally {
    model.dispose();
  }
}

/** What speaks for more and for fewer ones in region 0 of a sequence. */
export async function balanceOf(model: CountingTransformer, tokens: Int32Array): Promise<Balance> {
  const { values, weights, constant } = await effectiveValues(model, tokens);
  const [ofTokens, attention] = [values[0]!, weights[0]![0]!];
  const places = contextualPositions(tokens);
  const isOwn = (t: number): boolean => tokens[t] === TOKENS.one && places[t] === 0;
  const meanOf = (chosen: number[]): { mean: number[]; weight: number } => {
    const weight = chosen.reduce((sum, t) => sum + attention[t]!, 0);
    const mean = constant.map((_, j) =>
      chosen.reduce((sum, t) => sum + (attention[t]! / weight) * ofTokens[t]![j]!, 0),
    );
    return { mean, weight };
  };
  const all = [...tokens.keys()];
  const [own, other] = [meanOf(all.filter(isOwn)), meanOf(all.filter((t) => !isOwn(t)))];
  const ones = all.filter(isOwn).length;
  return { one: own.mean, other: other.mean, effective: (ones * other.weight) / own.weight, constant };
}
