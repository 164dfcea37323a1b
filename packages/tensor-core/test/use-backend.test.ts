import * as tf from '@tensorflow/tfjs';
import { it } from 'vitest';
import { useBackend } from '../src';
it('x', async () => {
  for (const n of ['webgpu', 'webgl', 'toString', 'wasm', 'cpu', 'auto']) {
    await useBackend(n).then(console.log, (e) => console.log(e.message, e.cause));
  }
  const c = tf.findBackend('cpu');
  console.log(c.constructor.name, tf.engine().registryFactory);
});
