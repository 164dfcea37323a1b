import { check, io } from '@tfsci/tensor-core';
import { checkText } from '../numbers/walk';
import { shortestFloat32 } from './shortest-float32';
import { numberEncoding, representable, type EncodingName, type NumberEncoding } from './encodings';
import { numberGroups, type NumberGroups } from './number-groups';
import { ReferenceEncoder } from './reference-encoder';
import { StrictEncoder } from './strict-encoder';
import type { TextTokenizer, TokenizedText } from './tokenized-text';
import { completeReading, type ReadingOptions } from './reading-options';
import { readTokenizerJson, writeTokenizerJson } from './tokenizer-json';
import { END, MASK, PAD, vocabularyOf, type Vocabulary } from './vocabulary';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What a tokenizer is built from. */
export interface TokenizerOptions extends ReadingOptions {
  /** Default 'xval'. */
  encoding?: EncodingName;
  /** Keys of the data, without quotes; `extractKeys` finds them. */
  keys?: readonly string[];
  /** Further words: operators, units, names. */
  words?: readonly string[];
  /** Whether nested brackets are joined to words, default true. */
  structure?: boolean;
  /** About the keys of decoded texts, default "'". */
  quote?: "'" | '"';
}

/**
 * Texts full of numbers to tokens and values, and back: by xVal one token a number, or by a rival encoding.
 *
 * A vocabulary has special tokens, brackets, keys and words, and is read by the longest word at each place. In mode strict
 * white space outside quotes counts for nothing and a text that is not covered is an error; in mode reference tokens and
 * values are those of the authors' code. `toJSON` and `fromJSON` are the tokenizer.json of HuggingFace.
 *
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989; Charton, 2022, arXiv:2112.01898, for P10, P1000, B1999 and FP15
 * @example
 * const tokenizer = NumberTokenizer.build({ keys: ['a', 'm'] });
 * const { ids, numbers } = tokenizer.encode("{'a':1.5,'m':[2,-.5]}"); // numbers at [NUM]: 1.5, 2, -0.5
 */
export class NumberTokenizer implements TextTokenizer {
  readonly encoding: EncodingName;
  /** By id. */
  readonly tokens: readonly string[];
  readonly numberId: number | null;
  readonly endId: number;
  readonly maskId: number;
  readonly padId: number;
  /** Tokens of a number, at most. */
  readonly tokensPerNumber: number;
  private readonly numeric: NumberEncoding;
  private readonly ids: ReadonlyMap<string, number>;
  private readonly encoder: { encode(text: string): TokenizedText };

  private constructor(
    private readonly vocabulary: Vocabulary,
    encoding: EncodingName,
    private readonly reading: Required<ReadingOptions>,
  ) {
    const { tokens, specials } = vocabulary;
    this.encoding = encoding;
    this.tokens = tokens;
    this.ids = new Map(tokens.map((token, id) => [token, id]));
    this.numeric = numberEncoding(encoding);
    this.tokensPerNumber = this.numeric.tokensPerNumber;
    [this.endId, this.maskId, this.padId] = [END, MASK, PAD].map((token) => this.id(token)) as [number, number, number];
    this.numberId = encoding === 'xval' ? this.id(this.numeric.words[0]!) : null;
    const settings = {
      ...reading,
      encoding: this.numeric,
      idOf: (token: string) => this.ids.get(token),
      tokens,
      specials,
      round: (values: Float64Array) => rounded(values, reading.numberDtype),
    };
    if (reading.mode === 'reference') this.encoder = new ReferenceEncoder(settings);
    else {
      const strict = new StrictEncoder(settings);
      this.encoder = { encode: (text) => strict.encode('xval.NumberTokenizer.encode', text) };
    }
  }

  /**
   * A tokenizer of a new vocabulary, its ids in the reference's order.
   *
   * @throws TypeError, RangeError for bad options
   */
  static build(options: TokenizerOptions = {}): NumberTokenizer {
    const where = 'xval.NumberTokenizer.build';
    const { encoding = 'xval', keys = [], words = [], structure = true, quote = "'", ...reading } = options;
    numberEncoding(encoding);
    checkOneOf(where, 'quote', quote, ["'", '"']);
    for (const [name, list] of [
      ['keys', keys],
      ['words', words],
    ] as const) {
      const given: readonly unknown[] = Array.isArray(list) ? list : [list];
      const odd = given.find((word) => typeof word !== 'string' || word.trim() === '');
      if (odd === undefined) continue;
      throw new TypeError(argumentMessage(where, name, 'be strings that are not empty', odd));
    }
    const vocabulary = vocabularyOf({ encoding, keys, words, structure, quote });
    return new NumberTokenizer(vocabulary, encoding, completeReading(where, reading));
  }

  /**
   * The tokenizer of a tokenizer.json, that of the authors' release or one that `toJSON` gave.
   *
   * @param json     parsed
   * @param options  how it is to read; in their absence as the file says, which the authors' file does not
   * @throws FormatError naming the entry that is missing or of another kind
   */
  static fromJSON(json: unknown, options: ReadingOptions = {}): NumberTokenizer {
    const where = 'xval.NumberTokenizer.fromJSON';
    const { vocabulary, encoding, reading } = readTokenizerJson(where, json);
    return new NumberTokenizer(vocabulary, encoding, completeReading(where, { ...reading, ...options }));
  }

  /** What HuggingFace's tokenizers read, with the options of reading in an entry of its own. */
  toJSON(): object {
    return writeTokenizerJson(this.vocabulary, this.reading);
  }

  /** V. */
  get vocabSize(): number {
    return this.tokens.length;
  }

  /** The id of a token. @throws RangeError when there is none */
  id(token: string): number {
    const id = this.ids.get(token);
    if (id !== undefined) return id;
    throw new RangeError(argumentMessage('xval.NumberTokenizer.id', 'token', 'be of the vocabulary', token));
  }

  /** The token of an id. @throws RangeError when there is none */
  token(id: number): string {
    checkNumber('xval.NumberTokenizer.token', 'id', id, { min: 0, below: this.vocabSize, integer: true });
    return this.tokens[id]!;
  }

  /**
   * A text as tokens and values; of an empty text none.
   *
   * @throws UnknownTextError with the place where no word fits (strict, unless unknown is 'drop'); RangeError for numbers
   *   beyond float64 or without words and for a text with a [NUM] of its own; TypeError unless it is a string
   */
  encode(text: string): TokenizedText {
    return this.encoder.encode(checkText('xval.NumberTokenizer.encode', text));
  }

  /**
   * Tokens as a text.
   *
   * @param numbers  values at [NUM], [L], or the literals of all numbers in order: with those a strict text without white
   *   space outside quotes comes back as it was. A rival encoding needs none
   * @throws RangeError for ids outside the vocabulary, or without a value for each number
   */
  decode(ids: ArrayLike<number>, numbers?: ArrayLike<number> | readonly string[]): string {
    const where = 'xval.NumberTokenizer.decode';
    const literals = Array.isArray(numbers) && typeof numbers[0] === 'string' ? (numbers as readonly string[]) : null;
    const values = literals === null ? (numbers as ArrayLike<number> | undefined) : undefined;
    const comma = this.reading.mode === 'reference' ? ', ' : ',';
    const groups = this.groups(ids);
    if (literals !== null && literals.length !== groups.found.length) {
      throw new RangeError(argumentMessage(where, 'numbers', `be ${groups.found.length} literals`, literals.length));
    }
    let [text, at, count] = ['', 0, 0];
    let endOfNumber = -1;
    for (const { start, length } of [...groups.found, { start: ids.length, length: 0 }]) {
      for (; at < start; at++) text += this.token(ids[at]!);
      if (length === 0) break;
      if (start === endOfNumber) text += comma;
      text += literals?.[count] ?? this.numberText(where, ids, start, length, values);
      count++;
      at = endOfNumber = start + length;
    }
    return text;
  }

  /** Words of a number; those of xVal are [NUM]. @throws RangeError when it has none */
  encodeNumber(x: number): string[] {
    const where = 'xval.NumberTokenizer.encodeNumber';
    if (this.encoding === 'xval') return this.numeric.split(String(checkNumber(where, 'x', x)));
    return this.numeric.split(representable(where, x, this.reading.outOfRange).text);
  }

  /** The number that tokens write; null when they write none, and for xVal. @param words  tokens or their ids */
  decodeNumber(words: readonly (string | number)[]): number | null {
    return this.numeric.decode(words.map((word) => (typeof word === 'string' ? word : (this.tokens[word] ?? ''))));
  }

  /**
   * The numbers of a token sequence, with their places, and how many numeric tokens make none.
   *
   * @param numbers  values at [NUM], [L]; for xVal
   * @throws RangeError when xVal's values are missing
   */
  values(ids: ArrayLike<number>, numbers?: ArrayLike<number>): { values: Float64Array } & NumberGroups {
    const groups = this.groups(ids);
    if (this.numberId !== null && numbers?.length !== ids.length) {
      const wanted = `have a value for each of ${ids.length} tokens`;
      throw new RangeError(argumentMessage('xval.NumberTokenizer.values', 'numbers', wanted, numbers?.length));
    }
    const values = groups.found.map(({ start, value }) => value ?? numbers![start]!);
    return { values: Float64Array.from(values), ...groups };
  }

  private groups(ids: ArrayLike<number>): NumberGroups {
    return numberGroups(this.numeric, ids, (id) => this.token(id));
  }

  private numberText(
    where: string,
    ids: ArrayLike<number>,
    start: number,
    length: number,
    values: ArrayLike<number> | undefined,
  ): string {
    if (this.numberId === null) {
      const words = Array.from({ length }, (_, i) => this.token(ids[start + i]!));
      const value = this.numeric.decode(words)!;
      return representable(where, value, 'throw').text;
    }
    const value = values?.[start];
    if (value === undefined || !Number.isFinite(value)) {
      throw new RangeError(argumentMessage(where, `the value of token ${start}`, 'be finite', value));
    }
    const { numberDtype } = this.reading;
    return String(numberDtype === 'float64' ? value : shortestFloat32(Math.fround(value)));
  }
}

function rounded(values: Float64Array, dtype: Required<ReadingOptions>['numberDtype']): Float64Array {
  if (dtype === 'float64') return values;
  if (dtype === 'float32') return values.map(Math.fround);
  return Float64Array.from(io.widenFloats(io.narrowFloats(Float32Array.from(values), 'F16'), 'F16'));
}
