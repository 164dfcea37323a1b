import { check } from '@tfsci/tensor-core';
import { checkPositions, type PositionCode } from './positions';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What a decoder has beside cross-attention; nothing in the paper's main experiments. */
export interface DecoderConfig {
  /** Whether the region queries first attend each other, default false. */
  selfAttention?: boolean;
  /** Whether a feed-forward part follows, default false; logits are then no longer linear in what is attended. */
  mlp?: boolean;
  /** Whether these branches and the queries of cross-attention are layer-normalised, default false. */
  layerNorm?: boolean;
}

/** A model of contextual counting. */
export interface CountingConfig {
  /** R, regions that can be asked for. */
  regions: number;
  /** N: counts are from 0 to it. */
  maxCount: number;
  /** Whether sequences begin with the start token, default true. */
  start?: boolean;
  /** d, default 64. */
  width?: number;
  /** Width of the hidden layer, default 2 d. */
  feedForward?: number;
  /** Default 1. */
  heads?: number;
  /** Whether a token of the encoder sees only those before it, default true. */
  causal?: boolean;
  /** Of the encoder, default { kind: 'none' }. */
  positions?: PositionCode;
  /** Whether the encoder is layer-normalised before each branch, default true. */
  layerNorm?: boolean;
  /** Default 'gelu', the exact one. */
  activation?: 'gelu' | 'relu';
  decoder?: DecoderConfig;
}

/** A config with all its defaults. */
export interface CompleteCountingConfig extends Required<Omit<CountingConfig, 'decoder'>> {
  decoder: Required<DecoderConfig>;
}

/**
 * The config with its defaults.
 *
 * @throws TypeError, RangeError for sizes that are no positive integers, heads that do not divide the width, a head of odd
 *   width with rotary positions, and options that are not of their kind
 */
export function completeConfig(where: string, config: CountingConfig): CompleteCountingConfig {
  if (typeof config !== 'object' || config === null) {
    throw new TypeError(argumentMessage(where, 'config', 'be an object', config));
  }
  const { width = 64, decoder = {} } = config;
  const complete: CompleteCountingConfig = {
    start: true,
    width,
    feedForward: 2 * width,
    heads: 1,
    causal: true,
    positions: { kind: 'none' },
    layerNorm: true,
    activation: 'gelu',
    ...config,
    decoder: { selfAttention: false, mlp: false, layerNorm: false, ...decoder },
  };
  for (const name of ['regions', 'width', 'feedForward', 'heads'] as const) {
    checkNumber(where, name, complete[name], { min: 1, integer: true });
  }
  checkNumber(where, 'maxCount', complete.maxCount, { min: 0, integer: true });
  if (complete.width % complete.heads !== 0) {
    throw new RangeError(argumentMessage(where, 'width', `be a multiple of heads (${complete.heads})`, complete.width));
  }
  const { start, causal, layerNorm } = complete;
  const ofDecoder = Object.entries(complete.decoder).map(([name, value]) => [`decoder.${name}`, value] as const);
  for (const [name, value] of [...Object.entries({ start, causal, layerNorm }), ...ofDecoder]) {
    if (typeof value !== 'boolean') throw new TypeError(argumentMessage(where, name, 'be true or false', value));
  }
  checkOneOf(where, 'activation', complete.activation, ['gelu', 'relu']);
  checkPositions(where, complete.positions, complete.width, complete.heads);
  return complete;
}
