import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import { Module } from './module';
import { ResUNet, type ResUNetOptions } from './res-unet';

/** Options of FFResUNet: those of ResUNet for one channel, and the frequencies. */
export interface FFResUNetOptions extends Omit<ResUNetOptions, 'inChannels'> {
  /** The lowest and the highest power of 2 among the frequencies, default [6, 8]. */
  powers?: readonly [number, number];
}

/**
 * ResUNet on an image and its Fourier features, which show fine detail to the first layer.
 *
 *   resunet([x, sin(2^p x) for p = low .. high, cos(2^p x) for p = low .. high])
 *
 * Names: resunet.*, see ResUNet.
 *
 * @see Kingma et al., 2021, app. C, arXiv:2107.00630, for the features
 */
export class FFResUNet extends Module {
  private readonly resunet: ResUNet;
  private readonly frequencies: readonly number[];

  /** @throws RangeError when the powers are not integers in ascending order, and all that ResUNet throws */
  constructor({ powers = [6, 8], ...options }: FFResUNetOptions) {
    super();
    const [low, high] = powers;
    checkNumber('tensor-core.FFResUNet', 'powers[0]', low, { integer: true });
    checkNumber('tensor-core.FFResUNet', 'powers[1]', high, { min: low, integer: true });
    this.frequencies = Array.from({ length: high - low + 1 }, (_, i) => 2 ** (low + i));
    const inChannels = 1 + 2 * this.frequencies.length;
    this.resunet = this.child('resunet', new ResUNet({ ...options, inChannels }));
  }

  /**
   * @param x_BHW1  images of one channel; t and phi as for ResUNet
   * @returns [B, H, W, outChannels]
   * @throws ShapeError and TypeError as ResUNet does
   */
  forward(x_BHW1: tf.Tensor, t: tf.Tensor, phi_BP?: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const angles = this.frequencies.map((frequency) => x_BHW1.mul(frequency));
      const features = [x_BHW1, ...angles.map((x) => x.sin()), ...angles.map((x) => x.cos())];
      return this.resunet.forward(tf.concat(features, -1), t, phi_BP);
    });
  }
}
