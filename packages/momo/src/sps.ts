import * as tf from '@tensorflow/tfjs';
import { checkPolyakOptions, type SpsOptions } from './options';
import { PolyakOptimizer } from './polyak-optimizer';

/**
 * SPS_max and ProxSPS, the stochastic Polyak step without momentum: the baseline that MoMo extends.
 *
 *   x <- x - min(alpha, max(f_k - lb, 0) / ||g_k||^2) g_k
 *
 * @param options.learningRate  alpha, the cap, default 1e-3
 * @param options.lowerBound    lb, a lower bound of the loss, default 0
 * @param options.prox          default true: weight decay solved in the proximal step (ProxSPS); false: as
 *   the penalty lambda/2 ||x||^2 added to the loss (SPS_max on the regularised loss)
 * @throws RangeError or TypeError naming the option
 * @see Loizou, Vaswani, Laradji, Lacoste-Julien, 2021, arXiv:2002.10542 (SPS_max);
 *   Schaipp, Gower, Ulbrich, 2023, arXiv:2301.04935 (ProxSPS)
 */
export class SpsOptimizer extends PolyakOptimizer {
  /** @nocollapse */
  static readonly className = 'SpsOptimizer';
  private readonly prox: boolean;

  constructor(options: SpsOptions = {}) {
    const where = 'momo.SpsOptimizer';
    const { prox = true } = options;
    const shared = checkPolyakOptions(where, options, 1e-3);
    super(where, shared, {
      beta: 0,
      beta2: null,
      epsilon: 0,
      weightDecay: shared.weightDecay,
      decay: prox ? 'proximal' : 'penalty',
      lowerBound: shared.lowerBound,
      zeroInit: false,
      useFstar: false,
    });
    this.prox = prox;
  }

  override getClassName(): string {
    return SpsOptimizer.className;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...this.sharedConfig(), prox: this.prox };
  }
}
tf.serialization.registerClass(SpsOptimizer);

/** A new SpsOptimizer. */
export function sps(options?: SpsOptions): SpsOptimizer {
  return new SpsOptimizer(options);
}
