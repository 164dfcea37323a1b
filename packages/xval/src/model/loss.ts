// B batch, L tokens, K positions that are looked at, V vocabulary.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { NumformerOutput } from './numformer';

const { argumentMessage, checkNumber, checkOneOf, checkShape } = check;

/** The label of a position that no loss looks at. */
export const IGNORED = -100;

/** Options of `numformerLoss`. */
export interface LossOptions {
  /** Id of [NUM]; null for a model of tokens alone. */
  numberId: number | null;
  /** How much the loss of numbers counts beside that of tokens, default 1. */
  numberWeight?: number;
  /** 'squared' (default), or 'huber': d^2 / 2 up to |d| = huberDelta and linear beyond. */
  numberLoss?: 'squared' | 'huber';
  /** Default 1, in scaled units. */
  huberDelta?: number;
}

/** Scalars. */
export interface NumformerLoss {
  /** tokens + numberWeight numbers. */
  loss: tf.Scalar;
  /** Mean cross-entropy of the labelled positions, `loss_mlm` of the reference. */
  tokens: tf.Scalar;
  /** Mean loss of the labelled positions whose label is [NUM], `loss_num` of the reference. */
  numbers: tf.Scalar;
}

/**
 * The loss of a Numformer: cross-entropy of tokens and squared error of numbers, each a mean over what is labelled.
 *
 *   mean_{t: y_t != -100} CE(logits_t, y_t) + w mean_{t: y_t = [NUM]} (nu_t - yNum_t)^2
 *
 * @param output   what the model says, at all positions or at those that have labels
 * @param y        int32 [B, L] or [K], true ids; -100 where none is asked for
 * @param yNumbers float32 of the same shape, true values in scaled units; only those at [NUM] count
 * @throws ShapeError, RangeError for bad arguments
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @remarks Where nothing is labelled the reference gives NaN, this 0.
 */
export function numformerLoss(
  { logits, numbers }: NumformerOutput,
  y: tf.Tensor,
  yNumbers: tf.Tensor,
  { numberId, numberWeight = 1, numberLoss = 'squared', huberDelta = 1 }: LossOptions,
): NumformerLoss {
  const where = 'xval.numformerLoss';
  checkNumber(where, 'numberWeight', numberWeight, { min: 0 });
  checkNumber(where, 'huberDelta', huberDelta, { above: 0 });
  checkOneOf(where, 'numberLoss', numberLoss, ['squared', 'huber']);
  checkShape(where, 'y', y, logits.shape.slice(0, -1));
  checkShape(where, 'yNumbers', yNumbers, y.shape);
  if ((numbers === null) !== (numberId === null)) {
    throw new TypeError(argumentMessage(where, 'numberId', 'be null for a model of tokens alone', numberId));
  }
  return tf.tidy(() => {
    const labels = y.flatten();
    const [count, vocabulary] = [labels.size, logits.shape.at(-1)!];
    const isLabelled = labels.notEqual(tf.scalar(IGNORED, 'int32'));
    const chosen = tf.where<tf.Tensor1D>(isLabelled, labels, tf.zerosLike(labels));
    const oneHot = tf.oneHot(chosen, vocabulary).toFloat();
    const scores = logits.reshape([count, vocabulary]);
    const tokens = meanWhere(isLabelled, scores.logSumExp(-1).sub(scores.mul(oneHot).sum(-1)));
    if (numbers === null) return { loss: tokens.clone(), tokens, numbers: tf.scalar(0) };
    const isNumber = labels.equal(tf.scalar(numberId!, 'int32'));
    const error = numbers.flatten().sub(yNumbers.flatten());
    const own = meanWhere(isNumber, numberLoss === 'huber' ? huber(error, huberDelta) : error.square());
    return { loss: tokens.add<tf.Scalar>(own.mul(numberWeight)), tokens, numbers: own };
  });
}

/** The mean of values where the condition holds, 0 where it holds nowhere. */
function meanWhere(condition: tf.Tensor, values: tf.Tensor): tf.Scalar {
  const total = tf.where(condition, values, tf.zerosLike(values)).sum();
  return total.div(tf.maximum(condition.toFloat().sum(), 1));
}

function huber(error: tf.Tensor, delta: number): tf.Tensor {
  const size = error.abs();
  const quadratic = tf.minimum(size, delta);
  return quadratic.square().mul(0.5).add(size.sub(quadratic).mul(delta));
}
