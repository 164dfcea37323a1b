// L slices, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check, nn, random } from '@tfsci/tensor-core';

const HIDDEN = 10;

/** Options of `SliceDiscriminator`. */
export interface SliceDiscriminatorOptions {
  /** For the initial weights, those of PyTorch; null gives zeros, for weights that are loaded afterwards. */
  key: nn.InitKey;
}

/**
 * A network T that tells slices of rho from uniform ones; its best logit is log d rho / d rho_0.
 *
 *   T = W_6 s(W_4 s(W_2 s(W_0 theta + b_0) + b_2) + b_4) + b_6,  s the sigmoid
 *
 * Names, in PyTorch's layouts: net.0.weight [10, d], net.2.weight and net.4.weight [10, 10], net.6.weight [1, 10], and their
 * biases. `dispose` lets go of them.
 *
 * @see Ohana, Nadjahi, Rakotomamonjy & Ralaivola, 2023, arXiv:2206.03230
 */
export class SliceDiscriminator extends nn.Module {
  private readonly layers: readonly nn.Linear[];

  /** @throws TypeError, RangeError when dim is not an integer >= 1 */
  constructor(
    readonly dim: number,
    { key }: SliceDiscriminatorOptions,
  ) {
    super();
    check.checkNumber('sliced-wasserstein.SliceDiscriminator', 'dim', dim, { min: 1, integer: true });
    const widths = [dim, HIDDEN, HIDDEN, HIDDEN, 1];
    const keys = key === null ? [null, null, null, null] : random.split(key, 4);
    this.layers = keys.map((own, i) =>
      this.child(`net.${2 * i}`, new nn.Linear(widths[i]!, widths[i + 1]!, { key: own })),
    );
  }

  /** A network of PyTorch's initial weights; what `new SliceDiscriminator(dim, { key })` gives. */
  static create(dim: number, key: nn.InitKey): SliceDiscriminator {
    return new SliceDiscriminator(dim, { key });
  }

  /**
   * Logits T(theta), > 0 where a slice looks more like one of rho; differentiable in slices and weights.
   *
   * @param theta_LD  [L, d]
   * @returns float32 [L, 1]
   * @throws TypeError when it is not a tensor, ShapeError when it has not d columns
   */
  forward(theta_LD: tf.Tensor2D): tf.Tensor2D {
    check.checkShape('sliced-wasserstein.SliceDiscriminator.forward', 'theta', theta_LD, [null, this.dim]);
    return tf.tidy(() =>
      this.layers.reduce<tf.Tensor>((at, layer, i) => layer.forward(i === 0 ? at : at.sigmoid()), theta_LD),
    ) as tf.Tensor2D;
  }

  /**
   * The logistic loss that T is trained with.
   *
   *   -E_rho log sigmoid(T) - E_rho0 log(1 - sigmoid(T)),  as softplus(-T) and softplus(T): no logarithm of 0
   *
   * @param theta_LD  slices of rho, [L, d]
   * @param prior_LD  slices of rho_0, [M, d]
   * @returns scalar [], 2 log 2 where both look alike
   * @throws as `forward`
   */
  loss(theta_LD: tf.Tensor2D, prior_LD: tf.Tensor2D): tf.Scalar {
    return tf.tidy(() => {
      const ofRho = tf.softplus(this.forward(theta_LD).neg()).mean();
      return ofRho.add<tf.Scalar>(tf.softplus(this.forward(prior_LD)).mean());
    });
  }

  /**
   * The estimate E_rho T of KL(rho || rho_0); differentiable.
   *
   * It is KL for the best T alone. For any other it may be above or below, even negative: no certificate may rest on it.
   *
   * @param theta_LD  slices of rho, [L, d]
   * @returns scalar []
   * @throws as `forward`
   */
  klEstimate(theta_LD: tf.Tensor2D): tf.Scalar {
    return tf.tidy(() => this.forward(theta_LD).mean());
  }
}
