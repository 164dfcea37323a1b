import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingOf, type Training } from '../src/experiments/xval/arithmetic';
import { checksOf, type XvalData } from '../src/experiments/xval/checks';
import { planetsFigure, tokensFigure } from '../src/experiments/xval/figures/planets';
import { holeFigure, predictionsFigure } from '../src/experiments/xval/figures/predictions';
import { CURVE, planOf } from '../src/experiments/xval/plan';
import { planetTrainingOf, tokenCounts, type PlanetTraining } from '../src/experiments/xval/planets';

beforeAll(() => useBackend('onnx'));
const { signal } = new AbortController();
const plan = { train: 2000, test: 200, steps: 150, warmup: 20, batchSize: 128 };

describe('planOf', () => {
  it('full has more steps and seeds, and planets', () => {
    const [quick, full] = [planOf('quick'), planOf('full')];
    expect(full.arithmetic.steps).toBeGreaterThan(quick.arithmetic.steps);
    expect(full.seeds).toBeGreaterThan(quick.seeds);
    expect([quick.planets, full.planets?.steps]).toEqual([null, 1500]);
  });
});

describe('trainingOf', () => {
  it('learns, is scored inside and outside the hole, and is a function of the seed', async () => {
    const before = tf.memory().numTensors;
    const training = await trainingOf('xval', plan, 3, signal);
    expect(tf.memory().numTensors).toBe(before);
    expect(training).toMatchObject({ encoding: 'xval', seed: 3, tokens: 5, vocabulary: 10 });
    expect(training.scores.r2).toBeGreaterThan(0.5);
    expect(Object.keys(training.r2)).toEqual(['+', '-', '*']);
    expect(training.hole.meanAbsoluteError).toBeGreaterThan(0);
    expect(training.points.truth).toHaveLength(200);
    expect(training.curve.a).toHaveLength(CURVE.points);
    // A continuous function of a: what a step of 0.005 changes is small.
    const curve = training.curve.prediction.map((value) => value!);
    expect(Math.max(...curve.slice(1).map((value, i) => Math.abs(value - curve[i]!)))).toBeLessThan(0.2);
    expect(await trainingOf('xval', plan, 3, signal)).toEqual(training);
  });

  it('writes and reads rivals in their words, and stops when it is told to', async () => {
    const training = await trainingOf('p1000', { ...plan, steps: 5, warmup: 1 }, 3, signal);
    expect(training.tokens).toBe(11);
    const stopped = trainingOf('xval', plan, 3, AbortSignal.abort(new Error('enough')));
    await expect(stopped).rejects.toThrow();
  });
});

describe('planetTrainingOf', () => {
  it('reads parameters off motions, inside and outside the hole', async () => {
    const before = tf.memory().numTensors;
    const own = { train: 60, test: 12, steps: 4, warmup: 1, batchSize: 8 };
    const training = await planetTrainingOf('xval', own, 3, signal);
    expect(tf.memory().numTensors).toBe(before);
    expect(training).toMatchObject({ encoding: 'xval', seed: 3, steps: 4, tokens: 94 });
    const [tests, held] = [training.points.truth.slice(0, 12), training.points.truth.slice(12)];
    expect(tests.every((a) => a === 1 || (a >= 1.5 && a <= 3))).toBe(true);
    expect(held.every((a) => a > 1 && a <= 1.45)).toBe(true);
    for (const scores of [training.scores, training.hole]) {
      expect(scores.a.meanSquaredError).toBeGreaterThan(0);
      expect(scores.stepsize.meanSquaredError).toBeGreaterThan(0);
    }
    const rival = await planetTrainingOf('p1000', { ...own, steps: 1, warmup: 0 }, 3, signal);
    // Two further tokens for each of 47 numbers.
    expect(rival.tokens).toBe(94 + 2 * 47);
    expect(rival.points.truth).toEqual(training.points.truth);
  });
});

describe('tokenCounts', () => {
  it('is 10 + 12 n + 3 n S for xVal', () => {
    const { numbers, tokens } = tokenCounts(1);
    expect(tokens.xval).toEqual([2, 3, 4, 5].map((n) => 10 + 12 * n + 3 * n * 45));
    expect(numbers).toEqual([2, 3, 4, 5].map((n) => 3 * n + 1 + 2 * n * 45));
  });
});

/** A made-up result: xVal better than the others by far, or worse. */
function madeUp(error: Record<Training['encoding'], number>): Training[] {
  return Object.entries(error).map(([encoding, own]) => {
    const scores = {
      r2: 1 - own,
      meanSquaredError: own,
      meanAbsoluteError: own,
      medianAbsoluteError: own,
      maxAbsoluteError: own,
      invalid: 0,
      outliers: 0,
    };
    return {
      encoding: encoding as Training['encoding'],
      seed: 0,
      steps: 1500,
      vocabulary: 10,
      parameters: 1,
      tokens: 5,
      scores,
      hole: scores,
      r2: {},
      points: { truth: [1, 2], prediction: [1, null] },
      curve: { a: [1, 2], prediction: [2, null] },
    };
  });
}

/** Planets whose errors are those of arithmetic. */
function planetsOf(trainings: Training[]): PlanetTraining[] {
  return trainings.map(({ scores, points, curve: _c, hole: _h, r2: _r, ...rest }) => {
    const both = { a: scores, stepsize: scores };
    return { ...rest, scores: both, hole: both, points };
  });
}

const GOOD = madeUp({ xval: 0.0005, p10: 0.3, p1000: 0.4, b1999: 2, fp15: 3 });
const BAD = madeUp({ xval: 0.5, p10: 0.3, p1000: 0.6, b1999: 2, fp15: 3 });

describe('checksOf', () => {
  it('holds where xVal is before all others, and says what does not hold', () => {
    const tokens = tokenCounts(0);
    const holds = (data: XvalData): boolean[] => checksOf(data).map(({ holds: own }) => own);
    expect(holds({ trainings: GOOD, planets: [], tokens })).toEqual([true, true, true, true, true, true, true]);
    expect(holds({ trainings: BAD, planets: [], tokens })).toEqual([false, false, true, true, true, false, true]);
    expect(holds({ trainings: GOOD, planets: planetsOf(GOOD), tokens }).slice(6)).toEqual([true, true]);
    const wrong = { ...tokens, numbers: tokens.numbers.map((count) => count + 1) };
    expect(holds({ trainings: GOOD, planets: planetsOf(BAD), tokens: wrong }).slice(6)).toEqual([false, false]);
  });
});

describe('figures', () => {
  it('show every encoding', async () => {
    const figures = [predictionsFigure(GOOD), holeFigure(GOOD), planetsFigure(planetsOf(GOOD))];
    for (const figure of await Promise.all([...figures, tokensFigure(tokenCounts(0))])) {
      for (const name of ['xVal', 'P10', 'P1000', 'B1999', 'FP15']) expect(figure.svg).toContain(name);
    }
  });
});
