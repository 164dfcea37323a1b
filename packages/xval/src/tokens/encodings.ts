import { check } from '@tfsci/tensor-core';
import { NUMBER_TOKEN } from '../numbers/extract';
import { scientific, ZERO_BELOW, ZERO_WORD } from '../numbers/scientific';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** xVal, and the rivals of the paper with three significant figures each. */
export const ENCODINGS = ['xval', 'p10', 'p1000', 'b1999', 'fp15'] as const;
export type EncodingName = (typeof ENCODINGS)[number];

/** What becomes of a number that has no words: an error, or the nearest that has. */
export type OutOfRange = 'throw' | 'clip';

/** Numbers as words of a vocabulary. */
export interface NumberEncoding {
  readonly name: EncodingName;
  /** The numeric part of the vocabulary, in the reference's order. */
  readonly words: readonly string[];
  readonly tokensPerNumber: number;
  /** Words of a number in scientific notation with three figures. */
  readonly split: (scientificText: string) => string[];
  /** The number that words write; null when they write none, and for xVal, whose values are beside the tokens. */
  readonly decode: (words: readonly string[]) => number | null;
}

const EXPONENTS = [0, 1, 2, 3, 4, 5, 6, 7, -1, -2, -3, -4, -5, -6, -7].map(
  (e) => `e${e < 0 ? '-' : '+'}${Math.abs(e)}`,
);
const MANTISSAS = Array.from({ length: 900 }, (_, i) => ((i + 100) / 100).toFixed(2));
const SIGNS = ['+', '-'];
const SCIENTIFIC = /^([+-])(\d)\.(\d)(\d)(e[+-]\d+)$/;

function parts(text: string): [sign: string, mantissa: string, exponent: string] {
  const [, sign, a, b, c, exponent] = SCIENTIFIC.exec(text)!;
  return [sign!, `${a!}.${b!}${c!}`, exponent!];
}

/** The value of a text d.dd e+-d; null where the words are of another kind. */
function valueOf(sign: string | undefined, mantissa: string, exponent: string | undefined): number | null {
  if (!SIGNS.includes(sign!) || !EXPONENTS.includes(exponent!) || !/^\d\.\d\d$/.test(mantissa)) return null;
  return Number(sign! + mantissa + exponent!);
}

const MAKERS: Record<EncodingName, () => NumberEncoding> = {
  xval: () => ({
    name: 'xval',
    words: [NUMBER_TOKEN],
    tokensPerNumber: 1,
    split: () => [NUMBER_TOKEN],
    decode: () => null,
  }),
  p10: () => ({
    name: 'p10',
    words: [ZERO_WORD, ...Array.from({ length: 10 }, (_, digit) => String(digit)), ...EXPONENTS],
    tokensPerNumber: 5,
    split: (text) => {
      if (text === ZERO_WORD) return [text];
      const [sign, mantissa, exponent] = parts(text);
      return [sign, mantissa[0]!, mantissa[2]!, mantissa[3]!, exponent];
    },
    decode: (words) => {
      if (words.length === 1 && words[0] === ZERO_WORD) return 0;
      if (words.length !== 5 || words.slice(1, 4).some((word) => !/^\d$/.test(word))) return null;
      return valueOf(words[0], `${words[1]!}.${words[2]!}${words[3]!}`, words[4]);
    },
  }),
  p1000: () => ({
    name: 'p1000',
    words: ['0.00', ...MANTISSAS, ...EXPONENTS],
    tokensPerNumber: 3,
    split: parts,
    decode: (words) => (words.length === 3 ? valueOf(words[0], words[1]!, words[2]) : null),
  }),
  b1999: () => ({
    name: 'b1999',
    words: ['+0.00', ...MANTISSAS.flatMap((mantissa) => SIGNS.map((sign) => sign + mantissa)), ...EXPONENTS],
    tokensPerNumber: 2,
    split: (text) => {
      const [sign, mantissa, exponent] = parts(text);
      return [sign + mantissa, exponent];
    },
    decode: ([first = '', exponent, ...rest]) => (rest.length > 0 ? null : valueOf(first[0], first.slice(1), exponent)),
  }),
  fp15: () => ({
    name: 'fp15',
    words: [ZERO_WORD, ...[EXPONENTS.slice(0, 8), EXPONENTS.slice(8)].flatMap(wholeNumbers)],
    tokensPerNumber: 1,
    split: (text) => [text],
    decode: (words) => {
      if (words.length !== 1 || !SCIENTIFIC.test(words[0]!)) return null;
      return valueOf(...parts(words[0]!));
    },
  }),
};

function wholeNumbers(exponents: readonly string[]): string[] {
  return MANTISSAS.flatMap((mantissa) =>
    exponents.flatMap((exponent) => SIGNS.map((sign) => sign + mantissa + exponent)),
  );
}

/** The encoding of a name. @throws RangeError for an unknown one @see Charton, 2022, arXiv:2112.01898 */
export function numberEncoding(name: EncodingName): NumberEncoding {
  return MAKERS[checkOneOf('xval.numberEncoding', 'name', name, ENCODINGS)]();
}

/**
 * A number with three figures that every rival encoding has words for: 0, or 1e-7 to 9.99e7 in size.
 *
 * @param x  finite
 * @returns its scientific text, and whether it had to be clipped
 * @throws RangeError when there is none and `outOfRange` is 'throw'
 * @remarks The reference cuts the exponent and reads 1e10 as 10.
 */
export function representable(where: string, x: number, outOfRange: OutOfRange): { text: string; isClipped: boolean } {
  const size = Math.abs(checkNumber(where, 'a number', x));
  const text = scientific(x, 3);
  const tooSmall = size > ZERO_BELOW && text.endsWith('e-8');
  const exponent = tooSmall ? -8 : Number(text.slice(text.indexOf('e') + 1));
  if (exponent >= -7 && exponent <= 7) return { text, isClipped: false };
  if (outOfRange === 'throw') {
    const fix = "Scale the numbers, or build the tokenizer with outOfRange: 'clip'.";
    throw new RangeError(argumentMessage(where, 'a number', 'be 0 or from 1e-7 to 9.99e7 in size', x, fix));
  }
  const nearest = exponent > 7 ? '9.99e+7' : size < 5e-8 ? null : '1.00e-7';
  return { text: nearest === null ? ZERO_WORD : (x < 0 ? '-' : '+') + nearest, isClipped: true };
}
