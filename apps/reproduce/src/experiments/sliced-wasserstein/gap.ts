import * as tf from '@tensorflow/tfjs';
import {
  fitAdaptiveSlices,
  maxSlicedWasserstein,
  slicedWasserstein,
  type SliceOptions,
} from '@tfsci/sliced-wasserstein';
import { random } from '@tfsci/tensor-core';
import { gaussianLaw, sampleOf, standardLaw } from './clouds';
import { average } from './sample-size';

export const METHODS = ['uniform', 'PAC-SW', 'DSW', 'max-SW'] as const;
export type Method = (typeof METHODS)[number];

/** SW_2 with slices learned on one pair of samples, there and on a fresh pair; means over the runs. */
export interface Gap {
  dim: number;
  /** Shift of every coordinate between two laws of random covariance; 0 for N(0, I) on both sides. */
  gamma: number;
  /** Points of each training sample. */
  n: number;
  method: Method;
  train: number;
  test: number;
  /** Standard deviations of a run. */
  trainStd: number;
  testStd: number;
}

export interface GapOptions {
  dim: number;
  gamma: number;
  n: number;
  /** Points of each test sample. */
  testSize: number;
  runs: number;
  /** Slices an iteration of learning. */
  slices: number;
  iterations: number;
  /** Slices of the values that are reported. */
  finalSlices: number;
  key: random.Key;
  signal: AbortSignal;
}

/** All methods on the same samples. */
export async function gapOf(options: GapOptions): Promise<Gap[]> {
  const { dim, gamma, n, testSize, runs, key } = options;
  const values = Object.fromEntries(METHODS.map((method) => [method, { train: [] as number[], test: [] as number[] }]));
  for (let run = 0; run < runs; run++) {
    const [ofLaw, ofSamples, ofFit, ofTrain, ofTest] = random.split(random.foldIn(key, run), 5) as [
      random.Key,
      ...random.Key[],
    ];
    const law = gamma === 0 ? standardLaw(dim) : gaussianLaw(dim, ofLaw);
    const keys = random.split(ofSamples!, 4);
    const clouds = [n, n, testSize, testSize].map((size, i) =>
      sampleOf({ ...law, shift: i % 2 === 0 ? 0 : gamma }, size, keys[i]!),
    ) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    try {
      for (const method of METHODS) {
        const { slices, dispose } = await learned(method, clouds[0], clouds[1], { ...options, key: ofFit! });
        values[method]!.train.push(await valueOf(clouds[0], clouds[1], slices, ofTrain!));
        values[method]!.test.push(await valueOf(clouds[2], clouds[3], slices, ofTest!));
        dispose();
      }
    } finally {
      tf.dispose(clouds);
    }
  }
  return METHODS.map((method) => {
    const { train, test } = values[method]!;
    return {
      dim,
      gamma,
      n,
      method,
      train: average(train),
      test: average(test),
      trainStd: deviation(train),
      testStd: deviation(test),
    };
  });
}

async function valueOf(x: tf.Tensor2D, y: tf.Tensor2D, slices: SliceOptions, key: random.Key): Promise<number> {
  const value = slicedWasserstein(x, y, { ...slices, key });
  const [number] = await value.data();
  value.dispose();
  return number!;
}

interface Learned {
  slices: SliceOptions;
  dispose: () => void;
}

async function learned(method: Method, x: tf.Tensor2D, y: tf.Tensor2D, options: GapOptions): Promise<Learned> {
  const { slices, iterations, finalSlices, key, signal } = options;
  const nothing = (): void => undefined;
  if (method === 'uniform') return { slices: { slices: finalSlices }, dispose: nothing };
  if (method === 'max-SW') {
    const { theta } = await maxSlicedWasserstein(x, y, { key, signal });
    return { slices: { slices: [theta] }, dispose: nothing };
  }
  const learning = { slices, iterations, key, signal };
  if (method === 'PAC-SW') {
    const { distribution } = await fitAdaptiveSlices(x, y, learning);
    return { slices: { slices: finalSlices, sampler: distribution }, dispose: nothing };
  }
  const { distribution } = await fitAdaptiveSlices(x, y, { ...learning, family: 'network', objective: 'dsw' });
  return { slices: { slices: finalSlices, sampler: distribution }, dispose: () => distribution.dispose() };
}

function deviation(values: readonly number[]): number {
  const mean = average(values);
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / Math.max(1, values.length - 1));
}
