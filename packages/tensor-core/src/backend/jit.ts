import * as tf from '@tensorflow/tfjs';
import { argumentMessage } from '../check';
import { KeyArguments } from './jit-keys';

/** What a function for `jit` may take and give: tensors, numbers and containers of them. */
export type Jittable = (...args: never[]) => unknown;

/** A TensorFlow.js backend that can compile a function as a whole. tensor-core knows it by this method alone. */
export interface CompilingBackend extends tf.KernelBackend {
  /** Returns a function with the same meaning as `fn`, recorded once per input signature. */
  compile<F extends Jittable>(fn: F): F;
  /**
   * While a function is being recorded, keeps `effect` to be called after each of its runs and says true; else
   * does nothing and says false.
   */
  afterRun?(effect: () => void): boolean;
}

/** Whether the backend offers whole-function compilation. */
export function canCompile(backend: tf.KernelBackend): backend is CompilingBackend {
  return typeof (backend as Partial<CompilingBackend>).compile === 'function';
}

/**
 * A function that does what `fn` does, compiled as a whole where the active backend can do that.
 *
 * On a compiling backend `fn` is recorded once per signature of its inputs, and later calls run the
 * compiled program with no JavaScript per operation; elsewhere each call simply calls `fn`. Inside
 * `fn`, tf.Variables may be read and assigned; tensor values must not be read, and random numbers
 * must come from this package's `random`.
 *
 * @param fn  a function of tensors; a whole training step is the intended size
 * @returns a function of the same type; results are the caller's to dispose
 * @throws TypeError when `fn` is not a function
 */
export function jit<F extends Jittable>(fn: F): F {
  if (typeof fn !== 'function') throw new TypeError(argumentMessage('tensor-core.jit', 'fn', 'be a function', fn));
  const compiled = new WeakMap<tf.KernelBackend, F>();
  const keys = new KeyArguments();
  const call = (...args: never[]): unknown => {
    const backend = tf.backend();
    if (!canCompile(backend)) return fn(...args);
    let program = compiled.get(backend);
    if (program === undefined) {
      program = backend.compile(fn);
      compiled.set(backend, program);
    }
    return keys.give(program(...(keys.take(args) as never[])));
  };
  return call as F;
}

/**
 * Something for JavaScript to do after each run of the compiled function that is being recorded, the first run included:
 * count a step, read what the run has put into a variable. Inside of a compiled function this code itself
 * runs only once.
 *
 * @returns whether a function is being recorded; if not, nothing happens and the caller acts at once
 */
export function afterRun(effect: () => void): boolean {
  const active = tf.backend();
  return canCompile(active) && active.afterRun !== undefined && active.afterRun(effect);
}
