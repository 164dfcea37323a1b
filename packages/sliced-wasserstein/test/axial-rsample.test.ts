import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeAxial } from '../src/slices/axial-json';
import { distributionOf, FAMILIES } from './axial-support';

/** Gradients in float32, relative to their terms. */
const FLOAT32 = 1e-5;

describe.each(backendsUnderTest())('rsample on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(FAMILIES)('%s has the slices and the gradients of draw and pullback', (family) => {
    const [d, count] = [4, 30];
    const key = random.key(8);
    const logKappa = tf.scalar(1.2);
    const m = tf.tensor1d([0.5, -2, 1, 3]);
    const coefficients = random.normal(random.key(9), [count, d]) as tf.Tensor2D;
    const elsewhere = distributionOf(family, d, 7);
    const distribution = makeAxial('test', family, m.dataSync(), Math.exp(logKappa.dataSync()[0]!));
    const draw = distribution.draw(count, key);
    const { mu, logKappa: byLogKappa } = distribution.pullback(draw, coefficients.dataSync());
    const length = Math.hypot(...m.dataSync());
    const loss = (kappa: tf.Tensor, direction: tf.Tensor): tf.Scalar =>
      elsewhere
        .rsample(count, key, { logKappa: kappa as tf.Scalar, mu: direction as tf.Tensor1D })
        .mul<tf.Tensor2D>(coefficients)
        .sum();
    const [gKappa, gMu] = tf.tidy(() => tf.grads(loss)([logKappa, m])) as [tf.Tensor, tf.Tensor];
    const size = { rtol: FLOAT32, atol: FLOAT32 * count };
    expect(gKappa.dataSync()[0]).toBeAllclose(byLogKappa, size);
    expect(gMu.dataSync()).toBeAllclose(
      mu.map((entry) => entry / length),
      size,
    );
    const both = elsewhere.rsample(count, key, { logKappa, mu: m });
    expect(both.dataSync()).toEqual(Float32Array.from(draw.theta));
    // One parameter alone; the other one is that of the distribution.
    const alone = tf.tidy(() =>
      tf.grad((k) =>
        elsewhere
          .with({ mu: m.dataSync() })
          .rsample(count, key, { logKappa: k as tf.Scalar })
          .mul(coefficients)
          .sum(),
      )(logKappa),
    );
    expect(alone.dataSync()).toEqual(gKappa.dataSync());
    const muAlone = tf.tidy(() =>
      tf.grad((z) =>
        distribution
          .rsample(count, key, { mu: z as tf.Tensor1D })
          .mul(coefficients)
          .sum(),
      )(m),
    );
    expect(muAlone.dataSync()).toEqual(gMu.dataSync());
    tf.dispose([logKappa, m, coefficients, gKappa, gMu, both, alone, muAlone]);
  });

  it('is what an optimiser learns with, and leaves nothing behind', () => {
    const distribution = makeAxial('test', 'vmf', [1, 0, 0], 1);
    const logKappa = tf.variable<tf.Rank.R0>(tf.scalar(0));
    const mu = tf.variable<tf.Rank.R1>(tf.tensor1d([1, 0.1, 0]));
    const optimizer = tf.train.sgd(0.5);
    // Of E theta_2, greatest for mu = e_2 and large kappa.
    const step = (i: number) => () =>
      optimizer.minimize(() =>
        distribution.rsample(200, random.key(i), { logKappa, mu }).slice([0, 1], [-1, 1]).mean<tf.Scalar>().neg(),
      );
    step(0)();
    for (let i = 1; i < 60; i++) expect(step(i)).toLeakNothing();
    const learnt = mu.dataSync();
    expect(learnt[1]! / Math.hypot(...learnt)).toBeGreaterThan(0.95);
    expect(logKappa.dataSync()[0]).toBeGreaterThan(1.5);
    tf.dispose([logKappa, mu]);
    optimizer.dispose();
  });
});

describe('rsample', () => {
  beforeAll(() => useBackend('cpu'));
  afterEach(() => vi.restoreAllMocks());

  it('refuses parameters of other shapes, that are not finite, and gradients of other lengths', () => {
    const distribution = distributionOf('vmf', 3, 1);
    const where = 'sliced-wasserstein.VonMisesFisher';
    const [mu, logKappa, nan] = [tf.tensor1d([1, 2]), tf.tensor1d([0]), tf.scalar(NaN)];
    const zero = tf.zeros<tf.Rank.R1>([3]);
    const sample = (parameters: object) => () => distribution.rsample(2, random.key(0), parameters);
    expect(sample({ mu })).toThrow(check.ShapeError);
    expect(sample({ mu })).toThrow(`${where}.rsample: mu must have shape [3], got a float32 tensor of shape [2].`);
    const shape = 'logKappa must have shape [], got a float32 tensor of shape [1].';
    expect(sample({ logKappa })).toThrow(`${where}.rsample: ${shape}`);
    const finite = 'logKappa must be a finite number <= 709, got NaN.';
    expect(sample({ logKappa: nan })).toThrow(`${where}.rsample: ${finite}`);
    expect(sample({ mu: zero })).toThrow(`${where}: mu must have an entry that is not 0, got Float32Array(3).`);
    const draw = distribution.draw(2, random.key(0));
    expect(() => distribution.pullback(draw, [1])).toThrow(check.ShapeError);
    expect(() => distribution.pullback(draw, [1])).toThrow(
      `${where}.pullback: gradient must have 6 numbers, as draw.theta has, got 1.`,
    );
    tf.dispose([mu, logKappa, nan, zero]);
  });

  it('refuses backends that cannot be read at once', () => {
    const logKappa = tf.scalar(0);
    vi.spyOn(tf.engine(), 'backendName', 'get').mockReturnValue('webgpu');
    const sample = () => distributionOf('vmf', 2, 1).rsample(2, random.key(0), { logKappa });
    const wanted = 'the backend must read tensors at once, as parameters are read to draw with them, got "webgpu".';
    expect(sample).toThrow(check.BackendError);
    expect(sample).toThrow(`sliced-wasserstein.VonMisesFisher.rsample: ${wanted}`);
    logKappa.dispose();
  });
});
