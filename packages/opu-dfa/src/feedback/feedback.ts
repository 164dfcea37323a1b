// M examples, C outputs of the network, N units of a hidden layer.
import type * as tf from '@tensorflow/tfjs';
import type { random } from '@tfsci/tensor-core';

/** How the error at the output comes to the hidden layers: fixed random projections, in memory or done by light. */
export interface Feedback {
  /** C, the outputs of the network whose error is sent. */
  readonly outputs: number;
  /** Whether `signals` consists of tensor operations alone, so that it can be part of a compiled step. */
  readonly compiles: boolean;
  /** Whether errors have to be ternary codes, as mirrors show them: the mode 'dfa' is refused then. Default false. */
  readonly ternaryOnly?: boolean;
  /** What random numbers do not give again: variables for checkpoints, by name. */
  readonly variables: Readonly<Record<string, tf.Variable>>;
  /**
   * Projects errors.
   *
   * @param e_MC    errors, or their ternary codes
   * @param widths  N of each hidden layer; for a layer of images all their pixels and channels
   * @param key     for noise of the projection itself
   * @returns for each hidden layer [M, N]; the caller's. A promise only where `compiles` is false
   */
  signals(e_MC: tf.Tensor2D, widths: readonly number[], key: random.Key): tf.Tensor2D[] | Promise<tf.Tensor2D[]>;
  dispose(): void;
}
