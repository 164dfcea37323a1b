import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { io, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { featureMapFromJSON, type FeatureMap, type FeatureMapJson, type Rows } from '../src/index';
import { FEATURE_MAPS } from './feature-maps';

/** Rounding of float32 by two orders of operations, relative to the largest value. */
const ROUNDING = 2e-5;
/** Central differences of float32 values with steps of 1e-2: rounding over the step, and the third derivative. */
const DIFFERENCES = 5e-3;
const STEP = 1e-2;

const SHAPE = { inputDim: 5, features: 12 };
const POINTS = 9;
const x = random.fillNormal(random.key(1), new Float32Array(POINTS * SHAPE.inputDim), { std: 0.5 });
const matrix = (): tf.Tensor2D => tf.tensor2d(x, [POINTS, SHAPE.inputDim]);
const rowsOf = (data: ArrayLike<number>): Rows => ({ data, shape: [data.length / SHAPE.inputDim, SHAPE.inputDim] });

function closely(expected: ArrayLike<number>, tolerance = ROUNDING): { rtol: number; atol: number } {
  return {
    rtol: 0,
    atol: tolerance * Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  };
}

/** The features of the points, the map disposed. */
function featuresOf(map: FeatureMap): Float32Array {
  const features = tf.tidy(() => map.transform(matrix()).dataSync<'float32'>());
  map.dispose();
  return features;
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  describe.each(FEATURE_MAPS)('$name', ({ make, degree, step, leastDim = 1 }) => {
    let map: FeatureMap;
    let reference: Float32Array;
    let phi: Float32Array;

    beforeAll(async () => {
      await useBackend('cpu');
      reference = featuresOf(make({ ...SHAPE, key: 7 }));
      await useBackend(backend);
      map = make({ ...SHAPE, key: 7 });
      phi = featuresOf(map);
    });
    afterAll(() => map.dispose());

    it('has the same features for the same key, on every backend, and others for another key', () => {
      expect(phi).toHaveLength(POINTS * SHAPE.features);
      expect(phi).toBeAllclose(reference, closely(reference));
      tf.tidy(() => {
        // Where a gradient is taken, the kernels of the backend are what computes.
        const { value } = tf.valueAndGrad((z: tf.Tensor) => map.transform(z as tf.Tensor2D))(matrix());
        expect(value.dataSync()).toBeAllclose(phi, closely(phi));
      });
      expect(featuresOf(make({ ...SHAPE, key: random.key(7) }))).toEqual(phi);
      expect(featuresOf(make({ ...SHAPE, key: 8 }))).not.toBeAllclose(phi, closely(phi, 0.1));
    });

    it('draws anew by resample, of the same kind', () => {
      const again = map.resample(8);
      expect([again.constructor, again.inputDim, again.features]).toEqual([map.constructor, 5, 12]);
      expect(featuresOf(again)).not.toBeAllclose(phi, closely(phi, 0.1));
      expect(featuresOf(map.resample(random.key(8)))).toEqual(featuresOf(map.resample(8)));
      const given = make({ ...SHAPE, weights: map.weights() });
      expect(featuresOf(given.resample(8))).toHaveLength(phi.length);
    });

    it('is the same again from its JSON, drawn or given', () => {
      const copy = (of: FeatureMap): FeatureMap => featureMapFromJSON(JSON.parse(JSON.stringify(of)) as FeatureMapJson);
      expect(featuresOf(copy(map))).toEqual(phi);
      expect(featuresOf(copy(make({ ...SHAPE, key: random.split(random.key(3))[1]! })))).toEqual(
        featuresOf(make({ ...SHAPE, key: random.split(random.key(3))[1]! })),
      );
      const given = make({ ...SHAPE, weights: map.weights() });
      expect(copy(given)).toBeInstanceOf(map.constructor);
      expect(featuresOf(copy(given))).toEqual(phi);
    });

    it('is the same again from its weights, through a file too', () => {
      expect(featuresOf(make({ ...SHAPE, weights: map.weights() }))).toEqual(phi);
      const { tensors } = io.readSafetensors(io.writeSafetensors(map.weights()));
      expect(featuresOf(make({ ...SHAPE, weights: tensors }))).toEqual(phi);
    });

    it.each([1, 7, undefined])('transforms blocks of %s rows as it does the whole', async (blockRows) => {
      const rows = await map.transformRows(rowsOf(x), blockRows === undefined ? {} : { blockRows });
      expect(rows.shape).toEqual([POINTS, SHAPE.features]);
      expect(rows.data).toBeAllclose(phi, closely(phi));
    });

    it('transforms pieces as it does the whole, in their order', async () => {
      const pieces = [0, 1, 5, 9].map((first, i, all) => x.subarray(5 * first, 5 * (all[i + 1] ?? first))).slice(0, 3);
      const shapes: number[][] = [];
      const data: number[] = [];
      for await (const piece of map.transformChunks(pieces.map(rowsOf), { blockRows: 2 })) {
        shapes.push(piece.shape);
        data.push(...piece.data);
      }
      expect(shapes).toEqual([1, 4, 4].map((rows) => [rows, SHAPE.features]));
      expect(Float32Array.from(data)).toBeAllclose(phi, closely(phi));
    });

    it('takes tensors, dense arrays, lists of rows and sparse rows alike', async () => {
      // Row 1 is empty; row 2 has column 3 twice and is not sorted.
      const sparse = {
        indptr: Int32Array.of(0, 2, 2, 6),
        indices: Int32Array.of(0, 4, 3, 1, 3, 0),
        data: Float32Array.of(0.5, -1, 0.25, 2, 0.5, -0.5),
        shape: [3, 5],
      };
      const lists = [
        [0.5, 0, 0, 0, -1],
        [0, 0, 0, 0, 0],
        [-0.5, 2, 0, 0.75, 0],
      ];
      const all: Rows[] = [sparse, lists, lists.map((row) => Float64Array.from(row)), rowsOf(lists.flat())];
      const expected = tf.tidy(() => map.transform(tf.tensor2d(lists)).dataSync());
      for (const rows of all) {
        for (const blockRows of [1, 3]) {
          const { data } = await map.transformRows(rows, { blockRows });
          expect(data).toBeAllclose(expected, closely(expected));
        }
      }
      const tensor = tf.tensor2d(lists);
      expect((await map.transformRows(tensor)).data).toBeAllclose(expected, closely(expected));
      tensor.dispose();
    });

    it('takes integers and gives float32', () => {
      tf.tidy(() => {
        const integers = tf.tensor2d([1, -2, 0, 3, 1], [1, 5], 'int32');
        const features = map.transform(integers);
        expect(features.dtype).toBe('float32');
        const expected = map.transform(integers.toFloat()).dataSync();
        expect(features.dataSync()).toBeAllclose(expected, closely(expected));
        expect(tf.grad((z: tf.Tensor) => map.transform(z as tf.Tensor2D))(integers.toFloat()).dtype).toBe('float32');
      });
    });

    it('estimates the kernel by the products of its features', () => {
      tf.tidy(() => {
        const z = matrix();
        const features = tf.tensor2d(phi, [POINTS, SHAPE.features]);
        const expected = tf.matMul(features, features, false, true).dataSync();
        const whole = map.kernel(z);
        expect(whole.dataSync()).toBeAllclose(expected, closely(expected));
        expect(whole.transpose().dataSync()).toBeAllclose(expected, closely(expected));
        const part = map.kernel(z.slice([2, 0], [3, 5]), z);
        expect(part.shape).toEqual([3, POINTS]);
        expect(part.dataSync()).toBeAllclose(whole.slice([2, 0], [3, -1]).dataSync(), closely(expected));
      });
    });

    it('has the gradient of its features', () => {
      const weight = random.fillNormal(random.key(2), new Float32Array(3 * SHAPE.features));
      const loss = (z: tf.Tensor): tf.Scalar =>
        map
          .transform(z as tf.Tensor2D)
          .mul(tf.tensor2d(weight, [3, SHAPE.features]))
          .sum<tf.Scalar>();
      const point = x.slice(0, 15);
      const at = (z: Float64Array): number =>
        tf.tidy(() => loss(tf.tensor2d(Float32Array.from(z), [3, 5])).dataSync()[0]!);
      const expected = finiteDifferences(at, point, STEP);
      tf.tidy(() => {
        const gradient = tf
          .grad(loss)(tf.tensor2d(point, [3, 5]))
          .dataSync();
        expect(gradient).toBeAllclose(expected, closely(expected, DIFFERENCES));
      });
    });

    it('is the same inside of compiled functions, features and gradients, whether used before or not', () => {
      const fresh = make({ ...SHAPE, key: 7 });
      const transform = jit((z: tf.Tensor2D) => fresh.transform(z));
      const loss = (z: tf.Tensor): tf.Scalar => {
        const features = fresh.transform(z as tf.Tensor2D);
        // Not the sum of squares, which of pairs of cosine and sine is constant.
        return features.square().mul<tf.Tensor>(features).sum();
      };
      const gradient = jit(tf.grad(loss));
      tf.tidy(() => {
        for (let run = 0; run < 2; run++) expect(transform(matrix()).dataSync()).toBeAllclose(phi, closely(phi));
        const compiled = gradient(matrix()).dataSync();
        const expected = tf.grad(loss)(matrix()).dataSync();
        expect(compiled).toBeAllclose(expected, closely(expected, 10 * ROUNDING));
        fresh.dispose();
        expect(transform(matrix()).dataSync()).toBeAllclose(phi, closely(phi));
        expect(gradient(matrix()).dataSync()).toBeAllclose(expected, closely(expected, 10 * ROUNDING));
      });
      fresh.dispose();
    });

    // Other kernels have no bias and no variance.
    const ofPolynomials = degree === null ? (): void => undefined : it;
    ofPolynomials('is homogeneous without a bias', () => {
      const homogeneous = make({ ...SHAPE, coef0: 0, key: 7 });
      tf.tidy(() => {
        for (const factor of [-1.5, 0, 2]) {
          const expected = homogeneous.transform(matrix()).mul(factor ** degree!).dataSync(); // prettier-ignore
          const { atol } = closely(expected);
          expect(homogeneous.transform(matrix().mul(factor)).dataSync()).toBeAllclose(expected, {
            rtol: 0,
            atol: atol || 1e-12,
          });
        }
      });
      homogeneous.dispose();
    });

    ofPolynomials('scales its features by the root of the variance', () => {
      const expected = featuresOf(make({ ...SHAPE, variance: 1, key: 7 })).map((value) => 3 * value);
      expect(featuresOf(make({ ...SHAPE, variance: 9, key: 7 }))).toBeAllclose(expected, closely(expected));
    });

    it.each([
      [1, 1],
      [1, 2],
      [2, 3],
      [3, 17],
      [8, 5],
      [17, 7],
    ])('can be made for %i coordinates and %i features, or twice as many', (coordinates, some) => {
      const inputDim = Math.max(coordinates, leastDim);
      const features = some * step;
      const odd = make({ inputDim, features, key: 3 });
      const points = random.fillNormal(random.key(4), new Float32Array(2 * inputDim));
      tf.tidy(() => {
        const phi = odd.transform(tf.tensor2d(points, [2, inputDim]));
        expect(phi.shape).toEqual([2, features]);
        // The second point alone, by the kernels that have gradients: a block more or less changes nothing.
        const one = tf.tensor2d(points.slice(inputDim), [1, inputDim]);
        const { value } = tf.valueAndGrad((z: tf.Tensor) => odd.transform(z as tf.Tensor2D))(one);
        expect(value.dataSync()).toBeAllclose(phi.dataSync().slice(features), closely(phi.dataSync()));
        expect(phi.dataSync().some((number) => number !== 0)).toBe(true);
      });
      odd.dispose();
    });

    it('leaves nothing behind but what it keeps, and that until it is disposed', async () => {
      const use = async (other: FeatureMap): Promise<void> => {
        tf.tidy(() => {
          other.transform(matrix());
          other.kernel(matrix());
          tf.grad((z: tf.Tensor) => other.transform(z as tf.Tensor2D))(matrix());
        });
        await other.transformRows(rowsOf(x), { blockRows: 4 });
      };
      await expect(async () => {
        const other = make({ ...SHAPE, key: 7 });
        await use(other);
        const { numTensors, numDataBuffers } = tf.memory();
        await use(other);
        expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
        other.dispose();
        // Once more after the end.
        await use(other);
        other.dispose();
        other.dispose();
      }).toLeakNothing();
      const z = matrix();
      map.transform(z).dispose();
      expect(() => map.transform(z)).toLeakNothing();
      z.dispose();
    });
  });
});
