import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** Sizes and switches of a Numformer; the defaults are those of the paper. */
export interface NumformerConfig {
  /** V, tokens of the vocabulary. */
  vocabSize: number;
  /**
   * Id of [NUM], whose embedding is multiplied by the value; null for a model of tokens alone, as the rival encodings have
   * it, without a number head. Default 3, as in the public vocabulary.
   */
  numberId?: number | null;
  /** d, the width, default 768. */
  width?: number;
  /** Default 6. */
  heads?: number;
  /** Default 6. */
  layers?: number;
  /** Width of the hidden layers, of the encoder as of both heads, default 3072. */
  feedForward?: number;
  /** Longest sequence, default 1024. */
  context?: number;
  /** Of attention weights, hidden layers and branches in training, default 0.1. */
  dropout?: number;
  /** Whether layers are normalised before each branch, default true: pre-norm is what bounds large numbers (sec. 2). */
  normFirst?: boolean;
  /** Whether the token head adds biases, `transformer_bias` of the reference; default false. */
  tokenBias?: boolean;
  /** Whether the number head adds biases, `numhead_bias` of the reference; default true. */
  numberBias?: boolean;
  /** Whether token t sees only the tokens before it, for generation; default false. */
  causal?: boolean;
  /** Whether all encoder layers start alike, as the reference's copies do; default false. */
  identicalInit?: boolean;
}

/** A config with all its defaults. */
export type CompleteNumformerConfig = Required<NumformerConfig>;

/** The sizes of the paper, of the public notebook, and one that trains in a browser within a minute. */
export const NUMFORMER_SIZES = {
  paper: { width: 768, heads: 6, layers: 6, feedForward: 3072, context: 1024 },
  notebook: { width: 384, heads: 3, layers: 3, feedForward: 1536, context: 955 },
  small: { width: 64, heads: 4, layers: 2, feedForward: 256, context: 64, dropout: 0 },
} as const satisfies Record<string, Partial<NumformerConfig>>;

/**
 * The config with its defaults.
 *
 * @throws TypeError, RangeError when a size is not a positive integer, heads do not divide the width or an option is not
 *   of its kind
 */
export function completeConfig(where: string, config: NumformerConfig): CompleteNumformerConfig {
  const complete: CompleteNumformerConfig = {
    numberId: 3,
    dropout: 0.1,
    normFirst: true,
    tokenBias: false,
    numberBias: true,
    causal: false,
    identicalInit: false,
    ...NUMFORMER_SIZES.paper,
    ...config,
  };
  for (const name of ['vocabSize', 'width', 'heads', 'layers', 'feedForward', 'context'] as const) {
    checkNumber(where, name, complete[name], { min: 1, integer: true });
  }
  const { numberId, vocabSize, width, heads } = complete;
  if (numberId !== null) checkNumber(where, 'numberId', numberId, { min: 0, below: vocabSize, integer: true });
  checkNumber(where, 'dropout', complete.dropout, { min: 0, below: 1 });
  if (width % heads !== 0) {
    throw new RangeError(argumentMessage(where, 'width', `be a multiple of heads (${heads})`, width));
  }
  for (const name of ['normFirst', 'tokenBias', 'numberBias', 'causal', 'identicalInit'] as const) {
    if (typeof complete[name] !== 'boolean') {
      throw new TypeError(argumentMessage(where, name, 'be true or false', complete[name]));
    }
  }
  return complete;
}
