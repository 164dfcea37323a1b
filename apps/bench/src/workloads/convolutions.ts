import * as tf from '@tensorflow/tfjs';
import { convolve } from '../models/convolutional';
import { silu } from '../models/layers';
import { Parameters } from '../models/parameters';
import { trainingStep } from '../models/training-step';
import { uniform } from '../values';
import { workload } from '../workload';

interface Sizes {
  layers: number;
  channels: number;
  side: number;
  batch: number;
}

export const convolutions = workload<Sizes>({
  name: 'convolutions',
  title: 'Convolutions, training',
  describe: ({ layers, channels, side, batch }) =>
    `${layers} 3x3 convolutions of ${channels} channels with bias and SiLU, ${side}x${side}, batch ${batch}; ` +
    'mean square loss, SGD step',
  gives: 'loss',
  peer: 'convolutions',
  peerVariants: ['contiguous', 'channels_last'],
  affordableOnWasm: true,
  sizes: {
    full: { layers: 6, channels: 64, side: 32, batch: 8 },
    tiny: { layers: 2, channels: 4, side: 8, batch: 2 },
  },
  make({ layers, channels, side, batch }) {
    const parameters = new Parameters();
    const filters = Array.from({ length: layers }, (_, i) =>
      parameters.convolution(`layers.${i}`, 3, channels, channels),
    );
    const loss = (x: tf.Tensor4D, target: tf.Tensor4D): tf.Scalar => {
      const y = filters.reduce((h, filter) => silu(convolve(h, filter)), x);
      return y.sub(target).square().mean();
    };
    const shape: [number, number, number, number] = [batch, side, side, channels];
    const draw = (name: string) => tf.tensor4d(uniform(name, tf.util.sizeFromShape(shape), Math.sqrt(3)), shape);
    return trainingStep(parameters, tf.train.sgd(0.1), loss, [draw('input'), draw('target')]);
  },
});
