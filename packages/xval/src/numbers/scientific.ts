import { check } from '@tfsci/tensor-core';
import { REFERENCE_NUMBER, referenceValue } from './reference-numbers';
import { checkText } from './walk';

const { checkNumber } = check;

/** What at most this size is written as zero, as in the reference. */
export const ZERO_BELOW = 1e-8;
export const ZERO_WORD = '+0.00e+0';

/**
 * A number in scientific notation with a sign, d.dd, and an exponent without zeros in front: -60.2 -> -6.02e+1.
 *
 * Rounded correctly from the binary value, ties to even: 1.125 -> +1.12e+0, where `toExponential` has 1.13e+0.
 *
 * @param x        at most 1e-8 in size gives +0.00e+0
 * @param sigfigs  significant figures, default 3
 * @throws RangeError when x is not finite or sigfigs is no integer from 1 to 17
 * @see Charton, 2022, arXiv:2112.01898, for the encodings of such words
 */
export function toScientific(x: number, sigfigs = 3): string {
  const where = 'xval.toScientific';
  checkNumber(where, 'sigfigs', sigfigs, { min: 1, max: 17, integer: true });
  return scientific(checkNumber(where, 'x', x), sigfigs);
}

/** The same unchecked; infinity is written +inf, as Python does. */
export function scientific(x: number, sigfigs: number): string {
  const size = Math.abs(x);
  if (size <= ZERO_BELOW) return ZERO_WORD;
  const sign = x < 0 ? '-' : '+';
  if (size === Infinity) return `${sign}inf`;
  return sign + toEven(size, sigfigs);
}

/** `toExponential` rounds ties up; where there is a tie and the figure below is even, that is the one. */
function toEven(size: number, sigfigs: number): string {
  const rounded = size.toExponential(sigfigs - 1);
  const shortest = size.toExponential();
  const cut = shortest.indexOf('e');
  // A tie has one figure more, 5. Its point is one of the characters before the cut.
  if (shortest.charCodeAt(cut - 1) !== 53 || cut !== sigfigs + 2) return rounded;
  const last = shortest.charCodeAt(cut - 2 - Number(sigfigs === 1));
  // The shortest text that reads back may be a tie where the binary value is none.
  if (last % 2 === 1 || !/^[\d.]+0{20}e/.test(size.toExponential(60))) return rounded;
  const kept = sigfigs === 1 ? shortest.slice(0, 1) : shortest.slice(0, cut - 1);
  return kept + shortest.slice(cut);
}

/** Options of `convertNumberString`. */
export interface ConvertOptions {
  /** Significant figures, default 3. */
  sigfigs?: number;
  /** Whether commas between numbers go, default true. */
  removeComma?: boolean;
  /** Whether spaces go, default true. */
  removeSpace?: boolean;
}

/**
 * A text with its numbers in scientific notation: what the rival encodings cut into words, as in the reference.
 *
 *   [1, -0.25] -> [+1.00e+0-2.50e-1]
 *
 * Numbers are found as in mode 'reference' of `scanNumbers`.
 *
 * @throws TypeError unless the text is a string, RangeError for bad sigfigs
 */
export function convertNumberString(
  text: string,
  { sigfigs = 3, removeComma = true, removeSpace = true }: ConvertOptions = {},
): string {
  const where = 'xval.convertNumberString';
  checkNumber(where, 'sigfigs', sigfigs, { min: 1, max: 17, integer: true });
  const converted = checkText(where, text).replace(REFERENCE_NUMBER, (literal) =>
    scientific(referenceValue(literal), sigfigs),
  );
  const joined = removeComma ? converted.replace(/(\p{Nd}),\s*([+-])/gu, '$1$2') : converted;
  return removeSpace ? joined.replaceAll(' ', '') : joined;
}
