import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { TransmissionMatrix } from '../src/optics/transmission-matrix';

const { ShapeError } = check;

/** Sums of C products in float32, in another order. */
const ROUNDING = { rtol: 1e-5, atol: 2e-6 };

const key = random.key(3);
const INPUTS = 12;
const OUTPUTS = 600;

/** Entry (i, j) of a part as the docstring has it. */
function entry(part: 0 | 1, i: number, j: number, inputs = INPUTS): number {
  const under = random.foldIn(random.split(key)[part]!, Math.floor(j / 256));
  const one = new Float32Array(1);
  random.fillNormal(under, one, { std: inputs ** -0.5, offset: (j % 256) * inputs + i });
  return one[0]!;
}

describe.each(backendsUnderTest())('TransmissionMatrix on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is a function of key, row and column alone, across blocks of columns', () => {
    const matrix = new TransmissionMatrix({ inputs: INPUTS, outputs: OUTPUTS, key, stored: false });
    const { re, im } = matrix.chunk(253, 515);
    expect(re.shape).toEqual([INPUTS, 262]);
    const expected = (part: 0 | 1): number[][] =>
      Array.from({ length: INPUTS }, (_, i) => Array.from({ length: 262 }, (_, j) => entry(part, i, 253 + j)));
    expect(re).toBeAllclose(expected(0), { rtol: 0, atol: 0 });
    expect(im).toBeAllclose(expected(1), { rtol: 0, atol: 0 });
    tf.dispose([re, im]);
  });

  it('gives the same columns stored or not, in narrower matrices, and by seed', () => {
    const stored = new TransmissionMatrix({ inputs: INPUTS, outputs: OUTPUTS, key });
    const narrow = new TransmissionMatrix({ inputs: INPUTS, outputs: 300, key: 3, stored: false });
    expect([stored.stored, narrow.stored]).toEqual([true, false]);
    const [a, b] = [stored.chunk(7, 300), narrow.chunk(7, 300)];
    expect(a.re).toBeAllclose(b.re, { rtol: 0, atol: 0 });
    expect(a.im).toBeAllclose(b.im, { rtol: 0, atol: 0 });
    stored.dispose();
  });

  it.each([1, 37, 256, 599, 5000])('multiplies in blocks of %i columns as at once', (blockSize) => {
    const stored = new TransmissionMatrix({ inputs: INPUTS, outputs: OUTPUTS, key });
    const blocks = new TransmissionMatrix({ inputs: INPUTS, outputs: OUTPUTS, key, stored: false, blockSize });
    const x = random.normal(random.key(1), [3, INPUTS]) as tf.Tensor2D;
    const [a, b] = [stored.field(x), blocks.field(x)];
    expect(b.re).toBeAllclose(a.re, ROUNDING);
    expect(b.im).toBeAllclose(a.im, ROUNDING);
    expect(blocks.field(x, 300).im).toBeAllclose(a.im.slice([0, 0], [3, 300]), ROUNDING);
    expect(stored.field(x, 300).im).toBeAllclose(a.im.slice([0, 0], [3, 300]), ROUNDING);
    expect(blocks.realField(x, 300)).toBeAllclose(a.re.slice([0, 0], [3, 300]), ROUNDING);
    stored.dispose();
  });

  it('multiplies by the matrix, whatever the dtype of the frames', () => {
    const matrix = new TransmissionMatrix({ inputs: INPUTS, outputs: 20, key });
    const bits = Array.from({ length: INPUTS }, (_, i) => i % 3 === 0);
    const expected = Array.from({ length: 20 }, (_, j) =>
      bits.reduce((sum, bit, i) => sum + (bit ? entry(1, i, j) : 0), 0),
    );
    for (const dtype of ['bool', 'int32', 'float32'] as const) {
      const { im } = matrix.field(tf.tensor2d([bits.map(Number)], [1, INPUTS], dtype));
      expect(im.dtype).toBe('float32');
      expect(im).toBeAllclose([expected], ROUNDING);
    }
    matrix.dispose();
  });

  it('keeps a copy of a given matrix, as variables', () => {
    const re = tf.tensor2d([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
    const im = tf.tensor2d([[0, 1, 0], [1, 0, 1]]); // prettier-ignore
    const matrix = new TransmissionMatrix({ re, im, deviation: 3 });
    expect([matrix.inputs, matrix.outputs, matrix.deviation, matrix.stored]).toEqual([2, 3, 3, true]);
    tf.dispose([re, im]);
    const { re: fieldRe, im: fieldIm } = matrix.field(tf.tensor2d([[1, 1]]));
    expect(fieldRe).toBeAllclose([[5, 7, 9]]);
    expect(fieldIm).toBeAllclose([[1, 1, 1]]);
    expect(Object.keys(matrix.variables)).toEqual(['matrix.re', 'matrix.im']);
    expect(matrix.variables['matrix.re']).toBeAllclose([[1, 2, 3], [4, 5, 6]]); // prettier-ignore
    matrix.dispose();
  });

  it('leaks nothing', () => {
    const x = tf.ones<tf.Rank.R2>([2, INPUTS]);
    for (const stored of [true, false]) {
      const matrix = new TransmissionMatrix({ inputs: INPUTS, outputs: OUTPUTS, key, stored, blockSize: 100 });
      expect(() => matrix.field(x)).toLeakNothing();
      expect(() => matrix.realField(x)).toLeakNothing();
      expect(() => matrix.chunk(0, OUTPUTS)).toLeakNothing();
      expect(matrix.field(x).re.shape).toEqual([2, OUTPUTS]);
      matrix.dispose();
    }
    expect(() => {
      new TransmissionMatrix({ inputs: 3, outputs: 4, key }).dispose();
      const [re, im] = [tf.ones<tf.Rank.R2>([3, 4]), tf.zeros<tf.Rank.R2>([3, 4])];
      new TransmissionMatrix({ re, im }).dispose();
      tf.dispose([re, im]);
    }).toLeakNothing();
  });
});

describe('entries of a TransmissionMatrix', () => {
  beforeAll(() => useBackend('cpu'));

  it('have variance 1 / C in each part, which are uncorrelated', () => {
    const matrix = new TransmissionMatrix({ inputs: 50, outputs: 2000, key, stored: false });
    const { re, im } = matrix.chunk(0, 2000);
    const [a, b] = [re.dataSync<'float32'>(), im.dataSync<'float32'>()];
    const size = a.length;
    const mean = (f: (i: number) => number): number => a.reduce((sum, _, i) => sum + f(i), 0) / size;
    // Five standard deviations of means over n = 1e5: of z 1 / sqrt(n), of z^2 sqrt(2 / n), of z z' 1 / sqrt(n).
    expect(Math.abs(mean((i) => a[i]!) * Math.sqrt(50))).toBeLessThan(5 / Math.sqrt(size));
    expect(Math.abs(mean((i) => a[i]! ** 2) * 50 - 1)).toBeLessThan(5 * Math.sqrt(2 / size));
    expect(Math.abs(mean((i) => b[i]! ** 2) * 50 - 1)).toBeLessThan(5 * Math.sqrt(2 / size));
    expect(Math.abs(mean((i) => a[i]! * b[i]!) * 50)).toBeLessThan(5 / Math.sqrt(size));
    tf.dispose([re, im]);
  });

  it('need no memory: columns of a million are drawn at once', () => {
    const matrix = new TransmissionMatrix({ inputs: INPUTS, outputs: 1e6, key });
    expect(matrix.stored).toBe(false);
    const { re } = matrix.chunk(999_998, 1e6);
    expect(re.arraySync()[5]).toEqual([entry(0, 5, 999_998), entry(0, 5, 999_999)]);
  });

  it('come in any chunks', () => {
    const matrix = new TransmissionMatrix({ inputs: 2, outputs: 1000, key, stored: false });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 998 }), fc.integer({ min: 1, max: 700 }), (from, width) => {
        const to = Math.min(1000, from + width);
        return tf.tidy(() => {
          const { im } = matrix.chunk(from, to);
          const last = im.arraySync()[1]!;
          return last[0] === entry(1, 1, from, 2) && last.at(-1) === entry(1, 1, to - 1, 2);
        });
      }),
      { numRuns: 50 },
    );
  });

  const options = { inputs: 2, outputs: 3, key };
  type ErrorClass = new (...args: never[]) => Error;

  it.each<[unknown, ErrorClass, string]>([
    [null, TypeError, 'matrix must be { inputs, outputs, key } or { re, im }, got null.'],
    [{ ...options, key: '3' }, TypeError, 'key must be a Key or a number, got "3". For a start take key: 0.'],
    [{ ...options, inputs: 0 }, RangeError, 'inputs must be an integer >= 1 and <= 16777216, got 0.'],
    [{ ...options, inputs: 2 ** 25 }, RangeError, 'inputs must be an integer >= 1 and <= 16777216, got 33554432.'],
    [{ ...options, outputs: 1.5 }, RangeError, 'outputs must be an integer >= 1, got 1.5.'],
    [{ ...options, blockSize: 0 }, RangeError, 'blockSize must be an integer >= 1, got 0.'],
    [{ re: tf.ones([2]), im: tf.ones([2]) }, ShapeError, 're must have shape [*, *], got a float32 tensor of shape [2].'], // prettier-ignore
    [{ re: tf.ones([2, 3]), im: tf.ones([3, 2]) }, ShapeError, 'im must have shape [2, 3], got a float32 tensor of shape [3, 2].'], // prettier-ignore
    [{ re: tf.ones([0, 3]), im: tf.ones([0, 3]) }, ShapeError, 're must have entries, got a float32 tensor of shape [0, 3].'], // prettier-ignore
    [{ re: tf.ones([2, 3]), im: tf.ones([2, 3]), deviation: 0 }, RangeError, 'deviation must be a finite number > 0, got 0.'], // prettier-ignore
  ])('refuses %o', (wrong, error, message) => {
    const make = () => new TransmissionMatrix(wrong as never);
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.TransmissionMatrix: ${message}`);
  });

  it.each<[string, (matrix: TransmissionMatrix) => unknown, ErrorClass, string]>([
    [
      'a first column below 0',
      (m) => m.chunk(-1, 2),
      RangeError,
      'chunk: from must be an integer >= 0 and < 3, got -1.',
    ],
    ['no column', (m) => m.chunk(1, 1), RangeError, 'chunk: to must be an integer > 1 and <= 3, got 1.'],
    ['a column too many', (m) => m.chunk(1, 4), RangeError, 'chunk: to must be an integer > 1 and <= 3, got 4.'],
    ['narrow frames', (m) => m.field(tf.ones([1, 3])), ShapeError, 'field: x must have shape [*, 2], got a float32 tensor of shape [1, 3]. A frame has one number for each input.'], // prettier-ignore
    ['text', (m) => m.field(tf.tensor2d([['a', 'b']])), TypeError, 'field: x must have real numbers, got a string tensor of shape [1, 2].'], // prettier-ignore
    ['too many units', (m) => m.realField(tf.ones([1, 2]), 4), RangeError, 'realField: units must be an integer >= 1 and <= 3, got 4.'], // prettier-ignore
  ])('refuse %s', (_, act, error, message) => {
    const matrix = new TransmissionMatrix(options);
    expect(() => act(matrix)).toThrow(error);
    expect(() => act(matrix)).toThrow(`opu-dfa.TransmissionMatrix.${message}`);
    matrix.dispose();
  });
});
