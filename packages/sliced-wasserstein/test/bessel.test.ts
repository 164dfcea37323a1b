import { loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logSphereArea } from '../src/slices/axial-distribution';
import { besselRatio, cosineMoments, logBesselI, logCosh, logSeriesS } from '../src/slices/bessel';

const golden = loadGolden(new URL('./golden/vmf_table.safetensors', import.meta.url));
const table = (name: string): Float64Array => golden.get(name).data;

/** Sums and quotients of a few float64 numbers, and logarithms of them. */
const ROUNDING = 1e-12;
/** 1 - A^2 - (d - 1) A / kappa cancels at most 1e4-fold before the expansion takes over. */
const SLOPES = 1e-10;

/** [R, C] values of f over the table. */
function overTable(f: (d: number, kappa: number) => number): Float64Array {
  const kappas = table('kappa');
  return Float64Array.from(Array.from(table('d')).flatMap((d) => Array.from(kappas, (kappa) => f(d, kappa))));
}

describe('cosineMoments', () => {
  it.each([
    { name: 'a', of: 'mean', rtol: ROUNDING },
    { name: 'one_minus_a', of: 'oneLess', rtol: ROUNDING },
    { name: 'da_dkappa', of: 'slope', rtol: SLOPES },
    { name: 'kl_uniform', of: 'kl', rtol: ROUNDING },
  ] as const)('has $name of 60-digit arithmetic for d 2..1000, kappa 1e-3..1e5', ({ name, of, rtol }) => {
    expect(overTable((d, kappa) => cosineMoments(d, kappa)[of])).toBeAllclose(table(name), { rtol, atol: 0 });
  });

  it('has dKL / dkappa = kappa A of 60-digit arithmetic', () => {
    const slopes = overTable((d, kappa) => kappa * cosineMoments(d, kappa).slope);
    expect(slopes).toBeAllclose(table('dkl_dkappa'), { rtol: SLOPES, atol: 0 });
  });

  it('has the mean between the bounds of Amos, 1974', () => {
    for (const d of table('d')) {
      for (const kappa of table('kappa')) {
        const v = d / 2 - 1;
        const { mean } = cosineMoments(d, kappa);
        // For large kappa the bounds themselves differ by less than rounding.
        expect(mean).toBeGreaterThanOrEqual((kappa / (v + 0.5 + Math.hypot(v + 1.5, kappa))) * (1 - ROUNDING));
        expect(mean).toBeLessThanOrEqual((kappa / (v + 0.5 + Math.hypot(v + 0.5, kappa))) * (1 + ROUNDING));
      }
    }
  });

  it('has closed forms in three dimensions and in one', () => {
    for (const kappa of [0.3, 1, 5, 40, 99, 101, 600]) {
      const three = cosineMoments(3, kappa);
      // coth kappa - 1 / kappa.
      expect(three.mean).toBeAllclose(1 / Math.tanh(kappa) - 1 / kappa, { rtol: ROUNDING, atol: 0 });
      const sinh = kappa - Math.LN2 + Math.log1p(-Math.exp(-2 * kappa));
      expect(three.logS).toBeAllclose(sinh - Math.log(kappa), { rtol: ROUNDING, atol: 0 });
      const one = cosineMoments(1, kappa);
      expect(one.logS).toBeAllclose(logCosh(kappa), { rtol: ROUNDING, atol: 0 });
      expect(one.mean).toBe(Math.tanh(kappa));
      // 1 - tanh kappa = 2 / (e^(2 kappa) + 1), 1 - tanh^2 = 1 / cosh^2, here where cosh is finite.
      expect(one.oneLess).toBeAllclose(2 / (Math.exp(2 * kappa) + 1), { rtol: ROUNDING, atol: 0 });
      expect(one.slope).toBeAllclose(Math.cosh(kappa) ** -2, { rtol: 1e-10, atol: 0 });
      expect(one.kl).toBeAllclose(kappa * Math.tanh(kappa) - logCosh(kappa), { rtol: ROUNDING, atol: 0 });
    }
  });

  it('is uniform for kappa = 0, and kappa^2 / (2 d) + ... from it for small kappa', () => {
    for (const d of [1, 2, 3, 1000]) {
      const { logS, mean, oneLess, slope, kl } = cosineMoments(d, 0);
      expect([logS, mean, oneLess, kl]).toEqual([0, 0, 1, 0]);
      expect(slope).toBeAllclose(1 / d, { rtol: ROUNDING, atol: 0 });
      expect(cosineMoments(d, 1e-6).kl).toBeAllclose(1e-12 / (2 * d), { rtol: 1e-11, atol: 0 });
    }
  });

  it('stays finite and ordered whatever kappa and d', () => {
    const dims = fc.integer({ min: 1, max: 5000 });
    const logs = fc.double({ min: -200, max: 200, noNaN: true });
    fc.assert(
      fc.property(dims, logs, (d, logKappa) => {
        const { logS, mean, oneLess, slope, kl } = cosineMoments(d, 10 ** logKappa);
        expect(Object.values({ logS, mean, oneLess, slope, kl }).every(Number.isFinite)).toBe(true);
        expect(Math.min(logS, mean, oneLess, slope, kl)).toBeGreaterThanOrEqual(0);
        expect(mean + oneLess).toBeAllclose(1, { rtol: ROUNDING, atol: 0 });
        // Jensen: A = (log S)' grows, so log S <= kappa A.
        expect(kl).toBeLessThanOrEqual(10 ** logKappa * mean);
      }),
      { numRuns: 300 },
    );
  });

  it('joins the series and the expansion without a step', () => {
    for (const d of [1.5, 2, 3, 10, 300]) {
      const v = d / 2 - 1;
      const kappa = Math.sqrt((v + 100) ** 2 - v * v);
      const [below, above] = [cosineMoments(d, kappa * (1 - 1e-9)), cosineMoments(d, kappa * (1 + 1e-9))];
      // A' changes by about A'' kappa 2e-9, that is 4e-9 of itself.
      expect(above.slope).toBeAllclose(below.slope, { rtol: 6e-9, atol: 0 });
      // And what A' says for the others, up to rounding of differences of numbers near 1 and near 100.
      const step = kappa * 2e-9;
      expect(above.mean - below.mean).toBeAllclose(below.slope * step, { rtol: 0, atol: ROUNDING });
      expect(above.kl - below.kl).toBeAllclose(kappa * below.slope * step, { rtol: 0, atol: ROUNDING });
    }
  });
});

describe('logBesselI', () => {
  it('has log I of 60-digit arithmetic', () => {
    const found = overTable((d, kappa) => logBesselI(d / 2 - 1, kappa));
    expect(found).toBeAllclose(table('log_bessel_i'), { rtol: ROUNDING, atol: 0 });
  });

  it('is -Infinity at 0 but for order 0, and Infinity below', () => {
    expect([logBesselI(0, 0), logBesselI(2.5, 0), logBesselI(-0.5, 0)]).toEqual([0, -Infinity, Infinity]);
  });

  it('has I_v-1 - I_v+1 = 2 v / x I_v', () => {
    for (const [v, x] of [
      [0.5, 0.1],
      [1, 3],
      [7.3, 20],
      [200, 900],
      [0.5, 700],
    ] as const) {
      const relative = (order: number): number => Math.exp(logBesselI(order, x) - logBesselI(v, x));
      // Of numbers of size 1 to 2 v / x, and exponentials of differences of logarithms up to 900.
      const size = relative(v - 1);
      expect(relative(v - 1) - relative(v + 1)).toBeAllclose((2 * v) / x, { rtol: 0, atol: ROUNDING * size });
    }
  });
});

describe('besselRatio', () => {
  it('is the quotient of Bessel functions, and 0 at 0', () => {
    for (const [v, x] of [
      [-0.5, 2],
      [0, 0.5],
      [3.2, 10],
      [50, 400],
    ] as const) {
      expect(besselRatio(v, x)).toBeAllclose(Math.exp(logBesselI(v + 1, x) - logBesselI(v, x)), { rtol: ROUNDING });
    }
    expect(besselRatio(3, 0)).toBe(0);
  });
});

describe('logSeriesS', () => {
  it('is the normaliser of the density of slices: -log c - log |S^(d-1)|', () => {
    const found = overTable((d, kappa) => logSeriesS(d, kappa) + logSphereArea(d));
    // Numbers up to 1e5 and 3e3 are added.
    const expected = table('log_c').map((value) => -value);
    expect(found).toBeAllclose(expected, { rtol: ROUNDING, atol: 1e-11 });
    expect(logSeriesS(784, 1e-3)).toBeAllclose(1e-6 / (2 * 784), { rtol: 1e-9, atol: 0 });
  });
});

describe('logCosh', () => {
  it('is x^2 / 2 for small x and |x| - log 2 for large ones', () => {
    expect(logCosh(-1e-9)).toBeAllclose(5e-19, { rtol: ROUNDING, atol: 0 });
    expect(logCosh(0.999999)).toBeAllclose(Math.log(Math.cosh(0.999999)), { rtol: ROUNDING });
    expect(logCosh(-1.5)).toBeAllclose(Math.log(Math.cosh(1.5)), { rtol: ROUNDING });
    expect(logCosh(1e5)).toBe(1e5 - Math.LN2);
  });
});

describe('Bessel functions', () => {
  it.each<[() => number, ErrorConstructor, string]>([
    [() => logBesselI(-0.6, 1), RangeError, 'logBesselI: v must be a finite number >= -0.5, got -0.6.'],
    [() => logBesselI(1, -1), RangeError, 'logBesselI: x must be a finite number >= 0, got -1.'],
    [() => besselRatio(NaN, 1), RangeError, 'besselRatio: v must be a finite number >= -0.5, got NaN.'],
    [() => besselRatio(1, '2' as never), TypeError, 'besselRatio: x must be a finite number >= 0, got "2".'],
    [() => logSeriesS(0.5, 1), RangeError, 'logSeriesS: d must be a finite number >= 1, got 0.5.'],
    [() => logSeriesS(2, -1), RangeError, 'logSeriesS: kappa must be a finite number >= 0, got -1.'],
  ])('refuse what is outside: %#', (call, error, message) => {
    expect(call).toThrow(error);
    expect(call).toThrow(`sliced-wasserstein.${message}`);
  });
});
