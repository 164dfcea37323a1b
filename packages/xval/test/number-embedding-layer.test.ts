import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, optim, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { NumberEmbedding, Numformer, NumberTokenizer, type NumberEmbeddingConfig } from '../src';

const NUM = 3;
const CONFIG = { vocabSize: 7, width: 4, context: 6, seed: 1 };

function modelOf(config: NumberEmbeddingConfig, length: number): tf.LayersModel {
  const inputs = [tf.input({ shape: [length], dtype: 'int32' }), tf.input({ shape: [length] })];
  const hidden = new NumberEmbedding(config).apply(inputs) as tf.SymbolicTensor;
  const flat = tf.layers.flatten().apply(hidden) as tf.SymbolicTensor;
  return tf.model({ inputs, outputs: tf.layers.dense({ units: 1 }).apply(flat) as tf.SymbolicTensor });
}

describe.each(backendsUnderTest())('NumberEmbedding on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('embeds as the Numformer does', () => {
    const before = tf.memory().numTensors;
    const own = Numformer.create({ vocabSize: 7, width: 4, heads: 1, layers: 1, feedForward: 4, context: 6 }, 0);
    const layer = new NumberEmbedding(CONFIG);
    tf.tidy(() => {
      const ids = tf.tensor2d([[4, NUM, 5], [NUM, NUM, 0]], undefined, 'int32'); // prettier-ignore
      const values = tf.tensor2d([[9, 0.5, 9], [-2, 0, 9]]); // prettier-ignore
      layer.apply([ids, values]);
      const [tokens, positions] = layer.getWeights() as [tf.Tensor, tf.Tensor];
      expect([tokens.shape, positions.shape]).toEqual([[7, 4], [6, 4]]); // prettier-ignore
      const state = new Map(own.namedParameters());
      layer.setWeights([state.get('token_embed.weight')!, state.get('position_embed.weight')!]);
      const embedded = layer.apply([ids, values]) as tf.Tensor;
      expect(embedded.dataSync()).toBeAllclose(own.embedTokens(ids, values).dataSync(), { rtol: 1e-6, atol: 1e-6 });
    });
    layer.dispose();
    own.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('starts normal, the same by a seed, and without positions where there is no context', () => {
    const weightsOf = (config: NumberEmbeddingConfig): Float32Array[] => {
      const layer = new NumberEmbedding(config);
      const values = tf.tidy(() => {
        layer.apply([tf.zeros([1, 2], 'int32'), tf.ones([1, 2])]);
        return layer.getWeights().map((weight) => weight.dataSync<'float32'>());
      });
      layer.dispose();
      return values;
    };
    const [tokens] = weightsOf({ vocabSize: 100, width: 100, seed: 3 }) as [Float32Array];
    expect(weightsOf({ vocabSize: 100, width: 100, seed: 3 })).toEqual([tokens]);
    const mean = tokens.reduce((sum, value) => sum + value, 0) / tokens.length;
    const square = tokens.reduce((sum, value) => sum + value ** 2, 0) / tokens.length;
    // Five deviations of means over 10,000 normal numbers.
    expect(Math.abs(mean)).toBeLessThan(0.05);
    expect(Math.abs(square - 1)).toBeLessThan(5 * Math.sqrt(2 / 10_000));
  });

  it('learns within a LayersModel, which comes back from its file', async () => {
    const tokenizer = NumberTokenizer.build({ keys: ['x', 'y'] });
    const texts = Array.from({ length: 64 }, (_, i) => tokenizer.encode(`{'x':${Math.sin(i)},'y':${Math.cos(2 * i)}}`));
    const L = texts[0]!.ids.length;
    const ids = tf.tensor2d(texts.map((text) => [...text.ids]), undefined, 'int32'); // prettier-ignore
    const values = tf.tensor2d(texts.map((text) => [...text.numbers]));
    const sums = tf.tensor2d(texts.map(({ numbers }) => [numbers[2]! - 2 * numbers[5]!]));
    const model = modelOf({ vocabSize: tokenizer.vocabSize, width: 8, context: L, seed: 0 }, L);
    const optimizer = new optim.AdamW({ learningRate: 0.02, weightDecay: 0 });
    model.compile({ optimizer, loss: 'meanSquaredError' });
    const { history } = await model.fit([ids, values], sums, { epochs: 60, verbose: 0 });
    expect(history['loss']!.at(-1)).toBeLessThan(1e-2);
    let saved: tf.io.ModelArtifacts | null = null;
    await model.save(
      tf.io.withSaveHandler((artifacts) => {
        saved = artifacts;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } });
      }),
    );
    const again = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    const predict = (of: tf.LayersModel): Float32Array =>
      tf.tidy(() => (of.predict([ids, values]) as tf.Tensor).dataSync<'float32'>());
    expect(predict(again)).toBeAllclose(predict(model), { rtol: 1e-6, atol: 1e-6 });
    tf.dispose([ids, values, sums]);
    [model, again, optimizer].forEach((own) => own.dispose());
  });

  it('refuses bad options and inputs', () => {
    const bad = { vocabSize: 0, width: 0.5, numberId: 7, context: -1, seed: 0.5 };
    for (const [name, value] of Object.entries(bad)) {
      expect(() => new NumberEmbedding({ ...CONFIG, [name]: value })).toThrow(`xval.NumberEmbedding: ${name} must`);
    }
    tf.tidy(() => {
      const layer = new NumberEmbedding(CONFIG);
      expect(() => layer.apply([tf.zeros([1, 7], 'int32'), tf.ones([1, 7])])).toThrow(/at most 6 tokens/);
      expect(() => layer.apply([tf.zeros([1, 3], 'int32'), tf.ones([1, 2])])).toThrow(check.ShapeError);
      expect(() => layer.apply(tf.zeros([1, 3], 'int32'))).toThrow(/inputs must be ids and values/);
      layer.dispose();
    });
  });
});
