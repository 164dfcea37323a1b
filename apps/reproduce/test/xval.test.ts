import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { trainingOf, type Training } from '../src/experiments/xval/arithmetic';
import { checksOf } from '../src/experiments/xval/checks';
import { holeFigure, predictionsFigure } from '../src/experiments/xval/figures/predictions';
import { CURVE, planOf } from '../src/experiments/xval/plan';

beforeAll(() => useBackend('onnx'));
const { signal } = new AbortController();
const plan = { ...planOf('quick'), train: 2000, test: 200, steps: 150, warmup: 20 };

describe('planOf', () => {
  it('full has more steps and seeds', () => {
    const [quick, full] = [planOf('quick'), planOf('full')];
    expect(full.steps).toBeGreaterThan(quick.steps);
    expect(full.seeds).toBeGreaterThan(quick.seeds);
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

/** A made-up result: xVal better than the others by far, or worse. */
function madeUp(error: Record<Training['encoding'], number>): Training[] {
  return Object.entries(error).map(([encoding, own]) => {
    const scores = {
      r2: 1 - own,
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

describe('checksOf', () => {
  it('holds where xVal is before all others, and says what does not hold', () => {
    const good = checksOf({ trainings: madeUp({ xval: 0.0005, p10: 0.3, p1000: 0.4, b1999: 2, fp15: 3 }) });
    expect(good.map(({ holds }) => holds)).toEqual([true, true, true, true, true, true]);
    const bad = checksOf({ trainings: madeUp({ xval: 0.5, p10: 0.3, p1000: 0.6, b1999: 2, fp15: 3 }) });
    expect(bad.map(({ holds }) => holds)).toEqual([false, false, true, true, true, false]);
  });
});

describe('figures', () => {
  it('show every encoding', async () => {
    const trainings = madeUp({ xval: 0.0005, p10: 0.3, p1000: 0.4, b1999: 2, fp15: 3 });
    for (const figure of [await predictionsFigure(trainings), await holeFigure(trainings)]) {
      for (const name of ['xVal', 'P10', 'P1000', 'B1999', 'FP15']) expect(figure.svg).toContain(name);
    }
  });
});
