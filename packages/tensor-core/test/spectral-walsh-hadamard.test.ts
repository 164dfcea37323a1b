import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { hostWalshHadamard, walshHadamard } from '../src/spectral';
import { backendsUnderTest, loadGolden } from '../src/testing';
import { numbers, values } from './values';

const golden = loadGolden(new URL('golden/spectral/fwht.safetensors', import.meta.url));
// Sums of up to 8192 float32 numbers below 1, by 14 roundings of partial sums up to 100.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 3e-4 };

/** H x by the recursion that defines H. */
function byDefinition(x: Float64Array): Float64Array {
  if (x.length === 1) return x.slice();
  const half = x.length / 2;
  const [top, bottom] = [byDefinition(x.slice(0, half)), byDefinition(x.slice(half))];
  return Float64Array.of(...top.map((v, i) => v + bottom[i]!), ...top.map((v, i) => v - bottom[i]!));
}

describe.each(backendsUnderTest())('walshHadamard on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  it.each([0, 1, 2, 3, 5, 6, 7, 8, 10, 12, 13])('is H x for n = 2^%i', (bits) => {
    const x = values([2, 2 ** bits]);
    const data = Float64Array.from(x.dataSync());
    const expected = [0, 1].flatMap((i) => [...byDefinition(data.slice(i * 2 ** bits, (i + 1) * 2 ** bits))]);
    expect(walshHadamard(x)).toBeAllclose({ data: expected, shape: x.shape }, FLOAT32_SUMS);
    const orthogonal = walshHadamard(walshHadamard(x, { normalise: true }), { normalise: true });
    expect(orthogonal).toBeAllclose(x, FLOAT32_SUMS);
  });

  it('has the reference values', () => {
    for (const bits of [0, 1, 2, 3, 5, 8, 10]) {
      const { data, shape } = golden.get(`x.${bits}`);
      const y = golden.get(`y.${bits}`);
      const largest = y.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const result = walshHadamard(tf.tensor(Float32Array.from(data), shape));
      expect(result).toBeAllclose(y, { rtol: 0, atol: 1e-6 * largest });
    }
  });

  it('is its own gradient, transforms lines of any rank and integers', () => {
    const weights = values([3, 128], 2);
    const gradient = tf.grad((x: tf.Tensor) => walshHadamard(x).mul(weights).sum())(values([3, 128]));
    expect(gradient).toBeAllclose(walshHadamard(weights), FLOAT32_SUMS);
    const x = values([2, 3, 4, 8]);
    expect(walshHadamard(x).reshape([24, 8])).toBeAllclose(walshHadamard(x.reshape([24, 8])));
    expect(walshHadamard(tf.tensor1d([1, 2, 3, 5], 'int32'))).toBeAllclose([11, -3, -5, 1]);
  });

  it('leaves nothing behind and is the same inside a compiled function', () => {
    const x = values([2, 128]);
    expect(() => walshHadamard(x, { normalise: true })).toLeakNothing();
    expect(x.isDisposed).toBe(false);
    const program = jit((x: tf.Tensor) => walshHadamard(x));
    for (const seed of [1, 2]) {
      const y = values([2, 128], seed);
      expect(program(y)).toBeAllclose(walshHadamard(y), FLOAT32_SUMS);
    }
  });
});

describe('hostWalshHadamard', () => {
  it.each([0, 1, 2, 3, 4, 7, 10])('is H x for n = 2^%i, in place', (bits) => {
    const x = numbers(2 ** bits, 1);
    const y = x.slice();
    expect(hostWalshHadamard(y)).toBe(y);
    expect(y).toBeAllclose(byDefinition(x), { rtol: 1e-13, atol: 1e-13 });
  });

  it('is orthogonal when normalised: it keeps the norm and undoes itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 99 }), (bits, seed) => {
        const x = numbers(2 ** bits, seed);
        const y = hostWalshHadamard(x.slice(), { normalise: true });
        expect(Math.hypot(...y)).toBeCloseTo(Math.hypot(...x), 12);
        expect(hostWalshHadamard(y, { normalise: true })).toBeAllclose(x, { rtol: 1e-12, atol: 1e-13 });
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it('transforms several lines, also of a Float32Array', () => {
    const x = numbers(24, 5);
    const y = hostWalshHadamard(x.slice(), { length: 8 });
    for (const i of [0, 8, 16])
      expect(y.slice(i, i + 8)).toBeAllclose(byDefinition(x.slice(i, i + 8)), { atol: 1e-13 });
    expect(hostWalshHadamard(Float32Array.of(1, 2, 3, 5))).toEqual(Float32Array.of(11, -3, -5, 1));
  });
});

describe('bad arguments', () => {
  it.each<[string, () => unknown]>([
    [
      'walshHadamard: the length of a line must be a power of two, got a float32 tensor of shape [2, 6]. Pad with zeros.',
      () => walshHadamard(tf.zeros([2, 6])),
    ],
    ['walshHadamard: the length of a line must be a power of two', () => walshHadamard(tf.scalar(1))],
    ['walshHadamard: x must have no axis of length 0', () => walshHadamard(tf.zeros([2, 0]))],
    [
      'hostWalshHadamard: the length of a line must be a power of two, got 3',
      () => hostWalshHadamard(new Float64Array(3)),
    ],
    ['hostWalshHadamard: the length of a line must be', () => hostWalshHadamard(new Float64Array(0))],
    [
      'hostWalshHadamard: x must consist of lines of 4, got Float64Array(6)',
      () => hostWalshHadamard(new Float64Array(6), { length: 4 }),
    ],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['walshHadamard: x must be a tensor, got [1, 2]', () => walshHadamard([1, 2] as never)],
    [
      'hostWalshHadamard: x must be a Float64Array or Float32Array, got [1, 2]',
      () => hostWalshHadamard([1, 2] as never),
    ],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
