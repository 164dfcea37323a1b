import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lrSweep, momo, momoAdam, SgdEmaOptimizer, summarizeSweep, type SweepModel, type SweepRun } from '../src';

// The benchmark on the digits: weights and shuffles of the golden file, so that the authors' runs can be followed.
const golden = loadGolden(new URL('./golden/digits.safetensors', import.meta.url));
const [TRAIN, FEATURES, CLASSES, EPOCHS] = [1437, 64, 10, 20];

/** First epoch, where rounding has not yet been amplified: relative. */
const FIRST_EPOCH_LOSS = 1e-3;
/** Later epochs agree only statistically: accuracy of 360 pictures, one of them counts 0.0028. */
const FINAL_ACCURACY = 0.03;

function mlp(seed: number): SweepModel {
  const variables = ['w0', 'b0', 'w1', 'b1', 'w2', 'b2'].map((name) => {
    const { data, shape } = golden.get(`seed${seed}/${name}`);
    return tf.tidy(() => tf.tensor(Float32Array.from(data), shape).variable());
  });
  const [w0, b0, w1, b1, w2, b2] = variables as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ];
  return {
    variables,
    forward: (x) => {
      const hidden = x.dot(w0).add(b0).relu().dot(w1).add(b1).relu();
      return hidden.dot(w2).add(b2);
    },
    dispose: () => tf.dispose(variables),
  };
}

describe('digits benchmark', () => {
  let data: { train: { xs: tf.Tensor; ys: tf.Tensor }; test: { xs: tf.Tensor; ys: tf.Tensor } };

  beforeAll(async () => {
    await useBackend('onnx');
    data = tf.tidy(() => {
      const xs = tf.tensor2d(Float32Array.from(golden.get('x').data), [1797, FEATURES]).div(16);
      const ys = tf.oneHot(tf.tensor1d(Int32Array.from(golden.get('labels').data), 'int32'), CLASSES).toFloat();
      const part = (start: number, size: number) => ({ xs: xs.slice(start, size), ys: ys.slice(start, size) });
      return { train: part(0, TRAIN), test: part(TRAIN, 360) };
    });
  });
  afterAll(() => tf.dispose(data));

  const sweep = (
    optimizers: Record<string, (learningRate: number) => tf.Optimizer>,
    rates: number[],
    epochs = EPOCHS,
  ) =>
    lrSweep({
      build: mlp,
      data,
      loss: (ys, logits) => tf.losses.softmaxCrossEntropy(ys, logits),
      metrics: { accuracy: (ys, logits) => tf.equal(ys.argMax(1), logits.argMax(1)).toFloat().mean() },
      optimizers,
      learningRates: rates,
      seeds: [0, 1, 2],
      epochs,
      shuffle: (seed, epoch) => golden.get(`seed${seed}/perms`).data.slice(epoch * TRAIN, (epoch + 1) * TRAIN),
      keepSteps: ({ seed }) => seed === 0,
      compile: true,
    });

  /** Columns of the golden curves [3, 20, 4]: train loss, train accuracy, test loss, test accuracy. */
  const curve = ({ optimizer, learningRate, seed }: SweepRun, epoch: number): number[] => {
    const { data: values } = golden.get(`${optimizer}/lr${learningRate}/curves`);
    return [...values.slice((seed * EPOCHS + epoch) * 4, (seed * EPOCHS + epoch + 1) * 4)];
  };

  function expectFirstEpoch(runs: SweepRun[]): void {
    for (const run of runs) {
      const { train, test } = run.epochs[0]!;
      const [trainLoss, , testLoss] = curve(run, 0);
      expect(train['loss']).toBeAllclose(trainLoss, { rtol: FIRST_EPOCH_LOSS });
      expect(test!['loss']).toBeAllclose(testLoss, { rtol: FIRST_EPOCH_LOSS });
    }
  }

  it('follows the first epoch of the authors where no huge rate amplifies rounding', async () => {
    expectFirstEpoch(await sweep({ momo: (lr) => momo({ learningRate: lr }) }, [0.01, 0.1, 1], 1));
    expectFirstEpoch(await sweep({ 'momo-adam': (lr) => momoAdam({ learningRate: lr }) }, [1e-4, 1e-3, 1e-2], 1));
    expectFirstEpoch(await sweep({ 'sgd-m': (lr) => new SgdEmaOptimizer({ learningRate: lr }) }, [0.01, 0.1], 1));
  });

  it('follows the step sizes of the authors through the first epoch', async () => {
    const rates = [1, 10];
    const runs = await sweep({ momo: (lr) => momo({ learningRate: lr }) }, rates, 1);
    for (const run of runs.filter(({ seed }) => seed === 0)) {
      const expected = golden.get(`momo/lr${run.learningRate}/seed0/tau`).data.slice(0, 10);
      expect(run.steps!.slice(0, 10).map((step) => step.stepSize)).toBeAllclose(expected, { rtol: 1e-3 });
    }
  });

  it('MoMo trains at lr 1, 10 and 100, where SGD-M is at chance from 10 on', async () => {
    const momoRuns = await sweep({ momo: (lr) => momo({ learningRate: lr }) }, [1, 10, 100]);
    expectAcceptance(momoRuns);
    const sgdRuns = await sweep({ 'sgd-m': (lr) => new SgdEmaOptimizer({ learningRate: lr }) }, [10, 100]);
    for (const { mean } of summarizeSweep(sgdRuns, 'test', 'accuracy')) expect(mean).toBeLessThan(0.15);
  });

  it('MoMo-Adam trains from lr 1e-2 to 100, where Adam is at chance from 1 on, and stops seeing the rate', async () => {
    const momoRuns = await sweep({ 'momo-adam': (lr) => momoAdam({ learningRate: lr }) }, [0.01, 0.1, 1, 10, 100]);
    expectAcceptance(momoRuns);
    const adamRuns = await sweep({ adam: (lr) => tf.train.adam(lr, 0.9, 0.999, 1e-8) }, [1, 10, 100]);
    for (const { mean } of summarizeSweep(adamRuns, 'test', 'accuracy')) expect(mean).toBeLessThan(0.15);

    // The cap never binds from 1 on: the very same numbers.
    const finals = (rate: number): unknown =>
      momoRuns.filter(({ learningRate }) => learningRate === rate).map(({ epochs }) => epochs);
    expect(finals(10)).toEqual(finals(1));
    expect(finals(100)).toEqual(finals(1));
  });

  function expectAcceptance(runs: SweepRun[]): void {
    for (const point of summarizeSweep(runs, 'test', 'accuracy')) {
      expect(point.mean, `accuracy at lr ${point.learningRate}`).toBeGreaterThanOrEqual(0.89);
      const same = runs.filter((run) => run.learningRate === point.learningRate);
      const reference = same.reduce((sum, run) => sum + curve(run, EPOCHS - 1)[3]! / same.length, 0);
      expect(Math.abs(point.mean! - reference), `accuracy at lr ${point.learningRate}`).toBeLessThan(FINAL_ACCURACY);
    }
    for (const point of summarizeSweep(runs, 'train')) {
      expect(point.mean, `train loss at lr ${point.learningRate}`).toBeLessThanOrEqual(0.02);
    }
  }
});
