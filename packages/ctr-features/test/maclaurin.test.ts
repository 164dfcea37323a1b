import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { MaclaurinFeatures } from '../src/maclaurin/features';
import type { MaclaurinFeaturesOptions } from '../src/maclaurin/plan';
import { maclaurinCase, maclaurinFiles } from './maclaurin-cases';
import { optionsOf } from '../src/json';

const FEATURES = 1e-5;
/** The median of distances of float32. */
const LENGTHSCALE = 1e-6;
/** The same features by another route of float32. */
const ROUNDING = 1e-6;
/** Central differences of float32 losses of size 1 with steps of 1e-2: 1e-7 / 1e-2 of rounding, 1e-4 of curvature. */
const GRADIENTS = 1e-3;

/** The options without what is fitted. */
function unfitted({ distribution: _, weights: __, lengthscale, ...options }: MaclaurinFeaturesOptions) {
  const given = options.kernel === 'gaussian' || lengthscale === undefined ? {} : { lengthscale };
  return { ...options, ...given, key: 0 };
}

describe('MaclaurinFeatures.fit', () => {
  it.each(maclaurinFiles)('finds the distribution of %s', (name) => {
    const { file, x, options } = maclaurinCase(name);
    const map = new MaclaurinFeatures(unfitted(options));
    const shape = file.get('x').shape;
    expect(map.fit({ data: x, shape })).toBe(map);
    expect(map.distribution).toEqual([...file.get('distribution').data]);
    expect(map.lengthscale).toBeAllclose(file.get('lengthscale').data[0], { rtol: LENGTHSCALE });
  });
});

describe.each(backendsUnderTest())('MaclaurinFeatures on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(maclaurinFiles)('has the features of %s', (name) => {
    const { file, x, options } = maclaurinCase(name);
    const map = new MaclaurinFeatures(options);
    tf.tidy(() => {
      const points = tf.tensor2d(x.slice(0, 6 * options.inputDim), [6, options.inputDim]);
      const expectClose = (actual: tf.Tensor, expected: string): void => {
        expect(actual.dataSync()).toBeAllclose(file.get(expected).data, { rtol: FEATURES, atol: FEATURES });
      };
      if (options.mode === 'real') return expectClose(map.transform(points), 'phi_first6');
      const { re, im } = map.transformComplex(points);
      expectClose(re, 'phi_first6.re');
      expectClose(im, 'phi_first6.im');
    });
    map.dispose();
  });

  const x = [[0.3, -0.8, 0.5], [1, 0.2, -0.4], [0, 0.7, 0.9]]; // prettier-ignore

  it.each<Partial<MaclaurinFeaturesOptions>>([
    { mode: 'real', projection: 'rademacher' },
    { mode: 'ctr', projection: 'srht', h01: true },
    { mode: 'ctr', projection: 'gaussian', features: 16 },
  ])('has gradients and is compiled: %o', (given) => {
    const map = new MaclaurinFeatures({ inputDim: 3, features: 17, kernel: 'gaussian', key: 1, ...given }).fit(x);
    const points = tf.tensor2d(x);
    const coefficients = random.normal(random.key(5), [3, map.features]);
    const loss = (z: tf.Tensor): tf.Scalar => map.transform(z as tf.Tensor2D).mul(coefficients).sum(); // prettier-ignore
    const expected = finiteDifferences(
      (point) => tf.tidy(() => loss(tf.tensor2d(Float32Array.from(point), [3, 3])).dataSync()[0]!),
      x.flat(),
      1e-2,
    );
    tf.tidy(() => {
      const phi = map.transform(points);
      expect(phi.shape).toEqual([3, map.features]);
      expect(tf.grad(loss)(points).dataSync()).toBeAllclose(expected, { rtol: GRADIENTS, atol: GRADIENTS });
      const compiled = jit((z: tf.Tensor2D) => map.transform(z))(points);
      expect(compiled.dataSync()).toBeAllclose(phi.dataSync(), { rtol: 0, atol: ROUNDING });
    });
    map.dispose();
    tf.dispose([points, coefficients]);
  });

  it('leaks nothing', () => {
    const points = tf.tensor2d(x);
    expect(() => {
      const options = { inputDim: 3, features: 12, kernel: 'gaussian', projection: 'rademacher', key: 1 } as const;
      const map = new MaclaurinFeatures(options);
      tf.dispose(map.fit(points).transform(points));
      // Fitted again, it lets go of the tensors that it had.
      const phi = map.fit(x).transform(points);
      map.dispose();
      return phi;
    }).toLeakNothing();
    expect(() => {
      const options = { inputDim: 3, features: 12, kernel: 'exponential', mode: 'complex', key: 1 } as const;
      const map = new MaclaurinFeatures(options).fit(points);
      const phi = map.transformComplex(points);
      map.dispose();
      return phi;
    }).toLeakNothing();
    points.dispose();
  });
});

describe('MaclaurinFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  const columns = 8;
  const points = Array.from({ length: 40 }, (_, i) => [
    ...random.fillNormal(random.foldIn(random.key(1), i), new Float64Array(columns)),
  ]);

  it('has exactly D features, for the constant, the linear term and the rest', () => {
    for (const mode of ['real', 'ctr'] as const) {
      for (const h01 of [false, true]) {
        for (const features of [12, 13, 40]) {
          const options = { inputDim: columns, features, kernel: 'exponential', mode, h01, lengthscale: 3, key: 1 } as const; // prettier-ignore
          const map = new MaclaurinFeatures(options).fit(points);
          const rest = features - 1 - (h01 ? columns : 0);
          const counts = map.distribution.reduce((sum, count) => sum + count, 0);
          expect(counts).toBe(mode === 'ctr' ? Math.ceil(rest / 2) : rest);
          if (h01) expect(map.distribution[0]).toBe(0);
          tf.tidy(() => {
            const phi = map.transform(tf.tensor2d([points[0]!]));
            expect(phi.shape).toEqual([1, features]);
            const head = phi.dataSync().slice(0, h01 ? columns + 1 : 1);
            const linear = h01 ? points[0]!.map((value) => value / 3) : [];
            expect(head).toBeAllclose([1, ...linear], { rtol: ROUNDING });
          });
          map.dispose();
        }
      }
    }
  });

  it('has no column for a constant or a linear term that the kernel has not', () => {
    const homogeneous = { inputDim: 2, features: 6, kernel: 'polynomial', degree: 2, mode: 'real', key: 0 } as const;
    const map = new MaclaurinFeatures({ ...homogeneous, h01: true }).fit([[1, 2], [3, 4]]); // prettier-ignore
    expect(map.distribution).toEqual([0, 6]);
    expect(tf.tidy(() => map.transform(tf.tensor2d([[1, 2]])).shape)).toEqual([1, 6]);
    const even = { ...homogeneous, kernel: { coefs: (n: number) => Number(n % 2 === 0 && n < 5) } };
    const other = new MaclaurinFeatures({ ...even, h01: true, maxDegree: 4 }).fit([[0.1, 0.2], [0.3, 0.4]]); // prettier-ignore
    expect(tf.tidy(() => other.transform(tf.tensor2d([[1, 2]])).shape)).toEqual([1, 6]);
    expect(other.distribution.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(other.distribution.filter((_, i) => i % 2 === 0).every((count) => count === 0)).toBe(true);
  });

  const pair = [[0.9, -0.4, 0.5, 0.2], [0.6, 0.3, 0.8, -0.5]]; // prettier-ignore
  const polynomial = { inputDim: 4, coef0: 0.5, lengthscale: 1.1, key: 0 } as const;

  it('takes the coefficients of the named kernels from the user too', () => {
    const named = [
      { kernel: 'exponential', coefs: (n: number) => [1, 1, 1 / 2, 1 / 6, 1 / 24, 1 / 120][n] ?? 0 },
      { kernel: 'polynomial', coefs: [0.125, 0.75, 1.5, 1] },
    ] as const;
    for (const { kernel, coefs } of named) {
      const options = { ...polynomial, kernel, features: 21, degree: 3, maxDegree: 3, distribution: [3, 4, 3] };
      const [a, b] = [options, { ...options, kernel: { coefs } }].map((given) => {
        const map = new MaclaurinFeatures(given);
        return tf.tidy(() => map.transform(tf.tensor2d(pair)).dataSync());
      });
      expect(b).toBeAllclose(a, { rtol: 0, atol: ROUNDING });
    }
  });

  it('expects no bias of a series that it has whole', () => {
    const coefs = [0.125, 0.75, 1.5, 1];
    const options = { inputDim: columns, features: 30, minDegree: 3, maxDegree: 3, lengthscale: 3, key: 0 };
    const of = (given: Pick<MaclaurinFeaturesOptions, 'kernel' | 'degree' | 'coef0'>) =>
      new MaclaurinFeatures({ ...options, ...given }).fit(points).prediction!;
    const [series, closed] = [of({ kernel: { coefs } }), of({ kernel: 'polynomial', degree: 3, coef0: 0.5 })];
    expect(series.squaredBias).toBeLessThan(1e-20);
    expect(series.variance).toBeAllclose(closed.variance, { rtol: 1e-10 });
    // The exponential series of 64 terms is exp.
    let factorial = 1;
    const terms = Array.from({ length: 60 }, (_, n) => 1 / (factorial *= Math.max(n, 1)));
    const [written, exponential] = [of({ kernel: { coefs: terms } }), of({ kernel: 'exponential' })];
    expect(written.squaredBias).toBeAllclose(exponential.squaredBias, { rtol: 1e-8 });
  });

  it('fits to at most 512 points at equal distances, of whatever form', () => {
    const options = { inputDim: 2, features: 9, kernel: 'gaussian', key: 0 } as const;
    const data = random.fillNormal(random.key(3), new Float32Array(2 * 1024));
    const whole = new MaclaurinFeatures(options).fit({ data, shape: [1024, 2] });
    const half = Array.from({ length: 512 }, (_, i) => [...data.subarray(4 * i, 4 * i + 2)]);
    expect(new MaclaurinFeatures(options).fit(half).lengthscale).toBe(whole.lengthscale);
    const sparse = { indptr: [0, 1, 2], indices: [0, 1], data: [3, 4], shape: [2, 2] };
    // Of the distances 0, 0, 5, 5 the lower median is 0; of three points it is not.
    expect(new MaclaurinFeatures({ ...options, lengthscale: 2 }).fit(sparse).lengthscale).toBe(2);
  });

  it('is made again from its JSON and from its weights', () => {
    const x = tf.tensor2d(points.slice(0, 3));
    const base = { inputDim: columns, features: 22, key: random.key(5) };
    const maps = [
      new MaclaurinFeatures({ ...base, kernel: 'gaussian' }).fit(points),
      new MaclaurinFeatures({ ...base, kernel: 'gaussian', allocation: 'kar-karnick' }).fit(points),
      new MaclaurinFeatures({ ...base, kernel: { coefs: (n) => 2 ** -n }, lengthscale: 4 }).fit(points),
      new MaclaurinFeatures({ ...base, kernel: 'exponential', lengthscale: 4, allocation: 'kar-karnick' }),
    ];
    for (const map of maps) {
      const expected = tf.tidy(() => map.transform(x).dataSync());
      const { key: _, ...options } = ofJson(map).given;
      const { distribution } = map;
      const again = [
        ofJson(map).map,
        new MaclaurinFeatures({ ...options, distribution, weights: map.weights() }),
        ofJson(new MaclaurinFeatures({ ...options, distribution, weights: map.weights() })).map,
        map.resample(1).resample(random.key(5)),
      ];
      for (const other of again) {
        expect(tf.tidy(() => other.transform(x).dataSync())).toEqual(expected);
        other.dispose();
      }
      const other = map.resample(6);
      expect(other.lengthscale).toBe(map.lengthscale);
      expect(tf.tidy(() => other.transform(x).dataSync())).not.toEqual(expected);
      other.dispose();
      map.dispose();
    }
    const unfit = ofJson(new MaclaurinFeatures({ ...base, kernel: 'gaussian' })).map;
    expect(() => unfit.distribution).toThrow('must be fitted first');
    expect(unfit.fit(points).distribution).toEqual(maps[0]!.distribution);
    x.dispose();
  });

  it('keeps what is given when it is fitted', () => {
    const options = { inputDim: columns, features: 9, kernel: 'gaussian', mode: 'real', key: 0 } as const;
    const map = new MaclaurinFeatures({ ...options, distribution: [5, 0, 3] }).fit(points);
    expect(map.distribution).toEqual([5, 0, 3]);
    expect(map.prediction).toBeNull();
    expect(map.lengthscale).toBeGreaterThan(0);
    expect(new MaclaurinFeatures({ ...options, lengthscale: 7 }).fit(points).lengthscale).toBe(7);
    // Nothing is left to find.
    const whole = new MaclaurinFeatures({ ...options, lengthscale: 7, distribution: [8] });
    expect(whole.fit([points[0]!])).toBe(whole);
    expect(() => whole.fit([[1, 2]])).toThrow('MaclaurinFeatures.fit: x must have 8 columns, got [1, 2].');
  });
});

function ofJson(map: MaclaurinFeatures): { given: MaclaurinFeaturesOptions; map: MaclaurinFeatures } {
  const json = JSON.parse(JSON.stringify(map.toJSON())) as ReturnType<typeof map.toJSON>;
  const given = optionsOf('test', json) as MaclaurinFeaturesOptions;
  return { given, map: new MaclaurinFeatures(given) };
}
