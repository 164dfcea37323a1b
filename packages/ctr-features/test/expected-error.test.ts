import '@tfsci/backend-onnx';
import * as tf from '@tensorflow/tfjs';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { dimensionFor, featuresForGuarantee } from '../src/errors/dimension';
import { errorCurve } from '../src/errors/error-curve';
import { expectedError, expectedVariance } from '../src/errors/expected-error';
import {
  CountSketch,
  CraftSketch,
  FeatureMap,
  HierarchicalSketch,
  PolynomialSketch,
  TensorSketch,
  type FeatureMapJson,
  type Weights,
} from '../src/index';
import { measuredError } from '../src/errors/measured-error';
import { pairMoments } from '../src/errors/pair-moments';
import { checkPlan, varianceOf, type SketchPlan } from '../src/errors/sketch-plan';
import { tensorSketchVariance } from '../src/errors/tensor-sketch-variance';
import { sketchVariance } from '../src/errors/variance';
import { momentsOf, randomPoints, unitDigits, type DigitsAs } from './pairs';

/** Sums of float64 numbers in another order. */
const ROUNDING = 1e-11;
/** Points are rounded to float32, the authors' numbers too: some 6e-8 a coordinate, times 2p. */
const FLOAT32 = 2e-6;

const where = 'ctr-features.test';
const kernel = { gamma: 0.5, coef0: 0.5 };

/** All plans that have a closed form. */
const plans: SketchPlan[] = [2, 3].flatMap((degree) => [
  ...(['gaussian', 'rademacher', 'srht'] as const).flatMap((projection) =>
    (['real', 'complex', 'ctr'] as const).flatMap((mode) =>
      (['shared', 'independent'] as const).map((srhtBlocks) => ({ degree, ...kernel, projection, mode, srhtBlocks })),
    ),
  ),
  { kind: 'TensorSketch' as const, degree, ...kernel },
]);

describe('expectedVariance', () => {
  const x = randomPoints(4, 3, 5);
  const y = randomPoints(5, 4, 5);
  const options = { inputDim: 5, features: 12, degree: 3, gamma: 0.7, coef0: 0.4, variance: 1.5, key: 1 };
  const biased = (point: Float32Array): number[] => [Math.sqrt(0.4), ...[...point].map((value) => value * Math.sqrt(0.7))]; // prettier-ignore
  const of = (variance: (pair: ReturnType<typeof momentsOf>) => number, others = y): number[] =>
    x.flatMap((a) => others.map((b) => 1.5 ** 2 * variance(momentsOf(biased(a), biased(b)))));

  it.each([
    { projection: 'gaussian', mode: 'real' },
    { projection: 'rademacher', mode: 'complex' },
    { projection: 'srht', mode: 'ctr', srhtBlocks: 'shared' },
    { projection: 'srht', mode: 'real', srhtBlocks: 'independent' },
  ] as const)('of $projection $mode features is that of the points with the bias', (kind) => {
    const map = new PolynomialSketch({ ...options, ...kind });
    const { rows, cols, data } = expectedVariance(map, x, y);
    expect([rows, cols]).toEqual([3, 4]);
    const shape = { ...kind, degree: 3, features: 12, inputDim: 6 };
    const expected = of((pair) => sketchVariance(pair, shape));
    expect(data).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING });
    const self = expectedVariance(map, x);
    expect(self.data).toBeAllclose(of((pair) => sketchVariance(pair, shape), x), { rtol: ROUNDING, atol: ROUNDING }); // prettier-ignore
  });

  it('of a TensorSketch is the exact one', () => {
    const expected = of((pair) => tensorSketchVariance(pair, { degree: 3, features: 12 }));
    const ours = expectedVariance(new TensorSketch(options), x, y).data;
    expect(ours).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING });
  });

  it('of a CountSketch is (N + s^2 - 2 S) / D', () => {
    const { degree: _, ...others } = options;
    const expected = of(({ s, squares, norms }) => (norms + s * s - 2 * squares) / 12);
    const ours = expectedVariance(new CountSketch(others), x, y).data;
    expect(ours).toBeAllclose(expected, { rtol: ROUNDING, atol: ROUNDING });
  });

  it('refuses maps without a closed form', () => {
    const up = new PolynomialSketch(options);
    const message = (of: string, kind: string): string =>
      `ctr-features.${of}: map must be a PolynomialSketch, TensorSketch or CountSketch, whose variances have a closed form, got ${kind}. measuredError takes every map.`;
    for (const map of [new HierarchicalSketch(options), new CraftSketch({ up, features: 4, key: 1 })]) {
      const kind = JSON.stringify(map.kind);
      expect(() => expectedVariance(map, x)).toThrow(new TypeError(message('expectedVariance', kind)));
      expect(() => expectedError(map, x)).toThrow(new TypeError(message('expectedError', kind)));
      expect(() => dimensionFor(map, x, 0.1)).toThrow(new TypeError(message('dimensionFor', kind)));
    }
    expect(() => expectedVariance({} as FeatureMap, x)).toThrow(
      new TypeError('ctr-features.expectedVariance: map must be a feature map, got an object.'),
    );
  });

  it('refuses broken rows, and variances beyond float64', () => {
    const map = new PolynomialSketch({ ...options, degree: 8 });
    expect(() => expectedVariance(map, x, [[1, 2]])).toThrow(
      new check.ShapeError('ctr-features.expectedVariance: y must have 5 columns, got [1, 2].'),
    );
    const huge = x.map((row) => row.map((value) => 1e20 * value));
    const rest = 'x must have kernels whose squares are within float64, got NaN. Divide x by its largest norm, or lower gamma.'; // prettier-ignore
    expect(() => expectedVariance(map, huge)).toThrow(new RangeError(`ctr-features.expectedVariance: ${rest}`));
    expect(() => expectedError(map, huge)).toThrow(new RangeError(`ctr-features.expectedError: ${rest}`));
  });
});

describe('expectedError', () => {
  it('is the norm, the largest and the root mean square of the variances', () => {
    const x = randomPoints(6, 7, 5);
    const options = { inputDim: 5, features: 12, degree: 3, gamma: 0.7, coef0: 0.4, variance: 1.5, key: 1 };
    for (const map of [new PolynomialSketch(options), new TensorSketch(options)]) {
      const { data } = expectedVariance(map, x);
      const sum = data.reduce((all, value) => all + value, 0);
      const exact = x.flatMap((a) => x.map((b) => 1.5 * (0.7 * momentsOf(a, b).s + 0.4) ** 3));
      const norm = Math.sqrt(exact.reduce((all, value) => all + value ** 2, 0));
      const { relativeFrobenius, maxStd, rms } = expectedError(map, x);
      expect([relativeFrobenius, maxStd, rms]).toBeAllclose(
        [Math.sqrt(sum) / norm, Math.sqrt(Math.max(...data)), Math.sqrt(sum / 49)],
        { rtol: ROUNDING, atol: 0 },
      );
    }
  });

  it('needs a kernel that is not 0', () => {
    const map = new PolynomialSketch({ inputDim: 2, features: 4, degree: 2, key: 0 });
    const message = 'ctr-features.expectedError: x must have pairs whose kernel is not 0, got 0.';
    expect(() => expectedError(map, [[0, 0]])).toThrow(new RangeError(message));
  });
});

describe("the authors' curves on digits", () => {
  const golden = loadGolden(new URL('./golden/authors/digits_mse_curves.safetensors', import.meta.url));
  const [dimensions, degrees, rows] = ['D', 'p', 'idx'].map((name) => [...golden.get(name).data]) as [number[], number[], number[]]; // prettier-ignore
  const tables = (['nonneg', 'zero_mean'] as const).map((as) => {
    const source = { where, columns: 64, kernel: checkPlan(where, { degree: 1, ...kernel }).kernel };
    return [as, pairMoments(unitDigits(as, rows), undefined, source)] as const;
  });
  const tableOf = new Map<DigitsAs, ReturnType<typeof pairMoments>>(tables);

  const curves = golden.names.filter((name) => name.endsWith('mse_closed'));
  it.each(curves)('%s', (name) => {
    const [as, projection, mode] = name.split('.') as [DigitsAs, 'srht', 'ctr'];
    const table = tableOf.get(as)!;
    const ours = degrees.flatMap((degree) => {
      const plan = checkPlan(where, { degree, ...kernel, projection, mode });
      const curve = errorCurve(where, plan, 64, table);
      const squares = table.s.reduce((sum, s) => sum + s ** (2 * degree), 0);
      return dimensions.map((features) => (curve(features) ** 2 * squares) / table.s.length);
    });
    expect(ours).toBeAllclose(golden.get(name).data, { rtol: FLOAT32, atol: 0 });
  });

  const relative = (as: DigitsAs, plan: SketchPlan): number =>
    errorCurve(where, checkPlan(where, plan), 64, tableOf.get(as)!)(1024);
  const cases = (['nonneg', 'zero_mean'] as const).flatMap((as) =>
    (['gaussian', 'rademacher', 'srht'] as const).flatMap((projection) =>
      [3, 5, 7, 10].map((degree) => ({ as, projection, degree })),
    ),
  );
  it.each(cases)('CtR errs less than real features: $as $projection, degree $degree', ({ as, projection, degree }) => {
    const of = (mode: 'real' | 'ctr'): number => relative(as, { degree, ...kernel, projection, mode });
    expect(of('ctr')).toBeLessThan(of('real'));
  });

  it('CtR errs less by 1.5 at degree 7 on centred digits, but for the exact rows of Hadamard matrices', () => {
    const factor = (projection: 'gaussian' | 'rademacher' | 'srht'): number =>
      relative('zero_mean', { degree: 7, ...kernel, projection, mode: 'real' }) /
      relative('zero_mean', { degree: 7, ...kernel, projection, mode: 'ctr' });
    expect(factor('gaussian')).toBeGreaterThan(1.5);
    expect(factor('rademacher')).toBeGreaterThan(1.5);
    expect(factor('srht')).toBeGreaterThan(1.5);
  });
});

describe('errorCurve', () => {
  const x = unitDigits(
    'zero_mean',
    Array.from({ length: 20 }, (_, i) => i),
  );

  it.each(plans)('is the error of each number of features: $kind $projection $mode $srhtBlocks $degree', (options) => {
    const plan = checkPlan(where, options);
    const table = pairMoments(x, undefined, { where, columns: 64, kernel: plan.kernel });
    const squares = table.s.reduce((sum, s) => sum + s ** (2 * options.degree), 0);
    const curve = errorCurve(where, plan, 64, table);
    const biased = x.map((row) => [Math.SQRT1_2, ...row.map((value) => value * Math.SQRT1_2)]);
    const pairs = biased.flatMap((a) => biased.map((b) => momentsOf(a, b)));
    for (const features of [2, 64, 128, 130, 256, 300, 1024, 4098]) {
      const variance = varianceOf(plan, 64, features);
      const sum = pairs.reduce((all, pair) => all + variance(pair), 0);
      expect([curve(features)]).toBeAllclose([Math.sqrt(sum / squares)], { rtol: FLOAT32, atol: 0 });
    }
  });
});

describe('dimensionFor', () => {
  const x = unitDigits(
    'nonneg',
    Array.from({ length: 20 }, (_, i) => i),
  );

  it.each(plans)('is the smallest that meets the target: $kind $projection $mode $srhtBlocks $degree', (options) => {
    const step = options.mode === 'ctr' ? 2 : 1;
    const errorOf = (features: number): number => {
      const made = { ...options, inputDim: 64, features, key: 1 };
      return expectedError(options.kind ? new TensorSketch(made) : new PolynomialSketch(made), x).relativeFrobenius;
    };
    for (const target of [1.5, 0.35]) {
      const features = dimensionFor(options, x, target);
      expect(features % step).toBe(0);
      expect(errorOf(features)).toBeLessThanOrEqual(target);
      if (features > step) expect(errorOf(features - step)).toBeGreaterThan(target);
    }
  });

  it('of a map is that of its options', () => {
    const options = { degree: 3, ...kernel, projection: 'rademacher', mode: 'real' } as const;
    const map = new PolynomialSketch({ ...options, inputDim: 64, features: 2, key: 1 });
    expect(dimensionFor(map, x, 0.2)).toBe(dimensionFor(options, x, 0.2));
    const tensorSketch = new TensorSketch({ degree: 3, ...kernel, inputDim: 64, features: 2, key: 1 });
    expect(dimensionFor(tensorSketch, x, 0.2)).toBe(dimensionFor({ kind: 'TensorSketch', degree: 3, ...kernel }, x, 0.2)); // prettier-ignore
  });

  it('is one whole Hadamard matrix for the linear kernel', () => {
    expect(dimensionFor({ degree: 1, mode: 'real' }, x, 1e-4)).toBe(64);
    expect(dimensionFor({ degree: 1, mode: 'ctr' }, x, 1e-4)).toBe(128);
  });

  it('is one feature where the signs of one coordinate are all', () => {
    for (const srhtBlocks of ['shared', 'independent'] as const) {
      expect(dimensionFor({ degree: 2, mode: 'real', srhtBlocks }, [[1], [2]], 0.01)).toBe(1);
      expect(dimensionFor({ degree: 2, mode: 'ctr', srhtBlocks }, [[1], [2]], 0.01)).toBe(2);
    }
  });

  it('falls as the inverse square of the target', () => {
    const options = { degree: 3, ...kernel, projection: 'gaussian' } as const;
    const [few, many] = [0.2, 0.02].map((target) => dimensionFor(options, x, target));
    expect(many! / few!).toBeCloseTo(100, 0);
  });

  it('refuses targets that are out of reach, and broken ones', () => {
    const reach = /^ctr-features\.dimensionFor: targetRelativeError must be at least 0\.\d+, the error of 101 features, got 0\.001\. Raise maxFeatures, or take another sketch: see chooseSketch\.$/; // prettier-ignore
    const attempt = (): number => dimensionFor({ degree: 2, ...kernel }, x, 1e-3, { maxFeatures: 101 });
    expect(attempt).toThrow(RangeError);
    expect(attempt).toThrow(reach);
    expect(() => dimensionFor({ degree: 2 }, x, 0)).toThrow(
      new RangeError('ctr-features.dimensionFor: targetRelativeError must be a finite number > 0, got 0.'),
    );
    expect(() => dimensionFor({ degree: 2 }, x, 1, { maxFeatures: 1 })).toThrow(
      new RangeError('ctr-features.dimensionFor: maxFeatures must be an integer >= 2, got 1.'),
    );
    expect(() => dimensionFor({ degree: 2, kind: 'CraftSketch' as 'TensorSketch' }, x, 1)).toThrow(
      new RangeError('ctr-features.dimensionFor: kind must be one of "PolynomialSketch", "TensorSketch", got "CraftSketch".'), // prettier-ignore
    );
    expect(() => dimensionFor({ degree: 0 }, x, 1)).toThrow(
      new RangeError('ctr-features.dimensionFor: degree must be an integer >= 1, got 0.'),
    );
  });
});

describe('featuresForGuarantee', () => {
  it('bounds the variance of the worst pair by delta epsilon^2', () => {
    const [epsilon, delta] = [0.3, 0.07];
    const worst = momentsOf([0.6, 0.8], [0.6, 0.8]);
    for (const mode of ['real', 'complex', 'ctr'] as const) {
      const step = mode === 'ctr' ? 2 : 1;
      for (const degree of [1, 2, 5]) {
        const features = featuresForGuarantee(degree, epsilon, delta, mode);
        const variance = (count: number): number =>
          sketchVariance(worst, { projection: 'gaussian', mode, degree, features: count, inputDim: 2 });
        expect(variance(features)).toBeLessThanOrEqual(delta * epsilon ** 2);
        expect(variance(features - step)).toBeGreaterThan(delta * epsilon ** 2);
        expect(features % step).toBe(0);
      }
    }
  });

  it('is 2^p instead of 3^p, and by default for CtR', () => {
    expect(featuresForGuarantee(10, 0.5, 0.5, 'real')).toBe(8 * (3 ** 10 - 1));
    expect(featuresForGuarantee(10, 0.5, 0.5)).toBe(8 * (2 ** 11 - 2));
  });

  it('refuses arguments outside their ranges', () => {
    const of = 'ctr-features.featuresForGuarantee: ';
    const wrong: [unknown[], string][] = [
      [[0, 0.1, 0.1], 'degree must be an integer >= 1, got 0.'],
      [[1, 0, 0.1], 'epsilon must be a finite number > 0, got 0.'],
      [[1, 0.1, 1], 'delta must be a finite number > 0 and < 1, got 1.'],
      [[1, 0.1, 0.1, 'half'], 'mode must be one of "real", "complex", "ctr", got "half".'],
    ];
    for (const [given, message] of wrong) {
      expect(() => featuresForGuarantee(...(given as [number, number, number]))).toThrow(new RangeError(of + message));
    }
  });
});

/** The exact features of (x.y)^1: no randomness, and a kernel that nobody knows. */
class Identity extends FeatureMap {
  constructor() {
    super('Identity', 3, 3);
  }
  protected apply(x_ND: tf.Tensor2D): tf.Tensor2D {
    return x_ND.clone();
  }
  weights(): Weights {
    return {};
  }
  resample(): this {
    return this;
  }
  toJSON(): FeatureMapJson {
    return { kind: this.kind, options: {} };
  }
  dispose(): void {}
}

describe.each(backendsUnderTest())('measuredError on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const x = randomPoints(9, 6, 3);
  const options = { inputDim: 3, features: 8, degree: 2, ...kernel, variance: 2, key: 1 };

  it('is the error of resampled maps', async () => {
    const map = new HierarchicalSketch({ ...options, features: 16 });
    const seen: number[] = [];
    const measured = await measuredError(map, x, { key: 5, draws: 3, onProgress: (draws) => seen.push(draws) });
    expect(seen).toEqual([1, 2, 3]);
    const exact = x.flatMap((a) => x.map((b) => 2 * (0.5 * momentsOf(a, b).s + 0.5) ** 2));
    const norm = exact.reduce((sum, value) => sum + value ** 2, 0);
    const squares = [0, 1, 2].map((draw) => {
      const drawn = map.resample(random.foldIn(random.key(5), draw));
      const estimate = tf.tidy(() => drawn.kernel(tf.tensor2d(x.map((row) => [...row]))).dataSync());
      drawn.dispose();
      return exact.map((value, i) => (estimate[i]! - value) ** 2);
    });
    const totals = squares.map((of) => of.reduce((sum, value) => sum + value, 0));
    const mean = totals.reduce((sum, value) => sum + value, 0) / 3;
    const spread = Math.sqrt(totals.reduce((sum, value) => sum + (value / norm - mean / norm) ** 2, 0) / 2 / 3);
    const float32 = { rtol: 1e-4, atol: 0 };
    expect(measured.draws).toBeAllclose(totals.map((total) => Math.sqrt(total / norm)), float32); // prettier-ignore
    expect([measured.relativeFrobenius, measured.rms, measured.maxStd, measured.standardError]).toBeAllclose(
      [
        Math.sqrt(mean / norm),
        Math.sqrt(mean / 36),
        Math.sqrt(Math.max(...exact.map((_, i) => squares.reduce((sum, of) => sum + of[i]! / 3, 0)))),
        spread / (2 * Math.sqrt(mean / norm)),
      ],
      float32,
    );
    map.dispose();
  });

  it('is that of complex estimates for complex features', async () => {
    const map = new PolynomialSketch({ ...options, mode: 'complex', features: 4 });
    const { draws } = await measuredError(map, x, { key: 5, draws: 2 });
    const exact = x.flatMap((a) => x.map((b) => 2 * (0.5 * momentsOf(a, b).s + 0.5) ** 2));
    const drawn = map.resample(random.foldIn(random.key(5), 0));
    const total = tf.tidy(() => {
      const { re, im } = drawn.transformComplex(tf.tensor2d(x.map((row) => [...row])));
      const [a, b] = [re.arraySync(), im.arraySync()];
      let sum = 0;
      for (let i = 0; i < 6; i++) {
        for (let j = 0; j < 6; j++) {
          const real = a[i]!.reduce((all, value, l) => all + value * a[j]![l]! + b[i]![l]! * b[j]![l]!, 0);
          const imaginary = a[i]!.reduce((all, value, l) => all + b[i]![l]! * a[j]![l]! - value * b[j]![l]!, 0);
          sum += (real - exact[6 * i + j]!) ** 2 + imaginary ** 2;
        }
      }
      return sum;
    });
    const norm = exact.reduce((sum, value) => sum + value ** 2, 0);
    expect([draws[0]!]).toBeAllclose([Math.sqrt(total / norm)], { rtol: 1e-4, atol: 0 });
    drawn.dispose();
    map.dispose();
  });

  it('knows the kernels of compressed maps, and takes others', async () => {
    const up = new PolynomialSketch({ ...options, features: 64 });
    const craft = new CraftSketch({ up, features: 32, key: 2 });
    const known = await measuredError(craft, x, { key: 1, draws: 2 });
    const given = await measuredError(craft, x, { key: 1, draws: 2, kernel: { degree: 2, ...kernel, variance: 2 } });
    expect(given).toEqual(known);
    const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
    const asFunction = await measuredError(craft, x, {
      key: 1,
      draws: 2,
      kernel: (a, b) => 2 * (0.5 * dot(a, b) + 0.5) ** 2,
    });
    expect(asFunction.draws).toBeAllclose(known.draws, { rtol: ROUNDING, atol: 0 });
    const exact = await measuredError(new Identity(), x, { key: 1, kernel: dot });
    expect(exact.draws).toHaveLength(10);
    expect(exact.relativeFrobenius).toBeLessThan(FLOAT32);
    craft.dispose();
  });

  it('leaves no tensors behind, also when it is stopped', async () => {
    const before = tf.memory().numTensors;
    const real = new PolynomialSketch(options);
    const complex = new PolynomialSketch({ ...options, mode: 'complex' });
    await measuredError(real, x, { key: 1, draws: 2 });
    await measuredError(complex, x, { key: 1, draws: 2 });
    const stop = new AbortController();
    const stopped = measuredError(complex, x, { key: 1, onProgress: () => stop.abort(new Error('enough')), signal: stop.signal }); // prettier-ignore
    await expect(stopped).rejects.toThrow('enough');
    const thrown = measuredError(real, x, { key: 1, onProgress: () => { throw new Error('mine'); } }); // prettier-ignore
    await expect(thrown).rejects.toThrow('mine');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what it cannot measure', async () => {
    const map = new PolynomialSketch(options);
    const of = 'ctr-features.measuredError: ';
    const failing = async (given: Promise<unknown>, error: Error): Promise<void> => {
      await expect(given).rejects.toThrow(error);
    };
    await failing(
      measuredError(new Identity(), x, { key: 1 }),
      new TypeError(`${of}kernel must be given for Identity, got undefined. Pass (x, y) => k(x, y).`),
    );
    await failing(measuredError({} as FeatureMap, x, { key: 1 }), new TypeError(`${of}map must be a feature map, got an object.`)); // prettier-ignore
    await failing(measuredError(map, x, { key: 1, draws: 1 }), new RangeError(`${of}draws must be an integer >= 2, got 1.`)); // prettier-ignore
    await failing(
      measuredError(map, x, {} as { key: number }),
      new TypeError(`${of}key must be a Key or a number, got undefined. For a start take key: 0.`),
    );
    const linear = new PolynomialSketch({ inputDim: 3, features: 2, degree: 1, key: 1 });
    await failing(measuredError(linear, [[0, 0, 0]], { key: 1 }), new RangeError(`${of}x must have pairs whose kernel is not 0, got 0.`)); // prettier-ignore
    await failing(measuredError(linear, [[1, 0]], { key: 1 }), new check.ShapeError(`${of}x must have 3 columns, got [1, 2].`)); // prettier-ignore
    await failing(
      measuredError(linear, x, { key: 1, kernel: () => Infinity }),
      new RangeError(`${of}x must have kernels whose squares are within float64, got Infinity. Divide x by its largest norm, or lower gamma.`), // prettier-ignore
    );
  });
});

describe('expectedError and measuredError', () => {
  beforeAll(() => useBackend('cpu'));

  const drawn: SketchPlan[] = [1, 2, 3].flatMap((degree) => [
    { degree, ...kernel, projection: 'srht', mode: 'ctr' },
    { degree, ...kernel, projection: 'rademacher', mode: 'real' },
    { degree, ...kernel, projection: 'gaussian', mode: 'complex' },
    { degree, ...kernel, kind: 'TensorSketch' },
  ]);
  it.each(drawn)('agree on digits: $kind $projection $mode, degree $degree', async (plan) => {
    const digits = unitDigits(
      'nonneg',
      Array.from({ length: 30 }, (_, i) => 7 * i),
    );
    const made = { ...plan, inputDim: 64, features: 64, key: 1 };
    const map = plan.kind ? new TensorSketch(made) : new PolynomialSketch(made);
    const expected = expectedError(map, digits).relativeFrobenius;
    const { relativeFrobenius, standardError } = await measuredError(map, digits, { key: 3, draws: 100 });
    // 100 draws say their spread to about 10 %, less surely where tails are heavy: 5 standard errors instead of 4.5.
    expect(Math.abs(relativeFrobenius - expected)).toBeLessThan(5 * standardError);
    // A wrong degree, projection or mode is further off than that.
    expect(standardError).toBeLessThan(0.08 * expected);
    map.dispose();
  });
});
