// N examples times positions, C channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkCounts, checkLastAxis } from './checks';
import { Module } from './module';

/** Options of BatchNorm. */
export interface BatchNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
  /** The weight of a new batch in the running statistics, default 0.1. */
  momentum?: number;
  /** Whether there are a scale and a shift for each channel, default true. */
  affine?: boolean;
}

/**
 * Normalises each channel over all examples and positions, as torch.nn.BatchNorm1d and 2d.
 *
 *   (x - mean) / sqrt(variance + epsilon) weight + bias
 *
 * In training mean and (biased) variance are those of the batch, and
 *
 *   running <- (1 - momentum) running + momentum (mean of the batch, its unbiased variance);
 *
 * in evaluation they are the running ones.
 *
 * Names: weight, bias, running_mean, running_var, each [C], and num_batches_tracked, an int32 scalar.
 *
 * @see Ioffe & Szegedy, 2015, arXiv:1502.03167
 */
export class BatchNorm extends Module {
  readonly weight: tf.Variable | null;
  readonly bias: tf.Variable | null;
  readonly runningMean: tf.Variable;
  readonly runningVariance: tf.Variable;
  readonly batchesTracked: tf.Variable;
  readonly epsilon: number;
  readonly momentum: number;

  /** @throws RangeError when `channels` is not a positive integer, epsilon negative or momentum outside [0, 1] */
  constructor(
    readonly channels: number,
    { epsilon = 1e-5, momentum = 0.1, affine = true }: BatchNormOptions = {},
  ) {
    super();
    const where = 'tensor-core.BatchNorm';
    checkCounts(where, { channels });
    this.epsilon = checkNumber(where, 'epsilon', epsilon, { min: 0 });
    this.momentum = checkNumber(where, 'momentum', momentum, { min: 0, max: 1 });
    this.weight = affine ? this.parameter('weight', tf.ones([channels])) : null;
    this.bias = affine ? this.parameter('bias', tf.zeros([channels])) : null;
    this.runningMean = this.buffer('running_mean', tf.zeros([channels]));
    this.runningVariance = this.buffer('running_var', tf.ones([channels]));
    this.batchesTracked = this.buffer('num_batches_tracked', tf.scalar(0, 'int32'));
  }

  /**
   * @param x  [..., C]; in training it moves the running statistics, inside `jit` as well
   * @returns of the same shape
   * @throws ShapeError when the last axis has another length, or in training when a channel has but one value
   */
  forward(x: tf.Tensor): tf.Tensor {
    const where = 'tensor-core.BatchNorm.forward';
    checkLastAxis(where, x, this.channels);
    const count = x.size / this.channels;
    if (this.training && count < 2) {
      const fix = 'Call eval() to use the running statistics.';
      throw new ShapeError(argumentMessage(where, 'x', 'have more than one value a channel in training', x, fix));
    }
    return tf.tidy(() => {
      const x_NC = x.reshape([count, this.channels]);
      const mean = this.training ? x_NC.mean(0) : this.runningMean;
      const centred = x_NC.sub(mean);
      const variance = this.training ? centred.square().mean(0) : this.runningVariance;
      if (this.training) this.track(mean, variance.mul(count / (count - 1)));
      const rate = variance.add(this.epsilon).rsqrt();
      const scaled = centred.mul(this.weight === null ? rate : rate.mul(this.weight));
      return (this.bias === null ? scaled : scaled.add(this.bias)).reshape(x.shape);
    });
  }

  private track(mean: tf.Tensor, unbiasedVariance: tf.Tensor): void {
    const move = (running: tf.Variable, value: tf.Tensor): void =>
      running.assign(running.mul(1 - this.momentum).add(value.mul(this.momentum)));
    move(this.runningMean, mean);
    move(this.runningVariance, unbiasedVariance);
    this.batchesTracked.assign(this.batchesTracked.add(tf.scalar(1, 'int32')));
  }
}
