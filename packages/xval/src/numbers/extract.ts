import { check } from '@tfsci/tensor-core';
import { placeOf } from './place';
import { scanNumbers, type ScanOptions } from './scan-numbers';

const { argumentMessage } = check;

/** The token of a number. */
export const NUMBER_TOKEN = '[NUM]';

/** A text with its numbers taken out. */
export interface Extracted {
  /** With [NUM] in the place of each number, and no comma between two of them. */
  text: string;
  /** The literals, in order. */
  numbers: string[];
}

/**
 * A text with [NUM] in the place of its numbers, and these.
 *
 * Commas between numbers vanish: [1,2,3] becomes [[NUM][NUM][NUM]]; strict with any white space around them, reference with
 * one space behind.
 *
 * @throws RangeError when the text has a [NUM] of its own, strict; else as `scanNumbers`
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export function extract(text: string, options: ScanOptions = {}): Extracted {
  const where = 'xval.extract';
  const literals = scanNumbers(text, options);
  const isStrict = options.mode !== 'reference';
  const stray = isStrict ? text.indexOf(NUMBER_TOKEN) : -1;
  if (stray >= 0) {
    const wanted = `have no ${NUMBER_TOKEN} of its own`;
    throw new RangeError(argumentMessage(where, 'text', wanted, `one ${placeOf(text, stray)}`));
  }
  const separator = isStrict ? /^\s*,\s*$/ : /^, ?$/;
  let from = 0;
  const parts = literals.map(({ start, end }, i) => {
    const between = text.slice(from, start);
    from = end;
    return i > 0 && separator.test(between) ? NUMBER_TOKEN : between + NUMBER_TOKEN;
  });
  return { text: parts.join('') + text.slice(from), numbers: literals.map(({ literal }) => literal) };
}

/**
 * Numbers put back into a text that has been taken apart by `extract`.
 *
 * Two numbers without anything between them get a comma, in reference mode a comma and a space; so [1,2] comes back
 * from there as [1, 2].
 *
 * @throws RangeError when there are not as many numbers as [NUM]
 */
export function restore(
  text: string,
  numbers: readonly (string | number)[],
  { mode = 'strict' }: Pick<ScanOptions, 'mode'> = {},
): string {
  const parts = text.split(NUMBER_TOKEN);
  if (parts.length !== numbers.length + 1) {
    const wanted = `be ${parts.length - 1}, one for each ${NUMBER_TOKEN}`;
    throw new RangeError(argumentMessage('xval.restore', 'numbers', wanted, numbers.length));
  }
  const comma = mode === 'reference' ? ', ' : ',';
  const between = (part: string, i: number): string => (i > 0 && i < numbers.length && part === '' ? comma : part);
  return parts.map((part, i) => between(part, i) + String(numbers[i] ?? '')).join('');
}
