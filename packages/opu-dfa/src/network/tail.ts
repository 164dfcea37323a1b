// Examples are the first axis of every tensor and stay apart.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { ACTIVATION_NAMES, ACTIVATIONS, type ActivationName } from './activations';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** A part without parameters as data, as files have it. */
export type TailDescription =
  | { kind: 'flatten' }
  | { kind: 'reshape'; /** Of an example; one length may be -1. */ shape: readonly number[] }
  | { kind: 'activation'; name: ActivationName }
  | {
      kind: 'maxPool' | 'averagePool';
      /** Rows and columns, one number for both. */
      size: number | readonly [number, number];
      /** Default: the size. */
      strides?: number | readonly [number, number];
      /** Default 'valid'. */
      padding?: 'valid' | 'same';
    }
  | { kind: 'globalAveragePool' };

/** One part of a network without parameters. */
export interface TailPart {
  /** As data; null for a function of one's own. */
  readonly description: TailDescription | null;
  apply(h: tf.Tensor): tf.Tensor;
  /** The derivatives by h of what has the derivatives `dy` by the output. */
  backward(h: tf.Tensor, output: tf.Tensor, dy: tf.Tensor): tf.Tensor;
}

/** The parts of a network without parameters between two layers, in order: pooling, flattening. */
export type Tail = readonly TailPart[];

/**
 * A part from its description, or from a differentiable function of tensors whose first axis is that of the examples.
 *
 * @throws RangeError, TypeError for descriptions that are none
 */
export function tailPart(where: string, part: TailDescription | ((h: tf.Tensor) => tf.Tensor)): TailPart {
  if (typeof part === 'function') {
    return { description: null, apply: part, backward: (h, _, dy) => tf.grad(part)(h, dy) };
  }
  checkOneOf(where, 'kind', part.kind, KINDS);
  if (part.kind === 'maxPool' || part.kind === 'averagePool') return pooling(where, part);
  if (part.kind === 'activation') {
    const { name } = part;
    const activation = ACTIVATIONS[checkOneOf(where, 'name', name, ACTIVATION_NAMES)];
    return {
      description: { kind: 'activation', name },
      apply: (h) => activation.apply(h),
      backward: (_, output, dy) => dy.mul(activation.slope(output) ?? 1),
    };
  }
  if (part.kind === 'globalAveragePool') {
    return { description: { kind: 'globalAveragePool' }, apply: (h) => h.mean([1, 2]), backward: spread };
  }
  const shape = part.kind === 'reshape' ? checkedTarget(where, part.shape) : [-1];
  return {
    description: part.kind === 'flatten' ? { kind: 'flatten' } : { kind: 'reshape', shape },
    apply: (h) => h.reshape([h.shape[0], ...shape]),
    backward: (h, _, dy) => dy.reshape(h.shape),
  };
}

const KINDS: readonly TailDescription['kind'][] = [
  'flatten',
  'reshape',
  'activation',
  'maxPool',
  'averagePool',
  'globalAveragePool',
];

function pooling(where: string, part: TailDescription & { kind: 'maxPool' | 'averagePool' }): TailPart {
  const { kind } = part;
  const size = checkedPair(where, 'size', part.size);
  const strides = checkedPair(where, 'strides', part.strides ?? size);
  const padding = checkOneOf(where, 'padding', part.padding ?? 'valid', ['valid', 'same']);
  const attributes = { filterSize: size, strides, pad: padding };
  const description = { kind, size, strides, padding };
  if (kind === 'maxPool') {
    return {
      description,
      apply: (h) => tf.maxPool(h as tf.Tensor4D, size, strides, padding),
      backward: (input, output, dy) => tf.engine().runKernel('MaxPoolGrad', { dy, input, output }, attributes),
    };
  }
  return {
    description,
    apply: (h) => tf.avgPool(h as tf.Tensor4D, size, strides, padding),
    backward: (input, _, dy) => tf.engine().runKernel('AvgPoolGrad', { dy, input }, attributes),
  };
}

/** The derivative of a mean over the pixels: the same share for each. */
function spread(h: tf.Tensor, _: tf.Tensor, dy: tf.Tensor): tf.Tensor {
  const [M, H, W, C] = h.shape as [number, number, number, number];
  return dy
    .mul(1 / (H * W))
    .reshape([M, 1, 1, C])
    .broadcastTo([M, H, W, C]);
}

function checkedPair(where: string, name: string, value: number | readonly [number, number]): [number, number] {
  const pair = typeof value === 'number' ? [value, value] : value;
  if (!Array.isArray(pair) || pair.length !== 2) {
    throw new TypeError(argumentMessage(where, name, 'be a number or a pair of numbers', value));
  }
  return pair.map((length) => checkNumber(where, name, length, { min: 1, integer: true })) as [number, number];
}

function checkedTarget(where: string, shape: readonly number[]): number[] {
  if (!Array.isArray(shape)) throw new TypeError(argumentMessage(where, 'shape', 'be an array of lengths', shape));
  const lengths = shape.map((length: number) => checkNumber(where, 'shape', length, { min: -1, integer: true }));
  if (lengths.includes(0) || lengths.filter((length) => length === -1).length > 1) {
    throw new RangeError(argumentMessage(where, 'shape', 'have lengths >= 1, and -1 at most once', lengths));
  }
  return lengths;
}
