import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { HierarchicalSketch, PolynomialSketch, TensorSketch, type FeatureMap } from '../src/index';
import { polynomialSketch, type SketchLayer, type SketchLayerConfig } from '../src/sketches/sketch-layer';

/** Rounding of float32 by two orders of operations, relative to the largest value. */
const ROUNDING = 2e-5;
/** Central differences of float32 values with steps of 1e-2: rounding over the step, and the third derivative. */
const DIFFERENCES = 5e-3;
const STEP = 1e-2;

const KERNEL = { features: 12, degree: 2, gamma: 0.8, coef0: 0.5, variance: 1.3 };
const LEARN = ['gamma', 'coef0', 'variance'] as const;

const x = random.fillNormal(random.key(1), new Float32Array(24 * 5), { std: 0.5 });
const matrix = (rows = 24): tf.Tensor2D => tf.tensor2d(x.slice(0, 5 * rows), [rows, 5]);

const KINDS: [string, SketchLayerConfig, () => FeatureMap][] = [
  ['product', { ...KERNEL, key: 3 }, () => new PolynomialSketch({ ...KERNEL, inputDim: 5, key: 3 })],
  [
    'product, real and gaussian',
    { ...KERNEL, mode: 'real', projection: 'gaussian', key: random.key(4) },
    () => new PolynomialSketch({ ...KERNEL, inputDim: 5, mode: 'real', projection: 'gaussian', key: 4 }),
  ],
  [
    'hierarchical',
    { ...KERNEL, kind: 'hierarchical', hierarchy: 'sequential', srhtBlocks: 'independent', key: 3 },
    () =>
      new HierarchicalSketch({ ...KERNEL, inputDim: 5, hierarchy: 'sequential', srhtBlocks: 'independent', key: 3 }),
  ],
  ['tensor', { ...KERNEL, kind: 'tensor', key: 3 }, () => new TensorSketch({ ...KERNEL, inputDim: 5, key: 3 })],
];

function closely(expected: ArrayLike<number>, tolerance = ROUNDING): { rtol: number; atol: number } {
  return {
    rtol: 0,
    atol: tolerance * Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  };
}

function applied(layer: tf.layers.Layer, inputs: tf.Tensor): tf.Tensor {
  return layer.apply(inputs) as tf.Tensor;
}

function modelOf(config: SketchLayerConfig): tf.LayersModel {
  const dense = tf.layers.dense({ units: 1, kernelInitializer: tf.initializers.glorotNormal({ seed: 2 }) });
  return tf.sequential({ layers: [polynomialSketch({ ...config, inputShape: [5] }), dense] });
}

/** The model through a file. */
async function saveAndLoad(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((saved) => {
      artifacts = { ...saved, modelTopology: JSON.parse(JSON.stringify(saved.modelTopology)) as object };
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    }),
  );
  return tf.loadLayersModel(tf.io.fromMemory(artifacts!));
}

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(KINDS)('%s', (_name, config, create) => {
    it.each([
      ['given parameters', []],
      ['parameters to learn', LEARN],
      ['one parameter to learn', ['gamma']],
    ] as const)('has the features of the sketch, with %s', (_what, learn) => {
      const layer = polynomialSketch({ ...config, learn });
      const map = create();
      tf.tidy(() => {
        const expected = map.transform(matrix()).dataSync();
        expect(applied(layer, matrix()).dataSync()).toBeAllclose(expected, closely(expected));
      });
      expect(layer.trainableWeights).toHaveLength(learn.length);
      expect(layer.nonTrainableWeights).toHaveLength(0);
      layer.dispose();
      map.dispose();
    });

    it('takes inputs of more axes', () => {
      const layer = polynomialSketch(config);
      tf.tidy(() => {
        const flat = applied(layer, matrix());
        const stacked = applied(layer, matrix().reshape([2, 3, 4, 5]));
        expect(stacked.shape).toEqual([2, 3, 4, 12]);
        expect(stacked.reshape([24, 12]).dataSync()).toEqual(flat.dataSync());
        expect(layer.computeOutputShape([null, 7, 5])).toEqual([null, 7, 12]);
        expect(layer.computeOutputShape([[null, 5]])).toEqual([null, 12]);
      });
      layer.dispose();
    });

    it('has the gradients of points and of parameters', () => {
      const layer = polynomialSketch({ ...config, learn: LEARN });
      const weight = random.fillNormal(random.key(2), new Float32Array(3 * 12));
      const loss = (z: tf.Tensor): tf.Scalar =>
        applied(layer, z)
          .mul(tf.tensor2d(weight, [3, 12]))
          .sum<tf.Scalar>();
      const point = x.slice(0, 15);
      tf.tidy(() => void applied(layer, matrix(3)));
      const logarithms = layer.getWeights().map((log) => log.dataSync()[0]!);
      expect(logarithms).toBeAllclose([0.8, 0.5, 1.3].map(Math.log), closely([1]));
      const ofPoints = (z: Float64Array): number =>
        tf.tidy(() => loss(tf.tensor2d(Float32Array.from(z), [3, 5])).dataSync()[0]!);
      const ofLogarithms = (logs: Float64Array): number =>
        tf.tidy(() => {
          layer.setWeights([...logs].map((log) => tf.scalar(log)));
          return loss(matrix(3)).dataSync()[0]!;
        });
      const byPoints = finiteDifferences(ofPoints, point, STEP);
      const byLogarithms = finiteDifferences(ofLogarithms, logarithms, STEP);
      tf.tidy(() => {
        layer.setWeights(logarithms.map((log) => tf.scalar(log)));
        const gradient = tf.grad(loss)(matrix(3)).dataSync();
        expect(gradient).toBeAllclose(byPoints, closely(byPoints, DIFFERENCES));
        const variables = layer.trainableWeights.map((log) => log.read() as unknown as tf.Variable);
        const { grads } = tf.variableGrads(() => loss(matrix(3)), variables);
        const found = variables.map(({ name }) => grads[name]!.dataSync()[0]!);
        expect(found).toBeAllclose([...byLogarithms], closely(byLogarithms, DIFFERENCES));
      });
      layer.dispose();
    });

    it('learns in a model, and is the same after it was saved', async () => {
      const learn = config.mode === 'real' ? [] : LEARN;
      const model = modelOf({ ...config, learn });
      const inputs = matrix();
      const targets = tf.tidy(() => {
        const [first, second] = tf.split(inputs, 5, 1);
        return inputs.square().sum(1, true).add(first!.mul(second!));
      });
      model.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
      const { history } = await model.fit(inputs, targets, { epochs: 15, batchSize: 8, shuffle: false, verbose: 0 });
      expect(history['loss']!.at(-1)).toBeLessThan(0.5 * (history['loss']![0] as number));
      const layer = model.layers[0] as SketchLayer;
      const learnt = await layer.kernelParameters();
      if (learn.length > 0) expect(learnt.gamma).not.toBeCloseTo(KERNEL.gamma, 2);
      else expect(learnt).toEqual({ degree: 2, gamma: 0.8, coef0: 0.5, variance: 1.3 });

      const loaded = await saveAndLoad(model);
      expect(await (loaded.layers[0] as SketchLayer).kernelParameters()).toEqual(learnt);
      tf.tidy(() => {
        const expected = (model.predict(inputs) as tf.Tensor).dataSync();
        expect((loaded.predict(inputs) as tf.Tensor).dataSync()).toEqual(expected);
      });
      expect(loaded.layers[0]!.getConfig()).toEqual(layer.getConfig());
      [model, loaded].forEach((one) => one.dispose());
      tf.dispose([inputs, targets]);
    });

    it('keeps given weights, in its configuration and in models', async () => {
      const map = create();
      const { key: _, ...others } = config;
      const model = modelOf({ ...others, weights: map.weights() });
      const loaded = await saveAndLoad(model);
      const again = tf.models.modelFromJSON as (json: object) => Promise<tf.LayersModel>;
      const fromJson = await again({ modelTopology: JSON.parse(model.toJSON() as unknown as string) as object });
      tf.tidy(() => {
        const expected = map.transform(matrix()).dataSync();
        for (const one of [model, loaded, fromJson]) {
          expect(applied(one.layers[0]!, matrix()).dataSync()).toBeAllclose(expected, closely(expected));
        }
      });
      [model, loaded, fromJson, map].forEach((one) => one.dispose());
    });

    it('works inside of compiled functions', () => {
      const layer = polynomialSketch({ ...config, learn: LEARN });
      tf.tidy(() => {
        const expected = applied(layer, matrix()).dataSync();
        const compiled = jit((z: tf.Tensor) => applied(layer, z));
        expect(compiled(matrix()).dataSync()).toBeAllclose(expected, closely(expected));
      });
      layer.dispose();
    });

    it('leaves nothing behind after its model', async () => {
      await expect(async () => {
        const model = modelOf({ ...config, learn: ['coef0'] });
        model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
        const [inputs, targets] = [matrix(), tf.ones([24, 1])];
        await model.fit(inputs, targets, { epochs: 1, verbose: 0 });
        tf.dispose([model.predict(inputs), inputs, targets]);
        const { numTensors } = tf.memory();
        const z = matrix();
        (model.predict(z) as tf.Tensor).dispose();
        z.dispose();
        expect(tf.memory().numTensors).toBe(numTensors);
        model.dispose();
      }).toLeakNothing();
    });
  });
});
