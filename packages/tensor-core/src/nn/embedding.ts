import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { checkCounts } from './checks';
import { gaussian, type InitKey } from './init';
import { Module } from './module';

/** Options of Embedding. */
export interface EmbeddingOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
}

/**
 * A table of vectors by number, as torch.nn.Embedding.
 *
 * Names: weight [count, width], which starts normal with mean 0 and standard deviation 1.
 */
export class Embedding extends Module {
  readonly weight: tf.Variable;

  /** @throws RangeError when a size is not a positive integer */
  constructor(
    readonly count: number,
    readonly width: number,
    { key }: EmbeddingOptions,
  ) {
    super();
    checkCounts('tensor-core.Embedding', { count, width });
    this.weight = this.parameter('weight', gaussian(key, [count, width]));
  }

  /**
   * @param ids  int32 [...], each from 0 to count - 1, which is not checked: that would need their values
   * @returns [..., width]
   * @throws TypeError when the ids are not int32
   */
  forward(ids: tf.Tensor): tf.Tensor {
    if (ids.dtype !== 'int32') {
      const fix = "Make them by tf.tensor(ids, shape, 'int32').";
      throw new TypeError(argumentMessage('tensor-core.Embedding.forward', 'ids', 'be int32', ids, fix));
    }
    return tf.gather(this.weight, ids);
  }
}
