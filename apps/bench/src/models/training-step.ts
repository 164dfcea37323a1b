import type * as tf from '@tensorflow/tfjs';
import { jit } from '@tfsci/tensor-core';
import type { Computation } from '../workload';
import type { Parameters } from './parameters';

/**
 * Loss, gradients and update as one function, compiled as a whole on a backend that can.
 *
 * @param batch  what the loss takes, the same at every step
 */
export function trainingStep<Batch extends tf.Tensor[]>(
  parameters: Parameters,
  optimizer: tf.Optimizer,
  loss: (...batch: Batch) => tf.Scalar,
  batch: Batch,
): Computation {
  const step = jit((...inputs: Batch) => optimizer.minimize(() => loss(...inputs), true, parameters.variables)!);
  return { step: () => step(...batch) };
}
