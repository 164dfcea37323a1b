import * as tf from '@tensorflow/tfjs';

/** What an optimiser tells its base about itself. */
export interface OptimizerSpec<Name extends string, Scalar extends string> {
  className: string;
  /** The default. */
  learningRate: number;
  /** The default. */
  weightDecay: number;
  /** Tensors of its state for each variable, which start from 0. */
  slots: readonly Name[];
  /** Numbers of its state, with what they start from. */
  scalars: Readonly<Record<Scalar, number>>;
}

/** One variable in a step. */
export interface Row<Name extends string> {
  variable: tf.Variable;
  gradient: tf.Tensor;
  state: Record<Name, tf.Variable>;
}

/** Variables for which the same numbers hold. */
export interface Batch<Name extends string> {
  /** k, this step's number among those of these variables, from 1; []. */
  step: tf.Tensor;
  /** Learning rate, []. */
  rate: tf.Tensor;
  /** Weight decay, []; null where there is none. */
  decay: tf.Tensor | null;
  rows: Row<Name>[];
}

/** Gives a variable its new value, unless the step is refused. */
export type Commit = (variable: tf.Variable, value: tf.Tensor) => void;

/** 1 - beta^k, []. In float32 the plain form loses all but three digits at beta = 0.999, k = 1. */
export function oneMinusPower(beta: number, step: tf.Tensor): tf.Tensor {
  return beta === 0 ? tf.onesLike(step) : step.mul(Math.log(beta)).expm1().neg();
}

/** 0 at the first step of these variables, then 1. */
export function afterFirst(step: tf.Tensor): tf.Tensor {
  return step.greater(1).toFloat();
}

/** 1 - rate decay, by which decoupled weight decay multiplies; null where there is none. */
export function shrinkage(rate: tf.Tensor, decay: tf.Tensor | null): tf.Tensor | null {
  return decay && tf.scalar(1).sub(rate.mul(decay));
}
