import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';
import {
  ConvolutionMap,
  DenseMap,
  DfaNetwork,
  MatrixFeedback,
  type ActivationName,
  type ConvolutionWindow,
  type Feedback,
  type LossName,
  type UpdateOptions,
} from '../src/index';
import { tailPart, type TailDescription } from '../src/network/tail';

/** Uniform on +-0.7: away from where float32 saturates. */
export const drawn = (seed: number, shape: number[]): tf.Tensor =>
  random.uniform(random.key(seed), shape, { low: -0.7, high: 0.7 });

const variable = (seed: number, shape: number[]): tf.Variable => tf.tidy(() => tf.variable(drawn(seed, shape)));

export interface SmallNetwork {
  activation?: ActivationName;
  loss?: LossName;
  sizes?: readonly number[];
  feedback?: Feedback | null;
  hasBias?: boolean;
  isTransposed?: boolean;
}

/** A dense network with biases that are not zero; by default its feedback is drawn with the key 9. */
export function smallDense(options: SmallNetwork = {}): DfaNetwork {
  const { activation = 'tanh', loss = 'softmaxCrossEntropy', sizes = [4, 6, 5, 3], hasBias = true } = options;
  const { isTransposed = false } = options;
  const blocks = sizes.slice(1).map((units, l) => {
    const shape = isTransposed ? [units, sizes[l]!] : [sizes[l]!, units];
    const bias = hasBias ? variable(50 + l, [units]) : null;
    const isLast = l === sizes.length - 2;
    return {
      name: `layers.${l}`,
      map: new DenseMap(variable(10 + l, shape), bias, isTransposed),
      activation: isLast ? ('linear' as const) : activation,
      tail: null,
    };
  });
  const drawnFeedback = (): Feedback | null =>
    sizes.length === 2 ? null : MatrixFeedback.draw(random.key(9), sizes.at(-1)!, sizes.slice(1, -1));
  return new DfaNetwork({
    blocks,
    loss,
    feedback: options.feedback === undefined ? drawnFeedback() : options.feedback,
  });
}

/** Two convolutions, 2 -> 3 -> 2 channels, then the mean over the pixels, dense, 3 outputs. */
export function deepConvolutional(window: ConvolutionWindow): DfaNetwork {
  const parts = [tailPart('test', { kind: 'globalAveragePool' })];
  const maps = [
    new ConvolutionMap(variable(20, [2, 2, 2, 3]), variable(21, [3]), { padding: 'same', strides: [1, 1] }),
    new ConvolutionMap(variable(24, [3, 2, 3, 2]), null, window),
    new DenseMap(variable(22, [2, 3]), null),
  ];
  const blocks = maps.map((map, l) => ({
    name: `layers.${l}`,
    map,
    activation: l < 2 ? ('tanh' as const) : ('linear' as const),
    tail: l === 1 ? parts : null,
  }));
  return new DfaNetwork({ blocks, loss: 'softmaxCrossEntropy', feedback: null });
}

/** Images [M, 7, 6, 2] -> convolution to 3 channels -> activation -> tail -> dense -> 3 outputs. */
export function smallConvolutional(
  window: ConvolutionWindow,
  tail: readonly (TailDescription | ((h: tf.Tensor) => tf.Tensor))[],
  { activation = 'tanh', feedback }: SmallNetwork = {},
): DfaNetwork {
  const parts = tail.map((part) => tailPart('test', part));
  const map = new ConvolutionMap(variable(20, [3, 2, 2, 3]), variable(21, [3]), window);
  const units = tf.tidy(() => parts.reduce((h, part) => part.apply(h), map.apply(tf.zeros([1, 7, 6, 2]))).size);
  const blocks = [
    { name: 'images', map, activation, tail: parts },
    {
      name: 'classes',
      map: new DenseMap(variable(22, [units, 3]), variable(23, [3])),
      activation: 'linear' as const,
      tail: null,
    },
  ];
  const own = feedback === undefined ? MatrixFeedback.draw(random.key(9), 3, [units]) : feedback;
  return new DfaNetwork({ blocks, loss: 'softmaxCrossEntropy', feedback: own });
}

/** 5 examples for the loss: labels, or targets of all outputs. */
export function targetsFor(loss: LossName): tf.Tensor {
  if (loss === 'softmaxCrossEntropy') return tf.tensor1d([0, 2, 1, 1, 0], 'int32');
  return loss === 'meanSquared' ? drawn(31, [5, 3]) : tf.tidy(() => drawn(31, [5, 3]).greater(0).toFloat());
}

/** Gradients by the parameters' names, on the host. */
export function gradientsOnHost(
  network: DfaNetwork,
  x: tf.Tensor,
  y: tf.Tensor,
  options: UpdateOptions = {},
): Record<string, Float32Array> {
  const { loss, gradients } = network.gradients(x, y, options);
  const found = Object.entries(network.parameters).map(([name, { name: own }]) => [
    name,
    Float32Array.from(gradients[own]!.dataSync()),
  ]);
  tf.dispose([loss, gradients]);
  return Object.fromEntries(found) as Record<string, Float32Array>;
}

/** Gradients of any function of the network's parameters, by tf.variableGrads. */
export function autodiff(network: DfaNetwork, loss: () => tf.Scalar): Record<string, Float32Array> {
  const { parameters } = network;
  const { value, grads } = tf.variableGrads(loss, Object.values(parameters));
  const found = Object.entries(parameters).map(([name, { name: own }]) => [
    name,
    Float32Array.from(grads[own]!.dataSync()),
  ]);
  tf.dispose([value, grads]);
  return Object.fromEntries(found) as Record<string, Float32Array>;
}
