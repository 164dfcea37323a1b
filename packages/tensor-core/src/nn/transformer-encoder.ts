// B batch, T tokens, D width.
import * as tf from '@tensorflow/tfjs';
import { checkCounts } from './checks';
import { splitKey } from './keys';
import { LayerNorm } from './layer-norm';
import { Module } from './module';
import { TransformerEncoderLayer, type TransformerLayerOptions, type TransformerOptions } from './transformer-layer';

/** Options of TransformerEncoder. */
export interface TransformerEncoderOptions extends TransformerLayerOptions {
  /** Whether the result is layer-normalised, as is usual with normFirst; default false. */
  finalNorm?: boolean;
  /** Whether all layers start with the same weights, as PyTorch's copies of one layer do; default false. */
  identicalInit?: boolean;
}

/**
 * Layers of a transformer's encoder on each other, as torch.nn.TransformerEncoder.
 *
 * Names: layers.N.* as TransformerEncoderLayer, and norm.{weight,bias} with finalNorm.
 *
 * @see Vaswani et al., 2017, sec. 3.1, arXiv:1706.03762
 */
export class TransformerEncoder extends Module {
  readonly layers: readonly TransformerEncoderLayer[];
  private readonly norm: LayerNorm | null;

  /**
   * @param width   D
   * @param heads   divide D
   * @param depth   number of layers
   * @throws RangeError when a number is not of its kind
   */
  constructor(width: number, heads: number, depth: number, options: TransformerEncoderOptions) {
    super();
    checkCounts('tensor-core.TransformerEncoder', { depth });
    const { key, identicalInit = false, finalNorm = false, epsilon = 1e-5 } = options;
    const keys = identicalInit ? Array<typeof key>(depth).fill(key) : splitKey(key, depth);
    const layers = keys.map((own) => new TransformerEncoderLayer(width, heads, { ...options, key: own }));
    this.layers = this.children('layers', layers);
    this.norm = finalNorm ? this.child('norm', new LayerNorm(width, { epsilon })) : null;
  }

  /**
   * @param x_BTD    tokens
   * @param options  for all layers alike, see TransformerOptions
   * @returns [B, T, D]
   * @throws ShapeError when the shapes do not fit, TypeError when the key is missing in training with dropout
   */
  forward(x_BTD: tf.Tensor, { key, ...options }: TransformerOptions = {}): tf.Tensor {
    const keys = splitKey(key, this.layers.length);
    return tf.tidy(() => {
      const last = this.layers.reduce((x, layer, i) => layer.forward(x, { ...options, key: keys[i] }), x_BTD);
      return this.norm === null ? last : this.norm.forward(last);
    });
  }
}
