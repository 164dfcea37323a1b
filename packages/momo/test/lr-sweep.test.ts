import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  lrSweep,
  momo,
  SgdEmaOptimizer,
  summarizeSweep,
  type LrSweepOptions,
  type SweepModel,
  type SweepProgress,
  type SweepRun,
} from '../src';

/** A line through 12 points; its weights start from the seed. */
function lineProblem(): LrSweepOptions & { data: { train: { xs: tf.Tensor; ys: tf.Tensor } } } {
  const train = tf.tidy(() => {
    const xs = tf.linspace(-1, 1, 12).reshape([12, 1]);
    return { xs, ys: xs.mul(3).add(1) };
  });
  return {
    build: (seed) => {
      const w = tf.tidy(() => tf.tensor2d([[seed * 0.1]]).variable());
      const b = tf.tidy(() => tf.scalar(0).variable());
      return {
        variables: [w, b],
        forward: (x) => x.matMul(w as tf.Tensor2D).add(b),
        dispose: () => tf.dispose([w, b]),
      };
    },
    data: { train, test: train },
    loss: (ys, p) => tf.losses.meanSquaredError(ys, p),
    metrics: { error: (ys, p) => ys.sub(p).abs().mean() },
    optimizers: {
      MoMo: (lr) => momo({ learningRate: lr }),
      'SGD-M': (lr) => new SgdEmaOptimizer({ learningRate: lr }),
    },
    learningRates: [0.1, 1e6],
    seeds: [1, 2],
    epochs: 3,
    batchSize: 5,
  };
}

describe.each(backendsUnderTest())('lrSweep on %s', (backend) => {
  let problem: ReturnType<typeof lineProblem>;
  beforeAll(async () => {
    await useBackend(backend);
    problem = lineProblem();
  });
  afterAll(() => tf.dispose([problem.data.train.xs, problem.data.train.ys]));

  it('gives each optimiser, rate and seed once, in order, and repeats itself exactly', async () => {
    const runs = await lrSweep(problem);
    expect(runs.map((r) => [r.optimizer, r.learningRate, r.seed])).toEqual(
      ['MoMo', 'SGD-M'].flatMap((o) => [0.1, 1e6].flatMap((lr) => [1, 2].map((seed) => [o, lr, seed]))),
    );
    expect(await lrSweep(problem)).toEqual(runs);
    expect(Object.keys(runs[0]!.epochs[0]!.test!)).toEqual(['loss', 'error']);
  });

  it('leaks nothing', async () => {
    await expect(() => lrSweep({ ...problem, keepSteps: () => true }).then(() => undefined)).toLeakNothing();
  });

  it('marks runs that diverge, ends them early, and gives null for what is not finite', async () => {
    const runs = await lrSweep({ ...problem, learningRates: { MoMo: [1e6], 'SGD-M': [1e30] } });
    const [momoRuns, sgdRuns] = [runs.slice(0, 2), runs.slice(2)];
    expect(momoRuns.every((run) => !run.diverged && run.epochs.length === 3)).toBe(true);
    expect(sgdRuns.every((run) => run.diverged && run.epochs.at(-1)!.train['loss'] === null)).toBe(true);
    expect(JSON.parse(JSON.stringify(runs))).toEqual(runs);
    expect(summarizeSweep(runs, 'train').map((p) => [p.optimizer, p.mean === null, p.diverged])).toEqual([
      ['MoMo', false, 0],
      ['SGD-M', true, 2],
    ]);
  });

  it('keeps t1, tau and the cap of each step when asked', async () => {
    const runs = await lrSweep({ ...problem, keepSteps: ({ seed }) => seed === 1 });
    // Three batches (5, 5, 2) an epoch.
    expect(runs[0]!.steps).toHaveLength(9);
    for (const { adaptiveStep, stepSize, userStep } of runs[0]!.steps!) {
      expect(stepSize).toBe(Math.min(adaptiveStep, userStep));
    }
    expect(runs[1]!.steps).toBeUndefined();
    expect(runs.at(-1)!.steps).toBeUndefined();
  });

  it('gives the same runs with compiled steps', async () => {
    const plan = { ...problem, learningRates: [0.1], keepSteps: () => true };
    const plain = await lrSweep(plan);
    const compiled = await lrSweep({ ...plan, compile: true });
    const numbers = (runs: SweepRun[]): number[] =>
      runs.flatMap(({ epochs, steps = [] }) => [
        ...epochs.flatMap(({ train, test }) => [train['loss']!, test!['error']!]),
        ...steps.map(({ stepSize }) => stepSize),
      ]);
    expect(numbers(compiled)).toHaveLength(numbers(plain).length);
    expect(numbers(compiled)).toBeAllclose(numbers(plain), { rtol: 1e-5, atol: 1e-6 });
  });

  it('leaks nothing with compiled steps', async () => {
    await expect(() => lrSweep({ ...problem, compile: true }).then(() => undefined)).toLeakNothing();
  });

  it('stops at a signal and goes on from its cache to the same runs', async () => {
    const whole = await lrSweep(problem);
    const store = new Map<string, SweepRun>();
    const cache = {
      get: (id: string) => Promise.resolve(store.get(id)),
      set: (id: string, run: SweepRun) => Promise.resolve(void store.set(id, run)),
    };
    const controller = new AbortController();
    const seen: SweepProgress[] = [];
    const onProgress = (progress: SweepProgress): void => {
      seen.push(progress);
      if (seen.length === 8) controller.abort(new Error('enough'));
    };
    const before = tf.memory().numTensors;
    await expect(lrSweep({ ...problem, cache, onProgress, signal: controller.signal })).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
    expect(store.size).toBe(2);
    const rest: SweepProgress[] = [];
    expect(await lrSweep({ ...problem, cache, onProgress: (p) => rest.push(p) })).toEqual(whole);
    expect(rest[0]).toMatchObject({ done: 2, total: 8, epoch: 1, epochs: 3 });
    expect(rest).toHaveLength(whole.slice(2).reduce((sum, run) => sum + run.epochs.length, 0));
  });

  it('shuffles each epoch of each seed in its own order, every row once', async () => {
    const orders: number[][] = [];
    const build: LrSweepOptions['build'] = (seed) => {
      const model = problem.build(seed) as SweepModel;
      return {
        ...model,
        forward(xs, training) {
          if (training) orders.at(-1)!.push(...xs.dataSync());
          return model.forward(xs, training);
        },
      };
    };
    // Progress comes after each epoch: what was trained on until then is one order.
    orders.push([]);
    await lrSweep({ ...problem, build, learningRates: [0.01], onProgress: () => void orders.push([]) });
    const rows = [...problem.data.train.xs.dataSync()].sort((a, b) => a - b);
    const epochs = orders.slice(0, -1);
    expect(epochs).toHaveLength(2 * 2 * 3);
    for (const order of epochs) expect([...order].sort((a, b) => a - b)).toEqual(rows);
    // Two optimisers see the same six orders, of two seeds and three epochs, which all differ.
    expect(epochs.slice(6)).toEqual(epochs.slice(0, 6));
    expect(new Set(epochs.map(String)).size).toBe(6);
  });

  it('takes a tf.LayersModel', async () => {
    const build = (): tf.LayersModel => {
      const dense = tf.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'zeros' });
      return tf.sequential({ layers: [dense] });
    };
    const [run] = await lrSweep({
      ...problem,
      build,
      optimizers: { MoMo: () => momo() },
      learningRates: [1],
      seeds: [0],
      epochs: 30,
    });
    expect(run!.epochs.at(-1)!.train['loss']).toBeLessThan(0.05);
  });

  it('names the option it refuses', async () => {
    await expect(lrSweep({ ...problem, epochs: 0 })).rejects.toThrow(
      'momo.lrSweep: epochs must be an integer >= 1, got 0.',
    );
    await expect(lrSweep({ ...problem, batchSize: 1.5 })).rejects.toThrow('batchSize');
    await expect(lrSweep({ ...problem, seeds: [] })).rejects.toThrow('seeds must not be empty');
    await expect(lrSweep({ ...problem, learningRates: { MoMo: [1] } })).rejects.toThrow(
      'learningRates of SGD-M must not be empty',
    );
    await expect(lrSweep({ ...problem, learningRates: [-1] })).rejects.toThrow(
      'a learning rate of MoMo must be a finite number >= 0',
    );
    const ys = tf.zeros([11, 1]);
    const data = { train: { xs: problem.data.train.xs, ys } };
    await expect(lrSweep({ ...problem, data })).rejects.toThrow(
      'must have the same number of rows, at least one, got [12, 1] and [11, 1]',
    );
    ys.dispose();
    const runs = await lrSweep({ ...problem, seeds: [1], epochs: 1 });
    expect(() => summarizeSweep(runs, 'test', 'f1')).toThrow(
      'momo.summarizeSweep: score must be one that the runs have for test, got "f1".',
    );
  });
});

describe('summarizeSweep', () => {
  const run = (learningRate: number, seed: number, loss: number | null): SweepRun => ({
    optimizer: 'MoMo',
    learningRate,
    seed,
    epochs: [{ train: { loss: 99 } }, { train: { loss } }],
    diverged: loss === null,
  });

  it('gives mean and range of the last epoch, and null where any seed is not finite', () => {
    const runs = [run(1, 0, 2), run(1, 1, 4), run(1, 2, 9), run(10, 0, 2), run(10, 1, null)];
    expect(summarizeSweep(runs, 'train')).toEqual([
      { optimizer: 'MoMo', learningRate: 1, mean: 5, min: 2, max: 9, seeds: 3, diverged: 0 },
      { optimizer: 'MoMo', learningRate: 10, mean: null, min: null, max: null, seeds: 2, diverged: 1 },
    ]);
  });
});
