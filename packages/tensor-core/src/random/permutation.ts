import { checkNumber } from '../check';
import { checkKey, type Key } from './key';
import { unbiasedBelow } from './rejection';
import { eachChunk } from './words';

/**
 * The integers 0 .. n - 1 in random order, all n! orders equally likely (as far as a key's 64 bits reach).
 *
 * @param n  0 .. 2^31 - 1
 * @throws TypeError when `key` is not a key, RangeError when n is not such an integer
 * @see Fisher & Yates, 1938; Durstenfeld, 1964, "Algorithm 235: random permutation"
 */
export function permutation(key: Key, n: number): Int32Array {
  const where = 'tensor-core.permutation';
  checkKey(where, key);
  checkNumber(where, 'n', n, { min: 0, max: 2147483647, integer: true });
  const order = new Int32Array(n);
  for (let i = 1; i < n; i++) order[i] = i;
  eachChunk(key, 0, Math.max(n - 1, 0), 1, (start, count, at, words) => {
    for (let j = 0; j < count; j++) {
      const last = n - 1 - start - j;
      const other = unbiasedBelow(key, start + j, words[at + j]!, last + 1);
      const held = order[last]!;
      order[last] = order[other]!;
      order[other] = held;
    }
  });
  return order;
}
