import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantileTernarize, ternarize } from '../src/index';
import { checkThreshold, ternaryCode } from '../src/feedback/ternary';

const errors = [-1, -0.5, -0.25, -0.1, 0, 0.1, 0.25, 0.26, 0.9];

describe.each(backendsUnderTest())('codes of errors on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  /** Zeros without their signs. */
  const coded = (values: number[], code: (e: tf.Tensor) => tf.Tensor): number[] =>
    tf.tidy(() => Array.from(code(tf.tensor(values)).dataSync(), (value) => value + 0));

  it('are signs strictly beyond the threshold', () => {
    expect(coded(errors, (e) => ternarize(e))).toEqual([-1, -1, 0, 0, 0, 0, 0, 1, 1]);
    expect(coded(errors, (e) => ternarize(e, 0))).toEqual([-1, -1, -1, -1, 0, 1, 1, 1, 1]);
    expect(coded(errors, (e) => ternarize(e, 1))).toEqual(errors.map(() => 0));
  });

  it('are odd, and for t < 1 codes of themselves', () => {
    const arrays = fc.array(fc.float({ noNaN: true, min: -2, max: 2 }), { minLength: 1, maxLength: 9 });
    const threshold = fc.double({ min: 0, max: 0.999, noNaN: true });
    const property = fc.property(arrays, threshold, (values, t) => {
      const once = coded(values, (e) => ternarize(e, t));
      const opposite = coded(values.map((value) => -value), (e) => ternarize(e, t)); // prettier-ignore
      expect(opposite).toEqual(once.map((code) => 0 - code));
      expect(coded(once, (e) => ternarize(e, t))).toEqual(once);
    });
    fc.assert(property, { numRuns: 20 });
  });

  it('keep what is no number', () => {
    expect(coded([NaN, Infinity, 1, 0], (e) => ternarize(e))).toEqual([NaN, NaN, 1, 0]);
    expect(coded([NaN, 0.5], (e) => quantileTernarize(e, 1))[0]).toBe(NaN);
  });

  it('by a quantile are the signs of the largest, ties included', () => {
    expect(coded(errors, (e) => quantileTernarize(e, 1))).toEqual(errors.map(Math.sign));
    expect(coded(errors, (e) => quantileTernarize(e, 2 / 9))).toEqual([-1, 0, 0, 0, 0, 0, 0, 0, 1]);
    expect(coded(errors, (e) => quantileTernarize(e, 5 / 9))).toEqual([-1, -1, -1, 0, 0, 0, 1, 1, 1]);
    expect(coded(errors, (e) => quantileTernarize(e, 1e-6))).toEqual([-1, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(coded([0, 0], (e) => quantileTernarize(e, 0.5))).toEqual([0, 0]);
    expect(tf.tidy(() => quantileTernarize(tf.ones([2, 3, 4]), 0.5).shape)).toEqual([2, 3, 4]);
  });

  it('are scaled to the mean size of what they stand for', () => {
    const scaled = coded([0.5, -1, 0.1, 0], (e) =>
      ternaryCode(e.reshape<tf.Tensor2D>([2, 2]), { threshold: 0.25, scaled: true }),
    );
    expect(scaled).toBeAllclose([0.75, -0.75, 0, 0]);
    const none = coded([0.1, 0.1], (e) => ternaryCode(e.reshape<tf.Tensor2D>([1, 2]), { scaled: true }));
    expect(none).toEqual([0, 0]);
    const kept = coded([0.5, -1], (e) => ternaryCode(e.reshape<tf.Tensor2D>([1, 2]), { threshold: { keep: 0.5 } }));
    expect(kept).toEqual([0, -1]);
  });

  it('leave nothing behind', () => {
    const e = tf.tensor2d([errors]);
    expect(() => ternarize(e)).toLeakNothing();
    expect(() => quantileTernarize(e, 0.5)).toLeakNothing();
    expect(() => ternaryCode(e, { scaled: true })).toLeakNothing();
    e.dispose();
  });
});

describe('thresholds', () => {
  it('that cannot be are refused', () => {
    const e = tf.tensor1d([1]);
    expect(() => ternarize(e, -0.1)).toThrow(
      new RangeError('opu-dfa.ternarize: threshold must be a finite number >= 0, got -0.1.'),
    );
    expect(() => ternarize(e, NaN)).toThrow(RangeError);
    expect(() => quantileTernarize(e, 0)).toThrow(
      new RangeError('opu-dfa.quantileTernarize: keep must be a finite number > 0 and <= 1, got 0.'),
    );
    expect(() => checkThreshold('test', { keep: 2 })).toThrow(
      new RangeError('test: threshold.keep must be a finite number > 0 and <= 1, got 2.'),
    );
    expect(() => checkThreshold('test', -1)).toThrow(
      new RangeError('test: threshold must be a finite number >= 0, got -1.'),
    );
    expect(() => checkThreshold('test', 'small')).toThrow(
      new TypeError('test: threshold must be a number or { keep: part of the entries }, got "small".'),
    );
    e.dispose();
  });
});
