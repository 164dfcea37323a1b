import * as tf from '@tensorflow/tfjs';

/** The host array that holds the elements of a tensor of each dtype. */
export interface HostArrays {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** Fills a whole host array with a draw; called again it makes the same draw again. */
export type FillHost<D extends keyof HostArrays> = (out: HostArrays[D]) => void;

/**
 * A TensorFlow.js backend that takes values from the host at each run of a compiled program.
 * tensor-core knows it by this method alone.
 */
export interface HostInputBackend extends tf.KernelBackend {
  /**
   * A new tensor with the values that `fill` writes into a fresh, zeroed array of the dtype. A backend that
   * is recording a program must not write the values into it, but keep `fill` and call it at each run.
   */
  hostInput<D extends keyof HostArrays>(shape: number[], dtype: D, fill: FillHost<D>): tf.Tensor;
}

const HOST_ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/**
 * The tensor of a draw; every random tensor of this package comes from here.
 *
 * @returns a tensor of the shape and dtype, by the backend's `hostInput` where it has one
 */
export function drawn<D extends keyof HostArrays>(shape: readonly number[], dtype: D, fill: FillHost<D>): tf.Tensor {
  const backend = tf.backend();
  if (takesHostInput(backend)) return backend.hostInput([...shape], dtype, fill);
  const size = shape.reduce((product, length) => product * length, 1);
  const out = new HOST_ARRAYS[dtype](size) as HostArrays[D];
  fill(out);
  return tf.tensor(out, [...shape], dtype);
}

export function takesHostInput(backend: tf.KernelBackend): backend is HostInputBackend {
  return typeof (backend as Partial<HostInputBackend>).hostInput === 'function';
}
