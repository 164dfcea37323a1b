import * as tf from '@tensorflow/tfjs';

/** What TensorFlow.js and its packages bring. */
const OTHERS = ['cpu', 'wasm', 'webgl', 'webgpu', 'tensorflow'];

/**
 * The backends that numerical suites run on, for `describe.each(backendsUnderTest())`.
 *
 * @returns the comma-separated names in the environment's TFSCI_BACKENDS; by default cpu, wasm and those that the
 *   test file has imported, such as `import '@tfsci/backend-onnx'`
 */
export function backendsUnderTest(): string[] {
  const chosen = process.env['TFSCI_BACKENDS']?.split(',').map((name) => name.trim());
  const names = chosen?.filter((name) => name !== '') ?? [];
  if (names.length > 0) return names;
  const imported = Object.keys(tf.engine().registryFactory).filter((name) => !OTHERS.includes(name));
  return ['cpu', 'wasm', ...imported];
}
