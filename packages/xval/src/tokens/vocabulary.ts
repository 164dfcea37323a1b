import { numberEncoding, type EncodingName } from './encodings';

/** Brackets and commas of nested lists as single words, in the reference's order. */
const STRUCTURE = ['{', '}', '[', ']', ',', ']]]', '[[[', ']]', '[[', ']]],[[[', ']],[[', '],['];
const RIVAL_CHARACTERS = ['{', '}', '[', ']', ',', '-', '+', '#'];
const RIVAL_WORDS = [']]', '[[', ']]]', '[[[', '],[', ']],[[', ']]],[[[', "'data':", "'description':"];

export const [END, MASK, PAD] = ['[END]', '[MASK]', '[PAD]'] as const;

/** Tokens of a vocabulary. */
export interface Vocabulary {
  /** By id. */
  tokens: string[];
  /** Tokens that stand apart from all text. */
  specials: string[];
  /** Single characters of the base vocabulary of a rival encoding, which has the first ids; else none. */
  characters: string[];
}

/** What a vocabulary is made of. */
export interface VocabularyOptions {
  encoding: EncodingName;
  keys: readonly string[];
  words: readonly string[];
  /** Whether brackets are joined to words; the rivals always have theirs. */
  structure: boolean;
  /** About keys. */
  quote: "'" | '"';
}

/**
 * The tokens of a vocabulary in the order of the reference: specials, structure, keys and further words for xVal;
 * characters, specials, structure, the encoding's words, keys and further words for its rivals.
 */
export function vocabularyOf({ encoding, keys, words, structure, quote }: VocabularyOptions): Vocabulary {
  const isXval = encoding === 'xval';
  const { words: numeric } = numberEncoding(encoding);
  const specials = [END, MASK, PAD, ...(isXval ? numeric : [])];
  const characters = isXval ? [] : RIVAL_CHARACTERS;
  const tokens = new Set([
    ...characters,
    ...specials,
    ...(isXval ? [] : [...RIVAL_WORDS, ...numeric]),
    ...(structure ? STRUCTURE : []),
    ...keys.map((key) => `${quote}${key}${quote}:`),
    ...words,
  ]);
  return { tokens: [...tokens], specials, characters };
}
