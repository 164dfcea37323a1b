import { argumentMessage, FormatError } from '../../check';

/** A value of a header card; undefined where the card has none. */
export type FitsValue = string | number | bigint | boolean | { re: number; im: number } | undefined;

/** The cards of a header; the objects have no prototype, so any keyword is safe. */
export interface FitsHeader {
  /**
   * By keyword; of two cards of one keyword the first counts. HIERARCH keywords stand without that word; COMMENT,
   * HISTORY and cards without a keyword ('') are the lines of their text. A value that breaks the format's rules is
   * given as its text.
   */
  values: Record<string, FitsValue>;
  /** What stands behind the slash, by keyword: often the unit and the meaning. */
  comments: Record<string, string>;
}

/** A header and the files are made of blocks of so many bytes. */
export const blockBytes = 2880;
const cardBytes = 80;

const number = String.raw`[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[EeDd][+-]?[0-9]+)?`;
const comment = String.raw`\s*(?:\/\s*(.*))?$`;
const patterns = {
  text: new RegExp(`^'((?:[^']|'')*)'${comment}`),
  logical: new RegExp(`^([TF])${comment}`),
  integer: new RegExp(`^([+-]?[0-9]+)${comment}`),
  real: new RegExp(`^(${number})${comment}`),
  complex: new RegExp(String.raw`^\(\s*(${number})\s*,\s*(${number})\s*\)${comment}`),
  none: new RegExp(`^${comment}`),
};

interface Parsed {
  value: FitsValue;
  comment: string | undefined;
}

/**
 * Reads the cards of one header: 80 characters each, up to END.
 *
 * @param bytes  the file
 * @param begin  where the header begins
 * @returns the header, and where its last block ends
 * @throws FormatError when there is no END, or what stands there is no header
 * @see FITS standard 4.0, section 4, https://fits.gsfc.nasa.gov/fits_standard.html
 */
export function readFitsHeader(where: string, bytes: Uint8Array, begin: number): { header: FitsHeader; end: number } {
  // As latin1 every byte is a character, also in comments that break the standard.
  const decoder = new TextDecoder('latin1');
  const cardAt = (at: number): string => decoder.decode(bytes.subarray(at, at + cardBytes));
  const values = Object.create(null) as Record<string, FitsValue>;
  const comments = Object.create(null) as Record<string, string>;

  function enter(keyword: string, { value, comment }: Parsed): void {
    if (keyword in values) return;
    values[keyword] = value;
    if (comment) comments[keyword] = comment;
  }

  const remarks = new Map<string, string[]>();
  for (let at = begin; at + cardBytes <= bytes.length; at += cardBytes) {
    const card = cardAt(at);
    const keyword = card.slice(0, 8).trimEnd();
    if (keyword === 'END' && card.trimEnd() === 'END') {
      for (const [name, lines] of remarks) values[name] = lines.join('\n');
      return { header: { values, comments }, end: begin + blocks(at + cardBytes - begin) };
    }
    if (!/^[A-Z0-9_-]*$/.test(keyword)) {
      const fix = at === 0 ? 'Is this a FITS file?' : 'The file is corrupt.';
      throw new FormatError(argumentMessage(where, 'a keyword', 'be of A-Z, 0-9, - and _', keyword, fix));
    }
    const long = /^HIERARCH\s+([^='/]*[^='/\s])\s*=\s*(.*)$/.exec(card);
    if (long) {
      enter(long[1]!, parsed(long[2]!.trimEnd()));
    } else if (card.slice(8, 10) === '= ' && !['COMMENT', 'HISTORY', ''].includes(keyword)) {
      const pieces = [parsed(card.slice(10).trim())];
      while (isContinued(pieces.at(-1)!) && cardAt(at + cardBytes).startsWith('CONTINUE  ')) {
        at += cardBytes;
        pieces.push(parsed(cardAt(at).slice(10).trim()));
      }
      enter(keyword, pieces.length > 1 ? joined(pieces) : pieces[0]!);
    } else if (['COMMENT', 'HISTORY', ''].includes(keyword)) {
      const text = card.slice(8).trimEnd();
      const lines = remarks.get(keyword) ?? [];
      if (keyword !== '' || text !== '') remarks.set(keyword, lines);
      lines.push(text);
    }
  }
  throw new FormatError(`${where}: a header must end with an END card. Is the file truncated, or no FITS file?`);
}

/** How many bytes the blocks have that hold so many. */
export function blocks(bytes: number): number {
  return blockBytes * Math.ceil(bytes / blockBytes);
}

/** A text that ends with & goes on in the next card. */
function isContinued({ value }: Parsed): boolean {
  return typeof value === 'string' && value.endsWith('&');
}

function joined(pieces: Parsed[]): Parsed {
  const texts = pieces.map((piece, i) => {
    const text = typeof piece.value === 'string' ? piece.value : '';
    return i < pieces.length - 1 ? text.slice(0, -1) : text;
  });
  return { value: texts.join(''), comment: pieces.flatMap((piece) => piece.comment || []).join(' ') };
}

function parsed(text: string): Parsed {
  let match = patterns.text.exec(text);
  // Spaces at the end of a text mean nothing, those at its beginning do.
  if (match) return { value: match[1]!.replaceAll("''", "'").trimEnd(), comment: match[2]?.trim() };
  match = patterns.logical.exec(text);
  if (match) return { value: match[1] === 'T', comment: match[2] };
  match = patterns.integer.exec(text);
  if (match) return { value: integer(match[1]!), comment: match[2] };
  match = patterns.real.exec(text);
  if (match) return { value: real(match[1]!), comment: match[2] };
  match = patterns.complex.exec(text);
  if (match) return { value: { re: real(match[1]!), im: real(match[2]!) }, comment: match[3] };
  match = patterns.none.exec(text);
  return match ? { value: undefined, comment: match[1] } : { value: text, comment: undefined };
}

function real(text: string): number {
  return Number(text.replace(/[Dd]/, 'e'));
}

function integer(text: string): number | bigint {
  const near = Number(text);
  return Number.isSafeInteger(near) ? near : BigInt(text.replace('+', ''));
}

/**
 * The integer of a keyword.
 *
 * @param fallback  what a missing card means; without it the card must be there
 * @throws FormatError when it is missing, no integer, or outside of the limits
 */
export function fitsInteger(
  where: string,
  { values }: FitsHeader,
  keyword: string,
  limits: { min: number; max?: number },
  fallback?: number,
): number {
  const value = values[keyword] ?? fallback;
  const { min, max = Number.MAX_SAFE_INTEGER } = limits;
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw new FormatError(argumentMessage(where, keyword, `be an integer from ${min} to ${max}`, value));
}

/** The text of a keyword, undefined when there is none. */
export function fitsText({ values }: FitsHeader, keyword: string): string | undefined {
  const value = values[keyword];
  return typeof value === 'string' ? value : undefined;
}

/** The number of a keyword. @throws FormatError when it is there and no number */
export function fitsNumber(where: string, { values }: FitsHeader, keyword: string, fallback: number): number | bigint {
  const value = values[keyword] ?? fallback;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw new FormatError(argumentMessage(where, keyword, 'be a finite number', value));
}

/** The integer that stands for no value; undefined when the header names none. @throws FormatError when it is none */
export function fitsBlank(where: string, header: FitsHeader, keyword: string): number | bigint | undefined {
  if (!(keyword in header.values)) return undefined;
  const value = fitsNumber(where, header, keyword, NaN);
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return value;
  throw new FormatError(argumentMessage(where, keyword, 'be an integer', value));
}
