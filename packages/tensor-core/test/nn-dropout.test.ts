import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { Dropout, DropPath, splitKey, trainingKey } from '../src/nn';
import { key, split, type Key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { values } from './values';

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('Dropout gives x / (1 - p) or 0, by the key, each as often as it says', () => {
    const [p, n] = [0.3, 40000];
    const dropout = new Dropout(p);
    const y = dropout.forward(tf.ones([n]), key(1)).dataSync();
    const kept = y.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / (1 - p))]));
    // Five standard deviations of a binomial.
    expect(Math.abs(kept.length - (1 - p) * n)).toBeLessThan(5 * Math.sqrt(p * (1 - p) * n));
    expect([...dropout.forward(tf.ones([n]), key(1)).dataSync()]).toEqual([...y]);
    expect([...dropout.forward(tf.ones([n]), key(2)).dataSync()]).not.toEqual([...y]);
  });

  it('Dropout has the mask for its gradient', () => {
    const dropout = new Dropout(0.5);
    const x = values([6, 7]);
    const mask = dropout.forward(tf.ones([6, 7]), key(4));
    expect(dropout.forward(x, key(4))).toBeAllclose(x.mul(mask), { rtol: 1e-6 });
    expect(tf.grad((input: tf.Tensor) => dropout.forward(input, key(4)).sum())(x)).toBeAllclose(mask, { rtol: 1e-6 });
  });

  it('DropPath drops examples as a whole, along the axis that it is told', () => {
    const x = tf.ones([50, 40, 3]);
    for (const axis of [0, 1]) {
      const y = new DropPath(0.25, { axis }).forward(x, key(7));
      const others = [0, 1, 2].filter((other) => other !== axis);
      const [low, high] = [y.min(others), y.max(others)];
      expect(low).toBeAllclose(high, { rtol: 0 });
      expect(new Set(low.dataSync())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    }
  });

  it('both are the identity in evaluation and with p = 0, where they need no key', () => {
    const x = values([3, 4]);
    for (const layer of [new Dropout(0.5).eval(), new DropPath(0.5).eval(), new Dropout(0), new DropPath(0)]) {
      const y = layer.forward(x);
      expect(y).toBeAllclose(x, { rtol: 0 });
      y.dispose();
      expect(x.isDisposed).toBe(false);
    }
  });

  it('draw afresh at each call of a compiled function, the same as outside of it', () => {
    const [dropout, path] = [new Dropout(0.4), new DropPath(0.4)];
    const run = (x: tf.Tensor, k: Key): tf.Tensor => {
      const [one, other] = split(k) as [Key, Key];
      return path.forward(dropout.forward(x, one), other);
    };
    const compiled = jit(run);
    const x = values([9, 5]);
    for (const seed of [1, 2, 3]) expect(compiled(x, key(seed))).toBeAllclose(run(x, key(seed)), { rtol: 1e-6 });
  });

  it('leave nothing behind', () => {
    const x = values([3, 4]);
    for (const layer of [new Dropout(0.5), new DropPath(0.5)]) {
      expect(() => layer.forward(x, key(1))).toLeakNothing();
      expect(() => layer.eval().forward(x)).toLeakNothing();
    }
  });
});

describe('Dropout and DropPath', () => {
  beforeAll(() => useBackend('cpu'));
  const fix = 'Pass { key }, or call eval() where nothing is to be dropped.';

  it('want a key in training', () => {
    for (const [name, layer] of Object.entries({ Dropout: new Dropout(0.1), DropPath: new DropPath(0.1) })) {
      const message = `tensor-core.${name}.forward: key must be a Key in training mode, got undefined. ${fix}`;
      expect(() => layer.forward(values([2]))).toThrow(new TypeError(message));
    }
  });

  it('refuse probabilities outside [0, 1) and axes that are not there', () => {
    for (const p of [-0.1, 1, NaN]) {
      const message = `p must be a finite number >= 0 and < 1, got ${p}.`;
      expect(() => new Dropout(p)).toThrow(new RangeError(`tensor-core.Dropout: ${message}`));
      expect(() => new DropPath(p)).toThrow(new RangeError(`tensor-core.DropPath: ${message}`));
    }
    expect(() => new DropPath(0.1, { axis: -1 })).toThrow(
      new RangeError('tensor-core.DropPath: axis must be an integer >= 0, got -1.'),
    );
    expect(() => new DropPath(0.1, { axis: 1 }).forward(values([3]), key(1))).toThrow(
      new RangeError('tensor-core.DropPath.forward: x must have an axis 1, got a float32 tensor of shape [3].'),
    );
  });
});

describe('splitKey and trainingKey', () => {
  it('pass randomness down, or its absence', () => {
    expect(splitKey(key(1), 3)).toEqual(split(key(1), 3));
    expect(splitKey(null, 2)).toEqual([null, null]);
    expect(splitKey(undefined, 2)).toEqual([undefined, undefined]);
    expect(trainingKey('where', key(1))).toEqual(key(1));
  });
});
