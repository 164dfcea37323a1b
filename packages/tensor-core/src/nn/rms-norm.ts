import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { checkCounts, checkLastAxis } from './checks';
import { Module } from './module';

/** Options of RmsNorm. */
export interface RmsNormOptions {
  /** Added to the mean square, default 2^-23, PyTorch's for float32. */
  epsilon?: number;
  /** Whether there is a scale for each element, default true. */
  affine?: boolean;
}

/**
 * x / sqrt(mean(x^2) + epsilon) weight over the last axis, as torch.nn.RMSNorm.
 *
 * Names: weight [width], ones at the start.
 *
 * @see Zhang & Sennrich, 2019, arXiv:1910.07467
 */
export class RmsNorm extends Module {
  readonly weight: tf.Variable | null;
  readonly epsilon: number;

  /** @throws RangeError when the width is not a positive integer or epsilon is negative */
  constructor(
    readonly width: number,
    { epsilon = 2 ** -23, affine = true }: RmsNormOptions = {},
  ) {
    super();
    checkCounts('tensor-core.RmsNorm', { width });
    this.epsilon = checkNumber('tensor-core.RmsNorm', 'epsilon', epsilon, { min: 0 });
    this.weight = affine ? this.parameter('weight', tf.ones([width])) : null;
  }

  /** @param x  [..., width] @returns the same shape @throws ShapeError when the last axis has another length */
  forward(x: tf.Tensor): tf.Tensor {
    checkLastAxis('tensor-core.RmsNorm.forward', x, this.width);
    return tf.tidy(() => {
      const normal = x.mul(x.square().mean(-1, true).add(this.epsilon).rsqrt());
      return this.weight === null ? normal : normal.mul(this.weight);
    });
  }
}
