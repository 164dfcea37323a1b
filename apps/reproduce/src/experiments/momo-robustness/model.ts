import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';
import type { SweepModel } from '@tfsci/momo';

/**
 * A multilayer perceptron with ReLU between its layers; weights and biases U(-1/sqrt(fanIn), 1/sqrt(fanIn)).
 *
 * @param seed   the same one gives the same weights
 * @param sizes  inputs, hidden units..., classes
 */
export function mlp(seed: number, sizes: readonly number[]): SweepModel {
  const keys = random.split(random.foldIn(random.key(seed), 1), 2 * (sizes.length - 1));
  const variables = sizes.slice(1).flatMap((units, layer) => {
    const fanIn = sizes[layer]!;
    const bound = 1 / Math.sqrt(fanIn);
    return [[fanIn, units], [units]].map((shape, i) =>
      tf.tidy(() => random.uniform(keys[2 * layer + i]!, shape, { low: -bound, high: bound }).variable()),
    );
  });
  const last = variables.length - 2;
  return {
    variables,
    forward(x) {
      let h = x as tf.Tensor2D;
      for (let i = 0; i < last; i += 2)
        h = h
          .matMul(variables[i] as unknown as tf.Tensor2D)
          .add<tf.Tensor2D>(variables[i + 1]!)
          .relu();
      return h.matMul(variables[last] as unknown as tf.Tensor2D).add(variables[last + 1]!);
    },
    dispose: () => tf.dispose(variables),
  };
}
