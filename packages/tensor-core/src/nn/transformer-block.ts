// B batch, T tokens, D width.
import * as tf from '@tensorflow/tfjs';
import { checkNumber } from '../check';
import type { Key } from '../random';
import { MultiheadAttention, type AttendOptions, type MultiheadAttentionOptions } from './attention-multihead';
import { checkCounts } from './checks';
import { Dropout, DropPath } from './dropout';
import type { InitKey } from './init';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Mlp, type Activation } from './mlp';
import { Module } from './module';

/**
 * A factor for each element, which starts small so that a residual branch does too.
 *
 * Names: gamma [D].
 *
 * @see Touvron et al., 2021, arXiv:2103.17239
 */
export class LayerScale extends Module {
  readonly gamma: tf.Variable;

  /** @param initial  the value of all factors, default 1e-5 @throws RangeError when a number is not of its kind */
  constructor(width: number, initial = 1e-5) {
    super();
    checkCounts('tensor-core.LayerScale', { width });
    checkNumber('tensor-core.LayerScale', 'initial', initial);
    this.gamma = this.parameter('gamma', tf.fill([width], initial));
  }

  /** @param x  [..., D] @returns of the same shape */
  forward(x: tf.Tensor): tf.Tensor {
    return x.mul(this.gamma);
  }
}

/** The names of a PreNormBlock's parts. */
export interface BlockNames {
  norm1: string;
  attention: string;
  scale1: string;
  norm2: string;
  mlp: string;
  scale2: string;
}

/** The names of vision transformers. */
const VIT_NAMES: BlockNames = {
  norm1: 'norm1',
  attention: 'attn',
  scale1: 'ls1',
  norm2: 'norm2',
  mlp: 'mlp',
  scale2: 'ls2',
};

/** Options of PreNormBlock. */
export interface PreNormBlockOptions {
  /** For the initial weights; null gives zeros, for weights that are loaded afterwards. */
  key: InitKey;
  /** Width of the hidden layer, default 4 D. */
  hidden?: number;
  /** Default 'gelu'. */
  activation?: Activation;
  /** Of the layer norms, default 1e-5. */
  epsilon?: number;
  /** Initial factor of both branches, default null: no LayerScale. */
  layerScale?: number | null;
  /** Probability that a branch of an example is left out in training, default 0. */
  dropPath?: number;
  /** Of attention's result, of the hidden layer and of the result in training, default 0. */
  dropout?: number;
  /** Options of the attention; by default its names are { packed: 'qkv', out: 'proj' }. */
  attention?: Omit<MultiheadAttentionOptions, 'key' | 'keyWidth' | 'valueWidth'>;
  /** Of the parts, where they differ from those of vision transformers. */
  names?: Partial<BlockNames>;
  /** Of the two layers of the feed-forward part, default ['fc1', 'fc2']. */
  mlpNames?: readonly [string, string];
}

/**
 * A block of a transformer that normalises before its branches, as GPT and vision transformers have.
 *
 *   x = x + gamma1 attention(norm1(x)),  x = x + gamma2 W2 activation(W1 norm2(x) + b1) + b2
 *
 * Names: norm1.{weight,bias}, attn.qkv.*, attn.proj.*, ls1.gamma, norm2.*, mlp.fc1.*, mlp.fc2.*, ls2.gamma, all of which
 * can be changed; PyTorch's initial values of linear layers.
 *
 * @see Dosovitskiy et al., 2021, eq. (2), arXiv:2010.11929
 */
export class PreNormBlock extends Module {
  readonly attention: MultiheadAttention;
  private readonly norms: readonly [LayerNorm, LayerNorm];
  private readonly scales: readonly [LayerScale, LayerScale] | null;
  private readonly mlp: Mlp;
  private readonly dropout: Dropout;
  private readonly dropPath: DropPath;

  /** @param width  D @param heads  divide D @throws RangeError when a number is not of its kind */
  constructor(width: number, heads: number, options: PreNormBlockOptions) {
    super();
    const { key, hidden = 4 * width, activation = 'gelu', epsilon = 1e-5, layerScale = null, mlpNames } = options;
    const { dropPath = 0, dropout = 0, attention } = options;
    checkCounts('tensor-core.PreNormBlock', { width, heads });
    const names = { ...VIT_NAMES, ...options.names };
    const [one, two] = splitKey(key, 2) as [InitKey, InitKey];
    const norm = (name: string): LayerNorm => this.child(name, new LayerNorm(width, { epsilon }));
    const scale = (name: string, initial: number): LayerScale => this.child(name, new LayerScale(width, initial));
    this.norms = [norm(names.norm1), norm(names.norm2)];
    this.scales = layerScale === null ? null : [scale(names.scale1, layerScale), scale(names.scale2, layerScale)];
    const named = { names: { packed: 'qkv', out: 'proj' }, ...attention };
    this.attention = this.child(names.attention, new MultiheadAttention(width, heads, { ...named, key: one }));
    const parts = { key: two, activation, dropout, ...(mlpNames && { names: mlpNames }) };
    this.mlp = this.child(names.mlp, new Mlp(width, hidden, parts));
    this.dropout = this.child('drop', new Dropout(dropout));
    this.dropPath = this.child('drop_path', new DropPath(dropPath));
  }

  /**
   * @param x_BTD    tokens
   * @param options  see AttendOptions
   * @returns [B, T, D]
   * @throws ShapeError when the shapes do not fit, TypeError when the key is missing in training
   */
  forward(x_BTD: tf.Tensor, { key, ...attention }: Omit<AttendOptions, 'keysFrom' | 'valuesFrom'> = {}): tf.Tensor {
    const [one, two, three, four, five] = splitKey(key, 5);
    return tf.tidy(() => {
      const attended = this.attention.forward(this.norms[0].forward(x_BTD), { ...attention, key: one });
      const middle = this.added(x_BTD, 0, this.dropout.forward(attended, two), three);
      return this.added(middle, 1, this.mlp.forward(this.norms[1].forward(middle), four), five);
    });
  }

  private added(x_BTD: tf.Tensor, number: 0 | 1, branch_BTD: tf.Tensor, key: Key | undefined): tf.Tensor {
    const scaled = this.scales === null ? branch_BTD : this.scales[number].forward(branch_BTD);
    return x_BTD.add(this.dropPath.forward(scaled, key));
  }
}
