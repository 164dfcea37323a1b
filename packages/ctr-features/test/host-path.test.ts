import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { srhtTransform } from '../src/sketches/host/srht-kernel';
import {
  CountSketch,
  PolynomialSketch,
  TensorSketch,
  type FeatureMap,
  type PolynomialSketchOptions,
  type TensorSketchOptions,
  type Weights,
} from '../src/index';

/**
 * Of the largest feature: a factor is a sum of at most 2^7 terms that grow by log2 2^7 additions, each with an error of
 * 2^-24; up to six factors make 6 * 8 * 2^-24 = 3e-6, relative to sizes of at most a few times the largest feature's.
 */
const ROUNDING = 2e-5;
/** Float64 inside: only the rounding of the input, the scale and the result, 2^-24 each for every factor. */
const ROUNDING_OF_COUNTS = 2e-6;

const values = (shape: [number, number], seed = 0): tf.Tensor2D =>
  random.normal(random.key(seed), shape) as tf.Tensor2D;

/** Rows of a tensor, as arrays. */
const rowsOf = (x: tf.Tensor2D): number[][] => x.arraySync();

/** Features by kernels that have gradients: values are not at hand while a gradient is taken. */
function onGraph(map: FeatureMap, x: tf.Tensor2D): Float32Array {
  let features: Float32Array | undefined;
  tf.tidy(() =>
    tf.grad((z: tf.Tensor) => {
      const phi = map.transform(z as tf.Tensor2D);
      features = phi.dataSync<'float32'>();
      return phi.sum();
    })(x),
  );
  return features!;
}

function onHost(map: FeatureMap, x: tf.Tensor2D): Float32Array {
  const phi = map.transform(x);
  const features = phi.dataSync<'float32'>();
  phi.dispose();
  return features;
}

function near(expected: ArrayLike<number>, tolerance: number): { rtol: number; atol: number } {
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return { rtol: 0, atol: tolerance * largest };
}

/** A point with its bias, in float64. */
function biased(row: readonly number[], { gamma = 1, coef0 = 0 }: PolynomialSketchOptions): number[] {
  const scaled = row.map((value) => Math.sqrt(gamma) * value);
  return coef0 > 0 ? [Math.sqrt(coef0), ...scaled] : scaled;
}

/** D_f^{-1/2} prod_i sum_j (-1)^{|r_i(l) & j|} s_i(j) x_j by the definition, [Re | Im]. */
function hadamardOracle(options: PolynomialSketchOptions, weights: Weights, x: number[][]): number[] {
  const { degree, features, variance = 1, mode = 'ctr' } = options;
  const complex = mode === 'ctr';
  const count = complex ? features / 2 : features;
  const read = (name: string): number[] => Array.from(weights[name]!.data, Number);
  const sign = (row: number, j: number): number => {
    let ones = 0;
    for (let bits = row & j; bits > 0; bits >>= 1) ones += bits & 1;
    return ones % 2 === 0 ? 1 : -1;
  };
  return x.flatMap((row) => {
    const z = biased(row, options);
    const length = 2 ** Math.ceil(Math.log2(z.length));
    const product = Array.from({ length: count }, () => [Math.sqrt(variance / count), 0] as [number, number]);
    for (let i = 0; i < degree; i++) {
      const rows = read(`perm.${i}`);
      const [re, im] = complex ? [read(`rad.${i}.re`), read(`rad.${i}.im`)] : [read(`rad.${i}`), null];
      product.forEach(([a, b], l) => {
        const start = rows[l]! - (rows[l]! % length);
        const sum = (signs: number[] | null): number =>
          z.reduce((total, value, j) => total + sign(rows[l]! % length, j) * (signs?.[start + j] ?? 0) * value, 0);
        const [c, d] = [sum(re), sum(im)];
        product[l] = [a * c - b * d, a * d + b * c];
      });
    }
    return complex ? [...product.map(([a]) => a), ...product.map(([, b]) => b)] : product.map(([a]) => a);
  });
}

/** The circular convolution of count sketches, by its sum. */
function countOracle(options: TensorSketchOptions, weights: Weights, x: number[][]): number[] {
  const { degree, features, variance = 1 } = options;
  return x.flatMap((row) => {
    const z = biased(row, options);
    let product = Array.from({ length: features }, (_, k) => (k === 0 ? Math.sqrt(variance) : 0));
    for (let i = 0; i < degree; i++) {
      const next = new Array<number>(features).fill(0);
      const [bucket, sign] = [weights[`ihash.${i}`]!.data, weights[`shash.${i}`]!.data];
      z.forEach((value, j) => {
        product.forEach((a, k) => {
          next[(k + Number(bucket[j])) % features]! += a * Number(sign[j]) * value;
        });
      });
      product = next;
    }
    return product;
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe('PolynomialSketch of Hadamard projections', () => {
    const check = (options: PolynomialSketchOptions, count: number): void => {
      const map = new PolynomialSketch(options);
      const x = values([count, options.inputDim], 3);
      const host = onHost(map, x);
      const expected = hadamardOracle(options, map.weights(), rowsOf(x));
      expect(host).toBeAllclose(expected, near(expected, ROUNDING));
      const graph = onGraph(map, x);
      expect(host).toBeAllclose(graph, near(graph, ROUNDING));
      x.dispose();
      map.dispose();
    };

    it.each([1, 2, 3, 4, 5, 8, 9, 31, 64, 65])('equals its definition and the graph with d = %i', (inputDim) => {
      check({ inputDim, features: 22, degree: 2, key: 1 }, 5);
      check({ inputDim, features: 22, degree: 2, coef0: 0.7, gamma: 0.3, variance: 2, key: 1 }, 5);
      check({ inputDim, features: 7, degree: 2, coef0: 0.7, mode: 'real', key: 1 }, 5);
    });

    it.each([1, 2, 3, 4, 5, 6])('equals them of degree %i', (degree) => {
      for (const srhtBlocks of ['shared', 'independent'] as const) {
        check({ inputDim: 6, features: 40, degree, coef0: 1, srhtBlocks, key: 2 }, 4);
        check({ inputDim: 6, features: 19, degree, coef0: 1, srhtBlocks, mode: 'real', key: 2 }, 4);
      }
    });

    it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 33])('equals them with %i features of a projection', (features) => {
      for (const srhtBlocks of ['shared', 'independent'] as const) {
        check({ inputDim: 8, features, degree: 3, mode: 'real', srhtBlocks, key: 3 }, 3);
        check({ inputDim: 8, features: 2 * features, degree: 3, srhtBlocks, key: 3 }, 3);
      }
    });

    it.each([1, 2, 3, 4, 5, 8, 11])('equals them for %i points', (count) => {
      check({ inputDim: 5, features: 24, degree: 2, coef0: 1, key: 4 }, count);
    });

    it('equals them over several blocks of the work space', () => {
      // 32 points of 2048 features are 2^18 bytes.
      check({ inputDim: 3, features: 2048, degree: 2, coef0: 1, key: 5 }, 37);
    });

    it('equals them whatever the sizes', () => {
      const sizes = fc.record({
        inputDim: fc.integer({ min: 1, max: 40 }),
        half: fc.integer({ min: 1, max: 50 }),
        degree: fc.integer({ min: 1, max: 4 }),
        coef0: fc.constantFrom(0, 1),
        mode: fc.constantFrom('real' as const, 'ctr' as const),
        srhtBlocks: fc.constantFrom('shared' as const, 'independent' as const),
        key: fc.nat(),
      });
      fc.assert(
        fc.property(sizes, fc.integer({ min: 1, max: 9 }), ({ half, mode, ...options }, count) => {
          check({ ...options, mode, features: mode === 'ctr' ? 2 * half : half }, count);
        }),
        { numRuns: 30, seed: 1 },
      );
    });

    it('takes signs of any complex values and rows of any block', () => {
      const options = { inputDim: 6, features: 12, degree: 2, srhtBlocks: 'independent' } as const;
      const weights = new PolynomialSketch({ ...options, inputDim: 3, key: 1 }).weights();
      const given = Object.fromEntries(
        Object.keys(weights).map((name, i) => {
          if (name.startsWith('perm'))
            return [name, { dtype: 'I32', shape: [6], data: Int32Array.of(7, 0, 7, 3, 5, 1) }];
          const data = random.fillNormal(random.key(i), new Float32Array(8));
          return [name, { dtype: 'F32', shape: [1, 1, 8], data }];
        }),
      ) as Weights;
      const map = new PolynomialSketch({ ...options, weights: given });
      const x = values([3, 6]);
      const expected = hadamardOracle({ ...options, weights: given }, given, rowsOf(x));
      expect(onHost(map, x)).toBeAllclose(expected, near(expected, ROUNDING));
      x.dispose();
      map.dispose();
    });

    it('gives the same for sparse rows, those of repeated columns too', async () => {
      const map = new PolynomialSketch({ inputDim: 5, features: 30, degree: 3, coef0: 0.5, key: 1 });
      const sparse = { indptr: [0, 3, 3, 5], indices: [4, 1, 1, 0, 3], data: [2, 0.5, 0.25, -1, 3], shape: [3, 5] };
      const dense = [
        [0, 0.75, 0, 0, 2],
        [0, 0, 0, 0, 0],
        [-1, 0, 0, 3, 0],
      ];
      // Before, so that a work space that is not cleared shows.
      await map.transformRows([[9, 9, 9, 9, 9], [9, 9, 9, 9, 9]]); // prettier-ignore
      expect(await map.transformRows(sparse)).toEqual(await map.transformRows(dense));
    });

    it('gives each of several maps its own features, in any order of calls', () => {
      const maps = [
        new PolynomialSketch({ inputDim: 20, features: 100, degree: 3, coef0: 1, key: 1 }),
        new PolynomialSketch({ inputDim: 3, features: 9, degree: 1, mode: 'real', key: 2 }),
        new PolynomialSketch({ inputDim: 70, features: 64, degree: 2, srhtBlocks: 'independent', key: 3 }),
      ];
      const inputs = maps.map(({ inputDim }, i) => values([6, inputDim], i));
      const alone = maps.map((map, i) => onHost(map, inputs[i]!).slice());
      for (const i of [2, 0, 1, 0, 2, 1]) expect(onHost(maps[i]!, inputs[i]!)).toEqual(alone[i]);
      tf.dispose(inputs);
    });

    it('gives features that later calls leave alone', async () => {
      const map = new PolynomialSketch({ inputDim: 4, features: 16, degree: 2, key: 1 });
      const { data } = await map.transformRows([[1, 2, 3, 4]]);
      const before = data.slice();
      await map.transformRows([[5, -6, 7, 8]]);
      expect(data).toEqual(before);
      expect(data.buffer.byteLength).toBe(data.byteLength);
    });

    it('asks for memory once', () => {
      const map = new PolynomialSketch({ inputDim: 900, features: 8192, degree: 2, key: 1 });
      const x = values([50, 900]);
      onHost(map, x);
      const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow');
      for (let i = 0; i < 20; i++) onHost(map, x);
      expect(grow).not.toHaveBeenCalled();
      x.dispose();
    });

    it('names a row that is not finite, and works on', async () => {
      const map = new PolynomialSketch({ inputDim: 2, features: 256, degree: 2, coef0: 1, key: 1 });
      const good = Array.from({ length: 300 }, (_, i) => [i, 1]);
      const expected = await map.transformRows(good);
      const bad = good.with(270, [NaN, 1]);
      await expect(map.transformRows(bad)).rejects.toThrow(
        new RangeError('ctr-features.PolynomialSketch.transformRows: row 270 of x must have finite numbers, got NaN.'),
      );
      expect(await map.transformRows(good)).toEqual(expected);
    });

    it('leaves no tensors behind', () => {
      const map = new PolynomialSketch({ inputDim: 4, features: 16, degree: 2, key: 1 });
      const x = values([3, 4]);
      expect(() => map.transform(x).dispose()).toLeakNothing();
      x.dispose();
    });
  });

  describe('TensorSketch', () => {
    it.each([1, 2, 3, 4, 5, 8, 15, 16, 97])('equals its definition and the graph with %i buckets', (features) => {
      for (const degree of [1, 2, 3, 4]) {
        const options = { inputDim: 6, features, degree, coef0: 0.6, gamma: 0.4, variance: 3, key: degree };
        const map = new TensorSketch(options);
        const x = values([4, 6]);
        const host = onHost(map, x);
        const expected = countOracle(options, map.weights(), rowsOf(x));
        expect(host).toBeAllclose(expected, near(expected, ROUNDING_OF_COUNTS));
        const graph = onGraph(map, x);
        expect(host).toBeAllclose(graph, near(graph, ROUNDING));
        x.dispose();
        map.dispose();
      }
    });

    it('equals its definition without a bias', () => {
      const options = { inputDim: 9, features: 12, degree: 2, key: 1 };
      const map = new TensorSketch(options);
      const x = values([3, 9]);
      const expected = countOracle(options, map.weights(), rowsOf(x));
      expect(onHost(map, x)).toBeAllclose(expected, near(expected, ROUNDING_OF_COUNTS));
      x.dispose();
    });

    it('gives the same for a tensor, lists and sparse rows', async () => {
      const map = new TensorSketch({ inputDim: 4, features: 10, degree: 2, coef0: 1, key: 1 });
      const lists = [
        [0, 1.5, 0, 2],
        [0, 0, 0, 0],
        [3, 0, 0, 0],
      ];
      const sparse = { indptr: [0, 3, 3, 4], indices: [3, 1, 1, 0], data: [2, 1, 0.5, 3], shape: [3, 4] };
      const expected = await map.transformRows(lists);
      const x = tf.tensor2d(lists);
      expect(await map.transformRows(x)).toEqual(expected);
      expect(await map.transformRows(sparse)).toEqual(expected);
      x.dispose();
    });

    it.each([
      ['a list', [[1, 2], [3, Infinity]]], // prettier-ignore
      ['an array', { data: [1, 2, 3, Infinity], shape: [2, 2] }],
      ['sparse rows', { indptr: [0, 1, 2], indices: [0, 1], data: [1, Infinity], shape: [2, 2] }],
    ])('names a row of %s that is not finite', async (_, rows) => {
      const map = new CountSketch({ inputDim: 2, features: 3, key: 1 });
      await expect(map.transformRows(rows)).rejects.toThrow(
        new RangeError('ctr-features.CountSketch.transformRows: row 1 of x must have finite numbers, got Infinity.'),
      );
    });

    it('names a column that there is not', async () => {
      const map = new CountSketch({ inputDim: 2, features: 3, key: 1 });
      await expect(map.transformRows({ indptr: [0, 1], indices: [2], data: [1], shape: [1, 2] })).rejects.toThrow(
        new RangeError('ctr-features.CountSketch.transformRows: x.indices[0] must be a column below 2, got 2.'),
      );
    });
  });
});

describe('the kernel of Hadamard projections', () => {
  const options = { inputDim: 5, features: 12, degree: 2, coef0: 1, key: 1 };

  it('is left out where its module does not compile, as without SIMD', async () => {
    await useBackend('cpu');
    const x = values([3, 5]);
    const expected = onGraph(new PolynomialSketch(options), x);
    const compile = vi.spyOn(WebAssembly, 'Module').mockImplementation(function () {
      throw new WebAssembly.CompileError('no SIMD');
    });
    vi.resetModules();
    const fresh = await import('../src/index');
    expect(onHost(new fresh.PolynomialSketch(options), x)).toEqual(expected);
    expect(onHost(new fresh.PolynomialSketch(options), x)).toEqual(expected);
    expect(compile).toHaveBeenCalledTimes(1);
  });

  it('is left out where there is no WebAssembly', async () => {
    await useBackend('cpu');
    const x = values([3, 5]);
    const expected = onGraph(new PolynomialSketch(options), x);
    vi.stubGlobal('WebAssembly', undefined);
    vi.resetModules();
    const fresh = await import('../src/index');
    try {
      expect(onHost(new fresh.PolynomialSketch(options), x)).toEqual(expected);
    } finally {
      vi.unstubAllGlobals();
    }
  });

  it('is left out where it would need more than 64 MiB', () => {
    const kernel = { inputDim: 2 ** 20, degree: 1, gamma: 1, coef0: 0, variance: 1 };
    const projection = (paddedDim: number): never => {
      const signs = { re: new Float32Array(paddedDim), im: new Float32Array(paddedDim) };
      return { paddedDim, blocks: 1, rows: new Int32Array(1), signs } as never;
    };
    expect(srhtTransform([projection(2 ** 20)], kernel)).toBeNull();
    expect(srhtTransform([projection(2 ** 19)], { ...kernel, inputDim: 2 ** 19 })).not.toBeNull();
  });

  it('is what wasm/srht.ts compiles to', () => {
    const [build, built] = ['../wasm/build.mjs', '../src/sketches/host/srht-wasm.ts'].map((file) => fileURLToPath(new URL(file, import.meta.url))); // prettier-ignore
    const compiled = execFileSync(process.execPath, [build!], { encoding: 'utf8' });
    expect(compiled).toBe(readFileSync(built!, 'utf8').replaceAll('\r\n', '\n'));
  });
});
