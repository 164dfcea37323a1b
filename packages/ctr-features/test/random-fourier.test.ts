import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences, loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  fourierVariance,
  RandomFourierFeatures,
  type FourierLayout,
  type FrequencyKind,
  type RandomFourierFeaturesOptions,
} from '../src/fourier/random-fourier';
import { type Weights } from '../src/weights';
import { optionsOf } from '../src/json';

const golden = (name: string) => loadGolden(new URL(`./golden/authors/${name}.safetensors`, import.meta.url));

/** Rounding of phases of float32, of size 10. */
const FEATURES = 2e-6;
/** The same features by another route of float32. */
const ROUNDING = 1e-6;
/** Central differences of float32 losses of size 1 with steps of 1e-2: 1e-7 / 1e-2 of rounding, 1e-4 of curvature. */
const GRADIENTS = 1e-3;

const KINDS: [FrequencyKind, FourierLayout][] = [
  ['gaussian', 'paired'],
  ['gaussian', 'phase'],
  ['orthogonal', 'paired'],
  ['sorf', 'paired'],
  ['sorf', 'phase'],
];

function entry(shape: number[], data: ArrayLike<number>): Weights[string] {
  return { dtype: 'F32', shape, data: Float32Array.from(data) };
}

describe.each(backendsUnderTest())('RandomFourierFeatures on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('has the features of the authors', () => {
    const file = golden('rff_gaussian');
    const w = file.get('w');
    const lengthscale = Number(file.metadata['lengthscale']);
    const weights = { 'w.0': entry(w.shape, w.data) };
    const map = new RandomFourierFeatures({ inputDim: 8, features: 32, lengthscale, weights });
    tf.tidy(() => {
      const phi = map.transform(tf.tensor2d(Float32Array.from(file.get('x').data), [5, 8]));
      expect(phi.dataSync()).toBeAllclose(file.get('phi_x').data, { rtol: 0, atol: FEATURES });
    });
    map.dispose();
  });

  it('has the features of the authors for Hadamard frequencies', () => {
    const file = golden('rff_srht');
    const rad = file.get('rad');
    const lengthscale = Number(file.metadata['lengthscale']);
    const weights = { rad: entry(rad.shape, rad.data) };
    const map = new RandomFourierFeatures({ inputDim: 8, features: 32, lengthscale, projection: 'sorf', weights });
    tf.tidy(() => {
      const phi = map.transform(tf.tensor2d(Float32Array.from(file.get('x').data), [5, 8]));
      expect(phi.dataSync()).toBeAllclose(file.get('phi_x').data, { rtol: 0, atol: FEATURES });
    });
    map.dispose();
  });

  it('has the features of RBFSampler of scikit-learn', () => {
    const file = golden('sklearn_rbfsampler');
    const gamma = Number(file.metadata['gamma']);
    // Its frequencies are for x, ours for x / lengthscale = sqrt(2 gamma) x.
    const w = file.get('w').data.map((value) => value / Math.sqrt(2 * gamma));
    const weights = { 'w.0': entry([9, 40], w), b: entry([40], file.get('b').data) };
    const map = new RandomFourierFeatures({ inputDim: 9, features: 40, gamma, layout: 'phase', weights });
    tf.tidy(() => {
      const phi = map.transform(tf.tensor2d(Float32Array.from(file.get('x').data), [6, 9]));
      expect(phi.dataSync()).toBeAllclose(file.get('phi_x').data, { rtol: 0, atol: FEATURES });
    });
    map.dispose();
  });

  it.each(KINDS)('%s %s has gradients, is compiled and leaks nothing', (projection, layout) => {
    const map = new RandomFourierFeatures({ inputDim: 5, features: 12, lengthscale: 2, projection, layout, key: 3 });
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

describe('RandomFourierFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  it('gives a point the kernel 1 with itself when cosines have sines', () => {
    for (const projection of ['gaussian', 'orthogonal', 'sorf'] as const) {
      const map = new RandomFourierFeatures({ inputDim: 3, features: 10, gamma: 0.3, projection, key: 0 });
      tf.tidy(() => {
        const [value] = map.kernel(tf.tensor2d([[1, -2, 0.5]])).dataSync();
        expect(value).toBeAllclose(1, { rtol: 0, atol: ROUNDING });
      });
      map.dispose();
    }
  });

  it('depends on the difference of points alone when cosines have sines', () => {
    const map = new RandomFourierFeatures({ inputDim: 4, features: 8, lengthscale: 1.3, key: 1 });
    const coordinate = fc.double({ min: -2, max: 2, noNaN: true });
    const point = fc.array(coordinate, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(point, point, point, (x, y, shift) => {
        const moved = (z: number[]): number[] => z.map((value, j) => value + shift[j]!);
        const k = (a: number[], b: number[]): number =>
          tf.tidy(() => map.kernel(tf.tensor2d([a]), tf.tensor2d([b])).dataSync()[0]!);
        expect(k(moved(x), moved(y))).toBeAllclose(k(x, y), { rtol: 0, atol: 10 * ROUNDING });
      }),
      { numRuns: 50 },
    );
    map.dispose();
  });

  it('is made again from its weights and from its JSON', () => {
    const x = tf.tensor2d([[0.1, 0.2, -0.3]]);
    for (const [projection, layout] of KINDS) {
      const options = { inputDim: 3, features: 8, gamma: 0.7, projection, layout };
      const map = new RandomFourierFeatures({ ...options, key: random.key(7) });
      const expected = tf.tidy(() => map.transform(x).dataSync());
      const again = [
        new RandomFourierFeatures({ ...options, weights: map.weights() }),
        ofJson(map),
        ofJson(new RandomFourierFeatures({ ...options, weights: map.weights() })),
        map.resample(3).resample(random.key(7)),
      ];
      for (const other of again) {
        expect(tf.tidy(() => other.transform(x).dataSync())).toEqual(expected);
        other.dispose();
      }
      const other = map.resample(8);
      expect(tf.tidy(() => other.transform(x).dataSync())).not.toEqual(expected);
      other.dispose();
      map.dispose();
    }
    x.dispose();
  });

  const good: RandomFourierFeaturesOptions = { inputDim: 3, features: 8, lengthscale: 1, key: 0 };
  it.each<[Partial<RandomFourierFeaturesOptions>, ErrorConstructor, string]>([
    [{ inputDim: 0 }, RangeError, 'inputDim must be an integer >= 1, got 0.'],
    [{ features: 0 }, RangeError, 'features must be an integer >= 1, got 0.'],
    [{ features: 7 }, RangeError, "features must be even for layout 'paired' (as many cosines as sines), got 7."],
    [{ lengthscale: 0 }, RangeError, 'lengthscale must be a finite number > 0, got 0.'],
    [{ gamma: 1 }, TypeError, 'options must have either lengthscale or gamma, got "both".'],
    [
      { projection: 'srht' as never },
      RangeError,
      'projection must be one of "gaussian", "orthogonal", "sorf", got "srht".',
    ],
    [{ layout: 'cos' as never }, RangeError, 'layout must be one of "paired", "phase", got "cos".'],
    [{ key: '1' as never }, TypeError, 'key must be a Key or a number, got "1". For a start take key: 0.'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => new RandomFourierFeatures({ ...good, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`ctr-features.RandomFourierFeatures: ${message}`);
  });

  it('refuses neither lengthscale nor gamma, a bad gamma, and weights of another shape', () => {
    const where = 'ctr-features.RandomFourierFeatures';
    const base = { inputDim: 3, features: 8 };
    expect(() => new RandomFourierFeatures({ ...base, key: 0 })).toThrow(
      `${where}: options must have either lengthscale or gamma, got "neither".`,
    );
    expect(() => new RandomFourierFeatures({ ...base, gamma: -1, key: 0 })).toThrow(
      `${where}: gamma must be a finite number > 0, got -1.`,
    );
    const given = { ...base, gamma: 1, weights: {} };
    const missing = (name: string, shape: string): string =>
      `${where}: weights["${name}"] must have the shape ${shape}, got undefined.`;
    expect(() => new RandomFourierFeatures(given)).toThrow(missing('w.0', '[3, 4]'));
    expect(() => new RandomFourierFeatures({ ...given, projection: 'sorf' })).toThrow(missing('rad', '[3, 1, 4]'));
    const weights = { 'w.0': entry([3, 8], new Float32Array(24)) };
    expect(() => new RandomFourierFeatures({ ...given, layout: 'phase', weights })).toThrow(missing('b', '[8]'));
  });
});

describe('fourierVariance', () => {
  it('is 0 at distance 0 for pairs, and 1 / D far away', () => {
    expect(fourierVariance(0, { features: 10, lengthscale: 1 })).toBe(0);
    expect(fourierVariance(50, { features: 10, lengthscale: 1 })).toBeAllclose(0.1, { rtol: 1e-12 });
    expect(fourierVariance(0, { features: 10, gamma: 1, layout: 'phase' })).toBeAllclose(0.05, { rtol: 1e-12 });
  });

  it('refuses what is no distance or kernel', () => {
    const where = 'ctr-features.fourierVariance';
    const options = { features: 10, gamma: 1 };
    expect(() => fourierVariance(-1, options)).toThrow(`${where}: distance must be a finite number >= 0, got -1.`);
    expect(() => fourierVariance(1, { ...options, features: 0 })).toThrow(
      `${where}: options.features must be an integer >= 1, got 0.`,
    );
    expect(() => fourierVariance(1, { ...options, layout: 'x' as never })).toThrow(
      `${where}: options.layout must be one of "paired", "phase", got "x".`,
    );
    expect(() => fourierVariance(1, { features: 10 })).toThrow(
      `${where}: options must have either lengthscale or gamma, got "neither".`,
    );
  });
});

function ofJson(map: RandomFourierFeatures): RandomFourierFeatures {
  const json = JSON.parse(JSON.stringify(map.toJSON())) as ReturnType<typeof map.toJSON>;
  return new RandomFourierFeatures(optionsOf('test', json) as RandomFourierFeaturesOptions);
}
