// What a user's page does: the built package by its name, bundled. The test calls `page` from outside.
import * as tf from '@tensorflow/tfjs';
import { io, random, useBackend } from '@tfsci/tensor-core';
import { exercise } from './exercise.js';

const registered = {
  backends: Object.keys(tf.engine().registryFactory).sort(),
  wasmKernels: tf.getKernelsForBackend('wasm').length,
  einsumGradient: tf.getGradient('Einsum') !== undefined,
};

globalThis.page = {
  registered,
  use: (name, options) =>
    useBackend(name, options).then(
      (capabilities) => capabilities,
      (error) => ({ error: error.message, active: tf.getBackend() }),
    ),
  exercise: () => exercise(tf, random),
  decode: (bytes, options) =>
    io.decodeImage(new Uint8Array(bytes), options).then(
      ({ data, ...image }) => ({ ...image, data: [...data] }),
      (error) => ({ error: `${error.name}: ${error.message}` }),
    ),
};
