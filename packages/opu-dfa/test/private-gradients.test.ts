// M rows of a batch.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DfaNetwork } from '../src/network/dfa-network';
import type { UpdateOptions } from '../src/network/update-options';
import type { Examples } from '../src/training/poisson-sampler';
import { privateGradients, type PrivateGradientsOptions } from '../src/training/private-gradients';
import { convolutionNetwork, examples, smallNetwork, valuesOfAll } from './training-support';

/** Rounding of sums of a few float32 gradients whose norms are about 1. */
const FLOAT32 = { rtol: 0, atol: 2e-6 };
/** Deviations that true normal numbers exceed with a probability below 6e-7. */
const FIVE_SIGMA = 5;
const M = 7;
const C = 0.4;

const cases: [string, () => DfaNetwork, number[], number, UpdateOptions][] = [
  ['bp', smallNetwork, [3], 4, { mode: 'bp' }],
  ['dfa', smallNetwork, [3], 4, { mode: 'dfa' }],
  ['ternary', smallNetwork, [3], 4, { mode: 'ternary', threshold: 0.2 }],
  ['dfa with clipped inputs and slopes', smallNetwork, [3], 4, { mode: 'dfa', clip: { inputs: 0.5, slope: 0.6 } }],
  ['dfa through a convolution', convolutionNetwork, [4, 4, 1], 3, { mode: 'dfa' }],
  ['bp through a convolution', convolutionNetwork, [4, 4, 1], 3, { mode: 'bp' }],
];

const noNoise = (update: UpdateOptions, clip: number, expectedExamples = 1): PrivateGradientsOptions => ({
  ...{ clip, noiseMultiplier: 0, expectedExamples, update, noise: random.key(0) },
});

/** The gradient of each example alone, by the public gradients: [M] lists of numbers. */
function gradientsOfEach(network: DfaNetwork, { x, y }: Examples, update: UpdateOptions): number[][] {
  return Array.from({ length: M }, (_, i) =>
    tf.tidy(() => {
      const one = x.slice([i, ...x.shape.slice(1).map(() => 0)], [1, ...x.shape.slice(1)]);
      return inOrder(network, network.gradients(one, y.slice([i], [1]), update).gradients);
    }),
  );
}

/** Gradients as one list, in the order of the parameters. */
function inOrder(network: DfaNetwork, gradients: tf.NamedTensorMap): number[] {
  return valuesOfAll(
    Object.fromEntries(Object.entries(network.parameters).map(([name, { name: own }]) => [name, gradients[own]!])),
  );
}

const normOf = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));

describe.each(backendsUnderTest())('privateGradients on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(cases)('clips what each example gives alone, %s', (_, make, shape, classes, update) => {
    const network = make();
    const batch = examples(M, shape, classes);
    const each = gradientsOfEach(network, batch, update);
    const norms = each.map(normOf);
    // Some are cut, some are not.
    const clip = [...norms].sort((a, b) => a - b)[3]! * 1.01;
    const expected = each[0]!.map((_, j) =>
      each.reduce((sum, gradient, i) => sum + gradient[j]! * Math.min(1, clip / norms[i]!), 0),
    );
    const { gradients, squaredNorms, loss } = privateGradients(network, batch, noNoise(update, clip));
    expect(inOrder(network, gradients)).toBeAllclose(expected, FLOAT32);
    expect(squaredNorms.sqrt()).toBeAllclose(norms, FLOAT32);
    expect(loss).toBeAllclose(network.losses(batch.x, batch.y).mean(), FLOAT32);
    network.dispose();
  });

  it.each(cases)('changes by at most C when an example is left out, %s', (_, make, shape, classes, update) => {
    const network = make();
    const batch = examples(M, shape, classes);
    const released = (indices: number[]): number[] => {
      const rows = (tensor: tf.Tensor): tf.Tensor => tf.gather(tensor, tf.tensor1d(indices, 'int32'));
      const part = { x: rows(batch.x), y: rows(batch.y) };
      return inOrder(network, privateGradients(network, part, noNoise(update, C)).gradients);
    };
    const everyone = Array.from({ length: M }, (_, i) => i);
    const all = released(everyone);
    const changes = everyone.map((i) => {
      const without = released(everyone.filter((j) => j !== i));
      return normOf(all.map((value, j) => value - without[j]!));
    });
    expect(Math.max(...changes)).toBeLessThan(C + FLOAT32.atol);
    // And the bound is reached: there are examples to be cut.
    expect(Math.max(...changes)).toBeGreaterThan(C - FLOAT32.atol);
    network.dispose();
  });

  it('does not tell padding from nothing, and divides by the examples that are expected', () => {
    const network = smallNetwork();
    const { x, y } = examples(M, [3], 4);
    const padded = { x: tf.concat([x, tf.zeros([5, 3])]), y: tf.concat([y, tf.zeros([5], 'int32')]) };
    const mask = tf.tensor1d([...new Array<number>(M).fill(1), ...new Array<number>(5).fill(0)]);
    const one = privateGradients(network, { x, y }, noNoise({}, C, 1));
    const other = privateGradients(network, { ...padded, mask }, noNoise({}, C, 12.5));
    const expected = inOrder(network, one.gradients).map((value) => value / 12.5);
    expect(inOrder(network, other.gradients)).toBeAllclose(expected, FLOAT32);
    expect(other.loss).toBeAllclose(one.loss, FLOAT32);
    network.dispose();
  });

  it('is noise alone of an empty batch, of the standard deviation z C / (q N) on every entry', () => {
    const network = smallNetwork();
    const batch = { ...examples(4, [3], 4), mask: tf.zeros<tf.Rank.R1>([4]) };
    const options = { clip: C, noiseMultiplier: 1.5, expectedExamples: 8 };
    const std = (1.5 * C) / 8;
    const draws = Array.from({ length: 60 }, (_, i) => {
      const { gradients } = privateGradients(network, batch, { ...options, noise: random.key(i) });
      return inOrder(network, gradients).map((value) => value / std);
    });
    const n = draws.length;
    // Each entry by itself: chi^2_60 / 60 is between these with a probability above 1 - 1e-6.
    draws[0]!.forEach((_, j) => {
      const square = draws.reduce((sum, draw) => sum + draw[j]! ** 2, 0) / n;
      expect(square, `entry ${j}`).toBeGreaterThan(0.35);
      expect(square, `entry ${j}`).toBeLessThan(2.2);
    });
    // All together: the mean of N of them has the deviation 1 / sqrt(N), that of their squares sqrt(2 / N).
    const every = draws.flat();
    const mean = every.reduce((sum, value) => sum + value, 0) / every.length;
    const square = every.reduce((sum, value) => sum + value ** 2, 0) / every.length;
    expect(Math.abs(mean)).toBeLessThan(FIVE_SIGMA / Math.sqrt(every.length));
    expect(Math.abs(square - 1)).toBeLessThan(FIVE_SIGMA * Math.sqrt(2 / every.length));
    network.dispose();
  });

  it('adds the numbers that are given, in the order of the parameters', () => {
    const network = smallNetwork();
    const batch = examples(M, [3], 4);
    const noise = Object.values(network.parameters).map(({ shape }, i) => random.normal(random.key(i), shape));
    const clean = inOrder(network, privateGradients(network, batch, noNoise({}, C)).gradients);
    const options = { clip: C, noiseMultiplier: 2, expectedExamples: 4, noise };
    const numbers = noise.flatMap((tensor) => [...tensor.dataSync()]);
    const expected = clean.map((value, j) => (value + 2 * C * numbers[j]!) / 4);
    expect(inOrder(network, privateGradients(network, batch, options).gradients)).toBeAllclose(expected, FLOAT32);
    network.dispose();
  });

  it('is the same when it is compiled, with another key at each call', () => {
    const network = smallNetwork();
    const batch = examples(M, [3], 4);
    const options = { clip: C, noiseMultiplier: 1, expectedExamples: 4 };
    const release = (x: tf.Tensor, y: tf.Tensor, noise: random.Key) =>
      privateGradients(network, { x, y }, { ...options, noise }).gradients;
    const compiled = jit(release);
    for (const seed of [1, 2]) {
      const expected = inOrder(network, release(batch.x, batch.y, random.key(seed)));
      expect(inOrder(network, compiled(batch.x, batch.y, random.key(seed)))).toBeAllclose(expected, FLOAT32);
    }
    network.dispose();
  });

  it.each([NaN, Infinity])('is not a number where an example is %d', (bad) => {
    const network = smallNetwork();
    const { x, y } = examples(M, [3], 4);
    const broken = tf.tidy(() => tf.concat([tf.tensor2d([[0, bad, 0]]), x.slice([1, 0])]));
    const { gradients } = privateGradients(network, { x: broken, y }, noNoise({}, C));
    const weight = gradients[network.parameters['layers.0.weight']!.name]!;
    expect(weight.dataSync().some((value) => !Number.isFinite(value))).toBe(true);
    network.dispose();
  });

  it('leaves nothing behind', () => {
    const network = smallNetwork();
    const batch = examples(M, [3], 4);
    expect(() => privateGradients(network, batch, noNoise({}, C))).toLeakNothing();
    network.dispose();
  });
});

describe('arguments of privateGradients', () => {
  beforeAll(() => useBackend('cpu'));

  it.each<[object, new (message: string) => Error, string]>([
    [
      { clip: undefined },
      TypeError,
      'clip must be a finite number > 0, got undefined. Without it the sensitivity has no bound.',
    ],
    [
      { clip: Infinity },
      RangeError,
      'clip must be a finite number > 0, got Infinity. Without it the sensitivity has no bound.',
    ],
    [{ noiseMultiplier: -1 }, RangeError, 'noiseMultiplier must be a finite number >= 0, got -1.'],
    [{ noiseMultiplier: undefined }, TypeError, 'noiseMultiplier must be a finite number >= 0, got undefined.'],
    [{ expectedExamples: 0 }, RangeError, 'expectedExamples must be a finite number > 0, got 0.'],
    [{ update: { mode: 'last-layer' } }, RangeError, 'mode must be one of "bp", "dfa", "ternary", got "last-layer".'],
    [
      { update: { mode: 'ternary', threshold: { keep: 0.5 } } },
      RangeError,
      'threshold must be a number, got an object. What is done for one example must not depend on the others.',
    ],
    [
      { update: { mode: 'ternary', scaled: true } },
      RangeError,
      'scaled must be false, got true. What is done for one example must not depend on the others.',
    ],
    [{ noise: [] }, check.ShapeError, 'noise[0] must have the shape [3, 6], got undefined.'],
  ])('%o', (wrong, error, message) => {
    const network = smallNetwork();
    const release = () => privateGradients(network, examples(2, [3], 4), { ...noNoise({}, 1), ...wrong });
    expect(release).toThrow(error);
    expect(release).toThrow(`opu-dfa.privateGradients: ${message}`);
    network.dispose();
  });

  it('a mask of another length', () => {
    const network = smallNetwork();
    const batch = { ...examples(2, [3], 4), mask: tf.ones<tf.Rank.R1>([3]) };
    const release = () => privateGradients(network, batch, noNoise({}, 1));
    expect(release).toThrow('opu-dfa.privateGradients: mask must have shape [2], got a float32 tensor of shape [3].');
    network.dispose();
  });
});
