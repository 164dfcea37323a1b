import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { linalg, optim, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein, wasserstein1d } from '../src';
import type { Cloud } from '../src/cloud';
import { maxSlicedWasserstein, type MaxSliced, type MaxSlicedProgress } from '../src/max-sliced/max-sliced-wasserstein';
import { momentStarts } from '../src/max-sliced/starts';
import { transportPlan } from '../src/transport/transport-plan';

const golden = (name: string) => loadGolden(new URL(`golden/${name}.safetensors`, import.meta.url));
const key = random.key(11);

/** Rounding of float32 projections, of size 10 at most, and of their powers. */
const VALUE = 2e-5;
/** The stated tolerance of the trajectory: 100 steps that amplify rounding. */
const TRAJECTORY = 1e-4;
/** What the ascent may leave: steps that promise 1e-6 of the value end it, and near a maximum a step brings a few of those. */
const ASCENT = 1e-4;

function tensorOf(golden: { shape: number[]; data: Float64Array }): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(golden.data), golden.shape as [number, number]);
}

function normals(seed: number, shape: [number, number], mean = 0): tf.Tensor2D {
  return random.normal(random.key(seed), shape, { mean }) as tf.Tensor2D;
}

/** The largest W_p of a plane over angles, by brute force. */
function largestOverAngles(x: tf.Tensor2D, y: tf.Tensor2D, p: number, angles: number): number {
  return tf.tidy(() => {
    const turns = Array.from({ length: angles }, (_, k) => (Math.PI * k) / angles);
    const theta_2L = tf.tensor2d([turns.map(Math.cos), turns.map(Math.sin)]);
    const costs = wasserstein1d(tf.matMul(x, theta_2L), tf.matMul(y, theta_2L), { p, root: true });
    return costs.max().dataSync()[0]!;
  });
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const dot = (u: ArrayLike<number>, v: ArrayLike<number>): number =>
    Array.from(u).reduce((sum, value, j) => sum + value * v[j]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe.each(backendsUnderTest())('maxSlicedWasserstein on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([0, 1, 2, 3])('is the length of a translation, whatever p is: case %i', async (index) => {
    const file = golden('closed_forms');
    const x = tensorOf(file.get(`shift.x.${index}`));
    const delta = file.get(`shift.delta.${index}`).data;
    const y = tf.tidy(() => x.add<tf.Tensor2D>(tf.tensor1d(Float32Array.from(delta))));
    for (const p of [1, 2, 3.5]) {
      const { value, theta } = await maxSlicedWasserstein(x, y, { p, restarts: 3, key });
      expect(value).toBeAllclose(file.get(`shift.maxsw.${index}`).data[0]!, { rtol: VALUE, atol: 0 });
      // 1 - cos is second order in the error of the direction.
      expect(Math.abs(cosine(theta, delta))).toBeGreaterThan(1 - ASCENT);
    }
    tf.dispose([x, y]);
  });

  it.each([0, 1, 2])('is that of two Gaussians for ellipses of their covariances: case %i', async (index) => {
    const file = golden('closed_forms');
    const root = (name: string): tf.Tensor2D => {
      const { data } = linalg.symmetricFunction(linalg.matrix(2, 2, file.get(name).data), Math.sqrt);
      return tf.tensor2d(Float32Array.from(data), [2, 2]);
    };
    const [x, y] = tf.tidy(() => {
      // For every law that rotations do not change and whose coordinates have variance 1 the closed form is that of Gaussians.
      const points = 720;
      const angles = Array.from({ length: points }, (_, k) => (2 * Math.PI * (k + 0.5)) / points);
      const circle = tf.tensor2d(angles.map((angle) => [Math.SQRT2 * Math.cos(angle), Math.SQRT2 * Math.sin(angle)]));
      const mean = tf.tensor1d(Float32Array.from(file.get(`gauss2.m.${index}`).data));
      const first = tf.matMul<tf.Tensor2D>(circle, root(`gauss2.S1.${index}`));
      return [first, tf.matMul(circle, root(`gauss2.S2.${index}`)).sub<tf.Tensor2D>(mean)];
    });
    const { value, theta } = await maxSlicedWasserstein(x, y, { root: false, restarts: 4, key });
    // Neighbouring points are 2 pi / 720 apart, and W_2^2 and the cosine change by the square of that: 8e-5.
    expect(value).toBeAllclose(file.get(`gauss2.maxsw2sq.${index}`).data[0]!, { rtol: ASCENT, atol: 0 });
    expect(Math.abs(cosine(theta, file.get(`gauss2.argmax.${index}`).data))).toBeGreaterThan(1 - ASCENT);
    tf.dispose([x, y]);
  });

  it('replays the trajectory of the reference by the gradient in slices, and ends higher', async () => {
    const file = golden('max_sw_trajectory');
    const [x, y] = [tensorOf(file.get('x')), tensorOf(file.get('y'))];
    const start = tensorOf(file.get('theta0'));
    const theta = tf.tidy(() => tf.variable(start.div<tf.Tensor2D>(start.norm())));
    const adam = new optim.AdamW({ learningRate: 0.01, weightDecay: 0, decoupled: false });
    let last = 0;
    for (let step = 0; step < 100; step++) {
      tf.tidy(() => {
        const { value, grads } = tf.variableGrads(
          () => slicedWasserstein(x, y, { slices: theta, root: false }).neg(),
          [theta],
        );
        last = -value.dataSync()[0]!;
        adam.applyGradients(grads);
        theta.assign(theta.div(theta.norm()));
      });
    }
    const reference = file.get('value_at_last_gradient').data[0]!;
    expect(last).toBeAllclose(reference, { rtol: TRAJECTORY, atol: 0 });
    expect(theta.dataSync()).toBeAllclose(file.get('theta_final').data, { rtol: 0, atol: 10 * TRAJECTORY });
    const { value } = await maxSlicedWasserstein(x, y, { root: false, key });
    expect(value).toBeGreaterThan(reference);
    adam.dispose();
    tf.dispose([x, y, start, theta]);
  });

  it.each([1, 2, 3])('finds the maximum over all angles of a plane, p = %i', async (p) => {
    for (const [seed, n, m] of [
      [1, 7, 7],
      [2, 12, 5],
      [3, 40, 40],
    ] as const) {
      const [x, y] = [normals(seed, [n, 2]), normals(seed + 50, [m, 2])];
      const { value } = await maxSlicedWasserstein(x, y, { p, key });
      // The slope of W_p in the angle is at most the radius of the clouds, about 4: 1000 angles miss at most 4 pi / 2000.
      const most = largestOverAngles(x, y, p, 1000);
      expect(value).toBeGreaterThan(most * (1 - ASCENT));
      expect(value).toBeLessThan(most + 0.007);
      tf.dispose([x, y]);
    }
  });

  it('gives the value in the slice it returns, which a restart has and which only rose', async () => {
    const [x, y] = [normals(4, [30, 6]), normals(5, [20, 6], 0.2)];
    const weights = { a: Float64Array.from({ length: 30 }, (_, i) => i % 3), b: new Float64Array(20).fill(2) };
    for (const root of [true, false]) {
      const { value, theta, trace, restarts } = await maxSlicedWasserstein(x, y, { p: 1.5, weights, root, key });
      const again = tf.tidy(() => slicedWasserstein(x, y, { p: 1.5, weights, root, slices: [theta] }).dataSync()[0]!);
      expect(value).toBeAllclose(again, { rtol: VALUE, atol: 0 });
      expect(Math.hypot(...theta)).toBeAllclose(1, { rtol: 1e-6, atol: 0 });
      expect(restarts).toHaveLength(8);
      const best = restarts.find((restart) => restart.value === value)!;
      expect(Math.max(...restarts.map((restart) => restart.value))).toBe(value);
      expect(trace).toHaveLength(best.iterations + 1);
      expect(trace.at(-1)).toBe(value);
      expect(trace.every((point, i) => i === 0 || point >= trace[i - 1]!)).toBe(true);
      expect(value).toBeGreaterThan(trace[0]!);
    }
    tf.dispose([x, y]);
  });

  it('leaves nothing behind', async () => {
    const [x, y] = [normals(6, [10, 3]), normals(7, [12, 3])];
    await expect(() => maxSlicedWasserstein(x, y, { restarts: 2, maxIterations: 5, key })).toLeakNothing();
    await expect(() => maxSlicedWasserstein([[1, 2]], [[3, 5]], { restarts: 2, key })).toLeakNothing();
    await expect(async () => {
      await maxSlicedWasserstein(x, [[1, 2]], { key }).catch(() => undefined);
    }).toLeakNothing();
    tf.dispose([x, y]);
  });
});

describe('maxSlicedWasserstein', () => {
  beforeAll(() => useBackend('cpu'));
  const [x, y] = [
    [0, 1, 2],
    [5, 7, 9],
  ].map((row) => row.map((value) => [value]));
  const found = (options: object = {}, a: Cloud = x!, b: Cloud = y!): Promise<MaxSliced> =>
    maxSlicedWasserstein(a, b, { key, ...options });

  it('scales with the clouds, and so do its steps', async () => {
    const [a, b] = [normals(8, [40, 5]), normals(9, [40, 5])];
    const one = await found({}, a, b);
    for (const scale of [2 ** -12, 2 ** 12]) {
      const scaled = await found({}, a.mul<tf.Tensor2D>(scale), b.mul<tf.Tensor2D>(scale));
      expect(scaled.value).toBeAllclose(one.value * scale, { rtol: 1e-6, atol: 0 });
      expect(scaled.restarts.map(({ iterations }) => iterations)).toEqual(
        one.restarts.map(({ iterations }) => iterations),
      );
    }
  });

  it('is the distance of numbers on a line', async () => {
    const { value, restarts } = await found({ p: 1 });
    expect(value).toBeAllclose(6, { rtol: VALUE, atol: 0 });
    // On a line there is one slice and its opposite.
    expect(restarts).toEqual([{ value, start: 'mean difference', iterations: 0, converged: true }]);
  });

  it('is 0 for clouds that agree, at once', async () => {
    const cloud = normals(10, [9, 4]);
    const { value, trace, restarts } = await found({}, cloud, cloud.clone());
    expect(value).toBe(0);
    expect(trace).toEqual(new Float64Array(1));
    expect(restarts.every(({ iterations, converged }) => iterations === 0 && converged)).toBe(true);
  });

  it('is the distance of two points, in more dimensions than covariances are asked for', async () => {
    const [a, b] = [normals(12, [1, 90]), normals(13, [1, 90])];
    const { value, restarts } = await found({ restarts: 4 }, a, b);
    expect(value).toBeAllclose(tf.norm(a.sub(b)).dataSync()[0]!, { rtol: VALUE, atol: 0 });
    expect(restarts.map(({ start }) => start)).toEqual(['mean difference', ...Array<string>(3).fill('random slice')]);
  });

  it('ignores points without weight', async () => {
    const cloud = normals(14, [12, 3]);
    const other = normals(15, [9, 3]);
    const a = Array.from({ length: 12 }, (_, i) => Number(i < 8));
    const part = tf.slice2d(cloud, [0, 0], [8, 3]);
    const few = await found({}, part, other);
    const all = await found({ weights: { a } }, cloud, other);
    expect(all.value).toBeAllclose(few.value, { rtol: ASCENT, atol: 0 });
    const starts = await momentStarts(cloud, other, transportPlan('test', 12, 9, { a }));
    const expected = await momentStarts(part, other, transportPlan('test', 8, 9));
    starts.forEach(({ theta }, i) => {
      expect(Math.abs(cosine(theta, expected[i]!.theta))).toBeGreaterThan(1 - 1e-6);
    });
  });

  it('climbs from each start as if it was the only one', async () => {
    const [a, b] = [normals(25, [30, 6]), normals(26, [30, 6], 0.3)];
    const options = { tolerance: 0, maxIterations: 5 };
    const one = await found({ ...options, restarts: 1 }, a, b);
    const many = await found({ ...options, restarts: 8 }, a, b);
    expect(one.restarts[0]!.start).toBe('mean difference');
    expect(many.restarts[0]!.value).toBeAllclose(one.value, { rtol: 1e-6, atol: 0 });
  });

  it('starts where covariances differ, also with fewer points than dimensions', async () => {
    for (const [n, dim] of [
      [400, 20],
      [15, 30],
    ] as const) {
      // Antithetic points: their mean is 0, the same in both clouds.
      const cloud = tf.tidy(() => {
        const half = normals(16, [n, dim]);
        return tf.concat2d([half, half.neg()], 0);
      });
      const stretch = tf.tensor1d([6, ...Array<number>(dim - 1).fill(1)]);
      const { theta, restarts } = await found(
        { maxIterations: 0, restarts: 5 },
        cloud,
        cloud.mul<tf.Tensor2D>(stretch),
      );
      expect(restarts.map(({ start }) => start)).toEqual(expect.arrayContaining(['covariances', 'random slice']));
      expect(Math.max(...restarts.map(({ value }) => value))).toBe(
        restarts.find((r) => r.start === 'covariances')!.value,
      );
      expect(Math.abs(theta[0]!)).toBeGreaterThan(0.95);
    }
  });

  it('has eigenvectors of the difference and of the pair of covariances among its starts', async () => {
    const dim = 4;
    const [mixX, mixY] = [normals(17, [dim, dim]), normals(18, [dim, dim])];
    // Unit vectors and their opposites: the covariance of A u is A' A / d.
    const base = tf.concat2d([tf.eye(dim), tf.eye(dim).neg()], 0);
    const [a, b] = [tf.matMul<tf.Tensor2D>(base, mixX), tf.matMul<tf.Tensor2D>(base, mixY).add<tf.Tensor2D>(1)];
    const starts = await momentStarts(a, b, transportPlan('test', 2 * dim, 2 * dim));
    expect(starts.map(({ kind }) => kind)).toEqual(['mean difference', ...Array<string>(2 * dim).fill('covariances')]);
    expect(Math.abs(cosine(starts[0]!.theta, Array<number>(dim).fill(1)))).toBeGreaterThan(1 - 1e-6);
    const [ofX, ofY] = [mixX, mixY].map((mix) => {
      const matrix = linalg.matrix(dim, dim, mix.dataSync());
      return linalg.multiply(linalg.transposed(matrix), matrix);
    }) as [linalg.Matrix64, linalg.Matrix64];
    const times = (matrix: linalg.Matrix64, v: Float64Array): Float64Array =>
      linalg.multiply(matrix, linalg.matrix(dim, 1, v)).data;
    const difference = linalg.matrix(
      dim,
      dim,
      ofX.data.map((value, i) => value - ofY.data[i]!),
    );
    starts.slice(1).forEach(({ theta }, i) => {
      // Of the pair S_x v is along S_y v, but for the ridge of 1e-3 of the mean variance.
      const [left, right] = i < dim ? [times(difference, theta), theta] : [times(ofX, theta), times(ofY, theta)];
      expect(Math.abs(cosine(left, right))).toBeGreaterThan(i < dim ? 1 - 1e-6 : 0.99);
      expect(Math.hypot(...theta)).toBeAllclose(1, { rtol: 1e-12, atol: 0 });
    });
    expect(new Set(starts.map(({ theta }) => theta.join())).size).toBe(2 * dim + 1);
  });

  it('gives the same for the same key, and does not fall with more starts or more iterations', async () => {
    const [a, b] = [normals(19, [25, 8]), normals(20, [25, 8])];
    const one = await found({ restarts: 3, maxIterations: 10 }, a, b);
    expect(await found({ restarts: 3, maxIterations: 10 }, a, b)).toEqual(one);
    const longer = await found({ restarts: 3, maxIterations: 40 }, a, b);
    expect(longer.value).toBeGreaterThan(one.value);
    const other = await found({ restarts: 3, maxIterations: 0, key: random.key(1) }, a, b);
    expect(other.restarts).not.toEqual((await found({ restarts: 3, maxIterations: 0 }, a, b)).restarts);
  });

  it('ends sooner with a larger tolerance, and tells which ascents converged', async () => {
    const [a, b] = [normals(21, [30, 5]), normals(22, [30, 5])];
    const count = async (tolerance: number): Promise<number> => {
      const { restarts } = await found({ tolerance, maxIterations: 200 }, a, b);
      expect(restarts.every(({ converged }) => converged)).toBe(true);
      return restarts.reduce((sum, { iterations }) => sum + iterations, 0);
    };
    expect(await count(1e-2)).toBeLessThan(await count(1e-5));
    const stopped = await found({ tolerance: 0, maxIterations: 3 }, a, b);
    expect(stopped.restarts.map(({ iterations }) => iterations)).toEqual(Array<number>(8).fill(3));
    expect(stopped.restarts.some(({ converged }) => converged)).toBe(false);
  });

  it('tells its progress and can be stopped', async () => {
    const [a, b] = [normals(23, [30, 5]), normals(24, [30, 5])];
    const seen: MaxSlicedProgress[] = [];
    const { value, restarts } = await found({ onProgress: (step: MaxSlicedProgress) => seen.push(step) }, a, b);
    expect(seen.map(({ iteration }) => iteration)).toEqual(seen.map((_, i) => i + 1));
    expect(seen.at(-1)!.value).toBe(value);
    expect(seen).toHaveLength(Math.max(...restarts.map(({ iterations }) => iterations)));
    expect(seen[0]!.climbing).toBe(8);
    const controller = new AbortController();
    const onProgress = ({ iteration }: MaxSlicedProgress): void => {
      if (iteration === 2) controller.abort(new Error('enough'));
    };
    await expect(found({ onProgress, signal: controller.signal }, a, b)).rejects.toThrow('enough');
    await expect(found({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
  });

  it('refuses bad arguments', async () => {
    const where = 'sliced-wasserstein.maxSlicedWasserstein';
    const cases: [object, Error][] = [
      [{ p: 0.5 }, new RangeError(`${where}: p must be a finite number >= 1, got 0.5.`)],
      [{ restarts: 0 }, new RangeError(`${where}: restarts must be an integer >= 1, got 0.`)],
      [{ maxIterations: -1 }, new RangeError(`${where}: maxIterations must be an integer >= 0, got -1.`)],
      [{ tolerance: -1 }, new RangeError(`${where}: tolerance must be a finite number >= 0, got -1.`)],
      [
        { key: undefined },
        new TypeError(`${where}: key must be a Key or a number, got undefined. For a start take key: 0.`),
      ],
      [{ weights: { a: [1, -1, 1] } }, new RangeError(`${where}: weights.a[1] must be a finite number >= 0, got -1.`)],
    ];
    for (const [options, error] of cases) await expect(found(options)).rejects.toThrow(error);
    await expect(found({}, x, [[1, 2]])).rejects.toThrow(
      `${where}: y must have the same last dimension as x (1), got [1, 2]. Transpose or slice y first.`,
    );
    await expect(found({}, [[NaN]], x)).rejects.toThrow(`${where}: row 0 of x must have finite numbers, got NaN.`);
    await expect(found({ p: 8 }, [[1e6]], [[-1e6]])).rejects.toThrow(
      `${where}: x and y must have finite projections whose p-th powers are within float32, got Infinity. ` +
        'Scale both clouds alike.',
    );
  });
});
