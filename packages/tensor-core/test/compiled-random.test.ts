import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { afterRun, jit, useBackend } from '../src/backend';
import { foldIn, integers, key, normal, permutation, split, uniform, type Key } from '../src/random';

beforeAll(() => useBackend('onnx'));
afterAll(() => useBackend('cpu'));

const draws = (k: Key): tf.Tensor[] => {
  const [a, b] = split(k) as [Key, Key];
  return [normal(a, [5]), uniform(b, [3, 2]), integers(foldIn(k, 7), [4], 0, 100)];
};
const numbers = (tensors: tf.Tensor[]): number[][] => tensors.map((x) => [...x.dataSync()]);

describe('random numbers in a function that a backend has compiled', () => {
  it('are those of the key of each call, bit for bit', () => {
    const compiled = jit(draws);
    const results = [1, 2, 3, 2].map((seed) => compiled(key(seed)));
    [1, 2, 3, 2].forEach((seed, i) => expect(numbers(results[i]!)).toEqual(numbers(draws(key(seed)))));
  });

  it('go on from a key that the function gives', () => {
    const walk = (k: Key): { next: Key; x: tf.Tensor } => {
      const [now, next] = split(k) as [Key, Key];
      return { next, x: normal(now, [2]).mul(2) };
    };
    const compiled = jit(walk);
    let [one, other] = [key(5), key(5)];
    for (let i = 0; i < 4; i++) {
      const [a, b] = [compiled(one), walk(other)];
      expect(numbers([a.x])).toEqual(numbers([b.x]));
      [one, other] = [a.next, b.next];
    }
  });

  it('come through a function within', () => {
    const inner = jit((k: Key) => normal(k, [3]));
    const outer = jit((k: Key) => inner(foldIn(k, 1)).add(1));
    for (const seed of [1, 2, 3]) {
      expect(numbers([outer(key(seed))])).toEqual(numbers([normal(foldIn(key(seed), 1), [3]).add(1)]));
    }
  });

  it('leave nothing behind', () => {
    const compiled = jit(draws);
    tf.dispose(compiled(key(0)));
    const { numTensors, numDataBuffers } = tf.memory();
    for (let seed = 1; seed < 5; seed++) tf.dispose(compiled(key(seed)));
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
  });

  it('may be made outside and handed over', () => {
    const compiled = jit((order: tf.Tensor1D) => tf.range(0, 6).gather(order));
    const order = permutation(key(1), 6);
    expect([...compiled(tf.tensor1d(order, 'int32')).dataSync()]).toEqual([...order]);
  });
});

describe('afterRun', () => {
  it('is called after each run of the compiled function, which by then has assigned its variables', () => {
    const w = tf.variable(tf.scalar(0));
    const seen: number[] = [];
    const step = jit((x: tf.Tensor) => {
      w.assign(w.add(x));
      const recorded = afterRun(() => seen.push(w.dataSync()[0]!));
      expect(recorded).toBe(true);
    });
    for (const x of [1, 10, 100]) step(tf.scalar(x));
    expect(seen).toEqual([1, 11, 111]);
    w.dispose();
  });

  it('passes an error on, and nothing is left of the results that nobody gets', () => {
    let fails = false;
    const effect = (): void => {
      if (fails) throw new Error('not finite');
    };
    const step = jit((x: tf.Tensor) => {
      afterRun(effect);
      return { same: x, twice: x.mul(2) };
    });
    const x = tf.tensor1d([1, 2]);
    step(x).twice.dispose();
    fails = true;
    expect(() => {
      expect(() => step(x)).toThrow('not finite');
    }).toLeakNothing();
    expect(x).toBeAllclose([1, 2]);
  });

  it('does nothing outside of compiled functions and says so', async () => {
    const effect = (): never => {
      throw new Error('must not be called');
    };
    expect(afterRun(effect)).toBe(false);
    await useBackend('cpu');
    expect(afterRun(effect)).toBe(false);
    expect(jit(() => afterRun(effect))()).toBe(false);
    await useBackend('onnx');
  });
});
