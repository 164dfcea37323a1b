/** The prime factors of n >= 1 in ascending order, with repetitions; [] for 1. */
export function primeFactors(n: number): number[] {
  const factors: number[] = [];
  for (let p = 2; p * p <= n; p++) {
    while (n % p === 0) {
      factors.push(p);
      n /= p;
    }
  }
  if (n > 1) factors.push(n);
  return factors;
}

/** The least multiple of 4 that is >= n and has no prime factor above 5: a length that transforms fast. */
export function fastLength(n: number): number {
  for (let length = 4 * Math.ceil(n / 4); ; length += 4) {
    if (primeFactors(length).at(-1)! <= 5) return length;
  }
}

/** The divisor of n nearest to its square root (as a ratio), among those that are at most `largest`. */
export function balancedDivisor(n: number, largest: number): number {
  for (let d = Math.min(largest, Math.floor(Math.sqrt(n))); d > 1; d--) if (n % d === 0) return d;
  return 1;
}
