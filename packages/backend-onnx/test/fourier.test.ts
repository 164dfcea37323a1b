import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit } from '../src/index';
import { expectLowered } from './lowered';
import { expectSame } from './numbers';
import { resultsOf } from './parity';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

/** Error relative to the largest coefficient; that of float32's unit 6e-8 grows with the number of stages. */
const PRECISION = 2e-6;
/** One of every way to compute it: a matrix, ONNX's operator at powers of 2, two factors, a prime. */
const LENGTHS = [1, 2, 3, 8, 12, 64, 100, 128, 130, 256, 257, 500, 1000, 1024, 4096];

interface Signal {
  re: Float32Array;
  im: Float32Array;
}

function signal(size: number, seed: number): Signal {
  const part = (phase: number): Float32Array =>
    Float32Array.from({ length: size }, (_, i) => Math.sin(i * i * 0.37 + phase));
  return { re: part(seed), im: part(seed + 2) };
}

const tensorOf = ({ re, im }: Signal, shape: number[]): tf.Tensor =>
  tf.complex(tf.tensor(re, shape), tf.tensor(im, shape));

/** Sum over n of x(n) exp(-+ 2 pi i n k / N), row by row in float64, of interleaved parts. */
function transformed({ re, im }: Signal, length: number, inverse: boolean): number[] {
  const wheel = Array.from({ length }, (_, j) => ((inverse ? 2 : -2) * Math.PI * j) / length);
  const [cos, sin] = [wheel.map(Math.cos), wheel.map(Math.sin)];
  return Array.from(re).flatMap((_, at) => {
    const [k, first] = [at % length, at - (at % length)];
    let [sumRe, sumIm] = [0, 0];
    for (let n = 0; n < length; n++) {
      const [a, b, j] = [re[first + n]!, im[first + n]!, (n * k) % length];
      sumRe += a * cos[j]! - b * sin[j]!;
      sumIm += a * sin[j]! + b * cos[j]!;
    }
    const scale = inverse ? 1 / length : 1;
    return [scale * sumRe, scale * sumIm];
  });
}

const largest = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe.each([
  { name: 'fft', inverse: false, transform: tf.fft },
  { name: 'ifft', inverse: true, transform: tf.ifft },
])('$name', ({ inverse, transform }) => {
  it.each(LENGTHS)('of rows of %i is the sum that defines it', (length) => {
    const x = signal(3 * length, 1);
    const [y] = expectLowered(() => resultsOf(() => transform(tensorOf(x, [3, length]))));
    expect(y).toMatchObject({ dtype: 'complex64', shape: [3, length] });
    const expected = transformed(x, length, inverse);
    expect(y!.values).toBeAllclose(expected, { rtol: 0, atol: PRECISION * largest(expected) });
  });

  it.each([[[12]], [[2, 1, 3, 16]], [[2, 3, 150]], [[1, 1]]])('takes tensors of shape %j', (shape) => {
    const x = signal(tf.util.sizeFromShape(shape), 4);
    return expectSame(() => transform(tensorOf(x, shape)), 0, 1e-4);
  });
});

describe('fft and ifft', () => {
  it.each([60, 512, 720])('undo each other at length %i', (length) => {
    const x = signal(2 * length, 5);
    const [y, same] = expectLowered(() =>
      resultsOf(() => [tf.ifft(tf.fft(tensorOf(x, [2, length]))), tensorOf(x, [2, length])]),
    );
    expect(y!.values).toBeAllclose(same!.values, { rtol: 0, atol: PRECISION });
  });

  it('of real signals, and back', () =>
    expectSame(
      () => {
        const y = tf.rfft(tf.tensor2d(signal(2 * 20, 6).re, [2, 20]));
        return [y, tf.irfft(y)];
      },
      0,
      1e-4,
    ));

  it('can be compiled', () => {
    const roundTrip = jit((re: tf.Tensor, im: tf.Tensor) => tf.real(tf.ifft(tf.fft(tf.complex(re, im)))));
    for (const [seed, length] of [300, 300, 256].entries()) {
      const { re, im } = signal(length, seed);
      const y = tf.tidy(() => roundTrip(tf.tensor1d(re), tf.tensor1d(im)).dataSync());
      expect(y).toBeAllclose(re, { rtol: 0, atol: PRECISION });
    }
  });

  it('leave a length with a large prime factor to the host', () => {
    const x = tensorOf(signal(2053, 7), [1, 2053]);
    expect(() => expectLowered(() => tf.fft(x))).toThrow('FFT');
    tf.dispose(x);
  });
});
