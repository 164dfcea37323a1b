import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { circularConvolve, circularConvolve2d } from '../src/spectral';
import { backendsUnderTest, finiteDifferences } from '../src/testing';
import { values } from './values';

// float32 transforms of numbers below 1 there and back, products of tens of them.
const CLOSE = { rtol: 1e-5, atol: 1e-5 };
// Bilinear: differences have rounding only.
const DIFFERENCES = { rtol: 2e-3, atol: 2e-3 };

/** y_ij = sum_ab kernel_ab x_(i - a + r, j - b + s), around the edges. */
function byDefinition(x: tf.Tensor, kernel: tf.Tensor, [r, s]: readonly [number, number] = [0, 0]): tf.Tensor {
  const [b, h, w, c] = x.shape as [number, number, number, number];
  const [kh, kw] = kernel.shape as [number, number];
  const [data, k] = [x.dataSync(), kernel.dataSync()];
  const out = new Float64Array(b * h * w * c);
  const around = (i: number, n: number): number => ((i % n) + n) % n;
  for (let at = 0; at < out.length; at++) {
    const channel = at % c;
    const j = Math.floor(at / c) % w;
    const i = Math.floor(at / (c * w)) % h;
    const image = Math.floor(at / (c * w * h));
    for (let a = 0; a < kh; a++) {
      for (let e = 0; e < kw; e++) {
        const from = ((image * h + around(i - a + r, h)) * w + around(j - e + s, w)) * c + channel;
        const element = a * kw + e;
        out[at]! += data[from]! * (kernel.rank === 3 ? k[element * c + channel]! : k[element]!);
      }
    }
  }
  return tf.tensor(Float32Array.from(out), x.shape);
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('circularConvolve2d', () => {
    it.each([
      { x: [2, 6, 8, 3], kernel: [3, 3], origin: [1, 1] },
      { x: [1, 5, 7, 2], kernel: [2, 4, 2], origin: [0, 3] },
      { x: [2, 4, 4, 1], kernel: [4, 4], origin: [0, 0] },
      { x: [1, 1, 6, 1], kernel: [1, 6], origin: [0, 2] },
      { x: [1, 3, 3, 4], kernel: [3, 3, 4], origin: [2, 0] },
    ] as const)('is the sum of its definition: $x, $kernel, origin $origin', ({ x, kernel, origin }) => {
      const [image, k] = [values([...x]), values([...kernel], 2)];
      expect(circularConvolve2d(image, k, { origin })).toBeAllclose(byDefinition(image, k, origin), CLOSE);
    });

    it('with a single one shifts around the edges; with origin 0 by default', () => {
      const x = values([1, 4, 5, 1]);
      const kernel = tf.tensor2d([0, 0, 0, 0, 0, 1], [2, 3]);
      const shifted = circularConvolve2d(x, kernel).reshape([4, 5]);
      const rows = x.reshape([4, 5]);
      const down = tf.concat([rows.slice([3, 0], [1, 5]), rows.slice([0, 0], [3, 5])], 0);
      expect(shifted).toBeAllclose(tf.concat([down.slice([0, 3], [4, 2]), down.slice([0, 0], [4, 3])], 1), CLOSE);
    });

    it('has gradients in the images and in the kernel', () => {
      const [x, kernel] = [values([1, 4, 5, 2]), values([3, 2, 2], 3)];
      const weights = values([1, 4, 5, 2], 5);
      const loss = (x: tf.Tensor, k: tf.Tensor): tf.Scalar =>
        circularConvolve2d(x, k, { origin: [1, 1] })
          .mul(weights)
          .sum();
      const [ofX, ofKernel] = tf.grads(loss)([x, kernel]) as [tf.Tensor, tf.Tensor];
      const differences = (f: (p: tf.Tensor) => tf.Scalar, at: tf.Tensor) => ({
        data: finiteDifferences(
          (p) => tf.tidy(() => f(tf.tensor(Float32Array.from(p), at.shape)).dataSync()[0]!),
          at.dataSync(),
          0.1,
        ),
        shape: at.shape,
      });
      expect(ofX).toBeAllclose(differences((p) => loss(p, kernel), x), DIFFERENCES); // prettier-ignore
      expect(ofKernel).toBeAllclose(differences((p) => loss(x, p), kernel), DIFFERENCES); // prettier-ignore
    });

    it('leaves nothing behind and is the same inside a compiled function', () => {
      const [x, kernel] = [values([1, 4, 5, 2]), values([3, 2], 3)];
      expect(() => circularConvolve2d(x, kernel, { origin: [2, 1] })).toLeakNothing();
      expect(() => circularConvolve(x, values([2]).flatten())).not.toThrow();
      expect(x.isDisposed || kernel.isDisposed).toBe(false);
      const program = jit((x: tf.Tensor, k: tf.Tensor) => circularConvolve2d(x, k));
      expect(program(x, kernel)).toBeAllclose(byDefinition(x, kernel), CLOSE);
      expect(program(x.mul(2), kernel)).toBeAllclose(byDefinition(x.mul(2), kernel), CLOSE);
    });
  });

  describe('circularConvolve', () => {
    it.each([
      [1, 1],
      [5, 5],
      [8, 3],
      [300, 7],
    ] as const)('is the sum of its definition: n = %i, %i taps', (n, taps) => {
      // prettier-ignore
      const [x, kernel] = [values([2, n]), values([taps], 4)];
      const expected = byDefinition(x.reshape([2, 1, n, 1]), kernel.reshape([1, taps])).reshape([2, n]);
      expect(circularConvolve(x, kernel)).toBeAllclose(expected, CLOSE);
      expect(() => circularConvolve(x, kernel)).toLeakNothing();
    });
  });
});

describe('bad arguments', () => {
  const x = tf.zeros([1, 4, 5, 2]);

  it.each<[string, () => unknown]>([
    [
      'circularConvolve2d: x must have shape [B, H, W, C], got a float32 tensor of shape [4, 5]',
      () => circularConvolve2d(tf.zeros([4, 5]), tf.zeros([2, 2])),
    ],
    [
      'circularConvolve2d: kernel must have shape [kh, kw] or [kh, kw, 2] with kh <= 4 and kw <= 5, got a float32 tensor of shape [5, 2]',
      () => circularConvolve2d(x, tf.zeros([5, 2])),
    ],
    ['circularConvolve2d: kernel must have shape', () => circularConvolve2d(x, tf.zeros([2, 6]))],
    ['circularConvolve2d: kernel must have shape', () => circularConvolve2d(x, tf.zeros([2, 2, 1]))],
    ['circularConvolve2d: kernel must have shape', () => circularConvolve2d(x, tf.zeros([2]))],
    ['circularConvolve: kernel must have shape [m] with m <= 2', () => circularConvolve(x, tf.zeros([3]))],
    ['circularConvolve: kernel must have shape [m]', () => circularConvolve(x, tf.zeros([1, 2]))],
    ['circularConvolve: x must have at least 1 axes', () => circularConvolve(tf.scalar(1), tf.zeros([1]))],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    [
      'circularConvolve2d: origin[0] must be an integer >= 0 and <= 1, got 2',
      () => circularConvolve2d(x, tf.zeros([2, 3]), { origin: [2, 0] }),
    ],
    [
      'circularConvolve2d: origin[1] must be an integer',
      () => circularConvolve2d(x, tf.zeros([2, 3]), { origin: [0, -1] }),
    ],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['circularConvolve2d: kernel must be a tensor', () => circularConvolve2d(x, 1 as never)],
    ['circularConvolve: x must be a tensor', () => circularConvolve(1 as never, tf.zeros([1]))],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
