import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf } from '../check';
import { BaseOptimizer } from './optimizer';
import { checkBeta, type OptimizerOptions } from './optimizer-options';
import { afterFirst, oneMinusPower, type Batch, type Commit } from './rule';

/** What a restart may depend on. */
export interface AdanState {
  /** k, from 1; []. */
  step: tf.Tensor;
  gradient: tf.Tensor;
  /** Averages of gradients, of their differences, and of squares, after this step. */
  m: tf.Tensor;
  v: tf.Tensor;
  n: tf.Tensor;
}

/** Options of Adan. */
export interface AdanOptions extends OptimizerOptions {
  /** Weight of the past in the average of gradients, in [0, 1); default 0.98. */
  beta1?: number;
  /** Weight of the past in the average of gradient differences, in [0, 1); default 0.92. */
  beta2?: number;
  /** Weight of the past in the average of squares, in [0, 1); default 0.99. */
  beta3?: number;
  /** Added to the root of the average, > 0; default 1e-8. */
  epsilon?: number;
  /**
   * 'paper' (default), or 'lucidrains': the PyTorch implementation of that name, in which the first step but remembers the
   * gradient. Its betas are the complements of these.
   */
  variant?: 'paper' | 'lucidrains';
  /** A bool scalar, for each variable: whether to start the averages again, and step once more. Default: never. */
  restart?: (state: AdanState) => tf.Tensor;
}

type Name = 'm' | 'v' | 'n' | 'past';

/**
 * Adan, adaptive Nesterov momentum.
 *
 *   D = g - g' (0 at the first step, g' the gradient before)
 *   m <- beta1 m + (1 - beta1) g,   v <- beta2 v + (1 - beta2) D,   n <- beta3 n + (1 - beta3) (g + beta2 D)^2
 *   eta = alpha / (sqrt(n / (1 - beta3^k)) + epsilon)
 *   x <- (x - eta (m / (1 - beta1^k) + beta2 v / (1 - beta2^k))) / (1 + alpha lambda)
 *
 * and where `restart` says so, m = g, v = 0, n = g^2, and the last two lines once more.
 *
 * @param options.learningRate  alpha, default 1e-3
 * @param options.weightDecay   lambda, default 0.02, and 0 for 'lucidrains'
 * @throws RangeError or TypeError naming the option
 * @see Xie, Zhou, Li, Lin, Yan, 2022, arXiv:2208.06677, algorithm 1
 * @remarks With 'lucidrains' m, v and n stay 0 at the first step, which counts in the corrections. The state holds
 *   m / (1 - beta1) and so on, which cost a pass less each.
 */
export class Adan extends BaseOptimizer<Name> {
  /** @nocollapse */
  static readonly className = 'Adan';
  private readonly settings: Required<Pick<AdanOptions, 'beta1' | 'beta2' | 'beta3' | 'epsilon' | 'variant'>>;
  private readonly restart: AdanOptions['restart'];

  constructor(options: AdanOptions = {}) {
    const { beta1 = 0.98, beta2 = 0.92, beta3 = 0.99, epsilon = 1e-8, variant = 'paper', restart } = options;
    const spec = {
      className: Adan.className,
      learningRate: 1e-3,
      weightDecay: variant === 'paper' ? 0.02 : 0,
      slots: ['m', 'v', 'n', 'past'] as const,
      scalars: {},
    };
    super(spec, options);
    Object.entries({ beta1, beta2, beta3 }).forEach(([name, beta]) => checkBeta(this.where, name, beta));
    checkNumber(this.where, 'epsilon', epsilon, { above: 0 });
    checkOneOf(this.where, 'variant', variant, ['paper', 'lucidrains']);
    if (restart !== undefined && typeof restart !== 'function') {
      throw new TypeError(argumentMessage(this.where, 'restart', 'be a function', restart));
    }
    this.settings = { beta1, beta2, beta3, epsilon, variant };
    this.restart = restart;
  }

  protected override advance(batches: Batch<Name>[], commit: Commit): void {
    const { beta1, beta2, beta3, epsilon, variant } = this.settings;
    const { restart } = this;
    for (const { step, rate, decay, rows } of batches) {
      const root = oneMinusPower(beta3, step).sqrt();
      const size = rate
        .mul(root)
        .div(oneMinusPower(beta1, step))
        .mul((1 - beta1) / Math.sqrt(1 - beta3));
      const floor = root.mul(epsilon / Math.sqrt(1 - beta3));
      // By how much v counts beside m in the direction.
      const share = oneMinusPower(beta1, step)
        .div(oneMinusPower(beta2, step))
        .mul((beta2 * (1 - beta2)) / (1 - beta1));
      const grown = decay && tf.scalar(1).add(rate.mul(decay));
      const later = afterFirst(step);
      const moved = (x: tf.Tensor, direction: tf.Tensor, n: tf.Tensor): tf.Tensor => {
        const next = x.sub(direction.div(n.sqrt().add(floor)).mul(size));
        return grown ? next.div(grown) : next;
      };
      for (const { variable: x, gradient: g, state } of rows) {
        tf.tidy(() => {
          const difference = g.sub(state.past).mul(later);
          // The gradient that enters the averages.
          const entering = variant === 'paper' ? g : g.mul(later);
          const m = state.m.mul(beta1).add(entering);
          const v = state.v.mul(beta2).add(difference);
          const n = state.n.mul(beta3).add(entering.add(difference.mul(beta2)).square());
          const next = moved(x, m.add(v.mul(share)), n);
          commit(state.past, g);
          if (restart === undefined) {
            commitAll(commit, [x, next], [state.m, m], [state.v, v], [state.n, n]);
            return;
          }
          const averages = { m: m.mul(1 - beta1), v: v.mul(1 - beta2), n: n.mul(1 - beta3) };
          const again = restart({ step, gradient: g, ...averages });
          const fresh = { m: g.div(1 - beta1), n: g.square().div(1 - beta3) };
          commitAll(
            commit,
            [x, tf.where(again, moved(next, fresh.m, fresh.n), next)],
            [state.m, tf.where(again, fresh.m, m)],
            [state.v, tf.where(again, tf.zerosLike(v), v)],
            [state.n, tf.where(again, fresh.n, n)],
          );
        });
      }
    }
  }

  override getConfig(): tf.serialization.ConfigDict {
    const config: tf.serialization.ConfigDict = { ...super.getConfig(), ...this.settings };
    return this.restart === undefined
      ? config
      : { ...config, lacks: [...((config.lacks ?? []) as string[]), 'restart'] };
  }
}
tf.serialization.registerClass(Adan);

function commitAll(commit: Commit, ...values: [tf.Variable, tf.Tensor][]): void {
  for (const [variable, value] of values) commit(variable, value);
}
