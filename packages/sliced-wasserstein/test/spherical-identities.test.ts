// n, m points of the clouds, d coordinates, L great circles
import * as tf from '@tensorflow/tfjs';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { circleCost, circleMasses } from '../src/spherical/circle-transport';
import { circleToUniform, circleWasserstein } from '../src/spherical/circle-wasserstein';
import { framesOf } from '../src/spherical/frames';
import { type CircleCost, costsOnCircles } from '../src/spherical/great-circles';
import {
  sphericalSlicedWasserstein,
  sphericalSlicedWassersteinDetailed,
  sphericalSlicedWassersteinToUniform,
} from '../src/spherical/spherical-sliced-wasserstein';
import { sphere, tensor, valueOf } from './sphere-points';

/** float32 coordinates of clouds and frames: 1e-7 of W_p, a few of them. */
const FLOAT32 = { rtol: 2e-6, atol: 1e-7 };
/** Sums of float64. */
const ROUNDING = { rtol: 1e-12, atol: 1e-14 };

describe('sphericalSlicedWasserstein', () => {
  beforeAll(() => useBackend('cpu'));

  it('is the distance on the circle for d = 2, whatever the frame', async () => {
    const angles = (points: number[][]): number[] => points.map(([c, s]) => Math.atan2(s!, c!) / (2 * Math.PI));
    const [x, y] = [sphere(1, 12, 2), sphere(2, 7, 2)];
    for (const p of [1, 2]) {
      const options = { p, slices: 3, key: random.key(1), root: false };
      const { perSlice, standardError } = await sphericalSlicedWassersteinDetailed(x, y, options);
      const expected = circleWasserstein(angles(x), angles(y), { p });
      expect(perSlice).toBeAllclose([expected, expected, expected], FLOAT32);
      expect(standardError).toBeLessThan(1e-7);
    }
    const toUniform = valueOf(() => sphericalSlicedWassersteinToUniform(x, { slices: 2, key: random.key(1) }));
    expect(toUniform).toBeAllclose(circleToUniform(angles(x), { root: true }), FLOAT32);
  });

  it('is 1/2 for antipodes, and 1 / sqrt 12 from a point to the uniform law', async () => {
    const x = sphere(1, 1, 6);
    const antipode = x.map((row) => row.map((value) => -value));
    const options = { slices: 9, key: random.key(2) };
    const { value, standardError } = await sphericalSlicedWassersteinDetailed(x, antipode, options);
    expect(value).toBeAllclose(0.5, FLOAT32);
    expect(standardError).toBeLessThan(1e-7);
    const toUniform = (rows: number[][]): number => valueOf(() => sphericalSlicedWassersteinToUniform(rows, options));
    expect(toUniform(x)).toBeAllclose(1 / Math.sqrt(12), FLOAT32);
    expect(toUniform([x[0]!, antipode[0]!])).toBeAllclose(1 / Math.sqrt(48), FLOAT32);
    expect(valueOf(() => sphericalSlicedWassersteinToUniform(x, { ...options, root: false }))).toBeAllclose(1 / 12);
  });

  it('turns with clouds and frames, and is symmetric', async () => {
    const [x, y] = [sphere(1, 10, 4), sphere(2, 8, 4)];
    const { q } = linalg.qr(linalg.matrix(4, 4, random.fillNormal(random.key(3), new Float64Array(16))));
    const turned = (rows: readonly ArrayLike<number>[]): number[][] =>
      rows.map((row) =>
        Array.from({ length: 4 }, (_, i) => Array.from(row).reduce((s, v, j) => s + q.data[4 * i + j]! * v, 0)),
      );
    const { value, frames } = await sphericalSlicedWassersteinDetailed(x, y, { slices: 5, key: random.key(4) });
    const columns = frames.map((frame) => [0, 1].map((k) => Array.from(frame).filter((_, i) => i % 2 === k)));
    const slices = columns.map((pair) => {
      const [first, second] = turned(pair) as [number[], number[]];
      return first.flatMap((c, i) => [c, second[i]!]);
    });
    const other = await sphericalSlicedWassersteinDetailed(turned(x), turned(y), { slices });
    expect(other.value).toBeAllclose(value, FLOAT32);
    const back = await sphericalSlicedWassersteinDetailed(y, x, { slices: frames });
    expect(back.value).toBeAllclose(value, ROUNDING);
  });

  it('is 0 for a cloud and itself, and satisfies the triangle inequality on shared frames', async () => {
    const [x, y, z] = [sphere(1, 6, 3), sphere(2, 9, 3), sphere(3, 5, 3, -0.5)];
    for (const p of [1, 2, 3]) {
      const options = { p, slices: 7, key: random.key(1) };
      const W = async (s: number[][], t: number[][]): Promise<number> =>
        (await sphericalSlicedWassersteinDetailed(s, t, options)).value;
      expect(await W(x, [...x].reverse())).toBe(0);
      expect(await W(x, z)).toBeLessThan((await W(x, y)) + (await W(y, z)) + 1e-12);
      expect(await W(x, z)).toBeLessThanOrEqual(0.5);
    }
    const same = await sphericalSlicedWassersteinDetailed(x, x, { slices: 7, key: random.key(1) });
    expect(same.standardError).toBe(0);
  });

  it('sees directions alone with normalise', () => {
    const [x, y] = [sphere(1, 6, 3), sphere(2, 9, 3)];
    const options = { slices: 7, key: random.key(1) };
    const expected = valueOf(() => sphericalSlicedWasserstein(x, y, options));
    const longer = x.map((row, i) => row.map((value) => (i + 0.1) * value));
    const found = valueOf(() => sphericalSlicedWasserstein(longer, y, { ...options, normalise: true }));
    expect(found).toBeAllclose(expected, FLOAT32);
  });

  it('has derivatives along the sphere, by finite differences', () => {
    const [n, m, d] = [6, 8, 4];
    const [x, y] = [Float64Array.from(sphere(1, n, d).flat()), Float64Array.from(sphere(2, m, d).flat())];
    const frames = framesOf('test', d, { slices: 5, key: random.key(6) });
    const masses = circleMasses('test', n, m, { a: [1, 2, 3, 4, 5, 6] });
    for (const p of [1, 1.5, 2]) {
      const cost: CircleCost = ([u, v], s) => circleCost(u!, v!, masses, p, s && { u: s[0]!, v: s[1]! });
      const mean = (clouds: Float64Array[]): number =>
        costsOnCircles(clouds, d, frames, cost).reduce((sum, one) => sum + one / 5, 0);
      const gradients = [new Float64Array(n * d), new Float64Array(m * d)];
      costsOnCircles([x, y], d, frames, cost, gradients);
      // Steps of 1e-6: rounding 1e-10, and 1e-5 where p = 1.5 meets a curvature of r^(-1/2).
      const close = { rtol: 0, atol: 2e-5 };
      expect(gradients[0]).toBeAllclose(
        finiteDifferences((at) => mean([at, y]), x, 1e-6),
        close,
      );
      expect(gradients[1]).toBeAllclose(
        finiteDifferences((at) => mean([x, at]), y, 1e-6),
        close,
      );
      for (let i = 0; i < n; i++) {
        let along = 0;
        for (let j = 0; j < d; j++) along += gradients[0]![i * d + j]! * x[i * d + j]!;
        expect(along).toBeAllclose(0, ROUNDING);
      }
    }
  });

  it('gives points orthogonal to a great circle the coordinate 0 and no gradient', () => {
    tf.tidy(() => {
      const x = tensor([
        [0, 0, 1],
        [1, 0, 0],
      ]);
      const y = tensor([
        [0, 1, 0],
        [0, 1, 0],
      ]);
      const options = { slices: [[1, 0, 0, 1, 0, 0]], root: false };
      const loss = (z: tf.Tensor): tf.Scalar => sphericalSlicedWasserstein(z as tf.Tensor2D, y, options);
      // The circle of the first two coordinates: [1, 0] is at 0, [0, 1] at 1/4, and what has no place at 0.
      expect(loss(x).dataSync()[0]).toBeAllclose(1 / 16);
      const gradient = tf.grad(loss)(x).dataSync();
      expect(Array.from(gradient.subarray(0, 3), Math.abs)).toEqual([0, 0, 0]);
      // 2 (0 - 1/4) / 2 for the coordinate, 1 / 2 pi for the angle from [1, 0] towards [0, 1].
      expect(gradient.subarray(3)).toBeAllclose([0, -0.25 / (2 * Math.PI), 0]);
    });
  });

  it('draws frames that are uniform', () => {
    const [dim, count] = [3, 4000];
    const { values } = framesOf('test', dim, { slices: count, key: random.key(9) });
    // Each column is uniform on the sphere: coordinates have mean 0, squares mean 1/d and variance 2 (d - 1) / (d^2 (d + 2));
    // and so is the third vector of the frame, c = first x second, and products of coordinates have mean 0.
    const five = (variance: number): number => 5 * Math.sqrt(variance / count);
    const mean = (of: (frame: Float32Array) => number): number => {
      let sum = 0;
      for (let l = 0; l < count; l++) sum += of(values.subarray(l * 6, (l + 1) * 6)) / count;
      return sum;
    };
    for (let i = 0; i < 6; i++) {
      expect(Math.abs(mean((frame) => frame[i]!))).toBeLessThan(five(1 / 3));
      expect(Math.abs(mean((frame) => frame[i]! ** 2) - 1 / 3)).toBeLessThan(five(4 / 45));
    }
    const third = (frame: Float32Array): number => frame[0]! * frame[3]! - frame[1]! * frame[2]!;
    expect(Math.abs(mean(third))).toBeLessThan(five(1 / 3));
    expect(Math.abs(mean((frame) => frame[0]! * frame[1]!))).toBeLessThan(five(1 / 9));
  });

  it('has the standard error that repetitions show', async () => {
    const [x, y] = [sphere(1, 10, 3), sphere(2, 10, 3, -0.5)];
    for (const root of [false, true]) {
      const estimates = await Promise.all(
        random
          .split(random.key(11), 300)
          .map((key) => sphericalSlicedWassersteinDetailed(x, y, { slices: 40, key, root })),
      );
      const mean = estimates.reduce((sum, { value }) => sum + value / 300, 0);
      const spread = Math.sqrt(estimates.reduce((sum, { value }) => sum + (value - mean) ** 2 / 299, 0));
      const told = Math.sqrt(estimates.reduce((sum, { standardError }) => sum + standardError ** 2 / 300, 0));
      // A standard deviation of 300 normal values is 1 / sqrt(600) = 4 % off: four of these, and 2 % of the delta method.
      expect(Math.abs(spread / told - 1)).toBeLessThan(0.18);
    }
  });
});
