import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { NormalEquations } from '../src/models';
import { crossProduct, normals, rowsOf } from './models-support';

/** u, the relative rounding of float32. */
const U = 2 ** -24;
const [D, K] = [6, 2];

/**
 * Entry (i, j) of a product of N float32 rows is wrong by at most N u sqrt(g_ii g_jj) (Cauchy-Schwarz), and by one more u
 * for each of two roots of weights.
 */
const bound = (N: number, gram: Float64Array, i: number, j: number): number =>
  (N + 2) * U * Math.sqrt(gram[i * D + i]! * gram[j * D + j]!);

describe.each(backendsUnderTest())('NormalEquations on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const phi = normals(1, 50, D);
  const y = Float64Array.from(normals(2, 50, K));
  const weights = Float64Array.from(normals(3, 50), Math.abs);

  it.each([
    ['without weights', undefined],
    ['with weights', weights],
  ])('are the products in float64 up to the rounding of a chunk, %s', async (_, w) => {
    const sums = new NormalEquations({ features: D, outputs: K });
    await sums.add(rowsOf(phi, D), y, w);
    const times = (values: ArrayLike<number>, width: number): Float64Array =>
      Float64Array.from(values, (value, at) => value * (w?.[Math.floor(at / width)] ?? 1));
    const gram = crossProduct(phi, times(phi, D), 50);
    const cross = crossProduct(phi, times(y, K), 50);
    const squares = crossProduct(y, times(y, K), 50);
    for (let i = 0; i < D; i++) {
      for (let j = 0; j < D; j++) {
        expect(Math.abs(sums.gram.data[i * D + j]! - gram[i * D + j]!)).toBeLessThanOrEqual(bound(50, gram, i, j));
        expect(sums.gram.data[i * D + j]).toBe(sums.gram.data[j * D + i]);
      }
      for (let k = 0; k < K; k++) {
        const most = 54 * U * Math.sqrt(gram[i * D + i]! * squares[k * K + k]!);
        expect(Math.abs(sums.cross.data[i * K + k]! - cross[i * K + k]!)).toBeLessThanOrEqual(most);
      }
    }
    const ones = new Float64Array(50).fill(1);
    const exact = { rtol: 1e-12, atol: 1e-12 };
    expect(sums.featureSums).toBeAllclose(crossProduct(ones, times(phi, D), 50), exact);
    expect(sums.targetSums).toBeAllclose(crossProduct(ones, times(y, K), 50), exact);
    expect(sums.targetSquares).toBeAllclose([squares[0]!, squares[3]!], exact);
    expect(sums.weight).toBeAllclose(
      (w ?? ones).reduce((a, b) => a + b),
      exact,
    );
    expect(sums.count).toBe(50);
  });

  it('do not depend on how rows are cut, up to the rounding of chunks, and lose what is taken away', async () => {
    const whole = new NormalEquations({ features: D, outputs: K });
    await whole.add(rowsOf(phi, D), y);
    const gram = crossProduct(phi, phi, 50);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 4 }), async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), 50];
        const sums = new NormalEquations({ features: D, outputs: K });
        const part = new NormalEquations({ features: D, outputs: K });
        for (const [c, from] of edges.slice(0, -1).entries()) {
          const to = edges[c + 1]!;
          const target = c % 2 === 0 ? sums : part;
          await target.add(rowsOf(phi.slice(from * D, to * D), D), y.subarray(from * K, to * K));
        }
        const half = sums.gram.data.slice();
        sums.addAll(part);
        expect(sums.count).toBe(50);
        sums.gram.data.forEach((value, at) => {
          const most = 2 * bound(50, gram, Math.floor(at / D), at % D);
          expect(Math.abs(value - whole.gram.data[at]!)).toBeLessThanOrEqual(most);
        });
        sums.addAll(part, -1);
        expect(sums.gram.data).toBeAllclose(half, { rtol: 1e-12, atol: 1e-12 });
        expect(sums.count + part.count).toBe(50);
      }),
      { numRuns: 10 },
    );
  });

  it('leave no tensors behind', async () => {
    await expect(async () => {
      await new NormalEquations({ features: D, outputs: K }).add(rowsOf(phi, D), y, weights);
    }).toLeakNothing();
  });
});

describe('NormalEquations', () => {
  const where = 'ctr-features.NormalEquations';
  const sums = new NormalEquations({ features: 2 });

  it('have one output by default, and none of a chunk without rows', async () => {
    expect(sums.outputs).toBe(1);
    await sums.add({ data: new Float32Array(0), shape: [0, 2] }, []);
    expect(sums.count).toBe(0);
  });

  it.each([
    [() => new NormalEquations({ features: 0 }), `${where}: features must be an integer >= 1, got 0.`],
    [() => new NormalEquations({ features: 1, outputs: 0.5 }), `${where}: outputs must be an integer >= 1, got 0.5.`],
    [
      () => sums.addAll(new NormalEquations({ features: 3 })),
      `${where}.addAll: other must have 2 features and 1 outputs, got [3, 1].`,
    ],
  ])('refuse sizes: %#', (make, message) => {
    expect(make).toThrow(message);
  });

  it.each([
    [[1, 2, 3], [1, 3], [1], undefined, 'phi must have 2 columns, got [1, 3].'],
    [[1, 2], [1, 2], [1, 2], undefined, 'y must have 1 numbers, got 2.'],
    [[1, 2], [1, 2], [1], [1, 2], 'weights must have 1 numbers, got 2.'],
    [[1, 2], [1, 2], [1], [-1], 'weights[0] must be a finite number >= 0, got -1.'],
    [[1, 2], [1, 2], [NaN], undefined, 'y[0] must be a finite number, got NaN.'],
    [[1, Infinity], [1, 2], [1], undefined, 'column 1 of phi must have finite numbers, got Infinity.'],
  ])('refuse chunks: %#', async (phi, shape, y, weights, message) => {
    const rows = { data: Float32Array.from(phi), shape: shape as [number, number] };
    await expect(sums.add(rows, y, weights)).rejects.toThrow(`${where}.add: ${message}`);
    expect(sums.count).toBe(0);
  });
});
