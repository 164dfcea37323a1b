import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { checkBeta, checkPolyakOptions, type MomoAdamOptions } from './options';
import { PolyakOptimizer } from './polyak-optimizer';

/**
 * MoMo-Adam: Adam whose step is capped by a Polyak-type term in Adam's own metric.
 *
 *   d, fbar, gamma <- beta1-averages of g_k, f_k, <g_k, x_k>;   v <- beta2-average of g_k^2
 *   D   = eps + sqrt(v / (1 - beta2^k)),   rho = 1 - beta1^k
 *   t1  = max(fbar + <d, x> - gamma - rho lb, 0) / sum d^2 / D
 *   x  <- x - min(alpha / rho, t1) d / D    (with lambda: divided by 1 + alpha lambda)
 *
 * While the cap is the smaller of the two this is Adam. Take 0.01 or a little less.
 *
 * @param options.learningRate  alpha, the cap, default 0.01
 * @param options.beta1         default 0.9
 * @param options.beta2         default 0.999
 * @param options.epsilon       default 1e-8
 * @param options.lowerBound    lb, a lower bound of the loss, default 0
 * @param options.divide        default true: proximal weight decay; false: as AdamW
 * @param options.useFstar      MoMo-Adam*, default false: estimate lb, with lowerBound as its floor
 * @throws RangeError or TypeError naming the option
 * @see Schaipp, Ohana, Eickenberg, Defazio, Gower, 2024, arXiv:2305.07583
 * @example
 * const optimizer = momoAdam({ learningRate: 1e-2 });
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' });
 */
export class MomoAdamOptimizer extends PolyakOptimizer {
  /** @nocollapse */
  static readonly className = 'MomoAdamOptimizer';
  private readonly options: Required<Pick<MomoAdamOptions, 'beta1' | 'beta2' | 'epsilon' | 'divide' | 'useFstar'>>;

  constructor(options: MomoAdamOptions = {}) {
    const where = 'momo.MomoAdamOptimizer';
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, divide = true, useFstar = false } = options;
    const shared = checkPolyakOptions(where, options, 0.01);
    checkBeta(where, 'beta1', beta1);
    checkBeta(where, 'beta2', beta2);
    check.checkNumber(where, 'epsilon', epsilon, { min: 0 });
    super(where, shared, {
      beta: beta1,
      beta2,
      epsilon,
      weightDecay: shared.weightDecay,
      decay: divide ? 'proximal' : 'decoupled',
      lowerBound: shared.lowerBound,
      zeroInit: true,
      useFstar,
    });
    this.options = { beta1, beta2, epsilon, divide, useFstar };
  }

  override getClassName(): string {
    return MomoAdamOptimizer.className;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.sharedConfig(), ...this.options };
  }
}
tf.serialization.registerClass(MomoAdamOptimizer);

/** A new MomoAdamOptimizer. */
export function momoAdam(options?: MomoAdamOptions): MomoAdamOptimizer {
  return new MomoAdamOptimizer(options);
}
