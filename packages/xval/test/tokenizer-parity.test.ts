import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { extract, restore } from '../src/numbers/extract';
import { convertNumberString, toScientific } from '../src/numbers/scientific';
import { numberEncoding, type EncodingName } from '../src/tokens/encodings';
import { NumberTokenizer } from '../src/tokens/number-tokenizer';

const RIVALS = ['p10', 'p1000', 'b1999', 'fp15'] as const;

/** Ids and tokens of a text. */
interface Tokens {
  ids: number[];
  tokens: string[];
}
interface Case extends Tokens {
  text: string;
  extract_text: string;
  extract_numbers: string[];
  sci: Record<string, string | null>;
  sci3_keep_comma_space: string | null;
  numbers_f16: string[];
  roundtrip: string;
  enc: Record<(typeof RIVALS)[number], Tokens>;
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), 'utf8')) as T;
}

const { keys, cases } = read<{ keys: string[]; cases: Case[] }>('tokenizer_cases');
const reference = (encoding: EncodingName): NumberTokenizer =>
  NumberTokenizer.build({ encoding, keys, mode: 'reference', unknown: 'drop' });
const tokenizers = Object.fromEntries(RIVALS.map((name) => [name, reference(name)]));
const xval = reference('xval');

describe('in mode reference', () => {
  it.each(cases.map((golden) => [golden.text, golden] as const))(
    '%j is read as the authors read it',
    (text, golden) => {
      const mode = 'reference' as const;
      const extracted = extract(text, { mode });
      expect(extracted).toEqual({ text: golden.extract_text, numbers: golden.extract_numbers });
      expect(restore(extracted.text, extracted.numbers, { mode })).toBe(golden.roundtrip);
      for (const [sigfigs, wanted] of Object.entries(golden.sci)) {
        if (wanted !== null) expect(convertNumberString(text, { sigfigs: Number(sigfigs) })).toBe(wanted);
      }
      if (golden.sci3_keep_comma_space !== null) {
        const kept = convertNumberString(text, { removeComma: false, removeSpace: false });
        expect(kept).toBe(golden.sci3_keep_comma_space);
      }
      const { ids, numbers } = xval.encode(text);
      expect([...ids]).toEqual(golden.ids);
      expect([...ids].map((id) => xval.token(id))).toEqual(golden.tokens ?? []);
      expect([...numbers]).toEqual(golden.numbers_f16.map((value) => (value === 'inf' ? Infinity : Number(value))));
      for (const name of RIVALS) {
        expect([...tokenizers[name]!.encode(text).ids], name).toEqual(golden.enc[name].ids);
      }
    },
  );

  it.each(RIVALS)('%s words of numbers are those of the authors', (name) => {
    type Row = { value: number; text: string; sci: string } & Record<(typeof RIVALS)[number], string[]>;
    const rows = read<Row[]>('number_encodings');
    expect(rows.length).toBeGreaterThan(50);
    const tokenizer = tokenizers[name]!;
    for (const { value, text, sci, [name]: words } of rows) {
      expect(toScientific(value), String(value)).toBe(sci);
      const { ids } = tokenizer.encode(text);
      expect(
        [...ids].map((id) => tokenizer.token(id)),
        String(value),
      ).toEqual(words);
    }
  });

  it('counts the tokens of planets as the authors do, and B1999 = xVal + N, P1000 = xVal + 2 N, P10 = xVal + 4 N', () => {
    const samples = read<{ text: string; token_counts: Record<string, number> }[]>('planets_text');
    expect(samples).toHaveLength(3);
    for (const { text, token_counts: counts } of samples) {
      const { ids, numbers } = xval.encode(text);
      expect(ids).toHaveLength(counts['xval']!);
      for (const name of RIVALS) expect(tokenizers[name]!.encode(text).ids, name).toHaveLength(counts[name]!);
      const N = [...ids].filter((id) => id === xval.numberId).length;
      const [L, ...rivals] = ['xval', 'b1999', 'p1000', 'p10'].map((name) => counts[name]!);
      expect(rivals).toEqual([L! + N, L! + 2 * N, L! + 4 * N]);
      expect(numbers).toHaveLength(ids.length);
      // Strictly read these texts have the same tokens, and all of their digits.
      const strict = NumberTokenizer.build({ keys, numberDtype: 'float64' }).encode(text);
      expect([...strict.ids]).toEqual([...ids]);
      expect([...strict.numbers].filter((value) => value !== 1)).toEqual(
        extract(text)
          .numbers.map(Number)
          .filter((value) => value !== 1),
      );
    }
  });
});

describe('vocabularies', () => {
  interface Golden {
    size: number;
    sha256_of_tokens_joined_by_newline: string;
    first: string[];
    last: string[];
  }
  const { vocabularies } = read<{ vocabularies: Record<string, Golden> }>('vocabularies');

  it.each(Object.entries(vocabularies))('%s has the tokens of the authors in their order', (name, golden) => {
    const [encoding] = name.split('-') as [EncodingName];
    const structure = !name.includes('noefficient');
    const { tokens } = NumberTokenizer.build({ encoding, structure, keys: name.endsWith('keys') ? keys : [] });
    expect(tokens.slice(0, golden.first.length)).toEqual(golden.first);
    expect(tokens.slice(-golden.last.length)).toEqual(golden.last);
    expect(tokens).toHaveLength(golden.size);
    const hash = createHash('sha256').update(tokens.join('\n')).digest('hex');
    expect(hash).toBe(golden.sha256_of_tokens_joined_by_newline);
  });

  it.each(RIVALS)('%s decodes every number that it writes to the nearest of three figures', (name) => {
    const { split, decode } = numberEncoding(name);
    for (const text of numberEncoding('fp15').words) expect(decode(split(text))).toBe(Number(text));
  });
});
