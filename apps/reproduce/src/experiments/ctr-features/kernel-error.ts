import { expectedError, measuredError } from '@tfsci/ctr-features';
import type { random } from '@tfsci/tensor-core';
import { METHODS } from './methods';
import type { Points, Preparation } from './points';

/** Error of one method at one degree: |K_hat - K| / |K| in the Frobenius norm. */
export interface KernelError {
  preparation: Preparation;
  method: string;
  degree: number;
  /** Over the draws. */
  mean: number;
  std: number;
  /** Root mean square over the draws: what the closed form predicts. */
  rms: number;
  /** By the closed-form variance. */
  predicted: number;
}

/** What is measured. */
export interface KernelErrorCase {
  preparation: Preparation;
  method: string;
  degree: number;
  features: number;
  draws: number;
  key: random.Key;
  signal: AbortSignal;
}

/** Measures one method at one degree. */
export async function kernelError(points: Points, measured: KernelErrorCase): Promise<KernelError> {
  const { preparation, method, degree, features, draws, key, signal } = measured;
  const map = METHODS[method]!({ inputDim: points.dim, features, degree, key });
  const rows = { data: points.data, shape: [points.count, points.dim] };
  const { relativeFrobenius: rms, draws: errors } = await measuredError(map, rows, { draws, key, signal });
  const mean = errors.reduce((sum, error) => sum + error, 0) / draws;
  const std = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / (draws - 1));
  const predicted = expectedError(map, rows).relativeFrobenius;
  map.dispose();
  return { preparation, method, degree, mean, std, rms, predicted };
}
