// B batch, Y and X pixels, C channels.
import * as tf from '@tensorflow/tfjs';
import { convolve, doubleConvolution, groupNorm } from '../models/convolutional';
import { attention, linear } from '../models/layers';
import { Parameters } from '../models/parameters';
import { trainingStep } from '../models/training-step';
import { uniform } from '../values';
import { workload } from '../workload';

interface Sizes {
  /** Channels at each level, from the top. */
  widths: number[];
  groups: number;
  side: number;
  batch: number;
}

type Layer = (x_BYXC: tf.Tensor4D) => tf.Tensor4D;

export const unet = workload<Sizes>({
  name: 'unet',
  title: 'Small U-Net, training',
  describe: ({ widths, groups, side, batch }) =>
    `U-Net of widths ${widths.join(', ')}, two 3x3 convolutions with group normalisation (${groups} groups) and SiLU ` +
    `a level, attention at the bottom, ${side}x${side}, batch ${batch}; mean square loss, Adam step`,
  gives: 'loss',
  peer: 'unet',
  peerVariants: ['contiguous', 'channels_last'],
  affordableOnWasm: true,
  sizes: {
    full: { widths: [8, 16, 32, 64, 128], groups: 4, side: 32, batch: 32 },
    // One picture: of more, TensorFlow.js's cpu backend has a wrong gradient of resizeNearestNeighbor.
    tiny: { widths: [4, 8, 8], groups: 2, side: 8, batch: 1 },
  },
  make({ widths, groups, side, batch }) {
    const parameters = new Parameters();
    const model = unetModel(parameters, widths, groups);
    const loss = (noisy: tf.Tensor4D, target: tf.Tensor4D): tf.Scalar => model(noisy).sub(target).square().mean();
    const draw = (name: string) =>
      tf.tensor4d(uniform(name, batch * side * side, Math.sqrt(3)), [batch, side, side, 1]);
    return trainingStep(parameters, tf.train.adam(1e-3), loss, [draw('input'), draw('target')]);
  },
});

/** One channel in, one out. */
function unetModel(parameters: Parameters, widths: readonly number[], groups: number): Layer {
  const bottom = widths.length - 1;
  const block = (name: string, inputs: number, outputs: number): Layer =>
    doubleConvolution(parameters, name, inputs, outputs, groups);
  const down = widths.map((width, level) => block(`down.${level}`, widths[level - 1] ?? 1, width));
  const middle = pixelAttention(parameters, 'middle', widths[bottom]!, groups);
  const up = widths.slice(0, bottom).map((width, level) => ({
    narrow: parameters.convolution(`up.${level}.narrow`, 3, widths[level + 1]!, width),
    block: block(`up.${level}.block`, 2 * width, width),
  }));
  const out = parameters.convolution('out', 1, widths[0]!, 1);

  return (x_BYXC) => {
    const levels: tf.Tensor4D[] = [];
    for (const [level, layer] of down.entries()) {
      levels.push(layer(level === 0 ? x_BYXC : tf.maxPool(levels[level - 1]!, 2, 2, 'valid')));
    }
    let h = middle(levels[bottom]!);
    for (const [level, { narrow, block }] of [...up.entries()].reverse()) {
      const skip = levels[level]!;
      const larger = tf.image.resizeNearestNeighbor(h, [skip.shape[1], skip.shape[2]]);
      h = block(tf.concat4d([convolve(larger, narrow), skip], 3));
    }
    return convolve(h, out);
  };
}

/** x + attention(norm(x)) of each pixel to all pixels, with one head. */
function pixelAttention(parameters: Parameters, name: string, width: number, groups: number): Layer {
  const norm = parameters.norm(width);
  const qkv = parameters.linear(`${name}.qkv`, width, 3 * width);
  const out = parameters.linear(`${name}.out`, width, width);
  return (x_BYXC) => {
    const [batch, height, wide] = x_BYXC.shape;
    const pixels: tf.Tensor2D = groupNorm(x_BYXC, groups, norm).reshape([batch * height * wide, width]);
    const [q, k, v] = tf
      .split(linear(pixels, qkv), 3, 1)
      .map((part) => part.reshape<tf.Tensor3D>([batch, height * wide, width])) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const mixed = linear(attention(q, k, v).reshape([batch * height * wide, width]), out);
    return x_BYXC.add(mixed.reshape(x_BYXC.shape));
  };
}
