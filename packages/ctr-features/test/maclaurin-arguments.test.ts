import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { MaclaurinFeatures } from '../src/maclaurin/features';
import type { MaclaurinFeaturesOptions } from '../src/maclaurin/plan';

describe('MaclaurinFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  const where = 'ctr-features.MaclaurinFeatures';
  const good = { inputDim: 3, features: 9, kernel: 'exponential', key: 0 } as const;
  const numbers = (counts: string, sum: number): string =>
    `distribution must be numbers of features of the degrees ${counts}, ${sum} in all, got`;
  it.each<[Partial<MaclaurinFeaturesOptions>, ErrorConstructor, string]>([
    [{ inputDim: 0 }, RangeError, 'inputDim must be an integer >= 1, got 0.'],
    [{ features: 1 }, RangeError, 'features must be an integer >= 2, got 1.'],
    [{ features: 4, h01: true }, RangeError, 'features must be an integer >= 5, got 4.'],
    [{ h01: 'yes' as never }, RangeError, 'h01 must be one of 0, 1, got NaN.'],
    [{ kernel: 'cosine' as never }, RangeError, 'kernel must be one of "exponential", "gaussian", "polynomial", got "cosine".'], // prettier-ignore
    [{ kernel: {} as never }, TypeError, 'kernel.coefs must be a function of the degree or an array, got undefined.'],
    [{ kernel: { coefs: [1, 2, -3] } }, RangeError, 'kernel.coefs(2) must be a finite number >= 0, got -3. Only such series are kernels in all dimensions.'], // prettier-ignore
    [{ kernel: { coefs: (n) => (n === 12 ? -1 : 1) } }, RangeError, 'kernel.coefs(12) must be a finite number >= 0, got -1.'], // prettier-ignore
    [{ kernel: { coefs: [1] } }, RangeError, 'kernel must have a term of degree 1 to 10, got "none".'],
    [{ kernel: 'polynomial' }, TypeError, 'degree must be an integer >= 1, got undefined.'],
    [{ kernel: 'polynomial', degree: 2, coef0: -1 }, RangeError, 'coef0 must be a finite number >= 0, got -1.'],
    [{ lengthscale: -1 }, RangeError, 'lengthscale must be a finite number > 0, got -1.'],
    [{ projection: 'sorf' as never }, RangeError, 'projection must be one of "gaussian", "rademacher", "srht", got "sorf".'], // prettier-ignore
    [{ mode: 'x' as never }, RangeError, 'mode must be one of "real", "complex", "ctr", got "x".'],
    [{ allocation: 'best' as never }, RangeError, 'allocation must be one of "optimised", "kar-karnick", got "best".'],
    [{ maxDegree: 0 }, RangeError, 'maxDegree must be an integer >= 1, got 0.'],
    [{ minDegree: 11 }, RangeError, 'minDegree must be an integer >= 1 and <= 10, got 11.'],
    [{ minDegree: 1, h01: true }, RangeError, 'minDegree must be an integer >= 2 and <= 10, got 1.'],
    [{ minDegree: 5 }, RangeError, 'features must leave one for each of the 5 degrees up to minDegree, got 9.'],
    [{ maxDegree: 2, distribution: [3, 2] }, RangeError, `${numbers('1, 2', 4)} [3, 2].`],
    [{ maxDegree: 2, distribution: [3, 0, 1] }, RangeError, `${numbers('1, 2', 4)} [3, 0, 1].`],
    [{ maxDegree: 2, distribution: [4.5, -0.5] }, RangeError, `${numbers('1, 2', 4)} [4.5, -0.5].`],
    [{ maxDegree: 2, distribution: 4 as never }, RangeError, `${numbers('1, 2', 4)} 4.`],
    [{ weights: {} }, TypeError, 'options must have either key or weights, got "both". For a start take key: 0.'],
  ])('refuses %o', (wrong, error, message) => {
    const make = () => new MaclaurinFeatures({ ...good, ...wrong });
    expect(make).toThrow(error);
    expect(make).toThrow(`${where}: ${message}`);
  });

  it('refuses random degrees for given weights, and weights that are missing', () => {
    const { key: _, ...options } = good;
    expect(() => new MaclaurinFeatures({ ...options, weights: {}, allocation: 'kar-karnick' })).toThrow(
      `${where}: distribution must be given together with weights for allocation 'kar-karnick', got undefined.`,
    );
    expect(() => new MaclaurinFeatures({ ...options, mode: 'real', distribution: [8], weights: {} })).toThrow(
      'weights["rad.0"] must have the shape [1, 2, 4], got undefined.',
    );
  });

  it('refuses to be used before it is fitted, in the wrong mode, and to be fitted to the wrong points', async () => {
    const map = new MaclaurinFeatures(good);
    const x = tf.tensor2d([[1, 2, 3]]);
    const unfit = (method: string): string =>
      `${where}.${method}: the map must be fitted first, got "one that is not". Call fit(x) with points, or give the options distribution and lengthscale.`;
    expect(() => map.transform(x)).toThrow(TypeError);
    expect(() => map.transform(x)).toThrow(unfit('transform'));
    await expect(map.transformRows([[1, 2, 3]])).rejects.toThrow(unfit('transform'));
    expect(() => map.weights()).toThrow(unfit('weights'));
    expect(() => map.distribution).toThrow(unfit('distribution'));
    expect(() => map.lengthscale).toThrow(unfit('lengthscale'));
    expect(() => map.prediction).toThrow(unfit('prediction'));
    map.dispose();
    expect(() => map.transformComplex(x)).toThrow(`${where}.transformComplex: mode must be 'complex', got "ctr".`);
    const complex = new MaclaurinFeatures({ ...good, mode: 'complex', distribution: [8] });
    expect(() => complex.transform(x)).toThrow(
      `${where}.transform: mode must give real features, got "complex". Use transformComplex, or mode 'ctr' with twice as many features.`,
    );
    const wide = tf.tensor2d([[1, 2]]);
    expect(() => complex.transformComplex(wide)).toThrow(`${where}.transformComplex: x must have shape`);
    expect(() => map.fit([[1, 2]])).toThrow(`${where}.fit: x must have 3 columns, got [1, 2].`);
    expect(() => map.fit([[1, 2, 3]])).toThrow(`${where}.fit: x must have at least two rows, got 1.`);
    expect(() => map.fit([[1, 2, 3], [1, NaN, 3]])).toThrow(`${where}.fit: row 1 of x must have finite numbers, got NaN.`); // prettier-ignore
    const gaussian = new MaclaurinFeatures({ ...good, kernel: 'gaussian' });
    expect(() =>
      gaussian.fit([
        [1, 2, 3],
        [1, 2, 3],
      ]),
    ).toThrow(
      // prettier-ignore
      `${where}.fit: x must have rows whose distances have a median above 0, the lengthscale, got "2 rows". Give lengthscale.`,
    );
    tf.dispose([x, wide]);
  });
});
