import { describe, expect, it } from 'vitest';
import { labelEntropy, labelSmoothingBound } from '../src';

describe('labelEntropy', () => {
  it('is 0 for a hard label and ln C for the uniform one', () => {
    expect(labelEntropy([0, 1, 0])).toBe(0);
    expect(labelEntropy(new Float64Array(7).fill(1 / 7))).toBeCloseTo(Math.log(7), 14);
  });

  it('is the least cross-entropy: no prediction does better', () => {
    const p = [0.7, 0.2, 0.1];
    const crossEntropy = (q: number[]): number => -p.reduce((sum, value, c) => sum + value * Math.log(q[c]!), 0);
    expect(crossEntropy(p)).toBeCloseTo(labelEntropy(p), 14);
    for (const q of [
      [0.6, 0.3, 0.1],
      [0.7, 0.1, 0.2],
      [1 / 3, 1 / 3, 1 / 3],
    ]) {
      expect(crossEntropy(q)).toBeGreaterThan(labelEntropy(p));
    }
  });

  it('refuses what is no distribution', () => {
    expect(() => labelEntropy([0.5, 0.4])).toThrow('momo.labelEntropy: the sum of probabilities must be 1 within 1e-6');
    expect(() => labelEntropy([])).toThrow(RangeError);
    expect(() => labelEntropy([1.5, -0.5])).toThrow('probabilities[0] must be a finite number >= 0 and <= 1, got 1.5');
    expect(() => labelEntropy([NaN, 1])).toThrow(RangeError);
  });
});

describe('labelSmoothingBound', () => {
  it('is the entropy of the smoothed label', () => {
    const [epsilon, classes] = [0.1, 10];
    const smoothed = Array.from({ length: classes }, (_, c) => (c === 3 ? 1 - epsilon : 0) + epsilon / classes);
    expect(labelSmoothingBound(epsilon, classes)).toBeCloseTo(labelEntropy(smoothed), 14);
    expect(labelSmoothingBound(0, 10)).toBe(0);
    expect(labelSmoothingBound(1, 10)).toBeCloseTo(Math.log(10), 14);
  });

  it('names the argument it refuses', () => {
    expect(() => labelSmoothingBound(1.1, 10)).toThrow('momo.labelSmoothingBound: epsilon must');
    expect(() => labelSmoothingBound(0.1, 1)).toThrow(
      'momo.labelSmoothingBound: classes must be an integer >= 2, got 1.',
    );
    expect(() => labelSmoothingBound('0.1' as unknown as number, 10)).toThrow(TypeError);
  });
});
