import * as tf from '@tensorflow/tfjs';
import { useBackend } from '@tfsci/tensor-core';

/** The TensorFlow.js backends that can be measured. */
export const ENGINES = ['onnx', 'wasm', 'cpu'] as const;
export type Engine = (typeof ENGINES)[number];

/**
 * Makes a backend the active one.
 *
 * @param threads  for onnx; the others have one
 * @returns what it is, with its version
 */
export async function startEngine(engine: Engine, threads: number): Promise<string> {
  tf.enableProdMode();
  const description =
    engine === 'onnx' ? await loadOnnx(threads) : `TensorFlow.js ${tf.version['tfjs-core']} ${engine}`;
  await useBackend(engine);
  return description;
}

/** Only a process that measures it needs the native library. */
async function loadOnnx(threads: number): Promise<string> {
  const { backendInfo, configure } = await import('@tfsci/backend-onnx');
  configure({ threads });
  return `onnx backend, ONNX Runtime ${backendInfo().runtimeVersion}`;
}
