import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../src/backend';
import { key, type Key } from '../src/random';
import {
  arrays,
  BatchSampler,
  fit,
  loadCheckpoint,
  memoryStore,
  type FitOptions,
  type FitResult,
  type LogRecord,
  type TrainingProgress,
} from '../src/train';
import { examples, lossOf, Network, snapshot, type Batch } from './train/problem';

beforeAll(() => useBackend('cpu'));

type Count = { n: tf.Tensor };
/** Options of a run whose step s, counted from 1, has the loss `losses(s)`, and which trains nothing. */
function told(losses: (step: number) => number, options: Record<string, unknown> = {}): FitOptions<Count> {
  const data = arrays({ n: { data: Float32Array.of(0, 1, 2, 3), shape: [4] } });
  return {
    data: new BatchSampler(data, { batchSize: 1 }),
    step: (_, { step }) => tf.scalar(losses(step + 1)),
    ...('model' in options ? {} : { model: { w: tf.variable(tf.scalar(1)) } }),
    steps: 10,
    key: key(0),
    ...options,
  };
}

/** Validation whose metric loss is the next of `values` each time. */
function validations(values: readonly number[], every: number | { epochs: number } = 1) {
  let next = 0;
  const data = new BatchSampler(arrays({ n: { data: Float32Array.of(0), shape: [1] } }), { batchSize: 1 });
  return { data, every, metrics: () => tf.scalar(values[Math.min(next++, values.length - 1)]!) };
}

const training = ({ history }: FitResult): LogRecord[] => history.filter(({ values }) => 'loss' in values);

describe('fit', () => {
  it('reports the mean of each window, and of what is left at the end', async () => {
    const result = await fit(told((step) => step, { logEvery: 4 }));
    expect(result).toMatchObject({ status: 'finished', steps: 10, epochs: 2.5, best: null });
    expect(result.history).toEqual([
      { step: 4, epoch: 1, values: { loss: 2.5 } },
      { step: 8, epoch: 2, values: { loss: 6.5 } },
      { step: 10, epoch: 2.5, values: { loss: 9.5 } },
    ]);
  });

  it('counts steps by epochs', async () => {
    expect((await fit(told(() => 0, { steps: undefined, epochs: 3 }))).steps).toBe(12);
    expect((await fit(told(() => 0, { steps: undefined, epochs: 0.5 }))).steps).toBe(2);
  });

  it('calls back in the order of events', async () => {
    const events: string[] = [];
    const callbacks = {
      onStep: (step: number) => void events.push(`step ${step}`),
      onLog: ({ step, values }: LogRecord) => void events.push(`log ${step}: ${values['loss']}`),
      onValidation: ({ step, values }: LogRecord) => void events.push(`valid ${step}: ${values['validation/loss']}`),
      onCheckpoint: ({ step, isBest }: { step: number; isBest: boolean }) =>
        void events.push(`saved ${step}${isBest ? ', best' : ''}`),
    };
    const validate = validations([2, 5], { epochs: 0.5 });
    const checkpoint = { store: memoryStore(), every: 3 };
    await fit(told((step) => step, { steps: 4, logEvery: 2, callbacks, validate, checkpoint }));
    expect(events).toEqual([
      ...['step 0', 'step 1', 'log 2: 1.5', 'valid 2: 2', 'saved 2, best'],
      ...['step 2', 'saved 3', 'step 3', 'log 4: 3.5', 'valid 4: 5', 'saved 4'],
    ]);
  });

  it('waits for callbacks, and fails as they do', async () => {
    let waiting = 0;
    const slow = async (): Promise<void> => {
      expect(waiting++).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 1));
      waiting--;
    };
    await fit(told(() => 0, { steps: 3, callbacks: { onStep: slow } }));
    const onLog = () => Promise.reject(new Error('the page is gone'));
    await expect(fit(told(() => 0, { logEvery: 1, callbacks: { onLog } }))).rejects.toThrow('the page is gone');
  });

  it('lets a learning rate be set before each step', async () => {
    const w = tf.variable(tf.scalar(0));
    const optimizer = tf.train.sgd(0);
    const onStep = (step: number) => optimizer.setLearningRate(10 ** step);
    const data = new BatchSampler(arrays({ n: { data: Float32Array.of(0), shape: [1] } }), { batchSize: 1 });
    await fit({ model: { w }, loss: () => w.mul(-1), optimizer, data, steps: 3, key: key(0), callbacks: { onStep } });
    expect(w.dataSync()[0]).toBe(111);
    [w, optimizer].forEach((holder) => holder.dispose());
  });

  it('opens logs at the step where it begins, writes the history to each, and closes them, also after an error', async () => {
    const events: unknown[] = [];
    const log = (name: string) => ({
      open: (step: number) => void events.push(`${name} opened at ${step}`),
      write: ({ time, ...record }: { time: number }) => {
        expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
        events.push(record);
      },
      close: () => void events.push(`${name} closed`),
    });
    const { history } = await fit(told(() => 1, { steps: 2, logEvery: 1, log: [log('a'), log('b')] }));
    const [first, second] = history as [LogRecord, LogRecord];
    const written = [first, first, second, second];
    expect(events).toEqual(['a opened at 0', 'b opened at 0', ...written, 'a closed', 'b closed']);
    events.length = 0;
    const onStep = () => Promise.reject(new Error('no'));
    await expect(fit(told(() => 1, { log: log('a'), callbacks: { onStep } }))).rejects.toThrow('no');
    expect(events).toEqual(['a opened at 0', 'a closed']);
  });

  it('shows its progress after every step, and says when it ends', async () => {
    const shown: TrainingProgress[] = [];
    const end = vi.fn();
    await fit(
      told((step) => step, { steps: 3, logEvery: 1, progress: { show: (p: TrainingProgress) => shown.push(p), end } }),
    );
    expect(shown.map(({ step, steps, epoch }) => [step, steps, epoch])).toEqual([
      ...[[0, 3, 0], [1, 3, 0.25], [2, 3, 0.5], [3, 3, 0.75], [3, 3, 0.75]], // prettier-ignore
    ]);
    expect(shown.at(-1)!.values).toEqual({ loss: 3 });
    expect(shown[0]!.values).toEqual({});
    expect(shown[2]!.values['loss']).toBeGreaterThanOrEqual(1);
    expect(end).toHaveBeenCalledTimes(1);
    const onStep = () => Promise.reject(new Error('no'));
    await expect(
      fit(told(() => 1, { progress: { show: () => undefined, end }, callbacks: { onStep } })),
    ).rejects.toThrow();
    expect(end).toHaveBeenCalledTimes(2);
  });

  it('disposes batches and values, of an abort and of an error too', async () => {
    const model = { w: tf.tidy(() => tf.variable(tf.scalar(1))) };
    for (const stop of ['none', 'abort', 'throw']) {
      await expect(async () => {
        const abort = new AbortController();
        const onStep = (step: number) => {
          if (step !== 5) return;
          if (stop === 'abort') abort.abort();
          if (stop === 'throw') throw new Error('no');
        };
        const validate = validations([1, 2], 3);
        const options = { model, prefetch: 3, logEvery: 4, validate, signal: abort.signal, callbacks: { onStep } };
        await fit(told(() => 1, options)).catch(() => undefined);
      }).toLeakNothing();
    }
    model.w.dispose();
  });

  it('lets timers have a turn while it runs', async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 20);
    const { status, steps } = await fit(told(() => 1, { steps: 1e6, signal: abort.signal }));
    expect(status).toBe('aborted');
    expect(steps).toBeLessThan(1e6);
  });
});

describe('fit with a signal', () => {
  it('finishes the step, writes a checkpoint and says so', async () => {
    const abort = new AbortController();
    const store = memoryStore();
    const callbacks = { onStep: (step: number) => (step === 6 ? abort.abort() : undefined) };
    const options = { signal: abort.signal, callbacks, checkpoint: { store, every: 5 }, logEvery: 4 };
    const result = await fit(told((step) => step, options));
    expect(result).toMatchObject({ status: 'aborted', steps: 7 });
    expect(training(result)).toHaveLength(1);
    expect(await loadCheckpoint(store)).toMatchObject({ step: 7, window: { loss: { sum: 5 + 6 + 7, count: 3 } } });
  });

  it('does nothing when it has been aborted before', async () => {
    const store = memoryStore();
    const onStep = vi.fn();
    const options = { signal: AbortSignal.abort(), callbacks: { onStep }, checkpoint: { store, every: 5 } };
    expect(await fit(told(() => 1, options))).toEqual({
      status: 'aborted',
      steps: 0,
      epochs: 0,
      history: [],
      best: null,
    });
    expect(onStep).not.toHaveBeenCalled();
    expect(await store.list()).toEqual([]);
  });
});

describe('fit with earlyStop', () => {
  const stopped = (values: number[], earlyStop: object, options: object = {}) =>
    fit(told(() => 1, { validate: validations(values), earlyStop: { metric: 'loss', ...earlyStop }, ...options }));

  it('ends after so many validations without improvement, and names the best', async () => {
    const result = await stopped([5, 4, 4.5, 3, 3, 3.5, 3.2, 1], { patience: 3 });
    expect(result).toMatchObject({ status: 'stopped-early', steps: 7, best: { metric: 'loss', value: 3, step: 4 } });
  });

  it('wants more than minDelta, while the best is the best', async () => {
    const result = await stopped([5, 4.5, 4.25, 3.75, 1], { patience: 3, minDelta: 1 });
    // 4.5 and 4.25 are within 1 of 5, 3.75 is not; 1 comes too.
    expect(result).toMatchObject({ status: 'stopped-early', steps: 8, best: { value: 1, step: 5 } });
    const short = await stopped([5, 4.5, 4.25, 0], { patience: 2, minDelta: 1 });
    expect(short).toMatchObject({ status: 'stopped-early', steps: 3, best: { value: 4.25, step: 3 } });
  });

  it('goes up where larger is better', async () => {
    const result = await stopped([1, 2, 1.5, 3, 2, 2.9], { patience: 2, mode: 'max' });
    expect(result).toMatchObject({ status: 'stopped-early', steps: 6, best: { value: 3, step: 4 } });
  });

  it('takes NaN for no improvement, from the first on', async () => {
    const result = await stopped([NaN, 5, NaN, NaN], { patience: 2 });
    expect(result).toMatchObject({ status: 'stopped-early', steps: 4, best: { value: 5, step: 2 } });
    expect(await stopped([NaN], { patience: 2 })).toMatchObject({ status: 'stopped-early', steps: 2, best: null });
  });

  it('stays ended when it is begun again, and remembers how long it has waited', async () => {
    const store = memoryStore();
    const checkpoint = { store, every: 1 };
    const values = [5, 6, 7, 8, 9, 9, 9];
    const model = { w: tf.variable(tf.scalar(1)) };
    const first = await stopped(values, { patience: 3 }, { checkpoint, model, steps: 3 });
    expect(first).toMatchObject({ status: 'finished', steps: 3 });
    const second = await stopped([8], { patience: 3 }, { checkpoint, model });
    expect(second).toMatchObject({ status: 'stopped-early', steps: 4, best: { value: 5, step: 1 } });
    expect(await stopped([0], { patience: 3 }, { checkpoint, model })).toEqual(second);
    model.w.dispose();
  });
});

describe('fit with nanGuard', () => {
  const bad = (step: number): number => (step === 6 ? NaN : 1);

  it("throws, naming the step, and keeps the checkpoints of before: 'throw'", async () => {
    const store = memoryStore();
    const run = fit(told(bad, { checkpoint: { store, every: 4 }, logEvery: 3 }));
    await expect(run).rejects.toThrow(
      new RangeError(
        'tensor-core.fit: loss must be finite, got NaN at step 6. Lower the learning rate, clip gradients, or look at the ' +
          'batch; checkpoints hold the run before.',
      ),
    );
    expect((await loadCheckpoint(store))!.step).toBe(4);
  });

  it("ends with the status diverged: 'stop'", async () => {
    const store = memoryStore();
    const options = { nanGuard: 'stop', checkpoint: { store, every: 1 }, logEvery: 100 };
    const result = await fit(told((step) => (step === 6 ? Infinity : 1), options));
    expect(result).toMatchObject({ status: 'diverged', steps: 6, history: [] });
    expect((await loadCheckpoint(store))!.step).toBe(5);
    // Without checkpoints it is noticed when the values are read, at the latest at the end.
    expect(await fit(told(bad, { nanGuard: 'stop', logEvery: 100 }))).toMatchObject({ status: 'diverged', steps: 10 });
    await expect(fit(told(bad, { logEvery: 100 }))).rejects.toThrow('got NaN at step 6');
  });

  it("goes on: 'off'", async () => {
    const store = memoryStore();
    const options = { nanGuard: 'off', checkpoint: { store, every: 4 }, logEvery: 5 };
    const result = await fit(told(bad, options));
    expect(result).toMatchObject({ status: 'finished', steps: 10 });
    expect(training(result).map(({ values }) => values['loss'])).toEqual([1, NaN]);
    const { history } = (await loadCheckpoint(store))!;
    expect(history).toEqual(result.history);
  });

  it('looks at the loss alone, or at all where there is none', async () => {
    const run = (step: (s: number) => Record<string, number>) =>
      fit<Count>({
        ...told(() => 0, { steps: 3, logEvery: 1 }),
        step: (_: Count, context: { step: number }) =>
          Object.fromEntries(Object.entries(step(context.step)).map(([name, value]) => [name, tf.scalar(value)])),
      } as FitOptions<Count>);
    expect(await run(() => ({ loss: 1, accuracy: NaN }))).toMatchObject({ status: 'finished' });
    await expect(run(() => ({ cost: 1, error: -Infinity }))).rejects.toThrow(
      'error must be finite, got -Infinity at step 1',
    );
  });

  it('never writes weights that are not finite, but lets masks be', async () => {
    const store = memoryStore();
    const model = new Network();
    model.seen.assign(tf.tensor1d([-Infinity, 0, 0]));
    const loss = lossOf(model);
    const callbacks = {
      onStep: (step: number) => {
        if (step === 3) model.namedParameters()[0]![1].assign(tf.fill([8, 3], Infinity));
      },
    };
    // A rate of 0, and a loss of 0 whatever the weights: only a look at the weights finds them.
    const options = {
      data: examples(8),
      batchSize: 4,
      steps: 9,
      key: key(1),
      checkpoint: { store, every: 2 },
      callbacks,
    };
    const optimizer = tf.train.sgd(0);
    const still = (batch: Batch, k: Key) => tf.where(tf.scalar(true), tf.scalar(0), loss(batch, k));
    await expect(fit<Batch>({ ...options, model, optimizer, loss: still })).rejects.toThrow(
      'tensor-core.fit: the model tensor hidden.weight must be finite, got values that are not at step 4. Lower',
    );
    const kept = await loadCheckpoint(store);
    expect(kept!.step).toBe(2);
    expect(kept!.model['seen']!.data[0]).toBe(-Infinity);
    await expect(
      fit<Batch>({ ...options, callbacks: {}, resume: false, model, optimizer, loss: still }),
    ).rejects.toThrow(/the model tensor hidden\.weight must/);
    model.loadStateDict(kept!.model);
    model.seen.assign(tf.tensor1d([NaN, 0, 0]));
    const evaluated = model.eval();
    await expect(
      fit<Batch>({ ...options, callbacks: {}, resume: false, model: evaluated, optimizer, loss: still }),
    ).rejects.toThrow(/the model tensor seen must be finite, got values that are not at step 2/);
    // Infinities are as bad where something is trained, and may be where nothing is.
    const [w, other] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(Infinity))];
    const infinite = () =>
      fit<Batch>({ ...options, callbacks: {}, resume: false, model: { w, other }, optimizer, loss: () => w.square() });
    await expect(infinite()).rejects.toThrow('the model tensor other must be finite');
    other.trainable = false;
    expect(await infinite()).toMatchObject({ status: 'finished' });
    [model, optimizer, w, other].forEach((holder) => holder.dispose());
  });
});

describe('fit with validate', () => {
  it('draws nothing from the training, and leaves the model in its modes', async () => {
    const runs = [null, 1, 4].map(async (every) => {
      const model = new Network();
      const modes: boolean[] = [];
      const validate = {
        data: examples(10, 9),
        batchSize: 3,
        every: every ?? 1,
        metrics: ({ x, y }: Batch, k: Key) => {
          modes.push(model.training);
          return model.forward(x, k).sub(y).square().mean();
        },
      };
      const optimizer = tf.train.adam(0.01);
      const { history } = await fit<Batch>({
        ...{
          model,
          loss: lossOf(model),
          optimizer,
          data: examples(20),
          batchSize: 4,
          steps: 8,
          key: key(2),
          logEvery: 2,
        },
        ...(every !== null && { validate }),
      });
      expect(model.training).toBe(true);
      expect(modes.every((training) => !training)).toBe(true);
      expect(modes).toHaveLength(every === null ? 0 : (8 / every) * 4);
      const outcome = { weights: snapshot(model), losses: history.flatMap(({ values }) => values['loss'] ?? []) };
      [model, optimizer].forEach((holder) => holder.dispose());
      return outcome;
    });
    const [without, each, some] = await Promise.all(runs);
    expect(each).toEqual(without);
    expect(some).toEqual(without);
  });

  it('takes the same draws each time', async () => {
    const draws: Key[][] = [];
    const metrics = (_: Count, k: Key) => {
      draws.push([k]);
      return tf.scalar(0);
    };
    const data = new BatchSampler(arrays({ n: { data: Float32Array.of(0, 1), shape: [2] } }), { batchSize: 1 });
    await fit({ ...told(() => 0), validate: { data, metrics, every: 5 } });
    expect(draws).toHaveLength(4);
    expect(draws.slice(2)).toEqual(draws.slice(0, 2));
    expect(draws[0]).not.toEqual(draws[1]);
  });

  it('has no best where no metric is named loss', async () => {
    const validate = { ...validations([1]), metrics: () => ({ error: tf.scalar(1) }) };
    expect(await fit(told(() => 0, { validate }))).toMatchObject({ status: 'finished', best: null });
    const named = { validate, earlyStop: { metric: 'accuracy', patience: 1 } };
    await expect(fit(told(() => 0, named))).rejects.toThrow(
      new RangeError('tensor-core.fit: metric must be a validation metric (error), got "accuracy".'),
    );
  });
});

describe('fit refuses', () => {
  const where = 'tensor-core.fit';
  const endless = { sample: () => ({ n: tf.scalar(0) }) };
  const model = { w: tf.variable(tf.scalar(1)) };
  const optimizer = tf.train.sgd(1);
  const withLoss = { step: undefined, loss: () => model.w, model, optimizer };
  const store = memoryStore();

  it.each<[string, Record<string, unknown>, string | RegExp]>([
    ['no key', { key: 7 }, /^tensor-core\.fit: key must be a Key, got 7\./],
    ['no length', { steps: undefined }, `${where}: steps or epochs must be given, got neither.`],
    ['two lengths', { epochs: 1 }, `${where}: steps or epochs must be given, got both.`],
    ['half a step', { steps: 1.5 }, `${where}: steps must be an integer >= 1, got 1.5.`],
    ['no epochs', { steps: undefined, epochs: 0 }, `${where}: epochs must be a finite number > 0, got 0.`],
    [
      'epochs without end',
      { data: endless, batchSize: 1, steps: undefined, epochs: 2 },
      `${where}: epochs must count steps where data have no epochs, got 2.`,
    ],
    [
      'a cadence in epochs without end',
      { data: endless, batchSize: 1, checkpoint: { store, every: { epochs: 2 } } },
      `${where}: checkpoint.every must count steps where data have no epochs, got 2.`,
    ],
    ['no cadence', { validate: { ...validations([1]), every: undefined } }, /validate\.every must be an integer >= 1/],
    ['a cadence of 0', { checkpoint: { store, every: { epochs: 0 } } }, /checkpoint\.every\.epochs must be a finite/],
    ['a window of 0', { logEvery: 0 }, `${where}: logEvery must be an integer >= 1, got 0.`],
    ['prefetch -1', { prefetch: -1 }, `${where}: prefetch must be an integer >= 0, got -1.`],
    ['a guard', { nanGuard: 'no' }, `${where}: nanGuard must be one of "throw", "stop", "off", got "no".`],
    [
      'no data',
      { data: undefined },
      `${where}: data must be a data set, a generator or a sampler, got undefined. arrays({ x, y }) makes a data set.`,
    ],
    ['no batch size', { data: examples(3) }, `${where}: batchSize must be an integer >= 1, got undefined.`],
    ['two batch sizes', { batchSize: 2 }, `${where}: batchSize must be left to the sampler, got 2.`],
    ['a step that is none', { step: 7 }, `${where}: step must be a function, got 7.`],
    [
      'loss and step',
      { loss: () => tf.scalar(1) },
      `${where}: loss must be left out where step is given, got a function. A step of your own does that itself.`,
    ],
    ['accumulation by a step', { accumulate: 2 }, /accumulate must be left out where step is given, got 2\./],
    ['clipping by a step', { clipNorm: 2 }, /clipNorm must be left out where step is given, got 2\./],
    ['no loss', { ...withLoss, loss: undefined }, `${where}: loss must be a function of a batch, got undefined.`],
    [
      'no optimizer',
      { ...withLoss, optimizer: undefined },
      `${where}: optimizer must be a tf.Optimizer, got undefined. tf.train.adam(1e-3) makes one.`,
    ],
    ['a model that is none', { model: 7 }, `${where}: model must be a Module or a record of tf.Variables, got 7.`],
    ['a state that is none', { state: { n: 1 } }, /state must be a Module or a record of tf\.Variables, got an object/],
    ['nothing to train', { ...withLoss, model: {} }, `${where}: model must have a trainable variable, got none.`],
    ['accumulate 0', { ...withLoss, accumulate: 0 }, `${where}: accumulate must be an integer >= 1, got 0.`],
    ['clipNorm 0', { ...withLoss, clipNorm: 0 }, `${where}: clipNorm must be a finite number > 0, got 0.`],
    [
      'early stop without validation',
      { earlyStop: { metric: 'loss', patience: 1 } },
      `${where}: earlyStop must come with validate, got an object.`,
    ],
    [
      'a best without validation',
      { checkpoint: { store, every: 1, best: { metric: 'loss' } } },
      `${where}: checkpoint.best must come with validate, got an object.`,
    ],
    [
      'no patience',
      { validate: validations([1]), earlyStop: { metric: 'loss' } },
      /earlyStop\.patience must be an integer/,
    ],
    [
      'no metric',
      { validate: validations([1]), earlyStop: { patience: 1 } },
      `${where}: earlyStop: metric must be the name of a validation metric, got undefined.`,
    ],
    [
      'a mode',
      { validate: validations([1]), earlyStop: { patience: 1, metric: 'loss', mode: 'up' } },
      `${where}: earlyStop: mode must be one of "min", "max", got "up".`,
    ],
    [
      'a negative minDelta',
      { validate: validations([1]), earlyStop: { patience: 1, metric: 'loss', minDelta: -1 } },
      `${where}: earlyStop: minDelta must be a finite number >= 0, got -1.`,
    ],
    [
      'validation without end',
      {
        validate: {
          ...validations([1]),
          data: { ...validations([1]).data, batchesPerEpoch: Infinity, batch: () => ({}) },
        },
      },
      `${where}: validate: data must have an end, got Infinity. Set batchesPerEpoch.`,
    ],
    [
      'validation on a generator',
      { validate: { ...validations([1]), data: endless, batchSize: 1 } },
      /^tensor-core\.fit: validate: data must be a data set or a sampler, got an object\./,
    ],
    [
      'metrics that are none',
      { validate: { ...validations([1]), metrics: 7 } },
      `${where}: validate: metrics must be a function of a batch, got 7.`,
    ],
    [
      'a store that is none',
      { checkpoint: { store: {}, every: 1 } },
      /checkpoint\.store must have save, load, list, remove/,
    ],
    [
      'what to keep',
      { checkpoint: { store, every: 1, keep: 'none' } },
      `${where}: checkpoint.keep must be one of "best-and-last", "all", got "none".`,
    ],
    [
      'a checkpoint of nothing',
      { model: undefined, checkpoint: { store, every: 1 } },
      `${where}: model must be given with checkpoint, got undefined.`,
    ],
  ])('%s', async (_, options, message) => {
    const run = fit(told(() => 1, options));
    await expect(run).rejects.toThrow(message);
    await expect(run).rejects.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError);
  });
});
