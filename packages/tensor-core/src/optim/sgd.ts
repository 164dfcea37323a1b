import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import { BaseOptimizer } from './optimizer';
import { checkBeta, type OptimizerOptions } from './optimizer-options';
import { afterFirst, shrinkage, type Batch, type Commit } from './rule';

/** Options of Sgd. */
export interface SgdOptions extends OptimizerOptions {
  /** mu, in [0, 1), default 0. */
  momentum?: number;
  /** tau, in [0, 1]: share of the gradient that does not enter the momentum, default 0. */
  dampening?: number;
  /** Whether the step looks ahead along the momentum; needs momentum and no dampening. Default false. */
  nesterov?: boolean;
  /** false (default): weight decay as a penalty lambda/2 ||x||^2 in the loss; true: decoupled. */
  decoupled?: boolean;
}

/**
 * Stochastic gradient descent with momentum, as in PyTorch.
 *
 *   g <- g + lambda x                                 unless decoupled; then x <- (1 - alpha lambda) x
 *   b <- mu b + (1 - tau) g,  b = g at the first step
 *   x <- x - alpha b                                  with nesterov alpha (g + mu b), without momentum alpha g
 *
 * @param options.learningRate  alpha, default 1e-2
 * @param options.weightDecay   lambda, default 0
 * @throws RangeError or TypeError naming the option
 * @see Sutskever, Martens, Dahl, Hinton, 2013, "On the importance of initialization and momentum in deep learning"
 * @remarks As torch.optim.SGD. tf.train.momentum is the same without dampening and weight decay.
 */
export class Sgd extends BaseOptimizer<'b'> {
  /** @nocollapse */
  static readonly className = 'Sgd';
  private readonly settings: Required<Pick<SgdOptions, 'momentum' | 'dampening' | 'nesterov' | 'decoupled'>>;

  constructor(options: SgdOptions = {}) {
    const { momentum = 0, dampening = 0, nesterov = false, decoupled = false } = options;
    const slots = momentum === 0 ? ([] as const) : (['b'] as const);
    super({ className: Sgd.className, learningRate: 1e-2, weightDecay: 0, slots, scalars: {} }, options);
    checkBeta(this.where, 'momentum', momentum);
    checkNumber(this.where, 'dampening', dampening, { min: 0, max: 1 });
    if (nesterov && (momentum === 0 || dampening !== 0)) {
      const wanted = 'come with momentum and without dampening';
      throw new RangeError(argumentMessage(this.where, 'nesterov', wanted, [momentum, dampening]));
    }
    this.settings = { momentum, dampening, nesterov, decoupled };
  }

  protected override advance(batches: Batch<'b'>[], commit: Commit): void {
    const { momentum, dampening, nesterov, decoupled } = this.settings;
    for (const { step, rate, decay, rows } of batches) {
      const share = dampening === 0 ? null : tf.scalar(1).sub(afterFirst(step).mul(dampening));
      const shrink = decoupled ? shrinkage(rate, decay) : null;
      for (const { variable: x, gradient, state } of rows) {
        tf.tidy(() => {
          const g = decay && !decoupled ? gradient.add(x.mul(decay)) : gradient;
          let direction = g;
          if (momentum !== 0) {
            const b = state.b.mul(momentum).add(share ? g.mul(share) : g);
            direction = nesterov ? g.add(b.mul(momentum)) : b;
            commit(state.b, b);
          }
          commit(x, (shrink ? x.mul(shrink) : x).sub(direction.mul(rate)));
        });
      }
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings };
  }
}
tf.serialization.registerClass(Sgd);
