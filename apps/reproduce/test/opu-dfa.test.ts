import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  accuracyOf,
  alignmentOf,
  digitsChecks,
  relativeChecks,
  type OpuDfaData,
} from '../src/experiments/opu-dfa/checks';
import { methodsFigure } from '../src/experiments/opu-dfa/figures/methods';
import { privacyFigure } from '../src/experiments/opu-dfa/figures/privacy';
import {
  BP,
  COARSE,
  DFA,
  LAST,
  METHODS,
  MULTIPLIERS,
  photonic,
  planOf,
  PRIVATE_METHODS,
  TERNARY,
} from '../src/experiments/opu-dfa/plan';
import { privateTrainingOf } from '../src/experiments/opu-dfa/private-training';
import { trainingOf, type Training } from '../src/experiments/opu-dfa/training';
import { embeddedDigits } from '../src/image-data';

beforeAll(() => useBackend('onnx'));
const images = await embeddedDigits();
const { signal } = new AbortController();

describe('planOf', () => {
  it('full has more seeds, and all pictures of the user', () => {
    const [quick, full] = [planOf('quick', false), planOf('full', false)];
    expect(full.seeds).toBeGreaterThan(quick.seeds);
    expect([quick.rowLimit, full.rowLimit, planOf('quick', true).rowLimit]).toEqual([3000, Infinity, Infinity]);
  });
});

describe('trainingOf', () => {
  const plan = { ...planOf('quick', true), epochs: 4, rowLimit: 500 };
  const method = METHODS.find(({ name }) => name === DFA)!;

  it('learns, measures the alignment once an epoch, and is a function of the seed', async () => {
    const before = tf.memory().numTensors;
    const training = await trainingOf(images, plan, method, 5, signal);
    expect(tf.memory().numTensors).toBe(before);
    expect(training.accuracy).toHaveLength(4);
    expect(training.accuracy.at(-1)!).toBeGreaterThan(0.3);
    expect(training.loss.at(-1)!).toBeLessThan(training.loss[0]!);
    expect(training.alignment.map(({ length }) => length)).toEqual([2, 2, 2, 2]);
    expect(training.alignment.at(-1)![1]!).toBeGreaterThan(training.alignment[0]![1]!);
    expect(await trainingOf(images, plan, method, 5, signal)).toEqual(training);
  });

  it('has no alignment where nothing is fed back', async () => {
    const last = METHODS.find(({ name }) => name === LAST)!;
    expect((await trainingOf(images, { ...plan, epochs: 1 }, last, 5, signal)).alignment).toEqual([]);
  });
});

describe('privateTrainingOf', () => {
  const plan = planOf('quick', true);
  const short = { ...plan, private: { ...plan.private, steps: 20 } };

  it('learns, and costs what the reference says of 300 steps', async () => {
    const before = tf.memory().numTensors;
    const training = await privateTrainingOf(images, short, PRIVATE_METHODS[1]!, 1, 5, signal);
    expect(tf.memory().numTensors).toBe(before);
    expect(training.accuracy).toBeGreaterThan(0.2);
    expect(training.costs.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    training.costs.forEach(({ rdp, pld }) => expect(pld).toBeLessThan(rdp));
    expect(training.costs.at(-1)!.rdp).toBeCloseTo(training.epsilonRdp!, 9);
  });

  it('has no epsilon without noise', async () => {
    const { epsilonRdp, epsilonPld, costs } = await privateTrainingOf(images, short, PRIVATE_METHODS[0]!, 0, 5, signal);
    expect([epsilonRdp, epsilonPld, costs]).toEqual([null, null, []]);
  });
});

/** Trainings as the reference had them. */
function agreeing(): OpuDfaData {
  const finals: Record<string, number> = {
    [BP]: 0.909,
    [DFA]: 0.91,
    [LAST]: 0.834,
    [TERNARY]: 0.907,
    [COARSE]: 0.103,
    [photonic(0.1)]: 0.903,
    [photonic(0.5)]: 0.879,
    [photonic(1)]: 0.864,
    [photonic(2)]: 0.768,
    [photonic(4)]: 0.133,
  };
  const alignments: Record<string, number[]> = {
    [DFA]: [0.67, 0.82],
    [TERNARY]: [0.5, 0.57],
    [photonic(0.1)]: [0.41, 0.45],
    [photonic(0.5)]: [0.18, 0.34],
    [photonic(1)]: [0.14, 0.26],
    [photonic(2)]: [0.08, 0.09],
  };
  const trainings = Object.entries(finals).map(([method, accuracy]): Training => ({
    method,
    seed: 0,
    accuracy: [0.1, accuracy],
    loss: [2, 1],
    alignment: alignments[method] ? [alignments[method], alignments[method]] : [],
  }));
  const private_: Record<string, number[]> = {
    [BP]: [0.905, 0.825, 0.627, 0.328],
    [DFA]: [0.904, 0.807, 0.663, 0.394],
    [TERNARY]: [0.885, 0.765, 0.599, 0.42],
  };
  const [rdp, pld] = [
    [0, 10.572, 3.497, 1.464],
    [0, 9.469, 3.148, 1.315],
  ];
  const privateTrainings = Object.entries(private_).flatMap(([method, accuracies]) =>
    MULTIPLIERS.map((z, i) => ({
      method,
      seed: 0,
      z,
      accuracy: accuracies[i]!,
      epsilonRdp: z > 0 ? rdp[i]! : null,
      epsilonPld: z > 0 ? pld[i]! : null,
      costs: z > 0 ? [{ step: 300, rdp: rdp[i]!, pld: pld[i]! }] : [],
    })),
  );
  return { trainings, privateTrainings };
}

const training = (data: OpuDfaData, name: string): Training => data.trainings.find(({ method }) => method === name)!;
const failing = (data: OpuDfaData): string[] =>
  digitsChecks(data).flatMap(({ holds, claim }) => (holds ? [] : [claim]));

describe('digitsChecks', () => {
  it('hold for the reference itself', () => {
    expect(failing(agreeing())).toEqual([]);
    // With larger pictures hidden layers matter more.
    const data = agreeing();
    training(data, LAST).accuracy[1] = 0.8;
    expect(relativeChecks(data).every(({ holds }) => holds)).toBe(true);
  });

  it.each<[string, (data: OpuDfaData) => unknown, string[]]>([
    ['a low accuracy', (data) => (training(data, BP).accuracy[1] = 0.88), [`${BP}: test accuracy`]],
    ['feedback that does not learn', (data) => (training(data, DFA).accuracy[1] = 0.88), [`${DFA}: test accuracy`, 'Direct feedback learns']], // prettier-ignore
    ['feedback at right angles', (data) => (training(data, DFA).alignment = [[0.5, 0.82]]), [`${DFA}: test accuracy`]],
    ['no collapse', (data) => (training(data, COARSE).accuracy[1] = 0.5), [COARSE]],
    ['noise that helps', (data) => (training(data, photonic(4)).accuracy[1] = 0.85), ['Optical noise costs']],
    ['a wrong epsilon', (data) => data.privateTrainings.forEach((run) => run.z === 2 && (run.epsilonRdp = 3.499)), ['What 300 private steps cost, z = 2']], // prettier-ignore
    ['a wrong PLD', (data) => data.privateTrainings.forEach((run) => run.z === 1 && (run.epsilonPld = 9.6)), ['What 300 private steps cost, z = 1']], // prettier-ignore
    [
      'a private network that learns less',
      (data) => (data.privateTrainings[1]!.accuracy = 0.78),
      [`Private ${BP}, z = 1`],
    ],
  ])('miss %s', (_, spoil, claims) => {
    const data = agreeing();
    spoil(data);
    const found = failing(data);
    expect(found).toHaveLength(claims.length);
    claims.forEach((claim, i) => expect(found[i]).toContain(claim));
  });
});

describe('means', () => {
  it('are over the seeds, and of alignments over the last five epochs', () => {
    const row = (seed: number, cosines: number[]): Training => ({
      method: DFA,
      seed,
      accuracy: [0, seed],
      loss: [],
      alignment: cosines.map((cosine) => [cosine]),
    });
    const trainings = [row(1, [9, 1, 1, 1, 1, 1]), row(2, [9, 3, 3, 3, 3, 3])];
    expect(accuracyOf(trainings, DFA)).toBe(1.5);
    expect(alignmentOf(trainings, DFA)[0]).toBeCloseTo(2, 12);
    expect(alignmentOf(trainings, BP)).toEqual([]);
  });
});

describe('figures', () => {
  it('are drawn from the data', async () => {
    const data = agreeing();
    expect((await methodsFigure(data.trainings)).svg).toContain('alignment, hidden layer 2');
    expect((await privacyFigure(data.privateTrainings)).svg).toContain('z = 4');
  });
});
