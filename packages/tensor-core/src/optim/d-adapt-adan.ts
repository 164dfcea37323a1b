import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { DAdaptOptimizer, dAdaptSums, type DAdaptOptions, type DAdaptSums } from './d-adaptation';
import { checkBeta } from './optimizer-options';
import { afterFirst, type Batch, type Commit, type Row } from './rule';

/** Options of DAdaptAdan. */
export interface DAdaptAdanOptions extends DAdaptOptions {
  /** Weight of the past in the average of gradients, in [0, 1); default 0.98. */
  beta1?: number;
  /** Weight of the past in the average of gradient differences, in [0, 1); default 0.92. */
  beta2?: number;
  /** Weight of the past in the averages of squares, in [0, 1); default 0.99. */
  beta3?: number;
  /** Added to the root of the average, > 0; default 1e-8. */
  epsilon?: number;
}

type Name = 's' | 'm' | 'v' | 'n' | 'past';

/**
 * Adan with D-Adaptation: no learning rate to tune.
 *
 *   D = g - g' (0 at the first step, g' the gradient before)
 *   m <- beta1 m + d alpha (1 - beta1) g,   v <- beta2 v + d alpha (1 - beta2) D
 *   n <- beta3 n + (1 - beta3) (g + beta2 D)^2
 *   x <- (x - (m + beta2 v) / (sqrt(n) + epsilon)) / (1 + d alpha lambda)
 *
 * with d as in `DAdaptOptimizer`, from before the step. There are no bias corrections.
 *
 * @param options.learningRate  alpha, a factor on d for schedules; default 1
 * @param options.weightDecay   lambda, default 0
 * @throws RangeError or TypeError naming the option
 * @see Defazio, Mishchenko, 2023, arXiv:2301.07733; Xie et al., 2022, arXiv:2208.06677
 */
export class DAdaptAdan extends DAdaptOptimizer<Name> {
  /** @nocollapse */
  static readonly className = 'DAdaptAdan';
  private readonly settings: Required<Pick<DAdaptAdanOptions, 'beta1' | 'beta2' | 'beta3' | 'epsilon'>>;

  constructor(options: DAdaptAdanOptions = {}) {
    const { beta1 = 0.98, beta2 = 0.92, beta3 = 0.99, epsilon = 1e-8 } = options;
    const slots = ['s', 'm', 'v', 'n', 'past'] as const;
    super({ className: DAdaptAdan.className, weightDecay: 0, slots }, beta3, options);
    Object.entries({ beta1, beta2, beta3 }).forEach(([name, beta]) => checkBeta(this.where, name, beta));
    checkNumber(this.where, 'epsilon', epsilon, { above: 0 });
    this.settings = { beta1, beta2, beta3, epsilon };
  }

  protected override moveRow(
    { variable: x, gradient: g, state }: Row<Name>,
    { step, decay }: Batch<Name>,
    size: tf.Tensor,
    commit: Commit,
  ): DAdaptSums {
    const { beta1, beta2, beta3, epsilon } = this.settings;
    const difference = g.sub(state.past).mul(afterFirst(step));
    const m = state.m.mul(beta1).add(g.mul(size.mul(1 - beta1)));
    const v = state.v.mul(beta2).add(difference.mul(size.mul(1 - beta2)));
    const n = state.n.mul(beta3).add(
      g
        .add(difference.mul(beta2))
        .square()
        .mul(1 - beta3),
    );
    const s = state.s.mul(beta3).add(g.mul(size.mul(1 - beta3)));
    const root = n.sqrt().add(epsilon);
    const moved = x.sub(m.add(v.mul(beta2)).div(root));
    commit(x, decay ? moved.div(size.mul(decay).add(1)) : moved);
    commit(state.m, m);
    commit(state.v, v);
    commit(state.n, n);
    commit(state.s, s);
    commit(state.past, g);
    return dAdaptSums(g, s, root);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.settings };
  }
}
tf.serialization.registerClass(DAdaptAdan);
