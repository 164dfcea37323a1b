import { ChirpTransform } from './chirp';
import { primeFactors } from './factors';
import type { LineTransform } from './line';
import { MixedRadix } from './mixed-radix';

/** Largest prime factor p with a pass of its own, 2 p multiplications an element; beyond, a convolution is cheaper. */
const LARGEST_RADIX = 61;

/** The faster way for a length. */
export function lineTransform(length: number): LineTransform {
  const largest = primeFactors(length).at(-1) ?? 1;
  return largest > LARGEST_RADIX ? new ChirpTransform(length) : new MixedRadix(length);
}
