/**
 * Number literals as the reference finds them: a regular expression over decimal digits of all scripts, guarded by single
 * quotes at its very ends.
 */
export const REFERENCE_NUMBER = /(?<!')-?\p{Nd}+(\.\p{Nd}+)?([eE][-+]?\p{Nd}+)?(?!'|\p{Nd})/gu;

/** The value of such a literal, Infinity where it overflows. */
export function referenceValue(literal: string): number {
  return Number(literal.replace(/\p{Nd}/gu, asciiDigit));
}

/** Decimal digits stand in Unicode in blocks of ten, in order. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0)!;
  if (code < 128) return digit;
  // Nine steps down at most lead to the block's zero, below which is no digit or the nine of the block before.
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}
