import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, train, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { denseNetwork, MatrixFeedback, type DfaNetwork, type Feedback, type LossName } from '../src/index';
import { evaluateNetwork, trainNetwork, type TrainNetworkOptions } from '../src/training/train-network';
import { smallDense } from './networks';

/** Steps of float32 in another order, through some tens of them. */
const ROUNDING = { rtol: 1e-4, atol: 1e-5 };

type HostColumn<D> = { data: D; shape: number[] };

/** Three clouds around the corners of a triangle, 60 points. */
function clouds(): { x: HostColumn<Float32Array>; y: HostColumn<Int32Array> } {
  const noise = tf.tidy(() => random.normal(random.key(5), [60, 2]).dataSync());
  const corners = [[2, 0], [-1, 2], [-1, -2]]; // prettier-ignore
  const labels = Int32Array.from({ length: 60 }, (_, i) => i % 3);
  const points = Float32Array.from(noise, (value, i) => 0.4 * value + corners[Math.floor(i / 2) % 3]![i % 2]!);
  return { x: { data: points, shape: [60, 2] }, y: { data: labels, shape: [60] } };
}

const network = (loss: LossName = 'softmaxCrossEntropy', feedback?: Feedback): DfaNetwork =>
  denseNetwork({ inputs: 2, hidden: [8, 6], outputs: 3, loss, key: 1, ...(feedback && { feedback }) });

const weights = ({ parameters }: DfaNetwork): number[][] =>
  Object.values(parameters).map((variable) => [...variable.dataSync()]);

const options = (): TrainNetworkOptions => ({
  ...clouds(),
  ...{ optimizer: tf.train.momentum(0.05, 0.9), batchSize: 12, epochs: 6, key: 2, logEvery: 5 },
});

describe.each(backendsUnderTest())('trainNetwork on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('learns, logs loss, accuracy and alignment, and validates', async () => {
    const own = network();
    const { history, status } = await trainNetwork(own, {
      ...options(),
      validate: { ...clouds(), every: { epochs: 3 } },
      trackAlignment: 10,
    });
    expect(status).toBe('finished');
    const logged = history.filter(({ values }) => 'loss' in values);
    expect(logged.map(({ step }) => step)).toEqual([5, 10, 15, 20, 25, 30]);
    const last = logged.at(-1)!.values;
    expect(last['loss']).toBeLessThan(0.3 * logged[0]!.values['loss']!);
    expect(last['accuracy']).toBeGreaterThan(0.95);
    // Of steps 0, 10 and 20, which are in the windows that end at 5, 15 and 25.
    const measured = history.filter(({ values }) => 'alignment/layers.0' in values);
    expect(measured.map(({ step }) => step)).toEqual([5, 15, 25]);
    expect(Math.abs(measured[0]!.values['alignment/layers.1']!)).toBeLessThanOrEqual(1);
    const validated = history.filter(({ values }) => 'validation/loss' in values);
    expect(validated.map(({ step }) => step)).toEqual([15, 30]);
    const found = await evaluateNetwork(own, clouds());
    expect(found.loss).toBeAllclose(validated.at(-1)!.values['validation/loss'], ROUNDING);
    expect(found.accuracy).toBeAllclose(validated.at(-1)!.values['validation/accuracy'], ROUNDING);
    own.dispose();
  });

  it('takes the steps of a loop by hand, compiled or not', async () => {
    const update = { mode: 'ternary', threshold: 0.2, sigma: 0.2 } as const;
    const [own, plain, twin] = [network(), network(), network()];
    const optimizers = [0, 1].map(() => tf.train.momentum(0.05, 0.9));
    for (const [i, each] of [own, plain].entries()) {
      const { status } = await trainNetwork(each, {
        ...options(),
        optimizer: optimizers[i]!,
        update,
        compile: i === 0,
      });
      expect(status).toBe('finished');
      expect(optimizers[i]!.iterations).toBe(30);
    }
    const optimizer: tf.Optimizer = tf.train.momentum(0.05, 0.9);
    const [dataKey] = random.split(random.key(2)) as [random.Key];
    const sampler = new train.BatchSampler(train.arrays(clouds()), { batchSize: 12, key: dataKey });
    for (let step = 0; step < 30; step++) {
      const batch = await sampler.batch(Math.floor(step / 5), step % 5);
      const key = random.foldIn(random.key(2), step);
      const { loss, gradients } = twin.gradients(batch.x, batch.y, { ...update, key });
      optimizer.applyGradients(gradients);
      tf.dispose([loss, gradients, batch]);
    }
    weights(twin).forEach((expected, i) => {
      expect(weights(own)[i]).toBeAllclose(expected, ROUNDING);
      expect(weights(plain)[i]).toBeAllclose(expected, ROUNDING);
    });
    [own, plain, twin, optimizer, ...optimizers].forEach((each) => each.dispose());
  });

  it('goes on from a checkpoint bit for bit, with its feedback and noise', async () => {
    const update = { mode: 'dfa', sigma: 0.3 } as const;
    const whole = network();
    const { history } = await trainNetwork(whole, { ...options(), update, trackAlignment: 4 });
    const store = train.memoryStore();
    const stop = new AbortController();
    const parted = network();
    const run = { ...options(), update, trackAlignment: 4, checkpoint: { store, every: 7 } };
    const callbacks = { onStep: (step: number) => void (step === 17 && stop.abort()) };
    const first = await trainNetwork(parted, { ...run, signal: stop.signal, callbacks });
    expect(first.status).toBe('aborted');
    parted.dispose();
    // Other feedback and weights, which the checkpoint must replace.
    const resumed = denseNetwork({ inputs: 2, hidden: [8, 6], outputs: 3, key: 77 });
    const last = await trainNetwork(resumed, { ...run, optimizer: tf.train.momentum(0.05, 0.9) });
    expect(last).toMatchObject({ status: 'finished', steps: 30 });
    expect(weights(resumed)).toEqual(weights(whole));
    expect(last.history).toEqual(history);
    [whole, resumed].forEach((each) => each.dispose());
  });

  it('takes feedback that answers later', async () => {
    const [at, other] = [0, 1].map(() => MatrixFeedback.draw(random.key(4), 3, [8, 6])) as [MatrixFeedback, MatrixFeedback]; // prettier-ignore
    const device: Feedback = {
      ...{ outputs: 3, compiles: false, variables: other.variables, dispose: () => undefined },
      signals: async (e, widths) => {
        const kept = await e.array();
        return tf.tidy(() => other.signals(tf.tensor2d(kept), widths));
      },
    };
    const [own, twin] = [network('softmaxCrossEntropy', at), network('softmaxCrossEntropy', device)];
    const run = { update: { sigma: 0.1 }, trackAlignment: 10 };
    const expected = await trainNetwork(own, { ...options(), ...run });
    const optimizer = tf.train.momentum(0.05, 0.9);
    const found = await trainNetwork(twin, { ...options(), ...run, optimizer });
    expect(optimizer.iterations).toBe(30);
    weights(own).forEach((values, i) => expect(weights(twin)[i]).toBeAllclose(values, ROUNDING));
    found.history.forEach(({ values }, i) => {
      for (const [name, value] of Object.entries(expected.history[i]!.values)) {
        // Cosines of gradients that have become small.
        expect(values[name], name).toBeAllclose(value, { rtol: 1e-3, atol: 1e-4 });
      }
    });
    [own, twin, at, other].forEach((each) => each.dispose());
  });

  it('leaves nothing behind', async () => {
    const [own, base] = [network(), options()];
    // The first step makes the optimiser's accumulators.
    await trainNetwork(own, { ...base, epochs: 1 });
    const validate = { ...clouds(), every: 2 };
    const run = () => trainNetwork(own, { ...base, epochs: 1, validate, trackAlignment: 2 });
    await expect(run).toLeakNothing();
    await expect(() => evaluateNetwork(own, clouds())).toLeakNothing();
    own.dispose();
  });
});

describe('trainNetwork', () => {
  beforeAll(() => useBackend('cpu'));

  it('logs no accuracy where there are no classes, and that of each output where they are questions', async () => {
    const { x } = clouds();
    const y = { data: Float32Array.from({ length: 180 }, (_, i) => Number(i % 4 === 0)), shape: [60, 3] };
    const values = new Map<LossName, string[]>();
    for (const loss of ['meanSquared', 'sigmoidCrossEntropy'] as const) {
      const own = network(loss);
      const { history } = await trainNetwork(own, { ...options(), x, y, epochs: 1 });
      values.set(loss, Object.keys(history[0]!.values));
      if (loss === 'sigmoidCrossEntropy') {
        const points = tf.tensor(x.data, x.shape);
        const logits = own.logits(points).dataSync();
        const right = Array.from(logits).filter((z, i) => z > 0 === y.data[i]! > 0.5).length / 180;
        expect((await evaluateNetwork(own, { x, y, batchSize: 7 })).accuracy).toBeAllclose(right, ROUNDING);
      }
      own.dispose();
    }
    expect(values.get('meanSquared')).toEqual(['loss']);
    expect(values.get('sigmoidCrossEntropy')).toEqual(['loss', 'accuracy']);
  });

  it('tells the loss to an optimiser that asks for it', async () => {
    const told: number[] = [];
    class Asking extends tf.SGDOptimizer {
      applyGradientsWithLoss(named: { name: string; tensor: tf.Tensor }[], loss: tf.Scalar): void {
        told.push(loss.dataSync()[0]!);
        this.applyGradients(named);
      }
    }
    const own = network();
    const { history } = await trainNetwork(own, { ...options(), optimizer: new Asking(0.1), steps: 2, epochs: undefined as never, logEvery: 1 }); // prettier-ignore
    expect(history.map(({ values }) => values['loss'])).toEqual(told);
    own.dispose();
  });

  it('trains frozen layers not at all', async () => {
    const own = network();
    own.blocks[0]!.map.kernel.trainable = false;
    const before = weights(own);
    await trainNetwork(own, { ...options(), epochs: 1 });
    const after = weights(own);
    expect(after[0]).toEqual(before[0]);
    expect(after[2]).not.toEqual(before[2]);
    own.dispose();
  });

  it.each<[Partial<TrainNetworkOptions>, ErrorConstructor, string]>([
    [{ update: { key: 0 } as never }, TypeError, 'update.key must be left out, got 0. Each step draws its own noise.'],
    [{ update: { noise: [] } as never }, TypeError, 'update.noise must be left out, got []. Each step draws its own noise.'], // prettier-ignore
    [{ update: { mode: 'x' as never } }, RangeError, 'mode must be one of "bp", "dfa", "ternary", "last-layer", got "x".'], // prettier-ignore
    [{ key: -1 }, RangeError, 'key must be an integer >= 0, got -1.'],
    [{ optimizer: 'adam' as never }, TypeError, 'optimizer must be a tf.Optimizer, got "adam". tf.train.momentum(0.02, 0.9) makes one.'], // prettier-ignore
    [{ trackAlignment: 0 }, RangeError, 'trackAlignment must be an integer >= 1, got 0.'],
    [{ y: { data: new Int32Array(60).fill(3), shape: [60] } }, RangeError, 'y must be 0 .. 2, got 3 at entry 0.'],
    [{ x: undefined as never }, TypeError, 'options must have x and y, or data, got "y".'],
    [{ data: train.arrays(clouds()) }, TypeError, 'options must have x and y, or data, got "x, y, data".'],
  ])('refuses %o', async (wrong, error, message) => {
    const own = network();
    const run = (): Promise<unknown> => trainNetwork(own, { ...options(), ...wrong });
    await expect(run()).rejects.toThrow(error);
    await expect(run()).rejects.toThrow(`opu-dfa.trainNetwork: ${message}`);
    own.dispose();
  });

  it('refuses bad examples to validate and evaluate with', async () => {
    const own = network();
    const y = { data: Int32Array.of(7), shape: [1] };
    const x = { data: Float32Array.of(1, 2), shape: [1, 2] };
    await expect(trainNetwork(own, { ...options(), validate: { x, y, every: 1 } })).rejects.toThrow(
      'opu-dfa.trainNetwork: validate: y must be 0 .. 2, got 7 at entry 0.',
    );
    await expect(evaluateNetwork(own, { x, y })).rejects.toThrow(
      new RangeError('opu-dfa.evaluateNetwork: y must be 0 .. 2, got 7 at entry 0.'),
    );
    own.dispose();
    const odd = smallDense();
    await expect(trainNetwork(odd, { ...options() })).rejects.toThrow('x must have the shape [M, 4]');
    odd.dispose();
  });
});
