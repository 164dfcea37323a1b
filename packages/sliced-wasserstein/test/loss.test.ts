import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { backend as core, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { slicedWasserstein } from '../src';
import { swLoss, type SwLossOptions } from '../src/sliced/loss';

const key = random.key(21);

/** The same float32 operations in another order. */
const ROUNDING = 2e-6;

function normals(seed: number, shape: number[], mean = 0): tf.Tensor {
  return random.normal(random.key(seed), shape, { mean });
}

/** What call number `call` of a loss must give. */
function expected(yTrue: tf.Tensor, yPred: tf.Tensor, call: number, options: Partial<SwLossOptions> = {}): number {
  return tf.tidy(() => {
    const clouds = [yPred, yTrue].map((batch) => batch.reshape([batch.shape[0], -1])) as [tf.Tensor2D, tf.Tensor2D];
    return slicedWasserstein(...clouds, { root: false, key: random.foldIn(key, call), ...options }).dataSync()[0]!;
  });
}

function valueOf(loss: tf.Scalar): number {
  return loss.dataSync()[0]!;
}

describe.each(backendsUnderTest())('swLoss on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is SW_p^p of two batches of any rank, in fresh slices at each call', () => {
    for (const [shape, options] of [
      [[6, 4], {}],
      [[5, 2, 3, 2], { p: 1, slices: 7, sampler: 'orthogonal' }],
      [[8, 3], { p: 3, slices: 9, sampler: 'qmc' }],
    ] as [number[], Partial<SwLossOptions>][]) {
      const [yTrue, yPred] = [normals(1, shape, 1), normals(2, shape)];
      const loss = swLoss({ key, ...options });
      const values = [0, 1, 2].map((call) => {
        expect(loss.calls).toBe(call);
        const result = tf.tidy(() => valueOf(loss(yTrue, yPred)));
        expect(result).toBeAllclose(expected(yTrue, yPred, call, options), { rtol: ROUNDING, atol: 0 });
        return result;
      });
      expect(new Set(values).size).toBe(3);
      const later = swLoss({ key, ...options, firstCall: 2 });
      expect(tf.tidy(() => valueOf(later(yTrue, yPred)))).toBe(values[2]);
      expect(later.calls).toBe(3);
      tf.dispose([yTrue, yPred]);
    }
  });

  it('has gradients in both batches, also of unequal sizes', () => {
    const [yTrue, yPred] = [normals(3, [4, 2, 2]), normals(4, [7, 2, 2], 1)];
    tf.tidy(() => {
      const loss = swLoss({ key });
      const gradients = tf.grads((a: tf.Tensor, b: tf.Tensor) => loss(a, b))([yTrue, yPred]);
      const flat = [yTrue, yPred].map((batch) => batch.reshape<tf.Tensor2D>([-1, 4]));
      const [ofTrue, ofPred] = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
        slicedWasserstein(b as tf.Tensor2D, a as tf.Tensor2D, { root: false, key: random.foldIn(key, 0) }),
      )(flat) as [tf.Tensor, tf.Tensor];
      expect(gradients[0]).toBeAllclose(ofTrue.reshape([4, 2, 2]), { rtol: 0, atol: ROUNDING });
      expect(gradients[1]).toBeAllclose(ofPred.reshape([7, 2, 2]), { rtol: 0, atol: ROUNDING });
    });
    tf.dispose([yTrue, yPred]);
  });

  it('has the slices of an uncompiled function in a compiled one, run after run', () => {
    const [yTrue, yPred] = [normals(5, [6, 3], 1), normals(6, [6, 3])];
    const loss = swLoss({ slices: 5, key });
    const both = jit((a: tf.Tensor, b: tf.Tensor) => [loss(a, b), loss(b, a.mul(2))]);
    const options = { slices: 5 };
    for (const call of [0, 2, 4]) {
      tf.tidy(() => {
        const [first, second] = both(yTrue, yPred) as [tf.Scalar, tf.Scalar];
        const doubled = yTrue.mul(2);
        expect(valueOf(first)).toBeAllclose(expected(yTrue, yPred, call, options), { rtol: ROUNDING, atol: 0 });
        const other = expected(yPred, doubled, call + 1, options);
        expect(valueOf(second)).toBeAllclose(other, { rtol: ROUNDING, atol: 0 });
      });
      expect(loss.calls).toBe(call + 2);
    }
    // Uncompiled again: it goes on.
    const next = tf.tidy(() => valueOf(loss(yTrue, yPred)));
    expect(next).toBeAllclose(expected(yTrue, yPred, 6, options), { rtol: ROUNDING, atol: 0 });
    const again = tf.tidy(() => both(yTrue, yPred).map(valueOf)[0]!);
    expect(again).toBeAllclose(expected(yTrue, yPred, 7, options), { rtol: ROUNDING, atol: 0 });
    // Another shape is recorded anew, and goes on as well.
    const [few, fewer] = [normals(13, [4, 3], 1), normals(14, [2, 3])];
    const last = tf.tidy(() => both(few, fewer).map(valueOf)[0]!);
    expect(last).toBeAllclose(expected(few, fewer, 9, options), { rtol: ROUNDING, atol: 0 });
    expect(loss.calls).toBe(11);
    tf.dispose([few, fewer]);
    tf.dispose([yTrue, yPred]);
  });

  it('draws no other slices in compiled functions, but takes given ones', () => {
    const [yTrue, yPred] = [normals(7, [6, 3], 1), normals(8, [6, 3])];
    const slices = tf.eye(3);
    const given = swLoss({ slices });
    const compiled = jit((a: tf.Tensor, b: tf.Tensor) => given(a, b));
    for (const calls of [1, 2]) {
      const value = tf.tidy(() => valueOf(compiled(yTrue, yPred)));
      expect(value).toBeAllclose(expected(yTrue, yPred, 0, { slices }), { rtol: ROUNDING, atol: 0 });
      expect(given.calls).toBe(calls);
    }
    if (core.canCompile(tf.backend())) {
      const even = swLoss({ sampler: 'qmc', key });
      expect(() => jit((a: tf.Tensor, b: tf.Tensor) => even(a, b))(yTrue, yPred)).toThrow(
        "sliced-wasserstein.swLoss: sampler must be 'uniform' in compiled functions, which draw no others afresh, " +
          'got "qmc".',
      );
      expect(even.calls).toBe(0);
    }
    tf.dispose([yTrue, yPred, slices]);
  });

  it('leaves nothing behind', () => {
    const [yTrue, yPred] = [normals(9, [6, 2, 2]), normals(10, [5, 2, 2])];
    const loss = swLoss({ slices: 6, key });
    expect(() => loss(yTrue, yPred)).toLeakNothing();
    expect(() => tf.grad((batch) => loss(yTrue, batch))(yPred)).toLeakNothing();
    const integers = tf.ones([3, 4], 'int32');
    expect(() => loss(integers, integers)).toLeakNothing();
    expect(yTrue.isDisposed || yPred.isDisposed).toBe(false);
    tf.dispose([yTrue, yPred, integers]);
  });
});

describe('swLoss', () => {
  beforeAll(() => useBackend('cpu'));

  it('trains a generator to the mean of the data in model.fit', async () => {
    const [noise, data] = [normals(11, [256, 2]), tf.tidy(() => normals(12, [256, 2]).add([3, -2]))];
    const bias = tf.layers.dense({ units: 2, inputShape: [2], kernelInitializer: 'identity' });
    const model = tf.sequential({ layers: [bias] });
    const loss = swLoss({ slices: 16, key });
    model.compile({ optimizer: tf.train.adam(0.1), loss });
    const options = { batchSize: 64, shuffle: false, verbose: 0 } as const;
    // The optimiser makes its variables in the first step.
    await model.fit(noise, data, { ...options, epochs: 1 });
    const before = tf.memory().numTensors;
    const { history } = await model.fit(noise, data, { ...options, epochs: 24 });
    expect(tf.memory().numTensors).toBe(before);
    expect(loss.calls).toBe(4 * 25);
    const losses = history['loss'] as number[];
    expect(losses.at(-1)!).toBeLessThan(0.05 * losses[0]!);
    const generated = (model.predict(noise) as tf.Tensor).mean(0).dataSync();
    // Batches of 64 differ from each other by 1 / 8 in each mean, over which the optimiser averages.
    expect(generated).toBeAllclose([...data.mean(0).dataSync()], { rtol: 0, atol: 0.15 });
    const evaluated = model.evaluate(noise, data, { batchSize: 256 }) as tf.Scalar;
    const call = loss.calls - 1;
    const prediction = model.predict(noise) as tf.Tensor;
    expect(valueOf(evaluated)).toBeAllclose(expected(data, prediction, call, { slices: 16 }), {
      rtol: 1e-5,
      atol: 0,
    });
  });

  it('refuses bad arguments', () => {
    const where = 'sliced-wasserstein.swLoss';
    const noKey = `${where}: key must be a Key or a number, got undefined. For a start take key: 0.`;
    expect(() => swLoss({})).toThrow(new TypeError(noKey));
    expect(() => swLoss({ key, p: 0 })).toThrow(new RangeError(`${where}: p must be a finite number >= 1, got 0.`));
    expect(() => swLoss({ key, firstCall: -1 })).toThrow(
      new RangeError(`${where}: firstCall must be an integer >= 0, got -1.`),
    );
    const loss = swLoss({ key });
    const good = tf.ones([3, 2]);
    const cases: [unknown, unknown, string][] = [
      [good, [[1, 2]], 'yPred must be a batch [n, ...] of at least two axes, got [an array of 2].'],
      [tf.ones([3]), good, 'yTrue must be a batch [n, ...] of at least two axes, got a float32 tensor of shape [3].'],
      [
        good,
        tf.ones([0, 2]),
        'yPred must be a batch [n, ...] of at least two axes, got a float32 tensor of shape [0, 2].',
      ],
      [
        tf.ones([3, 3]),
        good,
        'yTrue must have 2 numbers a sample, as yPred has, got a float32 tensor of shape [3, 3].',
      ],
      [good, tf.tensor2d([[1, NaN]]), 'row 0 of yPred must have finite numbers, got NaN.'],
      [
        good,
        tf.fill([1, 2], 1e25),
        'x and y must have finite projections whose p-th powers are within float32, got Infinity. ' +
          'Scale both clouds alike.',
      ],
    ];
    for (const [yTrue, yPred, message] of cases) {
      expect(() => loss(yTrue as tf.Tensor, yPred as tf.Tensor)).toThrow(`${where}: ${message}`);
    }
  });
});
