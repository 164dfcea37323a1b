import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { clipByGlobalNorm, clipByValue } from '../src/optim';
import { backendsUnderTest } from '../src/testing';

/** Sums of up to a hundred float32 squares. */
const SUMMED = { rtol: 1e-5, atol: 1e-6 };

const gradients = () => ({ a: tf.tensor2d([3, 0, -4, 0], [2, 2]), none: null, b: tf.scalar(12) });

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe('clipByGlobalNorm', () => {
    it('gives the norm of all together, and scales to the limit', () => {
      const { clipped, norm } = clipByGlobalNorm(gradients(), 6.5);
      expect(norm).toBeAllclose(13, SUMMED);
      expect(clipped.a).toBeAllclose([
        [1.5, 0],
        [-2, 0],
      ], SUMMED); // prettier-ignore
      expect(clipped.b).toBeAllclose(6, SUMMED);
      expect(clipped.none).toBeNull();
    });

    it('leaves gradients below the limit as they are, to the bit, and zeros too', () => {
      const { clipped, norm } = clipByGlobalNorm([tf.tensor1d([0.3, -0.7]), null], 100);
      expect([...clipped[0]!.dataSync()]).toEqual([Math.fround(0.3), Math.fround(-0.7)]);
      expect(clipped[1]).toBeNull();
      expect(norm).toBeAllclose(Math.hypot(0.3, 0.7), SUMMED);
      const zero = clipByGlobalNorm([tf.zeros([3])], 1e-3);
      expect(zero.clipped[0]).toBeAllclose([0, 0, 0]);
      expect(zero.norm).toBeAllclose(0);
    });

    it('divides by the norm plus 1e-6, as PyTorch', () => {
      // The clipped norm is 1e-3 / (1e-3 + 1e-6) of the limit, which float32 tells from the limit.
      const { clipped } = clipByGlobalNorm([tf.tensor1d([1e-3])], 5e-4);
      expect(clipped[0]).toBeAllclose([(5e-4 * 1e-3) / (1e-3 + 1e-6)], { rtol: 1e-5, atol: 0 });
    });

    it('keeps the direction and obeys the limit for any gradients', () => {
      const vector = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 });
      fc.assert(
        fc.property(vector, vector, fc.double({ min: 0.01, max: 50, noNaN: true }), (a, b, limit) => {
          const all = [...a, ...b].map(Math.fround);
          const expected = Math.sqrt(all.reduce((sum, g) => sum + g * g, 0));
          tf.tidy(() => {
            const { clipped, norm } = clipByGlobalNorm([tf.tensor1d(a), tf.tensor1d(b)], limit);
            expect(norm).toBeAllclose(expected, SUMMED);
            const factor = Math.min(1, limit / (expected + 1e-6));
            expect(tf.concat1d(clipped)).toBeAllclose(all.map((g) => g * factor), SUMMED); // prettier-ignore
          });
        }),
        { numRuns: 15 },
      );
    });

    it('sums long rows to more digits than one float32 sum of all would have', () => {
      const x = tf.fill([1000, 1000], 0.1);
      const { norm } = clipByGlobalNorm([x], 1);
      expect(norm).toBeAllclose(1000 * Math.fround(0.1), { rtol: 1e-5 });
      tf.dispose([x, norm]);
    });

    it('works inside of a compiled function and leaks nothing', () => {
      const step = jit((g: tf.Tensor) => clipByGlobalNorm({ g }, 1));
      const g = tf.tensor1d([3, 4]);
      const { clipped, norm } = step(g);
      expect(clipped.g).toBeAllclose([0.6, 0.8], SUMMED);
      expect(norm).toBeAllclose(5, SUMMED);
      tf.dispose([clipped, norm]);
      expect(() => clipByGlobalNorm([g, null], 1)).toLeakNothing();
      expect(() => clipByValue({ g }, 1)).toLeakNothing();
      expect(() => step(g)).toLeakNothing();
      g.dispose();
    });
  });

  it('clipByValue cuts each element', () => {
    const { a, b, none } = clipByValue(gradients(), 3.5);
    expect(a).toBeAllclose([
      [3, 0],
      [-3.5, 0],
    ]);
    expect(b).toBeAllclose(3.5);
    expect(none).toBeNull();
  });
});

describe('clipping', () => {
  it.each([
    [
      () => clipByGlobalNorm([tf.zeros([1])], 0),
      'tensor-core.clipByGlobalNorm: maxNorm must be a finite number > 0, got 0.',
    ],
    [
      () => clipByGlobalNorm([null], 1),
      'tensor-core.clipByGlobalNorm: gradients must hold at least one tensor, got none.',
    ],
    [() => clipByValue([tf.zeros([1])], -1), 'tensor-core.clipByValue: limit must be a finite number > 0, got -1.'],
    [() => clipByValue({}, 1), 'tensor-core.clipByValue: gradients must hold at least one tensor, got none.'],
  ])('names what it refuses: %s', (call, message) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(message);
  });
});
