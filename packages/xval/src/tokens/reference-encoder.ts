import { REFERENCE_NUMBER, referenceValue } from '../numbers/reference-numbers';
import { scientific } from '../numbers/scientific';
import type { EncoderSettings } from './strict-encoder';
import { TokenWriter, type TokenizedText } from './tokenized-text';
import { WordTrie } from './word-trie';

/** A text that has been changed, and where its characters come from. */
interface Traced {
  text: string;
  /** Start and end in the source of each character. */
  starts: number[];
  ends: number[];
}

/**
 * Texts to tokens as the authors' code makes them: spaces are deleted, numbers found by a regular expression, words matched
 * leftmost and longest between special tokens, and what is in no word vanishes.
 */
export class ReferenceEncoder {
  private readonly words: WordTrie;

  constructor(private readonly settings: EncoderSettings) {
    const { tokens, specials } = settings;
    const words = tokens.map((token, id) => [token, id] as const);
    this.words = new WordTrie(
      words.filter(([token]) => !specials.includes(token)),
      { skipSpace: false },
    );
  }

  encode(text: string): TokenizedText {
    const { encoding, round } = this.settings;
    const writer = new TokenWriter(text.length + 16);
    if (encoding.name === 'xval') this.encodeNumbers(withoutSpaces(text), writer);
    else {
      const traced = converted(text);
      this.run(traced, 0, traced.text.length, writer);
    }
    const result = writer.finish();
    return { ...result, numbers: round(result.numbers) };
  }

  private encodeNumbers(traced: Traced, writer: TokenWriter): void {
    const { text, starts, ends } = traced;
    const id = this.settings.idOf('[NUM]')!;
    let from = 0;
    for (const { 0: literal, index } of text.matchAll(REFERENCE_NUMBER)) {
      // A comma between two numbers vanishes.
      if (!(from > 0 && index === from + 1 && text[from] === ',')) this.run(traced, from, index, writer);
      const last = index + literal.length - 1;
      writer.pushNumber(id, starts[index]!, ends[last]!, referenceValue(literal));
      from = last + 1;
    }
    this.run(traced, from, text.length, writer);
  }

  /** Words between special tokens. */
  private run({ text, starts, ends }: Traced, from: number, to: number, writer: TokenWriter): void {
    const { specials, idOf } = this.settings;
    const specialAt = (at: number): string | undefined => specials.find((special) => text.startsWith(special, at));
    let at = from;
    while (at < to) {
      let limit = at;
      while (limit < to && specialAt(limit) === undefined) limit++;
      while (at < limit) {
        const id = this.words.longest(text, at, limit);
        const end = id >= 0 ? this.words.end : at + 1;
        if (id >= 0) writer.push(id, starts[at]!, ends[end - 1]!);
        else writer.dropped++;
        at = end;
      }
      const special = at < to ? specialAt(at) : undefined;
      if (special !== undefined) {
        writer.push(idOf(special)!, starts[at]!, ends[Math.min(at + special.length, to) - 1]!);
        at += special.length;
      }
    }
  }
}

function withoutSpaces(text: string): Traced {
  const starts = Array.from({ length: text.length }, (_, at) => at).filter((at) => text[at] !== ' ');
  return { text: text.replaceAll(' ', ''), starts, ends: starts.map((at) => at + 1) };
}

/** Numbers in scientific notation, without commas between them and without spaces; see `convertNumberString`. */
function converted(text: string): Traced {
  const traced: Traced = { text: '', starts: [], ends: [] };
  const append = (part: string, span: (i: number) => [number, number]): void => {
    traced.text += part;
    for (let i = 0; i < part.length; i++) {
      const [start, end] = span(i);
      traced.starts.push(start);
      traced.ends.push(end);
    }
  };
  const between = (start: number, end: number): void =>
    append(text.slice(start, end), (i) => [start + i, start + i + 1]);
  let from = 0;
  for (const { 0: literal, index } of text.matchAll(REFERENCE_NUMBER)) {
    between(from, index);
    from = index + literal.length;
    append(scientific(referenceValue(literal), 3), () => [index, index + literal.length]);
  }
  between(from, text.length);
  const isGone = new Uint8Array(traced.text.length);
  for (const { 0: match, 1: digit, index } of traced.text.matchAll(/(\p{Nd}),\s*[+-]/gu)) {
    isGone.fill(1, index + digit!.length, index + match.length - 1);
  }
  const kept = [...isGone.keys()].filter((at) => !isGone[at] && traced.text[at] !== ' ');
  return {
    text: kept.map((at) => traced.text[at]).join(''),
    starts: kept.map((at) => traced.starts[at]!),
    ends: kept.map((at) => traced.ends[at]!),
  };
}
