import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import { extract, restore } from '../src/numbers/extract';
import { extractKeys } from '../src/numbers/keys';
import { scanNumbers } from '../src/numbers/scan-numbers';
import { convertNumberString, toScientific } from '../src/numbers/scientific';
import { ENCODINGS, numberEncoding, type EncodingName } from '../src/tokens/encodings';
import { NumberTokenizer, type TokenizerOptions } from '../src/tokens/number-tokenizer';
import { UnknownTextError } from '../src/tokens/unknown-text-error';
import { wrapTokenizer } from '../src/tokens/wrapped-tokenizer';

/** What the tests change of a tokenizer.json. */
interface TokenizerFile {
  added_tokens: object[];
  model: object;
}

const RIVALS = ENCODINGS.filter((name) => name !== 'xval');
const values = (text: string, options = {}): number[] => scanNumbers(text, options).map(({ value }) => value);

describe('scanNumbers, strict', () => {
  it.each<[string, number[]]>([
    ['.5', [0.5]],
    ['-.32', [-0.32]],
    ['2.', [2]],
    ['2.e3', [2000]],
    ['1e5', [1e5]],
    ['1E-3', [1e-3]],
    ['6.02e+1', [60.2]],
    ['007', [7]],
    ['-0', [-0]],
    ['+7', [7]],
    ['--7', [-7]],
    ['\u22125.2', [-5.2]],
    ['1e', [1]],
    ['1e+', [1]],
    ['1.2.3', [1.2, 3]],
    ['3-2', [3, 2]],
    ['3 -2', [3, -2]],
    ['3 - 2', [3, 2]],
    ['(1)-2', [1, 2]],
    ['x-2', [2]],
    ['[-2,-3]', [-2, -3]],
    ['3*-2', [3, -2]],
    ['x1', []],
    ['planet0', []],
    ['25C', [25]],
    ['0x1F', [0]],
    ['1_000', [1]],
    ["'planet0':1", [1]],
    ["'2020-01':1", [1]],
    ['"2020-01": 1', [1]],
    ['"a\\"1":2', [2]],
    ["it's 3", [3]],
    ['1,000', [1, 0]],
    ['NaN inf -inf Infinity', []],
    ['½²', []],
    ['5e-324', [5e-324]],
    ['1.7976931348623157e308', [Number.MAX_VALUE]],
    ['', []],
  ])('%j has %j', (text, wanted) => {
    expect(values(text)).toEqual(wanted);
  });

  it('reads thousands where they are wanted', () => {
    expect(values('1,000 12,345,678.5 1,00 1,0000', { thousands: true })).toEqual([1000, 12_345_678.5, 1, 0, 1, 0]);
  });

  it('reads every float64 from its shortest text, exactly', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -9e307, max: 9e307 }),
        fc.integer({ min: 1, max: 17 }),
        (x, digits) => {
          for (const text of [String(x), x.toExponential(), x.toPrecision(digits)]) {
            expect(values(`[${text}]`)).toEqual([Number(text)]);
          }
        },
      ),
      { seed: 1, numRuns: 500 },
    );
  });

  it('tells where a number is too large', () => {
    expect(() => scanNumbers('1\n 1e400')).toThrow(
      'xval.scanNumbers: the number at 3 (line 2, column 2) must be within float64, got "1e400".',
    );
    expect(values('1e400', { mode: 'reference' })).toEqual([Infinity]);
  });

  it('refuses what is no text, and other modes', () => {
    expect(() => scanNumbers(5 as unknown as string)).toThrow('xval.scanNumbers: text must be a string, got 5.');
    expect(() => scanNumbers('', { mode: 'loose' as 'strict' })).toThrow('mode must be one of "strict", "reference"');
  });
});

describe('extract and restore', () => {
  it('take numbers out and put them back', () => {
    const { text, numbers } = extract("{'a': -.5, 'b': [1, 2,3]}");
    expect(text).toBe("{'a': [NUM], 'b': [[NUM][NUM][NUM]]}");
    expect(restore(text, numbers)).toBe("{'a': -.5, 'b': [1,2,3]}");
  });

  it('refuse a [NUM] of the text, and numbers that are too few', () => {
    expect(() => extract('a [NUM]')).toThrow('xval.extract: text must have no [NUM] of its own, got "one at 2');
    expect(() => restore('[NUM][NUM]', [1])).toThrow('xval.restore: numbers must be 2, one for each [NUM], got 1.');
  });
});

describe('toScientific', () => {
  it('is within half a unit of the last figure, ties to even', () => {
    fc.assert(
      fc.property(fc.double({ min: 1.1e-8, max: 1e12, noNaN: true }), fc.integer({ min: 1, max: 6 }), (x, sigfigs) => {
        const text = toScientific(-x, sigfigs);
        const exponent = Number(text.slice(text.indexOf('e') + 1));
        const unit = 10 ** (exponent - sigfigs + 1);
        expect(Math.abs(Number(text) + x)).toBeLessThanOrEqual(unit * (0.5 + 1e-9));
      }),
      { seed: 2 },
    );
    for (let k = 101; k < 999; k += 2) {
      // k/2 + 1/4 of 2^-1 has a binary value that lies in the middle: 1.125 = 9/8 and so on.
      const x = k / 8;
      const text = x.toExponential();
      const isTie = /^\d\.\d\d5e/.test(text);
      if (isTie) expect(Number(toScientific(x)[4]) % 2, text).toBe(0);
    }
    expect(toScientific(2.5, 1)).toBe('+2e+0');
    expect(toScientific(3.5, 1)).toBe('+4e+0');
    expect(toScientific(-60.2)).toBe('-6.02e+1');
  });

  it('refuses what is not finite', () => {
    expect(() => toScientific(NaN)).toThrow('xval.toScientific: x must be');
    expect(() => toScientific(1, 0)).toThrow('sigfigs must be');
    expect(() => convertNumberString('1', { sigfigs: 99 })).toThrow('xval.convertNumberString: sigfigs must be');
  });
});

describe('extractKeys', () => {
  it('finds the keys of objects at any depth and of texts, once each in order', () => {
    expect(extractKeys({ b: [{ a: 1 }, { c: { a: 2 } }], d: new Float32Array(3) })).toEqual(['b', 'a', 'c', 'd']);
    expect(extractKeys(`{'b':{'a':1},"c" : 2,'a':'x', "d e":[3]}`)).toEqual(['b', 'a', 'c', 'x', 'd e']);
    expect(() => extractKeys(3 as unknown as string)).toThrow('xval.extractKeys: data must be a string or an object');
  });
});

const build = (options: TokenizerOptions = {}): NumberTokenizer =>
  NumberTokenizer.build({ keys: ['a', 'b c'], words: ['+', '-', '*', '=', '(', ')', 'kg'], ...options });

describe.each(ENCODINGS)('NumberTokenizer %s', (encoding: EncodingName) => {
  const tokenizer = build({ encoding });
  const literals = (text: string): string[] => scanNumbers(text).map(({ literal }) => literal);

  it('gives a text back from tokens and literals, white space apart', () => {
    const number = fc.oneof(
      fc.integer({ min: -9999, max: 9999 }).map(String),
      fc.integer({ min: 1, max: 99_999 }).map((n) => `-.${n}`),
      fc.integer({ min: 1, max: 999 }).map((n) => `${n / 100}e-2`),
    );
    const list = fc.array(fc.oneof(number, fc.constant('[]')), { maxLength: 4 }).map((items) => `[${items.join(',')}]`);
    const object = fc.tuple(list, number).map(([items, x]) => `{'a':${items},'b c':${x},'a':(${x}-${x}kg)}`);
    fc.assert(
      fc.property(object, (text) => {
        const { ids, offsets, dropped } = tokenizer.encode(text);
        expect(dropped).toBe(0);
        expect(tokenizer.decode(ids, literals(text))).toBe(text);
        // Offsets go through the text from left to right.
        offsets.forEach((place, i) => expect(place).toBeLessThanOrEqual(offsets[i + 1 + (i % 2)] ?? text.length));
        const spaced = text.replaceAll(',', ' ,\n').replaceAll('[', '[ ').replaceAll("':", "' : ");
        expect([...tokenizer.encode(spaced).ids]).toEqual([...ids]);
      }),
      { seed: 3, numRuns: 60 },
    );
  });

  it('takes keys in either quote for the same', () => {
    const ids = tokenizer.encode(`{'a':1,"b c":2}`).ids;
    expect([...tokenizer.encode(`{"a":1,'b c' : 2}`).ids]).toEqual([...ids]);
    expect(build({ encoding, quote: '"' }).decode(ids, ['1', '2'])).toBe('{"a":1,"b c":2}');
  });

  it('says where a text has no words', () => {
    const error = (text: string): unknown => {
      try {
        return tokenizer.encode(text);
      } catch (cause) {
        return cause;
      }
    };
    const unknown = error("{'a':1,\n 'x':2}") as UnknownTextError;
    expect(unknown).toBeInstanceOf(UnknownTextError);
    expect(unknown.message).toBe(
      `xval.NumberTokenizer.encode: the vocabulary must have words for all of the text, got "'x':2}" at 9 (line 2, column 2). Add it to \`keys\` or \`words\`, or build the tokenizer with unknown: 'drop'.`,
    );
    expect([unknown.position, unknown.excerpt]).toEqual([9, "'x':2}"]);
    const dropping = build({ encoding, unknown: 'drop' });
    const { ids, dropped } = dropping.encode('[π 1,\u{1f600}2]');
    expect(dropped).toBe(2);
    expect(dropping.decode(ids, ['1', '2'])).toMatch(/^\[1,+2\]$/);
  });

  it('has no tokens for no text, and refuses what is none', () => {
    expect(tokenizer.encode('').ids).toHaveLength(0);
    expect(tokenizer.decode([])).toBe('');
    expect(() => tokenizer.encode(null as unknown as string)).toThrow(
      'xval.NumberTokenizer.encode: text must be a string, got null.',
    );
    expect(() => tokenizer.decode([tokenizer.vocabSize])).toThrow('xval.NumberTokenizer.token: id must be');
    expect(() => tokenizer.id('nope')).toThrow('xval.NumberTokenizer.id: token must be of the vocabulary, got "nope".');
  });

  it('comes back from its tokenizer.json', () => {
    const made = build({ encoding, thousands: true, unknown: 'drop' });
    const again = NumberTokenizer.fromJSON(JSON.parse(JSON.stringify(made)));
    expect(again.tokens).toEqual(made.tokens);
    expect(again.encoding).toBe(encoding);
    expect(again.toJSON()).toEqual(made.toJSON());
    const text = "{'a':[1,000,?-2]}";
    expect(again.encode(text)).toEqual(made.encode(text));
  });
});

describe('NumberTokenizer', () => {
  it('keeps values in the dtype asked for', () => {
    const read = (numberDtype: 'float64' | 'float32' | 'float16'): number[] => [
      ...build({ numberDtype }).encode('[0.1,65520]').numbers,
    ];
    expect(read('float64')).toEqual([1, 0.1, 65520, 1]);
    expect(read('float32')).toEqual([1, Math.fround(0.1), 65520, 1]);
    expect(read('float16')).toEqual([1, 0.0999755859375, Infinity, 1]);
  });

  it('writes values with the digits that they have', () => {
    const tokenizer = build();
    const { ids, numbers } = tokenizer.encode('[0.1,-2.5e-7,3]');
    expect(tokenizer.decode(ids, numbers)).toBe('[0.1,-2.5e-7,3]');
    expect(() => tokenizer.decode(ids)).toThrow('the value of token 1 must be finite, got undefined.');
    expect(() => tokenizer.decode(ids, ['1'])).toThrow(
      'xval.NumberTokenizer.decode: numbers must be 3 literals, got 1.',
    );
  });

  it('takes special tokens that a text writes, but no [NUM] without a value', () => {
    const tokenizer = build();
    const { ids, offsets } = tokenizer.encode('[[MASK],2][PAD]');
    expect([...ids].map((id) => tokenizer.token(id))).toEqual(['[', '[MASK]', ',', '[NUM]', ']', '[PAD]']);
    expect([...offsets].slice(2, 4)).toEqual([1, 7]);
    expect(() => tokenizer.encode('[[NUM]]')).toThrow('text must have no [NUM] of its own, got "one at 1');
  });

  it.each(RIVALS)('%s refuses numbers without words, or takes the nearest and counts it', (encoding) => {
    const strict = build({ encoding });
    const clipping = build({ encoding, outOfRange: 'clip' });
    const clipped: [number, number][] = [
      [1e10, 9.99e7],
      [-99_960_000, -9.99e7],
      [6e-8, 1e-7],
      [-4e-8, 0],
    ];
    for (const [x, nearest] of clipped) {
      expect(() => strict.encode(`[${x}]`)).toThrow('a number must be 0 or from 1e-7 to 9.99e7 in size');
      const { ids, clipped: count } = clipping.encode(`[${x}]`);
      expect(count).toBe(1);
      expect([...clipping.values(ids).values]).toEqual([nearest]);
    }
    for (const x of [0, 1e-9, 9.99e7, -1e-7]) expect(strict.encode(`[${x}]`).clipped).toBe(0);
  });

  it.each(RIVALS)('%s reads its words as the number, to half a unit of the third figure', (encoding) => {
    const tokenizer = build({ encoding });
    fc.assert(
      fc.property(fc.double({ min: 1.001e-7, max: 9.99e7, noNaN: true }), fc.boolean(), (size, isNegative) => {
        const x = isNegative ? -size : size;
        const words = tokenizer.encodeNumber(x);
        expect(tokenizer.decodeNumber(words)).toBe(Number(toScientific(x)));
        expect(tokenizer.decodeNumber(words.map((word) => tokenizer.id(word)))).toBe(Number(toScientific(x)));
        expect(words.length).toBe(tokenizer.tokensPerNumber);
      }),
      { seed: 4 },
    );
    expect(tokenizer.decodeNumber(tokenizer.encodeNumber(0))).toBe(0);
    expect(tokenizer.decodeNumber(['+'])).toBeNull();
    expect(tokenizer.decodeNumber(['{', '1', '2', '3', 'e+0'])).toBeNull();
  });

  it('counts numeric tokens that write no number', () => {
    const tokenizer = build({ encoding: 'p10' });
    const ids = ['+', '1', '2', '3', 'e+0', '[', '4', '5', ']', '-', '-', '9', '9', '9', 'e-1', 'e+2'].map((token) =>
      tokenizer.id(token),
    );
    const { values: found, invalid } = tokenizer.values(ids);
    expect([...found]).toEqual([1.23, -0.999]);
    expect(invalid).toBe(2);
    expect(() => build().values([3])).toThrow(
      'xval.NumberTokenizer.values: numbers must have a value for each of 1 tokens',
    );
  });

  it.each<[string, TokenizerOptions]>([
    ['name must be one of', { encoding: 'p20' as 'p10' }],
    ['keys must be strings that are not empty, got "".', { keys: [''] }],
    ['words must be strings that are not empty, got 3.', { words: [3 as unknown as string] }],
    ['quote must be one of', { quote: '`' as '"' }],
    ['mode must be one of', { mode: 'loose' as 'strict' }],
    ['unknown must be one of', { unknown: 'unk' as 'drop' }],
    ['thousands must be one of true, false', { thousands: 1 as unknown as boolean }],
    ['numberDtype must be one of', { numberDtype: 'bfloat16' as 'float16' }],
    ['outOfRange must be one of', { outOfRange: 'wrap' as 'clip' }],
  ])('says: %s', (message, options) => {
    expect(() => NumberTokenizer.build(options)).toThrow(message);
  });

  it.each<[string, (file: TokenizerFile) => unknown]>([
    ['the file must be an object, got null.', () => null],
    ['added_tokens must be a list', (file) => ({ ...file, added_tokens: 3 })],
    ['model must be an object', (file) => ({ ...file, model: undefined })],
    ['model.merges must be empty', (file) => ({ ...file, model: { ...file.model, merges: ['a b'] } })],
    ['added_tokens[1] must have a text and an id of its own', (file) => twice(file, { id: 0 })],
    ['added_tokens[1] must have a text and an id of its own', (file) => twice(file, { content: 7 })],
    ['ids must be 0 to 24', (file) => twice(file, { id: 90 })],
    ['the special tokens must have [MASK]', (file) => twice(file, { special: false })],
    [
      'the tokens must have [NUM] or the words of an encoding',
      (file) => ({ ...file, added_tokens: file.added_tokens.slice(0, 3) }),
    ],
    ['unknown must be one of', (file) => ({ ...file, xval: { unknown: 'x' } })],
  ])('refuses a file: %s', (message, change) => {
    expect(() => NumberTokenizer.fromJSON(change(json()))).toThrow(`xval.NumberTokenizer.fromJSON: ${message}`);
  });

  function json(): TokenizerFile {
    return JSON.parse(JSON.stringify(build())) as TokenizerFile;
  }
  function twice(file: TokenizerFile, change: object): object {
    return { ...file, added_tokens: file.added_tokens.map((token, i) => (i === 1 ? { ...token, ...change } : token)) };
  }

  it('agrees with HuggingFace’s library where brackets do not meet special tokens', () => {
    const tokenizer = build({ structure: false });
    const theirs = new Tokenizer(tokenizer.toJSON(), {});
    const text = "'a':1*2+3='b c':(4)kg";
    const { text: between } = extract(text);
    // Its rules know nothing of white space that does not count.
    expect([...tokenizer.encode(text).ids]).toEqual(theirs.encode(between).ids);
  });

  it('reads the authors’ file, whose brackets are words', () => {
    const golden = JSON.parse(readFileSync(new URL('./golden/tokenizer_cases.json', import.meta.url), 'utf8')) as {
      keys: string[];
    };
    const file = NumberTokenizer.build({ keys: golden.keys }).toJSON() as Record<string, unknown>;
    delete file['xval'];
    const tokenizer = NumberTokenizer.fromJSON(file, { mode: 'reference' });
    expect(tokenizer.vocabSize).toBe(27);
    expect([...tokenizer.encode("{'m':[[1,2]]}").ids]).toEqual([4, 21, 12, 3, 3, 11, 5]);
  });
});

describe('numberEncoding', () => {
  it.each<[EncodingName, number, number]>([
    ['xval', 1, 1],
    ['p10', 26, 5],
    ['p1000', 916, 3],
    ['b1999', 1816, 2],
    ['fp15', 27_001, 1],
  ])('%s has %i words and %i tokens a number', (name, words, tokens) => {
    const encoding = numberEncoding(name);
    expect([encoding.words.length, encoding.tokensPerNumber]).toEqual([words, tokens]);
  });
});

describe('wrapTokenizer', () => {
  const file = {
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: null,
    decoder: null,
    model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, mass: 1, is: 2, kg: 3 } },
  };

  it('puts numbers between the tokens of another tokenizer', async () => {
    const tokenizer = await wrapTokenizer(file);
    expect([tokenizer.vocabSize, tokenizer.numberId, tokenizer.maskId, tokenizer.padId]).toEqual([7, 4, 5, 6]);
    const { ids, numbers, offsets } = tokenizer.encode('mass is -4.25 kg');
    expect([...ids]).toEqual([1, 2, 4, 3]);
    expect([...numbers]).toEqual([1, 1, -4.25, 1]);
    expect([...offsets].slice(4, 6)).toEqual([8, 13]);
    expect(tokenizer.decode(ids, numbers)).toMatch(/^mass is\s*-4.25\s*kg$/);
    expect(tokenizer.decode([5, 4, 6], ['7'])).toBe('[MASK]7[PAD]');
  });

  it('refuses what the library cannot read', async () => {
    await expect(wrapTokenizer({ model: {} })).rejects.toThrow(
      'xval.wrapTokenizer: json must be a tokenizer.json of HuggingFace',
    );
  });
});
