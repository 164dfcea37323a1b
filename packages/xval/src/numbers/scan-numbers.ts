import { check } from '@tfsci/tensor-core';
import { REFERENCE_NUMBER, referenceValue } from './reference-numbers';
import { checkText, walk, type WalkOptions } from './walk';

/** How texts are read: 'strict' is right, 'reference' as the authors' code. */
export type ReadingMode = 'strict' | 'reference';

/** Options of `scanNumbers`, `extract` and `restore`. */
export interface ScanOptions extends WalkOptions {
  /** Default 'strict'. */
  mode?: ReadingMode;
}

/** A number literal of a text. */
export interface NumberLiteral {
  /** As the text writes it. */
  literal: string;
  value: number;
  /** Indices in the text, in UTF-16 units. */
  start: number;
  end: number;
}

/**
 * The number literals of a text.
 *
 * Strict: `.5`, `-.32`, `2.` and U+2212 as minus are understood; digits in names and in quotes are no numbers; '-' directly
 * after a number, a name or ')' is an operator. Reference: `(?<!')-?\d+(\.\d+)?([eE][-+]?\d+)?(?!'|\d)` over the digits of
 * all scripts, so that `.5` is 5, `3-2` is 3 and -2 and 1e400 infinite.
 *
 * @throws TypeError unless it is a string; RangeError with the place when a number is beyond float64, strict
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 * @example
 * scanNumbers("{'a':-.32,'x1':[2,3e4]}").map(({ value }) => value); // [-0.32, 2, 30000]
 */
export function scanNumbers(text: string, { mode = 'strict', thousands }: ScanOptions = {}): NumberLiteral[] {
  const where = 'xval.scanNumbers';
  check.checkOneOf(where, 'mode', mode, ['strict', 'reference']);
  checkText(where, text);
  if (mode === 'reference') {
    return Array.from(text.matchAll(REFERENCE_NUMBER), ({ 0: literal, index }) => ({
      literal,
      value: referenceValue(literal),
      start: index,
      end: index + literal.length,
    }));
  }
  const found: NumberLiteral[] = [];
  walk(
    where,
    text,
    { start: 0, end: text.length },
    { thousands },
    {
      number: (start, end, value) => found.push({ literal: text.slice(start, end), value, start, end }),
      quoted: () => undefined,
      text: () => undefined,
    },
  );
  return found;
}
