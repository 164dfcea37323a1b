// B batch, L tokens, D width, V vocabulary, K positions that are looked at.
import * as tf from '@tensorflow/tfjs';
import { check, nn, random } from '@tfsci/tensor-core';
import { scaleNumbers } from './number-embedding';
import { completeConfig, type CompleteNumformerConfig, type NumformerConfig } from './numformer-config';

const { argumentMessage, checkShape } = check;

/** What a call of a Numformer may add to its tokens. */
export interface NumformerOptions {
  /** bool [B, L], true at padding, which is not attended; default none. */
  padding?: tf.Tensor | undefined;
  /** int32 [K], the positions b L + t whose hidden states the heads read; default all. */
  positions?: tf.Tensor | undefined;
  /** For dropout in training. */
  key?: random.Key | undefined;
}

/** What the heads of a Numformer say. */
export interface NumformerOutput {
  /** [B, L, V], or [K, V] of the positions asked for. */
  logits: tf.Tensor;
  /** nu, in the scaled units of the input, [B, L] or [K]; null for a model of tokens alone. */
  numbers: tf.Tensor | null;
}

/**
 * The transformer of xVal: a token and, at [NUM], its value in; a token and a value out at every position.
 *
 *   h = encoder(num_t E[ids_t] + P[t]),  logits = W2 gelu(W1 h),  nu = w4 gelu(W3 h + b3) + b4
 *
 * The encoder is torch.nn.TransformerEncoder with gelu and pre-norm, with no layer norm at its end. Names are those of the
 * reference: token_embed.weight [V, D], position_embed.weight [context, D], encoder_stack.layers.N.*, lm_head.{0,2}.weight
 * and num_head.{0,2}.{weight,bias}. Initial values are PyTorch's.
 *
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @example
 * const model = Numformer.create({ ...NUMFORMER_SIZES.small, vocabSize: tokenizer.vocabSize }, 0);
 * const { logits, numbers } = model.eval().forward(ids, values);
 */
export class Numformer extends nn.Module {
  readonly config: CompleteNumformerConfig;
  readonly encoder: nn.TransformerEncoder;
  private readonly tokens: nn.Embedding;
  private readonly places: nn.Embedding;
  private readonly tokenHead: nn.Mlp;
  private readonly numberHead: nn.Mlp | null;

  /**
   * @param config  see NumformerConfig
   * @param key     for the initial weights; null gives zeros, for weights that are loaded afterwards
   * @throws TypeError, RangeError when the config is not of its kind
   */
  constructor(config: NumformerConfig, key: random.Key | null) {
    super();
    const where = 'xval.Numformer';
    this.config = completeConfig(where, config);
    const { vocabSize, width, heads, layers, feedForward, context, dropout, normFirst, identicalInit } = this.config;
    const [one, two, three, four, five] = nn.splitKey<nn.InitKey>(key, 5) as [nn.InitKey, ...nn.InitKey[]];
    this.tokens = this.child('token_embed', new nn.Embedding(vocabSize, width, { key: one }));
    this.places = this.child('position_embed', new nn.Embedding(context, width, { key: two! }));
    const stack = { key: three!, feedForward, dropout, activation: 'gelu', normFirst, identicalInit } as const;
    this.encoder = this.child('encoder_stack', new nn.TransformerEncoder(width, heads, layers, stack));
    const head = (name: string, own: nn.InitKey, outWidth: number, bias: boolean): nn.Mlp =>
      this.child(name, new nn.Mlp(width, feedForward, { key: own, outWidth, bias, names: ['0', '2'] }));
    this.tokenHead = head('lm_head', four!, vocabSize, this.config.tokenBias);
    this.numberHead = this.config.numberId === null ? null : head('num_head', five!, 1, this.config.numberBias);
  }

  /** A model with fresh weights, the caller's to dispose. @throws as the constructor */
  static create(config: NumformerConfig, key: random.KeyOrSeed): Numformer {
    return new Numformer(config, random.asKey('xval.Numformer.create', key));
  }

  /**
   * @param ids_BL      int32 [B, L], each below V, which is not checked: that would need their values
   * @param numbers_BL  float32 [B, L], in scaled units; only values at [NUM] count
   * @param options     see NumformerOptions
   * @throws ShapeError when shapes differ, RangeError when L is more than the context, TypeError for another dtype or
   *   when the key is missing in training with dropout
   */
  forward(ids_BL: tf.Tensor, numbers_BL: tf.Tensor, options: NumformerOptions = {}): NumformerOutput {
    const where = 'xval.Numformer.forward';
    const { positions, ...rest } = options;
    const [logits, numbers = null] = tf.tidy(() => {
      const hidden_BLD = this.hidden(where, ids_BL, numbers_BL, rest);
      const rows = hidden_BLD.reshape([-1, this.config.width]);
      const seen = positions === undefined ? hidden_BLD : tf.gather(rows, positions);
      const own = this.numberHead === null ? [] : [this.numberHead.forward(seen).squeeze([-1])];
      return [this.tokenHead.forward(seen), ...own];
    }) as [tf.Tensor, tf.Tensor?];
    return { logits, numbers };
  }

  /** The hidden states that the heads read, [B, L, D]; the arguments are those of `forward`. */
  embed(ids_BL: tf.Tensor, numbers_BL: tf.Tensor, options: Omit<NumformerOptions, 'positions'> = {}): tf.Tensor {
    return tf.tidy(() => this.hidden('xval.Numformer.embed', ids_BL, numbers_BL, options));
  }

  /** What the encoder reads: num_t E[ids_t] + P[t], [B, L, D]. @throws as `forward` */
  embedTokens(ids_BL: tf.Tensor, numbers_BL: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.embedded('xval.Numformer.embedTokens', ids_BL, numbers_BL));
  }

  private hidden(where: string, ids: tf.Tensor, numbers: tf.Tensor, { padding, key }: NumformerOptions): tf.Tensor {
    const mask = this.config.causal ? ('causal' as const) : undefined;
    return this.encoder.forward(this.embedded(where, ids, numbers), { mask, keyPadding: padding, key });
  }

  private embedded(where: string, ids_BL: tf.Tensor, numbers_BL: tf.Tensor): tf.Tensor {
    const { context, numberId } = this.config;
    checkShape(where, 'ids', ids_BL, [null, null]);
    checkShape(where, 'numbers', numbers_BL, ids_BL.shape);
    if (numbers_BL.dtype !== 'float32') {
      throw new TypeError(argumentMessage(where, 'numbers', 'be float32', numbers_BL));
    }
    const [, L] = ids_BL.shape as [number, number];
    if (L > context) {
      const fix = 'Cut the text, or make a model of a larger context.';
      throw new RangeError(argumentMessage(where, 'ids', `have at most ${context} tokens, the context`, L, fix));
    }
    const scaled_BLD = scaleNumbers(this.tokens.forward(ids_BL), ids_BL, numbers_BL, numberId);
    return scaled_BLD.add(this.places.weight.slice([0, 0], [L, -1]));
  }
}
