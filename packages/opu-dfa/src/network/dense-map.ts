// M examples, N inputs, K units.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { ghostSquaredNorms } from '../clipping/ghost-clipping';
import { tidied } from '../tidied';
import type { AffineMap, MapGradients } from './affine-map';

const { argumentMessage, ShapeError } = check;

/** A dense layer, z = h W + b; W as [N, K], or as [K, N] where it is PyTorch's. */
export class DenseMap implements AffineMap {
  constructor(
    readonly kernel: tf.Variable,
    readonly bias: tf.Variable | null,
    readonly isTransposed = false,
  ) {}

  get outputs(): number {
    return this.kernel.shape[this.isTransposed ? 0 : 1]!;
  }

  apply(h_MN: tf.Tensor): tf.Tensor {
    const { kernel, bias, isTransposed } = this;
    const inputs = kernel.shape[isTransposed ? 1 : 0]!;
    if (h_MN.rank !== 2 || h_MN.shape[1] !== inputs) {
      throw new ShapeError(argumentMessage('opu-dfa.DfaNetwork', 'x', `have the shape [M, ${inputs}]`, h_MN));
    }
    return tf.tidy(() => {
      const product = tf.matMul<tf.Tensor2D>(h_MN, kernel, false, isTransposed);
      return bias === null ? product : product.add(bias);
    });
  }

  gradients(h_MN: tf.Tensor, delta_MK: tf.Tensor): MapGradients {
    return tidied(() => ({
      kernel: this.isTransposed ? tf.matMul(delta_MK, h_MN, true, false) : tf.matMul(h_MN, delta_MK, true, false),
      bias: this.bias && delta_MK.sum(0),
    }));
  }

  backward(_: tf.Tensor, delta_MK: tf.Tensor): tf.Tensor {
    return tf.matMul(delta_MK, this.kernel, false, !this.isTransposed);
  }

  squaredNorms(h_MN: tf.Tensor, delta_MK: tf.Tensor): tf.Tensor1D {
    return ghostSquaredNorms(h_MN as tf.Tensor2D, delta_MK as tf.Tensor2D, { bias: this.bias !== null });
  }
}
