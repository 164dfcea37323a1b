import type * as tf from '@tensorflow/tfjs';

/** A moving average of weights, as `optim.WeightEma` is one. */
export interface WeightAverage {
  /** Takes the present weights into account; called at the end of the compiled step. */
  update(): void;
  /** Its whole state as named tensors, the caller's, always in the same order. */
  getWeights(): Promise<{ name: string; tensor: tf.Tensor }[]>;
  /** Sets its state to what `getWeights` gave; the tensors stay the caller's. */
  setWeights(weights: { name: string; tensor: tf.Tensor }[]): Promise<void>;
  /** Puts the averages in the place of the weights, until `restore`. */
  apply(): void;
  restore(): void;
}
