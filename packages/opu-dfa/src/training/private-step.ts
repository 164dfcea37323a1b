import * as tf from '@tensorflow/tfjs';
import { backend, jit, scope, tensorsIn, type random } from '@tfsci/tensor-core';
import type { DfaNetwork } from '../network/dfa-network';
import { tidied } from '../tidied';
import type { Mechanism, PrivateBatch } from './mechanism';
import type { NormalSource } from './noise-source';

/** What a step is made of. */
export interface PrivateStepParts {
  where: string;
  network: DfaNetwork;
  optimizer: tf.Optimizer;
  mechanism: Mechanism;
  /** Examples of the data set. */
  size: number;
  compile: boolean;
}

/** A step on the device: whether it was taken, and the loss before it. */
interface Taken {
  /** 1 when gradients and new weights are finite; 0 when they are not and the weights are as they were. */
  isFinite: tf.Scalar;
  loss: tf.Scalar;
}

/** Released gradients and the optimiser as a compiled function, or as two around a projection that takes its time. */
export class PrivateStep {
  private readonly codeOf: (batch: PrivateBatch) => tf.Tensor2D;
  private readonly update: (
    batch: PrivateBatch,
    signals: tf.Tensor2D[] | null,
    noise: NormalSource,
    key: random.Key,
  ) => Taken;

  constructor(private readonly parts: PrivateStepParts) {
    const compiled = parts.compile ? jit : <F>(fn: F): F => fn;
    this.codeOf = compiled((batch: PrivateBatch) => tidied(() => this.outward(batch).code!));
    this.update = compiled((batch: PrivateBatch, signals: tf.Tensor2D[] | null, noise: NormalSource, key: random.Key) =>
      tidied(() => this.whole(batch, signals, noise, key)),
    );
  }

  /**
   * Takes a step, unless something in it is not finite.
   *
   * @param widths  N_l of the hidden layers
   * @param noise   standard normal numbers, or the key to draw them with
   * @param key     for noise of the projection itself
   * @returns whether it was taken, and the loss, the caller's to dispose
   */
  async run(
    batch: PrivateBatch,
    widths: readonly number[],
    noise: NormalSource,
    key: random.Key,
  ): Promise<{ isTaken: boolean; loss: tf.Scalar }> {
    return scope(async (own) => {
      const signals = this.isAwaited() ? own(await this.project(own(this.codeOf(batch)), widths, key)) : null;
      const taken = this.counted(() => this.update(batch, signals, noise, key));
      own(tensorsIn(taken));
      const { isFinite, loss } = taken;
      return { isTaken: (await isFinite.data())[0] === 1, loss };
    });
  }

  private isAwaited(): boolean {
    const { network, mechanism } = this.parts;
    const { feedback, blocks } = network;
    return feedback?.compiles === false && mechanism.update.mode !== 'bp' && blocks.length > 1;
  }

  private async project(code: tf.Tensor2D, widths: readonly number[], key: random.Key): Promise<tf.Tensor2D[]> {
    return this.parts.network.feedback!.signals(code, widths, key);
  }

  private outward({ x, y }: PrivateBatch) {
    const { network, mechanism } = this.parts;
    return network.outward('gradients', x, y, mechanism.update);
  }

  private whole(batch: PrivateBatch, signals: tf.Tensor2D[] | null, noise: NormalSource, key: random.Key): Taken {
    const { where, network, optimizer, mechanism, size } = this.parts;
    const half = this.outward(batch);
    const arrived = signals ?? network.signals(half, key);
    const { gradients, loss } = mechanism.gradients(where, network, half, arrived, batch, noise, size);
    const variables = Object.values(network.parameters);
    const before = variables.map((variable) => variable.clone());
    const areFinite = allFinite(Object.values(gradients));
    // Zeros, so that nothing that is not finite comes into the state of the optimiser either.
    const safe = Object.entries(gradients).map(([name, tensor]) => ({
      name,
      tensor: tf.where(areFinite, tensor, tf.zerosLike(tensor)),
    }));
    optimizer.applyGradients(safe);
    const isFinite = areFinite.logicalAnd<tf.Scalar>(allFinite(variables));
    variables.forEach((variable, i) => variable.assign(tf.where(isFinite, variable, before[i]!)));
    return { isFinite: isFinite.toFloat<tf.Scalar>(), loss };
  }

  /** TensorFlow.js's optimisers count steps in JavaScript, which a compiled function runs only at its recording. */
  private counted<T>(step: () => T): T {
    const { optimizer, compile } = this.parts;
    const before = optimizer.iterations;
    const result = step();
    const mayBeCompiled = compile && backend.canCompile(tf.backend());
    if (mayBeCompiled && optimizer.iterations === before) optimizer['incrementIterations']();
    return result;
  }
}

/** Whether all entries are finite, and their squares do not overflow. */
function allFinite(tensors: readonly tf.Tensor[]): tf.Scalar {
  return tf.isFinite(tf.addN(tensors.map((tensor) => tensor.square().sum<tf.Scalar>())));
}
