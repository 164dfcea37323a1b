import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { optim, random, train, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  buildCountingCircuit,
  countingBatches,
  countRegions,
  CountingTransformer,
  evaluateCounting,
  sampleTask,
  trainCounting,
  variantSweep,
  type CountingConfig,
} from '../src';

const TASK = { length: 32, regions: 2 };
const SIZE: CountingConfig = { regions: 2, maxCount: 24, width: 32, feedForward: 64 };
const SMALL: CountingConfig = { regions: 2, maxCount: 8, width: 8, feedForward: 8 };

describe.each(backendsUnderTest())('trainCounting on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('learns, is a function of its key, and loses no tensor', async () => {
    const before = tf.memory().numTensors;
    const run = async (key: number): Promise<number[]> => {
      const model = CountingTransformer.create(SMALL, 1);
      const task = { length: 12, regions: 2 };
      const { history } = await trainCounting(model, { task, steps: 30, batchSize: 16, key, logEvery: 10 });
      model.dispose();
      return history.map(({ values }) => values['loss']!);
    };
    const first = await run(0);
    expect(first).toHaveLength(3);
    expect(first[2]).toBeLessThan(first[0]!);
    expect(await run(0)).toEqual(first);
    expect(await run(1)).not.toEqual(first);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('trainCounting', () => {
  beforeAll(() => useBackend('onnx'));

  it('goes on from a checkpoint to the same weights', async () => {
    const weights = async (stops: readonly number[]): Promise<Float32Array> => {
      const store = train.memoryStore();
      const model = CountingTransformer.create(SMALL, 1);
      for (const stop of [...stops, 12]) {
        const controller = new AbortController();
        const onStep = (step: number): void => void (step === stop && controller.abort());
        await trainCounting(model, {
          task: { length: 12, regions: 2 },
          steps: 12,
          batchSize: 8,
          key: 0,
          checkpoint: { store, every: 4 },
          callbacks: { onStep },
          signal: controller.signal,
        });
      }
      const [, head] = model.namedParameters().find(([name]) => name === 'dec.head.weight')!;
      const values = head.dataSync<'float32'>();
      model.dispose();
      return values;
    };
    expect(await weights([5, 9])).toEqual(await weights([]));
  });

  it('counts both regions by rotary positions, and neither where there is no order', async () => {
    const margins = async (config: Partial<CountingConfig>, steps: number): Promise<number[]> => {
      const model = CountingTransformer.create({ ...SIZE, ...config }, 0);
      await trainCounting(model, { task: TASK, steps, key: 0 });
      const { regions } = await evaluateCounting(model, TASK, { sequences: 2000 });
      model.dispose();
      return regions.map(({ accuracy, chance }) => accuracy - chance);
    };
    // Both regions have their most frequent count in 22 of 100 sequences.
    expect(Math.min(...(await margins({ positions: { kind: 'rope' } }, 2500)))).toBeGreaterThan(0.7);
    expect(Math.max(...(await margins({ causal: false }, 300)))).toBeLessThan(0.02);
  });

  it('refuses laws that the model is not made for, and bad options', async () => {
    const before = tf.memory().numTensors;
    const model = CountingTransformer.create({ ...SMALL, positions: { kind: 'absolute', maxLength: 13 } }, 1);
    const attempt = (options: object): Promise<unknown> =>
      trainCounting(model, { task: { length: 12, regions: 2 }, steps: 1, key: 0, ...options });
    await expect(attempt({ task: { length: 12, regions: 3 } })).rejects.toThrow(
      /task.regions must be at most the model's 2/,
    );
    await expect(attempt({ task: { length: 12, regions: 2, start: false } })).rejects.toThrow(
      /task.start must be true/,
    );
    await expect(attempt({ task: { length: 13, regions: 2 } })).rejects.toThrow(/at most the 13 tokens/);
    await expect(attempt({ task: { length: 3, regions: 2 } })).rejects.toThrow(/room for 4 delimiters/);
    await expect(attempt({ steps: 0 })).rejects.toThrow(RangeError);
    await expect(attempt({ optimizer: {} })).rejects.toThrow(/optimizer must be a tf.Optimizer/);
    await expect(trainCounting({} as never, { task: TASK, steps: 1, key: 0 })).rejects.toThrow(TypeError);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes one’s own optimizer, and validates on sequences that stay', async () => {
    const model = CountingTransformer.create(SMALL, 1);
    const optimizer = new optim.Sgd({ learningRate: 0 });
    const task = { length: 12, regions: 2 };
    const validate = { every: 2, batches: 2, batchSize: 8 };
    const { history } = await trainCounting(model, { task, steps: 4, batchSize: 8, key: 0, optimizer, validate });
    const losses = history.flatMap(({ values }) => values['validation/loss'] ?? []);
    expect(losses).toHaveLength(2);
    expect(losses[0]).toBe(losses[1]);
    optimizer.dispose();
    model.dispose();
  });
});

describe('countingBatches', () => {
  it('are fresh, and the same at the same place', async () => {
    const batches = countingBatches({ length: 12, regions: 2 }, { batchSize: 3, key: random.key(0) });
    const read = async (position: number): Promise<{ tokens: number[][]; counts: number[][] }> => {
      const { tokens, counts } = await batches.batch(0, position);
      const found = { tokens: tokens.arraySync() as number[][], counts: counts.arraySync() as number[][] };
      tf.dispose([tokens, counts]);
      return found;
    };
    const [first, second] = [await read(0), await read(1)];
    expect(first.tokens.map(countRegions)).toEqual(first.counts);
    expect(second).not.toEqual(first);
    expect(await read(0)).toEqual(first);
  });
});

describe.each(backendsUnderTest())('evaluateCounting on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('scores a circuit that is right, and one that overcounts', async () => {
    const before = tf.memory().numTensors;
    const right = buildCountingCircuit('start', { regions: 3, maxCount: 40 });
    const task = { length: 40, regions: 3 };
    const done: number[] = [];
    const onProgress = (progress: { done: number }): void => void done.push(progress.done);
    const scores = await evaluateCounting(right, task, { sequences: 250, onProgress });
    expect(done).toEqual([100, 200, 250]);
    expect(scores.all).toMatchObject({ accuracy: 1, topK: 1, meanAbsoluteError: 0, slope: 1 });
    expect(scores.sequences).toBe(1);
    expect(scores.prediction).toEqual(sampleTask(random.key(0), 250, task).counts);
    expect(scores.byCount.reduce((sum, { occurrences }) => sum + occurrences, 0)).toBe(750);
    const over = buildCountingCircuit('close', { regions: 4, maxCount: 80 });
    const fewer = { length: 80, regions: 3, start: false };
    const wrong = await evaluateCounting(over, fewer, { sequences: 300 });
    expect(wrong.regions).toHaveLength(3);
    // Rounded to whole numbers.
    expect(Math.abs(wrong.all.slope - 4 / 3)).toBeLessThan(0.01);
    const modes = wrong.regions.map((_, k) => {
      const own = wrong.truth.filter((_own, i) => i % 3 === k);
      return Math.max(...[...new Set(own)].map((count) => own.filter((other) => other === count).length)) / 300;
    });
    expect(wrong.regions.map(({ chance }) => chance)).toEqual(modes);
    right.dispose();
    over.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('counts what is among the most probable', async () => {
    const model = CountingTransformer.create(SMALL, 3);
    const task = { length: 12, regions: 2 };
    const parts = await Promise.all([1, 3, 9].map((topK) => evaluateCounting(model, task, { sequences: 60, topK })));
    const shares = parts.map(({ all }) => all.topK);
    expect(shares[0]).toBe(parts[0]!.all.accuracy);
    expect(shares[1]).toBeGreaterThanOrEqual(shares[0]!);
    expect(shares[2]).toBe(1);
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(evaluateCounting(model, task, { signal })).rejects.toThrow('enough');
    tf.tidy(() => void model.trainableVariables()[0]!.assign(tf.fill([5, 8], NaN)));
    await expect(evaluateCounting(model, task)).rejects.toThrow(/logits of the model must be finite/);
    for (const bad of [{ sequences: 0 }, { batchSize: 0 }, { topK: 0 }]) {
      await expect(evaluateCounting(model, task, bad)).rejects.toThrow(RangeError);
    }
    model.dispose();
  });
});

describe('variantSweep', () => {
  it('foretells by the bias token what then is counted', async () => {
    await useBackend('onnx');
    const circuits = [
      ['start', 1],
      ['close', 4],
      ['zero', 28],
    ] as const;
    for (const [bias, trainedBias] of circuits) {
      const model = buildCountingCircuit(bias, { regions: 4, maxCount: 128, trainedBias });
      const task = { length: 64, regions: 4, start: bias === 'start' };
      const found = await variantSweep(model, task, { sequences: 400 });
      expect(found.map(({ name }) => name)[0]).toBe('in distribution');
      for (const { name, scores, predictedSlopes } of found) {
        scores.regions.forEach(({ slope }, k) => {
          // Zeros vary from sequence to sequence; the others do not.
          const tolerance = bias === 'zero' ? 0.3 : 0.02;
          expect(Math.abs(slope / predictedSlopes[k]! - 1), `${bias}, ${name}`).toBeLessThan(tolerance);
        });
        if (bias === 'start') expect(scores.all.accuracy).toBe(1);
      }
      model.dispose();
    }
  });
});
