import type * as tf from '@tensorflow/tfjs';

/** Gradients of a layer's parameters. */
export interface MapGradients {
  kernel: tf.Tensor;
  bias: tf.Tensor | null;
}

/**
 * The trained part of a layer: z = h W + b, densely or by convolution. h are its inputs, delta the derivatives by z of
 * each example's loss, examples along the first axis.
 */
export interface AffineMap {
  readonly kernel: tf.Variable;
  readonly bias: tf.Variable | null;
  /** Units, or channels. */
  readonly outputs: number;
  /** z. */
  apply(h: tf.Tensor): tf.Tensor;
  /** The gradients, summed over the examples. */
  gradients(h: tf.Tensor, delta: tf.Tensor): MapGradients;
  /** The derivatives by h. */
  backward(h: tf.Tensor, delta: tf.Tensor): tf.Tensor;
  /** The squared norm of each example's gradient, bias included, without the gradients themselves: [M]. */
  squaredNorms(h: tf.Tensor, delta: tf.Tensor): tf.Tensor1D;
}
