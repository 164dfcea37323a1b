// B batch, P positions (pixels, or steps in time), C channels, G groups of channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkCounts } from './checks';
import { Module } from './module';

/** Options of GroupNorm. */
export interface GroupNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
  /** Whether there are a scale and a shift for each channel, default true. */
  affine?: boolean;
}

/**
 * Normalises each group of neighbouring channels of each example over all positions, as torch.nn.GroupNorm.
 *
 *   (x - mean) / sqrt(variance + epsilon) weight + bias,  the variance being the biased one
 *
 * groups = 1 takes all channels together; groups = channels is instance normalisation.
 *
 * Names: weight [C], bias [C], ones and zeros at the start.
 *
 * @see Wu & He, 2018, arXiv:1803.08494
 */
export class GroupNorm extends Module {
  readonly weight: tf.Variable | null;
  readonly bias: tf.Variable | null;
  readonly epsilon: number;

  /** @throws RangeError when a number is not a positive integer, the groups are uneven or epsilon is negative */
  constructor(
    readonly groups: number,
    readonly channels: number,
    { epsilon = 1e-5, affine = true }: GroupNormOptions = {},
  ) {
    super();
    const where = 'tensor-core.GroupNorm';
    checkCounts(where, { groups, channels });
    if (channels % groups !== 0) {
      throw new RangeError(argumentMessage(where, 'groups', `divide the ${channels} channels`, groups));
    }
    this.epsilon = checkNumber(where, 'epsilon', epsilon, { min: 0 });
    this.weight = affine ? this.parameter('weight', tf.ones([channels])) : null;
    this.bias = affine ? this.parameter('bias', tf.zeros([channels])) : null;
  }

  /**
   * @param x  [B, ..., C], the axes in between being positions
   * @returns of the same shape
   * @throws ShapeError when the last axis has another length or there is no axis before it
   */
  forward(x: tf.Tensor): tf.Tensor {
    checkImages('tensor-core.GroupNorm.forward', x, this.channels);
    return groupNorm(x, this.groups, this.weight, this.bias, this.epsilon);
  }
}

/** Options of InstanceNorm. */
export interface InstanceNormOptions {
  /** Added to the variance, default 1e-5. */
  epsilon?: number;
  /** Whether there are a scale and a shift for each channel, default false. */
  affine?: boolean;
}

/**
 * Normalises each channel of each example over all positions, as torch.nn.InstanceNorm1d and 2d without running
 * statistics.
 *
 * Names: weight [C], bias [C], if the affine map is asked for.
 *
 * @see Ulyanov, Vedaldi & Lempitsky, 2016, arXiv:1607.08022
 */
export class InstanceNorm extends Module {
  readonly weight: tf.Variable | null;
  readonly bias: tf.Variable | null;
  readonly epsilon: number;

  /** @throws RangeError when `channels` is not a positive integer or epsilon is negative */
  constructor(
    readonly channels: number,
    { epsilon = 1e-5, affine = false }: InstanceNormOptions = {},
  ) {
    super();
    checkCounts('tensor-core.InstanceNorm', { channels });
    this.epsilon = checkNumber('tensor-core.InstanceNorm', 'epsilon', epsilon, { min: 0 });
    this.weight = affine ? this.parameter('weight', tf.ones([channels])) : null;
    this.bias = affine ? this.parameter('bias', tf.zeros([channels])) : null;
  }

  /**
   * @param x  [B, ..., C], the axes in between being positions
   * @returns of the same shape
   * @throws ShapeError when the last axis has another length or there is no axis before it
   */
  forward(x: tf.Tensor): tf.Tensor {
    checkImages('tensor-core.InstanceNorm.forward', x, this.channels);
    return groupNorm(x, this.channels, this.weight, this.bias, this.epsilon);
  }
}

function groupNorm(
  x: tf.Tensor,
  groups: number,
  weight: tf.Tensor | null,
  bias: tf.Tensor | null,
  epsilon: number,
): tf.Tensor {
  return tf.tidy(() => {
    const [B, C] = [x.shape[0], x.shape.at(-1)] as [number, number];
    const x_BPC = x.reshape([B, -1, C]);
    const centred = x_BPC.sub(groupMean(x_BPC, groups));
    const rate = groupMean(centred.square(), groups).add(epsilon).rsqrt();
    // The scales are joined while they are small.
    const scaled = centred.mul(weight === null ? rate : rate.mul(weight));
    return (bias === null ? scaled : scaled.add(bias)).reshape(x.shape);
  });
}

/** The mean of each group, for each of its channels: [B, 1, C], or [B, 1, 1] if there is one group. */
function groupMean(x_BPC: tf.Tensor, G: number): tf.Tensor {
  const [B, , C] = x_BPC.shape as [number, number, number];
  if (G === 1) return x_BPC.reshape([B, -1]).mean(1, true).expandDims(2);
  const channelMean_B1C = x_BPC.mean(1, true);
  if (G === C) return channelMean_B1C;
  const groupMean_BG1 = channelMean_B1C.reshape([B, G, C / G]).mean(2, true);
  // By a product: the gradient of tf.tile adds slice by slice.
  return groupMean_BG1.mul(tf.ones([1, 1, C / G])).reshape([B, 1, C]);
}

function checkImages(where: string, x: tf.Tensor, channels: number): void {
  if (x.rank >= 2 && x.shape.at(-1) === channels) return;
  throw new ShapeError(argumentMessage(where, 'x', `have the shape [B, ..., ${channels}]`, x));
}
