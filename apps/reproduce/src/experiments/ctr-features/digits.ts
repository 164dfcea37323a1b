import { KernelRidge, RidgeOnFeatures } from '@tfsci/ctr-features';
import type { random } from '@tfsci/tensor-core';
import { KERNEL, METHODS } from './methods';
import { someOf, take, type Points } from './points';

/** Test error of ridge regression on features of one kind, or with the exact kernel. */
export interface DigitsError {
  /** 'exact' for kernel ridge regression. */
  method: string;
  degree: number;
  /** 0 for the exact kernel. */
  features: number;
  /** Share of the test points that are given a wrong class; mean over the draws. */
  mean: number;
  std: number;
}

/** Points to train and to test with. */
export interface Split {
  train: Points;
  test: Points;
}

/** lambda of (Phi^T Phi + lambda 1), and what each target is reduced by: the protocol of the reference. */
const LAMBDA = 0.1;
const OFFSET = 0.1;

/** Random points to train and to test, apart from one another: so many, of fewer points the same shares. */
export function splitOf(points: Points, train: number, test: number, key: random.Key): Split {
  const chosen = someOf(points, train + test, key);
  const border = Math.floor((chosen.count * train) / (train + test));
  const rows = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from }, (_, i) => from + i);
  return { train: take(chosen, rows(0, border)), test: take(chosen, rows(border, chosen.count)) };
}

/** The error of one method at one degree and number of features. */
export async function digitsError(
  { train, test }: Split,
  { method, degree, features, keys }: { method: string; degree: number; features: number; keys: random.Key[] },
): Promise<DigitsError> {
  const targets = oneHot(train);
  const errors: number[] = [];
  for (const key of keys) {
    const map = METHODS[method]!({ inputDim: train.dim, features, degree, key });
    const model = new RidgeOnFeatures({ map, lambda: LAMBDA, intercept: false });
    await model.fit(rowsOf(train), targets);
    errors.push(wrong(await model.predict(rowsOf(test)), test));
    model.dispose();
    map.dispose();
  }
  const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
  const spread = errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / Math.max(1, errors.length - 1);
  return { method, degree, features, mean, std: Math.sqrt(spread) };
}

/** The error of kernel ridge regression with the exact kernel. */
export async function exactError({ train, test }: Split, degree: number): Promise<DigitsError> {
  const model = new KernelRidge({ kernel: { ...KERNEL, degree }, lambda: LAMBDA });
  await model.fit(rowsOf(train), oneHot(train));
  const mean = wrong(await model.predict(rowsOf(test)), test);
  return { method: 'exact', degree, features: 0, mean, std: 0 };
}

interface Matrix {
  data: ArrayLike<number>;
  shape: [number, number];
}

function rowsOf({ data, count, dim }: Points): { data: Float32Array; shape: [number, number] } {
  return { data, shape: [count, dim] };
}

function oneHot({ labels, count }: Points): { data: Float32Array; shape: [number, number] } {
  const classes = Math.max(...labels) + 1;
  const data = new Float32Array(count * classes).fill(-OFFSET);
  labels.forEach((label, i) => (data[i * classes + label]! += 1));
  return { data, shape: [count, classes] };
}

function wrong({ data, shape: [count, classes] }: Matrix, { labels }: Points): number {
  let mistakes = 0;
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if (data[i * classes + c]! > data[i * classes + best]!) best = c;
    if (best !== labels[i]) mistakes++;
  }
  return mistakes / count;
}
