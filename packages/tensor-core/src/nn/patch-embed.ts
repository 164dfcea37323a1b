// B batch, H W rows and columns of pixels, C channels, N patches, D width.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkShape, ShapeError } from '../check';
import { checkCounts } from './checks';
import { Conv2d } from './conv2d';
import type { InitKey } from './init';
import { Module } from './module';

/** Options of PatchEmbed. */
export interface PatchEmbedOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Default 3. */
  channels?: number;
}

/**
 * An image cut into square patches, each of which becomes a vector by one linear map: a convolution whose step is the
 * size of its windows.
 *
 * Names: proj.weight [D, C, patch, patch], proj.bias [D]; they start as those of a convolution.
 *
 * @see Dosovitskiy et al., 2021, sec. 3.1, arXiv:2010.11929
 */
export class PatchEmbed extends Module {
  private readonly projection: Conv2d;
  readonly channels: number;

  /**
   * @param patchSize  pixels a side
   * @param width      D
   * @throws RangeError when a number is not a positive integer
   */
  constructor(
    readonly patchSize: number,
    readonly width: number,
    { key, channels = 3 }: PatchEmbedOptions,
  ) {
    super();
    checkCounts('tensor-core.PatchEmbed', { patchSize, width, channels });
    this.channels = channels;
    this.projection = this.child('proj', new Conv2d(channels, width, patchSize, { key, stride: patchSize }));
  }

  /** Rows and columns of patches of an image. @throws ShapeError when it does not divide into patches */
  gridOf(x_BHWC: tf.Tensor): [number, number] {
    const where = 'tensor-core.PatchEmbed.forward';
    checkShape(where, 'x', x_BHWC, [null, null, null, this.channels], 'Images are [batch, height, width, channels].');
    const [rows, columns] = [1, 2].map((axis) => x_BHWC.shape[axis]! / this.patchSize) as [number, number];
    if (Number.isInteger(rows) && Number.isInteger(columns)) return [rows, columns];
    const wanted = `have a height and width that ${this.patchSize} divides`;
    throw new ShapeError(argumentMessage(where, 'x', wanted, x_BHWC, 'Crop or pad the images.'));
  }

  /** @param x_BHWC  images @returns [B, N, D], row by row @throws ShapeError when x does not divide into patches */
  forward(x_BHWC: tf.Tensor): tf.Tensor {
    const [rows, columns] = this.gridOf(x_BHWC);
    return tf.tidy(() => this.projection.forward(x_BHWC).reshape([-1, rows * columns, this.width]));
  }
}
