import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  fftPlan,
  fftPlan2,
  hostFft,
  hostFft2,
  hostIfft,
  hostIfft2,
  hostIrfft,
  hostIrfft2,
  hostRfft,
  hostRfft2,
} from '../src/spectral';
import { complexNumbers, complexOf, relativeError, slowDft, slowDft2, squaredNorm } from './spectral-oracles';
import { numbers } from './values';

// Rounding of a fast transform is about 1e-16 sqrt(log2 n) of the norm, of one by a convolution, which is two of four
// times the length, some times that; the oracle's sums of n terms lose 1e-16 sqrt(n).
const FAST = 3e-15;
const ORACLE = 1e-14;
const CLOSE = { rtol: 1e-12, atol: 1e-12 };

const SIZES = [...Array.from({ length: 40 }, (_, i) => i + 1), 49, 61, 67, 100, 128, 251, 256, 509, 1000, 1024];
const SHAPES: [number, number][] = [[1, 1], [1, 5], [4, 1], [4, 6], [5, 3], [7, 8], [16, 16], [67, 6], [6, 134]]; // prettier-ignore

const first = (a: Float64Array, n: number): Float64Array => a.subarray(0, n);
const half = (n: number): number => Math.floor(n / 2) + 1;

describe('hostFft', () => {
  it.each(SIZES)('is the sum of its definition for n = %i, and hostIfft its inverse', (n) => {
    const x = complexNumbers(n);
    const transformed = hostFft(x);
    expect(relativeError(transformed, slowDft(x))).toBeLessThan(ORACLE);
    expect(relativeError(hostIfft(transformed), x)).toBeLessThan(FAST);
  });

  it.each([1 << 18, 3 ** 10, 5 ** 7, 7 ** 5 * 2, 61 ** 2 * 3, 65537, 999983, 1_000_000])(
    'is as exact for n = %i: one coefficient by its sum, the energy, the inverse',
    (n) => {
      const x = complexNumbers(n);
      const y = hostFft(x);
      // The sums of the squares are what is least exact here.
      expect(squaredNorm(y) / n / squaredNorm(x)).toBeCloseTo(1, 11);
      expect(relativeError(hostIfft(y), x)).toBeLessThan(FAST);
      const k = Math.floor(0.37 * n);
      let [re, im] = [0, 0];
      for (let j = 0; j < n; j++) {
        const angle = (-2 * Math.PI * ((j * k) % n)) / n;
        re += x.re[j]! * Math.cos(angle) - x.im[j]! * Math.sin(angle);
        im += x.re[j]! * Math.sin(angle) + x.im[j]! * Math.cos(angle);
      }
      // Sequential sums of n terms of size 1, against coefficients of size sqrt(n).
      expect(Math.hypot(y.re[k]! - re, y.im[k]! - im) / Math.sqrt(n)).toBeLessThan(1e-11);
    },
  );

  it('takes real numbers, typed or not, and changes none', () => {
    const x = [1, 2, 3, 4];
    expect(hostFft(x)).toEqual({ re: Float64Array.of(10, -2, -2, -2), im: Float64Array.of(0, 2, 0, -2) });
    expect(hostFft(Float32Array.from(x))).toEqual(hostFft(x));
    expect(x).toEqual([1, 2, 3, 4]);
  });

  it('turns a shift into a phase', () => {
    const n = 60;
    const x = complexNumbers(n);
    const shifted = { re: x.re.map((_, j) => x.re[(j + n - 7) % n]!), im: x.im.map((_, j) => x.im[(j + n - 7) % n]!) };
    const y = hostFft(x);
    const turned = hostFft(shifted);
    for (let k = 0; k < n; k++) {
      const [c, s] = [Math.cos((-2 * Math.PI * 7 * k) / n), Math.sin((-2 * Math.PI * 7 * k) / n)];
      expect(turned.re[k]).toBeCloseTo(y.re[k]! * c - y.im[k]! * s, 12);
      expect(turned.im[k]).toBeCloseTo(y.re[k]! * s + y.im[k]! * c, 12);
    }
  });

  it('has the factor where the norm puts it', () => {
    const x = complexNumbers(12);
    const y = hostFft(x);
    const times = (f: number) => ({ re: y.re.map((v) => v * f), im: y.im.map((v) => v * f) });
    expect(relativeError(hostFft(x, { norm: 'ortho' }), times(1 / Math.sqrt(12)))).toBeLessThan(FAST);
    expect(relativeError(hostFft(x, { norm: 'forward' }), times(1 / 12))).toBeLessThan(FAST);
    for (const norm of ['backward', 'ortho', 'forward'] as const) {
      expect(relativeError(hostIfft(hostFft(x, { norm }), { norm }), x)).toBeLessThan(FAST);
      const real = numbers(15, 3);
      expect(hostIrfft(hostRfft(real, { norm }), { norm, n: 15 })).toBeAllclose(real, CLOSE);
      expect(hostIrfft2(hostRfft2(real, 5, 3, { norm }), 5, 3, { norm })).toBeAllclose(real, CLOSE);
      const image = complexNumbers(15);
      expect(relativeError(hostIfft2(hostFft2(image, 5, 3, { norm }), 5, 3, { norm }), image)).toBeLessThan(FAST);
    }
  });

  it('transforms lines of any length', () => {
    const lengths = fc.integer({ min: 1, max: 700 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 999 }), (n, seed) => {
        const x = complexNumbers(n, seed);
        const y = hostFft(x);
        expect(relativeError(hostIfft(y), x)).toBeLessThan(FAST);
        expect(squaredNorm(y) / n).toBeCloseTo(squaredNorm(x), 10);
        const real = hostRfft(x.re);
        const all = hostFft(x.re);
        const head = { re: first(all.re, half(n)), im: first(all.im, half(n)) };
        expect(relativeError(real, head)).toBeLessThan(FAST);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('keeps no NaN of an earlier call', () => {
    for (const n of [5, 6, 67, 134]) {
      const x = numbers(n, 2);
      const broken = x.slice().fill(NaN);
      const y = hostRfft(x);
      hostRfft(broken);
      hostIrfft({ re: broken.slice(0, half(n)), im: broken.slice(0, half(n)) }, { n });
      hostFft({ re: broken, im: broken });
      expect(hostIrfft(y, { n })).toBeAllclose(x, CLOSE);
      expect(hostRfft(x)).toEqual(y);
      expect(relativeError(hostFft({ re: x, im: x }), slowDft({ re: x, im: x }))).toBeLessThan(ORACLE);
    }
  });

  it('lets NaN through to every coefficient', () => {
    expect(hostFft([1, NaN, 2, 3, 4]).re.every(Number.isNaN)).toBe(true);
  });
});

describe('hostRfft', () => {
  it.each(SIZES)('has the first half of the coefficients for n = %i; hostIrfft inverts it', (n) => {
    const x = numbers(n, 2);
    const full = slowDft(complexOf(x));
    const y = hostRfft(x);
    expect(relativeError(y, { re: first(full.re, half(n)), im: first(full.im, half(n)) })).toBeLessThan(ORACLE);
    expect(hostIrfft(y, { n })).toBeAllclose(x, CLOSE);
    if (n % 2 === 0) expect(hostIrfft(y)).toBeAllclose(x, CLOSE);
  });

  it('ignores the imaginary parts that no real line has', () => {
    const y = hostRfft(numbers(6, 1));
    const x = hostIrfft(y);
    y.im[0] = 5;
    y.im[3] = -7;
    expect(hostIrfft(y)).toEqual(x);
    const odd = hostRfft(numbers(5, 1));
    const fives = hostIrfft(odd, { n: 5 });
    odd.im[0] = 3;
    expect(hostIrfft(odd, { n: 5 })).toEqual(fives);
  });
});

describe('hostFft2', () => {
  it.each(SHAPES)('is the transform of rows, then columns, for %i x %i', (h, w) => {
    const x = complexNumbers(h * w);
    const y = hostFft2(x, h, w);
    expect(relativeError(y, slowDft2(x, h, w))).toBeLessThan(ORACLE);
    expect(relativeError(hostIfft2(y, h, w), x)).toBeLessThan(FAST);
  });

  it.each(SHAPES)('of a real image %i x %i is determined by the left half', (h, w) => {
    const x = numbers(h * w, 4);
    const full = hostFft2(x, h, w);
    const m = half(w);
    const left = (a: Float64Array) =>
      Float64Array.from({ length: h * m }, (_, i) => a[Math.floor(i / m) * w + (i % m)]!);
    const y = hostRfft2(x, h, w);
    expect(relativeError(y, { re: left(full.re), im: left(full.im) })).toBeLessThan(FAST);
    const kept = { re: y.re.slice(), im: y.im.slice() };
    expect(hostIrfft2(y, h, w)).toBeAllclose(x, CLOSE);
    expect(y).toEqual(kept);
  });
});

describe('fftPlan', () => {
  it('transforms in place, again and again, without new arrays', () => {
    for (const n of [30, 64, 67, 128]) {
      const plan = fftPlan(n);
      const x = complexNumbers(n);
      const work = { re: x.re.slice(), im: x.im.slice() };
      for (let i = 0; i < 3; i++) {
        plan.forward(work.re, work.im);
        expect(relativeError(work, slowDft(x))).toBeLessThan(ORACLE);
        plan.inverse(work.re, work.im);
        expect(relativeError(work, x)).toBeLessThan(FAST);
      }
      const real = new Float64Array(n);
      const coefficients = complexNumbers(half(n));
      plan.forwardReal(x.re, coefficients.re, coefficients.im);
      plan.inverseReal(coefficients.re, coefficients.im, real);
      expect(real).toBeAllclose(x.re, CLOSE);
    }
  });

  it('is kept for the next call', () => {
    expect(fftPlan(48)).toBe(fftPlan(48));
    expect(fftPlan2(4, 6)).toBe(fftPlan2(4, 6));
    expect(fftPlan2(4, 6)).not.toBe(fftPlan2(6, 4));
    const old = fftPlan(7);
    for (const n of [1_100_000, 1_200_000]) fftPlan(n);
    expect(fftPlan(7)).not.toBe(old);
  });

  it('of two dimensions gives what hostFft2 gives', () => {
    const plan = fftPlan2(6, 10);
    const x = complexNumbers(60);
    const work = { re: x.re.slice(), im: x.im.slice() };
    plan.forward(work.re, work.im);
    expect(work).toEqual(hostFft2(x, 6, 10));
    plan.inverse(work.re, work.im);
    expect(relativeError(work, x)).toBeLessThan(FAST);
    const [re, im, back] = [new Float64Array(36), new Float64Array(36), new Float64Array(60)];
    plan.forwardReal(x.re, re, im);
    plan.inverseReal(re, im, back);
    expect({ re, im }).toEqual(hostRfft2(x.re, 6, 10));
    expect(back).toBeAllclose(x.re, CLOSE);
  });
});

describe('bad arguments', () => {
  const f = (n: number): Float64Array => new Float64Array(n);

  it.each<[string, () => unknown]>([
    ['hostFft: x must have at least one element', () => hostFft([])],
    [
      'hostFft: x.re must be as long as x.im (Float64Array(3)), got Float64Array(2)',
      () => hostFft({ re: f(2), im: f(3) }),
    ],
    ['hostFft2: x must have 6 elements, got Float64Array(5)', () => hostFft2(f(5), 2, 3)],
    ['hostIrfft2: x must have 4 elements', () => hostIrfft2(f(6), 2, 3)],
    [
      'hostIrfft: x must have 4 coefficients for n = 6, got 3. 3 coefficients are those of 4 or 5',
      () => hostIrfft(f(3), { n: 6 }),
    ],
    [
      'FftPlan.forward: re must be a Float64Array of length 8, got Float64Array(7)',
      () => fftPlan(8).forward(f(7), f(8)),
    ],
    ['FftPlan.forward: im must', () => fftPlan(8).forward(f(8), f(9))],
    ['FftPlan.inverse: re must', () => fftPlan(8).inverse(f(7), f(8))],
    ['FftPlan.inverse: im must', () => fftPlan(8).inverse(f(8), f(7))],
    ['FftPlan.forwardReal: x must be a Float64Array of length 8', () => fftPlan(8).forwardReal(f(7), f(5), f(5))],
    ['FftPlan.forwardReal: re must be a Float64Array of length 5', () => fftPlan(8).forwardReal(f(8), f(8), f(5))],
    ['FftPlan.forwardReal: im must', () => fftPlan(8).forwardReal(f(8), f(5), f(4))],
    ['FftPlan.inverseReal: re must', () => fftPlan(8).inverseReal(f(4), f(5), f(8))],
    ['FftPlan.inverseReal: im must', () => fftPlan(8).inverseReal(f(5), f(4), f(8))],
    ['FftPlan.inverseReal: x must', () => fftPlan(8).inverseReal(f(5), f(5), f(7))],
    ['FftPlan2.forward: re must be a Float64Array of length 6', () => fftPlan2(2, 3).forward(f(5), f(6))],
    ['FftPlan2.forward: im must', () => fftPlan2(2, 3).forward(f(6), f(5))],
    ['FftPlan2.inverse: re must', () => fftPlan2(2, 3).inverse(f(5), f(6))],
    ['FftPlan2.inverse: im must', () => fftPlan2(2, 3).inverse(f(6), f(5))],
    ['FftPlan2.forwardReal: x must', () => fftPlan2(2, 3).forwardReal(f(5), f(4), f(4))],
    ['FftPlan2.forwardReal: re must be a Float64Array of length 4', () => fftPlan2(2, 3).forwardReal(f(6), f(6), f(4))],
    ['FftPlan2.forwardReal: im must', () => fftPlan2(2, 3).forwardReal(f(6), f(4), f(3))],
    ['FftPlan2.inverseReal: re must', () => fftPlan2(2, 3).inverseReal(f(6), f(4), f(6))],
    ['FftPlan2.inverseReal: im must', () => fftPlan2(2, 3).inverseReal(f(4), f(6), f(6))],
    ['FftPlan2.inverseReal: x must', () => fftPlan2(2, 3).inverseReal(f(4), f(4), f(5))],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['fftPlan: n must be an integer >= 1 and <= 67108864, got 0', () => fftPlan(0)],
    ['fftPlan: n must be an integer', () => fftPlan(2.5)],
    ['fftPlan2: height must be an integer', () => fftPlan2(0, 4)],
    ['fftPlan2: width must be an integer', () => fftPlan2(4, NaN)],
    ['hostFft2: width must be an integer', () => hostFft2([1], 1, 0)],
    ['hostIrfft: n must be an integer >= 1', () => hostIrfft([1], { n: 0 })],
    [
      'hostFft: norm must be one of "backward", "ortho", "forward", got "unit"',
      () => hostFft([1], { norm: 'unit' as never }),
    ],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['hostFft: x must be an array of numbers or a pair { re, im } of them, got 3', () => hostFft(3 as never)],
    ['hostFft: x must be', () => hostFft('ab' as never)],
    ['hostIfft: x must be', () => hostIfft({ re: f(2), im: 3 } as never)],
    [
      'FftPlan.forward: re must be a Float64Array of length 2, got Float32Array(2)',
      () => fftPlan(2).forward(new Float32Array(2) as never, f(2)),
    ],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
