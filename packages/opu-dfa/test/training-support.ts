import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';
import { ConvolutionMap } from '../src/network/convolution-map';
import { denseNetwork } from '../src/network/dense-network';
import { DenseMap } from '../src/network/dense-map';
import { DfaNetwork } from '../src/network/dfa-network';
import { tailPart } from '../src/network/tail';
import { MatrixFeedback } from '../src/feedback/matrix-feedback';
import {
  appendEvent,
  checkEvent,
  type Accountant,
  type CompleteEvent,
  type EpsilonReport,
  type NeighbourRelation,
  type PrivacyEvent,
} from '../src/privacy/privacy-event';
import type { Examples } from '../src/training/poisson-sampler';

/** No guarantee, but a sum that anyone can do: epsilon = sum of steps q / z, whatever delta is. Counts its evaluations. */
export class AddingAccountant implements Accountant {
  readonly events: CompleteEvent[] = [];
  evaluations = { count: 0 };

  constructor(
    readonly relation: NeighbourRelation = 'add-remove',
    private readonly options: Record<string, unknown> = { orders: [2, Infinity] },
  ) {}

  step(event: PrivacyEvent): void {
    appendEvent(this.events, checkEvent('test', event, this.relation));
  }

  epsilon(delta: number): EpsilonReport {
    this.evaluations.count++;
    const costs = this.events.map(
      ({ steps, samplingRate, noiseMultiplier }) => (steps * samplingRate) / noiseMultiplier,
    );
    const epsilon = costs.reduce((sum, cost) => sum + cost, 0);
    return { epsilon, delta, relation: this.relation, accountant: 'rdp' };
  }

  delta(): number {
    return 1;
  }

  clone(): Accountant {
    const copy = new AddingAccountant(this.relation, this.options);
    copy.events.push(...this.events);
    copy.evaluations = this.evaluations;
    return copy;
  }

  toJSON() {
    const { relation, events, options } = this;
    return { accountant: 'rdp' as const, relation, events, options };
  }
}

/** 3 inputs, two hidden layers, 4 classes. */
export function smallNetwork(): DfaNetwork {
  return denseNetwork({ inputs: 3, hidden: [6, 5], outputs: 4, key: 1 });
}

/** Pictures of 4 x 4 pixels, a convolution, 3 classes. */
export function convolutionNetwork(): DfaNetwork {
  const [a, b, c] = random.split(random.key(2), 3) as [random.Key, random.Key, random.Key];
  const draw = (key: random.Key, shape: number[]): tf.Variable =>
    tf.tidy(() => tf.variable(random.normal(key, shape, { std: 0.5 })));
  const convolution = new ConvolutionMap(draw(a, [3, 3, 1, 2]), tf.variable(tf.zeros([2])), {
    strides: [2, 2],
    padding: 'same',
  });
  const dense = new DenseMap(draw(b, [8, 3]), null);
  const flatten = tailPart('test', { kind: 'flatten' });
  return new DfaNetwork({
    blocks: [
      { name: 'convolution', map: convolution, activation: 'tanh', tail: [flatten] },
      { name: 'dense', map: dense, activation: 'linear', tail: null },
    ],
    loss: 'softmaxCrossEntropy',
    feedback: MatrixFeedback.draw(c, 3, [8]),
  });
}

/** Examples of which some have large gradients and some small ones. */
export function examples(count: number, shape: readonly number[], classes: number, seed = 0): Examples {
  const [forX, forScale, forY] = random.split(random.key(seed), 3) as [random.Key, random.Key, random.Key];
  return tf.tidy(() => {
    const scale = random.uniform(forScale, [count, ...shape.map(() => 1)], { low: 0.05, high: 3 });
    const x = random.normal(forX, [count, ...shape]).mul(scale);
    return { x, y: random.integers(forY, [count], 0, classes) };
  });
}

/** The values of variables, each flat. */
export function valuesOfAll(tensors: Record<string, tf.Tensor>): number[] {
  return Object.values(tensors).flatMap((tensor) => [...tensor.dataSync()]);
}
