// B sequences, H heads, Q queries, L tokens.
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import type { ActivationName, Observer } from '../model/observed';
import { TOKENS } from '../task/tokens';
import type { Activation, TokenRows } from './capture';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** The kinds of tokens, by name. */
export type TokenKind = keyof typeof TOKENS;

/**
 * An ablation: attention to tokens of some kinds is cut, and what it would have spent goes to the others.
 *
 * @param rows     the sequences that the model is going to read
 * @param attention  of the encoder or the decoder
 * @param kinds    of the tokens that are no longer attended
 * @returns for `observe` of `capture` or of the model
 * @throws RangeError for an unknown kind or attention
 * @example
 * const { logits } = await capture(model, samples, { names: ['logits'], observe: cutAttention(samples, 'decoder', ['start']) });
 */
export function cutAttention(rows: TokenRows, attention: 'encoder' | 'decoder', kinds: readonly TokenKind[]): Observer {
  const where = 'counting-transformer.cutAttention';
  checkOneOf(where, 'attention', attention, ['encoder', 'decoder']);
  kinds.forEach((kind) => checkOneOf(where, 'kind', kind, Object.keys(TOKENS) as TokenKind[]));
  const ids = new Set(kinds.map((kind) => TOKENS[kind] as number));
  const cut = Float32Array.from(rows.tokens, (id) => (ids.has(id) ? CUT : 0));
  const name = `${attention === 'encoder' ? 'enc' : 'dec'}.attn.scores`;
  return (own, value) => {
    if (own !== name) return value;
    return tf.tidy(() => value.add(tf.tensor4d(cut, [rows.batch, 1, 1, rows.length])));
  };
}

/** Far below all scores, so that a weight becomes 0. */
const CUT = -1e9;

/** Which part of a value a patch replaces. */
export interface PatchOptions {
  /** Places along the tokens' axis, default all; of values by token only. */
  positions?: readonly number[];
}

/**
 * A patch: values of another run take the place of a model's own.
 *
 * @param name     of the value
 * @param from     what `capture` found in the other run, on sequences of the same number and length
 * @param options  see PatchOptions
 * @returns for `observe` of `capture` or of the model
 * @throws RangeError for places outside the value or, when the model is run, for another shape
 */
export function patch(name: ActivationName, from: Activation, { positions }: PatchOptions = {}): Observer {
  const where = 'counting-transformer.patch';
  const length = from.shape[from.shape.length - 2]!;
  positions?.forEach((place) => checkNumber(where, 'position', place, { min: 0, below: length, integer: true }));
  const places = positions === undefined ? null : new Set(positions);
  return (own, value) => {
    if (own !== name) return value;
    if (String(value.shape) !== String(from.shape)) {
      throw new RangeError(
        argumentMessage(where, `${name} of the other run`, `be [${value.shape.join(', ')}]`, from.shape),
      );
    }
    return tf.tidy(() => {
      const other = tf.tensor(from.data, from.shape);
      if (places === null) return other;
      const isChosen = Uint8Array.from({ length }, (_, t) => Number(places.has(t)));
      return tf.where(tf.tensor2d(isChosen, [length, 1], 'bool').broadcastTo(value.shape), other, value);
    });
  };
}

/** Several interventions, one after the other. */
export function inTurn(...observers: readonly Observer[]): Observer {
  return (name, value) => observers.reduce((own, observe) => observe(name, own), value);
}
