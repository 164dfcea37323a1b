import { describe, expect, it } from 'vitest';
import {
  binomialCdf,
  binomialQuantile,
  digamma,
  erf,
  erfc,
  erfcx,
  incompleteBeta,
  incompleteGamma,
  logErfc,
  logGamma,
  logNormalCdf,
  normalCdf,
  normalQuantile,
} from '../src/linalg';
import { loadGolden } from '../src/testing';

const golden = loadGolden(new URL('golden/inference/special.safetensors', import.meta.url));
const values = (name: string): Float64Array => golden.get(name).data;

/** A few rounding errors: quotients of polynomials of degree 8, or a series. */
const ROUNDING = 3e-15;
/** exp(-x^2) magnifies the rounding of its argument, up to 676 at x = 26. */
const EXPONENT = 1e-13;

describe.each([
  { name: 'erf', f: erf, x: 'line', y: 'erf', rtol: ROUNDING, atol: 0 },
  // Below 0 erfc is near 2, at -30 exactly 2.
  { name: 'erfc', f: erfc, x: 'line', y: 'erfc', rtol: 1e-14, atol: 0 },
  { name: 'normalCdf', f: normalCdf, x: 'line', y: 'normal_cdf', rtol: EXPONENT, atol: 0 },
  { name: 'logErfc', f: logErfc, x: 'far', y: 'log_erfc', rtol: ROUNDING, atol: 0 },
  { name: 'erfcx', f: erfcx, x: 'far', y: 'erfcx', rtol: 2e-14, atol: 0 },
  { name: 'logNormalCdf', f: (x: number) => logNormalCdf(-x), x: 'far', y: 'log_cdf', rtol: ROUNDING, atol: ROUNDING },
  { name: 'logGamma', f: logGamma, x: 'positive', y: 'log_gamma', rtol: 1e-14, atol: 0 },
  { name: 'logGamma', f: logGamma, x: 'negative', y: 'log_gamma_negative', rtol: 1e-13, atol: 1e-13 },
  { name: 'digamma', f: digamma, x: 'positive', y: 'digamma', rtol: ROUNDING, atol: ROUNDING },
  { name: 'digamma', f: digamma, x: 'negative', y: 'digamma_negative', rtol: 1e-13, atol: 1e-13 },
  { name: 'normalQuantile', f: normalQuantile, x: 'p', y: 'quantile', rtol: 1e-14, atol: 1e-16 },
])('$name of $x', ({ f, x, y, rtol, atol }) => {
  it('equals the value to 50 digits', () => {
    expect(values(x).map(f)).toBeAllclose(values(y), { rtol, atol });
  });
});

describe('incomplete functions', () => {
  it('of gamma equal the values to 50 digits, both tails relatively', () => {
    const x = values('gamma.x');
    const found = Array.from(values('gamma.a'), (a, i) => incompleteGamma(a, x[i]!));
    // x^a exp(-x) / Gamma(a) is the exponential of a difference of numbers up to 2e4.
    expect(found.map(({ p }) => p)).toBeAllclose(values('gamma.p'), { rtol: 1e-12, atol: 1e-15 });
    expect(found.map(({ q }) => q)).toBeAllclose(values('gamma.q'), { rtol: 1e-12, atol: 1e-15 });
    found.forEach(({ p, q }) => expect(p + q).toBeCloseTo(1, 14));
  });

  it('of beta equal the values to 50 digits', () => {
    const [b, x] = [values('beta.b'), values('beta.x')];
    const found = Array.from(values('beta.a'), (a, i) => incompleteBeta(a, b[i]!, x[i]!));
    expect(found).toBeAllclose(values('beta.value'), { rtol: 1e-11, atol: 1e-15 });
  });

  it('are exact at the ends', () => {
    expect(incompleteGamma(2, 0)).toEqual({ p: 0, q: 1 });
    expect(incompleteGamma(2, Infinity)).toEqual({ p: 1, q: 0 });
    expect([incompleteBeta(2, 3, 0), incompleteBeta(2, 3, 1)]).toEqual([0, 1]);
  });
});

describe('binomial', () => {
  const [n, p, k, q] = ['n', 'p', 'k', 'q'].map((name) => values(`binomial.${name}`));

  it('distribution function equals that of SciPy and the sum of its terms', () => {
    expect(Array.from(k!, (count, i) => binomialCdf(count, n![i]!, p![i]!))).toBeAllclose(values('binomial.cdf'), {
      rtol: 1e-11,
      atol: 1e-15,
    });
    // 1 + 5 + 10 of the 32 outcomes of five coins have at most two heads.
    expect(binomialCdf(2.7, 5, 0.5)).toBeCloseTo(0.5, 15);
    expect([binomialCdf(-0.1, 5, 0.5), binomialCdf(5, 5, 0.5)]).toEqual([0, 1]);
  });

  it('quantile is the smallest count that reaches the probability', () => {
    const found = Array.from(q!, (probability, i) => binomialQuantile(probability, n![i]!, p![i]!));
    expect(found).toBeAllclose(values('binomial.quantile'), { rtol: 0, atol: 0 });
    expect([binomialQuantile(0, 9, 0.5), binomialQuantile(1, 9, 0.5)]).toEqual([0, 9]);
  });
});

describe('outside of the domain', () => {
  it('NaN is returned, as the functions of Math do', () => {
    const found = [erf, erfc, logErfc, erfcx, logGamma, digamma, normalCdf, logNormalCdf, normalQuantile].map((f) =>
      f(NaN),
    );
    expect(found.every(Number.isNaN)).toBe(true);
    expect([normalQuantile(-0.1), normalQuantile(1.1), digamma(0), digamma(-3), digamma(-Infinity)]).toEqual(
      Array(5).fill(NaN),
    );
    expect(incompleteGamma(0, 1)).toEqual({ p: NaN, q: NaN });
    expect([incompleteBeta(0, 1, 0.5), incompleteBeta(1, 1, 1.5), incompleteBeta(1, 1, -0.5)]).toEqual(
      Array(3).fill(NaN),
    );
    expect([binomialCdf(1, 2, 1.5), binomialCdf(NaN, 2, 0.5), binomialQuantile(2, 3, 0.5)]).toEqual(Array(3).fill(NaN));
  });

  it('ends and poles are infinite', () => {
    expect([normalQuantile(0), normalQuantile(1), logGamma(0), logGamma(-2), logGamma(Infinity)]).toEqual([
      -Infinity,
      Infinity,
      Infinity,
      Infinity,
      Infinity,
    ]);
    expect([erf(Infinity), erf(-Infinity), erfc(-Infinity)]).toEqual([1, -1, 2]);
  });
});
