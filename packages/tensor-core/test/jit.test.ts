import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import { canCompile, capabilities, jit, type CompilingBackend, type Jittable } from '../src/backend';

type CpuBackend = new () => tf.KernelBackend;

/** Registers a backend of the name that computes as cpu does and compiles by noting the function. */
function registerCompiler(name: string, compile: (fn: Jittable) => Jittable): void {
  const Cpu = tf.findBackend('cpu').constructor as CpuBackend;
  class Compiler extends Cpu implements CompilingBackend {
    compile<F extends Jittable>(fn: F): F {
      return compile(fn) as F;
    }
  }
  tf.registerBackend(name, () => new Compiler(), 0);
  if (tf.getKernelsForBackend(name).length === 0) tf.copyRegisteredKernels('cpu', name);
}

const square = (x: tf.Tensor1D): tf.Tensor1D => x.square();

beforeEach(async () => {
  await tf.setBackend('cpu');
});

describe('jit', () => {
  it('has the type of its function', () => {
    const step = (x: tf.Tensor2D, rate: number): { loss: tf.Scalar } => ({ loss: x.mul(rate).sum() });
    expectTypeOf(jit(step)).toEqualTypeOf(step);
    expectTypeOf(jit(square)).parameter(0).toEqualTypeOf<tf.Tensor1D>();
  });

  it.each([null, undefined, 3, 'fn', {}])('rejects %o, which is no function', (value) => {
    const call = () => jit(value as Jittable);
    expect(call).toThrow(TypeError);
    expect(call).toThrow(/^tensor-core\.jit: fn must be a function, got .+\.$/);
  });
});

describe('jit on a backend that cannot compile', () => {
  it('calls the function each time, with its arguments, and gives its result', () => {
    const results = [{ a: 1 }, { a: 2 }];
    const fn = vi.fn((x: number, y: string) => ({ ...results[fn.mock.calls.length - 1], x, y }));
    const compiled = jit(fn);
    expect(fn).not.toHaveBeenCalled();
    expect(compiled(7, 'first')).toEqual({ a: 1, x: 7, y: 'first' });
    expect(compiled(8, 'second')).toEqual({ a: 2, x: 8, y: 'second' });
    expect(fn).toHaveBeenCalledTimes(2);
  });

  it('lets an error of the function through', () => {
    const error = new RangeError('inside');
    const failing = jit(() => {
      throw error;
    });
    expect(failing).toThrow(error);
  });

  it('leaves no tensors behind', () => {
    const compiled = jit((x: tf.Tensor1D) => tf.tidy(() => x.square().add<tf.Tensor1D>(1)));
    const x = tf.tensor1d([1, 2]);
    expect(() => compiled(x)).toLeakNothing();
    expect(compiled(x)).toBeAllclose([2, 5]);
  });
});

describe('jit on a backend that compiles', () => {
  const compile = vi.fn(
    (fn: Jittable): Jittable =>
      (...args) =>
        fn(...args),
  );

  beforeEach(async () => {
    compile.mockClear();
    registerCompiler('compiler', compile);
    await tf.setBackend('compiler');
  });

  afterEach(async () => {
    await tf.setBackend('cpu');
    tf.removeBackend('compiler');
  });

  it('hands the function over once, at the first call, and runs what it got', () => {
    const compiled = jit(square);
    expect(compile).not.toHaveBeenCalled();
    expect(compiled(tf.tensor1d([1, 2]))).toBeAllclose([1, 4]);
    expect(compiled(tf.tensor1d([3, 4, 5]))).toBeAllclose([9, 16, 25]);
    expect(compile.mock.calls).toEqual([[square]]);
  });

  it('runs the compiled program instead of the function', () => {
    const fn = vi.fn(() => 'plain');
    compile.mockReturnValueOnce(() => 'compiled');
    const compiled = jit(fn);
    expect([compiled(), compiled()]).toEqual(['compiled', 'compiled']);
    expect(fn).not.toHaveBeenCalled();
  });

  it('compiles each function for itself', () => {
    const [first, second] = [jit(square), jit(square)];
    first(tf.tensor1d([1]));
    second(tf.tensor1d([1]));
    expect(compile).toHaveBeenCalledTimes(2);
  });

  it('compiles once for each instance of a backend, also when backends change in between', async () => {
    const compiled = jit(square);
    compiled(tf.tensor1d([1]));
    await tf.setBackend('cpu');
    expect(compiled(tf.tensor1d([2]))).toBeAllclose([4]);
    expect(compile).toHaveBeenCalledTimes(1);
    await tf.setBackend('compiler');
    compiled(tf.tensor1d([3]));
    expect(compile).toHaveBeenCalledTimes(1);

    tf.removeBackend('compiler');
    registerCompiler('compiler', compile);
    await tf.setBackend('compiler');
    compiled(tf.tensor1d([4]));
    compiled(tf.tensor1d([5]));
    expect(compile).toHaveBeenCalledTimes(2);
  });

  it('compiles on two backends at once for each of them', async () => {
    const other = vi.fn((fn: Jittable): Jittable => fn);
    registerCompiler('other', other);
    const compiled = jit(square);
    for (const name of ['compiler', 'other', 'compiler', 'other']) {
      await tf.setBackend(name);
      compiled(tf.tensor1d([1]));
    }
    expect([compile.mock.calls.length, other.mock.calls.length]).toEqual([1, 1]);
    await tf.setBackend('cpu');
    tf.removeBackend('other');
  });

  it('tries again after a compilation that failed', () => {
    compile.mockImplementationOnce(() => {
      throw new Error('not this time');
    });
    const compiled = jit(square);
    expect(() => compiled(tf.tensor1d([2]))).toThrow('not this time');
    expect(compiled(tf.tensor1d([2]))).toBeAllclose([4]);
  });

  it('leaves no tensors behind, and disposes no arguments', () => {
    const compiled = jit(square);
    const x = tf.tensor1d([1, 2]);
    expect(() => compiled(x)).toLeakNothing();
    expect(x.isDisposed).toBe(false);
  });

  it('is reported by capabilities', async () => {
    expect(canCompile(tf.backend())).toBe(true);
    expect(capabilities()).toMatchObject({ backend: 'compiler', compiles: true, trains: true });
    await tf.setBackend('cpu');
    expect(canCompile(tf.backend())).toBe(false);
    expect(capabilities()).toMatchObject({ backend: 'cpu', compiles: false });
  });
});
