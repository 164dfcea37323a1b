import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { capture, CountingTransformer, sampleTask } from '@tfsci/counting-transformer';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { checksOf } from '../src/experiments/counting-transformer/checks';
import { circuitOf } from '../src/experiments/counting-transformer/circuits';
import { accuraciesFigure, slopesFigure } from '../src/experiments/counting-transformer/figures/accuracies';
import { attentionFigure, balanceFigure } from '../src/experiments/counting-transformer/figures/circuit';
import { planOf } from '../src/experiments/counting-transformer/plan';
import { balanceOf, trainingOf, type Training } from '../src/experiments/counting-transformer/training';

beforeAll(() => useBackend('onnx'));
const { signal } = new AbortController();

describe('planOf', () => {
  it('full tries every code, with three seeds', () => {
    const [quick, full] = [planOf('quick'), planOf('full')];
    expect(quick.encoders.map(({ code, causal, steps }) => [code, causal, steps])).toEqual([
      ['NoPE', true, 5000],
      ['RoPE', true, 5000],
      ['NoPE', false, 2500],
      ['RoPE', false, 2500],
    ]);
    expect(full.encoders).toHaveLength(14);
    expect(full.seeds).toBe(3);
  });
});

describe('trainingOf', () => {
  it('scores every law, finds the bias, and is a function of the seed', async () => {
    const before = tf.memory().numTensors;
    const plan = { ...planOf('quick'), test: 100 };
    const encoder = { code: 'RoPE', positions: { kind: 'rope' }, causal: true, steps: 40 } as const;
    const training = await trainingOf(encoder, plan, 1, signal);
    expect(tf.memory().numTensors).toBe(before);
    expect(training.laws.map(({ name }) => name).slice(0, 4)).toEqual([
      'in distribution',
      'shorter',
      'longer',
      'fewer regions',
    ]);
    expect(training.laws[0]!.regions).toHaveLength(2);
    expect(training.shown.tokens).toHaveLength(33);
    for (const row of training.shown.weights) expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 4);
    const { one, other, effective, constant } = training.balance;
    expect([one.length, other.length, constant.length]).toEqual([25, 25, 25]);
    expect(effective).toBeGreaterThan(0);
    expect(await trainingOf(encoder, plan, 1, signal)).toEqual(training);
    await expect(trainingOf(encoder, plan, 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow();
  });
});

describe('balanceOf', () => {
  it('is what makes up the logits of the first region', async () => {
    const model = CountingTransformer.create({ regions: 2, maxCount: 24, width: 16 }, 1);
    const sample = sampleTask(random.key(3), 1, { length: 32, regions: 2, counts: [4, 2] });
    const { one, other, effective, constant } = await balanceOf(model, sample.tokens);
    const { logits } = await capture(model, sample, { names: ['logits'] });
    const said = constant.map((bias, j) => bias + (4 * one[j]! + effective * other[j]!) / (4 + effective));
    expect(said).toBeAllclose(logits.data.subarray(0, 25), { rtol: 1e-4, atol: 1e-5 });
    model.dispose();
  });
});

describe('circuitOf', () => {
  it('is exact by closing delimiters, and wrong by 4/3 without one', async () => {
    const { counted, right, shorter, fewer } = await circuitOf('close', signal);
    expect([counted, right]).toEqual([40_000, 40_000]);
    expect(shorter).toBeCloseTo(1, 9);
    expect(Math.abs(fewer - 4 / 3)).toBeLessThan(0.02);
  });
});

/** A made-up model: its accuracy, and by how much it is wrong on other laws. */
function madeUp(
  code: string,
  causal: boolean,
  seed: number,
  accuracy: number,
  slope: number,
  foretold = slope,
): Training {
  const region = { accuracy, chance: 0.2, slope: 1, foretold: 1 };
  const other = { ...region, slope, foretold };
  return {
    code,
    causal,
    seed,
    steps: 100,
    parameters: 1,
    laws: [
      { name: 'in distribution', regions: [region, region] },
      { name: 'shorter', regions: [other, other] },
      { name: 'fewer regions', regions: [other] },
    ],
    bias: [0, 1].map(() => ({ token: 'start' as const, purity: 1, effective: 1, variation: 0 })),
    shown: { tokens: [4, 2, 1, 3, 2, 3], weights: [[0.5, 0, 0.5, 0, 0, 0], [1, 0, 0, 0, 0, 0]] }, // prettier-ignore
    balance: { one: [0, 1], other: [0, -1], effective: 1, constant: [0, 0] },
  };
}

const CIRCUITS = (['start', 'open', 'close', 'zero'] as const).map((bias) => {
  return { bias, counted: 10, right: bias === 'zero' ? 3 : 10, shorter: 1, fewer: 1 };
});
const good = [0, 1, 2].flatMap((seed) => [
  madeUp('NoPE', true, seed, seed === 0 ? 0.999 : 0.6, 1.3),
  madeUp('RoPE', true, seed, 0.997, 1),
  madeUp('NoPE', false, seed, 0.2, 1),
  madeUp('RoPE', false, seed, 0.5, 1),
]);

describe('checksOf', () => {
  it('holds for what the paper says, and says what does not hold', () => {
    expect(checksOf({ circuits: CIRCUITS, trainings: good }).every(({ holds }) => holds)).toBe(true);
    expect(checksOf({ circuits: CIRCUITS, trainings: good })).toHaveLength(8);
    const one = good.filter(({ seed }) => seed === 0);
    expect(checksOf({ circuits: CIRCUITS, trainings: one })).toHaveLength(6);
    const circuits = CIRCUITS.map((circuit) => ({ ...circuit, right: circuit.counted - 1 }));
    const bad = good.map((own) => {
      const wrong = { NoPE: own.causal ? 0.5 : 0.3, RoPE: own.causal ? 0.6 : 0.5 }[own.code]!;
      return madeUp(own.code, own.causal, own.seed, wrong, 1.3, 1);
    });
    expect(checksOf({ circuits, trainings: bad }).map(({ holds }) => holds)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      false,
    ]);
  });
});

describe('figures', () => {
  it('show codes, laws, attention and balance', async () => {
    const accuracies = (await accuraciesFigure(good)).svg;
    for (const word of ['NoPE', 'RoPE', 'in distribution', 'fewer regions']) expect(accuracies).toContain(word);
    expect((await slopesFigure(good)).svg).toContain('foretells');
    expect((await attentionFigure(good)).svg).toContain('causal NoPE: region 0 against the start');
    expect((await balanceFigure(good)).svg).toContain('the bias token');
  });
});
