import * as tf from '@tensorflow/tfjs';
import { Module, Linear } from '../../src/nn';
import { bernoulli, fillUniform, foldIn, key, split, uniform, type Key } from '../../src/random';
import { arrays, type Dataset } from '../../src/train';

// B batch, C features

/** A batch of the problems here. */
export type Batch = { x: tf.Tensor; y: tf.Tensor };

/** A small network with dropout, and a buffer that follows the inputs. */
export class Network extends Module {
  private readonly hidden: Linear;
  private readonly out: Linear;
  readonly seen: tf.Variable;

  constructor(seed = 1) {
    super();
    const [first, second] = split(key(seed)) as [Key, Key];
    this.hidden = this.child('hidden', new Linear(3, 8, { key: first }));
    this.out = this.child('out', new Linear(8, 1, { key: second }));
    this.seen = this.buffer('seen', tf.zeros([3]));
  }

  forward(x_BC: tf.Tensor, dropKey?: Key): tf.Tensor {
    const hidden = tf.tanh(this.hidden.forward(x_BC));
    if (!this.training || dropKey === undefined) return this.out.forward(hidden);
    this.seen.assign(this.seen.mul(0.9).add(x_BC.mean(0).mul(0.1)));
    const kept = bernoulli(dropKey, hidden.shape, 0.8).toFloat();
    return this.out.forward(hidden.mul(kept).div(0.8));
  }
}

/** Mean squared error with dropout. */
export function lossOf(model: Network): (batch: Batch, dropKey: Key) => tf.Scalar {
  return ({ x, y }, dropKey) => model.forward(x, dropKey).sub(y).square().mean();
}

/** y = sin(x0) + x1 x2 at random points. */
export function examples(size: number, seed = 2): Dataset<Batch> {
  const x = fillUniform(key(seed), new Float32Array(3 * size), { low: -1, high: 1 });
  const y = Float32Array.from({ length: size }, (_, i) => Math.sin(x[3 * i]!) + x[3 * i + 1]! * x[3 * i + 2]!);
  return arrays({ x: { data: x, shape: [size, 3] }, y: { data: y, shape: [size, 1] } });
}

/** The same problem without end. */
export const endless = {
  sample(sampleKey: Key, batchSize: number): Batch {
    return tf.tidy(() => {
      const x = uniform(foldIn(sampleKey, 0), [batchSize, 3], { low: -1, high: 1 });
      const [a, b, c] = tf.split(x, 3, 1) as [tf.Tensor, tf.Tensor, tf.Tensor];
      return { x, y: a.sin().add(b.mul(c)) };
    });
  },
};

type Named = { name: string; tensor: tf.Tensor };

/** An exponential moving average of a model's parameters, with the interface that `fit` wants. */
export class Average {
  private readonly weights: tf.Variable[];
  private readonly averages: tf.Variable[];
  private aside: tf.Tensor[] = [];

  constructor(
    model: Module,
    private readonly decay: number,
  ) {
    this.weights = model.trainableVariables();
    this.averages = this.weights.map((weight) => tf.tidy(() => tf.variable(weight.clone(), false)));
  }

  update(): void {
    tf.tidy(() => {
      this.averages.forEach((average, i) => {
        average.assign(average.mul(this.decay).add(this.weights[i]!.mul(1 - this.decay)));
      });
    });
  }

  getWeights(): Promise<Named[]> {
    // More than ten, of which the first ones come last when they are sorted as text.
    const padding = Array.from({ length: 8 }, (_, i) => ({ name: 'padding', tensor: tf.scalar(i, 'int32') }));
    return Promise.resolve([...padding, ...this.averages.map((a, i) => ({ name: `average/${i}`, tensor: a.clone() }))]);
  }

  setWeights(weights: Named[]): Promise<void> {
    weights.slice(0, 8).forEach(({ tensor }, i) => {
      if (tensor.dataSync()[0] !== i) throw new Error('the weights are not in order');
    });
    this.averages.forEach((average, i) => average.assign(weights[8 + i]!.tensor));
    return Promise.resolve();
  }

  apply(): void {
    this.aside = this.weights.map((weight) => weight.clone());
    this.weights.forEach((weight, i) => weight.assign(this.averages[i]!));
  }

  restore(): void {
    this.weights.forEach((weight, i) => weight.assign(this.aside[i]!));
    tf.dispose(this.aside);
  }

  values(): number[][] {
    return this.averages.map((average) => [...average.dataSync()]);
  }

  dispose(): void {
    tf.dispose(this.averages);
  }
}

/** All values of a state dict. */
export function snapshot(holder: { stateDict(): Record<string, tf.Tensor> }): Record<string, number[]> {
  const state = holder.stateDict();
  const values = Object.entries(state).map(([name, tensor]) => [name, [...tensor.dataSync()]]);
  tf.dispose(state);
  return Object.fromEntries(values) as Record<string, number[]>;
}
