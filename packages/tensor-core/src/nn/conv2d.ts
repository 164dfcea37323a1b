// B batch, H W rows and columns of the image, K L of the filter, R S of the result, C input and O output channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../check';
import { checkCounts } from './checks';
import { circularPad2d } from './circular-pad';
import { fanInUniform, type InitKey } from './init';
import { splitKey } from './keys';
import { Module } from './module';
import { explicitPadding, windowCounts, windowOf, type Pair, type Window, type WindowOptions } from './window';

/** Options of Conv2d. */
export interface Conv2dOptions extends WindowOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Whether to add a bias, default true. */
  bias?: boolean;
}

/**
 * Convolution of images with channels last, otherwise as torch.nn.Conv2d.
 *
 *   y[b, r, s, o] = bias[o] + sum_klc weight[o, c, k, l] x[b, stride r + dilation k - top, ..., c]
 *
 * Names: weight [O, C, K, L] (kept as [K, L, C, O]), bias [O]; both start uniform on +-1/sqrt(C K L).
 */
export class Conv2d extends Module {
  readonly weight: tf.Variable;
  readonly bias: tf.Variable | null;
  /** How its windows lie over the image, all worked out. */
  readonly window: Window;

  /**
   * @param kernel  K and L, or one number for both
   * @throws RangeError when a size is not a positive integer, or the window cannot be, see WindowOptions
   */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernel: Pair,
    { key, bias = true, ...options }: Conv2dOptions,
  ) {
    super();
    checkCounts('tensor-core.Conv2d', { inChannels, outChannels });
    this.window = windowOf('tensor-core.Conv2d', kernel, options);
    const [K, L] = this.window.kernel;
    const [forWeight, forBias] = splitKey(key, 2) as [InitKey, InitKey];
    const fanIn = inChannels * K * L;
    this.weight = this.parameter('weight', fanInUniform(forWeight, [K, L, inChannels, outChannels], fanIn), {
      permutation: [2, 3, 1, 0],
    });
    this.bias = bias ? this.parameter('bias', fanInUniform(forBias, [outChannels], fanIn)) : null;
  }

  /**
   * @param x_BHWC  images
   * @returns [B, R, S, O]
   * @throws ShapeError when x has another rank or number of channels, or is smaller than a window
   */
  forward(x_BHWC: tf.Tensor): tf.Tensor {
    return convolution('tensor-core.Conv2d.forward', x_BHWC, this.weight, this.bias, this.window);
  }
}

/**
 * The convolution of Conv2d for a filter that is computed.
 *
 * @param x_BHWC       images
 * @param filter_KLCO  as TensorFlow.js has it; PyTorch's [O, C, K, L] transposed by [2, 3, 1, 0]
 * @param bias         [O], or null
 * @param options      see WindowOptions
 * @returns [B, R, S, O]
 * @throws ShapeError when the ranks or channels do not fit or x is smaller than a window, RangeError for bad options
 */
export function conv2d(
  x_BHWC: tf.Tensor,
  filter_KLCO: tf.Tensor,
  bias: tf.Tensor | null = null,
  options: WindowOptions = {},
): tf.Tensor {
  const where = 'tensor-core.conv2d';
  if (filter_KLCO.rank !== 4) {
    throw new ShapeError(argumentMessage(where, 'filter', 'have the shape [K, L, C, O]', filter_KLCO));
  }
  const window = windowOf(where, filter_KLCO.shape.slice(0, 2) as [number, number], options);
  return convolution(where, x_BHWC, filter_KLCO, bias, window);
}

/** The work of Conv2d, Conv1d and conv2d. */
export function convolution(
  where: string,
  x_BHWC: tf.Tensor,
  filter_KLCO: tf.Tensor,
  bias: tf.Tensor | null,
  window: Window,
): tf.Tensor {
  const [, H, W, channels] = x_BHWC.shape as [number, number, number, number];
  const C = filter_KLCO.shape[2]!;
  if (x_BHWC.rank !== 4 || channels !== C) {
    throw new ShapeError(argumentMessage(where, 'x', `have the shape [B, H, W, ${C}]`, x_BHWC));
  }
  if (windowCounts([H, W], window) === undefined) {
    const wanted = `be as large as a window of ${window.kernel.join(' x ')} pixels with its padding`;
    throw new ShapeError(argumentMessage(where, 'x', wanted, x_BHWC));
  }
  return tf.tidy(() => {
    const { isCircular, sides, strides } = window;
    if (isTiling(window)) return productOfTiles(x_BHWC, filter_KLCO, bias);
    const x = (isCircular ? circularPad2d(x_BHWC, sides) : x_BHWC) as tf.Tensor4D;
    const filter = spread(filter_KLCO, window);
    const pad = isCircular ? 'valid' : explicitPadding(sides);
    if (bias === null) return tf.conv2d(x, filter, [...strides], pad);
    return tf.fused.conv2d({ x, filter, strides: [...strides], pad, bias });
  });
}

/** Whether the windows lie side by side without padding, each pixel in one of them. */
export function isTiling({ kernel, strides, dilations, sides }: Window): boolean {
  const isDense = kernel.every((length, i) => length === strides[i] && (length === 1 || dilations[i] === 1));
  return isDense && sides.every((side) => side === 0);
}

/** One product of matrices: the gradients are two more, and no kernel of convolutions is needed. */
function productOfTiles(x_BHWC: tf.Tensor, filter_KLCO: tf.Tensor, bias: tf.Tensor | null): tf.Tensor {
  const [B, H, W, C] = x_BHWC.shape as [number, number, number, number];
  const [K, L, , O] = filter_KLCO.shape as [number, number, number, number];
  const [R, S] = [Math.floor(H / K), Math.floor(W / L)];
  const whole = R * K === H && S * L === W ? x_BHWC : x_BHWC.slice([0, 0, 0, 0], [B, R * K, S * L, C]);
  // [B R, K, S, L C] -> [B R, S, K, L C]: four axes are enough, which all backends transpose fast.
  const tiles = K === 1 ? whole : whole.reshape([B * R, K, S, L * C]).transpose([0, 2, 1, 3]);
  const product = tf.matMul(tiles.reshape([B * R * S, K * L * C]), filter_KLCO.reshape([K * L * C, O]));
  return (bias === null ? product : product.add(bias)).reshape([B, R, S, O]);
}

/** The filter with zeros between its pixels: TensorFlow.js has no gradients of dilated convolutions. */
function spread(filter_KLCO: tf.Tensor, { kernel, dilations }: Window): tf.Tensor4D {
  const [K, L, C, O] = filter_KLCO.shape as [number, number, number, number];
  const [d, e] = dilations;
  const [rows, columns] = [d * (K - 1) + 1, e * (L - 1) + 1];
  if (rows === kernel[0] && columns === kernel[1]) return filter_KLCO as tf.Tensor4D;
  const apart = tf.pad(filter_KLCO.reshape([K, 1, L, C * O]), [
    [0, 0],
    [0, d - 1],
    [0, 0],
    [0, (e - 1) * C * O],
  ]);
  return apart.reshape([K * d, L * e, C, O]).slice([0, 0, 0, 0], [rows, columns, C, O]) as tf.Tensor4D;
}
