import type * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { StepLog } from './step-size';

/** A variable of the step with the gradient of the loss in it. */
export interface Parameter {
  variable: tf.Variable;
  gradient: tf.Tensor;
}

/** The averages that belong to one variable. */
export interface SavedSlot {
  shape: number[];
  /** d, averaged gradient. */
  d: Float32Array;
  /** v, averaged squared gradient; null without a preconditioner. */
  v: Float32Array | null;
}

/** Everything that a run needs to go on exactly: nothing of it lives elsewhere. */
export interface SavedState {
  /** k, steps taken. */
  step: number;
  /** fbar. */
  lossAvg: number;
  gamma: number;
  /** lb, moving with useFstar. */
  lowerBound: number;
  /** In the order in which the variables were first met. */
  slots: SavedSlot[];
}

/** The state and arithmetic of one optimiser, on the host or on the device. */
export interface StepEngine {
  /**
   * Takes one step. Gives its record; null when a non-finite batch was left out, or (on the device)
   * when the record is not `wanted` and reading it would only keep the device waiting.
   */
  step(
    parameters: Parameter[],
    loss: tf.Scalar,
    learningRate: number,
    wanted: boolean,
  ): StepLog | null | Promise<StepLog | null>;
  /** The record of the latest step where that was left unread, else null. */
  latest(): Promise<StepLog | null> | null;
  save(): Promise<SavedState>;
  dispose(): void;
}

/** Loss, gradient or weights of a step are not finite; the step was not taken. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';

  constructor(
    where: string,
    /** The step that could not be taken, from 1. */
    readonly step: number,
    what: string,
  ) {
    super(
      `${where}: ${what} must be finite, got a NaN or infinite value at step ${step}. ` +
        `The weights are as before the step; look at the batch, or set nonFinite: 'skip'.`,
    );
  }
}

/** Averages restored from a file must belong to the variables that are trained. @throws ShapeError */
export function assertSameShape(where: string, saved: number[], variable: string, shape: number[]): void {
  if (String(saved) === String(shape)) return;
  throw new check.ShapeError(
    `${where}: restored averages must have the shape of their variable ${variable} ([${shape.join(', ')}]), ` +
      `got [${saved.join(', ')}]. Restore the state of the same model.`,
  );
}
