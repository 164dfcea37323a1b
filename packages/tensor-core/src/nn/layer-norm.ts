import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkCounts, checkLastAxis } from './checks';
import { Module } from './module';

/** Options of LayerNorm. */
export interface LayerNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
  /** Whether there are a scale and a shift for each element, default true. */
  affine?: boolean;
  /** Whether the affine map has a shift, default true. */
  bias?: boolean;
}

/**
 * (x - mean) / sqrt(variance + epsilon) weight + bias over the last axis, or over several, as torch.nn.LayerNorm.
 *
 * The shape is that of PyTorch, whose channels come first: [C, H, W] normalises x [..., H, W, C] over the last three
 * axes, [C, L] normalises x [..., L, C] over two.
 *
 * Names: weight and bias of that shape, ones and zeros at the start.
 *
 * @see Ba, Kiros & Hinton, 2016, arXiv:1607.06450
 */
export class LayerNorm extends Module {
  readonly weight: tf.Variable | null;
  readonly bias: tf.Variable | null;
  readonly epsilon: number;
  /** The last axes of x. */
  private readonly shape: readonly number[];

  /** @throws RangeError when a length is not a positive integer, there are more than three, or epsilon is negative */
  constructor(
    normalizedShape: number | readonly number[],
    { epsilon = 1e-5, affine = true, bias = true }: LayerNormOptions = {},
  ) {
    super();
    const lengths = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    if (lengths.length < 1 || lengths.length > 3) {
      const wanted = 'have one to three lengths';
      throw new RangeError(argumentMessage('tensor-core.LayerNorm', 'normalizedShape', wanted, normalizedShape));
    }
    checkCounts('tensor-core.LayerNorm', Object.fromEntries(lengths.map((n, i) => [`normalizedShape[${i}]`, n])));
    this.epsilon = checkNumber('tensor-core.LayerNorm', 'epsilon', epsilon, { min: 0 });
    const permutation = [...lengths.keys()].slice(1).concat(0);
    this.shape = permutation.map((axis) => lengths[axis]!);
    const slot = lengths.length === 1 ? {} : { permutation };
    this.weight = affine ? this.parameter('weight', tf.ones([...this.shape]), slot) : null;
    this.bias = affine && bias ? this.parameter('bias', tf.zeros([...this.shape]), slot) : null;
  }

  /**
   * @param x  its last axes have the lengths of `normalizedShape`, channels last
   * @returns of the same shape
   * @throws ShapeError when they have others
   */
  forward(x: tf.Tensor): tf.Tensor {
    const { weight, bias, epsilon, shape } = this;
    if (shape.length === 1) {
      checkLastAxis('tensor-core.LayerNorm.forward', x, shape[0]!);
      return layerNorm(x, weight, bias, epsilon);
    }
    if (String(x.shape.slice(-shape.length)) !== String(shape)) {
      const wanted = `have the last axes [${shape.join(', ')}]`;
      throw new ShapeError(argumentMessage('tensor-core.LayerNorm.forward', 'x', wanted, x));
    }
    return tf.tidy(() => {
      const rows = x.reshape([-1, shape.reduce((product, length) => product * length, 1)]);
      return layerNorm(rows, weight && weight.flatten(), bias && bias.flatten(), epsilon).reshape(x.shape);
    });
  }
}

/**
 * (x - mean) / sqrt(variance + epsilon) weight + bias over the last axis; the variance is the biased one.
 *
 * @param x       [..., C]
 * @param weight  [C], or null for ones
 * @param bias    [C], or null for zeros
 */
export function layerNorm(
  x: tf.Tensor,
  weight: tf.Tensor | null = null,
  bias: tf.Tensor | null = null,
  epsilon = 1e-5,
): tf.Tensor {
  return tf.tidy(() => {
    // Compiling backends know this form and make one operator of it.
    const centred = x.sub(x.mean(-1, true));
    const variance = centred.square().mean(-1, true);
    const normal = centred.mul(variance.add(epsilon).rsqrt());
    const scaled = weight === null ? normal : normal.mul(weight);
    return bias === null ? scaled : scaled.add(bias);
  });
}
