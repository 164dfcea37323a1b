import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../src/batches/collate';
import type { Sample } from '../src/batches/padded';
import { Numformer } from '../src/model/numformer';
import type { NumformerConfig } from '../src/model/numformer-config';
import { conformalIntervals } from '../src/prediction/conformal-intervals';
import { numberSlopes } from '../src/prediction/number-slopes';
import { predictNumberDraws } from '../src/prediction/predict-number-draws';
import { predictNumbers } from '../src/prediction/predict-numbers';
import { NumberScaler } from '../src/scaling/number-scaler';

const [MASK, PAD, NUM] = [1, 2, 3];
const create = (seed: number, config: Partial<NumformerConfig> = {}): Numformer =>
  Numformer.create({ vocabSize: 8, width: 16, heads: 2, layers: 2, feedForward: 24, context: 8, ...config }, seed);
const SAMPLES: Sample[] = [
  { ids: [4, NUM, 5, NUM], numbers: [1, 0.5, 1, -2] },
  { ids: [NUM, 6], numbers: [3, 1] },
];
const scaler = NumberScaler.fit([-4, 6], { transform: 'signedLog1p' });

describe.each(backendsUnderTest())('predictNumberDraws on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('of several models are the predictions of each, with their mean and deviation', async () => {
    const before = tf.memory().numTensors;
    const models = [1, 2, 3].map((seed) => create(seed, { dropout: 0 }));
    const options = { maskId: MASK, scaler };
    const done: number[] = [];
    const found = await predictNumberDraws(models, SAMPLES, {
      ...options,
      onProgress: (progress) => void done.push(progress.done / progress.total),
    });
    const single = await Promise.all(models.map((model) => predictNumbers(model, SAMPLES, options)));
    found.draws.forEach((draw, d) => expect([...draw]).toEqual([...single[d]!.prediction]));
    expect(found).toMatchObject({ truth: single[0]!.truth, sample: single[0]!.sample, position: single[0]!.position });
    const [a, b, c] = found.draws.map((draw) => draw[1]!) as [number, number, number];
    const mean = (a + b + c) / 3;
    expect(found.prediction[1]).toBeCloseTo(mean, 12);
    expect(found.deviation[1]).toBeCloseTo(Math.hypot(a - mean, b - mean, c - mean) / Math.SQRT2, 12);
    expect(done).toEqual([1 / 3, 2 / 3, 1]);
    models.forEach((model) => model.dispose());
    expect(tf.memory().numTensors).toBe(before);
  });

  it('with dropout are those of the model in training, a function of the key', async () => {
    const before = tf.memory().numTensors;
    const model = create(1, { dropout: 0.2 }).eval();
    const options = { maskId: MASK, scaler, key: 5, draws: 4, which: [[1, 3], []] };
    const found = await predictNumberDraws(model, SAMPLES, options);
    expect(model.training).toBe(false);
    expect((await predictNumberDraws(model, SAMPLES, options)).draws).toEqual(found.draws);
    model.train();
    const wanted = found.draws.map((_, d) => {
      const key = random.foldIn(random.foldIn(random.key(5), d), 0);
      const batch = { padId: PAD, maskId: MASK, numberId: NUM, mask: [0, 1, 0, 1], scaler };
      const nu = tf.tidy(() => {
        const { x, xNumbers, padding } = collate([SAMPLES[0]!], batch);
        return model.forward(x, xNumbers, { padding, key }).numbers!.dataSync<'float32'>();
      });
      return [...scaler.inverse(Float64Array.of(nu[1]!, nu[3]!))];
    });
    found.draws.forEach((draw, d) => expect(draw).toBeAllclose(wanted[d]!, { rtol: 1e-4, atol: 1e-5 }));
    expect(Math.min(...found.deviation)).toBeGreaterThan(0);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuse a single draw and dropout that drops nothing', async () => {
    const model = create(1, { dropout: 0 });
    const [options, key] = [{ maskId: MASK }, 0];
    await expect(predictNumberDraws(model, SAMPLES, options)).rejects.toThrow(/models must make at least two draws/);
    await expect(predictNumberDraws(model, SAMPLES, { ...options, key })).rejects.toThrow(/dropout of model 0 must/);
    await expect(predictNumberDraws([model, model], SAMPLES, { ...options, draws: 2 })).rejects.toThrow(RangeError);
    const other = create(1, { vocabSize: 4, dropout: 0 });
    await expect(predictNumberDraws([model, other], SAMPLES, options)).rejects.toThrow(/id 0 of sample 0 must/);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(predictNumberDraws([model, model], SAMPLES, { ...options, signal })).rejects.toThrow('enough');
    model.dispose();
    other.dispose();
  });
});

describe.each(backendsUnderTest())('numberSlopes on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('are differences of predictions, through a scaler that is bent', async () => {
    const before = tf.memory().numTensors;
    const model = create(1, { dropout: 0 });
    const sample = { ids: [4, NUM, 5, NUM, NUM], numbers: [1, 0.5, 1, -2, 3] };
    const { value, slopes } = await numberSlopes(model, sample, 3, { maskId: MASK, scaler });
    const predict = async (t: number, change: number): Promise<number> => {
      const numbers = sample.numbers.map((own, i) => (i === t ? own + change : own));
      const asked = [{ ...sample, numbers }];
      return (await predictNumbers(model, asked, { maskId: MASK, scaler, which: [[3]] })).prediction[0]!;
    };
    expect(value).toBeCloseTo(await predict(3, 0), 4);
    const step = 0.02;
    for (const t of [1, 4]) {
      const difference = ((await predict(t, step)) - (await predict(t, -step))) / (2 * step);
      // Rounding of float32 over the step, and the third derivative.
      expect(Math.abs(slopes[t]! - difference)).toBeLessThan(2e-3 * (1 + Math.abs(difference)));
      expect(slopes[t]).not.toBe(0);
    }
    expect([slopes[0], slopes[2], slopes[3]]).toEqual([0, 0, 0]);
    await expect(numberSlopes(model, sample, 5, { maskId: MASK })).rejects.toThrow(RangeError);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('conformalIntervals', () => {
  const [n, trials] = [19, 4000];
  /** Errors of heavy tails, their scale told or not. */
  function trial(number: number, isTold: boolean): boolean {
    const draws = random.fillNormal(random.foldIn(random.key(3), number), new Float64Array(2 * (n + 1)));
    const deviation = Float64Array.from({ length: n + 1 }, (_, i) => Math.exp(draws[n + 1 + i]!));
    const truth = deviation.map((scale, i) => i + scale * draws[i]! ** 3);
    const prediction = truth.map((_, i) => i);
    const known = (values: Float64Array): Float64Array => values.subarray(0, n);
    const told = isTold ? { deviation: known(deviation) } : {};
    const intervals = conformalIntervals({ prediction: known(prediction), truth: known(truth), ...told });
    const { low, high } = intervals.around([n], isTold ? [deviation[n]!] : undefined);
    return low[0]! <= truth[n]! && truth[n]! <= high[0]!;
  }

  it.each([true, false])('cover as often as they say, deviations told: %s', (isTold) => {
    let covered = 0;
    for (let i = 0; i < trials; i++) covered += Number(trial(i, isTold));
    // The 18th of 19 scores is passed by a fresh one in 2 of 20 cases, exactly; five deviations of the count.
    expect(Math.abs(covered / trials - 0.9)).toBeLessThan(5 * Math.sqrt((0.9 * 0.1) / trials));
  });

  it('take the score of the rank, and promise nothing with too few numbers', () => {
    const known = { prediction: [0, 0, 0, 0], truth: [3, -1, 2, NaN] };
    expect(conformalIntervals(known, { coverage: 0.5 }).radius).toBe(2);
    expect(conformalIntervals(known, { coverage: 0.75 }).radius).toBe(3);
    expect(conformalIntervals(known).radius).toBe(Infinity);
    expect(conformalIntervals({ ...known, deviation: [1, 1, 4, 1] }, { coverage: 0.5 }).radius).toBe(1);
    expect(conformalIntervals(known, { coverage: 0.5 }).around([5])).toEqual({
      low: Float64Array.of(3),
      high: Float64Array.of(7),
    });
  });

  it('refuse bad arguments', () => {
    const known = { prediction: [0], truth: [1] };
    expect(() => conformalIntervals(known, { coverage: 1 })).toThrow(RangeError);
    expect(() => conformalIntervals({ prediction: [0], truth: [1, 2] })).toThrow(/truth must have 1 values/);
    expect(() => conformalIntervals({ prediction: [0], truth: [NaN] })).toThrow(/at least one number/);
    expect(() => conformalIntervals({ prediction: [NaN], truth: [0] })).toThrow(/prediction\[0\]/);
    expect(() => conformalIntervals({ ...known, deviation: [0] })).toThrow(/deviation\[0\]/);
    expect(() => conformalIntervals(known).around([1], [1])).toThrow(/deviation must be left out/);
    expect(() => conformalIntervals({ ...known, deviation: [1] }).around([1])).toThrow(/deviation must be given/);
  });
});
