// B batch, T steps, K length of the filter, C input and O output channels.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, ShapeError } from '../check';
import { checkCounts } from './checks';
import { convolution } from './conv2d';
import { fanInUniform, type InitKey } from './init';
import { splitKey } from './keys';
import { Module } from './module';
import { windowOf, type Sides, type Window } from './window';

/** Options of Conv1d. */
export interface Conv1dOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Whether to add a bias, default true. */
  bias?: boolean;
  /** Steps between windows, default 1. */
  stride?: number;
  /** Steps to add on each side, one number for both, or 'same' for as long a result as the input; default 0. */
  padding?: number | 'same' | readonly [before: number, after: number];
  /** Steps between the elements of a window, default 1. */
  dilation?: number;
  /** Whether what is added is 0 ('zeros', the default) or continues the sequence periodically ('circular'). */
  paddingMode?: 'zeros' | 'circular';
}

/**
 * Convolution of sequences with channels last, otherwise as torch.nn.Conv1d.
 *
 * Names: weight [O, C, K] (kept as [K, C, O]), bias [O]; both start uniform on +-1/sqrt(C K).
 */
export class Conv1d extends Module {
  readonly weight: tf.Variable;
  readonly bias: tf.Variable | null;
  private readonly window: Window;

  /** @throws RangeError when a size is not a positive integer, padding negative or broken, or 'same' meets a stride */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernel: number,
    { key, bias = true, stride = 1, padding = 0, dilation = 1, paddingMode }: Conv1dOptions,
  ) {
    super();
    const where = 'tensor-core.Conv1d';
    checkCounts(where, { inChannels, outChannels, kernel, stride, dilation });
    // A sequence is an image of one row.
    const sides = typeof padding === 'object' ? padding : [padding, padding];
    for (const side of sides) if (side !== 'same') checkNumber(where, 'padding', side, { min: 0, integer: true });
    this.window = windowOf(where, [1, kernel], {
      stride: [1, stride],
      padding: padding === 'same' ? 'same' : ([0, 0, ...sides] as unknown as Sides),
      dilation: [1, dilation],
      ...(paddingMode && { paddingMode }),
    });
    const [forWeight, forBias] = splitKey(key, 2) as [InitKey, InitKey];
    const fanIn = inChannels * kernel;
    this.weight = this.parameter('weight', fanInUniform(forWeight, [kernel, inChannels, outChannels], fanIn), {
      permutation: [2, 1, 0],
    });
    this.bias = bias ? this.parameter('bias', fanInUniform(forBias, [outChannels], fanIn)) : null;
  }

  /**
   * @param x_BTC  sequences
   * @returns [B, T', O]
   * @throws ShapeError when x has another rank or number of channels, or is shorter than a window
   */
  forward(x_BTC: tf.Tensor): tf.Tensor {
    const where = 'tensor-core.Conv1d.forward';
    if (x_BTC.rank !== 3 || x_BTC.shape[2] !== this.inChannels) {
      throw new ShapeError(argumentMessage(where, 'x', `have the shape [B, T, ${this.inChannels}]`, x_BTC));
    }
    return tf.tidy(() =>
      convolution(where, x_BTC.expandDims(1), this.weight.expandDims(0), this.bias, this.window).squeeze([1]),
    );
  }
}
