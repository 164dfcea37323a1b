import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, linalg, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { sphereCosine } from '../src/fourier/sphere-cosine';
import { leastSquares } from '../src/fourier/levenberg-marquardt';
import { clippedMixture, densityKernel, drawRadii, radialDensity } from '../src/fourier/spherical-density';
import { SphericalFeatures, type SphericalFeaturesOptions } from '../src/fourier/spherical-features';
import { optionsOf } from '../src/json';

/** Sums of hundreds of float64 terms of size 1. */
const FLOAT64 = 1e-12;
/** The same features by another route of float32. */
const ROUNDING = 1e-6;
/** A mean of normal deviates is farther off once in 150 000 cases. */
const STANDARD_ERRORS = 4.5;
/** Central differences of float32 losses of size 1 with steps of 1e-2: 1e-7 / 1e-2 of rounding, 1e-4 of curvature. */
const GRADIENTS = 1e-3;

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Expects that the mean of independent values is the given one, by the standard error that they show. */
function expectMean(values: Float64Array, expected: number): void {
  const mean = meanOf(values);
  const standardError = Math.sqrt(meanOf(values.map((value) => (value - mean) ** 2)) / values.length);
  expect(Math.abs(mean - expected)).toBeLessThan(STANDARD_ERRORS * standardError);
}

/** Two unit vectors of a distance from 0 to 2. */
function pointsAt(distance: number, dim: number): [number[], number[]] {
  const cosine = 1 - distance ** 2 / 2;
  const rest = new Array<number>(dim - 2).fill(0);
  return [[1, 0, ...rest], [cosine, Math.sqrt(Math.max(1 - cosine ** 2, 0)), ...rest]]; // prettier-ignore
}

describe('sphereCosine', () => {
  it('is sin t / t in three dimensions', () => {
    const cosine = sphereCosine(3, 60);
    for (const t of [0.1, 1, 7, 30, 60]) {
      expect(cosine(t)).toBeAllclose(Math.sin(t) / t, { rtol: 0, atol: FLOAT64 });
    }
  });

  it('is the Bessel function J_0 in two, and its power series in 64 dimensions', () => {
    const series = (dim: number, t: number): number => {
      let [term, sum] = [1, 1];
      for (let k = 1; k < 200; k++) {
        term *= -(t * t) / 4 / (k * (k - 1 + dim / 2));
        sum += term;
      }
      return sum;
    };
    expect(sphereCosine(2, 20)(2.404825557695773)).toBeAllclose(0, { rtol: 0, atol: FLOAT64 });
    expect(sphereCosine(2, 20)(5)).toBeAllclose(series(2, 5), { rtol: 0, atol: FLOAT64 });
    for (const t of [0.5, 5, 20]) {
      expect(sphereCosine(64, 20)(t)).toBeAllclose(series(64, t), { rtol: 0, atol: 100 * FLOAT64 });
    }
  });
});

describe('leastSquares', () => {
  it('finds the minimum of the function of Rosenbrock', () => {
    const found = leastSquares(
      ([x, y]) => ({
        values: Float64Array.of(10 * (y! - x! * x!), 1 - x!),
        jacobian: linalg.matrix(2, 2, [-20 * x!, 10, -1, 0]),
      }),
      Float64Array.of(-1.2, 1),
      100,
    );
    expect(found).toBeAllclose([1, 1], { rtol: 0, atol: FLOAT64 });
  });

  it('keeps the parameters where no step is better', () => {
    const residuals = ([x]: Float64Array) => ({
      values: Float64Array.of(x! === 3 ? 1 : NaN),
      jacobian: linalg.matrix(1, 1, [1]),
    });
    expect(leastSquares(residuals, Float64Array.of(3), 1000)).toEqual(Float64Array.of(3));
  });
});

describe('clippedMixture', () => {
  it('has the slopes of its cells', () => {
    const parameters = random.fillNormal(random.key(6), new Float64Array(20), { std: 0.2 });
    // The first component is the widest, and negative: far out the mixture is clipped.
    parameters.set([-0.5, 1, 0.4, -0.2, 0.1, 0.6, -0.1, 0.2, 0.3, 0.4, 0.8]);
    const { clipped_R, slopes_R } = clippedMixture(6, 0.03, parameters);
    expect(clipped_R[200]).toBe(0);
    for (const cell of [20, 60, 80, 100, 200]) {
      const numeric = finiteDifferences((point) => clippedMixture(6, 0.03, point).clipped_R[cell]!, parameters);
      expect(slopes_R.map((slope_R) => slope_R[cell]!)).toBeAllclose([...numeric], { rtol: 1e-6, atol: 1e-9 });
    }
  });
});

describe('radialDensity', () => {
  const density = radialDensity(64, { degree: 3, a: 2 });

  it('is found once for a kernel, and again when sixteen others have been asked for', () => {
    const first = radialDensity(3, { degree: 1, a: 2 });
    expect(radialDensity(3, { degree: 1, a: 2 })).toBe(first);
    for (let i = 1; i <= 16; i++) expect(radialDensity(3, { degree: 1, a: 2 + i })).not.toBe(first);
    const again = radialDensity(3, { degree: 1, a: 2 });
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  it('is a density', () => {
    expect(density.probabilities.every((probability) => probability >= 0)).toBe(true);
    expect(density.probabilities.reduce((sum, value) => sum + value, 0)).toBeAllclose(1, { rtol: FLOAT64 });
  });

  it('has a kernel that is the mean of cosines of its radii and uniform directions', () => {
    const radii = drawRadii(random.key(1), density, 20000);
    const kernel = densityKernel(64, density, 2);
    const cosine = sphereCosine(64, 256 * density.width * 2);
    expect(kernel(0)).toBeAllclose(1, { rtol: FLOAT64 });
    for (const distance of [0.4, 1.1, 2]) expectMean(radii.map((r) => cosine(r * distance)), kernel(distance)); // prettier-ignore
  });

  it('draws radii with the probabilities of the cells, and uniform ones in each', () => {
    const few = { width: 0.5, probabilities: Float64Array.of(0, 0.25, 0, 0.75) };
    const radii = drawRadii(random.key(2), few, 4000);
    expectMean(radii.map((r) => Number(r < 1)), 0.25); // prettier-ignore
    expectMean(radii.filter((r) => r < 1), 0.75); // prettier-ignore
    expectMean(radii.filter((r) => r >= 1), 1.75); // prettier-ignore
    expect(radii.every((r) => (r >= 0.5 && r <= 1) || (r >= 1.5 && r <= 2))).toBe(true);
  });

  it('is no farther from the kernel than the best Gaussian', () => {
    // As far as the optimisation comes; a slope that is wrong leaves it earlier.
    for (const [dim, degree, a, rms] of [
      [64, 3, 2, 0.0285],
      [8, 3, 2, 0.0085],
      [64, 7, 2, 0.0091],
      [64, 20, 4, 0.0017],
    ] as const) {
      // prettier-ignore
      const kernel = densityKernel(dim, radialDensity(dim, { degree, a }), 2);
      const distances = Array.from({ length: 201 }, (_, i) => i / 100);
      const errorOf = (k: (z: number) => number): number =>
        Math.sqrt(meanOf(distances.map((z) => (k(z) - (1 - (z / a) ** 2) ** degree) ** 2)));
      const gaussians = Array.from({ length: 100 }, (_, i) =>
        errorOf((z) => Math.exp((-z * z * degree * (0.75 + i / 100)) / a ** 2)),
      );
      expect(errorOf(kernel)).toBeLessThan(rms);
      expect(errorOf(kernel)).toBeLessThan(Math.min(...gaussians));
    }
  });

  it('has the kernel of some densities in few dimensions: sin(r z) / (r z) for one length in three', () => {
    const one = { width: 1, probabilities: Float64Array.from({ length: 256 }, (_, cell) => Number(cell === 4)) };
    expect(densityKernel(3, one, 2)(1.5)).toBeAllclose(Math.sin(6.75) / 6.75, { rtol: 0, atol: FLOAT64 });
  });
});

describe('SphericalFeatures of (1 - z^2 / 4)^3 in 64 dimensions', () => {
  beforeAll(() => useBackend('cpu'));

  it('have a small bias: 0.028 in the root of the mean square, at most 0.046', () => {
    const map = new SphericalFeatures({ inputDim: 64, features: 2, degree: 3, key: 0 });
    const { rms, max } = map.kernelError();
    const errors = Array.from({ length: 201 }, (_, i) =>
      Math.abs(map.expectedKernel(i / 100) - (1 - (i / 200) ** 2) ** 3),
    );
    expect(rms).toBeLessThan(0.0285);
    expect(max).toBeLessThan(0.046);
    // The trapezoidal sum counts the ends half.
    const squares = errors.map((error, i) => (i % 200 === 0 ? error ** 2 / 2 : error ** 2));
    expect(rms).toBeAllclose(Math.sqrt(meanOf(squares) * (201 / 200)), { rtol: 1e-3 });
    expect(max).toBeAllclose(Math.max(...errors), { rtol: 0.02 });
    map.dispose();
  });

  it('estimate expectedKernel without bias', () => {
    const first = new SphericalFeatures({ inputDim: 64, features: 2000, degree: 3, key: 0 });
    const maps = [first, ...[1, 2, 3, 4].map((key) => first.resample(key))];
    for (const distance of [0.3, 0.9, 1.5, 2]) {
      const [x, y] = pointsAt(distance, 64);
      const terms = maps.flatMap((map) =>
        tf.tidy(() => {
          const [a, b] = [map.transform(tf.tensor2d([x])), map.transform(tf.tensor2d([y]))];
          // 1000 independent cosines, of mean k.
          return [...a.mul(b).reshape([1000, 2]).sum(1).mul(1000).dataSync()];
        }),
      );
      expectMean(Float64Array.from(terms), first.expectedKernel(distance));
    }
    for (const map of maps) map.dispose();
  });

  it('estimate it in other directions too', () => {
    const map = new SphericalFeatures({ inputDim: 5, features: 4000, degree: 3, key: 9 });
    const spread = [1, 1, -1, 1, 1].map((value) => value / Math.sqrt(5));
    const terms = tf.tidy(() => {
      const [a, b] = [map.transform(tf.tensor2d([spread])), map.transform(tf.tensor2d([[0, 0, 1, 0, 0]]))];
      return [...a.mul(b).reshape([2000, 2]).sum(1).mul(2000).dataSync()];
    });
    expectMean(Float64Array.from(terms), map.expectedKernel(Math.sqrt(2 + 2 / Math.sqrt(5))));
    map.dispose();
  });
});

describe.each(backendsUnderTest())('SphericalFeatures on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('have gradients, are compiled and leak nothing', () => {
    const map = new SphericalFeatures({ inputDim: 5, features: 12, degree: 4, a: 3, key: 3 });
    const x = random.normal(random.key(4), [3, 5]) as tf.Tensor2D;
    const coefficients = random.normal(random.key(5), [3, 12]);
    const loss = (z: tf.Tensor): tf.Scalar => map.transform(z as tf.Tensor2D).mul(coefficients).sum(); // prettier-ignore
    const expected = finiteDifferences(
      (point) => tf.tidy(() => loss(tf.tensor2d(Float32Array.from(point), [3, 5])).dataSync()[0]!),
      x.dataSync(),
      1e-2,
    );
    tf.tidy(() => {
      expect(tf.grad(loss)(x).dataSync()).toBeAllclose(expected, { rtol: 0, atol: GRADIENTS });
      const compiled = jit((z: tf.Tensor2D) => map.transform(z))(x);
      expect(compiled.dataSync()).toBeAllclose(map.transform(x).dataSync(), { rtol: 0, atol: ROUNDING });
      const [own] = map.kernel(tf.tensor2d([[0.6, 0, 0.8, 0, 0]])).dataSync();
      expect(own).toBeAllclose(1, { rtol: 0, atol: ROUNDING });
    });
    map.dispose();
    expect(() => {
      const other = map.resample(1);
      const phi = other.transform(x);
      other.dispose();
      return phi;
    }).toLeakNothing();
    tf.dispose([x, coefficients]);
  });
});

describe('SphericalFeatures', () => {
  const good: SphericalFeaturesOptions = { inputDim: 3, features: 8, degree: 2, key: 0 };

  it('are made again from their weights and from their JSON', () => {
    const x = tf.tensor2d([[0, 0.6, -0.8]]);
    const map = new SphericalFeatures({ ...good, a: 3, key: random.key(7) });
    const { key: _, ...options } = good;
    const expected = tf.tidy(() => map.transform(x).dataSync());
    const json = JSON.parse(JSON.stringify(map.toJSON())) as ReturnType<typeof map.toJSON>;
    const given = new SphericalFeatures({ ...options, a: 3, weights: map.weights() });
    const again = [
      given,
      new SphericalFeatures(optionsOf('test', json) as SphericalFeaturesOptions),
      new SphericalFeatures(optionsOf('test', given.toJSON()) as SphericalFeaturesOptions),
      given.resample(random.key(7)),
    ];
    for (const other of again) {
      expect(tf.tidy(() => other.transform(x).dataSync())).toEqual(expected);
      expect(other.kernelError()).toEqual(map.kernelError());
      other.dispose();
    }
    const other = map.resample(8);
    expect(tf.tidy(() => other.transform(x).dataSync())).not.toEqual(expected);
    tf.dispose(x);
    for (const one of [other, map]) one.dispose();
  });

  it.each<[Partial<SphericalFeaturesOptions>, ErrorConstructor, string]>([
    [{ inputDim: 1 }, RangeError, 'inputDim must be an integer >= 2, got 1.'],
    [{ features: 0 }, RangeError, 'features must be an integer >= 2, got 0.'],
    [{ features: 7 }, RangeError, 'features must be even (as many cosines as sines), got 7.'],
    [{ degree: 1.5 }, RangeError, 'degree must be an integer >= 1, got 1.5.'],
    [{ a: 1 }, RangeError, 'a must be a finite number >= 2, got 1.'],
    [{ weights: {} }, TypeError, 'options must have either key or weights, got "both". For a start take key: 0.'],
  ])('refuse %o', (wrong, error, message) => {
    const make = () => new SphericalFeatures({ ...good, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`ctr-features.SphericalFeatures: ${message}`);
  });

  it('refuse weights of another shape and distances that unit vectors do not have', () => {
    const { key: _, ...options } = good;
    expect(() => new SphericalFeatures({ ...options, weights: {} })).toThrow(
      'ctr-features.SphericalFeatures: weights["w.0"] must have the shape [3, 4], got undefined.',
    );
    expect(() => new SphericalFeatures(good).expectedKernel(2.5)).toThrow(
      'ctr-features.SphericalFeatures.expectedKernel: distance must be a finite number >= 0 and <= 2, got 2.5.',
    );
  });
});
