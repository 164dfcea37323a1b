import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, optim, random, train, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Feedback } from '../src/feedback/feedback';
import { denseNetwork } from '../src/network/dense-network';
import { DfaNetwork } from '../src/network/dfa-network';
import { tailPart } from '../src/network/tail';
import { RdpAccountant } from '../src/privacy/rdp-accountant';
import type { NeighbourRelation } from '../src/privacy/privacy-event';
import { memoryBudgetStore } from '../src/training/budget-store';
import { labelEvent, labelSensitivities } from '../src/training/label-gradients';
import { BudgetExhaustedError, PrivacyBudget } from '../src/training/privacy-budget';
import type { Noise } from '../src/training/noise-source';
import { privateGradients } from '../src/training/private-gradients';
import { PrivateTrainer } from '../src/training/private-trainer';
import type {
  ExampleTrainerOptions,
  LabelTrainerOptions,
  PrivateTrainerOptions,
} from '../src/training/trainer-options';
import { AddingAccountant, examples, smallNetwork, valuesOfAll } from './training-support';

/** Rounding of float32 weights about 1 after a few steps. */
const FLOAT32 = { rtol: 0, atol: 5e-6 };
const N = 12;

const data = () => examples(N, [3], 4);
const sgd = (): optim.Sgd => new optim.Sgd({ learningRate: 0.3, momentum: 0.9 });
const budgetOf = (epsilon: number, relation: NeighbourRelation = 'add-remove'): PrivacyBudget =>
  new PrivacyBudget({ epsilon, delta: 1e-3, accountant: new AddingAccountant(relation) });

/** Each step costs 0.5 / 2. */
function exampleOptions(given: Partial<ExampleTrainerOptions> = {}): ExampleTrainerOptions {
  const fixed = { clip: 0.5, noiseMultiplier: 2, samplingRate: 0.5, noise: { key: 3 } };
  return { network: smallNetwork(), optimizer: sgd(), budget: budgetOf(100), ...fixed, ...given };
}

/** An epoch has three steps. */
function labelOptions(given: Partial<LabelTrainerOptions> = {}): LabelTrainerOptions {
  const fixed = {
    mode: 'label' as const,
    sigma: 4,
    sigmaOutput: 2,
    projectionClip: 0.5,
    batchSize: 5,
    noise: { key: 3 },
  };
  return { network: smallNetwork(), optimizer: sgd(), budget: budgetOf(100, 'label'), ...fixed, ...given };
}

const weights = ({ network }: { network: DfaNetwork }): number[] => valuesOfAll(network.parameters);

describe.each(backendsUnderTest())('PrivateTrainer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is clipped training on all data where q = 1 and z = 0', async () => {
    const fixed = { clip: 0.5, noiseMultiplier: 0, samplingRate: 1 };
    const options = exampleOptions({ ...fixed, budget: budgetOf(Infinity), optimizer: tf.train.momentum(0.3, 0.9) });
    await new PrivateTrainer(options).fit({ ...data(), steps: 4 });
    const { x, y } = data();
    const network = smallNetwork();
    const optimizer = tf.train.momentum(0.3, 0.9);
    for (let i = 0; i < 4; i++) {
      const numbers = { ...fixed, expectedExamples: N, noise: random.key(0) };
      const { gradients } = privateGradients(network, { x, y }, numbers);
      optimizer.applyGradients(Object.entries(gradients).map(([name, tensor]) => ({ name, tensor })));
    }
    expect(weights(options)).toBeAllclose(weights({ network }), FLOAT32);
    expect(options.optimizer.iterations).toBe(4);
  });

  it('goes on after an interruption bit for bit, and charges no step twice', async () => {
    const whole = exampleOptions();
    const result = await new PrivateTrainer(whole).fit({ ...data(), steps: 6, key: 5 });
    expect(result).toMatchObject({ status: 'finished', steps: 6, privacy: { epsilon: 1.5 } });

    const store = train.memoryStore();
    const budget = budgetOf(100);
    const checkpoint = { store, every: 2 };
    const stop = new AbortController();
    const callbacks = { onStep: (step: number) => (step === 2 ? stop.abort() : undefined) };
    const first = exampleOptions({ budget });
    const cut = await new PrivateTrainer(first).fit({
      ...{ ...data(), steps: 6, key: 5, checkpoint, callbacks },
      signal: stop.signal,
    });
    expect(cut).toMatchObject({ status: 'aborted', steps: 3, privacy: { epsilon: 0.75 } });
    // Weights and feedback are those of the checkpoint, whatever the network was made of.
    const network = denseNetwork({ inputs: 3, hidden: [6, 5], outputs: 4, key: 9 });
    const second = exampleOptions({ budget, network });
    const rest = await new PrivateTrainer(second).fit({ ...data(), steps: 6, key: 5, checkpoint });
    expect(rest).toMatchObject({ status: 'finished', steps: 6, privacy: { epsilon: 1.5 } });
    expect(weights(second)).toEqual(weights(whole));
  });

  it.each([
    ['data', (x: tf.Tensor) => tf.tidy(() => tf.concat([tf.fill([1, 3], NaN), x.slice([1, 0])]))],
    ['gradients', (x: tf.Tensor) => x.mul(1e30)],
  ])('leaves the weights as they were where %s are not finite', async (_, spoil) => {
    const options = exampleOptions({ samplingRate: 1 });
    const trainer = new PrivateTrainer(options);
    const { x, y } = data();
    await trainer.step({ x, y });
    const before = weights(options);
    // A data set of one's own is not looked through.
    const broken = train.arrays({ x: spoil(x), y });
    const message = (where: string, step: number): string =>
      `opu-dfa.PrivateTrainer.${where}: gradients and new weights must be finite, got others at step ${step}, ` +
      'which was charged but not taken. Look at the data, or lower the learning rate.';
    await expect(trainer.fit({ data: broken, steps: 3, key: 1 })).rejects.toThrow(message('fit', 0));
    await expect(trainer.step({ data: broken })).rejects.toThrow(message('step', 1));
    expect(weights(options)).toEqual(before);
    expect(options.budget.spent.epsilon).toBe(1.5);
    const state = await options.optimizer.getWeights();
    expect(state.every(({ tensor }) => tensor.dataSync().every(Number.isFinite))).toBe(true);
    await trainer.step({ x, y });
    expect(weights(options)).not.toEqual(before);
  });

  it('leaves the weights as they were where new ones would not be finite', async () => {
    const options = exampleOptions({ optimizer: tf.train.sgd(3e38), samplingRate: 1 });
    const before = weights(options);
    await expect(new PrivateTrainer(options).fit({ ...data(), steps: 3 })).rejects.toThrow('at step 0');
    expect(weights(options)).toEqual(before);
  });

  it('trains through a feedback that answers later as through one that answers at once', async () => {
    const one = exampleOptions({ mode: 'hybrid', sigma: 0.4, update: 'ternary' });
    const network = smallNetwork();
    const later = new DfaNetwork({ ...network, feedback: answeringLater(network.feedback!) });
    const other = exampleOptions({ mode: 'hybrid', sigma: 0.4, update: 'ternary', network: later });
    for (const options of [one, other]) await new PrivateTrainer(options).fit({ ...data(), steps: 3, key: 1 });
    expect(weights(other)).toBeAllclose(weights(one), FLOAT32);
    expect(weights(one)).not.toBeAllclose(weights({ network: smallNetwork() }), FLOAT32);
  });

  it('leaves nothing behind but the state of the optimiser', async () => {
    const { x, y } = data();
    for (const noise of ['secure', { key: 1 }] as const) {
      for (const options of [exampleOptions({ mode: 'hybrid', sigma: 1, noise }), labelOptions({ noise })]) {
        const trainer = new PrivateTrainer(options);
        await trainer.fit({ x, y, steps: 3 });
        await expect(() => trainer.fit({ x, y, steps: 3 })).toLeakNothing();
        await expect(() => trainer.step({ x, y })).toLeakNothing();
      }
    }
  });
});

describe('a budget', () => {
  beforeAll(() => useBackend('cpu'));

  it('stops training cleanly when it is spent, with weights, history and a last checkpoint', async () => {
    const store = train.memoryStore();
    const options = exampleOptions({ budget: budgetOf(1.1) });
    const loop = { ...data(), key: 5, checkpoint: { store, every: 100 }, logEvery: 2 };
    const result = await new PrivateTrainer(options).fit({ ...loop, steps: 50 });
    expect(result).toMatchObject({ status: 'exhausted', steps: 4, privacy: { epsilon: 1, delta: 1e-3 } });
    expect(result.history.map(({ step }) => step)).toEqual([2, 4]);
    const same = exampleOptions();
    await new PrivateTrainer(same).fit({ ...data(), key: 5, steps: 4 });
    expect(weights(options)).toEqual(weights(same));
    expect((await train.loadCheckpoint(store))!.step).toBe(4);
    // Nothing more comes of another try, nor of single steps.
    const again = await new PrivateTrainer(exampleOptions({ budget: options.budget })).fit({ ...loop, steps: 50 });
    expect(again).toMatchObject({ status: 'exhausted', steps: 4, privacy: { epsilon: 1 } });
    const before = weights(options);
    const step = new PrivateTrainer(options).step(data());
    await expect(step).rejects.toBeInstanceOf(BudgetExhaustedError);
    expect(weights(options)).toEqual(before);
  });

  it('says finished where the last step is the last that it allows', async () => {
    const options = exampleOptions({ budget: budgetOf(1) });
    const result = await new PrivateTrainer(options).fit({ ...data(), steps: 4 });
    expect(result).toMatchObject({ status: 'finished', steps: 4, privacy: { epsilon: 1 } });
  });

  it('outlives the program, and what a crash took away is charged again', async () => {
    const kept = memoryBudgetStore();
    const open = () => PrivacyBudget.open(kept, { epsilon: 2, delta: 1e-3, accountant: new AddingAccountant() });
    const store = train.memoryStore();
    const loop = { ...data(), key: 5, checkpoint: { store, every: 2 }, steps: 5 };
    const crash = { onStep: (step: number) => (step === 3 ? Promise.reject(new Error('crash')) : undefined) };
    const first = new PrivateTrainer(exampleOptions({ budget: await open() }));
    await expect(first.fit({ ...loop, callbacks: crash })).rejects.toThrow('crash');
    // Three were charged, two are in the checkpoint.
    const second = exampleOptions({ budget: await open() });
    expect(second.budget.spent.epsilon).toBe(0.75);
    const result = await new PrivateTrainer(second).fit(loop);
    expect(result).toMatchObject({ status: 'finished', steps: 5, privacy: { epsilon: 1.5 } });
    const whole = exampleOptions();
    await new PrivateTrainer(whole).fit({ ...data(), key: 5, steps: 5 });
    expect(weights(second)).toEqual(weights(whole));
    const third = await new PrivateTrainer(exampleOptions({ budget: await open() })).fit({ ...data(), steps: 9 });
    expect(third).toMatchObject({ status: 'exhausted', steps: 2 });
  });

  it('is charged before a step, which is not taken when that fails', async () => {
    const options = exampleOptions();
    const before = weights(options);
    const spend = vi.spyOn(options.budget, 'spend').mockRejectedValueOnce(new Error('disk is full'));
    await expect(new PrivateTrainer(options).fit({ ...data(), steps: 2 })).rejects.toThrow('disk is full');
    expect(weights(options)).toEqual(before);
    spend.mockRestore();
  });

  it('is spent as an accountant says, in few evaluations', async () => {
    const accountant = new RdpAccountant();
    const budget = new PrivacyBudget({ epsilon: 3, delta: 1e-3, accountant });
    const options = exampleOptions({ budget, noiseMultiplier: 1.5 });
    const allowed = budget.stepsLeft({ noiseMultiplier: 1.5, samplingRate: 0.5 });
    const result = await new PrivateTrainer(options).fit({ ...data(), steps: 1000 });
    expect(result).toMatchObject({ status: 'exhausted', steps: allowed });
    for (const [steps, isWithin] of [
      [allowed, true],
      [allowed + 1, false],
    ] as const) {
      const own = new RdpAccountant();
      own.step({ noiseMultiplier: 1.5, samplingRate: 0.5, steps });
      expect(own.epsilon(1e-3).epsilon <= 3).toBe(isWithin);
    }
  });

  it('is charged once an epoch for labels, and again where an epoch is taken up in its middle', async () => {
    const options = labelOptions();
    const sensitivities = await labelSensitivities(options.network.feedback!, [6, 5], {
      mode: 'dfa',
      projectionClip: 0.5,
    });
    const event = labelEvent({ sensitivities, sigma: 4, sigmaOutput: 2 });
    const charges = vi.spyOn(options.budget, 'spend');
    const store = train.memoryStore();
    const loop = { ...data(), key: 5, checkpoint: { store, every: 100 } };
    const { privacy } = await new PrivateTrainer(options).fit({ ...loop, steps: 4 });
    expect(charges.mock.calls).toEqual([[event], [event]]);
    expect(privacy).toMatchObject({ relation: 'label', epsilon: 2 / event.noiseMultiplier });
    // Step 4 is in the middle of the second epoch.
    const rest = labelOptions({ budget: options.budget });
    await new PrivateTrainer(rest).fit({ ...loop, steps: 7 });
    expect(charges).toHaveBeenCalledTimes(4);
    const whole = labelOptions();
    await new PrivateTrainer(whole).fit({ ...data(), key: 5, steps: 7 });
    expect(weights(rest)).toEqual(weights(whole));
    const stepwise = new PrivateTrainer(labelOptions({ budget: options.budget }));
    for (let i = 0; i < 4; i++) await stepwise.step(data());
    expect(charges).toHaveBeenCalledTimes(6);
  });

  it('is charged for an epoch that could not be charged at first', async () => {
    const options = labelOptions();
    const trainer = new PrivateTrainer(options);
    const charges = vi.spyOn(options.budget, 'spend').mockRejectedValueOnce(new Error('disk is full'));
    const before = weights(options);
    await expect(trainer.step(data())).rejects.toThrow('disk is full');
    expect(weights(options)).toEqual(before);
    await trainer.step(data());
    await trainer.step(data());
    expect(charges).toHaveBeenCalledTimes(2);
  });

  it('ends label training at the end of an epoch', async () => {
    const { noiseMultiplier } = await eventOf(labelOptions());
    const options = labelOptions({ budget: budgetOf(2.5 / noiseMultiplier, 'label') });
    const result = await new PrivateTrainer(options).fit({ ...data(), epochs: 10 });
    expect(result).toMatchObject({ status: 'exhausted', steps: 6, epochs: 2 });
  });
});

describe('PrivateTrainer', () => {
  beforeAll(() => useBackend('cpu'));

  it('takes single steps as fit does', async () => {
    const [one, other] = [exampleOptions(), exampleOptions()];
    await new PrivateTrainer(one).fit({ ...data(), steps: 3, key: 5 });
    const trainer = new PrivateTrainer(other);
    for (let i = 1; i <= 3; i++) expect((await trainer.step({ ...data(), key: 5 })).epsilon).toBe(i / 4);
    expect(weights(other)).toEqual(weights(one));
  });

  it('has fresh batches and fresh noise by default', async () => {
    const [one, other] = [exampleOptions({ noise: 'secure' }), exampleOptions({ noise: 'secure' })];
    for (const options of [one, other]) await new PrivateTrainer(options).fit({ ...data(), steps: 1, key: 5 });
    expect(weights(other)).not.toEqual(weights(one));
    const [third, fourth] = [exampleOptions(), exampleOptions()];
    for (const options of [third, fourth]) await new PrivateTrainer(options).fit({ ...data(), steps: 1 });
    expect(weights(fourth)).not.toEqual(weights(third));
  });

  it('adds noise of z C / (q N) to what it releases, secure or by key', async () => {
    for (const noise of ['secure', { key: 4 }] as const) {
      const network = denseNetwork({ inputs: 400, hidden: [], outputs: 10, key: 0 });
      const fixed = { optimizer: tf.train.sgd(1), network, noise, clip: 0.5, noiseMultiplier: 3, samplingRate: 0.25 };
      const before = weights({ network });
      const x = tf.zeros([N, 400]);
      // Nothing that a label does to weights when inputs are 0: only the biases, at the end, have gradients.
      await new PrivateTrainer(exampleOptions(fixed)).step({ x, y: tf.zeros([N], 'int32') });
      const after = weights({ network }).slice(0, 4000);
      const mean = after.reduce((sum, value, j) => sum + (value - before[j]!) ** 2, 0) / 4000;
      // 4000 squares: their mean is off by sqrt(2 / 4000), and by seven of them with a probability of about 1e-11.
      expect(Math.abs(mean / ((3 * 0.5) / (0.25 * N)) ** 2 - 1)).toBeLessThan(7 * Math.sqrt(2 / 4000));
    }
  });

  it('has other noise at each step and for each key', async () => {
    const network = denseNetwork({ inputs: 400, hidden: [], outputs: 10, key: 0 });
    const trainer = new PrivateTrainer(exampleOptions({ network, optimizer: tf.train.sgd(1) }));
    const moves: number[][] = [];
    for (const key of [5, 5, 6]) {
      const before = weights({ network });
      // Inputs of 0: the weights move by noise alone.
      await trainer.step({ x: tf.zeros([N, 400]), y: tf.zeros([N], 'int32'), key });
      const move = weights({ network }).map((value, j) => value - before[j]!);
      const norm = Math.hypot(...move.slice(0, 4000));
      moves.push(move.slice(0, 4000).map((value) => value / norm));
    }
    // The cosine of independent normal vectors has the deviation 1 / sqrt(4000).
    for (const [a, b] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const) {
      const cosine = moves[a]!.reduce((sum, value, j) => sum + value * moves[b]![j]!, 0);
      expect(Math.abs(cosine)).toBeLessThan(5 / Math.sqrt(4000));
    }
  });

  it('has noise of projections from where its other noise is from', async () => {
    const run = async (noise: Noise): Promise<number[]> => {
      const fixed = { mode: 'hybrid' as const, sigma: 1, noiseMultiplier: 0, budget: budgetOf(Infinity) };
      const options = exampleOptions({ ...fixed, noise });
      await new PrivateTrainer(options).fit({ ...data(), steps: 1, key: 5 });
      return weights(options);
    };
    expect(await run({ key: 1 })).toEqual(await run({ key: 1 }));
    expect(await run({ key: 1 })).not.toEqual(await run({ key: 2 }));
    expect(await run('secure')).not.toEqual(await run('secure'));
  });

  it('clips the projections that it charges as clipped', async () => {
    const projectionClip = 0.01;
    const biasAfter = async (label: number): Promise<number[]> => {
      const fixed = { projectionClip, batchSize: 1, optimizer: tf.train.sgd(1) };
      const options = labelOptions(fixed);
      const one = { x: tf.tensor2d([[0.5, -0.3, 1]]), y: tf.tensor1d([label], 'int32'), key: 5 };
      await new PrivateTrainer(options).step(one);
      return [...options.network.parameters['layers.0.bias']!.dataSync()];
    };
    // The noise is the same, slopes are below 1: what is left is that of two projections.
    const [first, second] = [await biasAfter(0), await biasAfter(1)];
    const distance = Math.hypot(...first.map((value, j) => value - second[j]!));
    expect(distance).toBeGreaterThan(0.1 * projectionClip);
    expect(distance).toBeLessThan(2 * projectionClip + FLOAT32.atol);
  });

  it('logs the loss only when it is asked to', async () => {
    const silent = await new PrivateTrainer(exampleOptions()).fit({ ...data(), steps: 2, logEvery: 1 });
    expect(silent.history.map(({ values }) => values)).toEqual([{}, {}]);
    const options = exampleOptions({ reportLoss: true });
    const loud = await new PrivateTrainer(options).fit({ ...data(), steps: 2, logEvery: 1 });
    expect(loud.history.map(({ values }) => Object.keys(values))).toEqual([['loss'], ['loss']]);
  });

  it('trains on data sets of one’s own, and on host arrays', async () => {
    const { x, y } = data();
    const host = {
      x: { data: x.dataSync() as Float32Array, shape: x.shape },
      y: { data: y.dataSync() as Int32Array, shape: y.shape },
    };
    const results: number[][] = [];
    for (const given of [{ x, y }, host, { data: train.arrays(host) }]) {
      const options = exampleOptions();
      await new PrivateTrainer(options).fit({ ...given, epochs: 1, key: 1 });
      results.push(weights(options));
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  const refused = async (options: PrivateTrainerOptions, given: object): Promise<unknown> =>
    new PrivateTrainer(options).fit({ ...data(), steps: 2, ...given }).catch((error: unknown) => error);

  it.each<[string, () => object, new (message: string) => Error, string]>([
    ['no data', () => ({ x: undefined, y: undefined }), TypeError, 'options must have x and y, or data, got "".'],
    ['half of them', () => ({ y: undefined }), TypeError, 'options must have x and y, or data, got "x".'],
    [
      'inputs that are not finite',
      () => ({ x: tf.tensor2d([0, 1, 2, 3, 4, Infinity, ...new Array<number>(30).fill(0)], [N, 3]) }),
      RangeError,
      'x must be finite, got Infinity at entry 5.',
    ],
    [
      'labels that are no classes',
      () => ({ y: { data: Int32Array.of(0, 1, 4, ...new Array<number>(9).fill(0)), shape: [N] } }),
      RangeError,
      'y must be 0 .. 3, got 4 at entry 2.',
    ],
    [
      'targets that are not finite',
      () => ({ y: tf.fill([N, 4], NaN) }),
      RangeError,
      'y must be finite, got NaN at entry 0.',
    ],
    [
      'a checkpoint without a key',
      () => ({ checkpoint: { store: train.memoryStore(), every: 1 } }),
      TypeError,
      'key must be given with checkpoint, got undefined. Without it no run could go on from the checkpoint.',
    ],
    [
      'a key that is none',
      () => ({ key: 'x' }),
      TypeError,
      'key must be a Key or a number, got "x". For a start take key: 0.',
    ],
  ])('refuses %s', async (_, given, error, message) => {
    const options = exampleOptions();
    const found = await refused(options, given());
    expect(found).toBeInstanceOf(error);
    expect((found as Error).message).toBe(`opu-dfa.PrivateTrainer.fit: ${message}`);
    expect(options.budget.spent.epsilon).toBe(0);
  });

  it('refuses data of another size than at first', async () => {
    const trainer = new PrivateTrainer(exampleOptions());
    await trainer.fit({ ...data(), steps: 1 });
    await expect(trainer.fit({ ...examples(N + 1, [3], 4), steps: 1 })).rejects.toThrow(
      'opu-dfa.PrivateTrainer.fit: the data must have the 12 examples of the first step, got 13. ' +
        'Other data need a trainer and a budget of their own.',
    );
    await expect(trainer.step(examples(N - 1, [3], 4))).rejects.toThrow('opu-dfa.PrivateTrainer.step: the data must');
  });

  it('refuses the same choice of batches, and the same noise, twice', async () => {
    const trainer = new PrivateTrainer(exampleOptions());
    await trainer.fit({ ...data(), steps: 2, key: 5 });
    await expect(trainer.fit({ ...data(), steps: 3, key: 5 })).rejects.toThrow(
      'opu-dfa.PrivateTrainer.fit: key must not have been used for step 0 before, got "0 5". ' +
        'Take another key, or none; to go on from a checkpoint, make a new trainer.',
    );
    await trainer.step({ ...data(), key: 5 });
    await trainer.fit({ ...data(), steps: 2, key: 6 });
  });

  it('takes no step twice where calls overlap', async () => {
    const options = exampleOptions();
    const trainer = new PrivateTrainer(options);
    const calls = await Promise.allSettled([1, 2].map(() => trainer.step({ ...data(), key: 5 })));
    expect(calls.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(options.budget.spent.epsilon).toBe(0.25);
  });

  it.each<[string, () => PrivateTrainerOptions]>([
    ['sampling rate', () => exampleOptions({ samplingRate: 0.4 })],
    ['clip', () => exampleOptions({ clip: 0.6 })],
    ['noise multiplier', () => exampleOptions({ noiseMultiplier: 1 })],
    ['update', () => exampleOptions({ update: 'bp' })],
  ])('refuses to go on from a checkpoint with another %s', async (_, make) => {
    const loop = { ...data(), key: 5, checkpoint: { store: train.memoryStore(), every: 1 }, steps: 4 };
    await new PrivateTrainer(exampleOptions()).fit({ ...loop, steps: 2 });
    await expect(new PrivateTrainer(make()).fit(loop)).rejects.toThrow(check.FormatError);
    await expect(new PrivateTrainer(make()).fit(loop)).rejects.toThrow('was made with the data 12 examples');
  });

  it('refuses to go on with label batches of another size', async () => {
    const loop = { ...data(), key: 5, checkpoint: { store: train.memoryStore(), every: 1 }, steps: 4 };
    await new PrivateTrainer(labelOptions()).fit({ ...loop, steps: 2 });
    await expect(new PrivateTrainer(labelOptions({ batchSize: 4 })).fit(loop)).rejects.toThrow(check.FormatError);
  });

  it('refuses networks that mix the examples of a batch', async () => {
    const network = smallNetwork();
    const centred = tailPart('test', (h) => h.sub(h.mean(0)));
    const blocks = network.blocks.map((block, l) => (l === 0 ? { ...block, tail: [centred] } : block));
    const { loss, feedback } = network;
    const options = exampleOptions({ network: new DfaNetwork({ blocks, loss, feedback }) });
    await expect(new PrivateTrainer(options).fit({ ...data(), steps: 1 })).rejects.toThrow(
      'opu-dfa.PrivateTrainer.fit: network must treat examples one by one, got "batches". ' +
        'Normalise by group or layer instead of by batch.',
    );
  });

  it('refuses targets that are no labels for label privacy', async () => {
    const y = tf.oneHot(data().y as tf.Tensor1D, 4).toFloat();
    await expect(new PrivateTrainer(labelOptions()).fit({ ...data(), y, steps: 1 })).rejects.toThrow(
      'opu-dfa.PrivateTrainer: y must be labels int32 [M], got a float32 tensor of shape [5, 4]. ' +
        'Only of one label for each example is it known how far the error moves.',
    );
  });

  const exampleOnly = (given: object) => () => exampleOptions(given);
  const labelOnly = (given: object) => () => labelOptions(given);
  it.each<[string, () => PrivateTrainerOptions, ErrorConstructor, string]>([
    [
      'another mode',
      exampleOnly({ mode: 'both' }),
      RangeError,
      'mode must be one of "example", "label", "hybrid", got "both".',
    ],
    [
      'no budget',
      exampleOnly({ budget: undefined }),
      TypeError,
      'budget must be a PrivacyBudget, got undefined. To count without an end take one with epsilon: Infinity.',
    ],
    [
      'no clip',
      exampleOnly({ clip: undefined }),
      TypeError,
      'clip must be a finite number > 0, got undefined. Without it the sensitivity has no bound.',
    ],
    [
      'a clip of 0',
      exampleOnly({ clip: 0 }),
      RangeError,
      'clip must be a finite number > 0, got 0. Without it the sensitivity has no bound.',
    ],
    [
      'no noise multiplier',
      exampleOnly({ noiseMultiplier: undefined }),
      TypeError,
      'noiseMultiplier must be a finite number >= 0, got undefined.',
    ],
    [
      'no noise with a finite budget',
      exampleOnly({ noiseMultiplier: 0 }),
      RangeError,
      'noiseMultiplier must be > 0 with a finite budget, got 0. Without noise there is no epsilon.',
    ],
    [
      'a sampling rate of 0',
      exampleOnly({ samplingRate: 0 }),
      RangeError,
      'samplingRate must be a finite number > 0 and <= 1, got 0.',
    ],
    [
      'a sampling rate above 1',
      exampleOnly({ samplingRate: 1.5 }),
      RangeError,
      'samplingRate must be a finite number > 0 and <= 1, got 1.5.',
    ],
    [
      'no sampling rate',
      exampleOnly({ samplingRate: undefined }),
      TypeError,
      'samplingRate must be a finite number > 0 and <= 1, got undefined.',
    ],
    [
      'noise of the projection in the wrong mode',
      exampleOnly({ sigma: 1 }),
      RangeError,
      "sigma must be left out in the mode 'example', got 1. For noise of the projection take mode: 'hybrid'.",
    ],
    [
      'hybrid without it',
      exampleOnly({ mode: 'hybrid' }),
      TypeError,
      'sigma must be a finite number > 0, got undefined.',
    ],
    [
      'hybrid without feedback',
      exampleOnly({ mode: 'hybrid', sigma: 1, update: 'bp' }),
      RangeError,
      "sigma must be 0, got 1. Noise is a part of the feedback, which 'bp' has not.",
    ],
    [
      'options of labels for examples',
      exampleOnly({ batchSize: 4 }),
      RangeError,
      "batchSize must be left out in the mode 'example', got 4.",
    ],
    [
      'options of examples for labels',
      labelOnly({ clip: 4 }),
      RangeError,
      "clip must be left out in the mode 'label', got 4.",
    ],
    [
      'another update',
      exampleOnly({ update: 'last-layer' }),
      RangeError,
      'update must be one of "bp", "dfa", "ternary", got "last-layer".',
    ],
    [
      'back-propagation for labels',
      labelOnly({ update: 'bp' }),
      RangeError,
      'update must be one of "dfa", "ternary", got "bp".',
    ],
    [
      'labels without sigma',
      labelOnly({ sigma: undefined }),
      TypeError,
      'sigma must be a finite number > 0, got undefined.',
    ],
    ['a sigma of 0', labelOnly({ sigma: 0 }), RangeError, 'sigma must be a finite number > 0, got 0.'],
    [
      'no noise on the output',
      labelOnly({ sigmaOutput: 0 }),
      RangeError,
      'sigmaOutput must be a finite number > 0, got 0.',
    ],
    [
      'labels without a size of batches',
      labelOnly({ batchSize: undefined }),
      TypeError,
      'batchSize must be an integer >= 1, got undefined.',
    ],
    [
      'ternary labels without a clip',
      labelOnly({ update: 'ternary', projectionClip: undefined }),
      RangeError,
      "projectionClip must be given unless the update is 'dfa' with MatrixFeedback or SharedFeedback, got undefined.",
    ],
    [
      'a budget of another relation',
      exampleOnly({ budget: budgetOf(1, 'replace') }),
      RangeError,
      "budget must have an accountant of the relation 'add-remove' for the mode 'example', got \"replace\".",
    ],
    [
      'a budget of another relation for labels',
      labelOnly({ budget: budgetOf(1) }),
      RangeError,
      "budget must have an accountant of the relation 'label' for the mode 'label', got \"add-remove\".",
    ],
    [
      'a threshold by rank',
      exampleOnly({ update: 'ternary', threshold: { keep: 0.1 } }),
      RangeError,
      'threshold must be a number, got an object. What is done for one example must not depend on the others.',
    ],
    ['other noise', exampleOnly({ noise: 'none' }), TypeError, 'noise must be \'secure\' or { key }, got "none".'],
    [
      'an optimiser that asks for the loss',
      exampleOnly({ optimizer: Object.assign(tf.train.sgd(1), { applyGradientsWithLoss: () => undefined }) }),
      RangeError,
      'optimizer must do without the loss, got "SGD". No guarantee covers the loss.',
    ],
    [
      'a network without feedback',
      exampleOnly({ network: denseNetwork({ inputs: 3, hidden: [2], outputs: 4, key: 0 }) }),
      RangeError,
      "network must belong to a network with feedback for the update 'dfa', got null.",
    ],
  ])('refuses %s', (name, make, error, message) => {
    const options = make();
    if (name === 'a network without feedback') {
      const { blocks, loss } = options.network;
      options.network = new DfaNetwork({ blocks, loss, feedback: null });
    }
    expect(() => new PrivateTrainer(options)).toThrow(error);
    expect(() => new PrivateTrainer(options)).toThrow(`opu-dfa.PrivateTrainer: ${message}`);
  });
});

/** What training of these options is charged for an epoch. */
async function eventOf(options: LabelTrainerOptions) {
  const charges = vi.spyOn(options.budget, 'spend');
  await new PrivateTrainer(options).fit({ ...data(), steps: 1 });
  return charges.mock.calls[0]![0];
}

/** The same feedback by promises. */
function answeringLater(inner: Feedback): Feedback {
  return {
    outputs: inner.outputs,
    compiles: false,
    variables: inner.variables,
    signals: (e, widths, key) => new Promise((resolve) => setTimeout(() => resolve(inner.signals(e, widths, key)))),
    dispose: () => inner.dispose(),
  };
}
