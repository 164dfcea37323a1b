import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { JsonCursor } from '../src/io/json-cursor';

/** Reads a whole text, dropping the value. */
function skipAll(text: string): void {
  const cursor = new JsonCursor('t', text);
  cursor.skip('the value');
  cursor.end('the value');
}

const accepts = (read: () => void): boolean => {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof FormatError || error instanceof SyntaxError) return false;
    throw error;
  }
};

describe('JsonCursor.skip', () => {
  it('accepts whatever JSON.stringify writes, indented or not', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'small' }), fc.constantFrom(0, 2), (value, indent) => {
        skipAll(JSON.stringify(value, null, indent));
      }),
      { seed: 1 },
    );
  });

  it('accepts no text that JSON.parse refuses, and refuses more only for what it names', () => {
    const pieces = fc.constantFrom(
      ...'{}[],:"\\ \n019.-+eEtruefalsn',
      'true',
      'null',
      '"a"',
      '"b":',
      '1.5e3',
      '\u0001',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (tokens) => {
        const text = tokens.join('');
        const ours = accepts(() => skipAll(text));
        const theirs = accepts(() => void JSON.parse(text));
        if (ours !== theirs) expect(() => skipAll(text)).toThrow(/not repeat a key|lone surrogate/);
      }),
      { numRuns: 20_000, seed: 2 },
    );
  });

  it.each([
    '01',
    '1.',
    '.5',
    '+1',
    '-',
    '1e',
    'NaN',
    'Infinity',
    '-Infinity',
    'nul',
    "'a'",
    '"a',
    '"\\x"',
    '[1,]',
    '[1 2]',
  ])('refuses %s', (text) => {
    expect(() => skipAll(text)).toThrow(FormatError);
  });
});

describe('JsonCursor', () => {
  it('reads objects, arrays, strings and counts in order', () => {
    const cursor = new JsonCursor('t', ' { "a\\"\\u00e9" : [ 0 , 9007199254740991 ] , "__proto__":"x" } ');
    const seen: unknown[] = [];
    cursor.object('it', (key) => {
      seen.push(key);
      if (key === '__proto__') seen.push(cursor.string('it'));
      else cursor.array('it', (i) => seen.push(i, cursor.count('it')));
    });
    cursor.end('it');
    expect(seen).toEqual(['a"é', 0, 0, 1, 9007199254740991, '__proto__', 'x']);
  });

  it('finds the end of a string behind any number of backslashes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('\\', '"', 'a') }), (value) => {
        expect(new JsonCursor('t', `${JSON.stringify(value)}"`).string('it')).toBe(value);
      }),
      { seed: 3 },
    );
  });

  it.each(['1.0', '1e2', '-1', '-0', '01', '9007199254740992', '1e999', 'NaN', '"1"', ''])(
    'count refuses %s',
    (text) => {
      expect(() => new JsonCursor('t', text).count('n')).toThrow(/^t: n must hold integers from 0 to 2\^53 - 1, got/);
    },
  );

  it('says what it expected, what it found and where', () => {
    const cursor = new JsonCursor('pkg.fn', '{"name": [1]}');
    expect(() => cursor.object('it', () => void cursor.string('the name'))).toThrow(
      new FormatError('pkg.fn: the name must be a JSON string, got "[1]}" at character 9 of the header.'),
    );
    expect(() => new JsonCursor('pkg.fn', '[1').array('it', () => void 0)).toThrow(/have a comma or ] after each item/);
    expect(() => skipAll('')).toThrow(/got the end at character 0/);
  });

  it('refuses repeated keys, also when one is written with an escape', () => {
    expect(() => skipAll('{"a":1,"b":2,"\\u0061":3}')).toThrow(/not repeat a key, got .* at character 13/);
    skipAll('[{"a":1},{"a":1}]');
  });

  it('refuses lone surrogates and deep nesting', () => {
    skipAll('"\\ud83d\\ude00"');
    expect(() => skipAll('"\\ude00"')).toThrow(/have no lone surrogate/);
    skipAll('['.repeat(32) + ']'.repeat(32));
    skipAll(`[${'[],'.repeat(100)}{}]`);
    expect(() => skipAll('['.repeat(33) + ']'.repeat(33))).toThrow(/be nested at most 32 deep/);
    expect(() => skipAll('['.repeat(1e6))).toThrow(FormatError);
  });
});
