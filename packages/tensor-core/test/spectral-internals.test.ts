import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../src/spectral/bounded-cache';
import { LARGEST_AWKWARD, LARGEST_DIRECT, strategyOf } from '../src/spectral/dft-strategy';
import { balancedDivisor, fastLength, primeFactors } from '../src/spectral/factors';
import { unitRoots } from '../src/spectral/roots';

const lengths = fc.integer({ min: 1, max: 100_000 });

describe('unitRoots', () => {
  it.each([1, 2, 3, 4, 5, 8, 12, 100, 1000, 4096])('are within an ulp for n = %i', (n) => {
    const { cos, sin } = unitRoots(n);
    for (let r = 0; r < n; r++) {
      expect(Math.abs(cos[r]! - Math.cos((2 * Math.PI * r) / n))).toBeLessThan(1e-15);
      expect(Math.abs(sin[r]! - Math.sin((2 * Math.PI * r) / n))).toBeLessThan(1e-15);
      expect(Math.abs(Math.hypot(cos[r]!, sin[r]!) - 1)).toBeLessThan(2.3e-16);
    }
  });

  it('have the symmetries of the circle exactly', () => {
    const { cos, sin } = unitRoots(48);
    for (let r = 0; r < 48; r++) {
      expect(cos[(48 - r) % 48] === cos[r]).toBe(true);
      expect(sin[(48 - r) % 48]! + sin[r]!).toBe(0);
      expect(sin[(r + 12) % 48] === cos[r]).toBe(true);
    }
    expect([cos[12]! + 0, sin[24]! + 0, cos[36]! + 0]).toEqual([0, 0, 0]);
    expect(cos[6]).toBe(sin[6]);
  });
});

describe('factors', () => {
  it('multiply to the number and are prime', () => {
    fc.assert(
      fc.property(lengths, (n) => {
        const factors = primeFactors(n);
        expect(factors.reduce((a, b) => a * b, 1)).toBe(n);
        for (const p of factors) for (let d = 2; d * d <= p; d++) expect(p % d).not.toBe(0);
        expect([...factors].sort((a, b) => a - b)).toEqual(factors);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('of a fast length are 2, 3 and 5, and there is no shorter one', () => {
    const isFast = (n: number): boolean => n % 4 === 0 && primeFactors(n).every((p) => p <= 5);
    for (const n of [1, 5, 13, 101, 1041, 2001]) {
      const length = fastLength(n);
      expect(isFast(length)).toBe(true);
      for (let shorter = n; shorter < length; shorter++) expect(isFast(shorter)).toBe(false);
    }
  });

  it('are balanced where they can be', () => {
    expect([1024, 1000, 521, 1042, 7429].map((n) => balancedDivisor(n, 256))).toEqual([32, 25, 1, 2, 23]);
    expect(balancedDivisor(2 ** 20, 256)).toBe(256);
  });
});

describe('strategyOf', () => {
  it('is direct, by two factors whose product is n, or a convolution that is long enough', () => {
    fc.assert(
      fc.property(lengths, (n) => {
        const strategy = strategyOf(n);
        if (strategy.kind === 'direct') expect(n).toBeLessThanOrEqual(LARGEST_AWKWARD);
        if (strategy.kind === 'factors') {
          expect(strategy.rows * strategy.columns).toBe(n);
          expect(strategy.rows).toBeGreaterThan(1);
          expect(strategy.rows).toBeLessThanOrEqual(LARGEST_DIRECT);
        }
        if (strategy.kind === 'chirp') {
          expect(strategy.size).toBeGreaterThanOrEqual(2 * n - 1);
          // Were it not to get easier, there would be no end.
          expect(strategyOf(strategy.size).kind).not.toBe('chirp');
        }
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('takes the ways that the tests of transforms want to see', () => {
    const kinds = [256, 257, 300, 509, 514, 521, 1000, 1042].map((n) => strategyOf(n).kind);
    expect(kinds).toEqual(['direct', 'direct', 'factors', 'direct', 'factors', 'chirp', 'factors', 'factors']);
    expect(strategyOf(7429)).toEqual({ kind: 'factors', rows: 23, columns: 323 });
    expect(strategyOf(323).kind).toBe('factors');
  });
});

describe('BoundedCache', () => {
  it('gives what it has, and makes what it has not', () => {
    const cache = new BoundedCache<object>(10);
    const first = cache.get('a', 4, () => ({}));
    expect(cache.get('a', 4, () => ({}))).toBe(first);
    expect(cache.get('b', 4, () => ({}))).not.toBe(first);
  });

  it('lets the one go that was unused for longest when the budget is exceeded', () => {
    const cache = new BoundedCache<number>(10);
    let made = 0;
    const get = (key: string, size = 4): number => cache.get(key, size, () => ++made);
    get('a');
    get('b');
    get('a');
    get('c');
    expect([get('a'), get('c'), made]).toEqual([1, 3, 3]);
    expect(get('b')).toBe(4);
  });

  it('does not keep what is larger than the budget, nor let others go for it', () => {
    const cache = new BoundedCache<number>(10);
    let made = 0;
    const get = (key: string, size: number): number => cache.get(key, size, () => ++made);
    get('a', 10);
    expect([get('large', 11), get('large', 11), get('a', 10)]).toEqual([2, 3, 1]);
  });
});
