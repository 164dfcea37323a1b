import * as tf from '@tensorflow/tfjs';
import { lrSweep, summarizeSweep, type SweepRun } from '@tfsci/momo';
import type { Experiment, Outcome, RunContext } from '../../experiment';
import { embeddedDigits, fingerprintOf, imagesFrom, type ImageData, type LabelledImages } from '../../image-data';
import { robustnessFigure } from './figures/robustness';
import { stepSizeFigure, type StepSeries } from './figures/step-sizes';
import { digitsChecks, relativeChecks, type RobustnessCurves } from './checks';
import { mlp } from './model';
import { planOf, STEP_RATES } from './plan';

/** What the plots of this experiment show. */
export interface RobustnessData extends RobustnessCurves {
  /** Step sizes of the first seed at a small, the recommended and a far too large rate. */
  steps: StepSeries[];
  epochs: number;
  batchSize: number;
}

function toTensors({ pixels, labels, count, size }: LabelledImages, classes: number, rowLimit: number) {
  const rows = Math.min(count, rowLimit);
  return tf.tidy(() => ({
    xs: tf.tensor2d(pixels.subarray(0, rows * size), [rows, size]),
    ys: tf.oneHot(tf.tensor1d(Int32Array.from(labels.subarray(0, rows)), 'int32'), classes).toFloat(),
  }));
}

async function run(context: RunContext): Promise<Outcome<RobustnessData>> {
  const images = context.dataDir === undefined ? await embeddedDigits() : await imagesFrom(context.dataDir);
  const plan = planOf(context.profile, context.dataDir === undefined);
  const data = {
    train: toTensors(images.train, images.classes, plan.rowLimit),
    test: toTensors(images.test, images.classes, plan.rowLimit),
  };
  try {
    const runs = await lrSweep({
      build: (seed) => mlp(seed, [images.train.size, 100, 100, images.classes]),
      data,
      loss: (ys, logits) => tf.losses.softmaxCrossEntropy(ys, logits),
      metrics: { accuracy: (ys, logits) => tf.equal(ys.argMax(1), logits.argMax(1)).toFloat().mean() },
      optimizers: plan.optimizers,
      learningRates: plan.learningRates,
      seeds: Array.from({ length: plan.seeds }, (_, i) => context.seed + i),
      epochs: plan.epochs,
      batchSize: plan.batchSize,
      compile: true,
      keepSteps: ({ optimizer, learningRate, seed }) =>
        seed === context.seed && (STEP_RATES[optimizer]?.includes(learningRate) ?? false),
      cache: {
        get: (id) => context.parts.get(id) as Promise<SweepRun | undefined>,
        set: (id, part) => context.parts.set(id, part),
      },
      signal: context.signal,
      onProgress: ({ done, total, optimizer, learningRate, seed, epoch, epochs }) =>
        context.onProgress({
          fraction: (done + epoch / epochs) / total,
          doing: `${optimizer}, lr ${learningRate}, seed ${seed}`,
        }),
    });
    const measured = {
      trainLoss: summarizeSweep(runs, 'train'),
      testAccuracy: summarizeSweep(runs, 'test', 'accuracy'),
      steps: runs.flatMap(({ optimizer, learningRate, steps }) => (steps ? [{ optimizer, learningRate, steps }] : [])),
      epochs: plan.epochs,
      batchSize: plan.batchSize,
    };
    const checks = context.dataDir === undefined ? digitsChecks(measured) : relativeChecks(measured);
    return { checks, data: measured, dataset: describe(images, data.train.xs.shape[0], data.test.xs.shape[0]) };
  } finally {
    tf.dispose([data.train.xs, data.train.ys, data.test.xs, data.test.ys]);
  }
}

function describe({ name }: ImageData, train: number, test: number): string {
  return `${name}: ${train} pictures to train, ${test} to test`;
}

/** MoMo and MoMo-Adam against SGD-M and Adam over many learning rates. */
export const momoRobustness: Experiment<RobustnessData> = {
  id: 'momo-robustness',
  paper: {
    title: 'MoMo: Momentum Models for Adaptive Learning Rates',
    authors: 'F. Schaipp, R. Ohana, M. Eickenberg, A. Defazio, R. M. Gower',
    year: 2024,
    arxiv: '2305.07583',
  },
  title: 'Momentum that needs no tuned learning rate',
  claim:
    'With learning rates 10 to 1000 times too large, where SGD with momentum and Adam are at chance, MoMo and MoMo-Adam still train.',
  protocol:
    'MLP with two hidden layers of 100 ReLU units, softmax cross-entropy, constant learning rate, no weight decay, ' +
    'SGD-M with momentum 0.9 as an average; digits: batch 64, 20 epochs; MNIST-like data: batch 128, 10 epochs ' +
    '(quick: at most 6000 rows). Means over 3 seeds (full: 5 seeds, half decades, and the variants with estimated bound).',
  fingerprint: async (dataDir) => fingerprintOf(await imagesFrom(dataDir)),
  run,
  figures: ({ data }) => Promise.all([robustnessFigure(data.trainLoss, data.testAccuracy), stepSizeFigure(data.steps)]),
};
