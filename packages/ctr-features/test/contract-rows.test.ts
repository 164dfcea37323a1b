import * as tf from '@tensorflow/tfjs';
import { check, useBackend } from '@tfsci/tensor-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CountSketch, PolynomialSketch, type Rows } from '../src/index';
import { FEATURE_MAPS } from './feature-maps';

const { ShapeError } = check;
type ErrorClass = new (message: string) => Error;

beforeAll(() => useBackend('cpu'));

describe('points', () => {
  const map = new PolynomialSketch({ inputDim: 4, features: 8, degree: 2, key: 0 });
  afterAll(() => map.dispose());
  const tensors = {
    strings: tf.tensor2d(['a', 'b', 'c', 'd'], [1, 4]),
    complex: tf.complex([[1, 2, 3, 4]], [[1, 2, 3, 4]]),
    line: tf.tensor1d([1, 2, 3, 4]),
    wide: tf.zeros([2, 5]),
    empty: tf.zeros([0, 4]),
    infinite: tf.tensor2d([0, 0, 0, 0, 0, -Infinity, 0, 0], [2, 4]),
  };
  afterAll(() => tf.dispose(tensors));

  it.each<[keyof typeof tensors, ErrorClass, string]>([
    ['strings', TypeError, 'x must have real numbers, got a string tensor of shape [1, 4].'],
    ['complex', TypeError, 'x must have real numbers, got a complex64 tensor of shape [1, 4].'],
    ['line', ShapeError, 'x must have the shape [n, d], got a float32 tensor of shape [4].'],
    ['wide', ShapeError, 'x must have 4 columns, got [2, 5].'],
    ['empty', ShapeError, 'x must have at least one row, got [0, 4].'],
    ['infinite', RangeError, 'row 1 of x must have finite numbers, got -Infinity.'],
  ])('tensors: %s', async (name, type, message) => {
    const where = 'ctr-features.PolynomialSketch';
    const x = tensors[name] as tf.Tensor2D;
    expect(() => map.transform(x)).toThrow(new type(`${where}.transform: ${message}`));
    await expect(map.transformRows(x)).rejects.toThrow(new type(`${where}.transformRows: ${message}`));
  });

  it('that are no tensor are for transformRows', () => {
    expect(() => map.transform([[1, 2, 3, 4]] as unknown as tf.Tensor2D)).toThrow(
      new TypeError(
        'ctr-features.PolynomialSketch.transform: x must be a tensor, got [an array of 4]. transformRows takes arrays.',
      ),
    );
  });

  const csr = (indptr: number[], indices: number[], data: number[], shape = [2, 4]): Rows => ({
    indptr,
    indices,
    data,
    shape,
  });
  const ends = 'begin with 0 and end with the number of entries in indices and in data';
  it.each<[unknown, ErrorClass, string]>([
    [[], ShapeError, 'x must have at least one row, got [].'],
    [[[]], ShapeError, 'x must have 4 columns, got [1, 0].'],
    [[[1, 2, 3, 4], [1]], ShapeError, 'x[1] must have 4 numbers as the first row, got 1.'],
    [[1, 2, 3, 4], TypeError, 'x[0] must be a row, an array of numbers, got 1.'],
    [[[1, 2, 3, 4], null], TypeError, 'x[1] must be a row, an array of numbers, got null.'],
    [
      [
        [1, 2, 3, 4],
        [1, 2, 'three', 4],
      ],
      RangeError,
      'row 1 of x must have finite numbers, got "three".',
    ],
    [[[1, 2, 3, 1e39]], RangeError, 'row 0 of x must have numbers within float32, got 1e+39.'],
    [
      7,
      TypeError,
      'x must be a 2-D tensor, { data, shape }, { indptr, indices, data, shape } or an array of rows, got 7.',
    ],
    [
      null,
      TypeError,
      'x must be a 2-D tensor, { data, shape }, { indptr, indices, data, shape } or an array of rows, got null.',
    ],
    [{ data: [1, 2, 3], shape: [1, 4] }, ShapeError, 'x.data must have 4 numbers, got 3.'],
    [{ data: [1, 2, 3, 4], shape: [4] }, ShapeError, 'x.shape must be [n, d], got [4].'],
    [{ data: [], shape: [-1, 4] }, ShapeError, 'x.shape must be [n, d], got [-1, 4].'],
    [{ data: [], shape: [0, 4] }, ShapeError, 'x must have at least one row, got [0, 4].'],
    [csr([0, 2], [0, 1], [1, 1]), ShapeError, 'x.indptr must have 3 numbers, one more than rows, got 2.'],
    [csr([1, 1, 2], [0, 1], [1, 1]), ShapeError, `x.indptr must ${ends}, got [1, 2, 2, 2].`],
    [csr([0, 1, 3], [0, 1], [1, 1]), ShapeError, `x.indptr must ${ends}, got [0, 3, 2, 2].`],
    [csr([0, 1, 2], [0, 1, 2], [1, 1]), ShapeError, `x.indptr must ${ends}, got [0, 2, 3, 2].`],
    [csr([0, 3, 2], [0, 1], [1, 1]), RangeError, 'x.indptr must not decrease, got [3, 2].'],
    [csr([0, NaN, 2], [0, 1], [1, 1]), RangeError, 'x.indptr must not decrease, got [0, NaN].'],
    [csr([0, 1, 2], [0, 4], [1, 1]), RangeError, 'x.indices[1] must be a column below 4, got 4.'],
    [csr([0, 1, 2], [-1, 0], [1, 1]), RangeError, 'x.indices[0] must be a column below 4, got -1.'],
    [csr([0, 1, 2], [0, 0.5], [1, 1]), RangeError, 'x.indices[1] must be a column below 4, got 0.5.'],
    [csr([0, 1, 2], [0, 3], [1, Infinity]), RangeError, 'row 1 of x must have finite numbers, got Infinity.'],
    [csr([0, 1, 2], [0, 3], [1, 1], [2, 5]), ShapeError, 'x must have 4 columns, got [2, 5].'],
  ])('rows: %o', async (x, type, message) => {
    await expect(map.transformRows(x as Rows)).rejects.toThrow(
      new type(`ctr-features.PolynomialSketch.transformRows: ${message}`),
    );
    // In a stream the rows before it count.
    const counted = message.replace(/(?<=x\[|row )\d/, (row) => String(Number(row) + 3));
    const good = [1, 2, 3].map(() => [1, 2, 3, 4]);
    const chunks = map.transformChunks([good, x as Rows]);
    await chunks.next();
    await expect(chunks.next()).rejects.toThrow(new type(`ctr-features.PolynomialSketch.transformChunks: ${counted}`));
  });

  it.each([0, -1, 1.5, NaN])('blocks of %s rows', async (blockRows) => {
    await expect(map.transformRows([[1, 2, 3, 4]], { blockRows })).rejects.toThrow(
      new RangeError(
        `ctr-features.PolynomialSketch.transformRows: blockRows must be an integer >= 1, got ${blockRows}.`,
      ),
    );
  });

  it('have to have the columns of the map for fit, of every map', () => {
    for (const { make } of FEATURE_MAPS) {
      const other = make({ inputDim: 3, features: 4, key: 0 });
      expect(other.fit([[1, 2, 3]])).toBe(other);
      expect(() => other.fit([[1, 2]])).toThrow(ShapeError);
      other.dispose();
    }
  });

  it('give numbers, or an error that names the row, whatever they are', async () => {
    const others = fc.constantFrom<unknown>(NaN, -0, 1e39, -3.4e38, 2 ** -149, null, undefined, '', true);
    const row = fc.array(fc.oneof(fc.double(), others), { minLength: 4, maxLength: 4 });
    const isFloat = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) <= 2 ** 128 - 2 ** 104;
    const sketch = new CountSketch({ inputDim: 4, features: 4, key: 0 });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 4 }), async (rows) => {
        const bad = rows.findIndex((values) => !values.every(isFloat));
        const result = sketch.transformRows(rows as number[][]);
        if (bad >= 0) await expect(result).rejects.toThrow(`row ${bad} of x must have`);
        else expect((await result).data.some(Number.isNaN)).toBe(false);
      }),
      { numRuns: 200 },
    );
    sketch.dispose();
  });
});
