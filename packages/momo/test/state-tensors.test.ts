import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stateFromTensors, stateToTensors } from '../src/state-tensors';

describe('stateToTensors and stateFromTensors', () => {
  let before: number;
  beforeAll(async () => {
    await tf.setBackend('cpu');
    before = tf.memory().numTensors;
  });
  afterAll(() => {
    expect(tf.memory().numTensors).toBe(before);
  });

  it('carry float64 scalars to the last bit: two float32 parts would lose five bits', async () => {
    // Above 1e-20 the third part is still a normal float32.
    const size = fc.double({ min: 1e-20, max: 1e30, noNaN: true });
    const scalar = fc.oneof(
      fc.constant(0),
      size,
      size.map((value) => -value),
    );
    await fc.assert(
      fc.asyncProperty(scalar, scalar, scalar, async (lossAvg, gamma, lowerBound) => {
        const state = { step: 12, lossAvg, gamma, lowerBound, slots: [] };
        const saved = stateToTensors(state);
        expect(await stateFromTensors('momo.test', saved, false)).toEqual(state);
        tf.dispose(saved.map(({ tensor }) => tensor));
      }),
    );
  });

  it('keep first and second averages with their variables', async () => {
    const slot = (shape: number[], from: number) => {
      const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i);
      return { shape, d: Float32Array.from(values), v: Float32Array.from(values, (value) => value / 8) };
    };
    const state = {
      step: 3,
      lossAvg: 1,
      gamma: 2,
      lowerBound: 0,
      slots: [slot([2, 3], 10), slot([4], 50), slot([], 7)],
    };
    const saved = stateToTensors(state);
    expect(saved.map(({ name }) => name)).toEqual([
      'iter',
      'momo/scalars',
      ...[0, 1, 2].map((i) => `momo/d/${i}`),
      ...[0, 1, 2].map((i) => `momo/v/${i}`),
    ]);
    expect(await stateFromTensors('momo.test', saved, true)).toEqual(state);
    await expect(stateFromTensors('momo.test', saved.slice(0, -1), true)).rejects.toThrow(
      'an odd number of averages (5)',
    );
    const swapped = [...saved.slice(0, 5), saved[6]!, saved[5]!, saved[7]!];
    await expect(stateFromTensors('momo.test', swapped, true)).rejects.toThrow('averages of shapes [2, 3] and [4]');
    tf.dispose(saved.map(({ tensor }) => tensor));
  });

  it('refuse scalars that are not finite', async () => {
    const saved = stateToTensors({ step: 1, lossAvg: NaN, gamma: 0, lowerBound: 0, slots: [] });
    await expect(stateFromTensors('momo.test', saved, false)).rejects.toThrow('step 1 and scalars NaN, 0, 0');
    tf.dispose(saved.map(({ tensor }) => tensor));
  });
});
