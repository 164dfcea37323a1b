import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { PolynomialSketch } from '../src/index';
import { SoftmaxRegression, type SoftmaxJson, type SoftmaxProgress } from '../src/models';
import { minimize } from '../src/models/lbfgs';
import { eliminated, GivenFeatures, normals, rowsOf } from './models-support';

const [N, D, C] = [60, 4, 3];
const phi = normals(1, N, D);
const labels = Int32Array.from({ length: N }, (_, i) => {
  const scores = [phi[4 * i]!, phi[4 * i + 1]! + 0.3, 0.5 * phi[4 * i + 2]!].map((s, c) => s + normals(100 + i, C)[c]!);
  return scores.indexOf(Math.max(...scores));
});
const LAMBDA = 0.5;

/** The mean penalised loss in float64, of W and b in one array. */
function loss(point: ArrayLike<number>, intercept: boolean): number {
  let sum = 0;
  for (let i = 0; i < N; i++) {
    const logits = Array.from({ length: C }, (_, c) => {
      let value = intercept ? point[D * C + c]! : 0;
      for (let j = 0; j < D; j++) value += phi[i * D + j]! * point[j * C + c]!;
      return value;
    });
    sum += Math.log(logits.reduce((total, value) => total + Math.exp(value), 0)) - logits[labels[i]!]!;
  }
  for (let at = 0; at < D * C; at++) sum += (LAMBDA / 2) * point[at]! ** 2;
  return sum / N;
}

/** Newton's method in float64 on the sum; the constants' common shift, which changes nothing, is held by a tiny penalty. */
function newton(intercept: boolean): Float64Array {
  const P = D + (intercept ? 1 : 0);
  const size = P * C;
  const point = new Float64Array(size);
  const feature = (i: number, j: number): number => (j === D ? 1 : phi[i * D + j]!);
  for (let step = 0; step < 30; step++) {
    const gradient = new Float64Array(size);
    const hessian = new Float64Array(size * size);
    for (let i = 0; i < N; i++) {
      const powers = Array.from({ length: C }, (_, c) => {
        let value = 0;
        for (let j = 0; j < P; j++) value += feature(i, j) * point[j * C + c]!;
        return Math.exp(value);
      });
      const total = powers.reduce((a, b) => a + b);
      const p = powers.map((value) => value / total);
      for (let a = 0; a < size; a++) {
        const [ja, ca] = [Math.floor(a / C), a % C];
        gradient[a]! += feature(i, ja) * (p[ca]! - Number(labels[i] === ca));
        for (let b = 0; b < size; b++) {
          const [jb, cb] = [Math.floor(b / C), b % C];
          hessian[a * size + b]! += feature(i, ja) * feature(i, jb) * (Number(ca === cb) * p[ca]! - p[ca]! * p[cb]!);
        }
      }
    }
    for (let a = 0; a < size; a++) {
      const penalty = a < D * C ? LAMBDA : 1e-6;
      gradient[a]! += penalty * point[a]!;
      hessian[a * size + a]! += penalty;
    }
    eliminated(hessian, gradient, size).forEach((change, a) => (point[a]! -= change));
  }
  return point;
}

/** The tolerance of the fit is 1e-6 of the mean gradient, and the least curvature of the mean loss lambda / N = 0.008. */
const OPTIMUM = { rtol: 0, atol: 3e-4 };

describe.each(backendsUnderTest())('SoftmaxRegression on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([true, false])("has Newton's optimum, intercept %s", async (intercept) => {
    const model = new SoftmaxRegression({ map: new GivenFeatures(D), lambda: LAMBDA, intercept, tolerance: 1e-6 });
    expect(await model.fit(rowsOf(phi, D), labels, { blockRows: 17 })).toBe(model);
    const expected = newton(intercept);
    expect(model.coefficients.data).toBeAllclose(expected.slice(0, D * C), OPTIMUM);
    expect(model.intercept).toBeAllclose(intercept ? expected.slice(D * C) : [0, 0, 0], OPTIMUM);
    const point = [...model.coefficients.data, ...(intercept ? model.intercept : [])];
    const slopes = finiteDifferences((at) => loss(at, intercept), point);
    // The tolerance, the rounding of features' products by float32 and that of the differences, 1e-16 / 1e-5.
    expect(slopes).toBeAllclose(new Float64Array(point.length), { atol: 2e-6 });
    const { converged, value, gradientNorm, iteration } = model.result;
    expect([converged, iteration > 3, gradientNorm <= 1e-6]).toEqual([true, true, true]);
    expect(value).toBeAllclose(loss(point, intercept), { rtol: 1e-6 });
    model.dispose();
  });

  it('is the same where features are computed in each pass, of rows and of a stream', async () => {
    const options = { map: new GivenFeatures(D), lambda: LAMBDA };
    const kept = await new SoftmaxRegression(options).fit(rowsOf(phi, D), labels);
    const again = await new SoftmaxRegression(options).fit(rowsOf(phi, D), labels, { keepBytes: N * D * 4 - 1 });
    expect(again.coefficients.data).toEqual(kept.coefficients.data);
    const piece = (from: number, to: number): { x: ReturnType<typeof rowsOf>; y: Int32Array } => ({
      x: rowsOf(phi.slice(from * D, to * D), D),
      y: labels.slice(from, to),
    });
    const map = new GivenFeatures(D);
    const streamed = new SoftmaxRegression({ ...options, map });
    await streamed.fit([piece(0, 1), piece(1, 40), piece(40, N)], undefined, { keepBytes: 0 });
    expect(map.fits).toBe(1);
    expect(streamed.coefficients.data).toBeAllclose(kept.coefficients.data, { rtol: 0, atol: 3e-3 });
    expect(streamed.result.value).toBeAllclose(kept.result.value, { rtol: 1e-6 });
  });

  it('predicts probabilities and classes, of tensors with gradients', async () => {
    const map = new PolynomialSketch({
      inputDim: D,
      features: 12,
      degree: 2,
      coef0: 1,
      projection: 'gaussian',
      key: 1,
    });
    const model = await new SoftmaxRegression({ map, classes: 4 }).fit(rowsOf(phi, D), labels);
    const rows = rowsOf(phi.slice(0, 5 * D), D);
    const { data, shape } = await model.predictProbabilities(rows, { blockRows: 2 });
    expect(shape).toEqual([5, 4]);
    const classes = await model.predict(rows);
    classes.forEach((label, i) => {
      const row = data.subarray(4 * i, 4 * i + 4);
      expect(row.reduce((a, b) => a + b)).toBeAllclose(1, { rtol: 1e-6 });
      expect(row[label]).toBe(Math.max(...row));
    });
    tf.tidy(() => {
      const tensor = tf.tensor2d(rows.data, rows.shape);
      expect(model.predictProbabilities(tensor).dataSync()).toBeAllclose(data, { rtol: 1e-5, atol: 1e-6 });
      const first = (t: tf.Tensor2D): tf.Scalar => model.predictProbabilities(t).slice([0, 0], [5, 1]).sum();
      const slopes = tf
        .grad((t) => first(t as tf.Tensor2D))(tensor)
        .dataSync();
      const value = (at: Float64Array): number =>
        tf.tidy(() => first(tf.tensor2d(Float32Array.from(at), rows.shape)).dataSync()[0]!);
      // Differences over 2e-2 of values that are rounded by 1e-6; third derivatives are of order 1.
      expect(slopes).toBeAllclose(finiteDifferences(value, rows.data, 1e-2), { rtol: 1e-2, atol: 1e-3 });
    });
    expect(await model.predict(tf.tensor2d(rows.data, rows.shape))).toEqual(classes);
    model.dispose();
  });

  it('leaves no tensors behind, whether it keeps features or not', async () => {
    await expect(async () => {
      const map = new PolynomialSketch({ inputDim: D, features: 8, degree: 2, key: 1 });
      const model = new SoftmaxRegression({ map, lambda: 5 });
      await model.fit(rowsOf(phi, D), labels);
      await model.fit(rowsOf(phi, D), labels, { keepBytes: 100 });
      await model.predict(rowsOf(phi, D));
      model.dispose();
    }).toLeakNothing();
  });
});

describe('SoftmaxRegression', () => {
  beforeAll(() => useBackend('cpu'));

  const where = 'ctr-features.SoftmaxRegression';
  const map = new GivenFeatures(D);
  const x = rowsOf(phi, D);

  it('tells of its iterations, and begins a warm start where it ended', async () => {
    const seen: SoftmaxProgress[] = [];
    const own = new GivenFeatures(D);
    const model = new SoftmaxRegression({ map: own, lambda: LAMBDA });
    await model.fit(x, labels, { onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ iteration }) => iteration)).toEqual(seen.map((_, i) => i + 1));
    expect(seen.at(-1)).toEqual({
      iteration: model.result.iteration,
      value: model.result.value,
      gradientNorm: model.result.gradientNorm,
    });
    expect(seen.at(-1)!.value).toBeLessThan(seen[0]!.value);
    const { coefficients, intercept } = model;
    await model.fit(x, labels, { warmStart: true });
    expect(model.result.iteration).toBe(0);
    expect([model.coefficients, model.intercept]).toEqual([coefficients, intercept]);
    expect(own.fits).toBe(1);
    await expect(
      model.fit(
        x,
        new Int32Array(N).map((_, i) => i % 2),
        { warmStart: true },
      ),
    ).rejects.toThrow(
      // prettier-ignore
      `${where}.fit: the number of classes must be 3 as in the last fit, for a warm start, got 2.`,
    );
    const fresh = new SoftmaxRegression({ map, lambda: LAMBDA });
    await fresh.fit(x, labels, { warmStart: true });
    expect(fresh.coefficients).toEqual(coefficients);
  });

  it('warns where it did not converge', async () => {
    const warnings: string[] = [];
    const onWarning = (message: string): number => warnings.push(message);
    const model = new SoftmaxRegression({ map, maxIterations: 2, tolerance: 1e-6, onWarning });
    await model.fit(x, labels);
    expect([model.result.converged, model.result.iteration]).toEqual([false, 2]);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^ctr-features\.SoftmaxRegression\.fit: the solution must have a gradient <= 0\.000001 after 2 iterations, got 0\.\d+\. Take more maxIterations, a larger lambda or tolerance, or scale the kernel\.$/,
      ),
    ]);
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await new SoftmaxRegression({ map, maxIterations: 1 }).fit(x, labels);
    await new SoftmaxRegression({ map, maxIterations: 1, onWarning: null }).fit(x, labels);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });

  it('comes back from JSON with the same function', async () => {
    const sketch = new PolynomialSketch({ inputDim: D, features: 8, degree: 2, key: 3 });
    const model = await new SoftmaxRegression({ map: sketch, lambda: 2, classes: 3 }).fit(x, labels);
    const copy = SoftmaxRegression.fromJSON(JSON.parse(JSON.stringify(model.toJSON())) as SoftmaxJson);
    expect(await copy.predictProbabilities(x)).toEqual(await model.predictProbabilities(x));
    expect(copy.result).toEqual(model.result);
    expect(copy.toJSON()).toEqual(model.toJSON());
    model.dispose();
    copy.dispose();
    const fresh = SoftmaxRegression.fromJSON(new SoftmaxRegression({ map: sketch }).toJSON());
    await expect(fresh.predict(x)).rejects.toThrow(`${where}.predict: the model must be fitted`);
    expect(() => SoftmaxRegression.fromJSON({ kind: 'SoftmaxRegression' } as SoftmaxJson)).toThrow(
      `${where}.fromJSON: json must be { kind: "SoftmaxRegression", options, map }, got "SoftmaxRegression".`,
    );
  });

  it('takes a generator where its features are kept, and refuses it where they are not', async () => {
    const generator = function* (): Generator<{ x: typeof x; y: Int32Array }> {
      yield { x, y: labels };
    };
    const whole = await new SoftmaxRegression({ map }).fit(x, labels);
    const once = await new SoftmaxRegression({ map }).fit(generator());
    expect(once.coefficients).toEqual(whole.coefficients);
    await expect(new SoftmaxRegression({ map }).fit(generator(), undefined, { keepBytes: 0 })).rejects.toThrow(
      /fit: x must have at least one row, got "none"\./,
    );
    let passes = 0;
    const shrinking = {
      *[Symbol.iterator]() {
        const rows = passes++ === 0 ? N : N - 1;
        yield { x: rowsOf(phi.slice(0, rows * D), D), y: labels.slice(0, rows) };
      },
    };
    await expect(new SoftmaxRegression({ map }).fit(shrinking, undefined, { keepBytes: 0 })).rejects.toThrow(
      `${where}.fit: the stream must give its 60 rows again in every pass, got 59. Give something that can be gone through many times, or more keepBytes.`,
    );
  });

  it('wants a fit before anything else', () => {
    const model = new SoftmaxRegression({ map });
    for (const name of ['result', 'coefficients', 'intercept'] as const) {
      expect(() => model[name]).toThrow(`${where}.${name}: the model must be fitted, got "a new one". Call fit first.`);
    }
    expect(() => model.predictProbabilities(x)).toThrow(`${where}.predictProbabilities: the model must be fitted`);
    expect(model.toJSON()).not.toHaveProperty('fit');
  });

  it.each([
    [{ map: 0 as never }, 'map must be a feature map, got 0.'],
    [{ map, lambda: -1 }, 'lambda must be a finite number >= 0, got -1.'],
    [{ map, classes: 1 }, 'classes must be an integer >= 2, got 1.'],
    [{ map, tolerance: 0 }, 'tolerance must be a finite number > 0, got 0.'],
    [{ map, maxIterations: 0 }, 'maxIterations must be an integer >= 1, got 0.'],
  ])('refuses options: %#', (options, message) => {
    expect(() => new SoftmaxRegression(options)).toThrow(`${where}: ${message}`);
  });

  it('refuses broken labels and sizes', async () => {
    const fit = (y: number[] | Int32Array, options = {}): Promise<unknown> =>
      new SoftmaxRegression({ map, ...options }).fit(x, y);
    await expect(fit(new Int32Array(N))).rejects.toThrow(
      `${where}.fit: the number of classes must be a finite number >= 2, got 1.`,
    );
    await expect(fit(labels.map((label, i) => (i === 50 ? -1 : label)))).rejects.toThrow(
      `${where}.fit: row 50 of y must be a class, an integer >= 0, got -1.`,
    );
    await expect(fit(labels, { classes: 2 })).rejects.toThrow(
      /fit: row \d+ of y must be a class, an integer >= 0 and < 2, got 2\./,
    );
    await expect(new SoftmaxRegression({ map }).fit(x, labels, { keepBytes: -1 })).rejects.toThrow(
      `${where}.fit: keepBytes must be a finite number >= 0, got -1.`,
    );
  });

  it('does not overflow where logits are beyond exp', async () => {
    const scaledBy = (factor: number): ReturnType<typeof rowsOf> =>
      rowsOf(
        phi.map((value) => value * factor),
        D,
      );
    const sketch = new PolynomialSketch({ inputDim: D, features: 8, degree: 2, key: 3 });
    const model = await new SoftmaxRegression({ map: sketch, lambda: 1 }).fit(x, labels);
    const { data } = await model.predictProbabilities(scaledBy(1e5));
    expect(data.every(Number.isFinite)).toBe(true);
    const json = model.toJSON();
    // So tolerant that the warm start is where it ends: one evaluation, at logits of order 1e10.
    const again = SoftmaxRegression.fromJSON({ ...json, options: { ...json.options, tolerance: 1e30 } });
    await again.fit(scaledBy(1e5), labels, { warmStart: true });
    expect(again.result.value).toBeGreaterThan(1000);
    expect(again.result.value).toBeLessThan(1e12);
    model.dispose();
    again.dispose();
  });

  it('can be stopped between evaluations', async () => {
    const control = new AbortController();
    const model = new SoftmaxRegression({ map });
    const onProgress = ({ iteration }: SoftmaxProgress): void => {
      if (iteration === 2) control.abort(new Error('enough'));
    };
    await expect(model.fit(x, labels, { signal: control.signal, onProgress })).rejects.toThrow('enough');
    expect(() => model.result).toThrow(TypeError);
  });
});

describe('minimize', () => {
  const rosenbrock = (at: Float64Array): Promise<{ value: number; gradient: Float64Array }> => {
    const [a, b] = [at[0]!, at[1]!];
    const rest = b - a * a;
    return Promise.resolve({
      value: (1 - a) ** 2 + 100 * rest ** 2,
      gradient: Float64Array.of(-2 * (1 - a) - 400 * a * rest, 200 * rest),
    });
  };

  it("finds the end of Rosenbrock's valley", async () => {
    const start = Float64Array.of(-1.2, 1);
    const values = [(await rosenbrock(start)).value];
    const onIteration = ({ value }: { value: number }): number => values.push(value);
    const found = await minimize(rosenbrock, start, { tolerance: 1e-9, maxIterations: 200, onIteration });
    expect(values.slice(1).every((value, i) => value < values[i]!)).toBe(true);
    expect(found.converged).toBe(true);
    expect(found.point).toBeAllclose([1, 1], { rtol: 1e-8 });
    // Gradient descent would take thousands; a broken inverse Hessian takes more than this.
    expect(found.iteration).toBeLessThan(60);
    expect(start).toEqual(Float64Array.of(-1.2, 1));
  });

  it('solves a quadratic problem of ten scales', async () => {
    const scales = Float64Array.from({ length: 10 }, (_, i) => 2 ** i);
    const quadratic = (at: Float64Array): Promise<{ value: number; gradient: Float64Array }> =>
      Promise.resolve({
        value: at.reduce((sum, value, i) => sum + (scales[i]! / 2) * (value - 1) ** 2, 0),
        gradient: at.map((value, i) => scales[i]! * (value - 1)),
      });
    const found = await minimize(quadratic, new Float64Array(10), { tolerance: 1e-8, maxIterations: 60 });
    expect(found.converged).toBe(true);
    expect(found.point).toBeAllclose(new Float64Array(10).fill(1), { rtol: 1e-8 });
  });

  it('stops where no step makes it less, and at once at a minimum', async () => {
    const wrong = (at: Float64Array): Promise<{ value: number; gradient: Float64Array }> =>
      Promise.resolve({ value: at[0]!, gradient: Float64Array.of(-1) });
    const found = await minimize(wrong, Float64Array.of(0), { tolerance: 1e-3, maxIterations: 50 });
    expect([found.converged, found.iteration, found.point[0]]).toEqual([false, 0, 0]);
    const there = await minimize(rosenbrock, Float64Array.of(1, 1), { tolerance: 1e-9, maxIterations: 5 });
    expect([there.converged, there.iteration]).toEqual([true, 0]);
  });
});
