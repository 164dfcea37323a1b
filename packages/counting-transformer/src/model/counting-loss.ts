// B sequences, R regions of the model, Q regions of the sequences, N the largest count.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkShape, ShapeError } = check;

/**
 * Cross-entropy of the counts, a mean over sequences and regions.
 *
 *   mean_{b, k} -log softmax(logits_bk)[min(n_bk, N)]
 *
 * @param logits_BRN  [B, R, N + 1]
 * @param counts_BQ   int32, the ones of each region; Q <= R, the regions after them are left out
 * @throws ShapeError when the shapes do not fit
 * @see Golkar et al., 2024, sec. 2, arXiv:2406.02585
 */
export function countingLoss(logits_BRN: tf.Tensor, counts_BQ: tf.Tensor): tf.Scalar {
  const where = 'counting-transformer.countingLoss';
  checkShape(where, 'logits', logits_BRN, [null, null, null]);
  const [B, R, classes] = logits_BRN.shape as [number, number, number];
  checkShape(where, 'counts', counts_BQ, [B, null]);
  const Q = counts_BQ.shape[1]!;
  if (Q > R) throw new ShapeError(argumentMessage(where, 'counts', `have at most ${R} regions`, counts_BQ));
  return tf.tidy(() => {
    const asked = Q === R ? logits_BRN : logits_BRN.slice([0, 0, 0], [B, Q, classes]);
    const rows = asked.reshape([B * Q, classes]);
    const labels = tf.minimum(counts_BQ.reshape([B * Q]), tf.scalar(classes - 1, 'int32'));
    const oneHot = tf.oneHot(labels.toInt(), classes).toFloat();
    return rows.logSumExp(-1).sub(rows.mul(oneHot).sum(-1)).mean<tf.Scalar>();
  });
}
