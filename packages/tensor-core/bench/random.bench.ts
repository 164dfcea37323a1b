import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { fillNormal, fillUniform, key, normal, uniform } from '../src/random';

// Our tensors of random numbers against those of TensorFlow.js on the same backend, and the host fillers
// behind ours: medians of interleaved runs, written as JSON.

const ROUNDS = 15;
const SIZES = [1_000, 100_000, 2_000_000];

const ours = { normal, uniform };
const peers = {
  normal: (n: number, seed: number) => tf.randomNormal([n], 0, 1, 'float32', seed),
  uniform: (n: number, seed: number) => tf.randomUniform([n], 0, 1, 'float32', seed),
};
const fillers = { normal: fillNormal, uniform: fillUniform };

const median = (times: number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1]!;

function milliseconds(draw: () => tf.Tensor | Float32Array): number {
  const start = performance.now();
  const result = draw();
  if (result instanceof tf.Tensor) result.dataSync();
  const elapsed = performance.now() - start;
  if (result instanceof tf.Tensor) result.dispose();
  return elapsed;
}

const results: object[] = [];
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  await tf.ready();
  for (const distribution of ['normal', 'uniform'] as const) {
    for (const size of SIZES) {
      const host = new Float32Array(size);
      const times = { ours: [] as number[], tfjs: [] as number[], filler: [] as number[] };
      // The first rounds warm up the engine's compiler and are not counted.
      for (let round = -5; round < ROUNDS; round++) {
        const now = {
          ours: milliseconds(() => ours[distribution](key(round + 5), [size])),
          tfjs: milliseconds(() => peers[distribution](size, round + 5)),
          filler: milliseconds(() => fillers[distribution](key(round + 5), host)),
        };
        if (round >= 0) for (const who of ['ours', 'tfjs', 'filler'] as const) times[who].push(now[who]);
      }
      const [oursMs, tfjsMs, fillerMs] = [median(times.ours), median(times.tfjs), median(times.filler)];
      const fillerMillionsPerSecond = size / fillerMs / 1e3;
      results.push({ backend, distribution, size, oursMs, tfjsMs, ratio: tfjsMs / oursMs, fillerMillionsPerSecond });
    }
  }
}
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`;
console.log(JSON.stringify({ bench: 'random', machine, rounds: ROUNDS, results }, null, 2));
