import { describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { asKey, checkKey, foldIn, key, Key, keyFromJSON, split } from '../src/random';
import { threefry, threefryBlocks } from '../src/random/threefry';
import { chiSquared, chiSquaredBounds } from './random-oracles';

const hex = (words: Uint32Array): string[] => Array.from(words, (word) => word.toString(16).padStart(8, '0'));
const wordsOf = ({ word0, word1 }: Key): string => hex(Uint32Array.of(word0, word1)).join(' ');

describe('threefry', () => {
  // The known-answer vectors for threefry2x32 with 20 rounds of the Random123 library (Salmon et al., 2011).
  it.each([
    { counter: [0x00000000, 0x00000000], words: [0x00000000, 0x00000000], block: '6b200159 99ba4efe' },
    { counter: [0xffffffff, 0xffffffff], words: [0xffffffff, 0xffffffff], block: '1cb996fc bb002be7' },
    { counter: [0x243f6a88, 0x85a308d3], words: [0x13198a2e, 0x03707344], block: 'c4923a9c 483df7a0' },
  ])('maps the counter to $block', ({ counter, words, block }) => {
    const out = new Uint32Array(4);
    threefry(words[0]!, words[1]!, counter[0]!, counter[1]!, out, 1);
    expect(hex(out)).toEqual(['00000000', ...block.split(' '), '00000000']);
  });

  it('gives many blocks as it gives each one, across the end of the counter too', () => {
    const many = new Uint32Array(12);
    const one = new Uint32Array(2);
    threefryBlocks(11, 0xfedcba98, 0xfffffffd, many, 6);
    for (let b = 0; b < 6; b++) {
      threefry(11, 0xfedcba98, (0xfffffffd + b) % 2 ** 32, 0, one, 0);
      expect(many.slice(2 * b, 2 * b + 2)).toEqual(one);
    }
  });

  it('sets every bit of both words in half of the blocks', () => {
    const blocks = 65536;
    const out = new Uint32Array(2 * blocks);
    threefryBlocks(1, 0, 0, out, blocks);
    const counts = new Float64Array(64);
    out.forEach((word, n) => {
      for (let bit = 0; bit < 32; bit++) counts[32 * (n % 2) + bit]! += (word >>> bit) & 1;
    });
    // A count is binomial with standard deviation sqrt(blocks) / 2; six of them leave 1 in 10^7 for all 64 bits.
    for (const count of counts) expect(Math.abs(count - blocks / 2)).toBeLessThan(3 * Math.sqrt(blocks));
  });
});

describe('key', () => {
  it('holds the seed in two words, the same for a number and a bigint', () => {
    expect(key(0)).toMatchObject({ word0: 0, word1: 0 });
    expect(key(Number.MAX_SAFE_INTEGER)).toMatchObject({ word0: 0x1fffff, word1: 0xffffffff });
    expect(key(2n ** 64n - 1n)).toMatchObject({ word0: 0xffffffff, word1: 0xffffffff });
    for (const seed of [0, 1, 42, 2 ** 31, 2 ** 32, 2 ** 32 + 5, 2 ** 53 - 1]) {
      expect(key(BigInt(seed))).toEqual(key(seed));
    }
  });

  it('is immutable', () => {
    const k = key(3);
    expect(() => Object.assign(k, { word0: 1 })).toThrow(TypeError);
    expect(k).toEqual(key(3));
  });

  it.each([-1, 0.5, NaN, Infinity, 2 ** 53, -1n, 2n ** 64n])('refuses the seed %s', (seed) => {
    expect(() => key(seed)).toThrow(RangeError);
    expect(() => key(seed)).toThrow(/^tensor-core\.key: seed must be .*>= 0.*, got /);
  });

  it('refuses seeds that are no numbers', () => {
    expect(() => key('1' as never)).toThrow(TypeError);
    expect(() => key(undefined as never)).toThrow(/^tensor-core\.key: seed must be an integer >= 0, got undefined\./);
  });

  it('survives JSON', () => {
    const k = split(key(5), 3)[2]!;
    expect(keyFromJSON(JSON.parse(JSON.stringify(k)))).toEqual(k);
    expect(keyFromJSON(k.toJSON())).toBeInstanceOf(Key);
  });

  it.each([
    null,
    undefined,
    7,
    'key',
    {},
    { algorithm: 'threefry2x32' },
    { algorithm: 'philox', words: [1, 2] },
    { algorithm: 'threefry2x32', words: [1] },
    { algorithm: 'threefry2x32', words: [1, 2, 3] },
    { algorithm: 'threefry2x32', words: [1, -2] },
    { algorithm: 'threefry2x32', words: [1, 2 ** 32] },
    { algorithm: 'threefry2x32', words: [1, '2'] },
  ])('refuses %o as JSON of a key', (json) => {
    expect(() => keyFromJSON(json)).toThrow(FormatError);
    expect(() => keyFromJSON(json)).toThrow(/^tensor-core\.keyFromJSON: json must be \{ algorithm: /);
  });

  it('is made of a seed where options take both', () => {
    const given = key(7);
    expect(asKey('tensor-core.test', given)).toBe(given);
    expect(asKey('tensor-core.test', 7)).toEqual(key(7));
    expect(() => asKey('tensor-core.test', undefined)).toThrow(
      'tensor-core.test: key must be a Key or a number, got undefined. For a start take key: 0.',
    );
    expect(() => asKey('tensor-core.test', 'seven')).toThrow(TypeError);
    for (const seed of [-1, 0.5, NaN, 2 ** 53]) {
      expect(() => asKey('tensor-core.test', seed)).toThrow(
        `tensor-core.test: key must be an integer >= 0, got ${seed}.`,
      );
    }
  });

  it('is told from what merely looks like one', () => {
    expect(checkKey('tensor-core.test', key(1))).toEqual(key(1));
    expect(() => checkKey('tensor-core.test', { word0: 1, word1: 2 })).toThrow(TypeError);
    expect(() => checkKey('tensor-core.test', 42)).toThrow(
      'tensor-core.test: key must be a Key, got 42. Make one with key(seed) or split(key).',
    );
  });
});

describe('split and foldIn', () => {
  it('give the first children of a longer split as those of a shorter one', () => {
    expect(split(key(9), 5).slice(0, 2)).toEqual(split(key(9)));
  });

  it('never give a child twice, nor a block that the same key draws', () => {
    const parent = key(2024);
    const n = 65536;
    const seen = new Set<string>([wordsOf(parent)]);
    split(parent, n).forEach((child) => seen.add(wordsOf(child)));
    for (let data = 0; data < n; data++) seen.add(wordsOf(foldIn(parent, data)));
    for (let data = 1; data < 100; data++) seen.add(wordsOf(foldIn(parent, data * 2 ** 32)));
    const out = new Uint32Array(2 * n);
    threefryBlocks(parent.word0, parent.word1, 0, out, n);
    for (let b = 0; b < n; b++) seen.add(hex(out.subarray(2 * b, 2 * b + 2)).join(' '));
    expect(seen.size).toBe(1 + 3 * n + 99);
  });

  it('tell keys, numbers and generations apart', () => {
    const keys = [key(0), key(1), key(2 ** 32)];
    const children = keys.flatMap((k) => [...split(k, 3), foldIn(k, 0), foldIn(k, 1), foldIn(k, 2 ** 53 - 1)]);
    const grandchildren = children.flatMap((k) => [...split(k, 2), foldIn(k, 0)]);
    const all = [...keys, ...children, ...grandchildren];
    expect(new Set(all.map(wordsOf)).size).toBe(all.length);
  });

  it('spread the words of children evenly', () => {
    const counts = new Float64Array(256);
    split(key(77), 65536).forEach(({ word0, word1 }) => {
      counts[word0 >>> 24]!++;
      counts[word1 & 255]!++;
    });
    const [least, most] = chiSquaredBounds(255, 12);
    expect(chiSquared(counts)).toBeGreaterThan(least);
    expect(chiSquared(counts)).toBeLessThan(most);
  });

  it('refuse bad arguments', () => {
    expect(() => split(1 as never)).toThrow(TypeError);
    expect(() => split(1 as never)).toThrow(/^tensor-core\.split: key must be a Key, got 1\./);
    for (const n of [0, -1, 1.5, NaN, 2 ** 32]) expect(() => split(key(1), n)).toThrow(RangeError);
    expect(() => foldIn({} as never, 0)).toThrow(/^tensor-core\.foldIn: key must be a Key, got an object/);
    for (const data of [-1, 0.5, Infinity, 2 ** 53]) expect(() => foldIn(key(1), data)).toThrow(RangeError);
    expect(() => foldIn(key(1), '0' as never)).toThrow(TypeError);
  });
});
