import { argumentMessage, checkNumber, FormatError } from '../check';
import { threefry } from './threefry';

/**
 * What the second counter word of a block is used for, in its two upper bits. Threefry with one key is a
 * bijection from counters to blocks, so as the three uses have no counter in common, no two blocks of one
 * key are equal: the children by `split`, the children by `foldIn` and the blocks that draws consist of are
 * all different, with certainty. Keys of different ancestry are equal only by chance, 2^-64 a pair.
 *
 *   draws    (block number or element, attempt < 2^30)
 *   split    (number of the child, SPLIT)
 *   foldIn   (lower word of data, FOLD_IN + upper word of data), data < 2^53
 */
const SPLIT = 0x40000000;
const FOLD_IN = 0x80000000;

const TWO_POW_32 = 4294967296;
const ALGORITHM = 'threefry2x32';
const block = new Uint32Array(2);

/** A key as plain data, for checkpoints and messages between threads. */
export interface KeyJson {
  algorithm: typeof ALGORITHM;
  /** Two integers, 0 .. 2^32 - 1. */
  words: [number, number];
}

/**
 * What random numbers are drawn with: immutable, two 32-bit words, made by `key`, `split` and `foldIn`.
 *
 * The same draw with the same key gives the same numbers, on every backend, engine and platform. So a key
 * is used for one draw, and is split before there are two.
 *
 * @see Salmon et al., 2011, for the generator; Claessen & Palka, 2013, "Splittable pseudorandom number
 *   generators using cryptographic hashing", for the splitting
 */
export class Key {
  readonly word0: number;
  readonly word1: number;

  private constructor(word0: number, word1: number) {
    this.word0 = word0 >>> 0;
    this.word1 = word1 >>> 0;
    Object.freeze(this);
  }

  /** @internal The public ways to a key are `key`, `split`, `foldIn` and `keyFromJSON`. */
  static ofWords(word0: number, word1: number): Key {
    return new Key(word0, word1);
  }

  /** @internal The key of a counter under this one; `split` and `foldIn` see to it that counters differ. */
  derive(counter0: number, counter1: number): Key {
    threefry(this.word0, this.word1, counter0, counter1, block, 0);
    return new Key(block[0]!, block[1]!);
  }

  /** The key as plain data, as JSON.stringify wants it; `keyFromJSON` reads it. */
  toJSON(): KeyJson {
    return { algorithm: ALGORITHM, words: [this.word0, this.word1] };
  }
}

/**
 * The key of a seed; different seeds give different keys.
 *
 * @param seed  an integer, 0 .. 2^53 - 1 as a number or 0 .. 2^64 - 1 as a bigint (the same key where both can be)
 * @throws TypeError when the seed is neither, RangeError when it is not an integer or outside
 * @example Split before you draw twice:
 * const [weights, noise] = split(key(42)) as [Key, Key];
 * const w = normal(weights, [64, 64]);
 * const x = normal(noise, [64]); // with the key `weights` this would be the first row of w
 */
export function key(seed: number | bigint): Key {
  const where = 'tensor-core.key';
  if (typeof seed === 'bigint') {
    if (seed < 0n || seed >= 1n << 64n) {
      throw new RangeError(argumentMessage(where, 'seed', 'be >= 0 and < 2^64', seed));
    }
    return Key.ofWords(Number(seed >> 32n), Number(seed & 0xffffffffn));
  }
  checkNumber(where, 'seed', seed, { min: 0, integer: true }, 'Take a bigint for seeds from 2^53 to 2^64 - 1.');
  return Key.ofWords(Math.floor(seed / TWO_POW_32), seed);
}

/**
 * Keys for independent draws, from one key that is not used any more.
 *
 * @param n  how many, default 2, at least 1; the first keys of a longer split equal those of a shorter one
 * @throws TypeError when `key` is not a key, RangeError when n is not a positive integer < 2^32
 */
export function split(key: Key, n = 2): Key[] {
  const where = 'tensor-core.split';
  checkKey(where, key);
  checkNumber(where, 'n', n, { min: 1, max: TWO_POW_32 - 1, integer: true });
  return Array.from({ length: n }, (_, child) => key.derive(child, SPLIT));
}

/**
 * The key of a number under a key, for what is numbered anyway: a step, a layer, a chain, a worker.
 *
 * @param data  an integer, 0 .. 2^53 - 1; different numbers give different keys
 * @throws TypeError when `key` is not a key, RangeError when data is not such an integer
 */
export function foldIn(key: Key, data: number): Key {
  const where = 'tensor-core.foldIn';
  checkKey(where, key);
  checkNumber(where, 'data', data, { min: 0, integer: true });
  return key.derive(data, FOLD_IN + Math.floor(data / TWO_POW_32));
}

/** The key that `toJSON` wrote. @throws FormatError when the value is anything else */
export function keyFromJSON(json: unknown): Key {
  const { algorithm, words } = (json ?? {}) as Partial<Record<keyof KeyJson, unknown>>;
  const isWord = (word: unknown): boolean => Number.isInteger(word) && (word as number) >>> 0 === word;
  if (algorithm !== ALGORITHM || !Array.isArray(words) || words.length !== 2 || !words.every(isWord)) {
    const wanted = `be { algorithm: '${ALGORITHM}', words: [two 32-bit integers] }`;
    throw new FormatError(argumentMessage('tensor-core.keyFromJSON', 'json', wanted, json));
  }
  const [word0, word1] = words as [number, number];
  return Key.ofWords(word0, word1);
}

/** What options called `key` take: a key, or a seed, which stands for `key(seed)`. */
export type KeyOrSeed = Key | number;

/**
 * The key of such an option.
 *
 * @throws TypeError when it is neither, RangeError when the seed is not an integer from 0 to 2^53 - 1
 */
export function asKey(where: string, value: unknown): Key {
  if (value instanceof Key) return value;
  if (typeof value !== 'number') {
    throw new TypeError(argumentMessage(where, 'key', 'be a Key or a number', value, 'For a start take key: 0.'));
  }
  return key(checkNumber(where, 'key', value, { min: 0, integer: true }));
}

/** Returns `value` if it is a key. @throws TypeError otherwise */
export function checkKey(where: string, value: unknown): Key {
  if (value instanceof Key) return value;
  throw new TypeError(argumentMessage(where, 'key', 'be a Key', value, 'Make one with key(seed) or split(key).'));
}
