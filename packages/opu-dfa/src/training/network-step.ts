import * as tf from '@tensorflow/tfjs';
import { backend, jit, type random, type train } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import type { Outward } from '../network/update';
import type { CompleteUpdate } from '../network/update-options';
import { accuracyOf } from './metrics';
import type { Examples } from './poisson-sampler';

/** What a step is built from. */
interface NetworkStepOptions {
  network: DfaNetwork;
  optimizer: tf.Optimizer;
  /** But for the key, which is that of the step. */
  update: CompleteUpdate;
  /** Steps from one measurement of the alignment to the next, null for none. */
  alignEvery: number | null;
  compile: boolean;
}

type Values = Record<string, tf.Scalar>;
type Step = (batch: Examples, key: random.Key) => Values;

/** One step of training: gradients and optimiser, in one compiled function or around feedback that answers later. */
export class NetworkStep {
  private readonly plain: Step;
  private readonly measuring: Step;
  private readonly isCompiled: boolean;

  constructor(private readonly options: NetworkStepOptions) {
    const { network, compile } = options;
    this.isCompiled = compile && network.feedback?.compiles !== false;
    const compiled = this.isCompiled ? jit : <F>(fn: F): F => fn;
    this.plain = compiled((batch: Examples, key: random.Key) => this.atOnce(batch, key, false));
    this.measuring = compiled((batch: Examples, key: random.Key) => this.atOnce(batch, key, true));
  }

  run(batch: Examples, { key, step }: train.StepContext): Values | Promise<Values> {
    const { network, update, alignEvery } = this.options;
    const measures = alignEvery !== null && step % alignEvery === 0;
    if (network.feedback?.compiles !== false) {
      return this.counted(() => (measures ? this.measuring : this.plain)(batch, key));
    }
    const own = { ...update, key };
    const { x, y } = batch;
    return network.later('gradients', x, y, own, (half, signals) => this.finish(y, half, signals, own, measures));
  }

  private atOnce({ x, y }: Examples, key: random.Key, measures: boolean): Values {
    const { network, update } = this.options;
    const own = { ...update, key };
    return network.atOnce('gradients', x, y, own, (half, signals) => this.finish(y, half, signals, own, measures));
  }

  private finish(
    y: tf.Tensor,
    half: Outward,
    signals: readonly tf.Tensor2D[] | null,
    update: CompleteUpdate,
    measures: boolean,
  ): Values {
    const { network, optimizer } = this.options;
    const { loss, gradients } = network.inward(half, signals, update);
    const values: Values = { loss };
    const accuracy = accuracyOf(network.loss, half.pass.logits, y);
    if (accuracy) values['accuracy'] = accuracy;
    if (measures) {
      network.cosines(half, signals, update).forEach((cosine, l) => {
        values[`alignment/${network.blocks[l]!.name}`] = cosine;
      });
    }
    if (isLossAware(optimizer)) {
      const named = Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
      optimizer.applyGradientsWithLoss(named, loss);
    } else {
      optimizer.applyGradients(gradients);
    }
    return values;
  }

  /** TensorFlow.js's optimisers count steps in JavaScript, which a compiled function runs only at its recording. */
  private counted<T>(step: () => T): T {
    const { optimizer } = this.options;
    const before = optimizer.iterations;
    const result = step();
    const mayBeCompiled = this.isCompiled && backend.canCompile(tf.backend());
    if (mayBeCompiled && optimizer.iterations === before) optimizer['incrementIterations']();
    return result;
  }
}

/** An optimiser whose step depends on the loss. */
interface LossAwareOptimizer extends tf.Optimizer {
  applyGradientsWithLoss(gradients: { name: string; tensor: tf.Tensor }[], loss: tf.Scalar): void;
}

function isLossAware(optimizer: tf.Optimizer): optimizer is LossAwareOptimizer {
  return typeof (optimizer as Partial<LossAwareOptimizer>).applyGradientsWithLoss === 'function';
}
