import { check, type nn } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** How an encoder is told where its tokens stand. */
export type PositionCode =
  /** Not at all (NoPE): a causal encoder can still find out by what it attends. */
  | { kind: 'none' }
  /** A learned vector for each of `maxLength` places, start included, is added to the embedding (AbsPE). */
  | { kind: 'absolute'; maxLength: number }
  /** Sines and cosines of the place are added. */
  | { kind: 'sinusoidal'; base?: number }
  /** Queries and keys are turned by angles proportional to the place (RoPE). */
  | { kind: 'rope'; base?: number; layout?: nn.PairLayout }
  /** -slope |i - j| is added to the scores, a slope for each head; default 2^(-8 h / H) (ALiBi). */
  | { kind: 'alibi'; slopes?: readonly number[] };

const KINDS = ['none', 'absolute', 'sinusoidal', 'rope', 'alibi'] as const;

/** @throws TypeError, RangeError for a code that is none or does not go with the sizes */
export function checkPositions(where: string, code: PositionCode, width: number, heads: number): PositionCode {
  if (typeof code !== 'object' || code === null) {
    throw new TypeError(argumentMessage(where, 'positions', "be an object such as { kind: 'rope' }", code));
  }
  checkOneOf(where, 'positions.kind', code.kind, KINDS);
  if (code.kind === 'absolute') checkNumber(where, 'positions.maxLength', code.maxLength, { min: 1, integer: true });
  if (code.kind === 'rope' && (width / heads) % 2 !== 0) {
    throw new RangeError(argumentMessage(where, 'width / heads', 'be even for rotary positions', width / heads));
  }
  if (code.kind === 'sinusoidal' && width % 2 !== 0) {
    throw new RangeError(argumentMessage(where, 'width', 'be even for sinusoidal positions', width));
  }
  if ((code.kind === 'rope' || code.kind === 'sinusoidal') && code.base !== undefined) {
    checkNumber(where, 'positions.base', code.base, { above: 0 });
  }
  if (code.kind === 'rope' && code.layout !== undefined) {
    checkOneOf(where, 'positions.layout', code.layout, ['half', 'interleaved']);
  }
  if (code.kind === 'alibi' && code.slopes !== undefined) {
    if (code.slopes.length !== heads) {
      throw new RangeError(argumentMessage(where, 'positions.slopes', `be ${heads}, one a head`, code.slopes));
    }
    code.slopes.forEach((slope, h) => checkNumber(where, `positions.slopes[${h}]`, slope));
  }
  return code;
}
