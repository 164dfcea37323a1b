// A training run in a page, which the test calls from outside and reloads in between.
import * as tf from '@tensorflow/tfjs';
import { key } from '../../../src/random/index.ts';
import { fit, indexedDbStore, loadCheckpoint } from '../../../src/train/index.ts';
import { examples, lossOf, Network, snapshot } from '../problem.ts';

/** Runs until it is done, or is aborted in the step after so many. */
async function train(database, stop) {
  await tf.setBackend('cpu');
  const model = new Network();
  const abort = new globalThis.AbortController();
  const { status, steps, history } = await fit({
    model,
    loss: lossOf(model),
    optimizer: tf.train.adam(0.01),
    data: examples(20),
    batchSize: 4,
    steps: 20,
    key: key(1),
    logEvery: 3,
    signal: abort.signal,
    checkpoint: { store: indexedDbStore(database), every: 4 },
    callbacks: { onStep: (step) => (step === stop ? abort.abort() : undefined) },
  });
  return { status, steps, history, weights: snapshot(model) };
}

globalThis.page = {
  train,
  store: (database) => indexedDbStore(database),
  lastStep: async (database) => (await loadCheckpoint(indexedDbStore(database)))?.step ?? null,
};
