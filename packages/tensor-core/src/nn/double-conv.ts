import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { gelu } from './activations';
import { Conv2d } from './conv2d';
import { GroupNorm } from './group-norm';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { Module } from './module';

/** Options of DoubleConv. */
export interface DoubleConvOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Whether the result is gelu(x + block(x)), default false. */
  residual?: boolean;
}

/**
 * The block of a denoising U-Net: twice a 3x3 convolution without bias and a normalisation over all of the image, with
 * GELU in between.
 *
 *   norm(conv(gelu(norm(conv(x)))))
 *
 * Names: double_conv.0.weight, double_conv.1.{weight,bias}, double_conv.3.weight, double_conv.4.{weight,bias}.
 *
 * @see Heurtel-Depeiges et al., 2024, arXiv:2402.19455
 */
export class DoubleConv extends Module {
  private readonly convs: readonly [Conv2d, Conv2d];
  private readonly norms: readonly [GroupNorm, GroupNorm];
  private readonly residual: boolean;

  /** @throws RangeError when a number of channels is not a positive integer, or they differ in a residual block */
  constructor(inChannels: number, outChannels: number, { key, residual = false }: DoubleConvOptions) {
    super();
    if (residual && inChannels !== outChannels) {
      const wanted = `be the ${inChannels} input channels in a residual block`;
      throw new RangeError(argumentMessage('tensor-core.DoubleConv', 'outChannels', wanted, outChannels));
    }
    const [first, second] = splitKey(key, 2) as [InitKey, InitKey];
    const conv = (from: number, own: InitKey): Conv2d =>
      new Conv2d(from, outChannels, 3, { key: own, padding: 1, bias: false });
    const convs = [conv(inChannels, first), conv(outChannels, second)] as const;
    const norms = [new GroupNorm(1, outChannels), new GroupNorm(1, outChannels)] as const;
    this.child('double_conv.0', convs[0]);
    this.child('double_conv.1', norms[0]);
    this.child('double_conv.3', convs[1]);
    this.child('double_conv.4', norms[1]);
    [this.convs, this.norms, this.residual] = [convs, norms, residual];
  }

  /** @param x_BHWC  images @returns [B, H, W, outChannels] @throws ShapeError when x does not fit */
  forward(x_BHWC: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const [convs, norms] = [this.convs, this.norms];
      const hidden = gelu(norms[0].forward(convs[0].forward(x_BHWC)));
      const y = norms[1].forward(convs[1].forward(hidden));
      return this.residual ? gelu(x_BHWC.add(y)) : y;
    });
  }
}
