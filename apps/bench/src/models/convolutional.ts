// B batch, Y and X pixels, C channels.
import * as tf from '@tensorflow/tfjs';
import { EPSILON, silu } from './layers';
import type { Affine, Norm, Parameters } from './parameters';

/** A convolution that keeps the picture's size. */
export function convolve(x_BYXC: tf.Tensor4D, { weight, bias }: Affine<tf.Rank.R4>): tf.Tensor4D {
  return tf.conv2d(x_BYXC, weight, 1, 'same').add(bias);
}

/** Mean 0 and variance 1 over each picture's pixels and the channels of a group, then scale and shift by channel. */
export function groupNorm(x_BYXC: tf.Tensor4D, groups: number, { scale, shift }: Norm): tf.Tensor4D {
  const [batch, height, width, channels] = x_BYXC.shape;
  const x = x_BYXC.reshape([batch, height * width, groups, channels / groups]);
  const centred = x.sub(x.mean([1, 3], true));
  const variance = centred.square().mean([1, 3], true);
  const normal_BYXC: tf.Tensor4D = centred.mul(variance.add(EPSILON).rsqrt()).reshape(x_BYXC.shape);
  return normal_BYXC.mul<tf.Tensor4D>(scale).add(shift);
}

/** Two times: 3x3 convolution, group normalisation, SiLU. */
export function doubleConvolution(
  parameters: Parameters,
  name: string,
  inputs: number,
  outputs: number,
  groups: number,
): (x_BYXC: tf.Tensor4D) => tf.Tensor4D {
  const stages = [inputs, outputs].map((channels, i) => ({
    convolution: parameters.convolution(`${name}.conv${i + 1}`, 3, channels, outputs),
    norm: parameters.norm(outputs),
  }));
  return (x_BYXC) =>
    stages.reduce((x, { convolution, norm }) => silu(groupNorm(convolve(x, convolution), groups, norm)), x_BYXC);
}
