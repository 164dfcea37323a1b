import * as tf from '@tensorflow/tfjs';
import { CompilingOnnxBackend } from './compiling-backend';
import { registerOnnxKernels } from './kernels';
import { BACKEND_NAME } from './kernels/registry';
import { loadRuntime } from './runtime/ort';
import { settings } from './settings';

/** Ahead of TensorFlow.js's own backends for Node (wasm has 2, tensorflow 3). */
const PRIORITY = 4;

export function register(): void {
  tf.registerBackend(
    BACKEND_NAME,
    () => {
      loadRuntime();
      return new CompilingOnnxBackend(settings);
    },
    PRIORITY,
  );
  registerOnnxKernels();
}
