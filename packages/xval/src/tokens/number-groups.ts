import type { NumberEncoding } from './encodings';

/** A number among tokens. */
export interface NumberGroup {
  /** Position of its first token, and how many it has. */
  start: number;
  length: number;
  /** null for xVal, whose values are beside the tokens. */
  value: number | null;
}

/** The numbers of a token sequence. */
export interface NumberGroups {
  found: NumberGroup[];
  /** Runs of numeric tokens that write no number; a lone sign is an operator. */
  invalid: number;
}

/** Finds the numbers of tokens from the left, each as soon as it is complete. */
export function numberGroups(
  encoding: NumberEncoding,
  ids: ArrayLike<number>,
  tokenOf: (id: number) => string,
): NumberGroups {
  const tokens = Array.from(ids, tokenOf);
  const numeric = new Set(encoding.words);
  const found: NumberGroup[] = [];
  let invalid = 0;
  let wasStray = false;
  for (let at = 0; at < tokens.length;) {
    const group = groupAt(encoding, tokens, at);
    if (group !== null) {
      found.push(group);
      at += group.length;
      wasStray = false;
      continue;
    }
    const isStray = numeric.has(tokens[at]!);
    if (isStray && !wasStray) invalid++;
    wasStray = isStray;
    at++;
  }
  return { found, invalid };
}

function groupAt(
  { name, tokensPerNumber, decode }: NumberEncoding,
  tokens: string[],
  start: number,
): NumberGroup | null {
  if (name === 'xval') return tokens[start] === '[NUM]' ? { start, length: 1, value: null } : null;
  // Zero may have a word of its own.
  for (const length of [1, tokensPerNumber]) {
    const value = decode(tokens.slice(start, start + length));
    if (value !== null) return { start, length, value };
  }
  return null;
}
