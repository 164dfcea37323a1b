import fc from 'fast-check';
import { loadGolden } from '@tfsci/tensor-core/testing';
import { describe, expect, it } from 'vitest';
import { numberScores } from '../src/metrics/number-scores';
import { NumberScaler, saturation, type NumberScalerOptions } from '../src/scaling/number-scaler';

describe('NumberScaler', () => {
  it('brings the ends of the range to the target, or mean and deviation to 0 and 1', () => {
    const values = [2, -6, 4, 1, 7.5];
    const byRange = NumberScaler.fit(values, { target: 3 }).transform(values);
    expect([Math.min(...byRange), Math.max(...byRange)]).toEqual([-3, 3]);
    const byStd = NumberScaler.fit(values, { method: 'std' }).transform(values);
    expect(byStd.reduce((sum, y) => sum + y, 0)).toBeCloseTo(0, 12);
    expect(byStd.reduce((sum, y) => sum + y * y, 0)).toBeCloseTo(5, 12);
    expect(NumberScaler.fit([Float32Array.of(2, -6), [4, 1, 7.5]], { target: 3 }).transform(values)).toEqual(byRange);
    expect([...NumberScaler.fit([3, 3]).transform([3, 4])]).toEqual([0, 1]);
  });

  it('gives values back to rounding, by either transform, also from JSON', () => {
    const options = fc.record<NumberScalerOptions>({
      method: fc.constantFrom('range', 'std'),
      transform: fc.constantFrom('identity', 'signedLog1p'),
      logScale: fc.double({ min: 1e-3, max: 10, noNaN: true }),
    });
    const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(values, options, (xs, own) => {
        const scaler = NumberScaler.fit(xs, own);
        const again = NumberScaler.fromJSON(JSON.parse(JSON.stringify(scaler)));
        const largest = Math.max(1, ...xs.map(Math.abs));
        // A logarithm is taken back by an exponential, which turns its absolute error of 1e-16 log into a relative one.
        expect([...again.inverse(scaler.transform(xs))]).toBeAllclose(xs, { rtol: 0, atol: 1e-12 * largest });
      }),
      { seed: 1 },
    );
  });

  it('tells which part lies outside', () => {
    const scaler = NumberScaler.fit([-1, 1]);
    expect(scaler.fractionOutside([-1, 0, 1, 2])).toBe(0.25);
    expect(scaler.fractionOutside([0.5, NaN], 2)).toBe(1);
    expect(scaler.fractionOutside([])).toBe(0);
  });

  it('refuses what is not finite, nothing, and other options', () => {
    expect(() => NumberScaler.fit([1, NaN])).toThrow('xval.NumberScaler.fit: value 1 must be');
    expect(() => NumberScaler.fit([])).toThrow('xval.NumberScaler.fit: values must have at least one');
    expect(() => NumberScaler.fit([1], { method: 'max' as 'std' })).toThrow('method must be one of');
    expect(() => NumberScaler.fit([1], { target: 0 })).toThrow('target must be');
    expect(() => NumberScaler.fromJSON({ centre: 0 })).toThrow('xval.NumberScaler.fromJSON: width must be');
    expect(() => NumberScaler.fromJSON(null)).toThrow('xval.NumberScaler.fromJSON: centre must be');
    expect(() => NumberScaler.fit([1]).fractionOutside([1], 0)).toThrow('limit must be');
  });
});

describe('saturation', () => {
  it('is the closed form of the layer norm, linear at first and flat at the end', () => {
    const file = loadGolden(new URL('./golden/layernorm_saturation.safetensors', import.meta.url));
    const [x, closed] = [file.get('x').data, file.get('closed').data];
    const width = file.get('u').data.length;
    expect([...x].map((value) => saturation(value, { ratio: 3, width }))).toBeAllclose([...closed], {
      rtol: 1e-5,
      atol: 1e-6,
    });
    expect(saturation(1e-4, { ratio: 2, width: 64 })).toBeCloseTo(8e-4 / 2, 9);
    expect(saturation(-1e9, { width: 64 })).toBeCloseTo(-8, 9);
    expect(saturation(0, { ratio: 0, width: 4 })).toBe(0);
    expect(() => saturation(NaN, { width: 4 })).toThrow('xval.saturation: x must be');
    expect(() => saturation(1, { ratio: -1, width: 4 })).toThrow('ratio must be');
  });
});

describe('numberScores', () => {
  it('scores the numbers and counts what is none', () => {
    const scores = numberScores([1, 2.5, NaN, 3, null], [1, 2, 9, 5, 0], { threshold: 0.4 });
    const { r2, meanSquaredError, medianAbsoluteError, ...counts } = scores;
    expect(r2).toBeCloseTo(1 - 4.25 / (26 / 3), 12);
    expect(meanSquaredError).toBeCloseTo(4.25 / 3, 12);
    expect(medianAbsoluteError).toBe(0.5);
    expect(counts).toMatchObject({ maxAbsoluteError: 2, outliers: 2, invalid: 2, count: 3 });
  });

  it('has no scores where nothing is a number', () => {
    expect(numberScores([NaN], [3])).toMatchObject({ r2: NaN, maxAbsoluteError: NaN, invalid: 1, count: 0 });
    expect(numberScores([], [])).toMatchObject({ r2: NaN, invalid: 0, count: 0 });
  });

  it('refuses lengths that differ, and targets that are not finite', () => {
    expect(() => numberScores([1], [1, 2])).toThrow('xval.numberScores: prediction must have 2 values');
    expect(() => numberScores([1], [Infinity])).toThrow('xval.numberScores: target[0] must be');
    expect(() => numberScores([1], [1], { threshold: -1 })).toThrow('threshold must be');
  });
});
