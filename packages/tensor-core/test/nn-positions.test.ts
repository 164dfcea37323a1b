// B batch, H heads, T tokens, D width, L length of an axis.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { alibiBias, alibiSlopes, rope, scaledDotProductAttention, sinusoidalPositions } from '../src/nn';
import { backendsUnderTest } from '../src/testing';
import { golden } from './nn-attention-parity';
import { goldenTensor } from './nn-parity';
import { values } from './values';

// Sums of two products of numbers of a few units, each rounded to float32.
const FLOAT32_PRODUCTS = { rtol: 1e-6, atol: 1e-6 };
// float32 sums of up to 9 products, their exponentials and sums of these.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 5e-6 };

const LAYOUTS = ['half', 'interleaved'] as const;

describe.each(backendsUnderTest())('rope on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const far = [...golden.get('rope/far.positions').data];

  it.each(LAYOUTS)('turns pairs by their angles, layout %s', (layout) => {
    const x = goldenTensor(golden, 'rope/x');
    expect(rope(x, { layout })).toBeAllclose(golden.get(`rope/near.${layout}`), FLOAT32_PRODUCTS);
    expect(rope(x, { layout, positions: far })).toBeAllclose(golden.get(`rope/far.${layout}`), FLOAT32_PRODUCTS);
    const compiled = jit((y: tf.Tensor) => rope(y, { layout }));
    expect(compiled(x)).toBeAllclose(golden.get(`rope/near.${layout}`), FLOAT32_PRODUCTS);
  });

  it.each(LAYOUTS)('keeps lengths, and products depend on the difference of positions alone, layout %s', (layout) => {
    const [q, k] = [values([1, 8], 1), values([1, 8], 2)];
    const at = (x: tf.Tensor, position: number): tf.Tensor => rope(x, { layout, base: 50, positions: [position] });
    const product = (i: number, j: number): number => at(q, i).mul(at(k, j)).sum().dataSync()[0]!;
    expect(product(1007, 1002)).toBeCloseTo(product(5, 0), 5);
    expect(product(-3, -8)).toBeCloseTo(product(5, 0), 5);
    expect(Math.abs(product(5, 1) - product(5, 0))).toBeGreaterThan(0.01);
    expect(at(q, 123.4).square().sum().dataSync()[0]).toBeCloseTo(q.square().sum().dataSync()[0]!, 5);
    expect(at(q, 0)).toBeAllclose(q, { rtol: 0, atol: 0 });
  });

  it.each(LAYOUTS)('has the turn back as its gradient, layout %s', (layout) => {
    const [x, dy] = [values([2, 3, 4], 1), values([2, 3, 4], 2)];
    const gradient = tf.grad((y: tf.Tensor) => rope(y, { layout }).mul(dy).sum())(x);
    expect(gradient).toBeAllclose(rope(dy, { layout, positions: [0, -1, -2] }), FLOAT32_PRODUCTS);
  });

  it('leaves nothing behind', () => {
    const x = values([2, 3, 4]);
    expect(() => rope(x)).toLeakNothing();
    expect(() => tf.grad((y: tf.Tensor) => rope(y).sum())(x)).toLeakNothing();
  });

  it('says what does not fit', () => {
    const call = (x: tf.Tensor, options: object) => () => rope(x, options);
    const x = values([3, 4]);
    expect(call(values([3, 5]), {})).toThrow('tensor-core.rope: x must have a last axis of even length, got a float32');
    expect(call(values([4]), {})).toThrow('tensor-core.rope: x must have a last axis of even length, got a float32');
    expect(call(x, { positions: [1, 2] })).toThrow(
      'tensor-core.rope: positions must be 3 numbers, one a token, got [1, 2].',
    );
    expect(call(x, { positions: [1, 2, NaN] })).toThrow(
      'tensor-core.rope: positions[2] must be a finite number, got NaN.',
    );
    expect(call(x, { base: 0 })).toThrow('tensor-core.rope: base must be a finite number > 0, got 0.');
    expect(call(x, { layout: 'pairs' })).toThrow(
      'tensor-core.rope: layout must be one of "half", "interleaved", got "pairs".',
    );
  });
});

describe.each(backendsUnderTest())('alibiBias on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is the distance times the slope of the head, for any lengths', () => {
    const length = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(
        length,
        length,
        fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 3 }),
        (T, S, slopes) => {
          const bias = alibiBias(T, S, slopes);
          const expected = slopes.map((slope) => Array.from({ length: T }, (_, i) => Array.from({ length: S }, (__, j) => -slope * Math.abs(i - j)))); // prettier-ignore
          expect(bias).toBeAllclose(expected);
          bias.dispose();
        },
      ),
      { numRuns: 20 },
    );
  });

  it('gives the same weights as slope j under a causal mask, whichever masks', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => values([2, 2, 9, 4], seed)) as [tf.Tensor, tf.Tensor, tf.Tensor];
    const slopes = [0.5, 0.1];
    // A softmax does not see what is added to a whole row: here slope i.
    const shifted = tf.tensor3d(slopes.flatMap((slope) => [...Array(9).keys()].map((j) => slope * j)), [2, 1, 9]); // prettier-ignore
    const { out } = scaledDotProductAttention(q, k, v, { bias: shifted, mask: 'causal' });
    const both = scaledDotProductAttention(q, k, v, { bias: alibiBias(9, 9, slopes), mask: 'causal' });
    expect(both.out).toBeAllclose(out, FLOAT32_SUMS);
    const alone = scaledDotProductAttention(q, k, v, {
      bias: alibiBias(9, 9, slopes, { causal: true }),
      weights: true,
    });
    expect(alone.out).toBeAllclose(out, FLOAT32_SUMS);
    const upper = alone.weights!.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([9, 9]), -1, 0)));
    expect(upper).toBeAllclose(tf.zeros([2, 2, 9, 9]), { rtol: 0, atol: 0 });
  });

  it('leaves nothing behind and says what does not fit', () => {
    expect(() => alibiBias(3, 4, [1, 2])).toLeakNothing();
    expect(() => alibiBias(0, 4, [1])).toThrow('tensor-core.alibiBias: queries must be an integer >= 1, got 0.');
    expect(() => alibiBias(3, 4.5, [1])).toThrow('tensor-core.alibiBias: keys must be an integer >= 1, got 4.5.');
    expect(() => alibiBias(3, 4, [])).toThrow('tensor-core.alibiBias: heads must be an integer >= 1, got 0.');
    expect(() => alibiBias(3, 4, [1, NaN])).toThrow(
      'tensor-core.alibiBias: slopes[1] must be a finite number, got NaN.',
    );
  });
});

describe('alibiSlopes', () => {
  it('are the powers of 2^(-8/H)', () => {
    expect(alibiSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((h) => 2 ** -h));
    expect(alibiSlopes(1)).toEqual([2 ** -8]);
    expect(() => alibiSlopes(0)).toThrow('tensor-core.alibiSlopes: heads must be an integer >= 1, got 0.');
  });
});

describe.each(backendsUnderTest())('sinusoidalPositions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('are sines and cosines of geometric frequencies, next to each other or in halves', () => {
    const code = sinusoidalPositions(50, 6);
    expect(code).toBeAllclose(golden.get('sinusoidal/50.6'), FLOAT32_PRODUCTS);
    const halves = code.gather(tf.tensor1d([0, 2, 4, 1, 3, 5], 'int32'), 1);
    expect(sinusoidalPositions(50, 6, { layout: 'half' })).toBeAllclose(halves, { rtol: 0, atol: 0 });
    expect(sinusoidalPositions(3, 4, { base: 16 }).slice([2, 2], [1, 1])).toBeAllclose(
      [[Math.sin(2 / 4)]],
      FLOAT32_PRODUCTS,
    );
  });

  it('leave nothing behind and say what does not fit', () => {
    expect(() => sinusoidalPositions(5, 4)).toLeakNothing();
    const where = 'tensor-core.sinusoidalPositions: ';
    expect(() => sinusoidalPositions(5, 3)).toThrow(`${where}width must be even, got 3.`);
    expect(() => sinusoidalPositions(0, 4)).toThrow(`${where}tokens must be an integer >= 1, got 0.`);
    expect(() => sinusoidalPositions(5, 4, { base: -1 })).toThrow(`${where}base must be a finite number > 0, got -1.`);
    expect(() => sinusoidalPositions(5, 4, { layout: 'x' as 'half' })).toThrow(
      `${where}layout must be one of "half", "interleaved", got "x".`,
    );
  });
});
