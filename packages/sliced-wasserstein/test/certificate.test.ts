import { describe, expect, it } from 'vitest';
import type { Bound } from '../src/certificate/bound';
import { certify, type CertifyOptions } from '../src/certificate/certify';
import { describeCertificate } from '../src/certificate/describe-certificate';
import { pacBayesSlack } from '../src/certificate/pac-bayes-slack';
import { sliceError } from '../src/certificate/slice-error';

/** Sums of a few terms of float64, in another order. */
const ROUNDING = { rtol: 1e-13, atol: 0 };

const bounded: Bound = { kind: 'bounded', diameter: 1.5 };
const gaussian: Bound = { kind: 'subgaussian', sigmaX: 1, sigmaY: 2, gaussian: true };
const concentrated: Bound = { kind: 'gaussianConcentration', sigmaX: 1, sigmaY: 2 };

describe('sliceError', () => {
  it('is that of Hoeffding for a range', () => {
    const expected = { error: 3 * Math.sqrt(Math.log(20) / 200), delta: 0.05, reasons: [] };
    expect(sliceError('test', { count: 100, delta: 0.05, range: 3 })).toEqual(expected);
    expect(sliceError('test', { count: 100, delta: 0.05 }, 3)).toEqual(expected);
    expect(sliceError('test', { count: 100, delta: 0.05, range: 3 }, 7)).toEqual(expected);
  });

  it('is the sharper of Hoeffding and the empirical Bernstein bound, each at delta / 2', () => {
    const slices = { count: 1001, delta: 0.05, range: 3 };
    const log = Math.log(80);
    const hoeffding = 3 * Math.sqrt(Math.log(40) / 2002);
    const small = sliceError('test', { ...slices, standardError: 0.001 });
    expect(small.error).toBeAllclose(0.001 * Math.sqrt(2 * log) + (7 * 3 * log) / 3000, ROUNDING);
    expect(small.error).toBeLessThan(hoeffding);
    expect(sliceError('test', { ...slices, standardError: 1 }).error).toBeAllclose(hoeffding, ROUNDING);
    const one = sliceError('test', { count: 1, delta: 0.05, range: 3, standardError: 0 });
    expect(one.error).toBeAllclose(3 * Math.sqrt(Math.log(20) / 2), ROUNDING);
  });

  it('is a normal approximation without a range, and says so', () => {
    const { error, reasons } = sliceError('test', { count: 100, delta: 0.025, standardError: 0.1 });
    expect(error).toBeAllclose(0.1959963984540054, ROUNDING);
    expect(reasons).toEqual(['the error of the mean over slices is a normal approximation']);
    expect(sliceError('test', { count: 100, delta: 0.9, standardError: 0.1 }).error).toBe(0);
  });

  it('is nothing for exact means, and nothing but a remark when slices are not given', () => {
    expect(sliceError('test', 'exact')).toEqual({ error: 0, delta: 0, reasons: [] });
    const reasons = ['the error of the mean over slices is not counted: slices are not given'];
    expect(sliceError('test', undefined)).toEqual({ error: 0, delta: 0, reasons });
  });

  it.each<[unknown, ErrorConstructor, string]>([
    ['all', TypeError, 'slices must be \'exact\' or { count, delta }, got "all".'],
    [null, TypeError, "slices must be 'exact' or { count, delta }, got null."],
    [{ count: 0, delta: 0.1 }, RangeError, 'slices.count must be an integer >= 1, got 0.'],
    [{ count: 9, delta: 0 }, RangeError, 'slices.delta must be a finite number > 0 and < 1, got 0.'],
    [{ count: 9, delta: 0.1, range: 0 }, RangeError, 'slices.range must be a finite number > 0, got 0.'],
    [
      { count: 9, delta: 0.1, standardError: -1 },
      RangeError,
      'slices.standardError must be a finite number >= 0, got -1.',
    ],
    [
      { count: 9, delta: 0.1 },
      TypeError,
      'slices must have a range or a standardError, got an object. The largest |x_i - y_j|^p of the clouds is a range.',
    ],
  ])('refuses %o', (wrong, error, message) => {
    expect(() => sliceError('test', wrong as never)).toThrow(error);
    expect(() => sliceError('test', wrong as never)).toThrow(`test: ${message}`);
  });
});

describe('certify', () => {
  const options: CertifyOptions = {
    value: 1.2,
    kl: 1,
    n: 400,
    m: 900,
    p: 1,
    bound: bounded,
    delta: 0.04,
    slices: 'exact',
  };

  it('takes slack, bias and the error of slices from the value', () => {
    const { slack, psi, phi, lambda } = pacBayesSlack(options);
    const exact = certify(options);
    expect(exact.raw).toBeAllclose(1.2 - slack - psi, ROUNDING);
    expect(exact).toMatchObject({ slack, psi, phi, lambda, sliceError: 0, value: 1.2, kl: 1, delta: 0.04 });
    expect(exact).toMatchObject({ p: 1, n: 400, m: 900, kind: 'bounded', of: 'W_p^p' });
    expect(exact).toMatchObject({ confidence: 0.96, rigorous: true, reasons: [], vacuous: false });
    expect(exact.lowerBound).toBe(exact.raw);
    expect(exact.upper).toBeUndefined();

    const sampled = certify({ ...options, slices: { count: 200, delta: 0.01 } });
    expect(sampled.sliceError).toBeAllclose(1.5 * Math.sqrt(Math.log(100) / 400), ROUNDING);
    expect(sampled.raw).toBeAllclose(exact.raw - sampled.sliceError, ROUNDING);
    expect(sampled.confidence).toBeAllclose(0.95, ROUNDING);
    expect(sampled.rigorous).toBe(true);
  });

  it('takes Delta^p as the range of slices', () => {
    const square = certify({ ...options, p: 2, slices: { count: 200, delta: 0.01 } });
    expect(square.sliceError).toBeAllclose(1.5 ** 2 * Math.sqrt(Math.log(100) / 400), ROUNDING);
    const unbounded = { ...options, bound: gaussian };
    const given = certify({ ...unbounded, slices: { count: 200, delta: 0.01, range: 9 } });
    expect(given.sliceError).toBeAllclose(9 * Math.sqrt(Math.log(100) / 400), ROUNDING);
    expect(given.rigorous).toBe(true);
    expect(() => certify({ ...unbounded, slices: { count: 200, delta: 0.01 } })).toThrow(TypeError);
  });

  it('shows that it is vacuous, and keeps the number', () => {
    const vacuous = certify({ ...options, value: 0.01 });
    expect(vacuous).toMatchObject({ lowerBound: 0, vacuous: true });
    expect(vacuous.raw).toBeLessThan(0);
    expect(vacuous.raw).toBeAllclose(0.01 - vacuous.slack - vacuous.psi, ROUNDING);
  });

  it('bounds from above without a bias where the power is convex', () => {
    const { upper, raw } = certify({ ...options, upperDelta: 0.1, slices: { count: 200, delta: 0.01 } });
    const { slack, lambda } = pacBayesSlack({ ...options, delta: 0.1 });
    const error = 1.5 * Math.sqrt(Math.log(100) / 400);
    expect(upper).toMatchObject({ psi: 0, slack, lambda, delta: 0.1 });
    expect(upper!.bound).toBeAllclose(1.2 + slack + error, ROUNDING);
    expect(upper!.confidence).toBeAllclose(0.89, ROUNDING);
    expect(upper!.bound).toBeGreaterThan(raw);
    const root = certify({ ...options, p: 2, bound: concentrated, upperDelta: 0.1 });
    expect(root.of).toBe('W_p');
    expect(root.upper!.psi).toBe(root.psi);
    expect(root.upper!.bound).toBeAllclose(1.2 + root.upper!.slack + root.psi, ROUNDING);
  });

  it('gives every reason why it is no guarantee', () => {
    const { slices: _, ...without } = options;
    const certificate = certify({ ...without, bound: { ...bounded, estimated: true }, klEstimated: true });
    expect(certificate.rigorous).toBe(false);
    expect(certificate.reasons).toEqual([
      'the constants of the bound are estimates from the sample',
      'the error of the mean over slices is not counted: slices are not given',
      'KL is an estimate, not an upper bound',
    ]);
  });

  it.each<[object, ErrorConstructor, string]>([
    [{ value: -0.1 }, RangeError, 'value must be a finite number >= 0, got -0.1.'],
    [
      { value: 1.6 },
      RangeError,
      'value must be at most diameter^p (1.5), got 1.6. The diameter is too small, or the value not the mean of W_p^p.',
    ],
    [{ upperDelta: 0 }, RangeError, 'upperDelta must be a finite number > 0 and < 1, got 0.'],
    [{ slices: { count: 9, delta: 0.96 } }, RangeError, 'delta + slices.delta must be a finite number < 1, got 1.'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => certify({ ...options, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`sliced-wasserstein.certify: ${message}`);
  });
});

describe('describeCertificate', () => {
  const options: CertifyOptions = {
    ...{ value: 0.4, kl: 1.2, n: 2000, p: 1, bound: { kind: 'bounded', diameter: 1 } },
    slices: 'exact',
  };

  it('writes the sum in a line', () => {
    expect(describeCertificate(certify(options))).toBe(
      'mean of W_1 >= 0.2782 with probability 0.95: 0.4 - 0.09941 slack - 0.02236 bias (bounded, KL 1.2, lambda 44.72).',
    );
  });

  it('writes the upper bound, the slices, and why nothing is certain', () => {
    const text = describeCertificate(
      certify({
        ...options,
        p: 2,
        value: 0.1,
        slices: { count: 500, delta: 0.01 },
        upperDelta: 0.05,
        klEstimated: true,
      }),
    );
    expect(text).toBe(
      'mean of W_2^2 >= 0 is all that is certain: 0.1 - 0.09941 slack - 0.04472 bias - 0.06786 slices = -0.112 ' +
        '(bounded, KL 1.2, lambda 44.72), vacuous. It is <= 0.2673 with probability 0.94.\n' +
        'Not a guarantee: KL is an estimate, not an upper bound.',
    );
    const root = certify({ ...options, p: 2, bound: { ...concentrated, psi: 0.1 } });
    expect(describeCertificate(root)).toContain('mean of W_2 >= ');
  });
});
