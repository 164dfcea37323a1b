import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { fanInUniform, type InitKey } from './init';
import { splitKey } from './keys';
import { Module } from './module';

/** Options of Linear. */
export interface LinearOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Whether to add a bias, default true. */
  bias?: boolean;
}

/**
 * y = x W^T + b on the last axis, as torch.nn.Linear.
 *
 * Names: weight [out, in], bias [out]; both start uniform on +-1/sqrt(in).
 */
export class Linear extends Module {
  readonly weight: tf.Variable;
  readonly bias: tf.Variable | null;

  /** @throws RangeError when a size is not a positive integer */
  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { key, bias = true }: LinearOptions,
  ) {
    super();
    checkNumber('tensor-core.Linear', 'inFeatures', inFeatures, { min: 1, integer: true });
    checkNumber('tensor-core.Linear', 'outFeatures', outFeatures, { min: 1, integer: true });
    const [forWeight, forBias] = splitKey(key, 2) as [InitKey, InitKey];
    this.weight = this.parameter('weight', fanInUniform(forWeight, [outFeatures, inFeatures], inFeatures));
    this.bias = bias ? this.parameter('bias', fanInUniform(forBias, [outFeatures], inFeatures)) : null;
  }

  /**
   * @param x  [..., in]
   * @returns [..., out]
   * @throws ShapeError when the last axis has another length
   */
  forward(x: tf.Tensor): tf.Tensor {
    return linear(x, this.weight, this.bias);
  }
}

/** x W^T + b on the last axis: x [..., in], weight [out, in] as in PyTorch, bias [out] or none. */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor | null = null): tf.Tensor {
  const [outFeatures, inFeatures] = weight.shape as [number, number];
  if (x.shape.at(-1) !== inFeatures) {
    throw new ShapeError(argumentMessage('tensor-core.linear', 'x', `have a last axis of ${inFeatures}`, x));
  }
  return tf.tidy(() => {
    // One product of two matrices: batched products with a transposed weight are slower everywhere.
    const rows = x.rank === 2 ? x : x.reshape([-1, inFeatures]);
    const product = tf.matMul(rows, weight, false, true);
    const sum = bias === null ? product : product.add(bias);
    return x.rank === 2 ? sum : sum.reshape([...x.shape.slice(0, -1), outFeatures]);
  });
}
