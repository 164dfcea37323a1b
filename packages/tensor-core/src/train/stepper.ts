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

/** What a step gives to be logged: scalars by name; a lone one is the loss. */
export type StepValues = tf.Tensor | Record<string, tf.Tensor>;

/**
 * A training step of one's own: loss, gradients and optimiser.
 *
 * What it makes is disposed when it returns, its scalars when they have been logged. One that is not compiled may return a
 * promise; such a step disposes itself what it has made, and its scalars pass to the loop.
 */
export type StepFunction<B> = (batch: B, context: StepContext) => StepValues | Promise<StepValues>;

/** What the loop needs of a training step. */
export interface Stepper<B extends tf.TensorContainer> {
  /**
   * One micro-batch.
   *
   * @param isLast  whether it is the last one of the step
   * @returns scalars, the caller's to dispose
   */
  run(batch: B, context: StepContext, isLast: boolean): Scalars[] | Promise<Scalars[]>;
  dispose(): void;
}
