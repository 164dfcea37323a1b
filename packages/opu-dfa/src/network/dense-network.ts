import * as tf from '@tensorflow/tfjs';
import { check, nn, random } from '@tfsci/tensor-core';
import { chooseFeedback, type FeedbackOptions } from '../feedback/feedback-choice';
import { tidied } from '../tidied';
import { ACTIVATION_NAMES, type ActivationName } from './activations';
import type { Block } from './block';
import { DenseMap } from './dense-map';
import { madeNetwork, type DfaNetwork } from './dfa-network';
import { LOSS_NAMES, type LossName } from './losses';

const { checkNumber, checkOneOf } = check;

/** Options of `denseNetwork`. */
export interface DenseNetworkOptions extends FeedbackOptions {
  /** n_0, numbers of an example. */
  inputs: number;
  /** Units of the hidden layers, default [512, 512]; [] gives a linear model. */
  hidden?: readonly number[];
  /** C. */
  outputs: number;
  /** Of the hidden layers, default 'tanh', whose values and slopes are bounded. */
  activation?: ActivationName;
  /** Default 'softmaxCrossEntropy'. */
  loss?: LossName;
  /** For weights and feedback; the weights do not depend on the feedback. */
  key: random.KeyOrSeed;
}

/**
 * A fully connected network for direct feedback alignment.
 *
 *   W^l ~ U(+-1 / sqrt(n_(l-1))), b = 0, B^l ~ N(0, 1/C)
 *
 * @returns the caller's to dispose
 * @throws RangeError, TypeError for bad options, ShapeError for feedback of other outputs
 * @example
 * const network = denseNetwork({ inputs: 64, hidden: [128, 128], outputs: 10, key: 0 });
 */
export function denseNetwork(options: DenseNetworkOptions): DfaNetwork {
  const where = 'opu-dfa.denseNetwork';
  const { inputs, hidden = [512, 512], outputs, activation = 'tanh', loss = 'softmaxCrossEntropy' } = options;
  checkNumber(where, 'inputs', inputs, { min: 1, integer: true });
  checkNumber(where, 'outputs', outputs, { min: 1, integer: true });
  hidden.forEach((width, i) => checkNumber(where, `hidden[${i}]`, width, { min: 1, integer: true }));
  checkOneOf(where, 'activation', activation, ACTIVATION_NAMES);
  checkOneOf(where, 'loss', loss, LOSS_NAMES);
  const [forWeights, forFeedback] = random.split(random.asKey(where, options.key)) as [random.Key, random.Key];
  const feedback = chooseFeedback(where, options, forFeedback, outputs, () => hidden);
  const sizes = [inputs, ...hidden, outputs];
  const blocks = sizes.slice(1).map((units, l): Block => {
    const fanIn = sizes[l]!;
    const [kernel, bias] = tidied((): [tf.Variable, tf.Variable] => [
      tf.variable(nn.fanInUniform(random.foldIn(forWeights, l), [fanIn, units], fanIn)),
      tf.variable(tf.zeros([units])),
    ]);
    const isLast = l === hidden.length;
    return {
      name: `layers.${l}`,
      map: new DenseMap(kernel, bias),
      activation: isLast ? 'linear' : activation,
      tail: null,
    };
  });
  return madeNetwork({ blocks, loss, ...feedback });
}
