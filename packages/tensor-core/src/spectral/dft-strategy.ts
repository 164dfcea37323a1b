import { balancedDivisor, fastLength } from './factors';

/** Lines up to this long are multiplied with the DFT matrix: one product of matrices near the speed of the hardware. */
export const LARGEST_DIRECT = 256;

/** Complex lines only up to this long: their matrix is four times as large as that of a real line's half. */
export const LARGEST_DIRECT_COMPLEX = 128;

/** So are lines up to this long whose divisors are too unequal to gain by a factorisation. */
export const LARGEST_AWKWARD = 512;

/** A smaller divisor than this makes a factorisation awkward. */
const SMALLEST_DIVISOR = 8;

/**
 * Of real lines up to this long all coefficients are computed; of longer ones half, and the rest by the symmetry, which
 * costs four passes over the result.
 */
export const LARGEST_UNMIRRORED = 64;

/** How a line of some length is transformed. */
export type Strategy =
  | { kind: 'direct' }
  /** n = rows * columns, by transforms of both lengths; `rows` are direct. */
  | { kind: 'factors'; rows: number; columns: number }
  /** As a convolution of this length. */
  | { kind: 'chirp'; size: number };

/** The way for a line of n. @param direct  the longest line to take as a whole */
export function strategyOf(n: number, direct = LARGEST_DIRECT): Strategy {
  if (n <= direct) return { kind: 'direct' };
  const rows = balancedDivisor(n, LARGEST_DIRECT);
  if (rows < SMALLEST_DIVISOR && n <= LARGEST_AWKWARD) return { kind: 'direct' };
  if (rows > 1) return { kind: 'factors', rows, columns: n / rows };
  return { kind: 'chirp', size: fastLength(2 * n - 1) };
}
