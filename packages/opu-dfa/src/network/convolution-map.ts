// M examples, H W pixels, C channels, K L the filter, R S pixels of the result, O its channels.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { tidied } from '../tidied';
import type { AffineMap, MapGradients } from './affine-map';

const { argumentMessage, ShapeError } = check;

/** Rows above and below, columns left and right. */
export type Padding = readonly [top: number, bottom: number, left: number, right: number];

/** Where the windows of a convolution are. */
export interface ConvolutionWindow {
  strides: readonly [number, number];
  /** 'same' as TensorFlow.js: as many windows as strides fit into the image. */
  padding: Padding | 'same';
}

/** A convolution of images [M, H, W, C] with a filter [K, L, C, O]. */
export class ConvolutionMap implements AffineMap {
  constructor(
    readonly kernel: tf.Variable,
    readonly bias: tf.Variable | null,
    readonly window: ConvolutionWindow,
  ) {}

  get outputs(): number {
    return this.kernel.shape[3]!;
  }

  apply(h_MHWC: tf.Tensor): tf.Tensor {
    const channels = this.kernel.shape[2]!;
    if (h_MHWC.rank !== 4 || h_MHWC.shape[3] !== channels) {
      const wanted = `have the shape [M, H, W, ${channels}] where it is convolved`;
      throw new ShapeError(argumentMessage('opu-dfa.DfaNetwork', 'x', wanted, h_MHWC));
    }
    return tf.tidy(() => {
      const x = this.padded(h_MHWC);
      const [K, L] = this.kernel.shape as [number, number];
      if (x.shape[1] < K || x.shape[2] < L) {
        const wanted = `be as large as a window of ${K} x ${L} pixels where it is convolved`;
        throw new ShapeError(argumentMessage('opu-dfa.DfaNetwork', 'x', wanted, h_MHWC));
      }
      const strides = this.window.strides as [number, number];
      const z = tf.conv2d(x, this.kernel as unknown as tf.Tensor4D, strides, 'valid');
      return this.bias === null ? z : z.add(this.bias);
    });
  }

  gradients(h_MHWC: tf.Tensor, delta_MRSO: tf.Tensor): MapGradients {
    return tidied(() => ({
      kernel: tf
        .engine()
        .runKernel<tf.Tensor>(
          'Conv2DBackpropFilter',
          { x: this.padded(h_MHWC), dy: delta_MRSO },
          { ...this.attributes(), filterShape: this.kernel.shape },
        ),
      bias: this.bias && delta_MRSO.sum([0, 1, 2]),
    }));
  }

  backward(h_MHWC: tf.Tensor, delta_MRSO: tf.Tensor): tf.Tensor {
    return tf.tidy(() => {
      const [top, bottom, left, right] = this.sides(h_MHWC);
      const [M, H, W, C] = h_MHWC.shape as [number, number, number, number];
      const inputShape = [M, H + top + bottom, W + left + right, C];
      const padded = tf
        .engine()
        .runKernel<tf.Tensor4D>(
          'Conv2DBackpropInput',
          { dy: delta_MRSO, filter: this.kernel },
          { ...this.attributes(), inputShape },
        );
      return top + bottom + left + right === 0 ? padded : padded.slice([0, top, left, 0], [M, H, W, C]);
    });
  }

  /**
   * With P the R S windows as rows [R S, K L C] of an example, and D its delta [R S, O]:
   *
   *   ||P^T D||_F^2 = sum_st (P P^T)_st (D D^T)_st
   *
   * The side with the smaller matrices is computed (Bu, Mao, Xu, 2022, arXiv:2205.10683).
   */
  squaredNorms(h_MHWC: tf.Tensor, delta_MRSO: tf.Tensor): tf.Tensor1D {
    return tf.tidy(() => {
      const [M, R, S, O] = delta_MRSO.shape as [number, number, number, number];
      const windows_MTP = this.windowsOf(h_MHWC, R, S);
      const delta_MTO = delta_MRSO.reshape([M, R * S, O]);
      const [K, L, C] = this.kernel.shape as [number, number, number, number];
      const byGram = 2 * (R * S) ** 2 <= K * L * C * O;
      const ofKernel = byGram
        ? tf.matMul(windows_MTP, windows_MTP, false, true).mul(tf.matMul(delta_MTO, delta_MTO, false, true))
        : tf.matMul(windows_MTP, delta_MTO, true, false).square();
      const squares = ofKernel.sum([1, 2]);
      return (this.bias ? squares.add(delta_MTO.sum(1).square().sum(1)) : squares) as tf.Tensor1D;
    });
  }

  private attributes(): { strides: number[]; pad: 'valid'; dataFormat: 'NHWC' } {
    return { strides: [...this.window.strides], pad: 'valid', dataFormat: 'NHWC' };
  }

  private sides(h_MHWC: tf.Tensor): Padding {
    const { padding, strides } = this.window;
    if (padding !== 'same') return padding;
    const [, H, W] = h_MHWC.shape as [number, number, number];
    const [K, L] = this.kernel.shape as [number, number];
    return [...samePadding(H, K, strides[0]), ...samePadding(W, L, strides[1])];
  }

  private padded(h_MHWC: tf.Tensor): tf.Tensor4D {
    const [top, bottom, left, right] = this.sides(h_MHWC);
    const x = h_MHWC as tf.Tensor4D;
    if (top + bottom + left + right === 0) return x;
    return tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
  }

  /** [M, R S, K L C], in the order of the filter's entries. */
  private windowsOf(h_MHWC: tf.Tensor, R: number, S: number): tf.Tensor3D {
    const x = this.padded(h_MHWC);
    const [K, L, C] = this.kernel.shape as [number, number, number, number];
    const [down, across] = this.window.strides;
    const M = x.shape[0];
    const parts: tf.Tensor4D[] = [];
    for (let k = 0; k < K; k++) {
      for (let l = 0; l < L; l++) {
        const end = [M, k + down * (R - 1) + 1, l + across * (S - 1) + 1, C];
        parts.push(tf.stridedSlice(x, [0, k, l, 0], end, [1, down, across, 1]) as tf.Tensor4D);
      }
    }
    return tf.concat(parts, 3).reshape([M, R * S, K * L * C]);
  }
}

/** Before and after a line of pixels, the odd one after, as TensorFlow does. */
function samePadding(length: number, window: number, stride: number): [number, number] {
  const all = Math.max((Math.ceil(length / stride) - 1) * stride + window - length, 0);
  const before = Math.floor(all / 2);
  return [before, all - before];
}
