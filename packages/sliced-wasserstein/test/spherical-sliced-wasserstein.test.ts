// n, m points of the clouds, d coordinates, L great circles
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { backend as core, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { circleCost, circleMasses } from '../src/spherical/circle-transport';
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
/** W_p^p of projections to a great circle: the best permutation, with angles between the nearest points of the circle. */
function permutationCost(x: number[][], y: number[][], frame: Float32Array, p: number): number {
  const nearest = (point: number[]): number[] => {
    const along = [0, 1].map((k) => point.reduce((sum, value, i) => sum + value * frame[2 * i + k]!, 0));
    return point.map((_, i) => (along[0]! * frame[2 * i]! + along[1]! * frame[2 * i + 1]!) / Math.hypot(...along));
  };
  const [xs, ys] = [x.map(nearest), y.map(nearest)];
  const angle = (s: number[], t: number[]): number => {
    const [difference, sum] = [-1, 1].map((sign) => Math.hypot(...s.map((value, i) => value + sign * t[i]!)));
    return 2 * Math.atan2(difference!, sum!);
  };
  const best = (left: number[][], right: number[][]): number =>
    left.length === 0
      ? 0
      : Math.min(
          ...right.map(
            (to, j) => (angle(left[0]!, to) / (2 * Math.PI)) ** p + best(left.slice(1), right.toSpliced(j, 1)),
          ),
        );
  return best(xs, ys) / x.length;
}

describe.each(backendsUnderTest())('sphericalSlicedWasserstein on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is the mean over great circles of the best permutation', async () => {
    const [x, y] = [sphere(1, 5, 4), sphere(2, 5, 4)];
    for (const p of [1, 1.5, 2, 3]) {
      const options = { p, slices: 6, key: random.key(3) };
      const { perSlice, frames, value } = await sphericalSlicedWassersteinDetailed(x, y, options);
      const expected = frames.map((frame) => permutationCost(x, y, frame, p));
      expect(perSlice).toBeAllclose(expected, FLOAT32);
      const mean = expected.reduce((sum, cost) => sum + cost, 0) / 6;
      expect(value).toBeAllclose(mean ** (1 / p), FLOAT32);
      expect(valueOf(() => sphericalSlicedWasserstein(x, y, options))).toBeAllclose(value, FLOAT32);
      const powerOptions = { ...options, root: false };
      expect(valueOf(() => sphericalSlicedWasserstein(x, y, powerOptions))).toBeAllclose(mean, FLOAT32);
    }
  });

  it('takes its frames again, as arrays and as a tensor, and clouds as tensors', async () => {
    const [x, y] = [sphere(1, 7, 3), sphere(2, 9, 3)];
    const { value, frames } = await sphericalSlicedWassersteinDetailed(x, y, { slices: 4, key: random.key(5) });
    const again = await sphericalSlicedWassersteinDetailed(x, y, { slices: frames });
    expect(again.value).toBe(value);
    expect(again.frames).toEqual(frames);
    const slices = tf.tensor3d(
      frames.flatMap((frame) => Array.from(frame)),
      [4, 3, 2],
    );
    expect((await sphericalSlicedWassersteinDetailed(x, y, { slices })).value).toBe(value);
    tf.tidy(() => {
      const found = sphericalSlicedWasserstein(tensor(x), tensor(y), { slices });
      expect(found.shape).toEqual([]);
      expect(found.dataSync()[0]).toBe(Math.fround(value));
    });
    slices.dispose();
  });

  it('takes weights', () => {
    const [x, y] = [sphere(1, 4, 3), sphere(2, 3, 3)];
    const options = { slices: 5, key: random.key(5) };
    const copies = [x[0]!, x[1]!, x[1]!, x[3]!];
    const expected = valueOf(() => sphericalSlicedWasserstein(copies, y, options));
    const weights = { a: [1, 2, 0, 1] };
    expect(valueOf(() => sphericalSlicedWasserstein(x, y, { ...options, weights }))).toBeAllclose(expected, FLOAT32);
    const swapped = { ...options, weights: { b: weights.a } };
    expect(valueOf(() => sphericalSlicedWasserstein(y, x, swapped))).toBeAllclose(expected, FLOAT32);
    const toUniform = valueOf(() => sphericalSlicedWassersteinToUniform(copies, options));
    const weighted = { ...options, weights };
    expect(valueOf(() => sphericalSlicedWassersteinToUniform(x, weighted))).toBeAllclose(toUniform, FLOAT32);
  });

  it('has the gradients of its great circles, and of the root', () => {
    const [x, y] = [sphere(1, 6, 3), sphere(2, 8, 3)];
    const frames = framesOf('test', 3, { slices: 5, key: random.key(6) });
    const masses = circleMasses('test', 6, 8);
    const cost: CircleCost = ([u, v], slopes) =>
      circleCost(u!, v!, masses, 3, slopes && { u: slopes[0]!, v: slopes[1]! });
    tf.tidy(() => {
      const [xs, ys] = [tensor(x), tensor(y)];
      const gradients = [new Float64Array(18), new Float64Array(24)];
      const costs = costsOnCircles([xs.dataSync(), ys.dataSync()], 3, frames, cost, gradients);
      const mean = costs.reduce((sum, one) => sum + one, 0) / 5;
      const options = { p: 3, slices: 5, key: random.key(6) };
      const found = tf.grads((s, t) =>
        sphericalSlicedWasserstein(s as tf.Tensor2D, t as tf.Tensor2D, { ...options, root: false }).mul(2),
      )([xs, ys]);
      found.forEach((gradient, c) => {
        expect(gradient.dataSync()).toBeAllclose(
          gradients[c]!.map((value) => 2 * value),
          FLOAT32,
        );
      });
      const ofRoot = tf.grad((s) => sphericalSlicedWasserstein(s as tf.Tensor2D, ys, options))(xs);
      const scale = mean ** (1 / 3 - 1) / 3;
      expect(ofRoot.dataSync()).toBeAllclose(
        gradients[0]!.map((value) => scale * value),
        { rtol: 1e-5, atol: 1e-7 },
      );
      const atZero = tf.grad((s) => sphericalSlicedWasserstein(s as tf.Tensor2D, xs, options))(xs);
      expect(atZero.dataSync()).toEqual(new Float32Array(18));
    });
  });

  it('spreads points over the sphere by the gradient to the uniform law', () => {
    const options = { slices: 64, key: random.key(1), normalise: true };
    const loss = (z: tf.Tensor): tf.Scalar =>
      sphericalSlicedWassersteinToUniform(z as tf.Tensor2D, { ...options, root: false });
    let points = tensor(sphere(4, 20, 3, 2));
    const before = valueOf(() => loss(points));
    for (let step = 0; step < 40; step++) {
      const next = tf.tidy(() => {
        const moved = points.sub<tf.Tensor2D>(tf.grad(loss)(points).mul(40));
        return moved.div<tf.Tensor2D>(moved.norm('euclidean', 1, true));
      });
      points.dispose();
      points = next;
    }
    const after = valueOf(() => loss(points));
    points.dispose();
    // 20 points in the plane would reach 1 / (12 * 400) = 2e-4; independent uniform ones have 1 / (12 * 20) = 4e-3 on average.
    expect(before).toBeGreaterThan(0.02);
    expect(after).toBeLessThan(2e-3);
  });

  it('leaves nothing behind, and refuses to be compiled', async () => {
    const [x, y] = [tensor(sphere(1, 4, 3)), tensor(sphere(2, 5, 3))];
    const options = { slices: 3, key: random.key(0) };
    expect(() => sphericalSlicedWasserstein(x, y, options)).toLeakNothing();
    expect(() => sphericalSlicedWassersteinToUniform(x, options)).toLeakNothing();
    const rows = sphere(3, 4, 3);
    expect(() => sphericalSlicedWasserstein(rows, y, { ...options, root: false })).toLeakNothing();
    expect(() => tf.grad((z) => sphericalSlicedWasserstein(z as tf.Tensor2D, y, options))(x)).toLeakNothing();
    await expect(() => sphericalSlicedWassersteinDetailed(x, rows, options)).toLeakNothing();
    expect(x.isDisposed || y.isDisposed).toBe(false);
    if (core.canCompile(tf.backend())) {
      const wanted = 'values of x must be read at once, got "a call while jit records".';
      const fix = 'Compute it outside of the compiled function.';
      const compiled = jit((z: tf.Tensor2D) => sphericalSlicedWasserstein(z, y, options));
      expect(() => compiled(x)).toThrow(`sliced-wasserstein.sphericalSlicedWasserstein: ${wanted} ${fix}`);
    }
    tf.dispose([x, y]);
  });
});
