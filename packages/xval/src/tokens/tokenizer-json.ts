import { check } from '@tfsci/tensor-core';
import { ENCODINGS, type EncodingName } from './encodings';
import type { ReadingOptions } from './reading-options';
import { END, MASK, PAD, type Vocabulary } from './vocabulary';

const { argumentMessage, FormatError } = check;

/** A vocabulary as HuggingFace's tokenizer.json: byte-level BPE without merges, and added tokens. */
export function writeTokenizerJson({ tokens, specials, characters }: Vocabulary, reading: ReadingOptions): object {
  const byteLevel = { type: 'ByteLevel', use_regex: true };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: tokens.flatMap((content, id) => {
      if (characters.includes(content)) return [];
      const special = specials.includes(content);
      return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: !special, special }];
    }),
    normalizer: null,
    pre_tokenizer: { ...byteLevel, add_prefix_space: false, trim_offsets: true },
    post_processor: { ...byteLevel, add_prefix_space: true, trim_offsets: false },
    decoder: { ...byteLevel, add_prefix_space: true, trim_offsets: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(characters.map((character, id) => [character, id])),
      merges: [],
    },
    xval: reading,
  };
}

/** What a tokenizer.json says. @throws FormatError naming the entry that is missing or of another kind */
export function readTokenizerJson(
  where: string,
  json: unknown,
): { vocabulary: Vocabulary; encoding: EncodingName; reading: ReadingOptions } {
  const root = recordOf(where, 'the file', json);
  const added = root['added_tokens'];
  if (!Array.isArray(added)) throw new FormatError(argumentMessage(where, 'added_tokens', 'be a list', added));
  const model = recordOf(where, 'model', root['model']);
  const base = Object.entries(recordOf(where, 'model.vocab', model['vocab']));
  if (Array.isArray(model['merges']) && model['merges'].length > 0) {
    const fix = 'wrapTokenizer reads such files.';
    throw new FormatError(argumentMessage(where, 'model.merges', 'be empty', model['merges'], fix));
  }
  const tokens: string[] = [];
  const place = (name: string, content: unknown, id: unknown): void => {
    const isFree = Number.isInteger(id) && (id as number) >= 0 && (id as number) < 1e7 && !((id as number) in tokens);
    if (typeof content !== 'string' || content === '' || !isFree) {
      throw new FormatError(argumentMessage(where, name, 'have a text and an id of its own', { content, id }));
    }
    tokens[id as number] = content;
  };
  base.forEach(([character, id]) => place(`model.vocab of ${JSON.stringify(character)}`, character, id));
  const specials: string[] = [];
  added.forEach((entry, i) => {
    const { content, id, special } = recordOf(where, `added_tokens[${i}]`, entry);
    place(`added_tokens[${i}]`, content, id);
    if (special === true) specials.push(content as string);
  });
  const count = base.length + added.length;
  if (tokens.length !== count || new Set(tokens).size !== count) {
    throw new FormatError(argumentMessage(where, 'ids', `be 0 to ${count - 1}, of different tokens`, tokens.length));
  }
  const lacking = [END, MASK, PAD].find((token) => !specials.includes(token));
  if (lacking !== undefined)
    throw new FormatError(argumentMessage(where, 'the special tokens', `have ${lacking}`, specials));
  const vocabulary = { tokens, specials, characters: base.map(([character]) => character) };
  const reading = root['xval'] === undefined ? {} : recordOf(where, 'xval', root['xval']);
  return { vocabulary, encoding: encodingOf(where, tokens), reading };
}

/** A word of each encoding that no other has. */
const MARKS: Record<EncodingName, string> = {
  xval: '[NUM]',
  p10: '9',
  p1000: '9.99',
  b1999: '+9.99',
  fp15: '+9.99e+7',
};

function encodingOf(where: string, tokens: readonly string[]): EncodingName {
  const found = ENCODINGS.find((name) => tokens.includes(MARKS[name]));
  if (found !== undefined) return found;
  throw new FormatError(argumentMessage(where, 'the tokens', 'have [NUM] or the words of an encoding', tokens.length));
}

function recordOf(where: string, name: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new FormatError(argumentMessage(where, name, 'be an object', value));
}
