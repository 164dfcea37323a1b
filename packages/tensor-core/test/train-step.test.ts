import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canCompile, useBackend } from '../src/backend';
import { foldIn, key, split, type Key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { arrays, BatchSampler, fit, type FitOptions } from '../src/train';
import { examples, lossOf, Network, snapshot, type Batch } from './train/problem';

// Sums of some tens of float32 products in another order, through a few steps.
const FLOAT32_SUMS = { rtol: 1e-4, atol: 1e-6 };

/** A bowl: the mean over the batch of |w - x|^2 / 2, whose gradient is w - mean(x). */
function bowl(start = [3, -4]) {
  const w = tf.tidy(() => tf.variable(tf.tensor1d(start)));
  const loss = ({ x }: { x: tf.Tensor }): tf.Tensor => w.sub(x).square().sum(-1).mean().div(2);
  return { w, loss };
}

const points = (rows: number[][]) => arrays({ x: { data: Float32Array.from(rows.flat()), shape: [rows.length, 2] } });

/** Runs with SGD of rate 1, so that the weights move by the gradient. */
async function moved(
  options: Partial<FitOptions<{ x: tf.Tensor }>> & { clipNorm?: number; accumulate?: number; compile?: boolean },
  rows = [[0, 0]],
): Promise<number[]> {
  const { w, loss } = bowl();
  await fit({
    model: { w },
    loss,
    optimizer: tf.train.sgd(1),
    data: new BatchSampler(points(rows), { batchSize: 1 }),
    steps: 1,
    key: key(0),
    ...(options as object),
  });
  const change = [...w.dataSync()].map((value, i) => value - [3, -4][i]!);
  w.dispose();
  return change;
}

describe.each(backendsUnderTest())('the step of fit on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterAll(() => useBackend('cpu'));

  it('is that of a loop by hand, bit for bit', async () => {
    const [model, twin] = [new Network(), new Network()];
    const [data, steps, root] = [examples(32), 12, key(8)];
    const source = () => new BatchSampler(data, { batchSize: 8, key: key(6) });
    const [optimizer, own] = [tf.train.adam(0.01), tf.train.adam(0.01)];
    const options = { data: source(), steps, key: root, logEvery: 1, compile: false };
    const { history } = await fit<Batch>({ ...options, model, loss: lossOf(model), optimizer });

    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      const batch = await source().batch(Math.floor(step / 4), step % 4);
      const loss = lossOf(twin);
      const cost = own.minimize(() => loss(batch, foldIn(root, step)), true, twin.trainableVariables())!;
      losses.push(cost.dataSync()[0]!);
      tf.dispose([batch, cost]);
    }
    expect(snapshot(model)).toEqual(snapshot(twin));
    expect(history.map(({ values }) => values['loss'])).toEqual(losses);
    expect(history.map(({ step, epoch }) => [step, epoch])).toEqual(losses.map((_, i) => [i + 1, (i + 1) / 4]));
    [model, twin, optimizer, own].forEach((holder) => holder.dispose());
  });

  it('is the same compiled or not, up to rounding', async () => {
    const [model, twin] = [new Network(), new Network()];
    for (const [each, compile] of [
      [model, true],
      [twin, false],
    ] as const) {
      const optimizer = tf.train.adam(0.01);
      const options = { data: examples(32), batchSize: 8, steps: 6, key: key(8), compile };
      await fit<Batch>({ ...options, model: each, loss: lossOf(each), optimizer });
      expect(optimizer.iterations).toBe(6);
      optimizer.dispose();
    }
    const [compiled, plain] = [snapshot(model), snapshot(twin)];
    for (const name of Object.keys(plain)) expect(compiled[name]).toBeAllclose(plain[name], FLOAT32_SUMS);
    [model, twin].forEach((holder) => holder.dispose());
  });

  it('with accumulation is a step on the union of the micro-batches', async () => {
    const finals: Record<string, number[]>[] = [];
    const losses: unknown[] = [];
    for (const [batchSize, accumulate] of [
      [12, 1],
      [4, 3],
      [1, 12],
    ] as const) {
      const model = new Network();
      const optimizer = tf.train.adam(0.01);
      const data = new BatchSampler(examples(36), { batchSize });
      // No dropout, whose draws would differ.
      const loss = ({ x, y }: Batch) => model.forward(x).sub(y).square().mean();
      const run = await fit({ model, loss, optimizer, data, accumulate, epochs: 2, key: key(1), logEvery: 1 });
      expect(run).toMatchObject({ steps: 6, epochs: 2 });
      expect(optimizer.iterations).toBe(6);
      finals.push(snapshot(model));
      losses.push(run.history.map(({ values }) => values['loss']!));
      [model, optimizer].forEach((holder) => holder.dispose());
    }
    for (const final of finals.slice(1)) {
      for (const [name, values] of Object.entries(final)) expect(values).toBeAllclose(finals[0]![name], FLOAT32_SUMS);
    }
    for (const others of losses.slice(1)) expect(others).toBeAllclose(losses[0], FLOAT32_SUMS);
  });

  it('goes down the gradient of the mean of the micro-batches', async () => {
    expect(await moved({})).toBeAllclose([-3, 4]);
    const rows = [[1, 2], [3, 6], [2, 1], [-2, -1]]; // prettier-ignore
    // mean(x) = [1, 2]
    expect(await moved({ accumulate: 4 }, rows)).toBeAllclose([-2, 6]);
  });

  it('clips the gradients together to a norm, and logs what it was', async () => {
    expect(await moved({ clipNorm: 1 })).toBeAllclose([-0.6, 0.8], FLOAT32_SUMS);
    expect(await moved({ clipNorm: 10 })).toBeAllclose([-3, 4]);
    // The sum is clipped, not each part: parts of norm 5 and 5 that nearly cancel stay as they are.
    const rows = [[0, 0], [6, -8]]; // prettier-ignore
    expect(await moved({ clipNorm: 1, accumulate: 2 }, rows)).toBeAllclose([0, 0]);

    const [u, v] = [tf.variable(tf.scalar(2)), tf.variable(tf.tensor1d([1, 2]))];
    const loss = () => u.mul(3).add(v.mul(tf.tensor1d([4, 12])).sum());
    const data = new BatchSampler(points([[0, 0]]), { batchSize: 1 });
    const { history } = await fit({
      ...{ model: { u, v }, loss, data, optimizer: tf.train.sgd(1), clipNorm: 6.5, steps: 1, key: key(0), logEvery: 1 },
    });
    // |(3, 4, 12)| = 13, twice the limit.
    expect(history[0]!.values['gradientNorm']).toBeCloseTo(13, 5);
    expect([u.dataSync()[0], ...v.dataSync()]).toBeAllclose([2 - 1.5, 1 - 2, 2 - 6], FLOAT32_SUMS);
    tf.dispose([u, v]);
  });

  it('changes gradients as it is told, by the names of the model, before it clips them', async () => {
    const double = (gradients: Record<string, tf.Tensor>) => {
      expect(Object.keys(gradients)).toEqual(['w']);
      return { w: gradients['w']!.mul(2) };
    };
    expect(await moved({ transformGradients: double })).toBeAllclose([-6, 8]);
    expect(await moved({ transformGradients: double, clipNorm: 5 })).toBeAllclose([-3, 4], FLOAT32_SUMS);
  });

  it('gives a variable that the loss does not use the gradient 0, and leaves frozen ones alone', async () => {
    const { w, loss } = bowl();
    const [unused, frozen] = [tf.variable(tf.scalar(5)), tf.variable(tf.scalar(2), false)];
    const optimizer = tf.train.momentum(1, 0.5);
    const model = { unused, frozen, w };
    const data = new BatchSampler(points([[0, 0]]), { batchSize: 1 });
    const scaled = (batch: { x: tf.Tensor }) => loss(batch).mul(frozen);
    for (const accumulate of [1, 2]) {
      tf.tidy(() => w.assign(tf.tensor1d([3, -4])));
      await fit({ model, loss: scaled, optimizer: tf.train.momentum(1, 0.5), data, accumulate, steps: 1, key: key(0) });
      expect(w).toBeAllclose([3 - 6, -4 + 8]);
      expect([unused.dataSync()[0], frozen.dataSync()[0]]).toEqual([5, 2]);
    }
    optimizer.dispose();
    tf.dispose(model);
  });

  it('tells the loss to an optimiser that asks for it', async () => {
    class Greedy extends tf.SGDOptimizer {
      applyGradientsWithLoss(gradients: { name: string; tensor: tf.Tensor }[], loss: tf.Scalar): void {
        this.applyGradients(gradients.map(({ name, tensor }) => ({ name, tensor: tensor.mul(loss) })));
      }
    }
    const { w, loss } = bowl();
    for (const accumulate of [1, 2]) {
      tf.tidy(() => w.assign(tf.tensor1d([3, -4])));
      const data = new BatchSampler(points([[0, 0], [3, -4]]), { batchSize: 1 }); // prettier-ignore
      await fit({ model: { w }, loss, optimizer: new Greedy(0.01), data, accumulate, steps: 1, key: key(0) });
      // Loss 12.5 and gradient [3, -4]; of the two examples together half of both.
      const change = accumulate === 1 ? [-0.375, 0.5] : [-0.375 / 4, 0.5 / 4];
      expect(w).toBeAllclose([3 + change[0]!, -4 + change[1]!], FLOAT32_SUMS);
    }
    w.dispose();
  });

  it('logs further scalars that the loss gives, and leaves variables among them alone', async () => {
    const { w, loss } = bowl();
    const scale = tf.variable(tf.scalar(4), false);
    const both = (batch: { x: tf.Tensor }) => ({ loss: loss(batch), scale, first: w.gather(0) });
    const data = new BatchSampler(points([[0, 0]]), { batchSize: 1 });
    const options = { model: { w }, loss: both, optimizer: tf.train.sgd(0), data, steps: 2, key: key(0), logEvery: 2 };
    const { history } = await fit(options);
    expect(history).toEqual([{ step: 2, epoch: 2, values: { loss: 12.5, scale: 4, first: 3 } }]);
    expect(scale.isDisposed).toBe(false);
    tf.dispose([w, scale]);
  });

  it('draws with the key of the step, or of the micro-batch within', async () => {
    const seen: Key[] = [];
    const { w, loss } = bowl();
    const data = new BatchSampler(points([[0, 0]]), { batchSize: 1 });
    const recorded = (batch: { x: tf.Tensor }, k: Key): tf.Tensor => {
      seen.push(k);
      return loss(batch);
    };
    const options = { model: { w }, loss: recorded, optimizer: tf.train.sgd(0), data, steps: 2, key: key(9) };
    await fit({ ...options, compile: false });
    await fit({ ...options, compile: false, accumulate: 2 });
    const [first, second] = [foldIn(key(9), 0), foldIn(key(9), 1)];
    const inner = [first, second].flatMap((k) => [foldIn(k, 0), foldIn(k, 1)]);
    expect(seen).toEqual([first, second, ...inner]);
    w.dispose();
  });

  it('shuffles a data set and draws from a generator by split(key)[0]', async () => {
    const seen: number[] = [];
    const data = {
      size: 6,
      batch: (indices: Int32Array) => {
        seen.push(...indices);
        return { x: tf.zeros([1]) };
      },
    };
    const keys: Key[] = [];
    const generator = {
      sample: (k: Key) => {
        keys.push(k);
        return { x: tf.zeros([1]) };
      },
    };
    const step = () => tf.scalar(0);
    await fit({ data, step, batchSize: 2, epochs: 2, key: key(4) });
    await fit({ data: generator, step, batchSize: 2, steps: 2, key: key(4) });
    const [own] = split(key(4)) as [Key];
    const expected: Int32Array[] = [];
    const sampler = new BatchSampler({ size: 6, batch: (ids) => (expected.push(ids), {}) }, { batchSize: 2, key: own });
    for (let i = 0; i < 6; i++) await sampler.batch(Math.floor(i / 3), i % 3);
    expect(seen).toEqual(expected.flatMap((ids) => [...ids]));
    expect(keys).toEqual([0, 1].map((i) => foldIn(foldIn(own, 0), i)));
  });

  it('of one’s own may be compiled, with draws of each step, and counts in variables', async () => {
    const count = tf.variable(tf.scalar(0), false);
    const means: (number | undefined)[][] = [];
    for (const compile of [false, true]) {
      count.assign(tf.scalar(0));
      const { history } = await fit<{ x: tf.Tensor }>({
        data: new BatchSampler(points([[0, 1], [2, 3]]), { batchSize: 1 }), // prettier-ignore
        step: ({ x }) => {
          count.assign(count.add(1));
          return { count, mean: x.mean() };
        },
        ...{ steps: 4, key: key(2), logEvery: 1, compile },
      });
      means.push(history.map(({ values }) => values['mean']));
      expect(history.map(({ values }) => values['count'])).toEqual([1, 2, 3, 4]);
    }
    expect(means).toEqual([
      [0.5, 2.5, 0.5, 2.5],
      [0.5, 2.5, 0.5, 2.5],
    ]);
    count.dispose();
  });

  it('of one’s own knows its number unless it is compiled', async () => {
    const run = (compile: boolean) =>
      fit({
        data: new BatchSampler(points([[0, 1]]), { batchSize: 1 }),
        step: (_, { step }) => ({ square: tf.scalar(step ** 2) }),
        ...{ steps: 3, key: key(2), logEvery: 1, compile },
      });
    expect((await run(false)).history.map(({ values }) => values['square'])).toEqual([0, 1, 4]);
    await expect(run(true)).rejects.toThrow(
      'tensor-core.fit: step must not be read in a compiled step, where it would stay what it was at first. Draw with ' +
        'the key, count in a tf.Variable, or set compile: false.',
    );
  });

  it('of one’s own may answer later, and leaves nothing behind', async () => {
    const w = tf.tidy(() => tf.variable(tf.scalar(0)));
    const step = async ({ x }: { x: tf.Tensor }): Promise<Record<string, tf.Tensor>> => {
      const half = x.mean();
      await new Promise((resolve) => setTimeout(resolve));
      tf.tidy(() => w.assign(w.add(half)));
      return { half, w };
    };
    const data = new BatchSampler(points([[0, 1], [2, 3]]), { batchSize: 1 }); // prettier-ignore
    const run = async () => {
      const { history } = await fit({ data, step, steps: 4, key: key(2), logEvery: 1 });
      expect(history.map(({ values }) => values)).toEqual([
        { half: 0.5, w: 0.5 },
        { half: 2.5, w: 3 },
        { half: 0.5, w: 3.5 },
        { half: 2.5, w: 6 },
      ]);
    };
    await expect(run).toLeakNothing();
    w.dispose();
    const wrong = async () => Promise.resolve(tf.ones([2]));
    const refused = expect(() => fit({ data, step: wrong, steps: 1, key: key(2) }).catch((error: unknown) => error));
    await refused.toLeakNothing();
    await expect(fit({ data, step: wrong, steps: 1, key: key(2) })).rejects.toThrow(
      'tensor-core.fit: step must return a scalar tensor or a record of scalar tensors, got a float32 tensor of shape [2]. ' +
        'Take the mean over the batch.',
    );
    const failing = () => Promise.reject(new Error('no answer'));
    await expect(fit({ data, step: failing, steps: 1, key: key(2) })).rejects.toThrow('no answer');
    await expect(fit({ data, step: failing, steps: 1, key: key(2), compile: true })).rejects.toThrow(
      new TypeError(
        'tensor-core.fit: step must answer at once where it is compiled, got a promise. Set compile: false.',
      ),
    );
  });

  it('refuses what is no loss, and leaves nothing behind', async () => {
    const { w, loss } = bowl();
    const optimizer = tf.train.sgd(1);
    const run = (bad: unknown, options = {}) =>
      fit({
        ...{ model: { w }, loss: bad as typeof loss, optimizer, steps: 1, key: key(0) },
        data: new BatchSampler(points([[0, 1]]), { batchSize: 1 }),
        ...options,
      });
    const where = 'tensor-core.fit:';
    const fix = 'Take the mean over the batch.';
    await expect(run(() => w.mul(2))).rejects.toThrow(
      new TypeError(
        `${where} loss must return a scalar tensor or a record of scalar tensors, got a float32 tensor of shape [2]. ${fix}`,
      ),
    );
    await expect(run(() => 7)).rejects.toThrow(`or a record of scalar tensors, got 7. ${fix}`);
    await expect(run(() => ({ loss: w.sum(), other: w }))).rejects.toThrow(
      new TypeError(`${where} other of loss must be a scalar tensor, got a float32 tensor of shape [2].`),
    );
    await expect(run(() => ({ cost: w.sum() }))).rejects.toThrow(
      new TypeError(`${where} loss must return a scalar, or a record with a scalar loss, got an object.`),
    );
    await expect(run(() => tf.scalar(1))).rejects.toThrow(/connection between/);
    for (const bad of [null, {}, { w: tf.scalar(1) }]) {
      const transformGradients = () => bad as Record<string, tf.Tensor>;
      await expect(run(loss, { transformGradients })).rejects.toThrow(
        /^tensor-core\.fit: transformGradients must return a tensor of shape \[2\] for w, got/,
      );
    }
    await expect(async () => {
      for (const bad of [() => w.mul(2), () => ({ loss: w.sum(), other: w }), () => ({ cost: w.sum() })]) {
        await expect(run(bad)).rejects.toThrow(TypeError);
      }
      await expect(run(() => tf.scalar(1))).rejects.toThrow(/connection between/);
      await expect(run(() => w.square().sum().add(w.matMul(w)))).rejects.toThrow(/Error in matMul/);
    }).toLeakNothing();
    [w, optimizer].forEach((holder) => holder.dispose());
  });

  it('leaves nothing behind', async () => {
    const { w, loss } = bowl();
    const data = points([[0, 1], [2, 3], [4, 5]]); // prettier-ignore
    for (const accumulate of [1, 2]) {
      await expect(async () => {
        const optimizer = tf.train.adam(0.1);
        const options = { data, batchSize: 1, epochs: 3, key: key(0), prefetch: 3, clipNorm: 1, accumulate };
        await fit({ model: { w }, loss, optimizer, ...options });
        optimizer.dispose();
      }).toLeakNothing();
    }
    w.dispose();
  });

  it('is compiled once where the backend can', async () => {
    const { w, loss } = bowl();
    let calls = 0;
    const counted = (batch: { x: tf.Tensor }): tf.Tensor => {
      calls++;
      return loss(batch);
    };
    const data = new BatchSampler(points([[0, 1]]), { batchSize: 1 });
    await fit({ model: { w }, loss: counted, optimizer: tf.train.adam(0.1), data, steps: 20, key: key(0) });
    // Twice: the first step makes the optimiser's variables.
    expect(calls).toBe(canCompile(tf.backend()) ? 2 : 20);
    w.dispose();
  });
});
