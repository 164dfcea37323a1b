import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { fft, hostFft, hostIfft, ifft, irfft, rfft, type Complex, type HostComplex } from '../src/spectral';
import { backendsUnderTest, finiteDifferences, loadGolden } from '../src/testing';
import { complexNumbers, complexOf, relativeError } from './spectral-oracles';
import { values } from './values';

// Of float32 products of some hundred terms, against float64: the error in the Euclidean norm is near 1e-7. A
// convolution with a chirp is four transforms of more than twice the length.
const FLOAT32 = 1e-6;
// Differences of functions that are quadratic in x have no truncation error; rounding 1e-7 |f| / step, |f| about 10.
const DIFFERENCES = { rtol: 2e-3, atol: 2e-3 };
const CLOSE = { rtol: 1e-5, atol: 1e-5 };

const golden = loadGolden(new URL('golden/spectral/fft.safetensors', import.meta.url));
const SIZES = [...Array.from({ length: 40 }, (_, i) => i + 1), 65, 100, 127, 128, 251, 256];
// Beyond the direct ones: awkward, by two factors (the last one by three), by a chirp, by a factor and a chirp.
const LONG = [257, 300, 509, 514, 521, 625, 1000, 1001, 1024, 1042, 1563, 7429];

const half = (n: number): number => Math.floor(n / 2) + 1;
const lines = (z: Complex): HostComplex => ({
  re: Float64Array.from(z.re.dataSync()),
  im: Float64Array.from(z.im.dataSync()),
});
const tensorsOf = ({ re, im }: HostComplex, shape: number[]): Complex => ({
  re: tf.tensor(Float32Array.from(re), shape),
  im: tf.tensor(Float32Array.from(im), shape),
});
/** Numbers that float32 has. */
const rounded = ({ re, im }: HostComplex): HostComplex => ({
  re: Float64Array.from(Float32Array.from(re)),
  im: Float64Array.from(Float32Array.from(im)),
});
const goldenComplex = (name: string): Complex => {
  const [re, im] = [golden.get(`${name}.re`), golden.get(`${name}.im`)];
  return tensorsOf({ re: re.data, im: im.data }, re.shape);
};

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('fft', () => {
    it.each([...SIZES, ...LONG])('equals the transform in float64 for n = %i, of complex and of real lines', (n) => {
      const x = rounded(complexNumbers(n));
      const z = tensorsOf(x, [n]);
      expect(relativeError(lines(fft(z)), hostFft(x))).toBeLessThan(FLOAT32);
      expect(relativeError(lines(ifft(z)), hostIfft(x))).toBeLessThan(FLOAT32);
      expect(relativeError(lines(fft(z.re)), hostFft(x.re))).toBeLessThan(FLOAT32);
      expect(relativeError(lines(ifft(z.re)), hostIfft(complexOf(x.re)))).toBeLessThan(FLOAT32);
      const all = hostFft(x.re);
      const head = { re: all.re.subarray(0, half(n)), im: all.im.subarray(0, half(n)) };
      expect(relativeError(lines(rfft(z.re)), head)).toBeLessThan(FLOAT32);
      const back = Float64Array.from(irfft(tensorsOf(head, [half(n)]), { n }).dataSync());
      expect(relativeError(complexOf(back), complexOf(x.re))).toBeLessThan(FLOAT32);
    });

    it.each(['backward', 'ortho', 'forward'] as const)('has the norm "%s" of torch.fft', (norm) => {
      for (const n of [1, 2, 5, 12, 17]) {
        const x = goldenComplex(`line${n}`);
        for (const [name, transform] of [
          ['fft', fft],
          ['ifft', ifft],
        ] as const) {
          // prettier-ignore
          const y = transform(x, { norm });
          expect(y.re).toBeAllclose(golden.get(`${name}${n}.${norm}.re`), CLOSE);
          expect(y.im).toBeAllclose(golden.get(`${name}${n}.${norm}.im`), CLOSE);
        }
        const y = rfft(x.re, { norm });
        expect(y.re).toBeAllclose(golden.get(`rfft${n}.${norm}.re`), CLOSE);
        expect(y.im).toBeAllclose(golden.get(`rfft${n}.${norm}.im`), CLOSE);
        // A half that no real line has: the imaginary parts of its ends are ignored.
        const real = irfft(goldenComplex(`half${n}`), { n, norm });
        expect(real).toBeAllclose(golden.get(`irfft${n}.${norm}`), CLOSE);
      }
    });

    it.each([257, 300, 521, 626, 1000, 1042])('ignores imaginary ends for n = %i too', (n) => {
      const z = tensorsOf(complexNumbers(half(n), 3), [half(n)]);
      const ends = tf.tensor1d(Float32Array.from({ length: half(n) }, (_, k) => (k === 0 || 2 * k === n ? 0 : 1)));
      expect(irfft(z, { n })).toBeAllclose(irfft({ re: z.re, im: z.im.mul(ends) }, { n }), { rtol: 1e-4, atol: 1e-6 });
    });

    it('takes any axis', () => {
      const x = values([3, 4, 5]);
      for (const axis of [0, 1, 2, -1, -3]) {
        const order = axis === 0 || axis === -3 ? [1, 2, 0] : axis === 1 ? [0, 2, 1] : [0, 1, 2];
        const back = order.map((_, i) => order.indexOf(i));
        const expected = fft(x.transpose(order));
        expect(fft(x, { axis }).im).toBeAllclose(expected.im.transpose(back));
        const n = x.shape.at(axis)!;
        expect(rfft(x, { axis }).re.shape.at(axis)).toBe(half(n));
        expect(irfft(rfft(x, { axis }), { axis, n })).toBeAllclose(x, CLOSE);
      }
    });

    it('of many lines is that of each', () => {
      for (const n of [8, 300, 521]) {
        const x = values([2, 3, n]);
        const y = fft(x);
        const line = fft(x.slice([1, 2, 0], [1, 1, n]).reshape([n]));
        expect(y.re.slice([1, 2, 0], [1, 1, n]).reshape([n])).toBeAllclose(line.re, { rtol: 1e-4, atol: 1e-4 });
        expect(y.im.slice([1, 2, 0], [1, 1, n]).reshape([n])).toBeAllclose(line.im, { rtol: 1e-4, atol: 1e-4 });
      }
    });

    it('of int32 and bool is that of the same numbers in float32; a real spectrum has an inverse', () => {
      const x = tf.tensor1d([3, 0, 1, 1], 'int32');
      expect(fft(x).re).toBeAllclose([5, 2, 3, 2]);
      expect(fft(tf.tensor1d([true, false, true, true], 'bool')).re).toBeAllclose([3, 0, 1, 0]);
      expect(irfft(tf.tensor1d([4, 0, 0]))).toBeAllclose([1, 1, 1, 1]);
    });

    it('has the transposed transform as its gradient: <F x, y> = <x, F* y>', () => {
      for (const n of [7, 70, 300, 521, 1042]) {
        const [x, y] = [tensorsOf(complexNumbers(2 * n), [2, n]), tensorsOf(complexNumbers(2 * n, 5), [2, n])];
        const inner = (re: tf.Tensor, im: tf.Tensor): tf.Scalar => {
          const z = fft({ re, im });
          return z.re.mul(y.re).add(z.im.mul(y.im)).sum();
        };
        const [re, im] = tf.grads(inner)([x.re, x.im]) as [tf.Tensor, tf.Tensor];
        // F* is n times the inverse.
        const adjoint = ifft(y, { norm: 'forward' });
        expect(relativeError(lines({ re, im }), lines(adjoint))).toBeLessThan(FLOAT32);
      }
    });

    it.each([6, 9, 70, 270, 521])('differentiates rfft and irfft of n = %i', (n) => {
      const weights = values([half(n)], 4);
      const loss = (x: tf.Tensor): tf.Scalar => {
        const z = rfft(x, { norm: 'ortho' });
        const filtered = irfft({ re: z.re.mul(weights), im: z.im }, { n, norm: 'ortho' });
        return filtered.square().sum<tf.Scalar>().add(z.re.sum());
      };
      const x = values([n], 2);
      const gradient = tf.grad(loss)(x).dataSync();
      // Some elements, as each difference costs two transforms.
      const at = [0, 1, n >> 1, n - 1];
      const base = x.dataSync().slice();
      const moved = (p: Float64Array): number => {
        const data = base.slice();
        at.forEach((i, k) => (data[i] = p[k]!));
        return tf.tidy(() => loss(tf.tensor1d(data)).dataSync()[0]!);
      };
      const numeric = finiteDifferences(moved, at.map((i) => base[i]!), 0.1); // prettier-ignore
      expect(at.map((i) => gradient[i]!)).toBeAllclose(numeric, DIFFERENCES);
    });

    it('transforms lines of any number and length', () => {
      const sizes = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 530 }));
      fc.assert(
        fc.property(sizes, fc.boolean(), ([count, n], complex) => {
          const z = tensorsOf(complexNumbers(count * n, n), [count, n]);
          const back = tf.tidy(() => ifft(fft(complex ? z : z.re)));
          expect(relativeError(lines(back), complex ? lines(z) : complexOf(lines(z).re))).toBeLessThan(2 * FLOAT32);
        }),
        { numRuns: 15, seed: 2 },
      );
    });

    it('leaves nothing behind, nor takes its arguments', () => {
      const z = tensorsOf(complexNumbers(600), [2, 300]);
      const integers = z.re.mul(9).toInt();
      const calls: (() => unknown)[] = [
        () => fft(z), () => ifft(z.re), () => fft(integers, { axis: 0 }), () => rfft(z.re), () => irfft(z, { n: 599 }),
        () => tf.grad((x: tf.Tensor) => fft(x).re.square().sum())(z.re),
      ]; // prettier-ignore
      for (const call of calls) expect(call).toLeakNothing();
      expect(z.re.isDisposed || z.im.isDisposed).toBe(false);
      expect(() => {
        expect(() => fft(z, { axis: 2 })).toThrow(RangeError);
      }).toLeakNothing();
    });

    it('is the same inside a compiled function', () => {
      const program = jit((re: tf.Tensor, im: tf.Tensor) => {
        const z = fft({ re, im });
        const gradient = tf.grad((x: tf.Tensor) => irfft(rfft(x), { n: 300 }).square().sum())(re);
        return { ...z, gradient };
      });
      for (const seed of [1, 2]) {
        const z = tensorsOf(complexNumbers(600, seed), [2, 300]);
        const y = program(z.re, z.im);
        expect(relativeError(lines(y), lines(fft(z)))).toBeLessThan(FLOAT32);
        expect(y.gradient).toBeAllclose(z.re.mul(2), { rtol: 1e-4, atol: 1e-5 });
      }
    });
  });
});

describe('bad arguments', () => {
  const x = tf.tensor1d([1, 2, 3]);
  const two = tf.tensor1d([1, 2]);

  it.each<[string, () => unknown]>([
    [
      'fft: x must be a tensor, got an array of 9. Complex values are pairs { re, im }.',
      () => fft([1, 2, 3, 4, 5, 6, 7, 8, 9] as never),
    ],
    ['ifft: x.im must be a tensor, got null', () => ifft({ re: x, im: null as never })],
    ['rfft: x must be a tensor, got an object', () => rfft({ re: x, im: x } as never)],
    [
      'fft: x must have real numbers, got a complex64 tensor of shape [3]. Pass { re: tf.real(x), im: tf.imag(x) }.',
      () => fft(tf.complex(x, x)),
    ],
    ['fft: x must have real numbers, got a string tensor of shape [1]', () => fft(tf.tensor1d(['a']))],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['fft: x must have no axis of length 0, got a float32 tensor of shape [2, 0]', () => fft(tf.zeros([2, 0]))],
    ['fft: x must have at least 1 axes, got a float32 tensor of shape []', () => fft(tf.scalar(1))],
    [
      'fft: x.re must have the shape of x.im (a float32 tensor of shape [2]), got a float32 tensor of shape [3]',
      () => fft({ re: x, im: two }),
    ],
    ['irfft: x must have 4 coefficients for n = 7, got 3', () => irfft(x, { n: 7 })],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['fft: axis must be an integer from -1 to 0, got 1', () => fft(x, { axis: 1 })],
    ['rfft: axis must be an integer from -1 to 0, got -2', () => rfft(x, { axis: -2 })],
    ['irfft: axis must be an integer from -1 to 0, got 0.5', () => irfft(x, { axis: 0.5 })],
    ['fft: norm must be one of', () => fft(x, { norm: 'none' as never })],
    ['irfft: n must be an integer >= 1', () => irfft(x, { n: -4 })],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
