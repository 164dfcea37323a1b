import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolynomialSketch, type FeatureMap, type Rows } from '../src/index';
import { DirichletClassifier, FeatureGP, RidgeOnFeatures, SoftmaxRegression } from '../src/models';
import { crossProduct, eliminated, GivenFeatures, normals, rowsOf } from './models-support';

const D = 3;
const x = normals(1, 20, D);
const y = Int32Array.from({ length: 20 }, (_, i) => i % 2);
const sketch = (): FeatureMap => new PolynomialSketch({ inputDim: D, features: 8, degree: 2, key: 1 });

/** Every model that is fitted to features of rows and to what two classes can be taken for too. */
const models = {
  RidgeOnFeatures: (map: FeatureMap) => new RidgeOnFeatures({ map, lambda: 1 }),
  FeatureGP: (map: FeatureMap) => new FeatureGP({ map, noiseVariance: 1 }),
  DirichletClassifier: (map: FeatureMap) => new DirichletClassifier({ map, classes: 2 }),
  SoftmaxRegression: (map: FeatureMap) => new SoftmaxRegression({ map }),
};
type Source = Parameters<RidgeOnFeatures['fit']>[0];
interface Model {
  fit(x: Source, y?: ArrayLike<number>, options?: { signal?: AbortSignal; blockRows?: number }): Promise<Model>;
  dispose(): void;
}
const make = (name: string, map: FeatureMap): Model => models[name as keyof typeof models](map);
const names = Object.keys(models);
const piece = (from: number, to: number): { x: { data: Float32Array; shape: [number, number] }; y: Int32Array } => ({
  x: rowsOf(x.slice(from * D, to * D), D),
  y: y.slice(from, to),
});
const withNaN = (): { x: { data: Float32Array; shape: [number, number] }; y: Int32Array } => {
  const broken = piece(8, 20);
  broken.x.data[5 * D + 1] = NaN;
  return broken;
};

describe.each(backendsUnderTest())('fits on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const rejected = async (name: string, source: unknown, options: { signal?: AbortSignal } = {}): Promise<unknown> => {
    const map = sketch();
    const model = make(name, map);
    const error: unknown = await model.fit(source as Source, undefined, options).catch((cause: unknown) => cause);
    model.dispose();
    return error;
  };

  it.each(names)('%s leaves nothing behind when its source throws', async (name) => {
    await expect(async () => {
      const source = function* (): Generator<unknown> {
        yield piece(0, 8);
        throw new Error('the disk is gone');
      };
      expect(await rejected(name, source())).toEqual(new Error('the disk is gone'));
    }).toLeakNothing();
  });

  it.each(names)('%s names the row of a stream that is not finite, and leaves nothing behind', async (name) => {
    await expect(async () => {
      expect(await rejected(name, [piece(0, 8), withNaN()])).toEqual(
        new RangeError('ctr-features.PolynomialSketch.transformChunks: row 13 of x must have finite numbers, got NaN.'),
      );
    }).toLeakNothing();
  });

  it.each(names)('%s stops between pieces, closes its source, and leaves nothing behind', async (name) => {
    await expect(async () => {
      const control = new AbortController();
      let closed = false;
      const source = async function* (): AsyncGenerator<unknown> {
        try {
          yield await Promise.resolve(piece(0, 8));
          control.abort(new Error('enough'));
          yield piece(8, 20);
        } finally {
          closed = true;
        }
      };
      expect(await rejected(name, source(), { signal: control.signal })).toEqual(new Error('enough'));
      expect(closed).toBe(true);
    }).toLeakNothing();
  });

  it('take rows of every form for the same', async () => {
    const fit = async (rows: Rows | tf.Tensor2D, options = {}): Promise<Float64Array> => {
      const model = await new RidgeOnFeatures({ map: sketch(), lambda: 1 }).fit(rows, y, options);
      model.dispose();
      return model.coefficients.data;
    };
    const dense = { data: x, shape: [20, D] };
    const expected = await fit(dense, { blockRows: 6 });
    const list = Array.from({ length: 20 }, (_, i) => Array.from(x.subarray(i * D, (i + 1) * D)));
    const sparse = {
      indptr: Array.from({ length: 21 }, (_, i) => i * D),
      indices: Array.from(x, (_, at) => at % D),
      data: x,
      shape: [20, D],
    };
    const tensor = tf.tensor2d(x, [20, D]);
    for (const rows of [list, sparse, tensor, { data: Array.from(x), shape: [20, D] }]) {
      expect(await fit(rows, { blockRows: 6 })).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-7 });
    }
    tensor.dispose();
  });

  it('take targets of every form for the same', async () => {
    const two = normals(2, 20, 2);
    const fit = async (targets: Parameters<RidgeOnFeatures['fit']>[1]): Promise<Float64Array> =>
      (await new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1 }).fit(rowsOf(x, D), targets)).coefficients
        .data;
    const expected = await fit({ data: two, shape: [20, 2] });
    const tensor = tf.tensor2d(two, [20, 2]);
    expect(await fit(tensor)).toEqual(expected);
    tensor.dispose();
    expect(await fit(Array.from({ length: 20 }, (_, i) => two.subarray(2 * i, 2 * i + 2)))).toEqual(expected);
  });
});

describe('streams', () => {
  beforeAll(() => useBackend('cpu'));

  it('may be cut anywhere, in blocks of any size', async () => {
    const targets = normals(2, 20);
    const gram = crossProduct(x, x, 20);
    for (let j = 0; j < D; j++) gram[j * D + j]! += 1;
    const expected = eliminated(gram, crossProduct(x, targets, 20), D);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 19 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 25 }),
        async (cuts, blockRows) => {
          const edges = [0, ...cuts.sort((a, b) => a - b), 20];
          const pieces = edges.slice(1).map((to, i) => ({
            x: rowsOf(x.slice(edges[i]! * D, to * D), D),
            y: targets.slice(edges[i], to),
          }));
          const seen: number[] = [];
          const model = new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1, intercept: false });
          await model.fit(pieces, undefined, { blockRows, onProgress: (rows) => seen.push(rows) });
          // Rounding of float32 in Gram matrices, times a condition number below 10.
          expect(model.coefficients.data).toBeAllclose(expected, { rtol: 0, atol: 1e-5 });
          expect(seen.at(-1)).toBe(20);
          expect(seen).toEqual([...seen].sort((a, b) => a - b));
        },
      ),
      { numRuns: 20 },
    );
  });

  const fit = (source: unknown, targets?: unknown, map: FeatureMap = new GivenFeatures(D)): Promise<unknown> =>
    new RidgeOnFeatures({ map, lambda: 1 }).fit(source as Source, targets as Int32Array);
  const where = 'ctr-features.RidgeOnFeatures.fit';
  const rows = rowsOf(x, D);

  it.each([
    [rows, undefined, 'y must be given, or x be a stream of { x, y }, got undefined.'],
    [[], undefined, 'x must have at least one row, got "none".'],
    [[{ x: rows }], undefined, 'a piece of the stream must be { x, y }, got an object.'],
    [[3], undefined, 'a piece of the stream must be { x, y }, got 3.'],
    [rowsOf(x.slice(0, 12), 4), [1, 2, 3], 'x must have 3 columns, got [3, 4].'],
    [rows, [1], 'y must have the shape [20] or [20, k], got [1].'],
    [rows, { data: [1], shape: [20] }, 'y must have the shape [20] or [20, k], got [20].'],
    [rows, 7, 'y must be numbers, rows of numbers, { data, shape } or a tensor, got 7.'],
    [rows, [[1, 2], [3]], 'y[1] must have 2 numbers as the first row, got 1.'],
    [[piece(0, 5), { ...piece(5, 7), y: [1, NaN] }], undefined, 'row 6 of y must have finite numbers, got NaN.'],
    [
      [piece(0, 5), { ...piece(5, 7), y: [[1, 2], [3, 4]] }], // prettier-ignore
      undefined,
      'y must have the shape [2], got [2, 2].',
    ],
  ])('are refused: %#', async (source, targets, message) => {
    await expect(fit(source, targets)).rejects.toThrow(`${where}: ${message}`);
  });

  it('refuse tensors of other ranks, and blocks without rows', async () => {
    const line = tf.tensor1d([1, 2]);
    await expect(fit(line, [1, 2])).rejects.toThrow(
      `${where}: x must have the shape [n, d], got a float32 tensor of shape [2].`,
    );
    line.dispose();
    const model = new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1 });
    await expect(model.fit(rows, y, { blockRows: 0 })).rejects.toThrow(
      `${where}: blockRows must be an integer >= 1, got 0.`,
    );
    await model.fit(rows, y);
    await expect(model.predict(rows, { blockRows: 0.5 })).rejects.toThrow(
      'ctr-features.RidgeOnFeatures.predict: blockRows must be an integer >= 1, got 0.5.',
    );
    await expect(model.predict([[1, 2]])).rejects.toThrow(
      'ctr-features.RidgeOnFeatures.predict: x must have 3 columns, got [1, 2].',
    );
  });

  it('are not asked further once the signal is given, also in predictions', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    const model = await new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1 }).fit(rows, y);
    await expect(model.predict(rows, { signal })).rejects.toThrow('enough');
    await expect(model.fit(rows, y, { signal })).rejects.toThrow('enough');
    const control = new AbortController();
    const search = new RidgeOnFeatures({ map: new GivenFeatures(D) });
    const stopping = search.fit(rows, y, { onProgress: () => setTimeout(() => control.abort(new Error('later')), 5), signal: control.signal }); // prettier-ignore
    await expect(stopping).rejects.toThrow('later');
  });
});
