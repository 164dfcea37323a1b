import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { interleaved, report } from '@tfsci/tooling/bench';
import { fillNormal, fillUniform, key, normal, uniform } from '../src/random';

// Our tensors of random numbers against those of TensorFlow.js on the same backend, and the host fillers
// behind ours: medians of interleaved runs.

const SIZES = [1_000, 100_000, 2_000_000];

const ours = { normal, uniform };
const peers = {
  normal: (n: number, seed: number) => tf.randomNormal([n], 0, 1, 'float32', seed),
  uniform: (n: number, seed: number) => tf.randomUniform([n], 0, 1, 'float32', seed),
};
const fillers = { normal: fillNormal, uniform: fillUniform };

const read = (draw: () => tf.Tensor) => () => {
  const tensor = draw();
  tensor.dataSync();
  tensor.dispose();
};

const rows = [];
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  for (const distribution of ['normal', 'uniform'] as const) {
    for (const size of SIZES) {
      const host = new Float32Array(size);
      let seed = 0;
      const times = await interleaved({
        ours: read(() => ours[distribution](key(seed++), [size])),
        tfjs: read(() => peers[distribution](size, seed++)),
        filler: () => void fillers[distribution](key(seed++), host),
      });
      rows.push({
        backend,
        distribution,
        size,
        'ours, ms': times.ours,
        'tfjs, ms': times.tfjs,
        ratio: times.ours / times.tfjs,
        'filler, M values/s': size / times.filler / 1e3,
      });
    }
  }
}
report('random', rows);
