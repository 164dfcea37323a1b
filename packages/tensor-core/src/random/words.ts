import { normalQuantile } from './inverse-normal';
import type { Key } from './key';
import { threefry, threefryBlocks } from './threefry';
import { type DrawKernel, drawKernel, KERNEL_CHUNK } from './wasm/draw-kernel';

/**
 * How a draw reads its random words. Every element reads words of its own, numbered by its index alone:
 * that makes a draw independent of how many elements are drawn and of how it is cut into chunks.
 *
 *   word n of a key = word n mod 2 of the block with counter (floor(n / 2), 0)
 *   attempt a > 0 of element i = the block with counter (i, a), 0 < a < 2^30 (see key.ts for the rest)
 */

/** The largest number of elements of one draw: their counters fit in one word, with two words an element. */
export const MAX_ELEMENTS = 4294967296;

/** The number of elements of a chunk. */
export const CHUNK = KERNEL_CHUNK;
/** Fewer elements are drawn by JavaScript: calling the kernel, or making it, would take longer. */
const FEW = 16;

/** The words of a chunk where there is no kernel. */
const ownWords = new Uint32Array(2 * CHUNK + 2);

const block = new Uint32Array(2);

/**
 * Walks over elements offset .. offset + length - 1 of a draw in chunks that stay in the fastest cache.
 *
 * @param visit  called with the first position of the chunk in the output, its number of elements, the index of
 *   the first word of its first element, the words, and the kernel in whose memory they lie, null where there is none
 */
export function eachChunk(
  key: Key,
  offset: number,
  length: number,
  wordsPerElement: 1 | 2,
  visit: (start: number, count: number, at: number, words: Uint32Array, kernel: DrawKernel | null) => void,
): void {
  const kernel = length < FEW ? null : drawKernel();
  const words = kernel ? kernel.words : ownWords;
  for (let start = 0; start < length; start += CHUNK) {
    const count = Math.min(CHUNK, length - start);
    const first = (offset + start) * wordsPerElement;
    const at = first % 2;
    const counter = Math.floor(first / 2);
    const blocks = (at + count * wordsPerElement + 1) >> 1;
    if (kernel) kernel.threefryBlocks(key.word0, key.word1, counter, blocks);
    else threefryBlocks(key.word0, key.word1, counter, words, blocks);
    visit(start, count, at, words, kernel);
  }
}

/** (w + 1/2) 2^-32 - 1/2, exactly: a probability in (0, 1), less one half. */
export function centred32(word: number): number {
  return (word - 2147483647.5) * 2.3283064365386963e-10;
}

/** (n + 1/2) 2^-53 - 1/2, exactly, of the upper 53 bits n of two words; one half off, as 1 - 2^-54 is no float64. */
export function centred53(upper: number, lower: number): number {
  return (upper * 2097152 + (lower >>> 11) - 4503599627370495.5) * 1.1102230246251565e-16;
}

/** (w + 1/2) 2^-32, exactly: in (0, 1). */
export function open32(word: number): number {
  return (word + 0.5) * 2.3283064365386963e-10;
}

/** (n + 1/2) 2^-52, exactly, of the upper 52 bits n of two words: in (0, 1). */
export function open52(upper: number, lower: number): number {
  return (upper * 1048576 + (lower >>> 12) + 0.5) * 2.220446049250313e-16;
}

/** The normal draw of 53 bits that one block of an element holds. */
export function blockNormal(key: Key, element: number, blockNumber: number): number {
  threefry(key.word0, key.word1, element, blockNumber, block, 0);
  return normalQuantile(centred53(block[0]!, block[1]!));
}

/** The uniform draw of 52 bits in (0, 1) that one block of an element holds. */
export function blockUniform(key: Key, element: number, blockNumber: number): number {
  threefry(key.word0, key.word1, element, blockNumber, block, 0);
  return open52(block[0]!, block[1]!);
}
