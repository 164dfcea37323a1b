// M examples, C outputs.
import * as tf from '@tensorflow/tfjs';
import type { DfaNetwork } from '../network/dfa-network';
import { lossOf, targetsOf, type LossName } from '../network/losses';
import type { Examples } from './poisson-sampler';

/** Mean loss of a batch, and accuracy where there are classes. */
export function metricsOf(network: DfaNetwork): (batch: Examples) => Record<string, tf.Scalar> {
  return ({ x, y }) =>
    tf.tidy(() => {
      const logits = network.logits(x);
      const targets = targetsOf('opu-dfa.trainNetwork', y, x.shape[0], network.outputs);
      const accuracy = accuracyOf(network.loss, logits, y);
      return { loss: lossOf(network.loss, logits, targets).mean<tf.Scalar>(), ...(accuracy && { accuracy }) };
    });
}

/**
 * The part of the answers that are right, null where they are no classes.
 *
 * @param y  [M, C], or labels [M]
 */
export function accuracyOf(loss: LossName, z_MC: tf.Tensor2D, y: tf.Tensor): tf.Scalar | null {
  if (loss === 'meanSquared') return null;
  return tf.tidy((): tf.Scalar => {
    if (loss === 'sigmoidCrossEntropy' && y.rank === 2) {
      return z_MC.greater(0).equal(y.greater(0.5)).toFloat().mean();
    }
    const labels_M = y.rank === 2 ? y.argMax(1) : y;
    return z_MC.argMax(1).equal(labels_M).toFloat().mean();
  });
}
