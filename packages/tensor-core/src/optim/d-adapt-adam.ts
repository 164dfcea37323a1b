import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { DAdaptOptimizer, dAdaptSums, type DAdaptOptions, type DAdaptSums } from './d-adaptation';
import { checkBeta } from './optimizer-options';
import { shrinkage, type Batch, type Commit, type Row } from './rule';

/** Options of DAdaptAdam. */
export interface DAdaptAdamOptions extends DAdaptOptions {
  /** Weight of the past in the average of gradients, in [0, 1); default 0.9. */
  beta1?: number;
  /** Weight of the past in the averages of squares, in [0, 1); default 0.999. */
  beta2?: number;
  /** Added to the root of the average, > 0; default 1e-8. */
  epsilon?: number;
  /** true (default): decoupled weight decay; false: as a penalty lambda/2 ||x||^2 in the loss. */
  decoupled?: boolean;
}

type Name = 's' | 'm' | 'v';

/**
 * Adam with D-Adaptation: no learning rate to tune.
 *
 *   m <- beta1 m + d alpha (1 - beta1) g,   v <- beta2 v + (1 - beta2) g^2
 *   x <- (1 - d alpha lambda) x - m / (sqrt(v) + epsilon)
 *
 * with d as in `DAdaptOptimizer`, from before the step. There are no bias corrections.
 *
 * @param options.learningRate  alpha, a factor on d for schedules; default 1
 * @param options.weightDecay   lambda, default 0
 * @throws RangeError or TypeError naming the option
 * @see Defazio, Mishchenko, 2023, arXiv:2301.07733, algorithm 5
 */
export class DAdaptAdam extends DAdaptOptimizer<Name> {
  /** @nocollapse */
  static readonly className = 'DAdaptAdam';
  private readonly settings: Required<Pick<DAdaptAdamOptions, 'beta1' | 'beta2' | 'epsilon' | 'decoupled'>>;

  constructor(options: DAdaptAdamOptions = {}) {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decoupled = true } = options;
    super({ className: DAdaptAdam.className, weightDecay: 0, slots: ['s', 'm', 'v'] }, beta2, options);
    checkBeta(this.where, 'beta1', beta1);
    checkBeta(this.where, 'beta2', beta2);
    checkNumber(this.where, 'epsilon', epsilon, { above: 0 });
    this.settings = { beta1, beta2, epsilon, decoupled };
  }

  protected override moveRow(
    { variable: x, gradient, state }: Row<Name>,
    { decay }: Batch<Name>,
    size: tf.Tensor,
    commit: Commit,
  ): DAdaptSums {
    const { beta1, beta2, epsilon, decoupled } = this.settings;
    const g = decay && !decoupled ? gradient.add(x.mul(decay)) : gradient;
    const m = state.m.mul(beta1).add(g.mul(size.mul(1 - beta1)));
    const v = state.v.mul(beta2).add(g.square().mul(1 - beta2));
    const s = state.s.mul(beta2).add(g.mul(size.mul(1 - beta2)));
    const root = v.sqrt().add(epsilon);
    const shrink = decoupled ? shrinkage(size, decay) : null;
    commit(x, (shrink ? x.mul(shrink) : x).sub(m.div(root)));
    commit(state.m, m);
    commit(state.v, v);
    commit(state.s, s);
    return dAdaptSums(g, s, root);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings };
  }
}
tf.serialization.registerClass(DAdaptAdam);
