// L slices, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check, nn, random } from '@tfsci/tensor-core';
import type { SliceDistribution } from '../slices/slice-distribution';
import { uniformSlices } from '../slices/uniform-slices';

/** Slope of LeakyReLU below 0, PyTorch's. */
const LEAK = 0.01;

/** Options of `NetworkSlices`. */
export interface NetworkSlicesOptions {
  /** For the initial weights, those of PyTorch; null gives zeros, for weights that are loaded afterwards. */
  key: nn.InitKey;
}

/**
 * The law of f(u), u uniform on the unit sphere, for a network f from the sphere to itself.
 *
 *   f(u) = g(u) / |g(u)|,  g = W_4 a(W_2 a(W_0 u + b_0) + b_2) + b_4,  a(z) = max(z, 0.01 z)
 *
 * Names, in PyTorch's layouts: net.0.weight [d, d], net.0.bias [d], net.2.*, net.4.*. `dispose` lets go of them.
 *
 * @see Nguyen, Ho, Pham & Bui, 2021, "Distributional Sliced-Wasserstein and applications to generative modeling",
 *   arXiv:2002.07367
 * @remarks Its density is not known, so KL to the uniform law is not either; `SliceDiscriminator` estimates it.
 */
export class NetworkSlices extends nn.Module implements SliceDistribution {
  private readonly layers: readonly nn.Linear[];

  /** @throws TypeError, RangeError when dim is not an integer >= 1 */
  constructor(
    readonly dim: number,
    { key }: NetworkSlicesOptions,
  ) {
    super();
    check.checkNumber('sliced-wasserstein.NetworkSlices', 'dim', dim, { min: 1, integer: true });
    const keys = key === null ? [null, null, null] : random.split(key, 3);
    this.layers = keys.map((own, i) => this.child(`net.${2 * i}`, new nn.Linear(dim, dim, { key: own })));
  }

  /** A network of PyTorch's initial weights; what `new NetworkSlices(dim, { key })` gives. */
  static create(dim: number, key: nn.InitKey): NetworkSlices {
    return new NetworkSlices(dim, { key });
  }

  /**
   * Independent slices f(u), u uniform; differentiable in the weights.
   *
   * @param count  L >= 1
   * @returns float32 [L, d], unit rows
   * @throws TypeError, RangeError when count is not an integer >= 1
   */
  sample(count: number, key: random.Key): tf.Tensor2D {
    check.checkNumber('sliced-wasserstein.NetworkSlices.sample', 'count', count, { min: 1, integer: true });
    return tf.tidy(() => this.transform(uniformSlices(count, this.dim, key)));
  }

  /**
   * f of given unit vectors; differentiable in them and in the weights.
   *
   * @param base_LD  [L, d]
   * @returns float32 [L, d], unit rows
   * @throws TypeError when it is not a tensor, ShapeError when it has not d columns
   */
  transform(base_LD: tf.Tensor2D): tf.Tensor2D {
    check.checkShape('sliced-wasserstein.NetworkSlices.transform', 'base', base_LD, [null, this.dim]);
    return tf.tidy(() => {
      const g_LD = this.layers.reduce<tf.Tensor>(
        (at, layer, i) => layer.forward(i === 0 ? at : tf.leakyRelu(at, LEAK)),
        base_LD,
      );
      return g_LD.div<tf.Tensor2D>(g_LD.norm('euclidean', 1, true));
    });
  }
}
