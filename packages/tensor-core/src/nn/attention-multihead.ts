// B batch, T queries, S keys, D width of all heads together, H heads.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkShape } from '../check';
import type { Key } from '../random';
import { scaledDotProductAttention, type Attended } from './attention';
import { mergeHeads, splitHeads } from './attention-heads';
import type { MaskOptions } from './attention-mask';
import { inProjections, project, type AttentionNames, type InProjections } from './attention-projections';
import { checkCounts } from './checks';
import type { InitKey } from './init';
import { splitKey, trainingKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { Module } from './module';
import { alibiBias } from './positions-alibi';
import { ropeTables, turn, type RopeOptions } from './positions-rope';

/** Options of MultiheadAttention. */
export interface MultiheadAttentionOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Width of what keys are made from, default D. */
  keyWidth?: number;
  /** Width of what values are made from, default D. */
  valueWidth?: number;
  /** Whether the maps to queries, keys and values add a bias, default true. */
  bias?: boolean;
  /** Whether the map to the result adds a bias, default the same. */
  outBias?: boolean;
  /** Of weights in training, from 0 to 1, default 0. */
  dropout?: number;
  /** See AttentionNames, default 'torch'. */
  names?: AttentionNames;
  /** Whether queries and keys are layer-normalised over each head, as q_norm and k_norm; default false. */
  qkNorm?: boolean;
  /** Rotary positions of queries and keys, for attention of x to itself; default none. */
  rope?: Omit<RopeOptions, 'positions'>;
  /** Slopes of linear biases, one a head, as alibiSlopes gives them; default none. */
  alibi?: readonly number[];
}

/** What a call of MultiheadAttention may add to its queries. */
export interface AttendOptions extends MaskOptions {
  /** What keys are made from, [B, S, keyWidth]; default x itself. */
  keysFrom?: tf.Tensor | undefined;
  /** What values are made from, [B, S, valueWidth]; default the same as keys. */
  valuesFrom?: tf.Tensor | undefined;
  /** Added to the scores; broadcasts to [B, H, T, S]. */
  bias?: tf.Tensor | undefined;
  /** Of the tokens, for rotary positions; default 0 .. T-1. */
  positions?: readonly number[] | undefined;
  /** For dropout in training. */
  key?: Key | undefined;
}

/**
 * Attention with several heads, to x itself or to another sequence, as torch.nn.MultiheadAttention with batches first.
 *
 *   softmax(q_h k_h^T / sqrt(D/H)) v_h  for each head h, all heads mapped to D together
 *
 * Head h has the elements h D/H .. (h+1) D/H - 1 of queries, keys and values. Names: see AttentionNames; with qkNorm also
 * q_norm.{weight,bias} and k_norm.{weight,bias}.
 *
 * @see Vaswani et al., 2017, sec. 3.2, arXiv:1706.03762
 */
export class MultiheadAttention extends Module {
  private readonly projections: InProjections;
  private readonly out: Linear;
  private readonly norms: readonly [LayerNorm, LayerNorm] | null;
  private readonly options: MultiheadAttentionOptions;

  /**
   * @param embedDim  D, the width of x and of the result
   * @param heads     H, which divides D
   * @throws RangeError when a number is not of its kind, H does not divide D or the names cannot hold the widths
   */
  constructor(
    readonly embedDim: number,
    readonly heads: number,
    options: MultiheadAttentionOptions,
  ) {
    super();
    const where = 'tensor-core.MultiheadAttention';
    const { key, keyWidth = embedDim, valueWidth = embedDim, bias = true, outBias = bias, names = 'torch' } = options;
    checkOptions(where, embedDim, heads, { keyWidth, valueWidth, ...options });
    this.options = options;
    const [inKey, outKey] = splitKey(key, 2) as [InitKey, InitKey];
    const widths = [embedDim, keyWidth, valueWidth] as const;
    this.projections = inProjections(where, { key: inKey, names, bias, embedDim, widths }, (name, value) =>
      this.parameter(name, value),
    );
    const out = new Linear(embedDim, embedDim, { key: outKey, bias: outBias });
    this.out = this.child(names === 'torch' ? 'out_proj' : names.out, out);
    if (names === 'torch') tf.tidy(() => out.bias?.assign(tf.zeros([embedDim])));
    const norm = (name: string): LayerNorm => this.child(name, new LayerNorm(embedDim / heads));
    this.norms = options.qkNorm ? [norm('q_norm'), norm('k_norm')] : null;
  }

  /**
   * @param x_BTD    what queries are made from, and keys and values as well unless the options name others
   * @param options  see AttendOptions
   * @returns [B, T, D]
   * @throws ShapeError when the shapes do not fit, TypeError when the key of dropout is missing in training, RangeError
   *   when other keys meet rotary positions
   */
  forward(x_BTD: tf.Tensor, options: AttendOptions = {}): tf.Tensor {
    return this.attend(x_BTD, options, false).out;
  }

  /** The same with the weights of each head, [B, H, T, S]; PyTorch gives their mean over the heads by default. */
  forwardWithWeights(x_BTD: tf.Tensor, options: AttendOptions = {}): Required<Attended> {
    return this.attend(x_BTD, options, true) as Required<Attended>;
  }

  private attend(x_BTD: tf.Tensor, options: AttendOptions, weights: boolean): Attended {
    const where = 'tensor-core.MultiheadAttention.forward';
    const { keyWidth = this.embedDim, valueWidth = this.embedDim, dropout: rate = 0 } = this.options;
    const { keysFrom = x_BTD, valuesFrom = keysFrom, mask, keyPadding, key } = options;
    checkShape(where, 'x', x_BTD, [null, null, this.embedDim]);
    checkShape(where, 'keysFrom', keysFrom, [x_BTD.shape[0], null, keyWidth]);
    checkShape(where, 'valuesFrom', valuesFrom, [x_BTD.shape[0], keysFrom.shape[1]!, valueWidth]);
    if (this.options.rope && keysFrom !== x_BTD) {
      throw new RangeError(argumentMessage(where, 'keysFrom', 'be left out with rotary positions', keysFrom));
    }
    const dropout = this.training && rate > 0 ? { rate, key: trainingKey(where, key) } : undefined;
    return tf.tidy(() => {
      const projected = project(this.projections, [x_BTD, keysFrom, valuesFrom]);
      const [q, k, v] = projected.map((y) => splitHeads(y, this.heads)) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const [queries, keys] = this.placed(this.normed(q, k), options.positions);
      const bias = this.biasOf(q.shape[2]!, k.shape[2]!, options.bias);
      const extras = { mask, keyPadding, bias, dropout, weights };
      const attended = scaledDotProductAttention(queries, keys, v, extras);
      return { ...attended, out: this.out.forward(mergeHeads(attended.out)) };
    });
  }

  private normed(q: tf.Tensor, k: tf.Tensor): [tf.Tensor, tf.Tensor] {
    return this.norms ? [this.norms[0].forward(q), this.norms[1].forward(k)] : [q, k];
  }

  private placed([q, k]: [tf.Tensor, tf.Tensor], positions: readonly number[] | undefined): [tf.Tensor, tf.Tensor] {
    const { rope } = this.options;
    if (!rope) return [q, k];
    const [T, width] = q.shape.slice(-2) as [number, number];
    const tables = ropeTables('tensor-core.MultiheadAttention.forward', T, width, { ...rope, positions });
    return [turn(q, tables), turn(k, tables)];
  }

  private biasOf(T: number, S: number, bias: tf.Tensor | undefined): tf.Tensor | undefined {
    const { alibi } = this.options;
    if (!alibi) return bias;
    const linear = alibiBias(T, S, alibi);
    return bias ? linear.add(bias) : linear;
  }
}

function checkOptions(
  where: string,
  embedDim: number,
  heads: number,
  { keyWidth, valueWidth, dropout = 0, rope, alibi }: MultiheadAttentionOptions,
): void {
  checkCounts(where, { embedDim, heads, keyWidth, valueWidth });
  checkNumber(where, 'dropout', dropout, { min: 0, below: 1 });
  const multiple = rope ? 2 * heads : heads;
  if (embedDim % multiple !== 0) {
    throw new RangeError(argumentMessage(where, 'embedDim', `be a multiple of ${multiple}`, embedDim));
  }
  if (alibi && alibi.length !== heads) {
    throw new RangeError(argumentMessage(where, 'alibi', `be ${heads} slopes, one a head`, alibi));
  }
}
