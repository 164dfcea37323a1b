import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { PolynomialSketch } from '../src/index';
import { KernelRidge, RidgeOnFeatures, type RidgeJson } from '../src/models';
import { crossProduct, eliminated, GivenFeatures, largest, normals, rowsOf } from './models-support';

/**
 * Gram matrices are rounded by float32, about 1e-6 relatively, which the solution has times the condition number: below 30
 * in these problems.
 */
const SOLUTION = 3e-5;
/** Predictions are products in float32 besides. */
const PREDICTION = 1e-4;

const relativeTo = (expected: ArrayLike<number>, tolerance: number): { rtol: number; atol: number } => ({
  rtol: 0,
  atol: tolerance * largest(expected),
});

/** W and b, [D, k] and [k], by normal equations with the constant as a feature of its own that is not penalised. */
function closedForm(
  phi: ArrayLike<number>,
  y: ArrayLike<number>,
  n: number,
  lambda: number,
  intercept: boolean,
): { w: Float64Array; b: Float64Array } {
  const [D, k] = [phi.length / n, y.length / n];
  const P = D + (intercept ? 1 : 0);
  const rows = Float64Array.from({ length: n * P }, (_, at) =>
    at % P === D ? 1 : phi[Math.floor(at / P) * D + (at % P)]!,
  );
  const gram = crossProduct(rows, rows, n);
  for (let j = 0; j < D; j++) gram[j * P + j]! += lambda;
  const solution = eliminated(gram, crossProduct(rows, y, n), P);
  return { w: solution.slice(0, D * k), b: intercept ? solution.slice(D * k) : new Float64Array(k) };
}

/** Sum of squared errors of w and b on rows. */
function squaredError(
  phi: ArrayLike<number>,
  y: ArrayLike<number>,
  n: number,
  fit: ReturnType<typeof closedForm>,
): number {
  const [D, k] = [phi.length / n, y.length / n];
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < k; c++) {
      let error = fit.b[c]! - y[i * k + c]!;
      for (let j = 0; j < D; j++) error += phi[i * D + j]! * fit.w[j * k + c]!;
      sum += error ** 2;
    }
  }
  return sum;
}

describe.each(backendsUnderTest())('RidgeOnFeatures on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const forms = [
    { form: 'more rows than features', n: 60, D: 7 },
    { form: 'as many', n: 12, D: 12 },
    { form: 'fewer rows than features', n: 12, D: 20 },
  ];
  const cases = forms.flatMap((form) => [true, false].map((intercept) => ({ ...form, intercept })));

  it.each(cases)('has the closed form: $form, intercept $intercept', async ({ n, D, intercept }) => {
    const phi = normals(1, n, D).map((value) => value + 0.5);
    const y = normals(2, n, 2).map((value) => value + 3);
    const model = new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 2, intercept, onWarning: null });
    expect(await model.fit(rowsOf(phi, D), rowsOf(y, 2))).toBe(model);
    const { w, b } = closedForm(phi, y, n, 2, intercept);
    expect(model.coefficients.data).toBeAllclose(w, relativeTo(w, SOLUTION));
    expect(model.intercept).toBeAllclose(b, { rtol: 0, atol: SOLUTION * 5 });
    expect(model.lambda).toBe(2);
    expect(model.scores).toEqual([]);
    const at = normals(3, 4, D);
    const { data, shape } = await model.predict(rowsOf(at, D));
    expect(shape).toEqual([4, 2]);
    const expected = crossProduct(
      w,
      Float64Array.from(at, (_, i) => at[(i % 4) * D + Math.floor(i / 4)]!),
      D,
    );
    const byRow = Float64Array.from({ length: 8 }, (_, i) => expected[(i % 2) * 4 + Math.floor(i / 2)]! + b[i % 2]!);
    expect(data).toBeAllclose(byRow, relativeTo(byRow, PREDICTION));
    model.dispose();
  });

  it.each(cases)('scores lambdas as refits without each fold do: $form, intercept $intercept', async (given) => {
    const { n, D, intercept } = given;
    const phi = normals(4, n, D).map((value) => value + 0.3);
    const y = Float64Array.from({ length: n }, (_, i) => phi[i * D]! + phi[i * D + 1]! ** 2 + 2);
    const lambdas = [0.5, 5, 50];
    const model = new RidgeOnFeatures({ map: new GivenFeatures(D), lambdas, folds: 3, intercept });
    await model.fit(rowsOf(phi, D), y, { blockRows: 7 });
    const expected = lambdas.map((lambda) => {
      let sum = 0;
      for (let fold = 0; fold < 3; fold++) {
        const part = (held: boolean): number[] =>
          Array.from({ length: n }, (_, i) => i).filter((i) => (i % 3 === fold) === held);
        const pick = (rows: number[]): [number[], number[], number] => [
          rows.flatMap((i) => [...phi.subarray(i * D, (i + 1) * D)]),
          rows.map((i) => y[i]!),
          rows.length,
        ];
        sum += squaredError(...pick(part(true)), closedForm(...pick(part(false)), lambda, intercept));
      }
      return sum / n;
    });
    expect(model.scores.map(({ lambda }) => lambda)).toEqual(lambdas);
    const scores = model.scores.map(({ meanSquaredError }) => meanSquaredError);
    expect(scores).toBeAllclose(expected, { rtol: PREDICTION });
    expect(model.lambda).toBe(lambdas[expected.indexOf(Math.min(...expected))]);
    const { w } = closedForm(phi, y, n, model.lambda, intercept);
    expect(model.coefficients.data).toBeAllclose(w, relativeTo(w, SOLUTION));
  });

  it('gives the same function of a stream of pieces of any lengths', async () => {
    const [n, D] = [40, 5];
    const phi = normals(5, n, D);
    const y = normals(6, n);
    const whole = await new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1 }).fit(rowsOf(phi, D), y);
    const map = new GivenFeatures(D);
    const pieces = async function* (): AsyncGenerator<{
      x: { data: Float32Array; shape: [number, number] };
      y: Float32Array;
    }> {
      for (const [from, to] of [
        [0, 3],
        [3, 4],
        [4, 30],
        [30, 40],
      ] as const) {
        yield await Promise.resolve({ x: rowsOf(phi.slice(from * D, to * D), D), y: y.slice(from, to) });
      }
    };
    const streamed = await new RidgeOnFeatures({ map, lambda: 1 }).fit(pieces());
    expect(map.fits).toBe(1);
    const w = whole.coefficients.data;
    expect(streamed.coefficients.data).toBeAllclose(w, relativeTo(w, SOLUTION));
    expect(streamed.intercept).toBeAllclose(whole.intercept, { rtol: 0, atol: SOLUTION });
  });

  it.each([
    { form: 'primal', n: 200, D: 3 },
    { form: 'dual', n: 4, D: 5 },
  ])('does not lose features with a large mean to rounding: $form', async ({ n, D }) => {
    // Squares of 300 + x are rounded by 0.004 in float32; without shifting, slopes of x would be off by per cents.
    const x = normals(7, n, D).map((value) => Math.fround(value + 300));
    const y = Float64Array.from({ length: n }, (_, i) => 2 * (x[i * D]! - 300) - (x[i * D + 1]! - 300));
    const model = new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 1e-3, onWarning: null });
    await model.fit(rowsOf(x, D), y);
    const centred = Float64Array.from(x, (value) => value - 300);
    const { w } = closedForm(centred, y, n, 1e-3, true);
    expect(model.coefficients.data).toBeAllclose(w, relativeTo(w, 1e-4));
  });

  it('predicts the same of tensors, with gradients', async () => {
    const map = new PolynomialSketch({
      inputDim: 3,
      features: 16,
      degree: 2,
      coef0: 1,
      key: 1,
      projection: 'gaussian',
    });
    const x = normals(8, 30, 3);
    const y = Float64Array.from({ length: 30 }, (_, i) => x[3 * i]! * x[3 * i + 1]!);
    const model = await new RidgeOnFeatures({ map, lambda: 0.1 }).fit(rowsOf(x, 3), y);
    const rows = normals(9, 2, 3);
    const { data } = await model.predict(rowsOf(rows, 3));
    tf.tidy(() => {
      const tensor = tf.tensor2d(rows, [2, 3]);
      expect(model.predict(tensor).dataSync()).toBeAllclose(data, { rtol: 1e-5, atol: 1e-5 });
      const slopes = tf
        .grad((t) => model.predict(t as tf.Tensor2D).sum())(tensor)
        .dataSync();
      const sum = (at: Float64Array): number =>
        tf.tidy(
          () =>
            model
              .predict(tf.tensor2d(Float32Array.from(at), [2, 3]))
              .sum()
              .dataSync()[0]!,
        );
      // Differences over 2e-2 of values of order 1 that are rounded by 1e-6; the third derivative is 0.
      expect(slopes).toBeAllclose(finiteDifferences(sum, rows, 1e-2), { rtol: 1e-3, atol: 1e-3 });
    });
    model.dispose();
  });

  it('is ridge with the linear kernel where there are many more features than rows', async () => {
    const D = 700;
    const x = rowsOf(
      normals(1, 12, D).map((value) => value / Math.sqrt(D)),
      D,
    );
    const y = normals(2, 12);
    const ridge = await new RidgeOnFeatures({ map: new GivenFeatures(D), lambda: 0.3, intercept: false }).fit(x, y);
    const gram = Float64Array.from({ length: 144 }, (_, at) => {
      const [i, j] = [Math.floor(at / 12) * D, (at % 12) * D];
      let inner = 0;
      for (let c = 0; c < D; c++) inner += x.data[i + c]! * x.data[j + c]!;
      return inner;
    });
    const system = gram.map((value, at) => value + (at % 13 === 0 ? 0.3 : 0));
    const expected = crossProduct(gram, eliminated(system, y, 12), 12);
    expect((await ridge.predict(x)).data).toBeAllclose(expected, relativeTo(expected, PREDICTION));
  });

  it('leaves no tensors behind, whatever the form', async () => {
    await expect(async () => {
      for (const n of [5, 30]) {
        const map = new PolynomialSketch({ inputDim: 3, features: 8, degree: 2, key: 1 });
        const model = new RidgeOnFeatures({ map, folds: 2 });
        await model.fit(rowsOf(normals(1, n, 3), 3), normals(2, n));
        await model.predict(rowsOf(normals(1, 2, 3), 3));
        model.dispose();
      }
    }).toLeakNothing();
  });
});

describe('RidgeOnFeatures', () => {
  const map = new GivenFeatures(4);
  const x = rowsOf(normals(1, 10, 4), 4);
  const y = normals(2, 10);
  const where = 'ctr-features.RidgeOnFeatures';

  it('chooses among multiples of the mean square of the centred features by default', async () => {
    const model = await new RidgeOnFeatures({ map }).fit(x, y);
    const means = crossProduct(new Float64Array(10).fill(0.1), x.data, 10);
    const scale = x.data.reduce((sum, value, at) => sum + (value - means[at % 4]!) ** 2, 0) / 10;
    expect(model.scores.map(({ lambda }) => lambda)).toBeAllclose(
      [1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100].map((factor) => factor * scale),
      { rtol: 1e-5 },
    );
  });

  it('takes the larger of two lambdas with the same score', async () => {
    const zeros = new Float64Array(10);
    const model = await new RidgeOnFeatures({ map, lambdas: [1, 3, 2] }).fit(x, zeros);
    expect(model.scores.map(({ meanSquaredError }) => meanSquaredError)).toEqual([0, 0, 0]);
    expect(model.lambda).toBe(3);
  });

  it('warns of a tiny lambda where there are about as many features as rows, and only there', async () => {
    const warnings: string[] = [];
    const fit = async (n: number, lambda?: number): Promise<void> => {
      const chosen = lambda === undefined ? {} : { lambda };
      const model = new RidgeOnFeatures({ map, ...chosen, onWarning: (message) => warnings.push(message) });
      await model.fit(rowsOf(normals(1, n, 4), 4), normals(2, n));
    };
    await fit(10, 1e-6);
    await fit(5, 1);
    await fit(5);
    expect(warnings).toEqual([]);
    await fit(5, 1e-6);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(
      /^ctr-features\.RidgeOnFeatures\.fit: lambda must be >= 0\.\d+ where there are about as many features \(4\) as rows \(5\), got 0\.000001\. Errors are largest there: take a larger lambda, give none so that it is chosen, or change the features\.$/,
    );
  });

  it('warns on the console by default, and not at all for null', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const tiny = { map, lambda: 1e-6 };
    await new RidgeOnFeatures(tiny).fit(rowsOf(normals(1, 4, 4), 4), normals(2, 4));
    await new RidgeOnFeatures({ ...tiny, onWarning: null }).fit(rowsOf(normals(1, 4, 4), 4), normals(2, 4));
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('comes back from JSON with the same function', async () => {
    const sketch = new PolynomialSketch({ inputDim: 4, features: 8, degree: 2, key: 3 });
    for (const options of [{ lambda: 0.5 }, { lambdas: [0.1, 1], folds: 2, intercept: false }]) {
      const model = await new RidgeOnFeatures({ map: sketch, onWarning: null, ...options }).fit(x, y);
      const copy = RidgeOnFeatures.fromJSON(JSON.parse(JSON.stringify(model.toJSON())) as RidgeJson);
      expect(await copy.predict(x)).toEqual(await model.predict(x));
      expect([copy.lambda, copy.scores, copy.intercept]).toEqual([model.lambda, model.scores, model.intercept]);
      expect(copy.toJSON()).toEqual(model.toJSON());
      model.dispose();
      copy.dispose();
    }
    const fresh = RidgeOnFeatures.fromJSON(new RidgeOnFeatures({ map: sketch }).toJSON());
    expect(() => fresh.lambda).toThrow(TypeError);
  });

  it('refuses JSON of something else', async () => {
    const sketch = new PolynomialSketch({ inputDim: 4, features: 8, degree: 2, key: 3 });
    const json = (await new RidgeOnFeatures({ map: sketch, lambda: 1 }).fit(x, y)).toJSON();
    sketch.dispose();
    expect(() => RidgeOnFeatures.fromJSON({ ...json, kind: 'Other' as 'RidgeOnFeatures' })).toThrow(
      `${where}.fromJSON: json must be { kind: "RidgeOnFeatures", options, map }, got "Other".`,
    );
    expect(() => RidgeOnFeatures.fromJSON(null as unknown as RidgeJson)).toThrow(/options, map }, got null\./);
    const solution = (of: RidgeOnFeatures): RidgeJson => ({
      ...json,
      fit: { ...json.fit!, solution: of.toJSON().fit!.solution },
    });
    const other = await new RidgeOnFeatures({ map, lambda: 1 }).fit(x, y);
    expect(() => RidgeOnFeatures.fromJSON(solution(other))).toThrow(
      `${where}.fromJSON: weights["coefficients"] must have the shape [8,1], got [4, 1].`.replace('8,1', '8, 1'),
    );
    expect(() => RidgeOnFeatures.fromJSON({ ...json, fit: { ...json.fit!, solution: '?' } })).toThrow(
      `${where}.fromJSON: json.weights must be a safetensors file in base64, got "?".`,
    );
    expect(() => RidgeOnFeatures.fromJSON({ ...json, fit: { ...json.fit!, lambda: 0 } })).toThrow(
      `${where}.fromJSON: json.fit.lambda must be a finite number > 0, got 0.`,
    );
  });

  it('wants a fit before anything else', () => {
    const model = new RidgeOnFeatures({ map });
    const message = (name: string): string =>
      `${where}.${name}: the model must be fitted, got "a new one". Call fit first.`;
    expect(() => model.predict(x)).toThrow(new TypeError(message('predict')));
    expect(() => model.lambda).toThrow(message('lambda'));
    expect(() => model.scores).toThrow(message('scores'));
    expect(() => model.coefficients).toThrow(message('coefficients'));
    expect(() => model.intercept).toThrow(message('intercept'));
    expect(model.toJSON()).not.toHaveProperty('fit');
  });

  const complex = new PolynomialSketch({ inputDim: 2, features: 4, degree: 2, mode: 'complex', key: 1 });
  it.each([
    [{ map: 1 as never }, 'map must be a feature map, got 1.'],
    [{ map: complex }, `map must have real features, got "complex". Take mode 'ctr' with twice as many features.`],
    [{ map, lambda: 0 }, 'lambda must be a finite number > 0, got 0.'],
    [{ map, lambdas: [] }, 'the number of lambdas must be a finite number >= 1, got 0.'],
    [{ map, lambdas: [1, -1] }, 'lambdas[1] must be a finite number > 0, got -1.'],
    [{ map, lambda: 1, lambdas: [1] }, 'options must have at most one of lambda and lambdas, got "both".'],
    [{ map, folds: 1 }, 'folds must be an integer >= 2, got 1.'],
  ])('refuses options: %#', (options, message) => {
    expect(() => new RidgeOnFeatures(options)).toThrow(`${where}: ${message}`);
  });

  it('refuses too few rows for its folds, and a lambda below the rounding', async () => {
    const few = rowsOf(normals(1, 3, 4), 4);
    await expect(new RidgeOnFeatures({ map }).fit(few, [1, 2, 3])).rejects.toThrow(
      `${where}.fit: the number of rows must be a finite number >= 5, got 3. Every fold needs one. Or give a lambda.`,
    );
    const twice = rowsOf(
      Float32Array.from({ length: 40 }, (_, at) => (at % 4 < 2 ? 1 : 0) * Math.sin(at >> 2)),
      4,
    );
    await expect(
      new RidgeOnFeatures({ map, lambda: 1e-300, intercept: false, onWarning: null }).fit(twice, y),
    ).rejects.toThrow(`${where}.fit: lambda must be large enough for a positive definite matrix, got 1e-300.`);
    const model = new RidgeOnFeatures({ map, lambdas: [1e-300, 1], intercept: false });
    await model.fit(twice, y);
    expect(model.scores[0]!.meanSquaredError).toBe(Infinity);
    expect(model.lambda).toBe(1);
  });
});

describe.each(backendsUnderTest())('KernelRidge on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const x = normals(1, 300, 3);
  const y = normals(2, 300, 2);
  const inner = (i: number, j: number): number => [0, 1, 2].reduce((sum, c) => sum + x[3 * i + c]! * x[3 * j + c]!, 0);

  it('solves the system of the kernel matrix, over blocks of rows', async () => {
    const model = await new KernelRidge({ kernel: { degree: 2, coef0: 1 }, lambda: 10 }).fit(
      rowsOf(x, 3),
      rowsOf(y, 2),
    );
    const kernel = Float64Array.from({ length: 90000 }, (_, at) => (inner(Math.floor(at / 300), at % 300) + 1) ** 2);
    const system = kernel.map((value, at) => value + (at % 301 === 0 ? 10 : 0));
    const expected = crossProduct(kernel, eliminated(system, y, 300), 300);
    const { data, shape } = await model.predict(rowsOf(x, 3));
    expect(shape).toEqual([300, 2]);
    expect(data).toBeAllclose(expected, relativeTo(expected, PREDICTION));
  });

  it('takes any kernel, and is what ridge on the features of a kernel is', async () => {
    const linear = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D => tf.matMul(a, b, false, true);
    const few = rowsOf(x.slice(0, 60), 3);
    const kernel = await new KernelRidge({ kernel: linear, lambda: 0.7 }).fit(few, y.slice(0, 20));
    const ridge = new RidgeOnFeatures({ map: new GivenFeatures(3), lambda: 0.7, intercept: false });
    await ridge.fit(few, y.slice(0, 20));
    const expected = (await ridge.predict(few)).data;
    expect((await kernel.predict(few)).data).toBeAllclose(expected, relativeTo(expected, PREDICTION));
  });

  it('leaves no tensors behind', async () => {
    await expect(async () => {
      const model = await new KernelRidge({ kernel: { degree: 3 }, lambda: 1 }).fit(rowsOf(x, 3), rowsOf(y, 2));
      await model.predict(rowsOf(x, 3));
    }).toLeakNothing();
  });
});

describe('KernelRidge', () => {
  const where = 'ctr-features.KernelRidge';
  const x = [[1, 2], [3, 4]]; // prettier-ignore

  it('refuses broken options and rows', async () => {
    expect(() => new KernelRidge({ kernel: { degree: 2 }, lambda: 0 })).toThrow(
      `${where}: lambda must be a finite number > 0`,
    );
    expect(() => new KernelRidge({ kernel: { degree: 0 }, lambda: 1 })).toThrow(
      `${where}: degree must be an integer >= 1`,
    );
    expect(() => new KernelRidge({ kernel: 'rbf' as never, lambda: 1 })).toThrow(
      `${where}: kernel must be options of a polynomial kernel or a function, got "rbf".`,
    );
    const model = new KernelRidge({ kernel: { degree: 2 }, lambda: 1 });
    await expect(model.predict(x)).rejects.toThrow(`${where}.predict: the model must be fitted`);
    await expect(model.fit(x, [1])).rejects.toThrow(`${where}.fit: y must have the shape [2] or [2, k], got [1].`);
    await expect(model.fit([[1, NaN]], [1])).rejects.toThrow(`${where}.fit: row 0 of x must have finite numbers`);
    await model.fit(x, [1, 2]);
    await expect(model.predict([[1]])).rejects.toThrow(`${where}.predict: x must have 2 columns, got [1, 1].`);
    const wrong = new KernelRidge({ kernel: (a) => a, lambda: 1 });
    await expect(
      wrong.fit(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        [1, 2, 3],
      ),
    ).rejects.toThrow(
      // prettier-ignore
      `${where}.fit: the kernel must have shape [3, 3], got a float32 tensor of shape [3, 2].`,
    );
    await expect(model.fit(x, [1, 2], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
  });
});

describe('digits', () => {
  beforeAll(() => useBackend('onnx'));

  const golden = loadGolden(new URL('./golden/authors/digits.safetensors', import.meta.url));
  const order = random.permutation(random.key(0), 1797);
  const unordered = golden.get('x').data;
  const images = unordered.map((_, at) => unordered[order[Math.floor(at / 64)]! * 64 + (at % 64)]!);
  const labels = golden.get('y').data.map((_, i, all) => all[order[i]!]!);
  /** Standardised by the first 1000 rows, then of length 1. */
  const rows = ((): Float32Array => {
    const out = new Float32Array(images.length);
    for (let j = 0; j < 64; j++) {
      let [mean, square] = [0, 0];
      for (let i = 0; i < 1000; i++) mean += images[i * 64 + j]! / 1000;
      for (let i = 0; i < 1000; i++) square += (images[i * 64 + j]! - mean) ** 2 / 999;
      for (let i = 0; i < 1797; i++) out[i * 64 + j] = (images[i * 64 + j]! - mean) / (Math.sqrt(square) || 1);
    }
    for (let i = 0; i < 1797; i++) {
      const row = out.subarray(i * 64, (i + 1) * 64);
      const norm = Math.hypot(...row);
      row.forEach((value, j) => (row[j] = value / norm));
    }
    return out;
  })();
  const train = rowsOf(rows.slice(0, 64000), 64);
  const test = rowsOf(rows.slice(64000), 64);
  const targets = rowsOf(
    Float32Array.from({ length: 10000 }, (_, at) => (labels[Math.floor(at / 10)] === at % 10 ? 0.9 : -0.1)),
    10,
  );
  const kernel = (degree: number): { degree: number; gamma: number; coef0: number } => ({
    degree,
    gamma: 0.5,
    coef0: 0.5,
  });
  const errorOf = ({ data }: { data: ArrayLike<number> }): number => {
    let wrong = 0;
    for (let i = 0; i < 797; i++) {
      const row = Array.from({ length: 10 }, (_, c) => data[i * 10 + c]!);
      if (row.indexOf(Math.max(...row)) !== labels[1000 + i]) wrong++;
    }
    return wrong / 797;
  };
  const featureError = async (mode: 'real' | 'ctr', degree: number, features: number, key: number): Promise<number> => {
    const map = new PolynomialSketch({ inputDim: 64, features, mode, key, ...kernel(degree) });
    const model = new RidgeOnFeatures({ map, lambda: 0.1, intercept: false });
    const error = errorOf(await (await model.fit(train, targets)).predict(test));
    model.dispose();
    return error;
  };

  // One of 797 rows is 0.00125; errors of about 0.02 have a standard error of 0.005 over draws of the test rows. Published for
  // this protocol: 0.0188 for the kernel of degree 3, 0.022 for these features, with a spread of 0.002 over draws.
  it('are told apart by degree 3 features nearly as well as by the kernel', async () => {
    const exact = new KernelRidge({ kernel: kernel(3), lambda: 0.1 });
    const error = errorOf(await (await exact.fit(train, targets)).predict(test));
    const approximate = await featureError('ctr', 3, 1024, 1);
    expect(Math.abs(error - 0.0188)).toBeLessThan(0.01);
    expect(Math.abs(approximate - 0.022)).toBeLessThan(0.01);
  });

  it('are told apart better by complex-to-real features than by real ones of degree 7', async () => {
    let [real, ctr] = [0, 0];
    for (let key = 0; key < 8; key++) {
      real += (await featureError('real', 7, 256, key)) / 8;
      ctr += (await featureError('ctr', 7, 256, key)) / 8;
    }
    expect(real - ctr).toBeGreaterThan(0.02);
  });
});
