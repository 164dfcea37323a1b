// H heads, L length of the axis, N = 2L - 1 distances.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkOneOf } from '../check';
import { checkCounts } from './checks';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { Linear } from './linear';
import { Module } from './module';
import { byDistance, relativeDistances, type WrapOptions } from './relative-bias-distances';

/** Options of ContinuousRelativeBias. */
export interface ContinuousRelativeBiasOptions extends Pick<WrapOptions, 'wrap'> {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Width of the hidden layer, default 512. */
  hidden?: number;
}

/**
 * A bias of attention as a learned function of the distance between query and key, relative to the length of the axis.
 *
 *   16 sigmoid(W2 relu(W1 distance / (L-1) + b1))
 *
 * Names: cpb_mlp.0.weight [hidden, 1], cpb_mlp.0.bias, cpb_mlp.2.weight [heads, hidden]; PyTorch's initial values.
 *
 * @see Liu et al., 2022, arXiv:2111.09883; McCabe et al., 2023, arXiv:2310.02994, for periodic axes
 */
export class ContinuousRelativeBias extends Module {
  private readonly first: Linear;
  private readonly second: Linear;
  private readonly wrap: 'reference' | 'exact';

  /** @throws RangeError when a number is not a positive integer or the wrap is unknown */
  constructor(
    readonly heads: number,
    { key, hidden = 512, wrap = 'reference' }: ContinuousRelativeBiasOptions,
  ) {
    super();
    const where = 'tensor-core.ContinuousRelativeBias';
    checkCounts(where, { heads, hidden });
    this.wrap = checkOneOf(where, 'wrap', wrap, ['reference', 'exact']);
    const [one, two] = splitKey(key, 2) as [InitKey, InitKey];
    this.first = this.child('cpb_mlp.0', new Linear(1, hidden, { key: one }));
    this.second = this.child('cpb_mlp.2', new Linear(hidden, heads, { key: two, bias: false }));
  }

  /**
   * @param length            L; the distance on an axis of length 1 is 0
   * @param options.periodic  whether the axis is periodic, default false; then L/2 stands for -L/2 as well
   * @returns [H, L, L], for the `bias` of scaledDotProductAttention
   * @throws RangeError when the length is not a positive integer, or odd on a periodic axis with the wrap 'reference',
   *   which has no such axes
   */
  forward(length: number, { periodic = false }: Pick<WrapOptions, 'periodic'> = {}): tf.Tensor {
    const where = 'tensor-core.ContinuousRelativeBias.forward';
    checkCounts(where, { length });
    if (periodic && this.wrap === 'reference' && length % 2 !== 0) {
      const fix = "Pass { wrap: 'exact' } to the constructor for odd periodic axes.";
      throw new RangeError(argumentMessage(where, 'length', 'be even on a periodic axis', length, fix));
    }
    const distances = relativeDistances(length, { periodic, wrap: 'exact' });
    const coordinates = distances.map((distance) => {
      const way = periodic && 2 * distance === -length ? -distance : distance;
      return way / Math.max(1, length - 1);
    });
    return tf.tidy(() => {
      const hidden = tf.relu(this.first.forward(tf.tensor2d(coordinates, [coordinates.length, 1])));
      const values_NH = tf.sigmoid(this.second.forward(hidden)).mul(16);
      return byDistance(values_NH.transpose(), length, length);
    });
  }
}
