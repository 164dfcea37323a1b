// B batch, H W rows and columns of the image, K L of the filter, R S of the result, C input and O output channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkCounts } from './checks';
import { isTiling } from './conv2d';
import { fanInUniform, type InitKey } from './init';
import { splitKey } from './keys';
import { Module } from './module';
import { explicitPadding, windowOf, type Pair, type Sides, type Window } from './window';

/** How the windows of a transposed convolution lie over its result. */
export interface TransposedWindowOptions {
  /** Steps between windows, default 1. */
  stride?: Pair;
  /** Rows and columns to cut off the result, one number for all sides or [top, bottom, left, right]; default 0. */
  padding?: number | Sides;
  /** Rows and columns that the result is larger by at the bottom and the right; below the stride, default 0. */
  outputPadding?: Pair;
}

/** Options of ConvTranspose2d. */
export interface ConvTranspose2dOptions extends TransposedWindowOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Whether to add a bias, default true. */
  bias?: boolean;
}

/**
 * Transposed convolution of images with channels last, otherwise as torch.nn.ConvTranspose2d.
 *
 *   y[b, r, s, o] = bias[o] + sum weight[c, o, k, l] x[b, h, w, c]  over  stride h + k - top = r,  stride w + l - left = s
 *
 * Names: weight [C, O, K, L] (kept as [K, L, O, C]), bias [O]; both start uniform on +-1/sqrt(O K L).
 */
export class ConvTranspose2d extends Module {
  readonly weight: tf.Variable;
  readonly bias: tf.Variable | null;
  private readonly window: TransposedWindow;

  /**
   * @param kernel  K and L, or one number for both
   * @throws RangeError when a size is not a positive integer, or padding or outputPadding is outside
   */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernel: Pair,
    { key, bias = true, ...options }: ConvTranspose2dOptions,
  ) {
    super();
    checkCounts('tensor-core.ConvTranspose2d', { inChannels, outChannels });
    this.window = transposedWindowOf('tensor-core.ConvTranspose2d', kernel, options);
    const [K, L] = this.window.kernel;
    const [forWeight, forBias] = splitKey(key, 2) as [InitKey, InitKey];
    const fanIn = outChannels * K * L;
    this.weight = this.parameter('weight', fanInUniform(forWeight, [K, L, outChannels, inChannels], fanIn), {
      permutation: [2, 3, 1, 0],
    });
    this.bias = bias ? this.parameter('bias', fanInUniform(forBias, [outChannels], fanIn)) : null;
  }

  /**
   * @param x_BHWC  images
   * @returns [B, R, S, O], R = (H - 1) stride - top - bottom + K + outputPadding
   * @throws ShapeError when x has another rank or number of channels, or nothing would be left of the result
   */
  forward(x_BHWC: tf.Tensor): tf.Tensor {
    return transposedConvolution('tensor-core.ConvTranspose2d.forward', x_BHWC, this.weight, this.bias, this.window);
  }
}

/**
 * The transposed convolution of ConvTranspose2d for a filter that is computed.
 *
 * @param x_BHWC       images
 * @param filter_KLOC  as TensorFlow.js has it; PyTorch's [C, O, K, L] transposed by [2, 3, 1, 0]
 * @param bias         [O], or null
 * @returns [B, R, S, O]
 * @throws ShapeError when the ranks or channels do not fit or nothing would be left, RangeError for bad options
 */
export function convTranspose2d(
  x_BHWC: tf.Tensor,
  filter_KLOC: tf.Tensor,
  bias: tf.Tensor | null = null,
  options: TransposedWindowOptions = {},
): tf.Tensor {
  const where = 'tensor-core.convTranspose2d';
  if (filter_KLOC.rank !== 4) {
    throw new ShapeError(argumentMessage(where, 'filter', 'have the shape [K, L, O, C]', filter_KLOC));
  }
  const window = transposedWindowOf(where, filter_KLOC.shape.slice(0, 2) as [number, number], options);
  return transposedConvolution(where, x_BHWC, filter_KLOC, bias, window);
}

interface TransposedWindow extends Window {
  readonly extra: readonly [number, number];
}

function transposedWindowOf(
  where: string,
  kernel: Pair,
  { stride = 1, padding = 0, outputPadding = 0 }: TransposedWindowOptions,
): TransposedWindow {
  const window = windowOf(where, kernel, { stride, padding });
  const extra = typeof outputPadding === 'number' ? ([outputPadding, outputPadding] as const) : outputPadding;
  extra.forEach((count, i) =>
    checkNumber(where, 'outputPadding', count, { min: 0, below: window.strides[i]!, integer: true }),
  );
  return { ...window, extra };
}

function transposedConvolution(
  where: string,
  x_BHWC: tf.Tensor,
  filter_KLOC: tf.Tensor,
  bias: tf.Tensor | null,
  window: TransposedWindow,
): tf.Tensor {
  const { kernel, strides, sides, extra } = window;
  const [, , O, C] = filter_KLOC.shape as [number, number, number, number];
  if (x_BHWC.rank !== 4 || x_BHWC.shape[3] !== C) {
    throw new ShapeError(argumentMessage(where, 'x', `have the shape [B, H, W, ${C}]`, x_BHWC));
  }
  const [B, H, W] = x_BHWC.shape as [number, number, number];
  const R = (H - 1) * strides[0] - sides[0] - sides[1] + kernel[0] + extra[0];
  const S = (W - 1) * strides[1] - sides[2] - sides[3] + kernel[1] + extra[1];
  if (Math.min(R, S) < 1) {
    throw new ShapeError(argumentMessage(where, 'x', 'be large enough for a result larger than the padding', x_BHWC));
  }
  return tf.tidy(() => {
    const isPlain = isTiling(window) && extra.every((count) => count === 0);
    const y = isPlain
      ? tilesOfProduct(x_BHWC, filter_KLOC)
      : tf.conv2dTranspose(
          x_BHWC as tf.Tensor4D,
          filter_KLOC as tf.Tensor4D,
          [B, R, S, O],
          [...strides],
          explicitPadding(sides),
        );
    return bias === null ? y : y.add(bias);
  });
}

/** One product of matrices, whose rows are the tiles of the result. */
function tilesOfProduct(x_BHWC: tf.Tensor, filter_KLOC: tf.Tensor): tf.Tensor {
  const [B, H, W, C] = x_BHWC.shape as [number, number, number, number];
  const [K, L, O] = filter_KLOC.shape as [number, number, number];
  const tiles = tf.matMul(x_BHWC.reshape([B * H * W, C]), filter_KLOC.reshape([K * L * O, C]), false, true);
  // [B H, W, K, L O] -> [B H, K, W, L O]
  return tiles
    .reshape([B * H, W, K, L * O])
    .transpose([0, 2, 1, 3])
    .reshape([B, H * K, W * L, O]);
}
