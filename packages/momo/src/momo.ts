import * as tf from '@tensorflow/tfjs';
import { checkBeta, checkPolyakOptions, type MomoOptions } from './options';
import { PolyakOptimizer } from './polyak-optimizer';

/**
 * MoMo: SGD with momentum whose step is capped by a Polyak-type term.
 *
 *   d, fbar, gamma <- beta-averages of g_k, f_k, <g_k, x_k>
 *   t1  = max(fbar + <d, x> - gamma - lb, 0) / ||d||^2
 *   x  <- x - min(alpha, t1) d              (with lambda: divided by 1 + alpha lambda)
 *
 * A learning rate of 1 is a good default; rates 10 to 1000 times too large still train. Cost: three
 * dot products a step. Note that 1 here is 0.1 in the heavy-ball form of momentum 0.9.
 *
 * @param options.learningRate    alpha, the cap, default 1
 * @param options.beta            default 0.9; 0 gives ProxSPS
 * @param options.lowerBound      lb, a lower bound of the loss, default 0
 * @param options.biasCorrection  default false, as in the paper; true helps in runs of few steps
 * @param options.useFstar        MoMo*, default false: estimate lb, with lowerBound as its floor
 * @throws RangeError or TypeError naming the option
 * @see Schaipp, Ohana, Eickenberg, Defazio, Gower, 2024, arXiv:2305.07583
 * @remarks Differs from the authors' code: beta = 1 is refused, a zero gradient gives a step of zero, and
 *   a non-finite batch is an error instead of the end of the weights.
 * @example
 * const optimizer = momo({ learningRate: 1 });
 * model.compile({ optimizer, loss: 'categoricalCrossentropy' });
 */
export class MomoOptimizer extends PolyakOptimizer {
  /** @nocollapse */
  static readonly className = 'MomoOptimizer';
  private readonly options: Required<Pick<MomoOptions, 'beta' | 'biasCorrection' | 'useFstar'>>;

  constructor(options: MomoOptions = {}) {
    const where = 'momo.MomoOptimizer';
    const { beta = 0.9, biasCorrection = false, useFstar = false } = options;
    const shared = checkPolyakOptions(where, options, 1);
    checkBeta(where, 'beta', beta);
    super(where, shared, {
      beta,
      beta2: null,
      epsilon: 0,
      weightDecay: shared.weightDecay,
      decay: 'proximal',
      lowerBound: shared.lowerBound,
      zeroInit: biasCorrection,
      useFstar,
    });
    this.options = { beta, biasCorrection, useFstar };
  }

  override getClassName(): string {
    return MomoOptimizer.className;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.sharedConfig(), ...this.options };
  }
}
tf.serialization.registerClass(MomoOptimizer);

/** A new MomoOptimizer. */
export function momo(options?: MomoOptions): MomoOptimizer {
  return new MomoOptimizer(options);
}
