import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OnnxBackend } from '../src/backend';
import { backendInfo, jit } from '../src/index';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

afterEach(() => tf.disposeVariables());

const values = (x: tf.Tensor): number[] => [...x.dataSync()];
const backend = (): OnnxBackend => tf.backend() as OnnxBackend;

/** Counts calls of the JavaScript function. */
function counted<A extends unknown[], R>(fn: (...args: A) => R): { fn: (...args: A) => R; calls: () => number } {
  let calls = 0;
  return { fn: (...args) => (calls++, fn(...args)), calls: () => calls };
}

describe('jit', () => {
  it('gives what the function gives, and calls it once', () => {
    const { fn, calls } = counted((x: tf.Tensor) => x.mul(2).add(1));
    const f = jit(fn);
    for (let i = 0; i < 4; i++) expect(values(f(tf.tensor1d([1, 2, i])))).toEqual([3, 5, 2 * i + 1]);
    expect(calls()).toBe(1);
  });

  it('takes and gives containers', () => {
    const f = jit((x: { a: tf.Tensor; list: tf.Tensor[] }, factor: number) => ({
      sum: x.list.map((y) => y.mul(factor).add(x.a)),
      text: 'as it is',
    }));
    for (let i = 1; i < 4; i++) {
      const [one, two] = [tf.scalar(i), tf.scalar(2)];
      const { sum, text } = f({ a: one, list: [one, two] }, 10);
      expect(sum.map((y) => values(y)[0])).toEqual([11 * i, 20 + i]);
      expect(text).toBe('as it is');
    }
  });

  it('records anew for another shape, dtype or number', () => {
    const { fn, calls } = counted((x: tf.Tensor, n: number) => x.add(n));
    const f = jit(fn);
    const x = tf.tensor1d([1, 2]);
    for (let i = 0; i < 2; i++) {
      expect(values(f(x, 1))).toEqual([2, 3]);
      expect(values(f(x, 2))).toEqual([3, 4]);
      expect(values(f(x.reshape([2, 1]), 1))).toEqual([2, 3]);
      const integers = f(tf.tensor1d([1, 2], 'int32'), 1);
      expect(values(integers)).toEqual([2, 3]);
    }
    expect(calls()).toBe(4);
  });

  it('reads and assigns variables', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const unrelated = tf.variable(tf.tensor1d([5]));
    const f = jit(() => {
      const before = w.mul(1);
      w.assign(w.add(1));
      w.assign(w.mul(2));
      return before;
    });
    expect(values(f())).toEqual([1, 2]);
    expect(values(w)).toEqual([4, 6]);
    expect(values(f())).toEqual([4, 6]);
    expect(values(w)).toEqual([10, 14]);
    w.assign(tf.tensor1d([0, 0]));
    expect(values(f())).toEqual([0, 0]);
    expect(values(w)).toEqual([2, 2]);
    expect(values(unrelated)).toEqual([5]);
  });

  it('swaps variables', () => {
    const [a, b] = [tf.variable(tf.tensor1d([1])), tf.variable(tf.tensor1d([2]))];
    const swap = jit(() => {
      const old = a.clone();
      a.assign(b);
      b.assign(old);
    });
    for (let i = 0; i < 3; i++) {
      swap();
      expect([values(a)[0], values(b)[0]]).toEqual(i % 2 === 0 ? [2, 1] : [1, 2]);
    }
  });

  it('keeps variables apart that share their data', () => {
    const start = tf.tensor1d([1, 1]);
    const [a, b] = [tf.variable(start), tf.variable(start)];
    const f = jit(() => {
      a.assign(a.add(1));
      return a.add(b);
    });
    expect(values(f())).toEqual([3, 3]);
    expect(values(f())).toEqual([4, 4]);
    expect(values(b)).toEqual([1, 1]);
    expect(values(start)).toEqual([1, 1]);
  });

  it('leaves tensors alone that were made from a variable before', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const copy = w.clone();
    const pending = w.mul(10);
    const f = jit(() => w.assign(w.add(1)));
    f();
    f();
    expect(values(copy)).toEqual([1, 2]);
    expect(values(pending)).toEqual([10, 20]);
    expect(values(w)).toEqual([3, 4]);
  });

  it('gives its arguments back as they are, and results that are alike', () => {
    const f = jit((x: tf.Tensor) => ({ x, twice: x.add(x), again: x.add(x), constant: tf.tensor1d([7]) }));
    for (let i = 0; i < 3; i++) {
      const x = tf.tensor1d([i]);
      const { x: same, twice, again, constant } = f(x);
      expect(same).toBe(x);
      expect([values(twice)[0], values(again)[0], values(constant)[0]]).toEqual([2 * i, 2 * i, 7]);
      twice.dispose();
      expect(values(again)).toEqual([2 * i]);
    }
  });

  it('takes tensors from outside as they are at the recording, also after they are disposed', () => {
    const [small, large] = [tf.tensor1d([1, 2]), tf.tensor1d(new Float32Array(5000).fill(3))];
    const f = jit((x: tf.Tensor) => ({ a: x.add(small), b: x.sum().add(large) }));
    f(tf.tensor1d([0, 0]));
    tf.dispose([small, large]);
    Array.from({ length: 4 }, () => tf.tensor1d(new Float32Array(5000).fill(-1)));
    const { a, b } = f(tf.tensor1d([10, 10]));
    expect(values(a)).toEqual([11, 12]);
    expect(new Set(values(b))).toEqual(new Set([23]));
  });

  it('is called as it is inside another and while gradients are taken', () => {
    const square = jit((x: tf.Tensor) => x.mul(x));
    const outer = jit((x: tf.Tensor) => square(x).add(square(x)));
    for (let i = 1; i < 4; i++) {
      expect(values(outer(tf.scalar(i)))).toEqual([2 * i * i]);
      expect(values(tf.grad((x) => square(x).sum())(tf.tensor1d([i])))).toEqual([2 * i]);
    }
  });

  it('does complex arithmetic', () => {
    const f = jit((z: tf.Tensor) => tf.complex(tf.real(z).mul(2), tf.imag(z).add(1)));
    for (let i = 0; i < 3; i++) expect(values(f(tf.complex([i], [2])))).toEqual([2 * i, 3]);
  });

  it('overwrites a variable that was assigned and not computed', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const f = jit((x: tf.Tensor1D) => w.assign(x.add(1)));
    f(tf.tensor1d([0, 0]));
    w.assign(tf.tensor1d([5, 5]).mul(2));
    f(tf.tensor1d([1, 1]));
    expect(values(w)).toEqual([2, 2]);
    expect(values(tf.tensor1d([3]).add(1))).toEqual([4]);
  });

  it('keeps no more recordings than it needs when a number counts steps', () => {
    const { fn, calls } = counted((x: tf.Tensor, step: number) => x.mul(step));
    const f = jit(fn);
    for (let step = 0; step < 200; step++) expect(values(f(tf.scalar(2), step))).toEqual([2 * step]);
    expect(calls()).toBe(200);
    f(tf.scalar(2), 199);
    expect(calls()).toBe(200);
    f(tf.scalar(2), 0);
    expect(calls()).toBe(201);
  });

  it('lets go of what a recording held when it is forgotten', () => {
    const { pool } = backend();
    const large = tf.tidy(() => tf.ones([2000]).add(1));
    large.dataSync();
    const f = jit((x: tf.Tensor, step: number) => (step === 0 ? x.add(large).sum() : x.mul(step)));
    expect(values(f(tf.scalar(1), 0))).toEqual([6000]);
    large.dispose();
    pool.clear();
    for (let step = 1; step < 63; step++) f(tf.scalar(1), step);
    expect(pool.keptBytes).toBe(0);
    for (let step = 63; step < 66; step++) f(tf.scalar(1), step);
    expect(pool.keptBytes).toBe(8000);
  });

  it('gives a constant result memory of its own at each call', () => {
    const f = jit(() => tf.ones([3]));
    for (let call = 0; call < 3; call++) {
      const ones = f();
      expect(values(ones)).toEqual([1, 1, 1]);
      ones.dataSync().fill(7);
    }
  });

  it('lets errors of the function through and leaves variables as they were', () => {
    const w = tf.variable(tf.tensor1d([1]));
    const f = jit(() => {
      w.assign(w.add(1));
      throw new RangeError('inside');
    });
    const { numTensors } = tf.memory();
    expect(f).toThrow(new RangeError('inside'));
    expect(values(w)).toEqual([1]);
    expect(tf.memory().numTensors).toBe(numTensors);
    // And is usable afterwards.
    expect(values(jit(() => w.add(1))())).toEqual([2]);
  });

  it('leaks nothing', () => {
    const w = tf.variable(tf.ones([40, 40]));
    const f = jit((x: tf.Tensor) => {
      const y = tf.tidy(() => x.mul(w).add(tf.scalar(1)));
      w.assign(y);
      return { y, sum: y.sum() };
    });
    const x = tf.ones([40, 40]);
    tf.dispose(f(x));
    const before = [tf.memory().numTensors, tf.memory().numDataBuffers, tf.memory().numBytes, backend().numDataIds()];
    for (let i = 0; i < 10; i++) tf.dispose(f(x));
    const after = [tf.memory().numTensors, tf.memory().numDataBuffers, tf.memory().numBytes, backend().numDataIds()];
    expect(after).toEqual(before);
  });

  it('has bounded memory over 10,000 steps', () => {
    const w = tf.variable(tf.zeros([256, 64]));
    const step = jit((x: tf.Tensor) => {
      w.assign(w.mul(0.5).add(x));
      return w.sum();
    });
    const steps = (n: number): void => {
      for (let i = 0; i < n; i++) {
        const x = tf.tensor2d(new Float32Array(256 * 64).fill(i), [256, 64]);
        tf.dispose([step(x), x]);
      }
    };
    const used = (): number => {
      globalThis.gc?.();
      return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    };
    steps(500);
    const [before, ids] = [used(), backend().numDataIds()];
    steps(10_000);
    expect(backend().numDataIds()).toBe(ids);
    expect(used() - before).toBeLessThan(150 * 2 ** 20);
  });
});

describe('jit with tensors that the host fills', () => {
  /** 1, 2, 3, ... in the order of the draws. */
  function counter(): (shape: number[]) => tf.Tensor {
    let count = 0;
    return (shape) => backend().hostInput(shape, 'float32', (out: never) => void (out as Float32Array).fill(++count));
  }

  it('fills them at each run, also large ones', () => {
    const draw = counter();
    const f = jit((x: tf.Tensor) => ({ small: x.add(draw([2])), large: draw([3000]).sum() }));
    const runs = Array.from({ length: 3 }, () => f(tf.tensor1d([0, 10])));
    expect(runs.map(({ small }) => values(small))).toEqual([1, 3, 5].map((n) => [n, n + 10]));
    expect(runs.map(({ large }) => values(large)[0])).toEqual([2, 4, 6].map((n) => 3000 * n));
  });

  it('gives them memory of their own, so that a draw that is kept stays', () => {
    const draw = counter();
    const w = tf.variable(tf.zeros([2000]));
    const f = jit(() => {
      const drawn = draw([2000]);
      w.assign(drawn);
      return drawn;
    });
    const draws = [f(), f(), f()];
    expect(values(w)[1999]).toBe(3);
    expect(draws.map((drawn) => values(drawn)[1999])).toEqual([1, 2, 3]);
  });

  it('uses their memory again when they are no longer wanted', () => {
    const { pool } = backend();
    const draw = counter();
    const f = jit(() => draw([2000]).sum());
    pool.clear();
    expect([f(), f(), f()].map((sum) => values(sum)[0])).toEqual([2000, 4000, 6000]);
    expect(pool.keptBytes).toBe(8000);
  });

  it('fills one at once elsewhere', () => {
    expect(values(counter()([2]).add(1))).toEqual([2, 2]);
  });
});

describe('jit of a training step', () => {
  const x = (): tf.Tensor2D => tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]).div(8);
  const y = (): tf.Tensor2D => tf.tensor2d([1, 0, 2, -1], [4, 1]);
  const optimizers: [string, () => tf.Optimizer][] = [
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['nesterov', () => tf.train.momentum(0.1, 0.9, true)],
    ['adagrad', () => tf.train.adagrad(0.1)],
    ['adadelta', () => tf.train.adadelta(0.1)],
    ['adam', () => tf.train.adam(0.1)],
    ['adamax', () => tf.train.adamax(0.1, 0.9, 0.999, 1e-7, 0.1)],
    ['rmsprop', () => tf.train.rmsprop(0.1, 0.9, 0.5, 1e-7, true)],
  ];

  /** Losses and final weights of some steps. */
  function train(make: () => tf.Optimizer, compile: boolean, change?: (optimizer: tf.Optimizer, step: number) => void) {
    const w = tf.variable(tf.tensor2d([0.3, -0.2], [2, 1]));
    const b = tf.variable(tf.scalar(0.1));
    const optimizer = make();
    const loss = (): tf.Scalar => x().matMul(w).add(b).tanh().sub(y()).square().mean();
    const { fn, calls } = counted(() => optimizer.minimize(loss, true)!);
    const step = compile ? jit(fn) : fn;
    const losses: number[] = [];
    const compilations: number[] = [];
    for (let i = 0; i < 8; i++) {
      change?.(optimizer, i);
      losses.push(values(step())[0]!);
      compilations.push(backendInfo().compilations);
    }
    return { losses, weights: [...values(w), ...values(b)], calls: calls(), compilations };
  }

  it.each(optimizers)('takes the steps of %s, compiled at most twice', (_, make) => {
    const plain = train(make, false);
    const before = backendInfo().compilations;
    const compiled = train(make, true);
    compiled.losses.forEach((loss, i) => expect(loss).toBeCloseTo(plain.losses[i]!, 5));
    compiled.weights.forEach((weight, i) => expect(weight).toBeCloseTo(plain.weights[i]!, 5));
    expect(compiled.calls).toBeLessThanOrEqual(2);
    expect(compiled.compilations.at(-1)! - before).toBeLessThanOrEqual(2);
  });

  it('follows a learning rate that changes, without more compilations', () => {
    const change = (optimizer: tf.Optimizer, step: number): void => {
      (optimizer as unknown as { learningRate: number }).learningRate = 0.1 / (1 + step);
      (optimizer as unknown as { setLearningRate?: (rate: number) => void }).setLearningRate?.(0.1 / (1 + step));
    };
    for (const make of [optimizers[0]![1], optimizers[5]![1]]) {
      const plain = train(make, false, change);
      const compiled = train(make, true, change);
      compiled.losses.forEach((loss, i) => expect(loss).toBeCloseTo(plain.losses[i]!, 5));
      expect(compiled.compilations.at(-1)).toBe(compiled.compilations[3]);
    }
  });
});

describe('what jit cannot record', () => {
  it.each<[string, (x: tf.Tensor) => unknown, RegExp]>([
    [
      'reading values',
      (x) => x.add(1).dataSync(),
      /^backend-onnx\.jit: a compiled function must be recordable without values, but the values of a tensor are read/,
    ],
    ['reading an argument', (x) => x.arraySync(), /the values of a tensor are read/],
    [
      'a kernel of the host',
      (x) => tf.unique(x as tf.Tensor1D).values,
      /its operation Unique runs on the host, where it needs the values/,
    ],
    [
      'ambient randomness',
      (x) => tf.dropout(x, 0.5),
      /^backend-onnx\.jit: random numbers inside a compiled function must be drawn with a key/,
    ],
    [
      'a promise',
      (x) => Promise.resolve(x.add(1)),
      /^backend-onnx\.jit: a compiled function must be synchronous, got one that returns a promise\./,
    ],
  ])('is named: %s', (_, fn, message) => {
    const x = tf.tensor1d([1, 2]);
    const { numTensors } = tf.memory();
    expect(() => jit(fn)(x)).toThrow(message);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(() => tf.randomNormal([2])).not.toThrow();
    expect(values(x.add(1))).toEqual([2, 3]);
  });

  it('is no function', () => {
    expect(() => jit(3 as never)).toThrow(new TypeError('backend-onnx.jit: fn must be a function, got number.'));
  });

  it('is a tensor of strings', () => {
    const f = jit((x: tf.Tensor) => x);
    expect(() => f(tf.tensor1d(['a']))).toThrow(
      'backend-onnx.jit: arguments must be numeric, got a tensor of strings.',
    );
  });
});

describe('a tensor that the function keeps', () => {
  it('has the value of its call', () => {
    const kept: tf.Tensor[] = [];
    const f = jit((x: tf.Tensor) => {
      kept.push(tf.keep(x.add(1)));
      return x.mul(2);
    });
    for (let i = 0; i < 3; i++) expect(values(f(tf.tensor1d([i])))).toEqual([2 * i]);
    // One that each call makes is made at each call.
    expect(kept.map((x) => values(x)[0])).toEqual([1, 2, 3]);
  });
});
