import * as tf from '@tensorflow/tfjs';
import { check, type nn, optim } from '@tfsci/tensor-core';

const { argumentMessage, FormatError } = check;

/** A float32 tensor as plain data, which JSON keeps exactly. */
export interface SavedTensor {
  name: string;
  shape: number[];
  data: number[];
}

/** A network and its optimiser as plain data. */
export interface SavedNetwork {
  weights: SavedTensor[];
  optimizer: SavedTensor[];
}

/** A network with its Adam. */
export class TrainedNetwork<M extends nn.Module> {
  private readonly optimizer: optim.AdamW;

  constructor(
    readonly module: M,
    { rate, weightDecay }: { rate: number; weightDecay: number },
  ) {
    this.optimizer = new optim.AdamW({
      learningRate: rate,
      weightDecay,
      // So that a state never holds what is not finite.
      nonFinite: 'skip',
      // As in both papers.
      ...{ beta1: 0.5, beta2: 0.999, decoupled: false },
      parameters: module.namedParameters(),
    });
  }

  /** A loss and its gradients, which are the caller's. */
  gradients(loss: () => tf.Scalar): { value: tf.Scalar; grads: tf.NamedTensorMap } {
    return tf.variableGrads(loss, this.module.trainableVariables());
  }

  apply(gradients: tf.NamedTensorMap): void {
    this.optimizer.applyGradients(gradients);
  }

  async save(): Promise<SavedNetwork> {
    const weights = Object.entries(this.module.stateDict()).map(([name, tensor]) => ({ name, tensor }));
    return { weights: await saved(weights), optimizer: await saved(await this.optimizer.getWeights()) };
  }

  /** @throws FormatError when it is not what `save` of such a network gave */
  async restore(where: string, state: SavedNetwork | undefined): Promise<void> {
    const weights = restored(where, state?.weights);
    const optimizer = restored(where, state?.optimizer);
    try {
      this.module.loadStateDict(Object.fromEntries(weights.map(({ name, tensor }) => [name, tensor])));
      await this.optimizer.setWeights(optimizer);
    } finally {
      for (const { tensor } of [...weights, ...optimizer]) tensor.dispose();
    }
  }

  /** Lets go of the optimiser; the module is disposed apart. */
  dispose(): void {
    this.optimizer.dispose();
  }
}

async function saved(tensors: readonly optim.NamedTensor[]): Promise<SavedTensor[]> {
  try {
    return await Promise.all(
      tensors.map(async ({ name, tensor }) => ({
        name,
        shape: [...tensor.shape],
        data: Array.from(await tensor.data()),
      })),
    );
  } finally {
    for (const { tensor } of tensors) tensor.dispose();
  }
}

/** @throws FormatError when it is no list of `SavedTensor` */
function restored(where: string, list: readonly SavedTensor[] | undefined): optim.NamedTensor[] {
  const fits = (entry: unknown): boolean => {
    const { name, shape, data } = (entry ?? {}) as Partial<SavedTensor>;
    if (typeof name !== 'string' || !Array.isArray(shape) || !Array.isArray(data)) return false;
    return data.every(Number.isFinite) && tf.util.sizeFromShape(shape) === data.length;
  };
  if (!list?.every?.(fits)) {
    const wanted = 'hold networks as lists of { name, shape, data }';
    throw new FormatError(argumentMessage(where, 'state.learner', wanted, list, 'Pass the state of a fit.'));
  }
  return list.map(({ name, shape, data }) => ({ name, tensor: tf.tensor(data, shape, 'float32') }));
}
