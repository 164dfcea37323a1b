// B batch, T tokens, S tokens of the other sequence, D width.
import * as tf from '@tensorflow/tfjs';
import type { Key } from '../random';
import type { MaskOptions } from './attention-mask';
import { MultiheadAttention } from './attention-multihead';
import { checkCounts } from './checks';
import { Dropout } from './dropout';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Linear } from './linear';
import { activationOf, type Activation } from './mlp';
import { Module } from './module';

/** Options of TransformerEncoderLayer and TransformerDecoderLayer. */
export interface TransformerLayerOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Width of the hidden layer, default 2048. */
  feedForward?: number;
  /** Of attention weights, of the hidden layer and of each branch in training, default 0.1. */
  dropout?: number;
  /** Default 'relu'. */
  activation?: Activation;
  /** Whether layers are normalised before each branch instead of after the sum, default false. */
  normFirst?: boolean;
  /** Of the layer norms, default 1e-5. */
  epsilon?: number;
}

/** What a call may add to its tokens. */
export interface TransformerOptions extends MaskOptions {
  /** Added to the scores of attention; broadcasts to [B, heads, T, S]. */
  bias?: tf.Tensor | undefined;
  /** For dropout in training. */
  key?: Key | undefined;
}

/** What both layers have: attention of the tokens to each other, the feed-forward part and how branches are added. */
abstract class TransformerLayer extends Module {
  protected readonly selfAttention: MultiheadAttention;
  protected readonly crossAttention: MultiheadAttention | null;
  private readonly linear1: Linear;
  private readonly linear2: Linear;
  private readonly norms: readonly LayerNorm[];
  private readonly dropout: Dropout;
  private readonly activate: (x: tf.Tensor) => tf.Tensor;
  private readonly normFirst: boolean;

  constructor(where: string, width: number, heads: number, isDecoder: boolean, options: TransformerLayerOptions) {
    super();
    const { key, feedForward = 2048, dropout = 0.1, activation = 'relu', normFirst = false, epsilon = 1e-5 } = options;
    checkCounts(where, { width, heads, feedForward });
    this.activate = activationOf(where, activation);
    this.normFirst = normFirst;
    const [one, two, three, four] = splitKey(key, 4) as [InitKey, InitKey, InitKey, InitKey];
    const attention = (name: string, own: InitKey): MultiheadAttention =>
      this.child(name, new MultiheadAttention(width, heads, { key: own, dropout }));
    this.selfAttention = attention('self_attn', one);
    this.crossAttention = isDecoder ? attention('multihead_attn', four) : null;
    this.linear1 = this.child('linear1', new Linear(width, feedForward, { key: two }));
    this.linear2 = this.child('linear2', new Linear(feedForward, width, { key: three }));
    const names = isDecoder ? ['norm1', 'norm2', 'norm3'] : ['norm1', 'norm2'];
    this.norms = names.map((name) => this.child(name, new LayerNorm(width, { epsilon })));
    this.dropout = this.child('dropout', new Dropout(dropout));
  }

  /** norm(x + drop(branch(x))), or x + drop(branch(norm(x))). */
  protected residual(
    x_BTD: tf.Tensor,
    number: number,
    key: Key | undefined,
    branch: (x_BTD: tf.Tensor, key: Key | undefined) => tf.Tensor,
  ): tf.Tensor {
    const norm = this.norms[number]!;
    const [within, after] = splitKey(key, 2);
    const added = branch(this.normFirst ? norm.forward(x_BTD) : x_BTD, within);
    const sum = x_BTD.add(this.dropout.forward(added, after));
    return this.normFirst ? sum : norm.forward(sum);
  }

  protected feedForward(x_BTD: tf.Tensor, key: Key | undefined): tf.Tensor {
    const hidden = this.dropout.forward(this.activate(this.linear1.forward(x_BTD)), key);
    return this.linear2.forward(hidden);
  }
}

/**
 * A layer of a transformer's encoder, as torch.nn.TransformerEncoderLayer with batches first.
 *
 *   x = norm1(x + drop(attention(x))),  x = norm2(x + drop(W2 drop(activation(W1 x + b1)) + b2)),
 *
 * or with normFirst x = x + drop(attention(norm1(x))) and so on. Names: self_attn.* as MultiheadAttention,
 * linear1.{weight,bias}, linear2.*, norm1.*, norm2.*; initial values are PyTorch's.
 *
 * @see Vaswani et al., 2017, sec. 3.1, arXiv:1706.03762; Xiong et al., 2020, arXiv:2002.04745, for normFirst
 */
export class TransformerEncoderLayer extends TransformerLayer {
  /** @param width  D @param heads  divide D @throws RangeError when a number is not of its kind */
  constructor(width: number, heads: number, options: TransformerLayerOptions) {
    super('tensor-core.TransformerEncoderLayer', width, heads, false, options);
  }

  /**
   * @param x_BTD    tokens
   * @param options  which tokens attend which, see TransformerOptions
   * @returns [B, T, D]
   * @throws ShapeError when the shapes do not fit, TypeError when the key is missing in training with dropout
   */
  forward(x_BTD: tf.Tensor, { key, ...attention }: TransformerOptions = {}): tf.Tensor {
    const [one, two] = splitKey(key, 2);
    return tf.tidy(() => {
      const attended = this.residual(x_BTD, 0, one, (x, own) =>
        this.selfAttention.forward(x, { ...attention, key: own }),
      );
      return this.residual(attended, 1, two, (x, own) => this.feedForward(x, own));
    });
  }
}

/** What a call of TransformerDecoderLayer may add: masks of its tokens, and of the other sequence. */
export interface TransformerDecoderOptions extends TransformerOptions {
  /** Which tokens of the other sequence are attended, [.., T, S] and [B, S]. */
  memory?: MaskOptions;
}

/**
 * A layer of a transformer's decoder, as torch.nn.TransformerDecoderLayer with batches first: attention of the tokens
 * to each other, then to another sequence, then the feed-forward part; see TransformerEncoderLayer.
 *
 * Names: those of TransformerEncoderLayer, multihead_attn.* for the other sequence, and norm3.{weight,bias}.
 *
 * @see Vaswani et al., 2017, sec. 3.1, arXiv:1706.03762
 */
export class TransformerDecoderLayer extends TransformerLayer {
  /** @param width  D @param heads  divide D @throws RangeError when a number is not of its kind */
  constructor(width: number, heads: number, options: TransformerLayerOptions) {
    super('tensor-core.TransformerDecoderLayer', width, heads, true, options);
  }

  /**
   * @param x_BTD       tokens; they attend all of each other unless `mask` is 'causal'
   * @param memory_BSD  the other sequence, mostly what an encoder gives
   * @returns [B, T, D]
   * @throws ShapeError when the shapes do not fit, TypeError when the key is missing in training with dropout
   */
  forward(x_BTD: tf.Tensor, memory_BSD: tf.Tensor, options: TransformerDecoderOptions = {}): tf.Tensor {
    const { key, memory: masks, ...attention } = options;
    const [one, two, three] = splitKey(key, 3);
    return tf.tidy(() => {
      const own = this.residual(x_BTD, 0, one, (x, k) => this.selfAttention.forward(x, { ...attention, key: k }));
      const cross = this.residual(own, 1, two, (x, k) =>
        this.crossAttention!.forward(x, { ...masks, keysFrom: memory_BSD, key: k }),
      );
      return this.residual(cross, 2, three, (x, k) => this.feedForward(x, k));
    });
  }
}
