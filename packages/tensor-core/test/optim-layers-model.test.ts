import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../src/backend';
import {
  AdamW,
  Adan,
  BaseOptimizer,
  cosine,
  DAdaptAdam,
  DAdaptAdan,
  DAdaptOptimizer,
  noDecayOnVectors,
  Sgd,
  type OptimizerOptions,
} from '../src/optim';
import { backendsUnderTest } from '../src/testing';
import { bits, FAMILY, type AnyOptimizer } from './optim-problems';

/** Adan with a restart cannot be saved: a test of its own. */
const SAVABLE = Object.entries(FAMILY).filter(([name]) => name !== 'Adan with restarts');

function data() {
  const x = tf.randomNormal([48, 6], 0, 1, 'float32', 7);
  const y = tf.tidy(() => tf.oneHot(x.slice([0, 0], [-1, 3]).argMax(1).toInt(), 3).toFloat());
  return { x, y };
}

function build(): tf.LayersModel {
  const initializer = (seed: number) => tf.initializers.glorotNormal({ seed });
  return tf.sequential({
    layers: [
      tf.layers.dense({ units: 8, inputShape: [6], activation: 'relu', kernelInitializer: initializer(3) }),
      tf.layers.dense({ units: 3, activation: 'softmax', kernelInitializer: initializer(4) }),
    ],
  });
}

const training = { epochs: 2, batchSize: 16, shuffle: false, verbose: 0 } as const;

/** The model and its optimiser through a file. */
async function saveAndLoad(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler((saved) => {
    artifacts = { ...saved, trainingConfig: JSON.parse(JSON.stringify(saved.trainingConfig)) as tf.io.TrainingConfig };
    return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } });
  });
  await model.save(handler, { includeOptimizer: true });
  return tf.loadLayersModel(tf.io.fromMemory(artifacts!));
}

describe.each(backendsUnderTest())('with tf.LayersModel on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  it.each(SAVABLE)('%s fits, is saved and loaded with its model, and both train on alike', async (_name, create) => {
    const { x, y } = data();
    const model = build();
    model.compile({ optimizer: create({ clipNorm: 1 }), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const { history } = await model.fit(x, y, { ...training, epochs: 4 });
    expect(history['loss']!.at(-1)).toBeLessThan(history['loss']![0] as number);
    const loaded = await saveAndLoad(model);
    expect(loaded.optimizer.getConfig()).toEqual(model.optimizer.getConfig());
    expect(loaded.optimizer.iterations).toBe(12);
    await model.fit(x, y, training);
    await loaded.fit(x, y, training);
    expect(bits(loaded.getWeights())).toEqual(bits(model.getWeights()));
    tf.dispose([x, y]);
  });

  it('an optimiser with functions of its own says what must be given again, and hands on its state', async () => {
    const { x, y } = data();
    const model = build();
    const options: OptimizerOptions = { learningRate: (step) => 0.01 / (1 + step), groups: [noDecayOnVectors] };
    model.compile({ optimizer: new AdamW(options), loss: 'categoricalCrossentropy' });
    await model.fit(x, y, training);
    const loaded = await saveAndLoad(model);
    await expect(loaded.fit(x, y, training)).rejects.toThrow(
      'tensor-core.AdamW: groups, learningRate must be given again after loading, got an optimiser whose functions ' +
        'were not saved. Compile the model with a new one, and hand it the weights of this: ' +
        'setWeights(await getWeights()).',
    );
    const saved = await loaded.optimizer.getWeights();
    loaded.compile({ optimizer: new AdamW(options), loss: 'categoricalCrossentropy' });
    await loaded.optimizer.setWeights(saved);
    await model.fit(x, y, training);
    await loaded.fit(x, y, training);
    expect(bits(loaded.getWeights())).toEqual(bits(model.getWeights()));
    tf.dispose([x, y, ...saved.map(({ tensor }) => tensor)]);
  });

  it('leaves frozen layers untouched', async () => {
    const { x, y } = data();
    const model = build();
    model.layers[0]!.trainable = false;
    const before = bits(model.layers[0]!.getWeights());
    model.compile({ optimizer: new AdamW(), loss: 'categoricalCrossentropy' });
    await model.fit(x, y, { ...training, epochs: 1 });
    expect(bits(model.layers[0]!.getWeights())).toEqual(before);
    tf.dispose([x, y]);
  });
});

describe('options', () => {
  it('survive getConfig and fromConfig', () => {
    const shared = {
      learningRate: cosine({ base: 1, steps: 9 }),
      weightDecay: 0.3,
      clipNorm: 2,
      nonFinite: 'skip',
    } as const;
    const optimizers: AnyOptimizer[] = [
      new AdamW({ ...shared, beta1: 0.5, beta2: 0.6, epsilon: 1e-3, amsgrad: true, decoupled: false }),
      new Sgd({ ...shared, momentum: 0.5, nesterov: true, decoupled: true }),
      new Sgd({ ...shared, momentum: 0.5, dampening: 0.25 }),
      new Adan({ ...shared, beta1: 0.5, beta2: 0.6, beta3: 0.7, epsilon: 1e-3, variant: 'lucidrains' }),
      new DAdaptAdam({ ...shared, beta1: 0.5, beta2: 0.6, epsilon: 1e-3, decoupled: false, initialD: 1e-3 }),
      new DAdaptAdan({ ...shared, beta1: 0.5, beta2: 0.6, beta3: 0.7, epsilon: 1e-3, growthRate: 1.02 }),
    ];
    for (const optimizer of optimizers) {
      const config = JSON.parse(JSON.stringify(optimizer.getConfig())) as tf.serialization.ConfigDict;
      const Class = optimizer.constructor as tf.serialization.SerializableConstructor<AnyOptimizer>;
      const copy = tf.Optimizer.fromConfig<AnyOptimizer>(Class, config);
      expect(copy.getConfig()).toEqual(config);
      expect(copy.getClassName()).toBe(optimizer.getClassName());
      expect(copy).toBeInstanceOf(optimizer.constructor);
      expect(copy.learningRate).toBe(1);
    }
    expect(new Adan({ restart: ({ step }) => step.equal(3) }).getConfig()['lacks']).toEqual(['restart']);
    expect(new AdamW({ weightDecay: (step) => step }).getConfig()['lacks']).toEqual(['weightDecay']);
    expect('lacks' in new AdamW().getConfig()).toBe(false);
  });

  it('have the defaults of PyTorch and of the papers', () => {
    expect(new AdamW().getConfig()).toMatchObject({
      learningRate: 1e-3,
      weightDecay: 0.01,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
    });
    expect(new AdamW({ decoupled: false }).getConfig()).toMatchObject({ weightDecay: 0 });
    expect(new Adan().getConfig()).toMatchObject({ weightDecay: 0.02, beta1: 0.98, beta2: 0.92, beta3: 0.99 });
    expect(new Adan({ variant: 'lucidrains' }).getConfig()).toMatchObject({ weightDecay: 0 });
    expect(new DAdaptAdan().getConfig()).toMatchObject({ learningRate: 1, initialD: 1e-6, weightDecay: 0 });
    expect('growthRate' in new DAdaptAdam().getConfig()).toBe(false);
  });

  it('give instances of their classes only', () => {
    expect(new AdamW()).toBeInstanceOf(BaseOptimizer);
    expect(new AdamW()).toBeInstanceOf(tf.Optimizer);
    expect(new AdamW()).not.toBeInstanceOf(DAdaptOptimizer);
    expect(tf.train.adam(0.1)).not.toBeInstanceOf(BaseOptimizer);
  });

  it.each([
    [
      () => new AdamW({ learningRate: -1 }),
      RangeError,
      'tensor-core.AdamW: learningRate must be a finite number >= 0, got -1.',
    ],
    [
      () => new AdamW({ learningRate: '1' as unknown as number }),
      TypeError,
      'tensor-core.AdamW: learningRate must be a number or a function of the step, got "1".',
    ],
    [() => new AdamW({ weightDecay: NaN }), RangeError, 'weightDecay'],
    [() => new AdamW({ clipNorm: 0 }), RangeError, 'tensor-core.AdamW: clipNorm must be a finite number > 0, got 0.'],
    [
      () => new AdamW({ nonFinite: 'ignore' as 'skip' }),
      RangeError,
      'nonFinite must be one of "throw", "skip", "propagate", got "ignore".',
    ],
    [
      () => new AdamW({ beta1: 1 }),
      RangeError,
      'tensor-core.AdamW: beta1 must be a finite number >= 0 and < 1, got 1. With 1 the averages would never move.',
    ],
    [() => new AdamW({ beta2: -0.1 }), RangeError, 'beta2'],
    [() => new AdamW({ epsilon: 0 }), RangeError, 'tensor-core.AdamW: epsilon must be a finite number > 0, got 0.'],
    [() => new Sgd({ momentum: 1 }), RangeError, 'tensor-core.Sgd: momentum'],
    [() => new Sgd({ dampening: 1.5 }), RangeError, 'dampening'],
    [
      () => new Sgd({ nesterov: true }),
      RangeError,
      'tensor-core.Sgd: nesterov must come with momentum and without dampening, got [0, 0].',
    ],
    [() => new Sgd({ nesterov: true, momentum: 0.9, dampening: 0.1 }), RangeError, 'got [0.9, 0.1].'],
    [() => new Adan({ beta1: 1 }), RangeError, 'tensor-core.Adan: beta1'],
    [() => new Adan({ beta2: 1 }), RangeError, 'beta2'],
    [() => new Adan({ beta3: 1 }), RangeError, 'beta3'],
    [() => new Adan({ epsilon: -1 }), RangeError, 'epsilon'],
    [() => new Adan({ variant: 'mine' as 'paper' }), RangeError, 'variant must be one of "paper", "lucidrains"'],
    [
      () => new Adan({ restart: true as unknown as () => tf.Tensor }),
      TypeError,
      'tensor-core.Adan: restart must be a function, got true.',
    ],
    [() => new DAdaptAdam({ initialD: 0 }), RangeError, 'tensor-core.DAdaptAdam: initialD must be a finite number > 0'],
    [() => new DAdaptAdam({ growthRate: 1 }), RangeError, 'growthRate must be a finite number > 1, got 1.'],
    [() => new DAdaptAdam({ growthRate: NaN }), RangeError, 'growthRate'],
    [() => new DAdaptAdam({ beta1: 1 }), RangeError, 'beta1'],
    [() => new DAdaptAdam({ beta2: 1 }), RangeError, 'beta2'],
    [() => new DAdaptAdam({ epsilon: 0 }), RangeError, 'epsilon'],
    [() => new DAdaptAdan({ beta1: 1 }), RangeError, 'tensor-core.DAdaptAdan: beta1'],
    [() => new DAdaptAdan({ beta2: 1 }), RangeError, 'beta2'],
    [() => new DAdaptAdan({ beta3: 1 }), RangeError, 'beta3'],
    [() => new DAdaptAdan({ epsilon: 0 }), RangeError, 'epsilon'],
    [
      () => new DAdaptAdan({ groups: [{ filter: () => true, lrScale: 0.5 }] }),
      RangeError,
      'tensor-core.DAdaptAdan: lrScale must be left out of groups, got 0.5. All variables share one d',
    ],
    [() => new AdamW().setLearningRate(-2), RangeError, 'tensor-core.AdamW.setLearningRate: learningRate'],
  ] as const)('name what they refuse: %s', (make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });
});
