// The random numbers that maps draw have the means and variances that are predicted.
import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolynomialSketch, TensorSketch, type PolynomialSketchOptions } from '../src/index';
import { tensorSketchVariance } from '../src/errors/tensor-sketch-variance';
import { sketchVariance, type SketchShape } from '../src/errors/variance';
import { fourthMoment, hadamard, power, projected, times, type Complex } from './moment-oracle';
import { momentsOf, randomPoints } from './pairs';

/** Standard errors that a statistic may be away: one in 150 000 where it is normal. */
const DEVIATIONS = 4.5;
/** float32 features of up to three factors. */
const FLOAT32 = 1e-4;

/** Two points and a pair that is far from orthogonal. */
const [x, y] = [Float32Array.of(0.9, -0.5, 0.4), Float32Array.of(0.7, 0.2, 0.8)];
const DEGREES = [1, 2, 3];
const MODES = ['real', 'complex', 'ctr'] as const;

/** The features of both points. */
interface Features {
  x: Complex[];
  y: Complex[];
}

/** The complex features of both points, of a map of one kind with many features. */
function manyFeatures(options: PolynomialSketchOptions): Features {
  const map = new PolynomialSketch(options);
  const [phiX, phiY] = tf.tidy(() => {
    const points = tf.tensor2d([...x, ...y], [2, 3]);
    const { re, im } = options.mode === 'real' ? { re: map.transform(points), im: null } : map.transformComplex(points);
    const [a, b] = [re.dataSync(), im?.dataSync()];
    const count = a.length / 2;
    const row = (i: number): Complex[] => Array.from({ length: count }, (_, l) => [a[i * count + l]!, b?.[i * count + l] ?? 0]); // prettier-ignore
    return [row(0), row(1)];
  });
  map.dispose();
  return { x: phiX, y: phiY };
}

/** k_hat of some of the features, of `scale` times their number. */
function estimateOf({ x, y }: Features, first: number, count: number, scale: number): Complex {
  let [re, im] = [0, 0];
  for (let l = first; l < first + count; l++) {
    const [a, b] = times(x[l]!, [y[l]![0], -y[l]![1]]);
    re += scale * a;
    im += scale * b;
  }
  return [re, im];
}

/**
 * Compares draws of k_hat with a closed form: their mean, and E |k_hat - k|^2.
 *
 * @param fourth  E |k_hat - k|^4, by default that of the draws: estimates from signs have light tails
 */
function expectMoments(
  draws: Complex[],
  mode: SketchShape['mode'],
  { kernel, variance, fourth }: { kernel: number; variance: number; fourth?: number },
): void {
  const used = draws.map(([re, im]): Complex => [re, mode === 'complex' ? im : 0]);
  const mean = (of: (draw: Complex) => number): number => used.reduce((sum, draw) => sum + of(draw), 0) / used.length;
  const squared = ([re, im]: Complex): number => (re - kernel) ** 2 + im ** 2;
  const rounding = FLOAT32 * Math.abs(kernel);
  const standardError = Math.sqrt(variance / used.length);
  expect(Math.abs(mean(([re]) => re) - kernel)).toBeLessThan(DEVIATIONS * standardError + rounding);
  expect(Math.abs(mean(([, im]) => im))).toBeLessThan(DEVIATIONS * standardError + rounding);
  // Var of a mean of squares of R draws: (E |.|^4 - (E |.|^2)^2) / R.
  const spread = Math.sqrt(((fourth ?? mean((draw) => squared(draw) ** 2)) - variance ** 2) / used.length);
  expect(spread).toBeLessThan(0.15 * variance);
  expect(Math.abs(mean(squared) - variance)).toBeLessThan(DEVIATIONS * spread);
}

beforeAll(() => useBackend('cpu'));

/** Points of the plane with the same norms and inner product: all that matters to normal weights. */
function inPlane(x: Float32Array, y: Float32Array): [number[], number[]] {
  const { s, norms } = momentsOf(x, y);
  const norm = Math.sqrt(momentsOf(x, x).s);
  return [
    [norm, 0],
    [s / norm, Math.sqrt(norms - s ** 2) / norm],
  ];
}

describe('features with independent weights', () => {
  const kinds = (['gaussian', 'rademacher'] as const).flatMap((projection) =>
    MODES.flatMap((mode) => DEGREES.map((degree) => ({ projection, mode, degree }))),
  );

  it.each(kinds)(
    '$projection $mode, degree $degree: each is an estimate of its own',
    ({ projection, mode, degree }) => {
      // The fourth moments of products of normal numbers are large.
      const count = projection === 'gaussian' && degree === 3 ? 100_000 : 10_000;
      const parts = mode === 'ctr' ? 2 : 1;
      const features = manyFeatures({ inputDim: 3, features: count * parts, degree, projection, mode, key: 11 });
      const draws = Array.from({ length: count }, (_, l) => estimateOf(features, l, 1, count));
      const shape = { projection, mode, degree, features: parts, inputDim: 3 };
      const pair = momentsOf(x, y);
      expectMoments(draws, mode, {
        kernel: pair.s ** degree,
        variance: sketchVariance(pair, shape),
        fourth: projection === 'gaussian' ? fourthMoment(...inPlane(x, y), shape) : fourthMoment(x, y, shape),
      });
    },
  );
});

/** The draws for features of Hadamard matrices: fewer than d' = 4, and more. */
const COUNTS = [3, 6];
const DRAWS = 4000;

describe('features from independent blocks', () => {
  const kinds = MODES.flatMap((mode) => DEGREES.flatMap((degree) => COUNTS.map((count) => ({ mode, degree, count }))));

  it.each(kinds)('$mode, degree $degree: $count rows are an estimate', ({ mode, degree, count }) => {
    const parts = mode === 'ctr' ? 2 : 1;
    // Each draw has whole blocks of its own, and uses the first features of them.
    const each = 4 * Math.ceil(count / 4);
    const all = DRAWS * each;
    const made = { inputDim: 3, features: all * parts, degree, mode, srhtBlocks: 'independent', key: 12 } as const;
    const features = manyFeatures(made);
    const draws = Array.from({ length: DRAWS }, (_, r) => estimateOf(features, r * each, count, all / count));
    const pair = momentsOf(x, y);
    const shape = { projection: 'srht', srhtBlocks: 'independent', mode, degree, inputDim: 3 } as const;
    const variance = sketchVariance(pair, { ...shape, features: count * parts });
    expectMoments(draws, mode, { kernel: pair.s ** degree, variance });
  });
});

/** phi_C of a product sketch with shared signs, from its random numbers. */
function sharedFeatures(map: PolynomialSketch, point: Float32Array): Complex[] {
  const weights = map.weights();
  const { degree } = map.kernelOptions;
  const count = map.projectedFeatures;
  return Array.from({ length: count }, (_, l) => {
    let product: Complex = [count ** -0.5, 0];
    for (let i = 0; i < degree; i++) {
      const [re, im] = map.mode === 'real' ? [weights[`rad.${i}`]!.data, null] : [weights[`rad.${i}.re`]!.data, weights[`rad.${i}.im`]!.data]; // prettier-ignore
      const row = Number(weights[`perm.${i}`]!.data[l]);
      const w = Array.from(point, (_, j): Complex => [Number(re[j]) * hadamard(row, j), Number(im?.[j] ?? 0) * hadamard(row, j)]); // prettier-ignore
      product = times(product, projected(w, point));
    }
    return product;
  });
}

describe('features with shared signs', () => {
  const kinds = MODES.flatMap((mode) => DEGREES.map((degree) => ({ mode, degree })));

  it.each(kinds)('$mode, degree $degree: one estimate a key', ({ mode, degree }) => {
    const count = 6;
    const made = { inputDim: 3, features: mode === 'ctr' ? 2 * count : count, degree, mode, key: 0 };
    const draws = Array.from({ length: DRAWS }, (_, key) => {
      const map = new PolynomialSketch({ ...made, key });
      return estimateOf({ x: sharedFeatures(map, x), y: sharedFeatures(map, y) }, 0, count, 1);
    });
    const pair = momentsOf(x, y);
    const shape = { projection: 'srht', mode, degree, inputDim: 3, features: made.features } as const;
    expectMoments(draws, mode, { kernel: pair.s ** degree, variance: sketchVariance(pair, shape) });
    // The features are those of the map.
    const ofMap = manyFeatures({ ...made, key: 0 });
    const map = new PolynomialSketch(made);
    const ours = sharedFeatures(map, x).flat();
    expect(ofMap.x.flat()).toBeAllclose(ours, { rtol: 0, atol: FLOAT32 });
  });
});

describe('TensorSketch', () => {
  /** The convolution of its count sketches. */
  function features(map: TensorSketch, point: Float32Array): number[] {
    const weights = map.weights();
    let product = [1, ...new Array<number>(map.features - 1).fill(0)];
    for (let i = 0; i < map.kernelOptions.degree; i++) {
      const next = new Array<number>(map.features).fill(0);
      point.forEach((value, j) => {
        const shift = Number(weights[`ihash.${i}`]!.data[j]);
        const signed = Number(weights[`shash.${i}`]!.data[j]) * value;
        product.forEach((factor, k) => (next[(k + shift) % map.features]! += signed * factor));
      });
      product = next;
    }
    return product;
  }

  it.each(DEGREES.flatMap((degree) => [5, 6].map((count) => [degree, count] as const)))(
    'of degree %i, %i features: one estimate a key',
    (degree, count) => {
      const made = { inputDim: 3, features: count, degree };
      const draws = Array.from({ length: DRAWS }, (_, key): Complex => {
        const map = new TensorSketch({ ...made, key });
        const [phiX, phiY] = [features(map, x), features(map, y)];
        return [phiX.reduce((sum, value, k) => sum + value * phiY[k]!, 0), 0];
      });
      const pair = momentsOf(x, y);
      const variance = tensorSketchVariance(pair, { degree, features: count });
      expectMoments(draws, 'real', { kernel: pair.s ** degree, variance });
      const map = new TensorSketch({ ...made, key: 3 });
      const ofMap = tf.tidy(() => map.transform(tf.tensor2d([...x], [1, 3])).dataSync());
      expect(ofMap).toBeAllclose(features(map, x), { rtol: 0, atol: FLOAT32 });
      map.dispose();
    },
  );
});

describe('estimates without variance', () => {
  const points = randomPoints(21, 5, 7);
  const tensor = (): tf.Tensor2D => tf.tensor2d(points.flatMap((row) => [...row]), [5, 7]); // prettier-ignore
  /** One rounding of float32 for each of some 16 products. */
  const ROUND_OFF = 1e-5;

  const whole = (['shared', 'independent'] as const).flatMap((srhtBlocks) =>
    (['real', 'ctr'] as const).flatMap((mode) => [1, 3].map((matrices) => ({ srhtBlocks, mode, matrices }))),
  );
  it.each(whole)('of the linear kernel: $matrices whole Hadamard matrices, $srhtBlocks, $mode', (kind) => {
    const { srhtBlocks, mode, matrices } = kind;
    // d' = 8 with the bias
    const features = 8 * matrices * (mode === 'ctr' ? 2 : 1);
    const options = { inputDim: 7, coef0: 0.5, degree: 1, srhtBlocks, mode } as const;
    const errorOf = (count: number): number => {
      const map = new PolynomialSketch({ ...options, features: count, key: 4 });
      const error = tf.tidy(() => {
        const x = tensor();
        return map
          .kernel(x)
          .sub(tf.matMul(x, x, false, true).add(0.5))
          .abs()
          .max()
          .dataSync()[0]!;
      });
      map.dispose();
      return error;
    };
    expect(errorOf(features)).toBeLessThan(ROUND_OFF);
    expect(errorOf(features + 2)).toBeGreaterThan(0.01);
  });

  it.each(['rademacher', 'srht'] as const)('of points with one coordinate, and %s signs', (projection) => {
    for (const mode of ['real', 'ctr'] as const) {
      const map = new PolynomialSketch({ inputDim: 4, features: 10, degree: 3, projection, mode, key: 5 });
      tf.tidy(() => {
        const x = tf.tensor2d([[2, 0, 0, 0], [0, 0, -1, 0]]); // prettier-ignore
        const [self, other] = [0, 1].map((i) => map.kernel(x.slice([i, 0], [1, 4])).dataSync()[0]!);
        expect([self, other]).toBeAllclose([64, 1], { rtol: ROUND_OFF, atol: 0 });
      });
      map.dispose();
    }
  });
});

describe('the oracle of fourth moments', () => {
  it('is E z^4 of normal numbers and of signs', () => {
    // One coordinate: z = w^2, of variance 2; E (w^2 - 1)^4 = 105 - 4 * 15 + 6 * 3 - 4 + 1
    const one = { mode: 'real', degree: 1, features: 1, inputDim: 1 } as const;
    expect(fourthMoment([1], [1], { ...one, projection: 'gaussian' })).toBeCloseTo(60, 10);
    expect(fourthMoment([1], [1], { ...one, projection: 'rademacher' })).toBeCloseTo(0, 10);
    // |w|^2 is exponential: E (|w|^2 - 1)^4 = 9
    expect(fourthMoment([1], [1], { ...one, mode: 'complex', projection: 'gaussian' })).toBeCloseTo(9, 10);
    expect(power([0, 1], 2)).toEqual([-1, 0]);
  });
});
