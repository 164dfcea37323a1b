import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  momo,
  momoAdam,
  MomoAdamOptimizer,
  MomoOptimizer,
  NonFiniteError,
  sps,
  SgdEmaOptimizer,
  SpsOptimizer,
  StepSizeLogger,
  type PolyakOptimizer,
  type PolyakOptions,
  type StepLog,
} from '../src';

/** One battery for the family: a new optimiser is a new row. */
const FAMILY = [
  { name: 'momo', create: (o?: PolyakOptions): PolyakOptimizer => momo(o) },
  {
    name: 'momo*',
    create: (o?: PolyakOptions): PolyakOptimizer => momo({ ...o, useFstar: true, biasCorrection: true }),
  },
  { name: 'momoAdam', create: (o?: PolyakOptions): PolyakOptimizer => momoAdam({ learningRate: 0.1, ...o }) },
  {
    name: 'sps',
    create: (o?: PolyakOptions): PolyakOptimizer => sps({ learningRate: 0.1, weightDecay: 0.01, prox: false, ...o }),
  },
];
const PATHS = ['exact', 'device'] as const;

/** Mean squared error of x w + b against fixed targets; bounded below by 0. */
function regression() {
  const x = tf.tensor2d([1, 2, -1, 0.5, 3, -2, 0, 1], [4, 2]);
  const y = tf.tensor1d([1, -2, 3, 0.5]);
  const w = tf.tidy(() => tf.tensor2d([0.5, -0.3], [2, 1]).variable());
  const b = tf.tidy(() => tf.tensor1d([0.1]).variable());
  const loss = (): tf.Scalar =>
    tf.tidy(() =>
      x
        .matMul(w as tf.Tensor2D)
        .add(b)
        .squeeze([1])
        .sub(y)
        .square()
        .mean(),
    );
  return { w, b, loss, dispose: () => tf.dispose([x, y, w, b]) };
}

const bits = (variables: tf.Variable[]): number[] => variables.flatMap((v) => [...v.dataSync()]);

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  beforeEach(() => void vi.restoreAllMocks());
  afterEach(() => tf.disposeVariables());

  describe.each(PATHS)('%s scalars', (scalars) => {
    describe.each(FAMILY)('$name', ({ create }) => {
      it('lowers the loss through minimize, returning the cost only when asked', () => {
        const problem = regression();
        const optimizer = create({ scalars });
        const first = optimizer.minimize(problem.loss, true);
        expect(first).toBeInstanceOf(tf.Tensor);
        for (let k = 0; k < 60; k++) expect(optimizer.minimize(problem.loss)).toBeNull();
        const last = optimizer.minimize(problem.loss, true)!;
        expect(last.dataSync()[0]!).toBeLessThan(0.7 * first!.dataSync()[0]!);
        expect(optimizer.iterations).toBe(62);
      });

      it('leaves nothing behind over 100 steps, and frees everything in dispose', async () => {
        const problem = regression();
        const before = tf.memory();
        const optimizer = create({ scalars });
        optimizer.minimize(problem.loss);
        await optimizer.readLastStep();
        const started = tf.memory();
        for (let k = 0; k < 100; k++) {
          optimizer.minimize(problem.loss);
          optimizer.minimize(problem.loss, true)!.dispose();
        }
        await optimizer.readLastStep();
        expect(tf.memory().numTensors).toBe(started.numTensors);
        expect(tf.memory().numDataBuffers).toBe(started.numDataBuffers);
        optimizer.dispose();
        expect(tf.memory().numTensors).toBe(before.numTensors);
        problem.dispose();
      });

      it('goes on bit for bit from its saved weights', async () => {
        const problem = regression();
        const variables: tf.Variable[] = [problem.w, problem.b];
        const optimizer = create({ scalars });
        for (let k = 0; k < 7; k++) optimizer.minimize(problem.loss);
        const saved = await optimizer.getWeights();
        const weights = variables.map((v) => v.clone());
        for (let k = 0; k < 10; k++) optimizer.minimize(problem.loss);
        const uninterrupted = bits(variables);

        variables.forEach((v, i) => v.assign(weights[i]!));
        const restored = create({ scalars });
        await restored.setWeights(saved);
        expect(restored.iterations).toBe(7);
        // A state that was restored but not yet used must not be lost by saving it again.
        const again = await restored.getWeights();
        expect(again.map((s) => [...s.tensor.dataSync()])).toEqual(saved.map((s) => [...s.tensor.dataSync()]));
        for (let k = 0; k < 10; k++) restored.minimize(problem.loss);
        expect(bits(variables)).toEqual(uninterrupted);
        const tensors = [...saved, ...again].map((s) => s.tensor);
        tf.dispose([...tensors, ...weights]);
      });

      it('refuses a state of other shapes and keeps the weights', async () => {
        const problem = regression();
        const optimizer = create({ scalars });
        optimizer.minimize(problem.loss);
        const saved = await optimizer.getWeights();
        const other = create({ scalars });
        await other.setWeights(saved);
        const z = tf.variable(tf.ones([3]));
        expect(() => other.minimize(() => z.square().mean(), false, [z])).toThrow(
          /restored averages must have the shape of their variable .* \(\[3\]\), got \[2, 1\]/,
        );
        expect([...z.dataSync()]).toEqual([1, 1, 1]);
        await expect(create().setWeights([])).rejects.toThrow('must be what getWeights of the same class gave');
        await expect(create().setWeights(saved.slice(0, 1))).rejects.toThrow('1 tensors without its scalars');
      });

      it('moves only the variables of varList, and no others enter its sums', async () => {
        const problem = regression();
        const bias = [...problem.b.dataSync()];
        const logs: StepLog[] = [];
        const optimizer = create({ scalars, onStep: (log) => logs.push(log) });
        optimizer.minimize(problem.loss, false, [problem.w]);
        await optimizer.readLastStep();
        expect([...problem.b.dataSync()]).toEqual(bias);
        expect(logs[0]!.gradNormSq).toBeGreaterThan(0);

        // The same loss with b a constant has the same sums.
        problem.w.assign(tf.tensor2d([0.5, -0.3], [2, 1]));
        const frozen = tf.variable(problem.b, false);
        const alone: StepLog[] = [];
        const other = create({ scalars, onStep: (log) => alone.push(log) });
        problem.b.trainable = false;
        other.minimize(problem.loss);
        await other.readLastStep();
        expect(alone[0]!).toEqual(logs[0]);
        frozen.dispose();
      });

      it('takes in a variable that joins later, from its own first gradient', () => {
        const problem = regression();
        const optimizer = create({ scalars });
        for (let k = 0; k < 3; k++) optimizer.minimize(problem.loss, false, [problem.w]);
        const before = problem.b.dataSync()[0]!;
        optimizer.minimize(problem.loss, false, [problem.w, problem.b]);
        expect(problem.b.dataSync()[0]).not.toBe(before);
        expect(bits([problem.w, problem.b]).every(Number.isFinite)).toBe(true);
      });

      it('is told the loss with gradients of one’s own, and says so when it is not', () => {
        const problem = regression();
        const optimizer = create({ scalars });
        const { value, grads } = tf.variableGrads(problem.loss);
        expect(() => optimizer.applyGradients(grads)).toThrow(
          'Use minimize, applyGradientsWithLoss(gradients, loss), or setLoss',
        );
        optimizer.setLoss(value);
        optimizer.applyGradients(grads);
        const once = bits([problem.w, problem.b]);
        expect(() => optimizer.applyGradients(grads)).toThrow('the loss must be known');

        const twin = regression();
        const second = create({ scalars });
        const named = tf.variableGrads(twin.loss);
        const list = Object.entries(named.grads).map(([name, tensor]) => ({ name, tensor }));
        second.applyGradientsWithLoss([...list, { name: problem.b.name, tensor: null }], named.value.dataSync()[0]!);
        expect(bits([twin.w, twin.b])).toEqual(once);
      });

      it('throws at a batch that is not finite, naming the step, and keeps weights and state', async () => {
        const problem = regression();
        const optimizer = create({ scalars });
        optimizer.minimize(problem.loss);
        const weights = bits([problem.w, problem.b]);
        const state = await optimizer.getWeights();
        const poisoned = async (): Promise<void> => {
          optimizer.minimize(() => problem.loss().mul(NaN));
          await optimizer.readLastStep();
        };
        await expect(poisoned()).rejects.toThrow(NonFiniteError);
        await expect(poisoned()).rejects.toThrow(/must be finite, got a NaN or infinite value at step 2/);
        // A finite loss with an infinite gradient is no better.
        const infinite = async (): Promise<void> => {
          optimizer.minimize(() => problem.w.sub(problem.w).sqrt().sum().add(1));
          await optimizer.readLastStep();
        };
        await expect(infinite()).rejects.toThrow(NonFiniteError);
        expect(bits([problem.w, problem.b])).toEqual(weights);
        const after = await optimizer.getWeights();
        expect(after.slice(1).map((s) => [...s.tensor.dataSync()])).toEqual(
          state.slice(1).map((s) => [...s.tensor.dataSync()]),
        );
      });

      it('reports a refused batch even when good ones follow at once', async () => {
        const problem = regression();
        const optimizer = create({ scalars });
        const attempt = async (): Promise<void> => {
          for (let k = 1; k <= 6; k++) optimizer.minimize(() => problem.loss().mul(k === 3 ? NaN : 1));
          await optimizer.readLastStep();
        };
        await expect(attempt()).rejects.toThrow(/got a NaN or infinite value at step 3/);
        expect(bits([problem.w, problem.b]).every(Number.isFinite)).toBe(true);
        // Reported once; then it goes on, and may be disposed of with a record on its way.
        optimizer.minimize(problem.loss);
        expect((await optimizer.readLastStep())!.loss).toBeGreaterThan(0);
        const before = tf.memory().numTensors;
        const other = create({ scalars });
        const poison = (): unknown => other.minimize(() => problem.loss().mul(NaN));
        if (scalars === 'exact') expect(poison).toThrow(NonFiniteError);
        else poison();
        other.dispose();
        await new Promise((resolve) => setTimeout(resolve, 0));
        expect(await other.readLastStep()).toBeNull();
        expect(tf.memory().numTensors).toBe(before);
        optimizer.dispose();
      });

      it("leaves such a batch out under 'skip' as if it had not been, and takes it in under 'propagate'", async () => {
        const [clean, skipping, propagating] = [regression(), regression(), regression()];
        const reference = create({ scalars });
        const skip = create({ scalars, nonFinite: 'skip' });
        const propagate = create({ scalars, nonFinite: 'propagate' });
        skip.minimize(() => skipping.loss().mul(NaN), false, [skipping.w, skipping.b]);
        for (let k = 0; k < 4; k++) {
          reference.minimize(clean.loss, false, [clean.w, clean.b]);
          skip.minimize(skipping.loss, false, [skipping.w, skipping.b]);
          if (k === 1) skip.minimize(() => skipping.loss().div(0), false, [skipping.w, skipping.b]);
        }
        expect(bits([skipping.w, skipping.b])).toEqual(bits([clean.w, clean.b]));
        propagate.minimize(() => propagating.loss().mul(NaN), false, [propagating.w, propagating.b]);
        expect(bits([propagating.w, propagating.b]).some(Number.isNaN)).toBe(true);
        await Promise.all([skip, propagate].map((o) => o.readLastStep()));
      });

      it('warns once when the loss is below the bound, and stands still', async () => {
        const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
        const problem = regression();
        const weights = bits([problem.w, problem.b]);
        const optimizer = create({ scalars, lowerBound: 100, weightDecay: 0 });
        for (let k = 0; k < 3; k++) {
          optimizer.minimize(problem.loss);
          await optimizer.readLastStep();
        }
        if (optimizer.getConfig()['useFstar'] === true) return;
        expect(bits([problem.w, problem.b])).toEqual(weights);
        expect(warn).toHaveBeenCalledTimes(1);
        expect(warn.mock.calls[0]![0]).toMatch(/is below lowerBound \(100\) at step 1/);
      });

      it('follows a schedule of the step number, from 1', async () => {
        const problem = regression();
        const logs: StepLog[] = [];
        const asked: number[] = [];
        const schedule = (step: number): number => (asked.push(step), 0.01 / step);
        const optimizer = create({ scalars, learningRate: schedule, onStep: (log) => logs.push(log) });
        for (let k = 0; k < 3; k++) optimizer.minimize(problem.loss);
        await optimizer.readLastStep();
        expect(asked).toEqual([1, 2, 3]);
        expect(logs.map((log) => log.step)).toEqual([1, 2, 3]);
        optimizer.setLearningRate(0.5);
        expect(optimizer.learningRate).toBe(0.5);
        optimizer.setLearningRate(() => -1);
        expect(() => optimizer.minimize(problem.loss)).toThrow('learningRate must be a finite number >= 0, got -1');
      });
    });
  });

  it('gives the same steps on both paths within 1e-5', async () => {
    for (const { create } of FAMILY) {
      const [exact, device] = PATHS.map((scalars) => ({ ...regression(), optimizer: create({ scalars }) }));
      for (let k = 0; k < 30; k++) {
        exact!.optimizer.minimize(exact!.loss, false, [exact!.w, exact!.b]);
        device!.optimizer.minimize(device!.loss, false, [device!.w, device!.b]);
      }
      expect(device!.w).toBeAllclose(exact!.w, { rtol: 1e-5, atol: 1e-6 });
      await device!.optimizer.readLastStep();
    }
  });

  describe('with tf.LayersModel', () => {
    const data = () => {
      const x = tf.randomNormal([96, 6], 0, 1, 'float32', 7);
      const y = tf.tidy(() => tf.oneHot(x.slice([0, 0], [-1, 3]).argMax(1).toInt(), 3).toFloat());
      return { x, y };
    };
    const build = (): tf.LayersModel =>
      tf.sequential({
        layers: [
          tf.layers.dense({
            units: 8,
            inputShape: [6],
            activation: 'relu',
            kernelInitializer: tf.initializers.glorotNormal({ seed: 3 }),
          }),
          tf.layers.dense({
            units: 3,
            activation: 'softmax',
            kernelInitializer: tf.initializers.glorotNormal({ seed: 4 }),
          }),
        ],
      });

    it.each(FAMILY)('$name compiles, fits, and its logger has one record a batch', async ({ create }) => {
      const model = build();
      const { x, y } = data();
      model.compile({ optimizer: create(), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
      const logger = new StepSizeLogger();
      const { history } = await model.fit(x, y, {
        epochs: 6,
        batchSize: 32,
        shuffle: false,
        verbose: 0,
        callbacks: logger,
      });
      expect(history['loss']!.at(-1)).toBeLessThan(history['loss']![0] as number);
      expect(logger.history).toHaveLength(18);
      expect(logger.history.map((log) => log.step)).toEqual(Array.from({ length: 18 }, (_, i) => i + 1));
    });

    it('says which optimiser the logger needs', async () => {
      const model = build();
      const { x, y } = data();
      model.compile({ optimizer: 'sgd', loss: 'categoricalCrossentropy' });
      await expect(model.fit(x, y, { epochs: 1, verbose: 0, callbacks: new StepSizeLogger() })).rejects.toThrow(
        'momo.StepSizeLogger: the model must be compiled with MoMo, MoMo-Adam or SPS, got SGD.',
      );
    });

    it('leaves frozen layers untouched', async () => {
      const model = build();
      const { x, y } = data();
      model.layers[0]!.trainable = false;
      const before = model.layers[0]!.getWeights().flatMap((w) => [...w.dataSync()]);
      model.compile({ optimizer: momo(), loss: 'categoricalCrossentropy' });
      await model.fit(x, y, { epochs: 1, verbose: 0 });
      expect(model.layers[0]!.getWeights().flatMap((w) => [...w.dataSync()])).toEqual(before);
    });

    it.each(FAMILY)('$name is saved and loaded with its model, and both train on alike', async ({ create }) => {
      const { x, y } = data();
      const model = build();
      model.compile({ optimizer: create({ weightDecay: 0.01 }), loss: 'categoricalCrossentropy' });
      const training = { epochs: 2, batchSize: 32, shuffle: false, verbose: 0 } as const;
      await model.fit(x, y, training);
      let artifacts: tf.io.ModelArtifacts | undefined;
      const handler = tf.io.withSaveHandler((saved) => {
        artifacts = saved;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } });
      });
      await model.save(handler, { includeOptimizer: true });
      const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
      expect(loaded.optimizer.getConfig()).toEqual(model.optimizer.getConfig());
      await model.fit(x, y, training);
      await loaded.fit(x, y, training);
      expect(loaded.getWeights().flatMap((w) => [...w.dataSync()])).toEqual(
        model.getWeights().flatMap((w) => [...w.dataSync()]),
      );
    });
  });

  describe('SgdEmaOptimizer', () => {
    it('is SGD on the running average, starting from the first gradient, and restores exactly', async () => {
      const x = tf.variable(tf.tensor1d([1, -2]));
      const loss = (): tf.Scalar => tf.tidy(() => x.square().sum().mul(0.5));
      const optimizer = new SgdEmaOptimizer({ learningRate: 0.1 });
      let [value, d] = [[1, -2], null as number[] | null];
      for (let k = 0; k < 8; k++) {
        d = d === null ? value : d.map((past, i) => 0.9 * past + 0.1 * value[i]!);
        value = value.map((v, i) => v - 0.1 * d![i]!);
        optimizer.minimize(loss);
      }
      expect(x).toBeAllclose(value, { rtol: 1e-6 });
      const saved = await optimizer.getWeights();
      const copy = x.clone();
      optimizer.minimize(loss);
      const next = [...x.dataSync()];
      x.assign(copy);
      const restored = new SgdEmaOptimizer({ learningRate: 0.1 });
      await restored.setWeights(saved);
      restored.minimize(loss);
      expect([...x.dataSync()]).toEqual(next);
      expect(restored.iterations).toBe(9);
    });

    it('leaks nothing', () => {
      const x = tf.variable(tf.tensor1d([1, -2]));
      const before = tf.memory().numTensors;
      const optimizer = new SgdEmaOptimizer({ learningRate: 0.1 });
      optimizer.minimize(() => tf.tidy(() => x.square().sum()));
      const started = tf.memory().numTensors;
      for (let k = 0; k < 20; k++) optimizer.minimize(() => tf.tidy(() => x.square().sum()));
      expect(tf.memory().numTensors).toBe(started);
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });
});

describe('options', () => {
  it.each([
    [
      () => momo({ learningRate: -1 }),
      RangeError,
      'momo.MomoOptimizer: learningRate must be a finite number >= 0, got -1.',
    ],
    [() => momo({ learningRate: NaN }), RangeError, 'learningRate'],
    [() => momo({ learningRate: '1' as unknown as number }), TypeError, 'learningRate'],
    [
      () => momo({ beta: 1 }),
      RangeError,
      'beta must be a finite number >= 0 and < 1, got 1. With 1 the averages would never move.',
    ],
    [() => momo({ weightDecay: -0.1 }), RangeError, 'weightDecay'],
    [
      () => momo({ lowerBound: -Infinity }),
      RangeError,
      'lowerBound must be a finite number, got -Infinity. Without a known bound',
    ],
    [
      () => momo({ nonFinite: 'ignore' as 'skip' }),
      RangeError,
      'nonFinite must be one of "throw", "skip", "propagate", got "ignore".',
    ],
    [() => momo({ scalars: 'gpu' as 'device' }), RangeError, 'scalars'],
    [() => momo({ onStep: 1 as unknown as () => void }), TypeError, 'onStep must be a function, got 1.'],
    [() => momoAdam({ beta1: 1.5 }), RangeError, 'momo.MomoAdamOptimizer: beta1'],
    [() => momoAdam({ beta2: -0.1 }), RangeError, 'beta2'],
    [() => momoAdam({ epsilon: -1 }), RangeError, 'epsilon must be a finite number >= 0, got -1.'],
    [() => sps({ weightDecay: Infinity }), RangeError, 'momo.SpsOptimizer: weightDecay'],
    [() => new SgdEmaOptimizer({ beta: 2 }), RangeError, 'momo.SgdEmaOptimizer: beta'],
    [() => momo().setLearningRate(-2), RangeError, 'momo.MomoOptimizer.setLearningRate: learningRate'],
  ] as const)('names what it refuses: %s', (make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  it('survive getConfig and fromConfig', () => {
    const optimizers = [
      new MomoOptimizer({
        learningRate: 3,
        beta: 0.8,
        weightDecay: 0.1,
        lowerBound: -2,
        biasCorrection: true,
        useFstar: true,
        nonFinite: 'skip',
        scalars: 'device',
      }),
      new MomoAdamOptimizer({ learningRate: 0.3, beta1: 0.7, beta2: 0.9, epsilon: 1e-3, divide: false, lowerBound: 1 }),
      new SpsOptimizer({ learningRate: 2, prox: false, weightDecay: 0.2 }),
      new SgdEmaOptimizer({ learningRate: 0.2, beta: 0.5 }),
    ];
    for (const optimizer of optimizers) {
      const Class = optimizer.constructor as typeof MomoOptimizer;
      const copy = Class.fromConfig(Class, optimizer.getConfig());
      expect(copy.getConfig()).toEqual(optimizer.getConfig());
      expect(copy.getClassName()).toBe(optimizer.getClassName());
    }
  });

  it('refuse losses and gradients that do not fit', () => {
    const w = tf.variable(tf.tensor1d([1, 2]));
    const optimizer = momo();
    const before = tf.memory().numTensors;
    expect(() => optimizer.minimize(() => w.square() as unknown as tf.Scalar)).toThrow(
      'momo.MomoOptimizer: the loss must be a scalar tensor, got a float32 tensor of shape [2]. Take its mean over the batch first.',
    );
    const bad = tf.tensor1d([1, 2, 3]);
    expect(() => optimizer.applyGradientsWithLoss({ [w.name]: bad }, 1)).toThrow('must have its shape [2], got [3]');
    expect(() => optimizer.applyGradientsWithLoss({ nobody: bad }, 1)).toThrow(
      'named after registered variables, got "nobody"',
    );
    expect(() => optimizer.applyGradientsWithLoss({ [w.name]: null }, 1)).toThrow('at least one variable, got none');
    expect(() => optimizer.setLoss(bad as unknown as tf.Scalar)).toThrow(TypeError);
    bad.dispose();
    expect(tf.memory().numTensors).toBe(before);
    w.dispose();
  });
});
