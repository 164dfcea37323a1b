import * as tf from '@tensorflow/tfjs';
import { random, useBackend } from '@tfsci/tensor-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  sphericalSlicedWasserstein,
  sphericalSlicedWassersteinDetailed,
  sphericalSlicedWassersteinToUniform,
} from '../src/spherical/spherical-sliced-wasserstein';

describe('sphericalSlicedWasserstein', () => {
  beforeAll(() => useBackend('cpu'));

  const where = 'sliced-wasserstein.sphericalSlicedWasserstein';
  const keyed = { key: random.key(0), slices: 2 };
  const [good, flat] = [
    [
      [1, 0, 0],
      [0, 0.6, 0.8],
      [0, 0, -1],
    ],
    [[1], [-1]],
  ];
  it.each<[string, unknown, unknown, object, string, string]>([
    [
      'lengths',
      [
        [1, 0],
        [0, 2],
      ],
      [[1, 0]],
      keyed,
      'RangeError',
      'row 1 of x must have norm 1, got 2. Use the option normalise.',
    ],
    [
      'origins',
      [[1, 0]],
      [[0, 0]],
      { ...keyed, normalise: true },
      'RangeError',
      'row 0 of y must have a finite norm > 0, got 0. The origin has no direction.',
    ],
    [
      'lines',
      flat,
      flat,
      keyed,
      'ShapeError',
      'x must have the shape [n, d] with d >= 2, got 1. Points of a sphere have at least 2 coordinates.',
    ],
    [
      'dimensions',
      good,
      [[1, 0]],
      keyed,
      'ShapeError',
      'y must have the same last dimension as x (3), got [1, 2]. Transpose or slice y first.',
    ],
    ['no key', good, good, {}, 'TypeError', 'key must be a Key or a number, got undefined. For a start take key: 0.'],
    ['no slices', good, good, { ...keyed, slices: 0 }, 'RangeError', 'slices must be an integer >= 1, got 0.'],
    ['p', good, good, { ...keyed, p: 0 }, 'RangeError', 'p must be a finite number >= 1, got 0.'],
    [
      'weights',
      good,
      good,
      { ...keyed, weights: { a: [1] } },
      'ShapeError',
      'weights.a must have 3 numbers, one for each point, got 1.',
    ],
    [
      'weights of y',
      good,
      good,
      { ...keyed, weights: { b: [1, 1, -1] } },
      'RangeError',
      'weights.b[2] must be a finite number >= 0, got -1.',
    ],
    [
      'frames',
      good,
      good,
      { slices: 'all' },
      'TypeError',
      'slices must be a number, a tensor or an array of frames, got "all".',
    ],
    [
      'empty frames',
      good,
      good,
      { slices: [] },
      'ShapeError',
      'slices must have the shape [L, 3, 2] with L >= 1, as x has 3 coordinates, got [].',
    ],
    [
      'short frames',
      good,
      good,
      { slices: [[1, 0]] },
      'ShapeError',
      'slices[0] must have 6 numbers, [3, 2], got [1, 0].',
    ],
    [
      'long columns',
      good,
      good,
      {
        slices: [
          [1, 0, 0, 1, 0, 0],
          [2, 0, 0, 1, 0, 0],
        ],
      },
      'RangeError',
      'slices[1] must have orthonormal columns (squared norms 1, 1 and product 0), got [4, 1, 0]. Take Q of a QR decomposition.',
    ],
    [
      'equal columns',
      good,
      good,
      { slices: [[1, 1, 0, 0, 0, 0]] },
      'RangeError',
      'slices[0] must have orthonormal columns (squared norms 1, 1 and product 0), got [1, 1, 1].',
    ],
    ['NaN', good, good, { slices: [[1, 0, 0, NaN, 0, 0]] }, 'RangeError', 'slices[0] must have orthonormal columns'],
  ])('refuses bad %s', async (_, x, y, options, name, message) => {
    const clouds = [x, y] as [number[][], number[][]];
    const sync = () => sphericalSlicedWasserstein(...clouds, options);
    expect(sync).toThrow(expect.objectContaining({ name }));
    expect(sync).toThrow(`${where}: ${message}`);
    const detailed = sphericalSlicedWassersteinDetailed(...clouds, options);
    await expect(detailed).rejects.toThrow(`${where}Detailed: ${message}`);
  });

  it('refuses frames of a tensor of another shape, and names the function to the uniform law', () => {
    tf.tidy(() => {
      const message = 'slices must have the shape [L, 3, 2] with L >= 1, as x has 3 coordinates, got';
      const slices = tf.zeros<tf.Rank.R3>([2, 2, 3]);
      expect(() => sphericalSlicedWasserstein(good, good, { slices })).toThrow(
        `${where}: ${message} a float32 tensor of shape [2, 2, 3].`,
      );
      expect(() => sphericalSlicedWassersteinToUniform(good, { slices: tf.zeros<tf.Rank.R3>([0, 3, 2]) })).toThrow(
        `${where}ToUniform: ${message} a float32 tensor of shape [0, 3, 2].`,
      );
      expect(() => sphericalSlicedWassersteinToUniform([[2, 0]], keyed)).toThrow(
        `${where}ToUniform: row 0 of x must have norm 1, got 2.`,
      );
    });
  });

  it('says what to do where values must be waited for', async () => {
    const device = Object.assign(new tf.KernelBackend(), { dispose: () => undefined, floatPrecision: () => 32 });
    tf.registerBackend('webgpu', () => device);
    await tf.setBackend('webgpu');
    try {
      const fix = "Take sphericalSlicedWassersteinDetailed, or useBackend('wasm').";
      expect(() => sphericalSlicedWasserstein(good, good, keyed)).toThrow(
        `${where}: the backend must be read at once, got "webgpu". ${fix}`,
      );
    } finally {
      await tf.setBackend('cpu');
      tf.removeBackend('webgpu');
    }
  });
});
