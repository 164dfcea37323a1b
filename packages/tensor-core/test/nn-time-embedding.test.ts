import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { alternatingTable, FourierFeatures, TimeTable } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest, loadGolden } from '../src/testing';
import { values } from './values';

const golden = loadGolden(new URL('./golden/nn/res-unets.safetensors', import.meta.url));
// PyTorch's sines in float32 are within a unit of the last place.
const ONE_STEP = { rtol: 1.2e-7, atol: 1.2e-7 };

afterEach(() => tf.disposeVariables());

describe('alternatingTable', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([2, 7, 8])('is the authors’ table of %i steps, odd numbers of them too', (steps) => {
    expect(alternatingTable(steps, 4)).toBeAllclose(golden.get(`table/${steps}`), ONE_STEP);
  });

  it('is theirs of 1000 steps', () => {
    const rows = tf.gather(alternatingTable(1000, 100), tf.tensor1d([0, 1, 2, 3, 500, 501, 998, 999], 'int32'));
    expect(rows).toBeAllclose(golden.get('table/1000'), ONE_STEP);
  });

  it('keeps the angles of odd rows from 3 on where the number of steps is odd', () => {
    expect(alternatingTable(7, 4).slice([5, 0], [1, 4])).toBeAllclose([[5, 0.05, 0.0005, 0.000005]], ONE_STEP);
  });

  it.each<[number, number, string]>([
    [1, 4, 'steps must be an integer >= 2, got 1.'],
    [2.5, 4, 'steps must be an integer >= 2, got 2.5.'],
    [4, 3, 'width must be even, got 3.'],
    [4, 0, 'width must be an integer >= 1, got 0.'],
  ])('refuses %d steps of width %d', (steps, width, message) => {
    expect(() => alternatingTable(steps, width)).toThrow(new RangeError(`tensor-core.alternatingTable: ${message}`));
  });
});

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('TimeTable gives rows by step, is saved and is not trained', () => {
    const table = new TimeTable(values([5, 4]) as tf.Tensor2D);
    const run = jit((t: tf.Tensor) => table.forward(t));
    expect(run(tf.tensor1d([4, 0, 4], 'int32'))).toBeAllclose(values([5, 4]).gather([4, 0, 4]), { rtol: 0 });
    expect(Object.keys(table.stateDict())).toEqual(['weight']);
    expect(table.trainableVariables()).toEqual([]);
    expect(() => table.forward(tf.tensor1d([1]))).toThrow(
      new TypeError('tensor-core.TimeTable.forward: t must be int32 steps, got a float32 tensor of shape [1].'),
    );
  });

  it('FourierFeatures are sines, then cosines, of fixed angles', () => {
    const features = new FourierFeatures(6, { key: key(3) });
    const { '0.weight': w, '0.bias': b } = features.stateDict();
    expect([w!.shape, b!.shape]).toEqual([[3, 1], [3]]);
    features.loadStateDict({ '0.weight': w!, '0.bias': tf.tensor1d([0.1, 0.2, 0.3]) });
    const code = features.forward(tf.tensor2d([[0], [0.5]]));
    const angles = [0, 0.5].map((t) => [...w!.dataSync()].map((frequency, j) => frequency * t + 0.1 * (j + 1)));
    expect(code).toBeAllclose(
      angles.map((row) => [...row.map(Math.sin), ...row.map(Math.cos)]),
      { atol: 1e-6 },
    );
    expect(features.trainableVariables()).toEqual([]);
    const t = tf.tensor2d([[0], [0.5]]);
    expect(() => features.forward(t)).toLeakNothing();
  });
});

describe('FourierFeatures', () => {
  beforeAll(() => useBackend('cpu'));

  it('has frequencies of standard deviation 2 pi scale and no phases at the start', () => {
    const n = 20000;
    const { '0.weight': w, '0.bias': b } = new FourierFeatures(2 * n, { key: key(5), scale: 0.25 }).stateDict();
    const std = Math.PI / 2;
    // Five standard errors: std / sqrt(n) of the mean, std / sqrt(2 n) of the standard deviation.
    expect(Math.abs(w!.mean().dataSync()[0]!)).toBeLessThan((5 * std) / Math.sqrt(n));
    expect(Math.abs(w!.square().mean().sqrt().dataSync()[0]! - std)).toBeLessThan((5 * std) / Math.sqrt(2 * n));
    expect(b!.abs().max().dataSync()[0]).toBe(0);
    const usual = new FourierFeatures(2 * n, { key: key(5) }).stateDict()['0.weight']!;
    expect(usual.mul(2.5)).toBeAllclose(w!, { rtol: 1e-6 });
    expect(new FourierFeatures(2, { key: null }).stateDict()['0.weight']).toBeAllclose(tf.zeros([1, 1]));
  });

  it('refuses odd widths and scales that are not positive', () => {
    const where = 'tensor-core.FourierFeatures:';
    expect(() => new FourierFeatures(3, { key: null })).toThrow(new RangeError(`${where} width must be even, got 3.`));
    expect(() => new FourierFeatures(-2, { key: null })).toThrow(`${where} width must be an integer >= 1, got -2.`);
    const scaled = (): unknown => new FourierFeatures(2, { key: null, scale: 0 });
    expect(scaled).toThrow(new RangeError(`${where} scale must be a finite number > 0, got 0.`));
    const features = new FourierFeatures(2, { key: null });
    expect(() => features.forward(tf.ones([2, 2]))).toThrow('tensor-core.linear: x must have a last axis of 1, got');
  });
});
