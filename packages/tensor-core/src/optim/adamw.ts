import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { BaseOptimizer } from './optimizer';
import { checkBeta, type OptimizerOptions } from './optimizer-options';
import { oneMinusPower, shrinkage, type Batch, type Commit } from './rule';

/** Options of AdamW. */
export interface AdamWOptions extends OptimizerOptions {
  /** Weight of the past in the average of gradients, in [0, 1); default 0.9. */
  beta1?: number;
  /** Weight of the past in the average of squared gradients, in [0, 1); default 0.999. */
  beta2?: number;
  /** Added to the root of the average, > 0; default 1e-8. */
  epsilon?: number;
  /** Whether to divide by the largest average so far; default false. */
  amsgrad?: boolean;
  /** true (default): decoupled weight decay; false: Adam, with the decay as a penalty lambda/2 ||x||^2 in the loss. */
  decoupled?: boolean;
}

/**
 * AdamW, and Adam with `decoupled: false`, as in PyTorch.
 *
 *   x <- (1 - alpha lambda) x                                        decoupled; else g <- g + lambda x
 *   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
 *   x <- x - alpha (m / (1 - beta1^k)) / (sqrt(v / (1 - beta2^k)) + epsilon)
 *
 * with amsgrad max(v so far) in place of v.
 *
 * @param options.learningRate  alpha, default 1e-3
 * @param options.weightDecay   lambda, default 1e-2; without `decoupled` 0
 * @throws RangeError or TypeError naming the option
 * @see Loshchilov, Hutter, 2019, arXiv:1711.05101; Kingma, Ba, 2015, arXiv:1412.6980; Reddi, Kale, Kumar, 2018,
 *   arXiv:1904.09237 (amsgrad)
 * @remarks As torch.optim.AdamW and torch.optim.Adam. tf.train.adam has no weight decay, and its epsilon is another one.
 *   The state holds m / (1 - beta1) and v / (1 - beta2), which cost two passes fewer.
 */
export class AdamW extends BaseOptimizer<'m' | 'v' | 'vMax'> {
  /** @nocollapse */
  static readonly className = 'AdamW';
  private readonly settings: Required<Pick<AdamWOptions, 'beta1' | 'beta2' | 'epsilon' | 'amsgrad' | 'decoupled'>>;

  constructor(options: AdamWOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, amsgrad = false, decoupled = true } = options;
    const spec = {
      className: AdamW.className,
      learningRate: 1e-3,
      weightDecay: decoupled ? 1e-2 : 0,
      slots: amsgrad ? (['m', 'v', 'vMax'] as const) : (['m', 'v'] as const),
      scalars: {},
    };
    super(spec, options);
    checkBeta(this.where, 'beta1', beta1);
    checkBeta(this.where, 'beta2', beta2);
    checkNumber(this.where, 'epsilon', epsilon, { above: 0 });
    this.settings = { beta1, beta2, epsilon, amsgrad, decoupled };
  }

  protected override advance(batches: Batch<'m' | 'v' | 'vMax'>[], commit: Commit): void {
    const { beta1, beta2, epsilon, amsgrad, decoupled } = this.settings;
    for (const { step, rate, decay, rows } of batches) {
      const root = oneMinusPower(beta2, step).sqrt();
      const size = rate
        .mul(root)
        .div(oneMinusPower(beta1, step))
        .mul((1 - beta1) / Math.sqrt(1 - beta2));
      const floor = root.mul(epsilon / Math.sqrt(1 - beta2));
      const shrink = decoupled ? shrinkage(rate, decay) : null;
      for (const { variable: x, gradient, state } of rows) {
        tf.tidy(() => {
          const g = decay && !decoupled ? gradient.add(x.mul(decay)) : gradient;
          const m = state.m.mul(beta1).add(g);
          const v = state.v.mul(beta2).add(g.square());
          const largest = amsgrad ? state.vMax.maximum(v) : v;
          const kept = shrink ? x.mul(shrink) : x;
          commit(x, kept.sub(m.div(largest.sqrt().add(floor)).mul(size)));
          commit(state.m, m);
          commit(state.v, v);
          if (amsgrad) commit(state.vMax, largest);
        });
      }
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings };
  }
}
tf.serialization.registerClass(AdamW);
