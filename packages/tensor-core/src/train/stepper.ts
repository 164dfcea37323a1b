import type * as tf from '@tensorflow/tfjs';
import type { Key } from '../random';
import type { Scalars } from './scalars';

/** What a step of one's own is told. */
export interface StepContext {
  /** foldIn(key of the run, step): for all draws of this step. */
  key: Key;
  /** Steps done before this one. Not to be read in a compiled step, where it would stay what it was at first. */
  step: number;
}

/** A training step of one's own: loss, gradients and optimiser. Gives scalars to be logged; a lone one is the loss. */
export type StepFunction<B> = (batch: B, context: StepContext) => tf.Tensor | Record<string, tf.Tensor>;

/** What the loop needs of a training step. */
export interface Stepper<B extends tf.TensorContainer> {
  /**
   * One micro-batch.
   *
   * @param isLast  whether it is the last one of the step
   * @returns scalars, the caller's to dispose
   */
  run(batch: B, context: StepContext, isLast: boolean): Scalars[];
  dispose(): void;
}
