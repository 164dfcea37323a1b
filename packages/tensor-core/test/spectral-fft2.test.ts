import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import {
  complexMultiply,
  fft2,
  hostFft2,
  hostIfft2,
  hostRfft2,
  ifft2,
  irfft2,
  rfft2,
  squaredModulus,
  truncatedIrfft2,
  truncatedRfft2,
  type Complex,
  type HostComplex,
} from '../src/spectral';
import { backendsUnderTest, finiteDifferences, loadGolden } from '../src/testing';
import { complexNumbers, complexOf, relativeError } from './spectral-oracles';
import { values } from './values';

// As for one axis: products of some hundred terms in float32.
const FLOAT32 = 1e-6;
const CLOSE = { rtol: 1e-5, atol: 1e-5 };
// Differences of quadratic functions have no truncation error; rounding 1e-7 |f| / step, |f| about 10.
const DIFFERENCES = { rtol: 2e-3, atol: 2e-3 };

const golden = loadGolden(new URL('golden/spectral/fft.safetensors', import.meta.url));
const SHAPES: [number, number][] = [
  [1, 1], [1, 6], [5, 1], [2, 2], [3, 3], [8, 6], [7, 9], [16, 33], [5, 65], [12, 70], [1, 66], [300, 4], [4, 300], [263, 66], [521, 3], [3, 521],
]; // prettier-ignore

const half = (n: number): number => Math.floor(n / 2) + 1;
const pair = (z: Complex): HostComplex => ({
  re: Float64Array.from(z.re.dataSync()),
  im: Float64Array.from(z.im.dataSync()),
});
const tensorsOf = ({ re, im }: HostComplex, shape: number[]): Complex => ({
  re: tf.tensor(Float32Array.from(re), shape),
  im: tf.tensor(Float32Array.from(im), shape),
});
const rounded = (n: number): HostComplex => {
  const { re, im } = complexNumbers(n);
  return { re: Float64Array.from(Float32Array.from(re)), im: Float64Array.from(Float32Array.from(im)) };
};
const goldenComplex = (name: string): Complex => {
  const [re, im] = [golden.get(`${name}.re`), golden.get(`${name}.im`)];
  return tensorsOf({ re: re.data, im: im.data }, re.shape);
};

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('fft2', () => {
    it.each(SHAPES)('equals the transform in float64 for %i x %i, of complex and of real images', (h, w) => {
      const x = rounded(h * w);
      const z = tensorsOf(x, [h, w]);
      expect(relativeError(pair(fft2(z)), hostFft2(x, h, w))).toBeLessThan(FLOAT32);
      expect(relativeError(pair(ifft2(z)), hostIfft2(x, h, w))).toBeLessThan(FLOAT32);
      expect(relativeError(pair(fft2(z.re)), hostFft2(x.re, h, w))).toBeLessThan(FLOAT32);
      expect(relativeError(pair(ifft2(z.re)), hostIfft2(complexOf(x.re), h, w))).toBeLessThan(FLOAT32);
      const spectrum = hostRfft2(x.re, h, w);
      expect(relativeError(pair(rfft2(z.re)), spectrum)).toBeLessThan(FLOAT32);
      const back = Float64Array.from(irfft2(tensorsOf(spectrum, [h, half(w)]), { n: w }).dataSync());
      expect(relativeError(complexOf(back), complexOf(x.re))).toBeLessThan(FLOAT32);
    });

    it.each(['backward', 'ortho', 'forward'] as const)('has the norm "%s" of torch.fft', (norm) => {
      for (const [h, w] of [
        [1, 4],
        [6, 5],
        [7, 8],
      ] as const) {
        // prettier-ignore
        const name = `${h}x${w}`;
        const x = goldenComplex(`image${name}`);
        for (const [kind, y] of Object.entries({
          fft2: fft2(x, { norm }),
          ifft2: ifft2(x, { norm }),
          rfft2: rfft2(x.re, { norm }),
        })) {
          expect(y.re).toBeAllclose(golden.get(`${kind}.${name}.${norm}.re`), CLOSE);
          expect(y.im).toBeAllclose(golden.get(`${kind}.${name}.${norm}.im`), CLOSE);
        }
        // A half that no real image has.
        const real = irfft2(goldenComplex(`half${name}`), { n: w, norm });
        expect(real).toBeAllclose(golden.get(`irfft2.${name}.${norm}`), CLOSE);
      }
    });

    it('takes the axes of NHWC images, of images with one channel, and others', () => {
      const x_BHWC = values([2, 5, 6, 3]);
      const x_BCHW = x_BHWC.transpose([0, 3, 1, 2]);
      const back = [0, 2, 3, 1];
      const [y, expected] = [fft2(x_BHWC, { axes: [1, 2] }), fft2(x_BCHW)];
      expect(y.re).toBeAllclose(expected.re.transpose(back));
      expect(y.im).toBeAllclose(expected.im.transpose(back));
      const spectrum = rfft2(x_BHWC, { axes: [1, 2] });
      expect(spectrum.re.shape).toEqual([2, 5, 4, 3]);
      expect(irfft2(spectrum, { axes: [1, 2] })).toBeAllclose(x_BHWC, CLOSE);
      const one = x_BHWC.slice([0, 0, 0, 1], [2, 5, 6, 1]);
      expect(fft2(one, { axes: [1, 2] }).im).toBeAllclose(fft2(one.squeeze([3])).im.expandDims(3));
      // Columns first is the same for a whole transform, and another half of a real one.
      expect(fft2(x_BHWC, { axes: [2, 1] }).re).toBeAllclose(y.re, CLOSE);
      expect(rfft2(x_BHWC, { axes: [2, 1] }).re).toBeAllclose(y.re.slice([0, 0, 0, 0], [2, 3, 6, 3]), CLOSE);
    });

    it('turns a shift into a phase and keeps the energy', () => {
      const x = values([12, 10]);
      const moved = tf.concat([x.slice([9, 0], [3, 10]), x.slice([0, 0], [9, 10])], 0);
      const angle = tf.range(0, 12).mul((-2 * Math.PI * 3) / 12).expandDims(1); // prettier-ignore
      const turned = complexMultiply(fft2(x), { re: angle.cos(), im: angle.sin() });
      expect(relativeError(pair(fft2(moved)), pair(turned))).toBeLessThan(FLOAT32);
      const energy = squaredModulus(fft2(x, { norm: 'ortho' })).sum();
      expect(energy).toBeAllclose(x.square().sum(), { rtol: 1e-5 });
    });

    it('has the transposed transform as its gradient: <F x, y> = <x, F* y>', () => {
      for (const [h, w] of [
        [6, 70],
        [5, 6],
        [300, 3],
        [7, 521],
      ] as const) {
        // prettier-ignore
        const [x, y] = [tensorsOf(complexNumbers(h * w), [h, w]), tensorsOf(complexNumbers(h * w, 5), [h, w])];
        const inner = (re: tf.Tensor, im: tf.Tensor): tf.Scalar => {
          const z = fft2({ re, im });
          return z.re.mul(y.re).add(z.im.mul(y.im)).sum();
        };
        const [re, im] = tf.grads(inner)([x.re, x.im]) as [tf.Tensor, tf.Tensor];
        const adjoint = ifft2(y, { norm: 'forward' });
        expect(relativeError(pair({ re, im }), pair(adjoint))).toBeLessThan(FLOAT32);
        const innerReal = (x: tf.Tensor): tf.Scalar => {
          const z = fft2(x);
          return z.re.mul(y.re).add(z.im.mul(y.im)).sum();
        };
        const gradient = complexOf(Float64Array.from(tf.grad(innerReal)(x.re).dataSync()));
        expect(relativeError(gradient, complexOf(pair(adjoint).re))).toBeLessThan(FLOAT32);
      }
    });

    it('differentiates rfft2 and irfft2', () => {
      const weights = values([5, 4], 4);
      const loss = (x: tf.Tensor): tf.Scalar => {
        const z = rfft2(x, { norm: 'ortho' });
        return irfft2({ re: z.re.mul(weights), im: z.im }, { norm: 'ortho' })
          .square()
          .sum()
          .add(z.im.sum());
      };
      const x = values([5, 6], 2);
      const numeric = finiteDifferences(
        (p) => tf.tidy(() => loss(tf.tensor(Float32Array.from(p), [5, 6])).dataSync()[0]!),
        x.dataSync(),
        0.1,
      );
      expect(tf.grad(loss)(x)).toBeAllclose({ data: numeric, shape: [5, 6] }, DIFFERENCES);
    });

    it('leaves nothing behind, nor takes its arguments', () => {
      const z = tensorsOf(complexNumbers(2 * 5 * 66), [2, 5, 66]);
      const calls = [
        () => fft2(z), () => ifft2(z.re), () => fft2(z.re, { axes: [0, 1] }), () => rfft2(z.re), () => irfft2(z),
        () => truncatedRfft2(z.re, 2, 3), () => truncatedIrfft2(z, 12, 200, { axes: [0, 2] }), () => complexMultiply(z, z),
        () => tf.grad((x: tf.Tensor) => squaredModulus(fft2(x)).sum())(z.re),
      ]; // prettier-ignore
      for (const call of calls) expect(call).toLeakNothing();
      expect(z.re.isDisposed || z.im.isDisposed).toBe(false);
    });

    it('is the same inside a compiled function', () => {
      const program = jit((x: tf.Tensor) => ({
        spectrum: fft2(x, { axes: [1, 2] }),
        gradient: tf.grad((x: tf.Tensor) => squaredModulus(rfft2(x, { axes: [1, 2] })).sum())(x),
      }));
      for (const seed of [1, 2]) {
        const x = values([2, 6, 70, 3], seed);
        const y = program(x);
        expect(relativeError(pair(y.spectrum), pair(fft2(x, { axes: [1, 2] })))).toBeLessThan(FLOAT32);
        const gradient = tf.grad((x: tf.Tensor) => squaredModulus(rfft2(x, { axes: [1, 2] })).sum())(x);
        expect(y.gradient).toBeAllclose(gradient, { rtol: 1e-4, atol: 1e-3 });
      }
    });
  });

  describe('truncatedRfft2', () => {
    const keep = (x: tf.Tensor, m1: number, m2: number): tf.Tensor => {
      const [h] = x.shape as [number];
      return tf.concat([x.slice([0, 0], [m1, m2]), x.slice([h - m1, 0], [m1, m2])], 0);
    };

    it.each([
      [8, 8, 3, 4],
      [9, 7, 4, 4],
      [6, 10, 3, 6],
      [2, 2, 1, 1],
      [300, 280, 2, 3],
    ] as const)(
      'keeps the lowest of %i x %i frequencies, and its inverse is that of the others set to zero: %i, %i',
      (h, w, m1, m2) => {
        const x = values([h, w]);
        const all = rfft2(x);
        const kept = truncatedRfft2(x, m1, m2);
        expect(kept.re).toBeAllclose(keep(all.re, m1, m2), { rtol: 1e-5, atol: 1e-4 });
        expect(kept.im).toBeAllclose(keep(all.im, m1, m2), { rtol: 1e-5, atol: 1e-4 });
        const weights = values([2 * m1, m2], 7);
        const spectrum = { re: weights, im: kept.re };
        const padded = (part: tf.Tensor): tf.Tensor => {
          const wide = part.pad([[0, 0], [0, half(w) - m2]]); // prettier-ignore
          const middle = h > 2 * m1 ? [tf.zeros([h - 2 * m1, half(w)])] : [];
          return tf.concat([wide.slice([0, 0], [m1, half(w)]), ...middle, wide.slice([m1, 0], [m1, half(w)])], 0);
        };
        const expected = irfft2({ re: padded(spectrum.re), im: padded(spectrum.im) }, { n: w });
        expect(truncatedIrfft2(spectrum, h, w)).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-6 });
      },
    );

    it('takes the axes of NHWC images and the norms', () => {
      const x_BHWC = values([2, 6, 8, 3]);
      const y = truncatedRfft2(x_BHWC, 2, 3, { axes: [1, 2], norm: 'ortho' });
      expect(y.re.shape).toEqual([2, 4, 3, 3]);
      const expected = truncatedRfft2(x_BHWC.transpose([0, 3, 1, 2]), 2, 3).im.div(Math.sqrt(48));
      expect(y.im).toBeAllclose(expected.transpose([0, 2, 3, 1]), CLOSE);
      const back = truncatedIrfft2(y, 6, 8, { axes: [1, 2], norm: 'ortho' });
      expect(back.shape).toEqual([2, 6, 8, 3]);
      const again = truncatedRfft2(back, 2, 3, { axes: [1, 2], norm: 'ortho' });
      // Of column 0, row -m1 loses half, as row m1, its conjugate in a real image, is not kept.
      const partner = tf.tensor([1, 1, 0.5, 1], [1, 4, 1, 1]);
      expect(again.im.slice([0, 0, 1, 0])).toBeAllclose(y.im.slice([0, 0, 1, 0]), CLOSE);
      const column = y.im.slice([0, 0, 0, 0], [2, 4, 1, 3]).mul(partner);
      expect(again.im.slice([0, 0, 0, 0], [2, 4, 1, 3])).toBeAllclose(column, CLOSE);
    });

    it('moves axes to where they were though one had length 1', () => {
      const column = values([1, 3, 4]);
      const expected = truncatedIrfft2(column.transpose([1, 2, 0]), 6, 5);
      expect(truncatedIrfft2(column, 6, 5, { axes: [2, 0] })).toBeAllclose(expected.transpose([2, 0, 1]));
      const images = values([5, 3, 6]);
      const one = truncatedRfft2(images, 2, 1, { axes: [2, 0] });
      expect(one.re).toBeAllclose(truncatedRfft2(images.transpose([1, 2, 0]), 2, 1).re.transpose([2, 0, 1]), CLOSE);
    });

    it('has gradients', () => {
      const weights = values([4, 3], 4);
      const loss = (x: tf.Tensor): tf.Scalar => {
        const z = truncatedRfft2(x, 2, 3, { norm: 'ortho' });
        const product = complexMultiply(z, { re: weights, im: weights.square() });
        return truncatedIrfft2(product, 5, 6, { norm: 'ortho' }).square().sum();
      };
      const x = values([5, 6], 2);
      const numeric = finiteDifferences(
        (p) => tf.tidy(() => loss(tf.tensor(Float32Array.from(p), [5, 6])).dataSync()[0]!),
        x.dataSync(),
        0.1,
      );
      expect(tf.grad(loss)(x)).toBeAllclose({ data: numeric, shape: [5, 6] }, DIFFERENCES);
    });
  });
});

describe('bad arguments', () => {
  const x = tf.zeros([4, 6]);

  it.each<[string, () => unknown]>([
    ['fft2: axes must be a pair of axes, got 1. Such as [1, 2] for NHWC images.', () => fft2(x, { axes: 1 as never })],
    ['ifft2: axes must be a pair of axes, got [0]', () => ifft2(x, { axes: [0] as never })],
    ['rfft2: x must be a tensor', () => rfft2({ re: x, im: x } as never)],
    ['irfft2: x must be a tensor', () => irfft2(null as never)],
    ['truncatedRfft2: x must be a tensor', () => truncatedRfft2({ re: x, im: x } as never, 1, 1)],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['fft2: x must have at least 2 axes, got a float32 tensor of shape [3]', () => fft2(tf.zeros([3]))],
    ['rfft2: x must have no axis of length 0', () => rfft2(tf.zeros([0, 2, 2]))],
    [
      'irfft2: x must have 5 coefficients for n = 8, got 6. 6 coefficients are those of 10 or 11',
      () => irfft2(x, { n: 8 }),
    ],
    [
      'truncatedIrfft2: x must have an even number of rows <= 8 and at most 5 columns, got [4, 6]',
      () => truncatedIrfft2(x, 8, 8),
    ],
    ['truncatedIrfft2: x must have an even number of rows <= 3', () => truncatedIrfft2(x, 3, 12)],
    ['truncatedIrfft2: x must have an even number of rows', () => truncatedIrfft2(tf.zeros([3, 2]), 8, 8)],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['fft2: axes must be distinct integers from -2 to 1, got [1, -1]', () => fft2(x, { axes: [1, -1] })],
    ['fft2: axes must be distinct integers from -2 to 1, got [1, 2]', () => fft2(x, { axes: [1, 2] })],
    ['rfft2: norm must be one of', () => rfft2(x, { norm: '' as never })],
    ['truncatedRfft2: m1 must be an integer >= 1 and <= 2, got 3', () => truncatedRfft2(x, 3, 1)],
    ['truncatedRfft2: m2 must be an integer >= 1 and <= 4, got 0', () => truncatedRfft2(x, 1, 0)],
    ['truncatedIrfft2: height must be an integer', () => truncatedIrfft2(x, 0, 8)],
    ['truncatedIrfft2: width must be an integer', () => truncatedIrfft2(x, 4, 2.5)],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
