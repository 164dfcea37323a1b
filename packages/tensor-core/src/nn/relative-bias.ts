// H heads, T queries, S keys, N = T + S - 1 distances, K buckets.
import * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../check';
import { checkCounts } from './checks';
import { gaussian, type InitKey } from './init';
import { Module } from './module';
import { t5Buckets, type BucketOptions } from './relative-bias-buckets';
import { byDistance, checkPeriodic, relativeDistances, type WrapOptions } from './relative-bias-distances';

/** Options of RelativeBias. */
export interface RelativeBiasOptions extends BucketOptions, Pick<WrapOptions, 'wrap'> {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
}

/**
 * A learned bias of attention for each head and bucket of distances between query and key.
 *
 * Names: relative_attention_bias.weight [numBuckets, heads], which starts normal with mean 0 and standard deviation 1.
 *
 * @see Raffel et al., 2020, sec. 2.1, arXiv:1910.10683; McCabe et al., 2023, arXiv:2310.02994, for periodic axes, whose
 *   public weights have maxDistance 32
 */
export class RelativeBias extends Module {
  readonly weight: tf.Variable;
  private readonly options: RelativeBiasOptions;

  /** @throws RangeError when a number is not of its kind, see t5Buckets */
  constructor(
    readonly heads: number,
    options: RelativeBiasOptions,
  ) {
    super();
    const { key, numBuckets = 32, wrap = 'reference' } = options;
    checkCounts('tensor-core.RelativeBias', { heads });
    checkOneOf('tensor-core.RelativeBias', 'wrap', wrap, ['reference', 'exact']);
    t5Buckets([], options);
    this.options = options;
    this.weight = this.parameter('relative_attention_bias.weight', gaussian(key, [numBuckets, heads]));
  }

  /**
   * @param queries           T
   * @param keys              S, default T
   * @param options.periodic  whether the axis is periodic, default false
   * @returns [H, T, S], for the `bias` of scaledDotProductAttention
   * @throws RangeError when a length is not a positive integer, or they differ on a periodic axis
   */
  forward(queries: number, keys = queries, { periodic = false }: Pick<WrapOptions, 'periodic'> = {}): tf.Tensor {
    checkPeriodic('tensor-core.RelativeBias.forward', queries, keys, periodic);
    const { wrap, numBuckets = 32 } = this.options;
    const length = Math.max(queries, keys);
    const distances = relativeDistances(length, { periodic, wrap: wrap ?? 'reference' });
    const buckets = t5Buckets(distances.slice(length - queries, length - 1 + keys), this.options);
    return tf.tidy(() => {
      const chosen_NK = tf.oneHot(tf.tensor1d(buckets, 'int32'), numBuckets).toFloat();
      return byDistance(tf.matMul(this.weight, chosen_NK, true, true), queries, keys);
    });
  }
}
