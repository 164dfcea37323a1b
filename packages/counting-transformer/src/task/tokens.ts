import { check } from '@tfsci/tensor-core';

const { argumentMessage, FormatError } = check;

/** Ids of the alphabet: two bits, the delimiters of a region, and the token that may stand before all. */
export const TOKENS = { zero: 0, one: 1, open: 2, close: 3, start: 4 } as const;
/** How many there are. */
export const VOCABULARY = 5;
/** How each is written; the start as '^'. */
export const SYMBOLS = '01[]^';

/**
 * A sequence as ids.
 *
 * @param text  of 0, 1, [ and ], with ^ first where there is a start token; white space counts for nothing
 * @throws FormatError naming the place of another symbol
 * @example
 * parse('[0]1[101]'); // [2, 0, 3, 1, 2, 1, 0, 1, 3]
 */
export function parse(text: string): Int32Array {
  const where = 'counting-transformer.parse';
  if (typeof text !== 'string') throw new TypeError(argumentMessage(where, 'text', 'be a string', text));
  const ids: number[] = [];
  [...text].forEach((symbol, at) => {
    if (/\s/.test(symbol)) return;
    const id = SYMBOLS.indexOf(symbol);
    if (id < 0) throw new FormatError(argumentMessage(where, `the symbol at ${at}`, 'be one of 0 1 [ ] ^', symbol));
    ids.push(id);
  });
  return Int32Array.from(ids);
}

/** Ids as a text; the way back of `parse`. @throws RangeError naming the place of an id outside the alphabet */
export function format(tokens: ArrayLike<number>): string {
  return Array.from(tokens, (id, at) => SYMBOLS[checkToken('counting-transformer.format', id, at)]).join('');
}

/**
 * The number of ones in each region.
 *
 * @throws FormatError naming the place of a delimiter that is nested, unopened or unclosed, or of a start that is not
 *   first; RangeError for ids outside the alphabet
 * @see Golkar et al., 2024, sec. 2, arXiv:2406.02585
 * @example
 * countRegions(parse('[0][101]0[1]1[]0')); // [0, 2, 1, 0]
 */
export function countRegions(tokens: ArrayLike<number>): number[] {
  const counts: number[] = [];
  walkRegions('counting-transformer.countRegions', tokens, (at, region) => {
    if (tokens[at] === TOKENS.open) counts.push(0);
    else if (region !== null && tokens[at] === TOKENS.one) counts[region]!++;
  });
  return counts;
}

/**
 * The number of the region that each token stands in, delimiters included, from 0; null outside: the contextual position.
 *
 * @throws as `countRegions`
 * @see Golkar et al., 2024, sec. 2, arXiv:2406.02585
 */
export function contextualPositions(tokens: ArrayLike<number>): (number | null)[] {
  const found: (number | null)[] = [];
  walkRegions('counting-transformer.contextualPositions', tokens, (_, region) => found.push(region));
  return found;
}

/** Goes through a sequence; the region of a delimiter is its own. */
function walkRegions(
  where: string,
  tokens: ArrayLike<number>,
  visit: (at: number, region: number | null) => void,
): void {
  let [regions, openedAt] = [0, -1];
  for (let at = 0; at < tokens.length; at++) {
    const id = checkToken(where, tokens[at], at);
    if (id === TOKENS.start && at > 0) throw misplaced(where, at, 'the start token', 'come first');
    if (id === TOKENS.open) {
      if (openedAt >= 0) throw misplaced(where, at, "'['", `come after the region of ${openedAt} has been closed`);
      openedAt = at;
    }
    if (id === TOKENS.close && openedAt < 0) throw misplaced(where, at, "']'", 'close a region that has been opened');
    visit(at, openedAt < 0 ? null : regions);
    if (id === TOKENS.close) {
      openedAt = -1;
      regions++;
    }
  }
  if (openedAt >= 0) throw misplaced(where, openedAt, "'['", 'be closed');
}

function misplaced(where: string, at: number, what: string, wanted: string): Error {
  return new FormatError(argumentMessage(where, `${what} at ${at}`, wanted, 'no such sequence'));
}

function checkToken(where: string, id: number | undefined, at: number): number {
  return check.checkNumber(where, `token ${at}`, id, { min: 0, below: VOCABULARY, integer: true });
}
