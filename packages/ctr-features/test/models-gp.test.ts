import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { PolynomialSketch } from '../src/index';
import { DirichletClassifier, dirichletLabels, FeatureGP } from '../src/models';
import { crossProduct, eliminated, GivenFeatures, normals, rowsOf } from './models-support';

const golden = loadGolden(new URL('./golden/authors/gp_classification.safetensors', import.meta.url));
const of = (name: string): Float64Array => golden.get(name).data;
const [N, M, C, D] = [110, 50, 10, 96];
const train = rowsOf(Float32Array.from(of('features_train')), D);
const test = rowsOf(Float32Array.from(of('features_test')), D);
const targets = { data: of('y_tilde_centred'), shape: [N, C] };
const noiseVariance = { data: of('noise_var'), shape: [N, C] };
const labels = Array.from({ length: N }, (_, i) => {
  const row = of('labels_onehot').subarray(i * C, (i + 1) * C);
  return row.indexOf(1);
});

/** The authors' solution is in float32, and so are our Gram matrices: means are of order 6, deviations of order 1. */
const MEANS = { rtol: 0, atol: 1e-4 };
const DEVIATIONS = { rtol: 0, atol: 1e-5 };
/** float64 against float32 golden numbers. */
const GOLDEN = { rtol: 1e-6, atol: 1e-6 };
/** Gram matrices in float32, times the condition number of the systems below. */
const SYSTEM = { rtol: 1e-4, atol: 1e-4 };

const kernelOf = (
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  d: number,
  k: (inner: number) => number,
): Float64Array => {
  const [n, m] = [a.length / d, b.length / d];
  return Float64Array.from({ length: n * m }, (_, at) => {
    let inner = 0;
    for (let j = 0; j < d; j++) inner += a[Math.floor(at / m) * d + j]! * b[(at % m) * d + j]!;
    return k(inner);
  });
};

/** Mean and standard deviation of a Gaussian process by its definition, of one output. */
function exactGp(
  kernel: { train: Float64Array; cross: Float64Array; prior: Float64Array },
  y: ArrayLike<number>,
  noise: ArrayLike<number>,
): { mean: Float64Array; std: Float64Array; logLikelihood: number } {
  const n = y.length;
  const m = kernel.prior.length;
  const system = kernel.train.map((value, at) => value + (at % (n + 1) === 0 ? noise[at / (n + 1)]! : 0));
  const solvedY = eliminated(system, y, n);
  const crossT = Float64Array.from(kernel.cross, (_, at) => kernel.cross[(at % m) * n + Math.floor(at / m)]!);
  const solvedK = eliminated(system, crossT, n);
  const variance = kernel.prior.slice();
  crossT.forEach((value, at) => (variance[at % m]! -= value * solvedK[at]!));
  const { logAbs } = linalg.logDet(linalg.matrix(n, n, system));
  const misfit = Array.from(y).reduce((sum, value, i) => sum + value * solvedY[i]!, 0);
  return {
    mean: crossProduct(crossT, solvedY, n),
    std: variance.map(Math.sqrt),
    logLikelihood: -(logAbs + misfit + n * Math.log(2 * Math.PI)) / 2,
  };
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('FeatureGP predicts the means and deviations of the authors', async () => {
    const gp = new FeatureGP({ map: new GivenFeatures(D) });
    const options = { blockRows: 32 };
    const { mean, std } = await (await gp.fit(train, targets, { noiseVariance, ...options })).predict(test, options);
    expect([mean.shape, std.shape]).toEqual([[M, C], [M, C]]); // prettier-ignore
    expect(mean.data).toBeAllclose(of('mean_rf'), MEANS);
    expect(std.data).toBeAllclose(of('std_rf'), DEVIATIONS);
    const [meanExact, stdExact] = [of('mean_exact'), of('std_exact')];
    const divergence = std.data.map(
      (s, i) =>
        Math.log(stdExact[i]! / s) + (s ** 2 + (mean.data[i]! - meanExact[i]!) ** 2) / (2 * stdExact[i]! ** 2) - 0.5,
    );
    // Values up to 20, of differences of means that are 4 deviations.
    expect(divergence).toBeAllclose(of('kl_per_entry'), { rtol: 1e-4, atol: 1e-4 });
  });

  it('FeatureGP has the marginal likelihood of the authors', async () => {
    const gp = await new FeatureGP({ map: new GivenFeatures(D), noiseVariance: 0.3 }).fit(train, targets);
    expect(gp.logMarginalLikelihood).toBeAllclose(of('log_marginal_likelihood_noise0p3')[0]!, { rtol: 1e-6 });
    expect(gp.noiseVariance).toBe(0.3);
  });

  it('DirichletClassifier predicts the same from labels alone', async () => {
    const model = new DirichletClassifier({ map: new GivenFeatures(D), classes: C, kernelVariance: 1 });
    await model.fit(train, labels);
    const { mean, std, probabilities } = await model.predict(test, { key: 1, samples: 50 });
    const prior = of('y_mean');
    expect(mean.data.map((value, i) => value - prior[i % C]!)).toBeAllclose(of('mean_rf'), MEANS);
    expect(std.data).toBeAllclose(of('std_rf'), DEVIATIONS);
    expect(model.alpha).toBe(0.01);
    expect(model.scores).toEqual([]);
    const sums = Array.from({ length: M }, (_, i) =>
      probabilities.data.subarray(i * C, (i + 1) * C).reduce((a, b) => a + b),
    );
    expect(sums).toBeAllclose(new Float64Array(M).fill(1), { rtol: 1e-12 });
  });

  it('DirichletClassifier scales the kernel by the variance of the targets', async () => {
    const variance = of('kernel_var')[0]!;
    const unscaled = rowsOf(
      train.data.map((value) => value / Math.sqrt(variance)),
      D,
    );
    const at = rowsOf(
      test.data.map((value) => value / Math.sqrt(variance)),
      D,
    );
    const model = await new DirichletClassifier({ map: new GivenFeatures(D), classes: C }).fit(unscaled, labels);
    const { mean, std } = await model.predict(at, { key: 1, samples: 1 });
    expect(mean.data.map((value, i) => value - of('y_mean')[i % C]!)).toBeAllclose(of('mean_rf'), MEANS);
    expect(std.data).toBeAllclose(of('std_rf'), DEVIATIONS);
  });

  const x = normals(1, 25, 2);
  const y = normals(2, 25, 2);
  const at = normals(3, 6, 2);
  /** Monomials of degree <= 2: features of (x.y + 1)^2 without error. */
  const monomials = (rows: Float32Array): { data: Float32Array; shape: [number, number] } => {
    const r = Math.SQRT2;
    const ofRow = (a: number, b: number): number[] => [1, r * a, r * b, a * a, b * b, r * a * b];
    return rowsOf(Float32Array.from({ length: 3 * rows.length }, (_, i) => ofRow(rows[2 * Math.floor(i / 6)]!, rows[2 * Math.floor(i / 6) + 1]!)[i % 6]!), 6); // prettier-ignore
  };
  const quadratic = (inner: number): number => (inner + 1) ** 2;
  const kernel = {
    train: kernelOf(x, x, 2, quadratic),
    cross: kernelOf(at, x, 2, quadratic),
    prior: Float64Array.from({ length: 6 }, (_, i) => quadratic(at[2 * i]! ** 2 + at[2 * i + 1]! ** 2)),
  };
  const output = (rows: ArrayLike<number>, k: number): Float64Array =>
    Float64Array.from({ length: rows.length / 2 }, (_, i) => rows[2 * i + k]!);

  const noises = {
    constant: { given: undefined, of: () => new Float64Array(25).fill(0.5) },
    'of rows': { given: normals(4, 25).map((value) => 0.2 + value ** 2), of: (given: Float32Array) => given },
    'of rows and outputs': {
      given: rowsOf(
        normals(5, 50).map((value) => 0.2 + value ** 2),
        2,
      ),
      of: (given: { data: Float32Array }, k: number) => output(given.data, k),
    },
  };
  it.each(Object.entries(noises))(
    'FeatureGP on features without error is the exact process, noise %s',
    async (_, noise) => {
      const gp = new FeatureGP({ map: new GivenFeatures(6), noiseVariance: 0.5 });
      const options = noise.given === undefined ? {} : { noiseVariance: noise.given };
      await gp.fit(monomials(x), rowsOf(y, 2), { ...options, blockRows: 8 });
      const { mean, std } = await gp.predict(monomials(at), { blockRows: 4 });
      let logLikelihood = 0;
      for (const k of [0, 1]) {
        const exact = exactGp(kernel, output(y, k), noise.of(noise.given as never, k));
        expect(output(mean.data, k)).toBeAllclose(exact.mean, SYSTEM);
        expect(output(std.data, k)).toBeAllclose(exact.std, SYSTEM);
        logLikelihood += exact.logLikelihood;
      }
      expect(gp.logMarginalLikelihood).toBeAllclose(logLikelihood, { rtol: 1e-5 });
      expect(gp.noiseVariance).toBe(noise.given === undefined ? 0.5 : null);
    },
  );

  it('FeatureGP on many random features comes near to the exact process', async () => {
    const exact = exactGp(kernel, output(y, 0), new Float64Array(25).fill(0.5));
    const distance = async (features: number): Promise<number> => {
      let square = 0;
      for (let key = 0; key < 4; key++) {
        const map = new PolynomialSketch({ inputDim: 2, features, degree: 2, coef0: 1, projection: 'gaussian', key });
        const gp = await new FeatureGP({ map, noiseVariance: 0.5 }).fit(rowsOf(x, 2), output(y, 0));
        const { mean } = await gp.predict(rowsOf(at, 2));
        gp.dispose();
        square += mean.data.reduce((sum, value, i) => sum + (value - exact.mean[i]!) ** 2, 0);
      }
      return Math.sqrt(square);
    };
    // The error of the kernel falls as D^{-1/2}: by 4 from 32 to 512; 2 leaves room for the spread of four draws.
    expect(await distance(512)).toBeLessThan((await distance(32)) / 2);
  });

  it('FeatureGP of a stream is that of all rows', async () => {
    const noise = normals(4, 25).map((value) => 0.2 + value ** 2);
    const cut = (from: number, to: number): object => ({
      x: rowsOf(x.slice(2 * from, 2 * to), 2),
      y: y.slice(from, to),
      noiseVariance: noise.slice(from, to),
    });
    const map = new GivenFeatures(2);
    const pieces = [cut(0, 1), cut(1, 20), cut(20, 25)] as never;
    const streamed = await new FeatureGP({ map }).fit(pieces);
    const whole = await new FeatureGP({ map }).fit(rowsOf(x, 2), y.slice(0, 25), { noiseVariance: noise });
    const [a, b] = [await streamed.predict(rowsOf(at, 2)), await whole.predict(rowsOf(at, 2))];
    expect(a.mean.data).toBeAllclose(b.mean.data, SYSTEM);
    expect(a.std.data).toBeAllclose(b.std.data, SYSTEM);
    expect(streamed.logMarginalLikelihood).toBeAllclose(whole.logMarginalLikelihood, { rtol: 1e-6 });
  });

  it('leave no tensors behind', async () => {
    await expect(async () => {
      const map = new PolynomialSketch({ inputDim: 2, features: 8, degree: 2, key: 1 });
      const gp = await new FeatureGP({ map }).fit(rowsOf(x, 2), y.slice(0, 25));
      await gp.predict(rowsOf(at, 2));
      gp.dispose();
      const model = new DirichletClassifier({ map, classes: 2, alpha: [0.1, 1] });
      const validation = { x: rowsOf(at, 2), y: [0, 1, 0, 1, 0, 1], key: 1, samples: 10 };
      await model.fit(rowsOf(x, 2), Array.from({ length: 25 }, (_, i) => i % 2), { validation }); // prettier-ignore
      model.dispose();
    }).toLeakNothing();
  });
});

describe('FeatureGP', () => {
  const where = 'ctr-features.FeatureGP';
  const map = new GivenFeatures(3);
  const x = rowsOf(normals(1, 20, 3), 3);
  const y = normals(2, 20);

  it('takes the noise with the largest marginal likelihood', async () => {
    const candidates = [0.01, 0.3, 1, 20];
    const each: number[] = [];
    for (const noiseVariance of candidates) {
      each.push((await new FeatureGP({ map, noiseVariance }).fit(x, y)).logMarginalLikelihood);
    }
    const gp = await new FeatureGP({ map, noiseVariance: candidates }).fit(x, y);
    expect(gp.logMarginalLikelihood).toBe(Math.max(...each));
    expect(gp.noiseVariance).toBe(candidates[each.indexOf(Math.max(...each))]);
    expect([0, 3]).not.toContain(each.indexOf(Math.max(...each)));
  });

  it('tries parts of the mean square of the targets by default', async () => {
    const gp = await new FeatureGP({ map }).fit(x, y);
    const meanSquare = y.reduce((sum, value) => sum + value ** 2, 0) / 20;
    expect(gp.noiseVariance! / meanSquare).toBeAllclose(1, { rtol: 1e-6 });
    const less = await new FeatureGP({ map }).fit(x, new Float64Array(20));
    expect(less.noiseVariance).toBe(1e-4);
  });

  it('adds the noise to the variances where it is asked to', async () => {
    const gp = await new FeatureGP({ map, noiseVariance: 0.25 }).fit(x, y);
    const [latent, observed] = [await gp.predict(x), await gp.predict(x, { withNoise: true })];
    expect(observed.mean).toEqual(latent.mean);
    expect(observed.std.data.map((value) => value ** 2)).toBeAllclose(
      latent.std.data.map((value) => value ** 2 + 0.25),
      { rtol: 1e-12 },
    );
  });

  it.each([
    [{ map: null as never }, 'map must be a feature map, got null.'],
    [{ map, noiseVariance: 0 }, 'noiseVariance must be a finite number > 0, got 0.'],
    [{ map, noiseVariance: [] }, 'the number of noiseVariance must be a finite number >= 1, got 0.'],
    [{ map, noiseVariance: [1, -2] }, 'noiseVariance[1] must be a finite number > 0, got -2.'],
  ])('refuses options: %#', (options, message) => {
    expect(() => new FeatureGP(options)).toThrow(`${where}: ${message}`);
  });

  it('refuses broken noise, and predictions before the fit', async () => {
    const gp = new FeatureGP({ map });
    const fit = (noiseVariance: number[] | number[][]): Promise<unknown> => gp.fit(x, y, { noiseVariance });
    const ones = Array.from({ length: 20 }, () => 1);
    await expect(fit([1])).rejects.toThrow(`${where}.fit: noiseVariance must have the shape [20] or [20, k], got [1].`);
    await expect(fit(ones.map((v, i) => (i === 3 ? 0 : v)))).rejects.toThrow(
      `${where}.fit: row 3 of noiseVariance must be a finite number > 0, got 0.`,
    );
    await expect(fit(ones.map((v) => [v, v]))).rejects.toThrow(
      `${where}.fit: noiseVariance must have 1 or 1 numbers a row, got 2.`,
    );
    const stream = [
      { x, y },
      { x, y, noiseVariance: ones },
    ];
    await expect(gp.fit(stream)).rejects.toThrow(`${where}.fit: noiseVariance must have 0 numbers a row, got 1.`);
    await expect(gp.predict(x)).rejects.toThrow(`${where}.predict: the model must be fitted, got "a new one".`);
    expect(() => gp.logMarginalLikelihood).toThrow(`${where}.logMarginalLikelihood: the model must be fitted`);
    expect(() => gp.noiseVariance).toThrow(`${where}.noiseVariance: the model must be fitted`);
    await fit(ones);
    await expect(gp.predict(x, { withNoise: true })).rejects.toThrow(
      `${where}.predict: withNoise must be false where every row had its own noise, got true.`,
    );
  });
});

describe('the features of the reference', () => {
  it('are as far from the exact kernel of the test points as it says', () => {
    const digits = loadGolden(new URL('./golden/authors/digits.safetensors', import.meta.url)).get('x').data;
    const points = Array.from(of('idx').slice(N), (row) => digits.slice(64 * row, 64 * (row + 1)));
    const inner = (x: Float64Array, y: Float64Array): number => x.reduce((sum, value, j) => sum + value * y[j]!, 0);
    const phi = Array.from({ length: M }, (_, i) => of('features_test').slice(D * i, D * (i + 1)));
    let [errors, squares] = [0, 0];
    points.forEach((x, i) => {
      points.forEach((y, j) => {
        const cosine = inner(x, y) / Math.sqrt(inner(x, x) * inner(y, y));
        const exact = of('kernel_var')[0]! * (cosine / 2 + 0.5) ** 3;
        errors += (inner(phi[i]!, phi[j]!) - exact) ** 2;
        squares += exact ** 2;
      });
    });
    expect([Math.sqrt(errors / squares)]).toBeAllclose(of('rel_frob'), GOLDEN);
  });
});

describe('dirichletLabels', () => {
  const where = 'ctr-features.dirichletLabels';

  it('are those of the authors', () => {
    const found = dirichletLabels(labels, { classes: C, alpha: 0.01 });
    expect([found.targets.shape, found.noiseVariance.shape]).toEqual([[N, C], [N, C]]); // prettier-ignore
    expect(found.targets.data).toBeAllclose(of('y_tilde_centred'), GOLDEN);
    expect(found.noiseVariance.data).toBeAllclose(of('noise_var'), GOLDEN);
    expect(found.mean).toBeAllclose(of('y_mean'), GOLDEN);
    expect(found.variance).toBeAllclose(of('kernel_var')[0]!, GOLDEN);
    expect(dirichletLabels(labels)).toEqual(found);
  });

  it('have the mean and variance of logarithms of gamma variables, matched as log-normal', () => {
    // A log-normal variable of (m, v) has mean exp(m + v/2) = Y + alpha and variance mean^2 (exp v - 1) = Y + alpha.
    const { targets, noiseVariance, mean } = dirichletLabels([0, 1, 1], { alpha: 0.2 });
    const expected = [1.2, 0.2, 0.2, 1.2, 0.2, 1.2];
    const means = targets.data.map((m, i) => Math.exp(m + mean[i % 2]! + noiseVariance.data[i]! / 2));
    expect(means).toBeAllclose(expected, { rtol: 1e-12 });
    expect(means.map((value, i) => value ** 2 * Math.expm1(noiseVariance.data[i]!))).toBeAllclose(expected, {
      rtol: 1e-12,
    });
    expect(targets.data.reduce((a, b) => a + b)).toBeAllclose(0, { atol: 1e-12 });
    expect(mean[1]! - mean[0]!).toBeAllclose(Math.log(2), { rtol: 1e-12 });
  });

  it.each([
    [[], {}, 'the number of labels must be a finite number >= 1, got 0.'],
    [[0, 1], { alpha: 0 }, 'alpha must be a finite number > 0, got 0.'],
    [[0, 0.5], {}, 'labels[1] must be an integer >= 0, got 0.5.'],
    [[0, 0], {}, 'classes must be an integer >= 2, got 1.'],
    [[0, 3], { classes: 3 }, 'labels[1] must be a finite number <= 2, got 3.'],
    [[0, 2], {}, 'class 1 must have at least one row, got 0. Leave out classes without rows.'],
  ])('refuse %j, %j', (given, options, message) => {
    expect(() => dirichletLabels(given, options)).toThrow(new RangeError(`${where}: ${message}`));
  });
});

describe('DirichletClassifier', () => {
  const where = 'ctr-features.DirichletClassifier';
  const map = new GivenFeatures(2);
  const x = rowsOf(normals(1, 60, 2), 2);
  const y = Int32Array.from({ length: 60 }, (_, i) => Number(x.data[2 * i]! + 0.5 * x.data[2 * i + 1]! > 0));
  const at = rowsOf(normals(3, 20, 2), 2);
  const atLabels = Int32Array.from({ length: 20 }, (_, i) => Number(at.data[2 * i]! + 0.5 * at.data[2 * i + 1]! > 0));

  it('averages the softmax over the normal distribution of the latent functions', async () => {
    const model = await new DirichletClassifier({ map, classes: 2 }).fit(x, y);
    const samples = 20000;
    const { probabilities, mean, std } = await model.predict(at, { key: 5, samples });
    for (let i = 0; i < 20; i++) {
      // E sigmoid(d) of the difference d of two normal variables, by the midpoint rule over +-8 deviations.
      const difference = mean.data[2 * i + 1]! - mean.data[2 * i]!;
      const spread = Math.hypot(std.data[2 * i]!, std.data[2 * i + 1]!);
      let [expected, square] = [0, 0];
      for (let s = 0; s < 1600; s++) {
        const z = -8 + (s + 0.5) / 100;
        const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / 100;
        const sigmoid = 1 / (1 + Math.exp(-(difference + spread * z)));
        expected += density * sigmoid;
        square += density * sigmoid ** 2;
      }
      // Five standard errors: 20 times less than one in 10^6.
      const error = 5 * Math.sqrt((square - expected ** 2) / samples) + 1e-9;
      expect(Math.abs(probabilities.data[2 * i + 1]! - expected)).toBeLessThan(error);
    }
  });

  it('gives a row the same whatever stands beside it, and other probabilities with another key', async () => {
    const model = await new DirichletClassifier({ map, classes: 2 }).fit(x, y);
    const all = await model.predict(at, { key: random.key(1), samples: 20, blockRows: 7 });
    const one = await model.predict(rowsOf(at.data.slice(18, 20), 2), { key: 1, samples: 20 });
    expect(one.probabilities.data).toEqual(all.probabilities.data.slice(18, 20));
    const other = await model.predict(at, { key: 2, samples: 20 });
    expect(other.probabilities.data).not.toEqual(all.probabilities.data);
    expect(other.mean).toEqual(all.mean);
  });

  it('takes the alpha with the least negative log-likelihood of validation rows', async () => {
    const alphas = [1e-4, 0.05, 20];
    const validation = { x: at, y: atLabels, key: 3, samples: 200 };
    const model = await new DirichletClassifier({ map, classes: 2, alpha: alphas }).fit(x, y, { validation });
    const expected: number[] = [];
    for (const alpha of alphas) {
      const single = await new DirichletClassifier({ map, classes: 2, alpha }).fit(x, y);
      const { data } = (await single.predict(at, { key: 3, samples: 200 })).probabilities;
      expected.push(-atLabels.reduce((sum, label, i) => sum + Math.log(data[2 * i + label]!), 0) / 20);
    }
    expect(model.scores.map(({ alpha }) => alpha)).toEqual(alphas);
    expect(model.scores.map((score) => score.negativeLogLikelihood)).toBeAllclose(expected, { rtol: 1e-12 });
    expect(model.alpha).toBe(alphas[expected.indexOf(Math.min(...expected))]);
    expect(model.alpha).not.toBe(20);
  });

  it('gives probabilities far away from all rows, where the latent functions are beyond exp', async () => {
    const model = await new DirichletClassifier({ map, classes: 2, kernelVariance: 100 }).fit(x, y);
    const far = rowsOf(Float32Array.of(1e6, 1e6, -1e6, -1e6), 2);
    const { probabilities, mean } = await model.predict(far, { key: 1, samples: 50 });
    expect(Math.max(...mean.data)).toBeGreaterThan(710);
    expect(probabilities.data).toBeAllclose([0, 1, 1, 0], { atol: 1e-6 });
  });

  it('finds the classes of rows that a line tells apart', async () => {
    const model = await new DirichletClassifier({ map, classes: 2 }).fit(x, y);
    const { data } = (await model.predict(at, { key: 1 })).probabilities;
    const wrong = atLabels.filter((label, i) => data[2 * i + label]! < 0.5);
    expect(wrong.length).toBeLessThanOrEqual(2);
  });

  it.each([
    [{ map: {} as never, classes: 2 }, 'map must be a feature map, got an object.'],
    [{ map, classes: 1 }, 'classes must be an integer >= 2, got 1.'],
    [{ map, classes: 2, alpha: -1 }, 'alpha must be a finite number > 0, got -1.'],
    [{ map, classes: 2, alpha: [] }, 'the number of alpha must be a finite number >= 1, got 0.'],
    [{ map, classes: 2, alpha: [1, 0] }, 'alpha[1] must be a finite number > 0, got 0.'],
    [{ map, classes: 2, kernelVariance: 0 }, 'kernelVariance must be a finite number > 0, got 0.'],
  ])('refuses options: %#', (options, message) => {
    expect(() => new DirichletClassifier(options)).toThrow(`${where}: ${message}`);
  });

  it('refuses broken labels and samples', async () => {
    const several = new DirichletClassifier({ map, classes: 2, alpha: [0.1, 1] });
    await expect(several.fit(x, y)).rejects.toThrow(
      `${where}.fit: validation must be given to choose among several alpha, got undefined.`,
    );
    const validation = { x: at, y: [0], key: 1 };
    await expect(several.fit(x, y, { validation })).rejects.toThrow(
      `${where}.fit: validation.y must have the shape [20], got [1].`,
    );
    const model = new DirichletClassifier({ map, classes: 2 });
    await expect(model.predict(at, { key: 1 })).rejects.toThrow(`${where}.predict: the model must be fitted`);
    expect(() => model.alpha).toThrow(`${where}.alpha: the model must be fitted`);
    expect(() => model.scores).toThrow(`${where}.scores: the model must be fitted`);
    await expect(
      model.fit(
        x,
        y.map((label) => 2 * label),
      ),
    ).rejects.toThrow(
      // prettier-ignore
      /fit: row \d+ of y must be a class, an integer >= 0 and < 2, got 2\./,
    );
    await expect(model.fit(x, new Int32Array(60))).rejects.toThrow(
      `${where}.fit: class 1 must have at least one row, got 0.`,
    );
    await model.fit(x, tf.tensor1d(y, 'int32'));
    await expect(model.predict(at, {} as never)).rejects.toThrow(
      `${where}.predict: key must be a Key or a number, got undefined. For a start take key: 0.`,
    );
    await expect(model.predict(at, { key: 1, samples: 0 })).rejects.toThrow(
      `${where}.predict: samples must be an integer >= 1, got 0.`,
    );
  });
});
