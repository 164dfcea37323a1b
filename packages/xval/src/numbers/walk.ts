import { check } from '@tfsci/tensor-core';
import { isDigit, isMinus, isNamePart, isSpace, LiteralReader, startsUnsigned } from './strict-numbers';

/** What a walk over a text meets, in order; places are indices of the text. */
export interface Visitor {
  /** A number literal. */
  number(start: number, end: number, value: number): void;
  /** A quoted span with its quotes and, if it is a key, the colon behind it. */
  quoted(start: number, end: number, isKey: boolean): void;
  /** What stands between: names, operators, brackets, white space. */
  text(start: number, end: number): void;
}

/** Options of the strict way to read texts. */
export interface WalkOptions {
  /** Whether 1,000 is one number; default false. */
  thousands?: boolean | undefined;
}

/** A part of a text. */
export interface Span {
  start: number;
  end: number;
}

const [APOSTROPHE, QUOTE, BACKSLASH, COMMA, COLON, CLOSE] = [39, 34, 92, 44, 58, 41] as const;

/**
 * Goes through a part of a text once and tells its numbers from all else.
 *
 * Digits in names (x1) and in quotes are no numbers; '-' directly after a number, a name or ')' is an operator, else a sign.
 * A comma between two numbers is passed over.
 *
 * @throws RangeError with the place when a number is beyond float64
 */
export function walk(
  where: string,
  text: string,
  { start, end: length }: Span,
  { thousands = false }: WalkOptions,
  visitor: Visitor,
): void {
  const literals = new LiteralReader(where, text, thousands);
  let at = start;
  /** Start of the text that has not been told yet. */
  let from = start;
  /** Whether what stands directly before is a number, a name or ')', after which '-' subtracts. */
  let isOperand = false;
  const flush = (end: number): void => {
    if (from < end) visitor.text(from, end);
  };
  while (at < length) {
    const code = text.charCodeAt(at);
    const isSigned = isMinus(code) && !isOperand && startsUnsigned(text, at + 1);
    if (isSigned || (startsUnsigned(text, at) && !(isOperand && !isDigit(code)))) {
      flush(at);
      literals.read(at);
      visitor.number(at, literals.end, literals.value);
      at = from = afterComma(text, literals.end);
      isOperand = from === literals.end;
    } else if (isNamePart(code)) {
      do at++;
      while (at < length && isNamePart(text.charCodeAt(at)));
      isOperand = true;
    } else if (code === APOSTROPHE || code === QUOTE) {
      const end = quotedEnd(text, at, length);
      if (end === -1) at++;
      else {
        flush(at);
        const colon = pastSpace(text, end);
        const isKey = text.charCodeAt(colon) === COLON;
        from = isKey ? colon + 1 : end;
        visitor.quoted(at, from, isKey);
        at = from;
      }
      isOperand = false;
    } else {
      isOperand = code === CLOSE;
      at++;
    }
  }
  flush(length);
}

/** After the closing quote; -1 where there is none on the line. */
function quotedEnd(text: string, start: number, limit: number): number {
  const quote = text.charCodeAt(start);
  for (let at = start + 1; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at + 1;
    if (code === BACKSLASH) at++;
    else if (code === 10) return -1;
  }
  return -1;
}

/** After a comma that stands between a number and the next one; else the same place. */
function afterComma(text: string, end: number): number {
  const comma = pastSpace(text, end);
  if (text.charCodeAt(comma) !== COMMA) return end;
  const next = pastSpace(text, comma + 1);
  const isNumber = startsUnsigned(text, next) || (isMinus(text.charCodeAt(next)) && startsUnsigned(text, next + 1));
  return isNumber ? next : end;
}

function pastSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** @throws TypeError unless it is a string */
export function checkText(where: string, text: unknown): string {
  if (typeof text === 'string') return text;
  throw new TypeError(check.argumentMessage(where, 'text', 'be a string', text));
}
