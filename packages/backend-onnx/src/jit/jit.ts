import * as tf from '@tensorflow/tfjs';
import { OnnxBackend } from '../backend';
import { compileFunction } from './compile';

/**
 * A function that does what `fn` does, compiled as a whole while the onnx backend is active.
 *
 * `fn` is recorded at its first call with arguments of a signature (shapes, dtypes, and all that is not a tensor);
 * later calls run the compiled program, with no JavaScript per operation. A whole training step is the intended
 * size. On other backends each call simply calls `fn`.
 *
 * Inside `fn`
 * - tf.Variables may be read and assigned, those of optimizers too;
 * - tensors from outside are taken as they are at the recording; what changes is an argument or a variable;
 * - values must not be read, and random numbers must not come from Math.random (tf.dropout, tf.randomNormal): use
 *   @tfsci/tensor-core's `random` with a key as an argument of its `jit`;
 * - side effects on JavaScript's state happen at recordings only.
 *
 * Settings of TensorFlow.js's optimizers may change between calls (the step is recorded again, compiled at most
 * once more). `jit` of @tfsci/tensor-core does the same on every backend that can compile.
 *
 * @param fn  tensors, numbers and containers of them in and out; synchronous
 * @returns a function of the same type; results are the caller's to dispose
 * @throws TypeError when `fn` is not a function; the returned function throws when `fn` cannot be recorded
 * @example
 * const step = jit((x: tf.Tensor, y: tf.Tensor) => optimizer.minimize(() => loss(model.apply(x), y), true)!);
 */
export function jit<F extends (...args: never[]) => unknown>(fn: F): F {
  if (typeof fn !== 'function') throw new TypeError(`backend-onnx.jit: fn must be a function, got ${typeof fn}.`);
  const compiled = new WeakMap<OnnxBackend, F>();
  const call = (...args: never[]): unknown => {
    const backend = tf.backend();
    if (!(backend instanceof OnnxBackend)) return fn(...args);
    let program = compiled.get(backend);
    if (program === undefined) compiled.set(backend, (program = compileFunction(backend, fn)));
    return program(...args);
  };
  return call as F;
}
