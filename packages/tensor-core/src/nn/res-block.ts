// B batch, H W rows and columns, C channels, E = 100 width of the codes of time and parameters.
import * as tf from '@tensorflow/tfjs';
import { checkOneOf } from '../check';
import { silu } from './activations';
import { BatchNorm } from './batch-norm';
import { Conv2d } from './conv2d';
import { GroupNorm } from './group-norm';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { Module } from './module';

/** The width of the codes of time and of phi, fixed as in the reference. */
export const CODE_WIDTH = 100;

/** GN group, BN batch, LN layer normalisation over channels and pixels, or none. */
export type Normalisation = 'GN' | 'BN' | 'LN' | null;

/** What the blocks of a ResUNet have in common. */
export interface ResBlockOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  normalisation: Normalisation;
  /** Channels in a group of GN. */
  groupSize: number;
  /** Height and width of the images, which LN is tied to. */
  size: number;
  epsilon: number;
  paddingMode: 'zeros' | 'circular';
  /** Whether the sum of branch and skip is divided by sqrt 2. */
  skipRescale: boolean;
  /** Whether the block takes a code of phi too. */
  hasPhi: boolean;
}

interface Layer extends Module {
  forward(x: tf.Tensor): tf.Tensor;
}

/** @throws RangeError when the name is another, or the groups are uneven */
function normOf(channels: number, { normalisation, groupSize, size, epsilon }: ResBlockOptions): Layer | null {
  switch (checkOneOf('tensor-core.NormConv', 'normalisation', normalisation ?? 'none', ['GN', 'BN', 'LN', 'none'])) {
    case 'GN':
      return new GroupNorm(Math.floor(channels / groupSize), channels, { epsilon });
    case 'BN':
      return new BatchNorm(channels, { epsilon });
    case 'LN':
      return new LayerNorm([channels, size, size], { epsilon });
    case 'none':
      return null;
  }
}

/**
 * silu(conv(norm(x))): a 3x3 convolution that keeps the size, after the normalisation of its input.
 *
 * Names: norm.{weight,bias}, conv1.{weight,bias}.
 */
export class NormConv extends Module {
  private readonly norm: Layer | null;
  private readonly conv: Conv2d;

  constructor(inChannels: number, outChannels: number, options: ResBlockOptions) {
    super();
    const { key, paddingMode } = options;
    const norm = normOf(inChannels, options);
    this.norm = norm && this.child('norm', norm);
    this.conv = this.child('conv1', new Conv2d(inChannels, outChannels, 3, { key, padding: 1, paddingMode }));
  }

  /** @param x_BHWC  images @returns [B, H, W, outChannels] */
  forward(x_BHWC: tf.Tensor): tf.Tensor {
    return tf.tidy(() => silu(this.conv.forward(this.norm === null ? x_BHWC : this.norm.forward(x_BHWC))));
  }
}

/** Linear(E, C), SiLU, Linear(C, C): how a block reads a code. Names: 0.{weight,bias}, 2.{weight,bias}. */
class CodeReader extends Module {
  private readonly first: Linear;
  private readonly second: Linear;

  constructor(channels: number, key: InitKey) {
    super();
    const [one, two] = splitKey(key, 2) as [InitKey, InitKey];
    this.first = this.child('0', new Linear(CODE_WIDTH, channels, { key: one }));
    this.second = this.child('2', new Linear(channels, channels, { key: two }));
  }

  forward(code_BE: tf.Tensor): tf.Tensor {
    return this.second.forward(silu(this.first.forward(code_BE)));
  }
}

/**
 * A residual block with codes of time and phi: three NormConvs of x plus codes, and a 1x1 convolution of x itself.
 *
 *   (block(x + te(t) + phie(phi)) + skip(x)) / sqrt 2,  or without the division
 *
 * Names: block.{0,1,2}.{norm,conv1}.*, skip.*, te.{0,2}.*, phie.{0,2}.*.
 *
 * @see Heurtel-Depeiges et al., 2023, arXiv:2310.16285
 */
export class ResBlock extends Module {
  private readonly block: readonly NormConv[];
  private readonly skip: Conv2d;
  private readonly te: CodeReader;
  private readonly phie: CodeReader | null;
  private readonly factor: number;

  /** @param channels  of x and after each of the three NormConvs */
  constructor(channels: readonly [number, number, number, number], options: ResBlockOptions) {
    super();
    const [from, , , to] = channels;
    const [skip, te, phie, ...blocks] = splitKey<InitKey>(options.key, 6);
    const layers = blocks.map((key, i) => new NormConv(channels[i]!, channels[i + 1]!, { ...options, key }));
    this.block = this.children('block', layers);
    this.skip = this.child('skip', new Conv2d(from, to, 1, { key: skip! }));
    this.te = this.child('te', new CodeReader(from, te!));
    this.phie = options.hasPhi ? this.child('phie', new CodeReader(from, phie!)) : null;
    this.factor = options.skipRescale ? Math.SQRT1_2 : 1;
  }

  /**
   * @param x_BHWC   images
   * @param time_BE  codes of time
   * @param phi_BE   codes of phi, where the block has been made for them
   * @returns [B, H, W, channels at the end]
   */
  forward(x_BHWC: tf.Tensor, time_BE: tf.Tensor, phi_BE: tf.Tensor | null): tf.Tensor {
    return tf.tidy(() => {
      const code_BC = this.te.forward(time_BE);
      const codes_BC = this.phie === null || phi_BE === null ? code_BC : code_BC.add(this.phie.forward(phi_BE));
      const start = x_BHWC.add(codes_BC.expandDims(1).expandDims(1));
      const sum = this.block.reduce((h, layer) => layer.forward(h), start).add(this.skip.forward(x_BHWC));
      return this.factor === 1 ? sum : sum.mul(this.factor);
    });
  }
}
