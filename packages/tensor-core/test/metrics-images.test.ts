import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { ShapeError } from '../src/check';
import { psnr, ssim } from '../src/metrics';
import { backendsUnderTest, loadGolden, type GoldenTensor } from '../src/testing';
import { numbers, values } from './values';

const golden = loadGolden(new URL('golden/metrics/images.safetensors', import.meta.url));
const pairs = [0, 1, 2, 3].map((n) => ({ n, noisy: `noisy${n}` }));

// float32 moments of windows, averaged over thousands of them.
const SSIM_FLOAT32 = { rtol: 2e-6, atol: 1e-6 };
// A mean of 12288 squares in float32, times 4.3 dB.
const PSNR_FLOAT32 = { rtol: 1e-6, atol: 1e-5 };

/** [C, H, W] of a golden file as [H, W, C]. */
function image({ data, shape }: GoldenTensor): tf.Tensor {
  return tf.tidy(() => tf.tensor(Float32Array.from(data), shape).transpose([1, 2, 0]));
}

/** SSIM by its definition, window after window, in float64; x and y [H, W]. */
function bruteForce(x: Float64Array, y: Float64Array, side: number, weights: number[], sample: boolean): number {
  const size = Math.sqrt(x.length);
  const taps = weights.length;
  let sum = 0;
  let count = 0;
  for (let row = 0; row + taps <= size; row++) {
    for (let column = 0; column + taps <= size; column++) {
      const mean = (f: (i: number) => number): number => {
        let total = 0;
        for (let r = 0; r < taps; r++) {
          for (let c = 0; c < taps; c++) total += weights[r]! * weights[c]! * f((row + r) * size + column + c);
        }
        return total;
      };
      const [mx, my] = [mean((i) => x[i]!), mean((i) => y[i]!)];
      const bessel = sample ? side ** 2 / (side ** 2 - 1) : 1;
      const cov = (a: Float64Array, b: Float64Array, ma: number, mb: number): number =>
        bessel * mean((i) => (a[i]! - ma) * (b[i]! - mb));
      const top = (2 * mx * my + 1e-4) * (2 * cov(x, y, mx, my) + 9e-4);
      sum += top / ((mx ** 2 + my ** 2 + 1e-4) * (cov(x, x, mx, mx) + cov(y, y, my, my) + 9e-4));
      count++;
    }
  }
  return sum / count;
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('psnr', () => {
    it.each(pairs)('equals the golden value of pair $n', ({ n, noisy }) => {
      const score = psnr(image(golden.get(noisy)), image(golden.get('clean'))).dataSync()[0]!;
      const expected = golden.get(`psnr${n}`).data[0]!;
      if (expected === Infinity) expect(score).toBe(Infinity);
      else expect(score).toBeAllclose(expected, PSNR_FLOAT32);
    });

    it('is 20 log10(range / error) for a constant error, image by image', () => {
      const target = values([2, 4, 5, 3]);
      const prediction = target.add(tf.tensor4d([0.1, 0.01], [2, 1, 1, 1]));
      expect(psnr(prediction, target, { range: 2 })).toBeAllclose([26.0206, 46.0206], { rtol: 1e-4 });
    });
  });

  describe('ssim', () => {
    it.each(pairs)('equals the golden value of pair $n', ({ n, noisy }) => {
      const score = ssim(image(golden.get(noisy)), image(golden.get('clean')));
      expect(score).toBeAllclose(golden.get(`ssim${n}`).data[0]!, SSIM_FLOAT32);
    });

    it('is the mean over channels, each image by itself', () => {
      const batch = tf.stack([image(golden.get('noisy0')), image(golden.get('noisy1'))]);
      const clean = image(golden.get('clean'));
      const score = ssim(batch, tf.stack([clean, clean]));
      const means = ['0', '1'].map((n) => golden.get(`ssim_per_channel${n}`).data.reduce((a, b) => a + b) / 3);
      expect(score).toBeAllclose(means, SSIM_FLOAT32);
    });

    it.each([
      { options: {}, side: 7, weights: Array.from({ length: 7 }, () => 1 / 7), sample: true },
      { options: { window: 3 }, side: 3, weights: [1 / 3, 1 / 3, 1 / 3], sample: true },
      { options: { weights: 'gaussian' as const }, side: 11, weights: gaussian(), sample: false },
    ])('equals the definition for $options', ({ options, side, weights, sample }) => {
      const [x, y] = [numbers(256, 1).map((v) => 0.5 + v / 4), numbers(256, 2).map((v) => 0.5 + v / 3)];
      const [a, b] = [x, y].map((data) => tf.tensor3d(Float32Array.from(data), [16, 16, 1])) as [tf.Tensor, tf.Tensor];
      expect(ssim(a, b, options)).toBeAllclose(bruteForce(x, y, side, weights, sample), { rtol: 1e-5 });
    });

    it('is 1 for equal images and symmetric, and follows the range', () => {
      const [x, y] = [values([12, 12, 2], 1), values([12, 12, 2], 2)];
      expect(ssim(x, x)).toBeAllclose(1, SSIM_FLOAT32);
      expect(ssim(x, y)).toBeAllclose(ssim(y, x), { rtol: 1e-4, atol: 1e-6 });
      expect(ssim(x.mul(255), y.mul(255), { range: 255 })).toBeAllclose(ssim(x, y), { rtol: 1e-4, atol: 1e-6 });
    });

    it('does not lose bright, even pictures to rounding', () => {
      const x = values([16, 16, 1], 1).mul(1e-3).add(1);
      const y = values([16, 16, 1], 2).mul(1e-3).add(1);
      const [a, b] = [x, y].map((t) => Float64Array.from(t.dataSync())) as [Float64Array, Float64Array];
      const exact = bruteForce(
        a,
        b,
        7,
        Array.from({ length: 7 }, () => 1 / 7),
        true,
      );
      expect(ssim(x, y)).toBeAllclose(exact, SSIM_FLOAT32);
    });

    it('is the same in a compiled function, and leaves nothing behind', () => {
      const [x, y] = [values([2, 12, 12, 2], 1), values([2, 12, 12, 2], 2)];
      const both = jit((a: tf.Tensor, b: tf.Tensor) => [ssim(a, b, { weights: 'gaussian' }), psnr(a, b)]);
      const compiled = both(x, y);
      expect(compiled[0]).toBeAllclose(ssim(x, y, { weights: 'gaussian' }), { rtol: 1e-4, atol: 1e-6 });
      expect(compiled[1]).toBeAllclose(psnr(x, y), { rtol: 1e-4 });
      expect(() => [ssim(x, y), psnr(x, y), ssim(x, y, { weights: 'gaussian' })]).toLeakNothing();
    });

    it('has the gradient of the definition', () => {
      const y = values([8, 8, 1], 2);
      const x = values([8, 8, 1], 1);
      const direction = values([8, 8, 1], 3);
      const slope = tf
        .grad((t: tf.Tensor) => ssim(t, y).asScalar())(x)
        .mul(direction)
        .sum();
      const h = 1e-2;
      const [up, down] = [h, -h].map((s) => ssim(x.add(direction.mul(s)), y).dataSync()[0]!) as [number, number];
      // Truncation h^2 and float32 rounding 1e-7 / h, relative to slopes of about 1e-1.
      expect(slope).toBeAllclose((up - down) / (2 * h), { rtol: 1e-2, atol: 1e-4 });
    });
  });
});

describe('bad input', () => {
  const [good, colour, line] = [tf.zeros([8, 8, 1]), tf.zeros([8, 8, 3]), tf.zeros([8])];
  it.each([
    ['psnr: prediction must have shape [8, 8, 3], got a float32', () => psnr(good, colour), ShapeError],
    ['psnr: target must be images [B, H, W, C] or one image [H, W, C]', () => psnr(good, line), ShapeError],
    ['psnr: range must be a finite number > 0, got 0', () => psnr(good, good, { range: 0 }), RangeError],
    ['ssim: range must be', () => ssim(good, good, { range: -1 }), RangeError],
    ['ssim: window must be odd, got 4', () => ssim(good, good, { window: 4 }), RangeError],
    ['ssim: window must be an integer >= 3', () => ssim(good, good, { window: 1 }), RangeError],
    ['ssim: the images must have at least 9 x 9 pixels', () => ssim(good, good, { window: 9 }), ShapeError],
    ['at least 11 x 11 pixels', () => ssim(good, good, { weights: 'gaussian' }), ShapeError],
    ['weights must be one of', () => ssim(good, good, { weights: 'flat' as 'uniform' }), RangeError],
  ])('%s', (message, call, error) => {
    expect(call).toThrow(error);
    expect(call).toThrow(message);
    expect(() => {
      expect(call).toThrow();
    }).toLeakNothing();
  });
});

function gaussian(): number[] {
  const weights = Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / 4.5));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}
