import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { optim, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { generate, Numformer, NumberScaler, NumberTokenizer, trainNumformer, type NumformerConfig } from '../src';

const NUM = 3;
const create = (config: Partial<NumformerConfig> = {}): Numformer => {
  const size = { vocabSize: 8, width: 16, heads: 2, layers: 2, feedForward: 24, context: 100 };
  return Numformer.create({ ...size, causal: true, ...config }, 4);
};
const prefix = { ids: [4, NUM, 5], numbers: [7, 0.5, 7] };
const scaler = NumberScaler.fit([-1, 3]);

/** Logits and nu behind tokens by the model itself, numbers in scaled units. */
function direct(model: Numformer, ids: number[], numbers: number[]): { logits: number[]; nu: number } {
  return tf.tidy(() => {
    const out = model.forward(tf.tensor2d([ids], undefined, 'int32'), tf.tensor2d([numbers]));
    const logits = out.logits.slice([0, ids.length - 1, 0], [1, 1, -1]).dataSync<'float32'>();
    return { logits: [...logits], nu: out.numbers!.dataSync<'float32'>()[ids.length - 1]! };
  });
}

describe.each(backendsUnderTest())('generate on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('adds the most probable tokens and their values, past the border of a length', async () => {
    const before = tf.memory().numTensors;
    const model = create();
    const told: number[] = [];
    const [text] = await generate(model, prefix, { maxTokens: 70, scaler, onToken: ({ id }) => void told.push(id) });
    expect(model.training).toBe(true);
    model.eval();
    const ids = [...prefix.ids];
    const scaled = [1, scaler.transform([0.5])[0]!, 1];
    let logProbability = 0;
    for (let step = 0; step < 70; step++) {
      const { logits, nu } = direct(model, ids, scaled);
      // Where two tokens are as good as equal either may come.
      const id = text!.ids[ids.length]!;
      expect(logits[id]).toBeGreaterThan(Math.max(...logits) - 1e-3);
      const sum = logits.reduce((total, value) => total + Math.exp(value), 0);
      logProbability += logits[id]! - Math.log(sum);
      ids.push(id);
      scaled.push(id === NUM ? nu : 1);
    }
    expect([...text!.ids]).toEqual(ids);
    expect(told).toEqual(ids.slice(3));
    const numbers = scaler.inverse(scaled).map((value, t) => (ids[t] === NUM ? value : 1));
    expect(text!.numbers).toBeAllclose(numbers, { rtol: 1e-3, atol: 1e-4 });
    expect(text!.numbers[1]).toBe(0.5);
    expect(text!.logProbability).toBeCloseTo(logProbability, 2);
    expect(text!.finished).toBe(false);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('ends at the token of the end, or where the caller says', async () => {
    const model = create();
    const [long] = await generate(model, prefix, { maxTokens: 20 });
    const endId = long!.ids[5]!;
    const first = long!.ids.indexOf(endId, 3);
    const [text] = await generate(model, prefix, { endId });
    expect([...text!.ids]).toEqual([...long!.ids.subarray(0, first + 1)]);
    expect(text!.finished).toBe(true);
    const [cut] = await generate(model, prefix, { until: (ids) => ids.length === 9 });
    expect(cut).toMatchObject({ ids: long!.ids.slice(0, 9), finished: true });
    model.dispose();
  });

  it('draws tokens as often as they are probable, and only from the best', async () => {
    const model = create({ context: 8 });
    const [count, temperature] = [4000, 0.7];
    const texts = await generate(model, prefix, { count, temperature, key: 1, maxTokens: 1 });
    model.eval();
    const { logits } = direct(model, prefix.ids, [1, 0.5, 1]);
    const weights = logits.map((value) => Math.exp(value / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    weights.forEach((weight, id) => {
      const p = weight / total;
      const found = texts.filter((text) => text.ids[3] === id).length / count;
      expect(Math.abs(found - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / count) + 1e-3);
    });
    const best = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 2);
    const few = await generate(model, prefix, { count: 200, temperature: 2, topK: 2, key: 1, maxTokens: 1 });
    expect(new Set(few.map(({ ids }) => ids[3]))).toEqual(new Set(best));
    const options = { count: 3, temperature: 1, key: random.key(2), maxTokens: 4 };
    expect(await generate(model, prefix, options)).toEqual(await generate(model, prefix, options));
    model.dispose();
  });

  it('refuses bad arguments, and stops when it is told to', async () => {
    const model = create({ context: 4 });
    const masked = create({ causal: false });
    await expect(generate(masked, prefix)).rejects.toThrow(/config.causal must be true/);
    await expect(generate(model, { ids: [], numbers: [] })).rejects.toThrow(/prefix must have at least one token/);
    await expect(generate(model, prefix, { maxTokens: 2 })).rejects.toThrow(/maxTokens/);
    await expect(generate(model, { ids: [4, 4, 4, 4, 4], numbers: [1, 1, 1, 1, 1] })).rejects.toThrow(/fit into 4/);
    await expect(generate(model, prefix, { temperature: 1 })).rejects.toThrow(/key must be given/);
    for (const bad of [{ count: 0 }, { temperature: -1 }, { topK: 0 }, { endId: 8 }]) {
      await expect(generate(model, prefix, bad)).rejects.toThrow(RangeError);
    }
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(generate(model, prefix, { signal })).rejects.toThrow('enough');
    model.dispose();
    masked.dispose();
  });
});

describe('a causal model that has learned', () => {
  it('goes on with the right words and the right number', async () => {
    await useBackend('onnx');
    const tokenizer = NumberTokenizer.build({ keys: ['force', 'length'] });
    const samples = Array.from({ length: 1000 }, (_, i) => {
      const force = 5 * Math.sin(i);
      return tokenizer.encode(`{'force':${force},'length':${2 + 0.4 * force}}[END]`);
    });
    const size = { width: 32, heads: 4, layers: 2, feedForward: 64, context: 16, dropout: 0 };
    const model = Numformer.create({ ...size, vocabSize: tokenizer.vocabSize, causal: true }, 0);
    const own = NumberScaler.fit(samples.map(({ numbers }) => numbers));
    const { maskId, padId, endId } = tokenizer;
    const optimizer = new optim.AdamW({ learningRate: optim.cosine({ base: 4e-3, warmup: 50, steps: 300 }) });
    const batches = { samples, maskId, padId, scaler: own, batchSize: 64, steps: 300, key: 1 };
    await trainNumformer(model, { ...batches, optimizer });
    for (const force of [-4, 0.3, 4.5]) {
      const [text] = await generate(model, tokenizer.encode(`{'force':${force},`), { endId, scaler: own });
      expect(text!.finished).toBe(true);
      const written = tokenizer.decode(text!.ids, text!.numbers);
      const length = Number(/^\{'force':[-.\d]+,'length':([-.\d]+)\}\[END\]$/.exec(written)?.[1]);
      expect(Math.abs(length - (2 + 0.4 * force))).toBeLessThan(0.15);
    }
    model.dispose();
    optimizer.dispose();
  });
});
