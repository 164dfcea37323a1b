import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import { key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import {
  fit,
  MixedSampler,
  memoryStore,
  type CheckpointStore,
  type FitOptions,
  type FitResult,
  type LogRecord,
  type TimedRecord,
} from '../src/train';
import { Average, endless, examples, lossOf, Network, snapshot, type Batch } from './train/problem';

const STEPS = 40;

/** What a run leaves behind. */
interface Outcome {
  result: FitResult;
  model: Record<string, number[]>;
  average: number[][];
  records: LogRecord[];
  iterations: number;
}

/** One kind of run: what differs from the others. */
interface Kind {
  optimizer: () => tf.Optimizer;
  options: Partial<FitOptions<Batch>> & { accumulate?: number; clipNorm?: number };
}

const kinds: Record<string, Kind> = {
  'one data set, Adam, an average': {
    optimizer: () => tf.train.adam(0.02),
    // 6 batches an epoch, the last one smaller.
    options: { data: examples(45), batchSize: 8 },
  },
  'a mixture, accumulated and clipped, momentum': {
    optimizer: () => tf.train.momentum(0.05, 0.9),
    options: {
      data: new MixedSampler<Batch>([examples(20), examples(9, 3), endless], {
        batchSize: 4,
        key: key(5),
        batchesPerEpoch: 11,
      }),
      accumulate: 3,
      clipNorm: 0.5,
    },
  },
};

/** A stop in the step after so many: by the signal, or as a crash, without a last checkpoint. */
type Stop = { after: number; by: 'signal' | 'crash' };

class Crash extends Error {}

/** A whole run, begun again with fresh objects after each stop, as after the loss of the process. */
async function runWithStops(kind: Kind, stops: readonly Stop[], store: CheckpointStore): Promise<Outcome> {
  const records: LogRecord[] = [];
  for (const stop of [...stops, null]) {
    const model = new Network();
    const optimizer = kind.optimizer();
    const average = new Average(model, 0.9);
    const abort = new AbortController();
    const { signal } = abort;
    const log = {
      open: (step: number) => void records.splice(0, Infinity, ...records.filter((record) => record.step <= step)),
      write: ({ step, epoch, values }: TimedRecord) => void records.push({ step, epoch, values }),
      close: () => undefined,
    };
    const onStep = (step: number): void => {
      if (step !== stop?.after) return;
      if (stop.by === 'crash') throw new Crash();
      abort.abort();
    };
    const running = fit<Batch>({
      data: examples(1),
      ...(kind.options as object),
      model,
      optimizer,
      average,
      loss: lossOf(model),
      steps: STEPS,
      key: key(7),
      logEvery: 4,
      log,
      signal,
      validate: {
        data: examples(10, 9),
        batchSize: 4,
        every: 6,
        metrics: ({ x, y }) => model.forward(x).sub(y).abs().mean(),
      },
      checkpoint: { store, every: 9 },
      callbacks: { onStep },
    });
    const holders = [model, optimizer, average];
    if (stop?.by === 'crash') {
      await expect(running).rejects.toThrow(Crash);
    } else {
      const result = await running;
      expect(result).toMatchObject(stop ? { status: 'aborted', steps: stop.after + 1 } : { status: 'finished' });
      const outcome = { result, model: snapshot(model), average: average.values(), records };
      if (stop === null) return { ...outcome, iterations: optimizer.iterations };
    }
    holders.forEach((holder) => holder.dispose());
  }
  throw new Error('the last run was aborted');
}

describe.each(backendsUnderTest())('a run that is stopped and begun again, on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterAll(() => useBackend('cpu'));

  it.each(Object.entries(kinds))('ends as if nothing had happened, bit for bit: %s', async (_, kind) => {
    const whole = await runWithStops(kind, [], memoryStore());
    expect(whole.result).toMatchObject({ status: 'finished', steps: STEPS });
    expect(whole.iterations).toBe(STEPS);
    const losses = whole.records.flatMap(({ values }) => values['loss'] ?? []);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
    // Within and between epochs, at and off checkpoints, windows and validations, twice in a row.
    const stops: Stop[] = [
      { after: 0, by: 'signal' },
      { after: 4, by: 'signal' },
      { after: 7, by: 'crash' },
      { after: 8, by: 'crash' },
      { after: 25, by: 'crash' },
      { after: 26, by: 'signal' },
      { after: 38, by: 'signal' },
    ];
    const store = memoryStore();
    const stopped = await runWithStops(kind, stops, store);
    expect(stopped).toEqual(whole);
  });
});
