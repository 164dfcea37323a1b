import * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../check';
import type { Key } from '../random';
import { gelu, silu } from './activations';
import { checkCounts } from './checks';
import { Dropout } from './dropout';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { Linear } from './linear';
import { Module } from './module';

/** A function of each number, by name or itself. */
export type Activation = 'relu' | 'gelu' | 'silu' | ((x: tf.Tensor) => tf.Tensor);

/** @throws RangeError when the name is unknown */
export function activationOf(where: string, activation: Activation): (x: tf.Tensor) => tf.Tensor {
  if (typeof activation === 'function') return activation;
  const named = { relu: tf.relu as (x: tf.Tensor) => tf.Tensor, gelu, silu };
  return named[checkOneOf(where, 'activation', activation, ['relu', 'gelu', 'silu'])];
}

/** Options of Mlp. */
export interface MlpOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Width of the result, default that of x. */
  outWidth?: number;
  /** Default 'gelu'. */
  activation?: Activation;
  /** Of the hidden layer and of the result in training, default 0. */
  dropout?: number;
  /** Whether the layers add biases, default true. */
  bias?: boolean;
  /** Of the two layers, default ['fc1', 'fc2']. */
  names?: readonly [string, string];
}

/**
 * Two linear layers with an activation in between: the feed-forward part of a transformer.
 *
 *   drop(W2 drop(activation(W1 x + b1)) + b2)
 *
 * Names: fc1.{weight,bias} [hidden, width], fc2.{weight,bias} [outWidth, hidden].
 */
export class Mlp extends Module {
  private readonly first: Linear;
  private readonly second: Linear;
  private readonly dropout: Dropout;
  private readonly activate: (x: tf.Tensor) => tf.Tensor;

  /** @throws RangeError when a number is not of its kind or the activation unknown */
  constructor(width: number, hidden: number, options: MlpOptions) {
    super();
    const { key, outWidth = width, activation = 'gelu', dropout = 0, bias = true, names = ['fc1', 'fc2'] } = options;
    checkCounts('tensor-core.Mlp', { width, hidden, outWidth });
    this.activate = activationOf('tensor-core.Mlp', activation);
    const [one, two] = splitKey(key, 2) as [InitKey, InitKey];
    this.first = this.child(names[0], new Linear(width, hidden, { key: one, bias }));
    this.second = this.child(names[1], new Linear(hidden, outWidth, { key: two, bias }));
    this.dropout = this.child('dropout', new Dropout(dropout));
  }

  /**
   * @param x    [..., width]
   * @param key  for dropout in training
   * @returns [..., outWidth]
   * @throws ShapeError when the width is another, TypeError when the key is missing in training with dropout
   */
  forward(x: tf.Tensor, key?: Key): tf.Tensor {
    const [one, two] = splitKey(key, 2);
    return tf.tidy(() => {
      const hidden = this.dropout.forward(this.activate(this.first.forward(x)), one);
      return this.dropout.forward(this.second.forward(hidden), two);
    });
  }
}
