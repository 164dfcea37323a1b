import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { backend as backends, check, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein, wasserstein1d, type SlicedWassersteinOptions } from '../src';
import { normalRows, positiveWeights, tensorOf, unitRows } from './clouds';

/** The order of sums of float32 differs; masses of weights are float32 in compiled functions. */
const ROUNDING = 3e-5;

const CASES: { name: string; m: number; options: SlicedWassersteinOptions }[] = [
  { name: 'equal sizes', m: 6, options: {} },
  { name: 'unequal sizes, p = 1', m: 4, options: { p: 1 } },
  { name: 'weights, p = 3', m: 5, options: { p: 3, weights: { a: positiveWeights(6, 1), b: positiveWeights(5, 2) } } },
  { name: 'the power, standard coordinates', m: 4, options: { root: false, normalise: 'standard', p: 1.5 } },
  { name: 'coordinates in [0, 1]', m: 6, options: { normalise: 'minmax' } },
];

describe.each(backendsUnderTest())('compiled functions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(CASES)('give the values and gradients of eager ones on given slices: $name', ({ m, options }) => {
    const theta = tensorOf(unitRows(normalRows(5, 3, 3)));
    const step = (x: tf.Tensor2D, y: tf.Tensor2D, s: tf.Tensor2D): tf.Tensor[] => {
      const of = (...args: tf.Tensor[]): tf.Scalar => {
        const [u, v, w] = args as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        return slicedWasserstein(u, v, { ...options, slices: w });
      };
      const { value, grads } = tf.valueAndGrads(of)([x, y, s]);
      return [value, ...grads];
    };
    const compiled = jit(step);
    tf.tidy(() => {
      // The second run uses what the first has compiled.
      for (const seed of [4, 5]) {
        const [x, y] = [tensorOf(normalRows(6, 3, seed)), tensorOf(normalRows(m, 3, seed + 10, 0.5))];
        const [found, expected] = [compiled(x, y, theta), step(x, y, theta)];
        found.forEach((tensor, i) => {
          const atol = ROUNDING * expected[i]!.abs().max().dataSync()[0]!;
          expect(tensor).toBeAllclose(expected[i]!, { rtol: 0, atol });
        });
      }
    });
    theta.dispose();
  });

  it('draw fresh slices by a key that is their input', () => {
    const [x, y] = [tensorOf(normalRows(6, 3, 6)), tensorOf(normalRows(4, 3, 7, 1))];
    const distance = (u: tf.Tensor2D, v: tf.Tensor2D, key: random.Key): tf.Scalar =>
      slicedWasserstein(u, v, { slices: 8, key });
    const compiled = jit(distance);
    tf.tidy(() => {
      const values = [0, 1, 2].map((seed) => {
        const key = random.key(seed);
        const value = compiled(x, y, key).dataSync()[0]!;
        expect(value).toBeAllclose(distance(x, y, key).dataSync()[0]!, { rtol: ROUNDING });
        return value;
      });
      expect(new Set(values).size).toBe(3);
    });
    tf.dispose([x, y]);
  });

  it('train a variable as eager ones do', () => {
    const target = normalRows(8, 2, 8, 2);
    const slices = unitRows(normalRows(6, 2, 9));
    const trained = (compile: boolean): number[] => {
      const x = tf.variable(tensorOf(normalRows(8, 2, 10)));
      const optimiser = tf.train.sgd(2);
      const step = (): tf.Scalar =>
        optimiser.minimize(() => slicedWasserstein(x, target, { slices, root: false }), true, [x])!;
      const run = compile ? jit(step) : step;
      for (let i = 0; i < 5; i++) run().dispose();
      const values = Array.from(x.dataSync());
      x.dispose();
      optimiser.dispose();
      return values;
    };
    expect(trained(true)).toBeAllclose(trained(false), { rtol: 0, atol: 10 * ROUNDING });
  });

  it('hold wasserstein1d, with its gradients', () => {
    const step = (x: tf.Tensor, y: tf.Tensor): tf.Tensor[] => {
      const of = (u: tf.Tensor, v: tf.Tensor): tf.Tensor =>
        wasserstein1d(u as tf.Tensor2D, v as tf.Tensor2D, { p: 2, root: true, b: [1, 2, 3, 4] });
      const { value, grads } = tf.valueAndGrads(of)([x, y]);
      return [value, ...grads];
    };
    tf.tidy(() => {
      const [x, y] = [tensorOf(normalRows(6, 3, 11)), tensorOf(normalRows(4, 3, 12))];
      const expected = step(x, y);
      jit(step)(x, y).forEach((tensor, i) => {
        expect(tensor).toBeAllclose(expected[i]!, { rtol: 0, atol: ROUNDING });
      });
    });
  });

  it('have the gradient 0 at distance 0', () => {
    tf.tidy(() => {
      const x = tensorOf(normalRows(5, 2, 13));
      const slices = unitRows(normalRows(3, 2, 14));
      const gradient = (u: tf.Tensor2D): tf.Tensor =>
        tf.grad((v) => slicedWasserstein(v as tf.Tensor2D, x, { slices }))(u);
      expect(jit(gradient)(x).dataSync()).toEqual(new Float32Array(10));
    });
  });

  it('take rows as constants, and refuse broken ones although nothing else is looked at', () => {
    const bad = [[1, NaN]];
    const distance = (rows: number[][]) => (x: tf.Tensor2D) => slicedWasserstein(x, rows, { slices: [[0.6, 0.8]] });
    tf.tidy(() => {
      const x = tf.tensor2d([[1, 2]]);
      expect(jit(distance([[0, 0]]))(x).dataSync()[0]).toBeAllclose(2.2, { rtol: ROUNDING });
      expect(() => jit(distance(bad))(x)).toThrow(
        'sliced-wasserstein.slicedWasserstein: row 0 of y must have finite numbers, got NaN.',
      );
    });
  });

  it('leave nothing behind but their results', () => {
    const [x, y] = [tensorOf(normalRows(6, 3, 15)), tensorOf(normalRows(4, 3, 16, 1))];
    const step = jit((u: tf.Tensor2D, v: tf.Tensor2D, key: random.Key) =>
      tf.grad((w) => slicedWasserstein(w as tf.Tensor2D, v, { slices: 8, key }))(u),
    );
    tf.dispose(step(x, y, random.key(0)));
    expect(() => step(x, y, random.key(1))).toLeakNothing();
    tf.dispose([x, y]);
  });

  it.each(['orthogonal', 'qmc'] as const)('cannot draw slices of the sampler %s', (sampler) => {
    const compiled = jit((x: tf.Tensor2D) =>
      slicedWasserstein(x, [[0, 1]], { sampler, slices: 4, key: random.key(0) }),
    );
    const x = tf.tensor2d([[1, 2]]);
    if (backends.canCompile(tf.backend())) {
      expect(() => compiled(x)).toThrow(check.BackendError);
      expect(() => compiled(x)).toThrow(
        `sliced-wasserstein.slicedWasserstein: slices of the sampler '${sampler}' must be drawn outside compiled functions, got "a call while jit records".`,
      );
    } else {
      const value = compiled(x);
      expect(value.dataSync()[0]).toBeGreaterThan(0);
      value.dispose();
    }
    x.dispose();
  });
});
