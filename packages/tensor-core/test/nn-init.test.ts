import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import {
  Conv1d,
  Conv2d,
  ConvTranspose2d,
  DoubleConv,
  Embedding,
  fanInUniform,
  gaussian,
  linear,
  Linear,
  truncatedGaussian,
  uniformWithin,
  xavierUniform,
  type InitKey,
  type Module,
} from '../src/nn';
import { key } from '../src/random';
import { values } from './values';

beforeAll(() => useBackend('cpu'));
afterEach(() => tf.disposeVariables());

/** The largest size in units of `bound`, and mean and mean square in standard errors of a uniform draw on +-bound. */
function uniformity(x: tf.Tensor, bound: number): { largest: number; mean: number; square: number } {
  const data = [...x.dataSync()].map((value) => value / bound);
  const n = data.length;
  const mean = data.reduce((sum, value) => sum + value, 0) / n;
  const square = data.reduce((sum, value) => sum + value ** 2, 0) / n;
  // Of u uniform on [-1, 1]: E u^2 = 1/3, var u^2 = 1/5 - 1/9 = 4/45.
  const errors = { mean: mean / Math.sqrt(1 / 3 / n), square: (square - 1 / 3) / Math.sqrt(4 / 45 / n) };
  return { largest: Math.max(...data.map(Math.abs)), ...errors };
}

/** Within 5 standard errors of uniform on +-bound, and nowhere outside. */
function expectUniform(x: tf.Tensor, bound: number): void {
  const { largest, mean, square } = uniformity(x, bound);
  expect(largest).toBeLessThanOrEqual(1 + 1e-6);
  expect(largest).toBeGreaterThan(0.9);
  expect(Math.abs(mean)).toBeLessThan(5);
  expect(Math.abs(square)).toBeLessThan(5);
}

describe('initial weights', () => {
  const k = key(11);

  it.each<[string, () => Module, number]>([
    ['Linear', () => new Linear(400, 60, { key: k }), 400],
    ['Conv2d', () => new Conv2d(10, 60, [5, 7], { key: k }), 10 * 5 * 7],
    ['Conv1d', () => new Conv1d(10, 60, 9, { key: k }), 10 * 9],
    ['ConvTranspose2d, which counts outputs,', () => new ConvTranspose2d(7, 60, [4, 5], { key: k }), 60 * 4 * 5],
  ])('of %s are uniform on +-1/sqrt(fan-in), weights and biases drawn apart', (_, create, fanIn) => {
    const { weight, bias } = create().stateDict();
    expectUniform(weight!, 1 / Math.sqrt(fanIn));
    const { largest, mean } = uniformity(bias!, 1 / Math.sqrt(fanIn));
    expect(largest).toBeLessThanOrEqual(1 + 1e-6);
    expect(Math.abs(mean)).toBeLessThan(5);
    expect(weight!.flatten().slice(0, 60)).not.toBeAllclose(bias!, { rtol: 0.1 });
  });

  it('of Embedding are standard normal', () => {
    const { weight } = new Embedding(100, 200, { key: k }).stateDict();
    const n = 20000;
    expect(Math.abs(weight!.mean().dataSync()[0]!)).toBeLessThan(5 / Math.sqrt(n));
    expect(Math.abs(weight!.square().mean().dataSync()[0]! - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  });

  it('are zeros for the key null, and of the layers of a block all different', () => {
    for (const make of [
      (own: InitKey) => new Linear(2, 3, { key: own }),
      (own: InitKey) => new Conv2d(2, 3, 2, { key: own }),
      (own: InitKey) => new Conv1d(2, 3, 2, { key: own }),
      (own: InitKey) => new ConvTranspose2d(2, 3, 2, { key: own }),
      (own: InitKey) => new Embedding(2, 3, { key: own }),
    ]) {
      for (const value of Object.values(make(null).stateDict())) expect(value).toBeAllclose(tf.zerosLike(value));
      for (const value of Object.values(make(k).stateDict())) expect(value.abs().min().dataSync()[0]).not.toBe(0);
    }
    const state = new DoubleConv(3, 3, { key: k }).stateDict();
    expect(state['double_conv.0.weight']!).not.toBeAllclose(state['double_conv.3.weight']!, { rtol: 0.1 });
  });
});

describe('initialisers', () => {
  const k = key(12);

  it('draw on +-bound, +-1/sqrt(fanIn), +-gain sqrt(6 / (fanIn + fanOut))', () => {
    expectUniform(uniformWithin(k, [3000], 0.25), 0.25);
    expectUniform(fanInUniform(k, [3000], 16), 0.25);
    expectUniform(xavierUniform(k, [3000], { fanIn: 90, fanOut: 6 }), 0.25);
    expectUniform(xavierUniform(k, [3000], { fanIn: 90, fanOut: 6, gain: 2 }), 0.5);
  });

  it('draw normal numbers of a standard deviation, truncated ones within their bounds', () => {
    const n = 20000;
    const square = gaussian(k, [n], 3).square().mean().dataSync()[0]!;
    expect(Math.abs(square - 9)).toBeLessThan(5 * 9 * Math.sqrt(2 / n));
    expect(gaussian(k, [5]).mul(3)).toBeAllclose(gaussian(k, [5], 3), { rtol: 1e-6 });
    const truncated = truncatedGaussian(k, [n], { std: 0.02, lower: -0.03, upper: 0.01 });
    expect(truncated.max().dataSync()[0]).toBeLessThanOrEqual(0.01);
    expect(truncated.min().dataSync()[0]).toBeGreaterThanOrEqual(-0.03);
    expect(truncated.min().dataSync()[0]).toBeLessThan(-0.029);
  });

  it('give zeros for the key null', () => {
    const options = { fanIn: 1, fanOut: 1 };
    const all = [uniformWithin(null, [2], 1), fanInUniform(null, [2], 1), xavierUniform(null, [2], options)];
    for (const x of [...all, gaussian(null, [2]), truncatedGaussian(null, [2])]) expect(x).toBeAllclose([0, 0]);
  });
});

describe('linear and Linear', () => {
  it('act on the last axis of any rank', () => {
    const [weight, bias] = [values([2, 3]), values([2], 4)];
    const x = values([4, 5, 3]);
    const rows = linear(x.reshape([20, 3]), weight, bias);
    expect(linear(x, weight, bias)).toBeAllclose(rows.reshape([4, 5, 2]), { rtol: 0 });
    expect(linear(x.flatten().slice(0, 3), weight, bias)).toBeAllclose(rows.flatten().slice(0, 2), { rtol: 1e-6 });
    expect(linear(x, weight)).toBeAllclose(linear(x, weight, tf.zeros([2])), { rtol: 0 });
  });

  it('refuse sizes and shapes that do not fit', () => {
    const where = 'tensor-core.Linear:';
    expect(() => new Linear(0, 1, { key: null })).toThrow(`${where} inFeatures must be an integer >= 1, got 0.`);
    expect(() => new Linear(1, 1.5, { key: null })).toThrow(`${where} outFeatures must be an integer >= 1, got 1.5.`);
    expect(() => new Linear(3, 2, { key: null }).forward(values([2, 2]))).toThrow(
      'tensor-core.linear: x must have a last axis of 3, got a float32 tensor of shape [2, 2].',
    );
  });
});

describe('Embedding', () => {
  it('refuses sizes that are not positive integers and ids that are not integers', () => {
    const where = 'tensor-core.Embedding';
    expect(() => new Embedding(0, 1, { key: null })).toThrow(`${where}: count must be an integer >= 1, got 0.`);
    expect(() => new Embedding(1, 0, { key: null })).toThrow(`${where}: width must be an integer >= 1, got 0.`);
    expect(() => new Embedding(2, 2, { key: null }).forward(tf.tensor1d([1]))).toThrow(
      new TypeError(
        `${where}.forward: ids must be int32, got a float32 tensor of shape [1]. ` +
          "Make them by tf.tensor(ids, shape, 'int32').",
      ),
    );
  });
});

describe('DoubleConv', () => {
  it('refuses other channels at the end of a residual block', () => {
    expect(() => new DoubleConv(2, 3, { key: null, residual: true })).toThrow(
      new RangeError('tensor-core.DoubleConv: outChannels must be the 2 input channels in a residual block, got 3.'),
    );
  });
});
