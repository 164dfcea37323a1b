import * as tf from '@tensorflow/tfjs';
import { PolyakOptimizer } from './polyak-optimizer';
import type { StepLog } from './step-size';

/**
 * A tf.Callback for `model.fit` that keeps the record of every step: step sizes, adaptive terms and
 * bounds, as the paper plots them.
 *
 * @example
 * const logger = new StepSizeLogger();
 * await model.fit(x, y, { callbacks: logger });
 * logger.history.map(({ stepSize, adaptiveStep }) => ...);
 */
export class StepSizeLogger extends tf.Callback {
  /** One record a batch, in order. */
  readonly history: StepLog[] = [];
  private optimizer: PolyakOptimizer | null = null;

  /** @throws TypeError when the model was not compiled with an optimiser of this package */
  override onTrainBegin(): Promise<void> {
    const { optimizer } = this.model;
    if (!(optimizer instanceof PolyakOptimizer)) {
      throw new TypeError(
        `momo.StepSizeLogger: the model must be compiled with MoMo, MoMo-Adam or SPS, got ${optimizer.getClassName()}.`,
      );
    }
    optimizer.logSteps = true;
    this.optimizer = optimizer;
    return Promise.resolve();
  }

  override async onBatchEnd(): Promise<void> {
    const log = await this.optimizer?.readLastStep();
    // A batch that was left out (nonFinite 'skip') has no record of its own.
    if (log && log !== this.history.at(-1)) this.history.push(log);
  }
}
