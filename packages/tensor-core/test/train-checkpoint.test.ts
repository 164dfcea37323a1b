import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { useBackend } from '../src/backend';
import { FormatError } from '../src/check';
import { readSafetensors, writeSafetensors, type SafetensorsEntry } from '../src/io';
import { Linear, Module } from '../src/nn';
import { key } from '../src/random';
import {
  BatchSampler,
  evaluate,
  fit,
  indexedDbStore,
  loadCheckpoint,
  memoryStore,
  readCheckpoint,
  type CheckpointStore,
} from '../src/train';
import { crc32c } from '../src/io/crc32';
import { optimizerTensors, restoreOptimizer } from '../src/train/optimizer-state';
import { Average, examples, lossOf, Network, snapshot, type Batch } from './train/problem';

beforeAll(() => useBackend('cpu'));
afterEach(() => {
  vi.restoreAllMocks();
});

/** A short run into a store, with its model. */
async function run(store: CheckpointStore, options: object = {}, optimizer = tf.train.adam(0.01)) {
  const model = 'model' in options ? (options.model as Network) : new Network();
  const common = { data: examples(16), batchSize: 4, steps: 6, key: key(1), logEvery: 2 };
  const checkpoint = { store, every: 2 };
  const all = { model, loss: lossOf(model), optimizer, checkpoint, ...common, ...options };
  const result = await fit<Batch>(all);
  return { result, model };
}

/** The validation loss is a function of the number of the validation. */
function validating(values: number[]) {
  let next = 0;
  return { data: examples(2), batchSize: 2, every: 1, metrics: () => tf.scalar(values[next++]!) };
}

describe('fit with a checkpoint', () => {
  it('keeps the two newest and the best, or all', async () => {
    const store = memoryStore();
    await run(store, { validate: validating([3, 2, 1, 4, 5, 6]) });
    expect((await store.list()).sort()).toEqual(['best', 'step-000000000004', 'step-000000000006']);
    expect((await loadCheckpoint(store, 'best'))!.step).toBe(3);
    expect((await loadCheckpoint(store))!.step).toBe(6);
    const all = memoryStore();
    await run(all, { checkpoint: { store: all, every: 2, keep: 'all' } });
    expect(await all.list()).toEqual(['step-000000000002', 'step-000000000004', 'step-000000000006']);
    expect(await loadCheckpoint(all, 'best')).toBeNull();
  });

  it('writes the best before the newest, lest a kill in between lose it for good', async () => {
    const store = memoryStore();
    const saved: string[] = [];
    const save = (name: string, bytes: Uint8Array): Promise<void> => {
      saved.push(name);
      return store.save(name, bytes);
    };
    await run({ ...store, save }, { validate: validating([3, 2]), steps: 2 });
    expect(saved).toEqual(['best', 'best', 'step-000000000002']);
  });

  it('takes another metric for the best than for the early stop', async () => {
    const store = memoryStore();
    const accuracies = [0.1, 0.9, 0.5, 0.4, 0.3, 0.2];
    let next = 0;
    const validate = {
      ...validating([]),
      metrics: () => ({ loss: tf.scalar(10 - next), accuracy: tf.scalar(accuracies[next++]!) }),
    };
    const best = { metric: 'accuracy', mode: 'max' };
    const earlyStop = { metric: 'loss', patience: 2 };
    const { result } = await run(store, { validate, earlyStop, checkpoint: { store, every: 2, best } });
    expect(result).toMatchObject({ status: 'finished', best: { metric: 'accuracy', step: 2 } });
    expect((await loadCheckpoint(store, 'best'))!.step).toBe(2);
  });

  it('holds the weights under the names of the model, for loadStateDict', async () => {
    const store = memoryStore();
    const { model } = await run(store);
    const { model: saved, step, epoch, history } = (await loadCheckpoint(store))!;
    const other = new Network(99);
    other.loadStateDict(saved);
    expect(snapshot(other)).toEqual(snapshot(model));
    expect({ step, epoch }).toEqual({ step: 6, epoch: 1.5 });
    expect(history.map((record) => record.step)).toEqual([2, 4, 6]);
    const { metadata } = readSafetensors((await store.load('step-000000000006'))!);
    expect(metadata).toMatchObject({ format: 'tfsci-training-1', step: '6', epoch: '1.5' });
    [model, other].forEach((each) => each.dispose());
  });

  it('begins anew with resume: false, and forgets what was there', async () => {
    const store = memoryStore();
    await store.save('of-mine', Uint8Array.of(1));
    await run(store, { validate: validating([1, 2, 3, 4, 5, 6]), steps: 6 });
    const { result } = await run(store, { resume: false, steps: 3 });
    expect(result).toMatchObject({ steps: 3, best: null });
    expect(result.history.map(({ step }) => step)).toEqual([2, 3]);
    expect((await store.list()).sort()).toEqual(['of-mine', 'step-000000000002', 'step-000000000003']);
  });

  it('does nothing more when the run was finished, and goes on when it is made longer', async () => {
    const store = memoryStore();
    const first = await run(store);
    const onStep = vi.fn();
    const second = await run(store, { callbacks: { onStep } });
    expect(second.result).toEqual(first.result);
    expect(snapshot(second.model)).toEqual(snapshot(first.model));
    expect(onStep).not.toHaveBeenCalled();
    const longer = await run(store, { steps: 10 });
    const whole = await run(memoryStore(), { steps: 10 });
    expect(longer.result).toEqual(whole.result);
    expect(snapshot(longer.model)).toEqual(snapshot(whole.model));
    [first, second, longer, whole].forEach(({ model }) => model.dispose());
  });

  it('reports an open window at the end, and closes it in a longer run', async () => {
    const store = memoryStore();
    await run(store, { logEvery: 4 });
    const longer = (await run(store, { logEvery: 4, steps: 8 })).result.history;
    const whole = (await run(memoryStore(), { logEvery: 4, steps: 8 })).result.history;
    expect(longer.map(({ step }) => step)).toEqual([4, 6, 8]);
    expect([longer[0], longer[2]]).toEqual(whole);
  });

  it('restores an optimiser and a model that have been in use, leaving nothing behind', async () => {
    const store = memoryStore();
    const whole = await run(memoryStore(), { steps: 8 });
    const model = new Network();
    const optimizer = tf.train.adam(0.01);
    const options = { model, loss: lossOf(model), steps: 4 };
    await run(store, options, optimizer);
    const saved = (await loadCheckpoint(store))!;
    await run(store, { ...options, steps: 7 }, optimizer);
    await store.remove('step-000000000006');
    await store.remove('step-000000000007');
    expect(saved.step).toBe(4);
    await store.save('step-000000000004', await checkpointOf({ steps: 4 }));
    await expect(() => run(store, { ...options, steps: 8 }, optimizer).then(() => undefined)).toLeakNothing();
    expect(snapshot(model)).toEqual(snapshot(whole.model));
    [model, optimizer, whole.model].forEach((holder) => holder.dispose());
  });

  it('refuses one of another run, lists every difference and changes nothing', async () => {
    const store = memoryStore();
    const average = new Average(new Network(), 0.9);
    await run(store, { average });
    class Other extends Module {
      readonly hidden = this.child('hidden', new Linear(3, 9, { key: key(1) }));
      readonly extra = this.parameter('extra', tf.zeros([1]));
      forward(x: tf.Tensor): tf.Tensor {
        return this.hidden.forward(x).mean().add(this.extra);
      }
    }
    const other = new Other();
    const before = snapshot(other);
    const loss = ({ x }: Batch) => other.forward(x).sum();
    const run2 = run(
      store,
      { model: other, loss, data: examples(17), key: key(2), accumulate: 2 },
      tf.train.sgd(1) as never,
    );
    await expect(run2).rejects.toThrow(FormatError);
    const { message } = (await run2.catch((error: unknown) => error)) as Error;
    for (const part of [
      'tensor-core.fit: the checkpoint must be one of this run, but it was made with the optimizer Adam where it is SGD now',
      'it was made with the trained variables hidden.weight, hidden.bias, out.weight, out.bias where it is extra, hidden.weight, hidden.bias now',
      'it was made with the key 0000000000000001 where it is 0000000000000002 now',
      'it was made with the data 16 examples by 4, shuffled by',
      'it was made with the accumulate 1 where it is 2 now',
      'it lacks the model tensor extra',
      'it has the model tensor hidden.weight as F32 [8, 3] where F32 [9, 3] is wanted',
      'it has an unknown model tensor out.weight',
      'it has an unknown average tensor 8/average/0',
      '. Give what the run was begun with, set resume: false to start anew, or take another store.',
    ]) {
      expect(message).toContain(part);
    }
    expect(snapshot(other)).toEqual(before);
    const { model } = await run(memoryStore());
    await expect(run(store, { average, model })).resolves.toBeDefined();
    [other, model, average].forEach((holder) => holder.dispose());
  });

  it('saves further variables of the run, of each dtype', async () => {
    const store = memoryStore();
    const make = () => ({
      count: tf.variable(tf.scalar(0, 'int32'), false),
      flags: tf.variable(tf.tensor1d([true, false], 'bool'), false),
    });
    const counting = (state: ReturnType<typeof make>) => ({
      state,
      callbacks: {
        onStep: () => {
          state.count.assign(state.count.add(tf.scalar(1, 'int32')));
          state.flags.assign(state.flags.logicalNot());
        },
      },
    });
    await run(store, { ...counting(make()), steps: 5 });
    const state = make();
    await run(store, { ...counting(state), steps: 8 });
    expect([...state.count.dataSync(), ...state.flags.dataSync()]).toEqual([8, 1, 0]);
  });
});

/** The bytes of the newest checkpoint of a run. */
async function checkpointOf(options: object): Promise<Uint8Array> {
  const store = memoryStore();
  await run(store, options);
  return (await store.load((await store.list()).at(-1)!))!;
}

describe('fit with an average', () => {
  it('follows the weights after each step, and keeps it in the checkpoint in its order', async () => {
    const store = memoryStore();
    const model = new Network();
    const average = new Average(model, 0.5);
    const expected = average.values();
    const follow = (): void => {
      const weights = model.trainableVariables().map((variable) => [...variable.dataSync()]);
      expected.forEach((values, i) => values.forEach((a, j) => (values[j] = 0.5 * a + 0.5 * weights[i]![j]!)));
    };
    const onStep = (step: number): void => {
      if (step > 0) follow();
    };
    await run(store, { model, average, callbacks: { onStep } });
    follow();
    // Float32 in the average, float64 here.
    average.values().forEach((values, i) => expect(values).toBeAllclose(expected[i], { rtol: 1e-5, atol: 1e-6 }));
    const saved = (await loadCheckpoint(store))!.average;
    expect(saved.map(({ name }) => name).slice(7)).toEqual(['padding', ...[0, 1, 2, 3].map((i) => `average/${i}`)]);
    expect(saved.slice(8).map(({ entry }) => [...(entry.data as Float32Array)])).toEqual(average.values());
    [model, average].forEach((holder) => holder.dispose());
  });

  it('is validated in the place of the weights where that is wanted', async () => {
    const seen: number[][] = [];
    const weights: number[][] = [];
    const model = new Network();
    const average = new Average(model, 0.5);
    const bias = model.trainableVariables().at(-1)!;
    const metrics = () => {
      seen.push([...bias.dataSync()]);
      return tf.scalar(0);
    };
    const averages: number[][] = [];
    const onValidation = (): void => {
      weights.push([...bias.dataSync()]);
      averages.push(average.values().at(-1)!);
    };
    const validate = { data: examples(2), batchSize: 2, every: 3, metrics, withAverage: true };
    const plain = await run(memoryStore(), {});
    const { result } = await run(memoryStore(), {
      model,
      average,
      validate,
      compile: false,
      callbacks: { onValidation },
    });
    expect(seen).toEqual(averages);
    expect(seen).not.toEqual(weights);
    expect(result.history.filter(({ values }) => 'loss' in values)).toEqual(plain.result.history);
    expect(snapshot(model)).toEqual(snapshot(plain.model));
    const failing = { ...validate, metrics: () => tf.zeros([2]) };
    await expect(run(memoryStore(), { model, average, validate: failing })).rejects.toThrow(TypeError);
    expect(bias.dataSync()[0]).not.toBe(average.values().at(-1)![0]);
    await expect(run(memoryStore(), { validate })).rejects.toThrow(
      new TypeError('tensor-core.fit: average must be given with validate.withAverage, got undefined.'),
    );
    [model, average, plain.model].forEach((holder) => holder.dispose());
  });
});

describe('loadCheckpoint', () => {
  it('takes the one before where the newest is damaged, with a warning, and fit goes on from there', async () => {
    const store = memoryStore();
    const whole = await run(store);
    const newest = (await store.load('step-000000000006'))!;
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    for (const damage of [
      newest.slice(0, 100),
      newest.slice(0, -1),
      flipped(newest, newest.length - 5),
      new Uint8Array(),
    ]) {
      await store.save('step-000000000006', damage);
      expect((await loadCheckpoint(store))!.step).toBe(4);
      const again = await run(store);
      expect(snapshot(again.model)).toEqual(snapshot(whole.model));
      expect(again.result).toEqual(whole.result);
      expect(await store.load('step-000000000006')).toEqual(newest);
    }
    expect(warn.mock.calls[0]![0]).toMatch(
      /^tensor-core\.loadCheckpoint: took step-000000000004 instead, as step-000000000006 is damaged: /,
    );
    expect(warn).toHaveBeenCalledTimes(8);
  });

  it('throws where all are damaged, and gives null where there is none', async () => {
    const store = memoryStore();
    expect(await loadCheckpoint(store)).toBeNull();
    await store.save('step-000000000002', Uint8Array.of(1, 2, 3));
    await store.save('best', new Uint8Array());
    for (const which of ['last', 'best'] as const) {
      await expect(loadCheckpoint(store, which)).rejects.toThrow(
        /^tensor-core\.loadCheckpoint: a checkpoint must be whole, but (step-000000000002|best) is damaged: .* Remove them, or start anew with resume: false\.$/,
      );
    }
    await expect(run(store)).rejects.toThrow(FormatError);
    expect((await run(store, { resume: false })).result.status).toBe('finished');
  });

  it('passes on what is wrong with the store, and passes over what it lacks', async () => {
    const store = memoryStore();
    await run(store);
    const gone = { ...store, load: async (name: string) => (name.endsWith('6') ? null : store.load(name)) };
    expect((await loadCheckpoint(gone))!.step).toBe(4);
    const broken = { ...store, load: () => Promise.reject(new Error('the disk is gone')) };
    await expect(loadCheckpoint(broken)).rejects.toThrow('the disk is gone');
  });
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at]! ^= 1;
  return copy;
}

describe('readCheckpoint', () => {
  it('notices every flipped bit', async () => {
    const bytes = await checkpointOf({ steps: 1 });
    expect(readCheckpoint(bytes).step).toBe(1);
    for (let at = 0; at < bytes.length; at += 7) {
      expect(() => readCheckpoint(flipped(bytes, at)), `byte ${at}`).toThrow(FormatError);
    }
  });

  it('refuses other files', async () => {
    const { tensors, metadata } = readSafetensors(await checkpointOf({ steps: 1 }));
    const where = 'tensor-core.readCheckpoint: bytes must be a checkpoint of fit (tfsci-training-1), got';
    const x: SafetensorsEntry = { dtype: 'F32', shape: [1], data: Float32Array.of(1) };
    expect(() => readCheckpoint(writeSafetensors({ x }))).toThrow(new FormatError(`${where} format null.`));
    expect(() => readCheckpoint(writeSafetensors({ x }, { format: 'pt' }))).toThrow(`${where} format "pt".`);
    const withSum = (file: Record<string, SafetensorsEntry>, more = {}) =>
      readCheckpoint(writeSafetensors(file, { ...metadata, ...more, checksum: checksumOf(file) }));
    expect(withSum(tensors).step).toBe(1);
    expect(() => withSum({ ...tensors, other: x })).toThrow(`${where} a tensor named "other".`);
    expect(() => withSum(tensors, { step: '2' })).toThrow(
      `${where} step 2, epoch 0.25 of the header and 1, 0.25 of the state.`,
    );
    const told = (state: unknown, text = JSON.stringify(state)) => {
      const data = new TextEncoder().encode(text);
      return () => withSum({ ...tensors, run: { dtype: 'U8', shape: [data.length], data } });
    };
    expect(told(null, '{"step":')).toThrow(`${where} a state that is not JSON.`);
    const state = JSON.parse(new TextDecoder().decode(tensors['run']!.data)) as object;
    expect(told(state)().step).toBe(1);
    for (const wrong of [
      ...[null, 7, [], {}, { ...state, step: -1 }, { ...state, history: {} }, { ...state, history: [{ step: 1 }] }],
      ...[
        { ...state, settings: null },
        { ...state, window: [] },
        { ...state, best: {} },
        { ...state, epoch: 'one' },
      ],
    ]) {
      expect(told(wrong), JSON.stringify(wrong)).toThrow(`${where} an incomplete state.`);
    }
  });
});

/** What the format says, by hand: names, kinds and data in the order of the names. */
function checksumOf(file: Record<string, SafetensorsEntry>): string {
  const parts = Object.keys(file)
    .sort()
    .flatMap((name) => {
      const { dtype, shape, data } = file[name]!;
      const head = new TextEncoder().encode(`${name} ${dtype} [${shape.join()}]`);
      return [...head, ...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
    });
  return crc32c(Uint8Array.from(parts)).toString(16).padStart(8, '0');
}

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of Williams.
  it.each([
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['rising', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['falling', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['nothing', new Uint8Array(), 0],
  ])('of %s is as published, in one go or in parts', (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(expected);
    }
  });
});

describe('optimizerTensors', () => {
  const makers: Record<string, () => tf.Optimizer> = {
    sgd: () => tf.train.sgd(0.1),
    momentum: () => tf.train.momentum(0.1, 0.9),
    adagrad: () => tf.train.adagrad(0.1),
    adadelta: () => tf.train.adadelta(0.1),
    rmsprop: () => tf.train.rmsprop(0.1, 0.9, 0.5, 1e-7, true),
    adam: () => tf.train.adam(0.1),
  };

  it.each(Object.entries(makers))('lets %s go on bit for bit, under the names of the model', async (name, make) => {
    const steps = (optimizer: tf.Optimizer, w: tf.Variable, count: number): void => {
      for (let i = 0; i < count; i++) optimizer.minimize(() => w.square().sum(), false, [w]);
    };
    const values = { dtype: 'F32', shape: [2], data: Float32Array.of(1, -3) } as const;
    const [w, v] = [tf.variable(tf.tensor1d(values.data)), tf.variable(tf.tensor1d(values.data))];
    const [first, second] = [make(), make()];
    steps(first, w, 57);
    const state = await optimizerTensors(first, [['layer.weight', w]]);
    const { weights, others, className } = state;
    expect(className).toBe(first.getClassName());
    const entry = (tensor: tf.Tensor): SafetensorsEntry => {
      const data = tensor.dataSync();
      return { dtype: tensor.dtype === 'int32' ? 'I32' : 'F32', shape: tensor.shape, data: data.slice() };
    };
    const saved = weights.map(({ name: own, tensor }) => ({ name: own, entry: entry(tensor) }));
    const rest = Object.fromEntries(Object.entries(others).map(([path, tensor]) => [path, entry(tensor)]));
    state.dispose();
    expect(saved.slice(1).every(({ name: own }) => own.startsWith('layer.weight/'))).toBe(true);
    if (name === 'adam') expect(Object.keys(rest).sort()).toEqual(['accBeta1', 'accBeta2']);
    steps(second, v, 2);
    v.assign(w);
    const tensors = tf.memory().numTensors;
    await restoreOptimizer(second, [['layer.weight', v]], saved, rest);
    expect(tf.memory().numTensors).toBe(tensors);
    expect((await second.getWeights()).slice(1).every(({ name: own }) => own.startsWith(`${v.name}/`))).toBe(true);
    // All of it: setWeights alone gives Adam other powers of beta, which a few steps need not show.
    const restored = (await optimizerTensors(second, [['layer.weight', v]])).others;
    for (const [path, { data }] of Object.entries(rest)) {
      expect([...restored[path]!.dataSync()], path).toEqual([...(data as Float32Array)]);
    }
    steps(first, w, 5);
    steps(second, v, 5);
    expect([...v.dataSync()]).toEqual([...w.dataSync()]);
    expect(second.iterations).toBe(62);
    tf.dispose([w, v]);
  });
});

describe('evaluate', () => {
  it('is the mean over all examples, whatever the batches', async () => {
    const data = examples(150);
    const { y } = await data.batch(Int32Array.from({ length: 150 }, (_, i) => i));
    const expected = y.square().mean().dataSync()[0]!;
    for (const batchSize of [1, 7, 150]) {
      const metrics = (batch: Batch) => ({ power: batch.y.square().mean(), one: tf.scalar(1) });
      const { power, one } = await evaluate({ data, batchSize, metrics });
      // Means of float32 means.
      expect(power).toBeCloseTo(expected, 6);
      expect(one).toBe(1);
    }
    const source = new BatchSampler(data, { batchSize: 7 });
    expect(Object.keys(await evaluate({ data: source, metrics: (batch) => batch.y.mean() }))).toEqual(['loss']);
    y.dispose();
  });

  it('gives each part of the model its mode back, after an error too, and leaves nothing behind', async () => {
    const model = new Network();
    const [, hidden] = model.modules();
    hidden!.eval();
    const data = examples(10);
    const metrics = () => {
      expect(model.modules().map(({ training }) => training)).toEqual([false, false, false]);
      return tf.scalar(1);
    };
    await expect(() => evaluate({ data, batchSize: 3, model, metrics }).then(() => undefined)).toLeakNothing();
    const failing = () => Promise.reject(new Error('no batch'));
    const broken = { size: 9, batch: (ids: Int32Array) => (ids[0]! > 2 ? failing() : data.batch(ids)) };
    const run = () => evaluate({ data: broken, batchSize: 3, model, metrics }).catch((error: Error) => error.message);
    await expect(run).toLeakNothing();
    expect(await run()).toBe('no batch');
    expect(model.modules().map(({ training }) => training)).toEqual([true, false, true]);
    model.dispose();
  });

  it('refuses metrics that are no scalars', async () => {
    const run = evaluate({ data: examples(3), batchSize: 3, metrics: ({ y }) => ({ y }) });
    await expect(run).rejects.toThrow(
      new TypeError(
        'tensor-core.evaluate: y of metrics must be a scalar tensor, got a float32 tensor of shape [3, 1].',
      ),
    );
  });
});

describe('indexedDbStore', () => {
  it('refuses where there is no IndexedDB, and what is no name', () => {
    expect(() => indexedDbStore('run')).toThrow(
      'tensor-core.indexedDbStore: IndexedDB must be there, got none. In Node use directoryStore.',
    );
    expect(() => indexedDbStore('')).toThrow(
      new TypeError('tensor-core.indexedDbStore: database must be a name, got "".'),
    );
  });
});
