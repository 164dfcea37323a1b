// M examples, C outputs.
import * as tf from '@tensorflow/tfjs';
import { backend, check } from '@tfsci/tensor-core';

const { argumentMessage, ShapeError } = check;

/** Losses whose derivative by the last layer's z is prediction - target. */
export type LossName = 'softmaxCrossEntropy' | 'sigmoidCrossEntropy' | 'meanSquared';

/** The names that options may have. */
export const LOSS_NAMES: readonly LossName[] = ['softmaxCrossEntropy', 'sigmoidCrossEntropy', 'meanSquared'];

/** Prediction and losses of single examples from the last layer's z [M, C], targets [M, C]. */
const LOSSES: Record<
  LossName,
  { predict(z: tf.Tensor2D): tf.Tensor2D; value(z: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor }
> = {
  softmaxCrossEntropy: {
    predict: (z) => tf.softmax(z),
    value: (z, y) => tf.logSoftmax(z).mul(y).sum(1).neg(),
  },
  sigmoidCrossEntropy: {
    predict: (z) => z.sigmoid(),
    // log(1 + exp(z)) - z y, each output a question of its own.
    value: (z, y) => z.softplus().sub(z.mul(y)).sum(1),
  },
  meanSquared: {
    predict: (z) => z.clone(),
    value: (z, y) => z.sub(y).square().sum(1).mul(0.5),
  },
};

/** What the network says of inputs: probabilities, or the values themselves with 'meanSquared'. */
export function predictionOf(loss: LossName, z_MC: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => LOSSES[loss].predict(z_MC));
}

/** e_i = prediction - target, [M, C], of the sum of losses (not divided by M). */
export function errorOf(loss: LossName, z_MC: tf.Tensor2D, y_MC: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => LOSSES[loss].predict(z_MC).sub<tf.Tensor2D>(y_MC));
}

/** The losses of the examples, [M]. */
export function lossOf(loss: LossName, z_MC: tf.Tensor2D, y_MC: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => LOSSES[loss].value(z_MC, y_MC) as tf.Tensor1D);
}

/**
 * Targets as [M, C]: labels become one-hot rows.
 *
 * @param y  [M, C], or where C > 1 labels int32 [M], 0 .. C - 1
 * @throws ShapeError when y is neither, RangeError for a label outside; where values cannot be read (in compiled functions,
 *   on devices) the row of such a label is NaN, and so is its loss
 */
export function targetsOf(where: string, y: tf.Tensor, examples: number, outputs: number): tf.Tensor2D {
  if (y.rank === 1 && y.shape[0] === examples && y.dtype === 'int32' && outputs > 1) {
    return tf.tidy(() => oneHot(where, y, outputs));
  }
  if (y.rank === 2 && y.shape[0] === examples && y.shape[1] === outputs) return y.clone() as tf.Tensor2D;
  const shape = `have the shape [${examples}, ${outputs}]`;
  if (outputs === 1) throw new ShapeError(argumentMessage(where, 'y', shape, y, 'y.expandDims(1) adds an axis.'));
  const wanted = `${shape}, or be int32 labels [${examples}]`;
  throw new ShapeError(argumentMessage(where, 'y', wanted, y, 'Labels of dtype float32 need y.toInt().'));
}

/** Rows of tf.oneHot, which would have zeros for a label outside, and so train towards nothing. */
function oneHot(where: string, labels_M: tf.Tensor, outputs: number): tf.Tensor2D {
  const rows = tf.oneHot(labels_M as tf.Tensor1D, outputs).toFloat() as tf.Tensor2D;
  if (backend.readsAtOnce()) {
    const stray = labels_M.dataSync().find((label) => label < 0 || label >= outputs);
    if (stray === undefined) return rows;
    throw new RangeError(argumentMessage(where, 'y', `have labels from 0 to ${outputs - 1}`, stray));
  }
  const isInside = labels_M.greaterEqual(0).logicalAnd(labels_M.less(outputs));
  return rows.add(tf.where(isInside, tf.scalar(0), tf.scalar(NaN)).expandDims(1));
}
