import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';
import {
  lrSweep,
  momo,
  momoAdam,
  SgdEmaOptimizer,
  summarizeSweep,
  type SweepModel,
  type SweepPoint,
  type SweepRun,
} from '@tfsci/momo';
import type { Check, Experiment, Outcome, Profile, RunContext } from '../experiment';
import { embeddedDigits, imagesFrom, type ImageData, type LabelledImages } from '../image-data';
import { robustnessFigure } from '../plots/robustness';
import { stepSizeFigure, type StepSeries } from '../plots/step-sizes';

/** What the plots of this experiment show. */
export interface RobustnessData {
  trainLoss: SweepPoint[];
  testAccuracy: SweepPoint[];
  /** Step sizes of the first seed at a small, the recommended and a far too large rate. */
  steps: StepSeries[];
  epochs: number;
  batchSize: number;
}

const OPTIMIZERS: Record<string, (learningRate: number) => tf.Optimizer> = {
  'SGD-M': (lr) => new SgdEmaOptimizer({ learningRate: lr }),
  MoMo: (lr) => momo({ learningRate: lr }),
  Adam: (lr) => tf.train.adam(lr, 0.9, 0.999, 1e-8),
  'MoMo-Adam': (lr) => momoAdam({ learningRate: lr }),
};
const STARRED: typeof OPTIMIZERS = {
  'MoMo*': (lr) => momo({ learningRate: lr, useFstar: true }),
  'MoMo-Adam*': (lr) => momoAdam({ learningRate: lr, useFstar: true }),
};
const STEP_RATES: Record<string, number[]> = { MoMo: [0.1, 1, 10], 'MoMo-Adam': [0.001, 0.01, 1] };

/** Powers of ten from 10^from to 10^to, with `perDecade` values in each decade. */
function decades(from: number, to: number, perDecade: number): number[] {
  return Array.from({ length: (to - from) * perDecade + 1 }, (_, i) =>
    Number((10 ** (from + i / perDecade)).toPrecision(3)),
  );
}

function planOf(profile: Profile, embedded: boolean) {
  const full = profile === 'full';
  const perDecade = full ? 2 : 1;
  const [momentum, adam] = [decades(-3, 2, perDecade), decades(-4, 2, perDecade)];
  const optimizers = full ? { ...OPTIMIZERS, ...STARRED } : OPTIMIZERS;
  const learningRates = Object.fromEntries(
    Object.keys(optimizers).map((name) => [name, name.includes('Adam') ? adam : momentum]),
  );
  const size = embedded ? { epochs: 20, batchSize: 64 } : { epochs: 10, batchSize: 128 };
  return { optimizers, learningRates, seeds: full ? 5 : 3, rowLimit: full || embedded ? Infinity : 6000, ...size };
}

/** MLP input-100-100-classes with ReLU, weights and biases U(-1/sqrt(fan_in), 1/sqrt(fan_in)). */
function mlp(seed: number, sizes: readonly number[]): SweepModel {
  const keys = random.split(random.foldIn(random.key(seed), 1), 2 * (sizes.length - 1));
  const variables = sizes.slice(1).flatMap((units, layer) => {
    const fanIn = sizes[layer]!;
    const bound = 1 / Math.sqrt(fanIn);
    return [[fanIn, units], [units]].map((shape, i) =>
      tf.tidy(() => random.uniform(keys[2 * layer + i]!, shape, { low: -bound, high: bound }).variable()),
    );
  });
  const last = variables.length - 2;
  return {
    variables,
    forward(x) {
      let h = x as tf.Tensor2D;
      for (let i = 0; i < last; i += 2)
        h = h
          .matMul(variables[i] as unknown as tf.Tensor2D)
          .add<tf.Tensor2D>(variables[i + 1]!)
          .relu();
      return h.matMul(variables[last] as unknown as tf.Tensor2D).add(variables[last + 1]!);
    },
    dispose: () => tf.dispose(variables),
  };
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

const SOURCE = 'the authors’ PyTorch code on the same protocol, 3 seeds';
/** Mean train loss and accuracy of that code after epoch 20. */
const REFERENCE: [optimizer: string, rate: number, loss: number, accuracy: number][] = [
  ['SGD-M', 10, 2.347, 0.102],
  ['SGD-M', 100, 3.889, 0.099],
  ['MoMo', 1, 0.0098, 0.913],
  ['MoMo', 10, 0.0074, 0.907],
  ['MoMo', 100, 0.0104, 0.911],
  ['Adam', 1, 2.343, 0.098],
  ['Adam', 10, 2.819, 0.1],
  ['Adam', 100, 70.5, 0.103],
  ['MoMo-Adam', 0.01, 0.0039, 0.908],
  ['MoMo-Adam', 0.1, 0.0033, 0.903],
  ['MoMo-Adam', 1, 0.0044, 0.91],
  ['MoMo-Adam', 10, 0.0044, 0.91],
  ['MoMo-Adam', 100, 0.0044, 0.91],
];

function digitsChecks({ trainLoss, testAccuracy }: RobustnessData): Check[] {
  const at = (points: SweepPoint[], optimizer: string, rate: number): number | null =>
    points.find((point) => point.optimizer === optimizer && point.learningRate === rate)!.mean;
  const checks = REFERENCE.map(([optimizer, rate, loss, accuracy]): Check => {
    const adaptive = optimizer.startsWith('MoMo');
    const found = { loss: at(trainLoss, optimizer, rate), accuracy: at(testAccuracy, optimizer, rate) };
    const trains = (found.accuracy ?? 0) >= 0.89 && (found.loss ?? Infinity) <= 0.02;
    const fails = (found.accuracy ?? 0) < 0.15;
    return {
      claim: `${optimizer}, learning rate ${rate}: ${adaptive ? 'still trains' : 'at chance'}`,
      expected: adaptive
        ? `accuracy ≥ 0.89 (theirs ${accuracy.toFixed(3)}), train loss ≤ 0.02 (${loss})`
        : `accuracy < 0.15 (theirs ${accuracy.toFixed(3)})`,
      source: SOURCE,
      measured: `accuracy ${formatted(found.accuracy, 3)}, train loss ${formatted(found.loss, 4)}`,
      holds: adaptive ? trains : fails,
    };
  });
  const same = [1, 10, 100].map((rate) =>
    JSON.stringify([trainLoss, testAccuracy].map((points) => at(points, 'MoMo-Adam', rate))),
  );
  checks.push({
    claim: 'MoMo-Adam, learning rates 1, 10 and 100: the cap never binds',
    expected: 'the same numbers, to the last digit',
    source: SOURCE,
    measured: same.every((value) => value === same[0]) ? 'the same numbers' : 'different numbers',
    holds: same.every((value) => value === same[0]),
  });
  return checks;
}

/** For data without reference numbers: the paper's claim as a comparison of the methods on these data. */
function relativeChecks({ testAccuracy }: RobustnessData): Check[] {
  const of = (optimizer: string): SweepPoint[] => testAccuracy.filter((point) => point.optimizer === optimizer);
  const best = (optimizer: string): number => Math.max(...of(optimizer).map((point) => point.mean ?? 0));
  return [
    ['MoMo', 'SGD-M', 1],
    ['MoMo-Adam', 'Adam', 0.1],
  ].map(([adaptive, base, from]) => {
    const least = (optimizer: string): number =>
      Math.min(
        ...of(optimizer)
          .filter((point) => point.learningRate >= Number(from))
          .map((point) => point.mean ?? 0),
      );
    const [ours, theirs, reached] = [least(String(adaptive)), least(String(base)), best(String(base))];
    return {
      claim: `${adaptive} at learning rates from ${from} up stays near the best ${base} of all rates; ${base} does not`,
      expected: `${adaptive} ≥ ${(reached - 0.05).toFixed(3)}, ${base} below half of its best`,
      source: 'arXiv:2305.07583, section 5 (in words; no reference numbers for these data)',
      measured: `least accuracy: ${adaptive} ${ours.toFixed(3)}, ${base} ${theirs.toFixed(3)}; best ${base} ${reached.toFixed(3)}`,
      holds: ours >= reached - 0.05 && theirs < reached / 2,
    };
  });
}

function formatted(value: number | null, digits: number): string {
  return value === null ? 'not finite' : value.toFixed(digits);
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
  run,
  figures: ({ data }) => [robustnessFigure(data.trainLoss, data.testAccuracy), stepSizeFigure(data.steps)],
};
