// B sequences, L tokens, R regions, N the largest count, D width.
import * as tf from '@tensorflow/tfjs';
import { check, nn, random } from '@tfsci/tensor-core';
import { completeConfig, type CompleteCountingConfig, type CountingConfig } from './counting-config';
import { CountingDecoder, CountingEncoder, tokenEmbedding } from './counting-parts';
import type { Observer } from './observed';

const { argumentMessage, checkShape } = check;

/** What a call of a CountingTransformer may add to its tokens. */
export interface CountingOptions {
  /** Looks at, and may replace, what is computed on the way; see ActivationName. */
  observe?: Observer | undefined;
}

/**
 * A transformer that counts the ones in each region of a sequence: a block that reads the tokens, and a query for each
 * region that attends what it has made of them.
 *
 *   h0 = E[x] (+ P),  h1 = h0 + O attention(LN1 h0),  h2 = h1 + W2 gelu(W1 LN2 h1 + b1) + b2,
 *   logits_k = Head O_d softmax(Q_d g_k (K_d h2)^T / sqrt(W)) V_d h2
 *
 * Names: tok.weight [5, D], pos.weight [maxLength, D] with absolute positions, enc.ln1.*, enc.attn.{q,k,v,o}.*, enc.ln2.*,
 * enc.mlp.{0,2}.*, dec.query.weight [R, D], dec.attn.{q,k,v,o}.*, dec.head.* [N + 1, D]; of larger decoders also
 * dec.self.*, dec.mlp.* and dec.ln1 to dec.ln3.
 *
 * @see Golkar et al., 2024, sec. 3, arXiv:2406.02585; its widths and norms are not stated, and are ours
 * @example
 * const model = CountingTransformer.create({ regions: 4, maxCount: 255, positions: { kind: 'rope' } }, 0);
 * const logits = model.forward(tokens); // [B, 4, 256]
 */
export class CountingTransformer extends nn.Module {
  readonly config: CompleteCountingConfig;
  readonly encoder: CountingEncoder;
  readonly decoder: CountingDecoder;
  private readonly tokens: nn.Embedding;
  private readonly places: nn.Embedding | null;

  /**
   * @param config  see CountingConfig
   * @param key     for the initial weights; null gives zeros, for weights that are loaded afterwards
   * @throws TypeError, RangeError when the config is not of its kind
   */
  constructor(config: CountingConfig, key: random.Key | null) {
    super();
    this.config = completeConfig('counting-transformer.CountingTransformer', config);
    const { width, positions } = this.config;
    const [one, two, three, four] = nn.splitKey<nn.InitKey>(key, 4) as [nn.InitKey, ...nn.InitKey[]];
    this.tokens = this.child('tok', tokenEmbedding(width, one));
    this.places =
      positions.kind === 'absolute'
        ? this.child('pos', new nn.Embedding(positions.maxLength, width, { key: two! }))
        : null;
    this.encoder = this.child('enc', new CountingEncoder(this.config, three!));
    this.decoder = this.child('dec', new CountingDecoder(this.config, four!));
  }

  /** A model with fresh weights, the caller's to dispose. @throws as the constructor */
  static create(config: CountingConfig, key: random.KeyOrSeed): CountingTransformer {
    return new CountingTransformer(config, random.asKey('counting-transformer.CountingTransformer.create', key));
  }

  /**
   * @param tokens_BL  int32 [B, L], each from 0 to 4, which is not checked: that would need their values
   * @returns logits [B, R, N + 1], the caller's to dispose
   * @throws ShapeError unless tokens are [B, L], TypeError unless int32, RangeError for more tokens than a table of absolute
   *   positions has
   */
  forward(tokens_BL: tf.Tensor, { observe }: CountingOptions = {}): tf.Tensor {
    return tf.tidy(() => {
      const embedded = this.embed('counting-transformer.CountingTransformer.forward', tokens_BL);
      const seen = observe === undefined ? embedded : observe('embedding', embedded);
      return this.decoder.forward(this.encoder.forward(seen, observe), observe);
    });
  }

  /** What the encoder reads, [B, L, D]. @throws as `forward` */
  embedTokens(tokens_BL: tf.Tensor): tf.Tensor {
    return tf.tidy(() => this.embed('counting-transformer.CountingTransformer.embedTokens', tokens_BL));
  }

  private embed(where: string, tokens_BL: tf.Tensor): tf.Tensor {
    checkShape(where, 'tokens', tokens_BL, [null, null]);
    const [, L] = tokens_BL.shape as [number, number];
    const { positions, width } = this.config;
    const embedded = this.tokens.forward(tokens_BL);
    if (positions.kind === 'sinusoidal') {
      const { base } = positions;
      return embedded.add(nn.sinusoidalPositions(L, width, base === undefined ? {} : { base }));
    }
    if (positions.kind !== 'absolute') return embedded;
    if (L > positions.maxLength) {
      const fix = 'Make a model of a larger positions.maxLength.';
      throw new RangeError(argumentMessage(where, 'tokens', `be at most ${positions.maxLength} a row`, L, fix));
    }
    return embedded.add(this.places!.weight.slice([0, 0], [L, -1]));
  }
}
