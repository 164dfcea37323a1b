import { check } from '@tfsci/tensor-core';
import { placeOf } from '../numbers/place';
import { isSpace } from '../numbers/strict-numbers';
import { walk, type Visitor } from '../numbers/walk';
import { representable, type NumberEncoding, type OutOfRange } from './encodings';
import { TokenWriter, type TokenizedText } from './tokenized-text';
import { UnknownTextError } from './unknown-text-error';
import { WordTrie } from './word-trie';

/** What an encoder knows of its tokenizer. */
export interface EncoderSettings {
  encoding: NumberEncoding;
  idOf: (token: string) => number | undefined;
  tokens: readonly string[];
  specials: readonly string[];
  unknown: 'throw' | 'drop';
  thousands: boolean;
  outOfRange: OutOfRange;
  /** Rounds values to the dtype they are kept in. */
  round: (values: Float64Array) => Float64Array;
}

const TENS = Array.from({ length: 10 }, (_, k) => 10 ** k);

/** Texts to tokens, every part of a text accounted for. */
export class StrictEncoder {
  private readonly words: WordTrie;
  /** Ids of keys by their name without quotes. */
  private readonly keys: ReadonlyMap<string, number>;
  /** Rival words of numbers by `figuresOf`, as they come up. */
  private readonly numbers: (readonly number[] | undefined)[] = [];
  private readonly numberId: number;

  constructor(private readonly settings: EncoderSettings) {
    const { tokens, specials, encoding } = settings;
    // Words of numbers come from numbers only: the digit of a name is none.
    const apart = new Set([...specials, ...encoding.words]);
    const words = tokens.map((token, id) => [token, id] as const).filter(([token]) => !apart.has(token));
    this.words = new WordTrie(words, { skipSpace: true });
    this.keys = new Map(words.flatMap(([word, id]) => (/^(['"]).*\1:$/s.test(word) ? [[word.slice(1, -2), id]] : [])));
    this.numberId = encoding.name === 'xval' ? settings.idOf(encoding.words[0]!)! : -1;
  }

  encode(where: string, text: string): TokenizedText {
    const writer = new TokenWriter(Math.ceil(text.length / 3) + 16);
    let from = 0;
    for (const { start, end, id } of this.specialsOf(where, text)) {
      this.piece(where, text, from, start, writer);
      writer.push(id, start, end);
      from = end;
    }
    this.piece(where, text, from, text.length, writer);
    const result = writer.finish();
    return { ...result, numbers: this.settings.round(result.numbers) };
  }

  /** Special tokens that the text writes out; not [NUM], which would have no value. */
  private specialsOf(where: string, text: string): { start: number; end: number; id: number }[] {
    const { specials, idOf } = this.settings;
    const written = specials.filter((special) => text.includes(special));
    if (written.length === 0) return [];
    const found = written.flatMap((special) => {
      const places: { start: number; end: number; id: number }[] = [];
      for (let at = text.indexOf(special); at >= 0; at = text.indexOf(special, at + special.length)) {
        places.push({ start: at, end: at + special.length, id: idOf(special)! });
      }
      return places;
    });
    const number = found.find(({ id }) => id === this.numberId);
    if (number) {
      const place = `one ${placeOf(text, number.start)}`;
      throw new RangeError(
        check.argumentMessage(where, 'text', 'have no [NUM] of its own', place, 'Write the number.'),
      );
    }
    return found.sort((a, b) => a.start - b.start);
  }

  private piece(where: string, text: string, from: number, to: number, writer: TokenWriter): void {
    const visitor: Visitor = {
      number: (start, end, value) => this.number(where, value, start, end, writer),
      quoted: (start, end, isKey) => {
        const id = isKey ? this.keys.get(text.slice(start + 1, text.lastIndexOf(text[start]!, end - 1))) : undefined;
        if (id === undefined) this.run(where, text, start, end, writer);
        else writer.push(id, start, end);
      },
      text: (start, end) => this.run(where, text, start, end, writer),
    };
    walk(where, text, { start: from, end: to }, { thousands: this.settings.thousands }, visitor);
  }

  private number(where: string, value: number, start: number, end: number, writer: TokenWriter): void {
    if (this.numberId >= 0) {
      writer.pushNumber(this.numberId, start, end, value);
      return;
    }
    const figures = figuresOf(value);
    const ids = this.numbers[figures] ?? this.numberWords(where, value, figures, writer);
    for (const id of ids) writer.push(id, start, end);
  }

  private numberWords(where: string, value: number, figures: number, writer: TokenWriter): readonly number[] {
    const { encoding, idOf, outOfRange } = this.settings;
    const { text, isClipped } = representable(where, value, outOfRange);
    if (isClipped) writer.clipped++;
    const ids = encoding.split(text).map((word) => idOf(word)!);
    if (figures >= 0) this.numbers[figures] = ids;
    return ids;
  }

  /** Words one after the other. */
  private run(where: string, text: string, start: number, end: number, writer: TokenWriter): void {
    let at = start;
    while (at < end) {
      const code = text.charCodeAt(at);
      if (isSpace(code)) at++;
      else {
        const id = this.words.longest(text, at, end);
        if (id >= 0) {
          writer.push(id, at, this.words.end);
          at = this.words.end;
        } else {
          if (this.settings.unknown === 'throw') throw new UnknownTextError(where, text, at);
          writer.dropped++;
          at += code >= 0xd800 && code <= 0xdbff ? 2 : 1;
        }
      }
    }
  }
}

/**
 * The sign, three figures and exponent of a number as one index, which needs no text; -1 where it would be too near to a tie
 * or to the end of the range to be sure of.
 */
function figuresOf(x: number): number {
  const size = Math.abs(x);
  if (!(size >= 1e-7 && size < 9.98e7)) return -1;
  const exponent = Math.floor(Math.log10(size));
  const figures = exponent <= 2 ? size * TENS[2 - exponent]! : size / TENS[exponent - 2]!;
  const whole = Math.floor(figures);
  // The product is within 1e-13 of the exact one.
  if (Math.abs(figures - whole - 0.5) < 1e-9) return -1;
  const rounded = Math.round(figures);
  if (rounded < 100 || rounded > 999) return -1;
  return ((rounded - 100) * 15 + exponent + 7) * 2 + Number(x < 0);
}
