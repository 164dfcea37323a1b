import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

/** A tensor of what `fill` writes into zeros: into the memory of the backend where it lends it, which saves a copy. */
export function hostTensor(shape: [number, number], fill: (out: Float32Array) => void): tf.Tensor2D {
  const backend = tf.backend();
  if (random.takesHostInput(backend)) return backend.hostInput(shape, 'float32', fill) as tf.Tensor2D;
  const out = new Float32Array(shape[0] * shape[1]);
  fill(out);
  return tf.tensor2d(out, shape);
}
