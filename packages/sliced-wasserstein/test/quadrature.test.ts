import { describe, expect, it } from 'vitest';
import { quantileSlopes } from '../src/slices/implicit-gradient';
import { integral, negligibleFrom } from '../src/slices/quadrature';

/** Sums of 64 float64 terms. */
const ROUNDING = 1e-13;

describe('integral', () => {
  it('is exact for polynomials, in both directions', () => {
    expect(integral((x) => x ** 40, 0, 2)).toBeAllclose(2 ** 41 / 41, { rtol: ROUNDING });
    expect(integral((x) => x ** 5, 1, -1.5)).toBeAllclose((1.5 ** 6 - 1) / 6, { rtol: ROUNDING });
  });
});

describe('negligibleFrom', () => {
  const bell = (x: number): number => -x * x;

  it('finds where a bell is below e^-45 of its height, from scales that are too small and too large', () => {
    for (const step of [1e-3, 1, 300]) {
      const end = negligibleFrom(bell, 0, 1000, step);
      expect(end).toBeGreaterThanOrEqual(Math.sqrt(45));
      expect(end).toBeLessThanOrEqual(Math.sqrt(45) / 0.8);
      expect(negligibleFrom(bell, 0, -1000, step)).toBe(-end);
    }
  });

  it('is the end of the range where it comes first', () => {
    expect(negligibleFrom(bell, 0, 5, 0.3)).toBe(5);
    expect(negligibleFrom(bell, 0, 5, 30)).toBe(5);
  });
});

describe('quantileSlopes', () => {
  it('is (1 - w^2) / (d - 1) where kappa = 0 is left in d dimensions, also next to the ends', () => {
    for (const d of [2, 3, 12]) {
      const law = {
        logDensity: (phi: number) => (d - 2) * Math.log(Math.sin(phi)),
        score: (phi: number) => Math.cos(phi),
        width: 1 / Math.sqrt(d),
      };
      const rests = Float64Array.of(0, 1e-9, 0.2, 0.999, 1.3, 1.9999, 2);
      const expected = rests.map((rest) => (rest * (2 - rest)) / (d - 1));
      // The angle of w = -0.9999 has the rounding of pi.
      expect(quantileSlopes(law, rests)).toBeAllclose(expected, { rtol: 1e-11, atol: 0 });
    }
  });
});
