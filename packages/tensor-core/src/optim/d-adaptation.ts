import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';
import { total } from './clipping';
import { BaseOptimizer } from './optimizer';
import type { OptimizerOptions } from './optimizer-options';
import type { Batch, Commit, OptimizerSpec, Row } from './rule';

/** Options of D-Adaptation. */
export interface DAdaptOptions extends OptimizerOptions {
  /** d at the start, > 0, default 1e-6. Too small costs steps, too large diverges. */
  initialD?: number;
  /** The most by which d grows in one step, > 1; default without limit. 1.02 or 1.05 act as a warm-up. */
  growthRate?: number;
}

/** The numbers of D-Adaptation's state: d, and the average of weighted squares. */
export type DAdaptScalar = 'd' | 'numerator';

/** What a variable gives to the estimate of d. */
export interface DAdaptSums {
  /** A = sum g^2 / (sqrt(n) + epsilon). */
  gradient: tf.Tensor;
  /** Q = sum s^2 / (sqrt(n) + epsilon). */
  weighted: tf.Tensor;
  /** S = sum |s|. */
  absolute: tf.Tensor;
}

/**
 * What the D-Adaptation optimisers share: the estimate d of the distance from the start to the solution, which takes the
 * place of the learning rate.
 *
 *   s <- beta s + d alpha (1 - beta) g
 *   G <- beta G + (1 - beta) (d alpha)^2 A,   dhat = (Q / (1 - beta) - G) / S
 *   d <- max(d, min(dhat, growthRate d))      while alpha > 0 and S > 0
 *
 * with the sums A, Q, S over all elements of all variables, and beta the weight of the past in the squares. They are
 * float32 on the device, where the authors' code has float64.
 *
 * @see Defazio, Mishchenko, 2023, arXiv:2301.07733
 */
export abstract class DAdaptOptimizer<Name extends string> extends BaseOptimizer<Name, DAdaptScalar> {
  private readonly growthRate: number;
  private readonly initialD: number;

  protected constructor(
    spec: Omit<OptimizerSpec<Name, never>, 'scalars' | 'learningRate'>,
    /** beta. */
    private readonly averaging: number,
    options: DAdaptOptions,
  ) {
    const { initialD = 1e-6, growthRate = Infinity } = options;
    super({ ...spec, learningRate: 1, scalars: { d: initialD, numerator: 0 } }, options);
    checkNumber(this.where, 'initialD', initialD, { above: 0 });
    if (growthRate !== Infinity) checkNumber(this.where, 'growthRate', growthRate, { above: 1 });
    for (const { lrScale } of options.groups ?? []) {
      if (lrScale === undefined) continue;
      const fix = 'All variables share one d and one rate.';
      throw new RangeError(argumentMessage(this.where, 'lrScale', 'be left out of groups', lrScale, fix));
    }
    this.initialD = initialD;
    this.growthRate = growthRate;
  }

  /** d, the estimate after the last step. */
  async distance(): Promise<number> {
    return (await this.scalars().d.data())[0]!;
  }

  /** Moves one variable with the step size d alpha. @returns its share of the sums, with its new s */
  protected abstract moveRow(row: Row<Name>, batch: Batch<Name>, size: tf.Tensor, commit: Commit): DAdaptSums;

  protected override advance(batches: Batch<Name>[], commit: Commit, numbers: Record<DAdaptScalar, tf.Variable>): void {
    const { rate } = batches[0]!;
    const { averaging, growthRate } = this;
    const { d } = numbers;
    const size = d.mul(rate);
    const sums = batches.flatMap((batch) =>
      batch.rows.map((row) => tf.tidy(() => ({ ...this.moveRow(row, batch, size, commit) }))),
    );
    const sum = (pick: (own: DAdaptSums) => tf.Tensor): tf.Tensor => tf.addN(sums.map(pick));
    const absolute = sum((own) => own.absolute);
    const fresh = sum((own) => own.gradient)
      .mul(size.square())
      .mul(1 - averaging);
    const numerator = numbers.numerator.mul(averaging).add(fresh);
    const estimate = sum((own) => own.weighted)
      .div(1 - averaging)
      .sub(numerator)
      .div(absolute);
    const bounded = growthRate === Infinity ? estimate : estimate.minimum(d.mul(growthRate));
    const grows = rate.greater(0).logicalAnd(absolute.greater(0));
    commit(numbers.d, tf.where(grows, d.maximum(bounded), d));
    commit(numbers.numerator, numerator);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { growthRate, initialD } = this;
    // JSON has no infinity.
    return { ...super.getConfig(), initialD, ...(growthRate !== Infinity && { growthRate }) };
  }
}

/** The sums of a variable from its gradient, its new s and sqrt(n) + epsilon. */
export function dAdaptSums(gradient: tf.Tensor, s: tf.Tensor, root: tf.Tensor): DAdaptSums {
  return {
    gradient: total(gradient.square().div(root)),
    weighted: total(s.square().div(root)),
    absolute: total(s.abs()),
  };
}
