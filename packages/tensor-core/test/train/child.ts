// A training run as a program of its own, to be killed: script.mjs <directory> <steps>. It writes a dot when it has begun
// or gone on and after each step, and the final weights as JSON when it is done.
import * as tf from '@tensorflow/tfjs';
import { key } from '../../src/random';
import { fit } from '../../src/train';
import { directoryStore, jsonlLog } from '../../src/train/node';
import { Average, examples, lossOf, Network, snapshot, type Batch } from './problem';

const [directory, steps] = process.argv.slice(2) as [string, string];
await tf.setBackend('cpu');
const model = new Network();
const average = new Average(model, 0.9);
const result = await fit<Batch>({
  model,
  average,
  loss: lossOf(model),
  optimizer: tf.train.adam(0.01),
  data: examples(50),
  batchSize: 4,
  accumulate: 2,
  steps: Number(steps),
  key: key(3),
  logEvery: 3,
  log: jsonlLog(`${directory}/log.jsonl`),
  validate: { data: examples(8, 5), every: 5, metrics: ({ x, y }) => model.forward(x).sub(y).square().mean() },
  checkpoint: { store: directoryStore(directory), every: 2 },
  progress: { show: () => void process.stdout.write('.'), end: () => undefined },
});
process.stdout.write(JSON.stringify({ result, model: snapshot(model), average: average.values() }));
