import { check } from '@tfsci/tensor-core';
import { placeOf } from './place';

const { argumentMessage } = check;

const [ZERO, NINE, DOT, COMMA, PLUS, MINUS, UPPER_E, LOWER_E] = [48, 57, 46, 44, 43, 45, 69, 101] as const;
/** U+2212, the minus sign of typeset text. */
const TYPESET_MINUS = 0x2212;
/** Powers of ten that float64 holds exactly. */
const TENS = Array.from({ length: 23 }, (_, k) => Number(`1e${k}`));

export const isDigit = (code: number): boolean => code >= ZERO && code <= NINE;
export const isMinus = (code: number): boolean => code === MINUS || code === TYPESET_MINUS;

/** Space, tab and line ends, as in JSON. */
export const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/** Letters, digits, _ and $ of names; beyond ASCII all but the signs and punctuation of Unicode's first plane. */
export function isNamePart(code: number): boolean {
  if (code < 128) {
    const lower = code | 32;
    return (lower >= 97 && lower <= 122) || isDigit(code) || code === 95 || code === 36;
  }
  return (
    code >= 0xc0 &&
    code !== 0xd7 &&
    code !== 0xf7 &&
    !(code >= 0x2000 && code <= 0x2bff) &&
    !(code >= 0xd800 && code <= 0xdfff) &&
    code !== 0xfeff
  );
}

/** Whether an unsigned literal begins here: a digit, or a point and a digit. */
export function startsUnsigned(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return isDigit(code) || (code === DOT && isDigit(text.charCodeAt(at + 1)));
}

/**
 * Reads one literal after another without making objects: `read` sets `end` and `value`.
 *
 *   [-] (digits [. [digits]] | . digits) [e [+-] digits]
 */
export class LiteralReader {
  /** After the literal. */
  end = 0;
  value = 0;

  constructor(
    private readonly where: string,
    private readonly text: string,
    private readonly thousands: boolean,
  ) {}

  /** @param start  of a literal, which must be one @throws RangeError with the place when its value is beyond float64 */
  read(start: number): void {
    const { text } = this;
    let at = start;
    const isNegative = isMinus(text.charCodeAt(at));
    if (isNegative) at++;
    const first = at;
    let mantissa = 0;
    let digits = 0;
    let places = 0;
    let code = text.charCodeAt(at);
    for (; isDigit(code); code = text.charCodeAt(++at)) {
      mantissa = mantissa * 10 + (code - ZERO);
      digits++;
    }
    let hasCommas = false;
    if (this.thousands && digits >= 1 && digits <= 3) {
      for (; this.isGroup(at); at += 4) {
        for (let i = 1; i <= 3; i++) mantissa = mantissa * 10 + (text.charCodeAt(at + i) - ZERO);
        digits += 3;
        hasCommas = true;
      }
      code = text.charCodeAt(at);
    }
    if (code === DOT && (isDigit(text.charCodeAt(at + 1)) || this.endsAt(at + 1))) {
      for (code = text.charCodeAt(++at); isDigit(code); code = text.charCodeAt(++at)) {
        mantissa = mantissa * 10 + (code - ZERO);
        digits++;
        places++;
      }
    }
    let exponent = 0;
    if (code === LOWER_E || code === UPPER_E) {
      let next = at + 1;
      const sign = text.charCodeAt(next);
      const isDown = isMinus(sign);
      if (isDown || sign === PLUS) next++;
      if (isDigit(text.charCodeAt(next))) {
        for (code = text.charCodeAt(next); isDigit(code); code = text.charCodeAt(++next)) {
          exponent = Math.min(exponent * 10 + (code - ZERO), 1e6);
        }
        if (isDown) exponent = -exponent;
        at = next;
      }
    }
    this.end = at;
    const shift = exponent - places;
    // A product or quotient of two exact numbers is rounded once, as the literal would be.
    const isExact = digits <= 15 && shift >= -22 && shift <= 22;
    const size = isExact
      ? shift < 0
        ? mantissa / TENS[-shift]!
        : mantissa * TENS[shift]!
      : Number(plain(text.slice(first, at), hasCommas));
    if (size === Infinity) {
      const literal = text.slice(start, at);
      throw new RangeError(
        argumentMessage(this.where, `the number ${placeOf(text, start)}`, 'be within float64', literal),
      );
    }
    this.value = isNegative ? -size : size;
  }

  /** Whether a comma and exactly three digits stand here. */
  private isGroup(at: number): boolean {
    const { text } = this;
    if (text.charCodeAt(at) !== COMMA) return false;
    for (let i = 1; i <= 3; i++) if (!isDigit(text.charCodeAt(at + i))) return false;
    return !isDigit(text.charCodeAt(at + 4));
  }

  /** Whether a point before this place ends a literal, as in '2.': nothing of a name or a second point follows. */
  private endsAt(at: number): boolean {
    const code = this.text.charCodeAt(at);
    return Number.isNaN(code) || !(isNamePart(code) || code === DOT) || code === LOWER_E || code === UPPER_E;
  }
}

function plain(literal: string, hasCommas: boolean): string {
  const ascii = literal.replaceAll('\u2212', '-');
  return hasCommas ? ascii.replaceAll(',', '') : ascii;
}
