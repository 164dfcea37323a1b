import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  slicedWasserstein,
  slicedWassersteinDetailed,
  wasserstein1d,
  type Cloud,
  type SlicedWassersteinOptions,
  type Wasserstein1dOptions,
} from '../src';

const { ShapeError } = check;
type ErrorClass = new (...args: never[]) => Error;

const key = random.key(0);
const X = [[1, 2], [3, 5], [0, 1]]; // prettier-ignore
const Y = [[0, 1], [4, 4]]; // prettier-ignore
/** [value, nothing, value] */
const withHole = (value: unknown): unknown[] => Object.assign(new Array<unknown>(3), { 0: value, 2: value });
const circular: unknown[] = [];
circular.push(circular);

/** What is wrong with x, by any name that a cloud has. */
const CLOUDS: [string, () => unknown, ErrorClass, string][] = [
  ['null', () => null, TypeError, 'x must be a 2-D tensor or an array of rows, got null.'],
  ['undefined', () => undefined, TypeError, 'x must be a 2-D tensor or an array of rows, got undefined.'],
  ['a string', () => 'cloud', TypeError, 'x must be a 2-D tensor or an array of rows, got "cloud".'],
  ['a number', () => 3, TypeError, 'x must be a 2-D tensor or an array of rows, got 3.'],
  ['a function', () => () => X, TypeError, 'x must be a 2-D tensor or an array of rows, got a function.'],
  ['an object', () => ({ length: 2 }), TypeError, 'x must be a 2-D tensor or an array of rows, got an object.'],
  ['a flat array', () => new Float32Array(4), TypeError, 'x must be a 2-D tensor or an array of rows, got Float32Array(4).'], // prettier-ignore
  ['numbers', () => [1, 2], TypeError, 'x[0] must be a row, an array of numbers, got 1.'],
  ['a string in it', () => [[1, 2], 'row'], TypeError, 'x[1] must be a row, an array of numbers, got "row".'],
  ['null in it', () => [[1, 2], null], TypeError, 'x[1] must be a row, an array of numbers, got null.'],
  ['a hole', () => withHole([1, 2]), TypeError, 'x[1] must be a row, an array of numbers, got undefined.'], // prettier-ignore
  ['a function in it', () => [(a: number) => a], TypeError, 'x[0] must be a row, an array of numbers, got a function.'],
  ['a length below 0', () => [{ length: -1 }], TypeError, 'x[0] must be a row, an array of numbers, got an object.'],
  ['a broken length', () => [{ length: 1.5 }], TypeError, 'x[0] must be a row, an array of numbers, got an object.'],
  ['itself', () => circular, TypeError, 'row 0 of x must have finite numbers, got [an array of 1].'],
  [
    'rows of strings',
    () => [
      [1, 2],
      ['1', 2],
    ],
    TypeError,
    'row 1 of x must have finite numbers, got "1".',
  ],
  ['rows of null', () => [[null, 2]], TypeError, 'row 0 of x must have finite numbers, got null.'],
  ['rows of undefined', () => [[1, undefined]], TypeError, 'row 0 of x must have finite numbers, got undefined.'],
  ['rows with holes', () => [[1, 2, 3], withHole(1)], TypeError, 'row 1 of x must have finite numbers, got undefined.'], // prettier-ignore
  ['rows of bigint', () => [[1n, 2n]], TypeError, 'row 0 of x must have finite numbers, got 1.'],
  ['nested rows', () => [[[1], [2]]], TypeError, 'row 0 of x must have finite numbers, got [1].'],
  ['ragged rows', () => [[1, 2], [1]], ShapeError, 'x[1] must have 2 numbers as the first row, got 1.'], // prettier-ignore
  ['NaN', () => [[1, 2], [3, NaN]], RangeError, 'row 1 of x must have finite numbers, got NaN.'], // prettier-ignore
  ['Infinity', () => [[-Infinity, 2]], RangeError, 'row 0 of x must have finite numbers, got -Infinity.'],
  ['more than float32', () => [[1e39, 2]], RangeError, 'row 0 of x must have finite numbers, got Infinity.'],
  ['no rows', () => [], ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [0, 0].'], // prettier-ignore
  ['empty rows', () => [[], []], ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [2, 0].'], // prettier-ignore
  ['a vector', () => tf.tensor1d([1, 2]), ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [2]. Numbers on a line are [n, 1]: reshape it.'], // prettier-ignore
  ['a scalar', () => tf.scalar(1), ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [].'], // prettier-ignore
  ['three axes', () => tf.zeros([2, 1, 2]), ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [2, 1, 2].'], // prettier-ignore
  ['an empty tensor', () => tf.zeros([0, 2]), ShapeError, 'x must have the shape [n, d] with n >= 1 and d >= 1, got a float32 tensor of shape [0, 2].'], // prettier-ignore
  ['text', () => tf.tensor2d([['a', 'b']]), TypeError, 'x must have real numbers, got a string tensor of shape [1, 2].'], // prettier-ignore
  ['complex numbers', () => tf.complex([[1, 2]], [[0, 1]]), TypeError, 'x must have real numbers, got a complex64 tensor of shape [1, 2].'], // prettier-ignore
  ['a tensor with NaN', () => tf.tensor2d([[1, 2], [3, 4], [NaN, 1]]), RangeError, 'row 2 of x must have finite numbers, got NaN.'], // prettier-ignore
  ['a tensor with Infinity', () => tf.tensor2d([[1, 2], [3, Infinity]]), RangeError, 'row 1 of x must have finite numbers, got Infinity.'], // prettier-ignore
];

const OPTIONS: [string, unknown, ErrorClass, string][] = [
  ['p = 0.5', { p: 0.5, key }, RangeError, 'p must be a finite number >= 1, got 0.5.'],
  ['p = NaN', { p: NaN, key }, RangeError, 'p must be a finite number >= 1, got NaN.'],
  ['p = Infinity', { p: Infinity, key }, RangeError, 'p must be a finite number >= 1, got Infinity.'],
  ['a text p', { p: '2', key }, TypeError, 'p must be a finite number >= 1, got "2".'],
  ['another normalise', { normalise: 'zscore', key }, RangeError, 'normalise must be one of "none", "standard", "minmax", got "zscore".'], // prettier-ignore
  ['no key', {}, TypeError, 'key must be a Key or a number, got undefined. For a start take key: 0.'], // prettier-ignore
  ['a text for a key', { key: '0' }, TypeError, 'key must be a Key or a number, got "0". For a start take key: 0.'], // prettier-ignore
  ['a broken seed of qmc', { key: -1, sampler: 'qmc' }, RangeError, 'key must be an integer >= 0, got -1.'], // prettier-ignore
  ['null for a key', { key: null, sampler: 'orthogonal' }, TypeError, 'key must be a Key or a number, got null. For a start take key: 0.'], // prettier-ignore
  ['weights as an array', { key, weights: [1, 2, 3] }, TypeError, 'weights must be { a, b }, one array for each cloud, got [1, 2, 3].'], // prettier-ignore
  [
    'null for weights',
    { key, weights: null },
    TypeError,
    'weights must be { a, b }, one array for each cloud, got null.',
  ],
  [
    'a number for weights',
    { key, weights: 2 },
    TypeError,
    'weights must be { a, b }, one array for each cloud, got 2.',
  ],
  ['null for a', { key, weights: { a: null } }, TypeError, 'weights.a must be an array of numbers, got null.'],
  ['a number for b', { key, weights: { b: 2 } }, TypeError, 'weights.b must be an array of numbers, got 2.'],
  ['too few weights', { key, weights: { a: [1, 2] } }, ShapeError, 'weights.a must have 3 numbers, one for each point, got 2.'], // prettier-ignore
  ['too many weights', { key, weights: { b: new Float32Array(3) } }, ShapeError, 'weights.b must have 2 numbers, one for each point, got 3.'], // prettier-ignore
  ['a negative weight', { key, weights: { a: [1, -1, 1] } }, RangeError, 'weights.a[1] must be a finite number >= 0, got -1.'], // prettier-ignore
  [
    'a weight NaN',
    { key, weights: { b: [NaN, 1] } },
    RangeError,
    'weights.b[0] must be a finite number >= 0, got NaN.',
  ],
  ['an infinite weight', { key, weights: { b: [1, Infinity] } }, RangeError, 'weights.b[1] must be a finite number >= 0, got Infinity.'], // prettier-ignore
  [
    'a text weight',
    { key, weights: { b: ['1', 1] } },
    TypeError,
    'weights.b[0] must be a finite number >= 0, got "1".',
  ],
  ['text for weights', { key, weights: { b: '11' } }, TypeError, 'weights.b[0] must be a finite number >= 0, got "1".'],
  ['a missing weight', { key, weights: { a: withHole(1) } }, TypeError, 'weights.a[1] must be a finite number >= 0, got undefined.'], // prettier-ignore
  [
    'no weight at all',
    { key, weights: { a: [0, 0, 0] } },
    RangeError,
    'weights.a must have a positive finite sum, got 0.',
  ],
  ['too much weight', { key, weights: { b: [1e308, 1e308] } }, RangeError, 'weights.b must have a positive finite sum, got Infinity.'], // prettier-ignore
  ['no slices', { key, slices: 0 }, RangeError, 'slices must be an integer >= 1, got 0.'],
  ['half a slice', { key, slices: 1.5 }, RangeError, 'slices must be an integer >= 1, got 1.5.'],
  ['NaN slices', { key, slices: NaN }, RangeError, 'slices must be an integer >= 1, got NaN.'],
  ['text for slices', { slices: '5' }, TypeError, 'slices must be a 2-D tensor or an array of rows, got "5".'],
  ['null for slices', { slices: null }, TypeError, 'slices must be a 2-D tensor or an array of rows, got null.'],
  ['a flat slice', { slices: [1, 0] }, TypeError, 'slices[0] must be a row, an array of numbers, got 1.'],
  ['slices of another dimension', { slices: [[1, 0, 0]] }, ShapeError, 'slices must have the shape [L, 2], as the clouds have, got a float32 tensor of shape [1, 3].'], // prettier-ignore
  ['long slices', { slices: [[1, 0], [3, 4]] }, RangeError, 'row 1 of slices must have norm 1, got 5. Divide each by its norm.'], // prettier-ignore
  ['slices of length 0', { slices: [[0, 0]] }, RangeError, 'row 0 of slices must have norm 1, got 0. Divide each by its norm.'], // prettier-ignore
  [
    'slices that are almost unit',
    { slices: [[1.0001, 0]] },
    RangeError,
    'row 0 of slices must have norm 1, got 1.0001',
  ],
  ['NaN in slices', { slices: [[1, NaN]] }, RangeError, 'row 0 of slices must have finite numbers, got NaN.'],
  ['another sampler', { key, sampler: 'sobol' }, RangeError, 'sampler must be one of "uniform", "orthogonal", "qmc", got "sobol".'], // prettier-ignore
  ['null for a sampler', { key, sampler: null }, TypeError, "sampler must be 'uniform', 'orthogonal', 'qmc' or a distribution with sample(count, key), got null."], // prettier-ignore
  ['a sampler without sample', { key, sampler: { dim: 2 } }, TypeError, "sampler must be 'uniform', 'orthogonal', 'qmc' or a distribution with sample(count, key), got an object."], // prettier-ignore
  ['a sampler of another dimension', { key, sampler: { dim: 3, sample: () => tf.ones([1, 3]) } }, ShapeError, 'sampler.dim must be 2, as the clouds have, got 3.'], // prettier-ignore
  ['a sampler without key', { sampler: { dim: 2, sample: () => tf.ones([1, 2]) } }, TypeError, 'key must be a Key or a number, got undefined. For a start take key: 0.'], // prettier-ignore
  ['a sampler of too few slices', { key, slices: 3, sampler: { dim: 2, sample: () => tf.ones([2, 2]) } }, ShapeError, 'sampler.sample(count, key) must have shape [3, 2], got a float32 tensor of shape [2, 2].'], // prettier-ignore
  ['a sampler of no tensor', { key, slices: 1, sampler: { dim: 2, sample: () => [[1, 0]] } }, TypeError, 'sampler.sample(count, key) must have shape [1, 2], got [an array of 2].'], // prettier-ignore
];

/** Throws the class, with the message whole or up to where it is given, and leaves no tensor behind. */
function expectRefusal(body: () => unknown, error: ErrorClass, message: string): void {
  const before = tf.memory().numTensors;
  expect(body).toThrow(error);
  expect(body).toThrow(message);
  expect(tf.memory().numTensors).toBe(before);
}

describe.each(backendsUnderTest())('arguments on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(CLOUDS)('a cloud may not be, or have: %s', async (_, make, error, message) => {
    const cloud = make() as Cloud;
    const where = 'sliced-wasserstein.slicedWasserstein';
    expectRefusal(() => slicedWasserstein(cloud, Y, { key }), error, `${where}: ${message}`);
    const asY = message.replace(/\bx\b/, 'y');
    expectRefusal(() => slicedWasserstein(X, cloud, { key }), error, `${where}: ${asY}`);
    const rejected = slicedWassersteinDetailed(cloud, Y, { key });
    await expect(rejected).rejects.toThrow(`sliced-wasserstein.slicedWassersteinDetailed: ${message}`);
    if (cloud instanceof tf.Tensor) cloud.dispose();
  });

  it.each(OPTIONS)('options may not be, or have: %s', async (_, options, error, message) => {
    const given = options as SlicedWassersteinOptions;
    const where = 'sliced-wasserstein.slicedWasserstein';
    expectRefusal(() => slicedWasserstein(X, Y, given), error, `${where}: ${message}`);
    const rejected = slicedWassersteinDetailed(X, Y, given);
    await expect(rejected).rejects.toThrow(`${where}Detailed: ${message}`);
  });

  it('clouds may not differ in dimension', () => {
    const wide = [[1, 2, 3]];
    const message = 'y must have the same last dimension as x (2), got [1, 3]. Transpose or slice y first.';
    expectRefusal(() => slicedWasserstein(X, wide, { key }), ShapeError, `sliced-wasserstein.slicedWasserstein: ${message}`); // prettier-ignore
  });

  it('the sampler qmc is for the plane and for space', () => {
    const message =
      "sliced-wasserstein.slicedWasserstein: dimension for the sampler 'qmc' must be 2 or 3, got 4. Take the sampler 'orthogonal' for others.";
    expectRefusal(() => slicedWasserstein([[1, 2, 3, 4]], [[1, 2, 3, 4]], { sampler: 'qmc' }), RangeError, message);
  });

  it('clouds whose powers leave float32 are refused, with the way out', async () => {
    const far = [[1e30, 0]];
    const message =
      'x and y must have finite projections whose p-th powers are within float32, got Infinity. Scale both clouds alike.';
    expectRefusal(
      () => slicedWasserstein(far, Y, { key }),
      RangeError,
      `sliced-wasserstein.slicedWasserstein: ${message}`,
    );
    await expect(slicedWassersteinDetailed(far, Y, { key })).rejects.toThrow(
      `sliced-wasserstein.slicedWassersteinDetailed: ${message}`,
    );
    // Each cost is 2.25e38, their sum is not a float32: refused, or right where the mean is taken another way.
    try {
      const mean = tf.tidy(() => slicedWasserstein([[0]], [[1.5e19]], { key }).dataSync()[0]!);
      expect(mean).toBeAllclose(1.5e19, { rtol: 1e-5 });
    } catch (error) {
      expect((error as Error).message).toBe(`sliced-wasserstein.slicedWasserstein: ${message}`);
    }
  });

  describe('of wasserstein1d', () => {
    const x = (): tf.Tensor => tf.tensor1d([1, 2, 3]);
    const y = (): tf.Tensor => tf.tensor1d([0, 4]);
    it.each<[string, () => unknown, () => unknown, unknown, ErrorClass, string]>([
      ['an array', () => [1, 2], y, {}, TypeError, 'x must be a tensor of real numbers, [n] or [n, L], got [1, 2].'],
      ['null', x, () => null, {}, TypeError, 'y must be a tensor of real numbers, [n] or [n, L], got null.'],
      ['text', () => tf.tensor1d(['a']), y, {}, TypeError, 'x must be a tensor of real numbers, [n] or [n, L], got a string tensor of shape [1].'], // prettier-ignore
      ['complex numbers', x, () => tf.complex([1], [2]), {}, TypeError, 'y must be a tensor of real numbers, [n] or [n, L], got a complex64 tensor of shape [1].'], // prettier-ignore
      ['a scalar', () => tf.scalar(1), y, {}, ShapeError, 'x must have the shape [n] or [n, L] with n >= 1 and L >= 1, got a float32 tensor of shape [].'], // prettier-ignore
      ['three axes', x, () => tf.zeros([2, 1, 1]), {}, ShapeError, 'y must have the shape [n] or [n, L] with n >= 1 and L >= 1, got a float32 tensor of shape [2, 1, 1].'], // prettier-ignore
      ['no numbers', () => tf.tensor1d([]), y, {}, ShapeError, 'x must have the shape [n] or [n, L] with n >= 1 and L >= 1, got a float32 tensor of shape [0].'], // prettier-ignore
      ['no lines', () => tf.zeros([2, 0]), () => tf.zeros([2, 0]), {}, ShapeError, 'x must have the shape [n] or [n, L] with n >= 1 and L >= 1, got a float32 tensor of shape [2, 0].'], // prettier-ignore
      ['two ranks', x, () => tf.zeros([2, 1]), {}, ShapeError, 'y must have the shape [m], as x is 1-D, got a float32 tensor of shape [2, 1].'], // prettier-ignore
      ['the other two ranks', () => tf.zeros([2, 4]), y, {}, ShapeError, 'y must have the shape [m, 4], as x is 2-D, got a float32 tensor of shape [2].'], // prettier-ignore
      ['other lines', () => tf.zeros([2, 4]), () => tf.zeros([2, 3]), {}, ShapeError, 'y must have the shape [m, 4], as x is 2-D, got a float32 tensor of shape [2, 3].'], // prettier-ignore
      ['NaN', () => tf.tensor1d([1, NaN]), y, {}, RangeError, 'row 1 of x must have finite numbers, got NaN.'],
      [
        'Infinity',
        x,
        () => tf.tensor1d([Infinity]),
        {},
        RangeError,
        'row 0 of y must have finite numbers, got Infinity.',
      ],
      ['p below 1', x, y, { p: 0.9 }, RangeError, 'p must be a finite number >= 1, got 0.9.'],
      ['a text p', x, y, { p: '1' }, TypeError, 'p must be a finite number >= 1, got "1".'],
      ['too few weights', x, y, { a: [1] }, ShapeError, 'a must have 3 numbers, one for each point, got 1.'],
      ['a number for weights', x, y, { b: 1 }, TypeError, 'b must be an array of numbers, got 1.'],
      ['a negative weight', x, y, { b: [1, -2] }, RangeError, 'b[1] must be a finite number >= 0, got -2.'],
      ['no weight', x, y, { b: [0, 0] }, RangeError, 'b must have a positive finite sum, got 0.'],
      ['squares beyond float32', () => tf.tensor1d([1e30]), y, {}, RangeError, 'x and y must have differences whose p-th powers are within float32, got Infinity. Scale both.'], // prettier-ignore
    ])('%s', (_, makeX, makeY, options, error, message) => {
      const [u, v] = [makeX(), makeY()] as [tf.Tensor1D, tf.Tensor1D];
      const body = (): unknown => wasserstein1d(u, v, options as Wasserstein1dOptions);
      expectRefusal(body, error, `sliced-wasserstein.wasserstein1d: ${message}`);
      tf.dispose([u, v].filter((value) => (value as unknown) instanceof tf.Tensor));
    });

    it('may be 1e30 for p = 1', () => {
      tf.tidy(() => {
        const cost = wasserstein1d(tf.tensor1d([1e30, -1e30]), tf.tensor1d([0]), { p: 1 });
        expect(cost).toBeAllclose(1e30, { rtol: 1e-6 });
      });
    });
  });
});

describe('arguments', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(['x', 'slices', 'weights', 'sampler', 'key', 'p', 'normalise'])(
    'of any kind for %s are refused with a message of ours, or give a finite number',
    (name) => {
      const rows = fc.array(fc.array(fc.anything(), { maxLength: 3 }), { maxLength: 3 });
      const masses = fc.record({ a: fc.anything(), b: fc.array(fc.anything(), { minLength: 2, maxLength: 2 }) });
      // A number of slices may be one that fills the memory.
      const value = fc.oneof(fc.anything(), rows, masses).filter((v) => name !== 'slices' || typeof v !== 'number');
      fc.assert(
        fc.property(value, (wrong) => {
          const options = { key, slices: 2, ...(name !== 'x' && { [name]: wrong }) } as SlicedWassersteinOptions;
          const before = tf.memory().numTensors;
          try {
            const result = slicedWasserstein(name === 'x' ? (wrong as Cloud) : X, Y, options);
            expect(Number.isFinite(result.dataSync()[0])).toBe(true);
            result.dispose();
          } catch (error) {
            expect((error as Error).message).toMatch(/^sliced-wasserstein\.slicedWasserstein: .* must .*, got /s);
          }
          expect(tf.memory().numTensors).toBe(before);
        }),
        { numRuns: 150 },
      );
    },
  );

  it('are left as they are', () => {
    const [x, a, slices] = [X.map((row) => [...row]), [1, 2, 3], [[0.6, 0.8]]];
    tf.tidy(() => slicedWasserstein(x, Y, { weights: { a }, slices, normalise: 'standard' }));
    expect([x, a, slices]).toEqual([X, [1, 2, 3], [[0.6, 0.8]]]);
  });
});
