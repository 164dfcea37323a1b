import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { nn, optim, random, train, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../src/batches/collate';
import { Numformer } from '../src/model/numformer';
import type { NumformerConfig } from '../src/model/numformer-config';
import { saveNumformer } from '../src/model/saved-numformer';
import { batchLoss, trainNumformer, type TrainNumformerOptions } from '../src/training/train-numformer';

const [MASK, PAD, NUM] = [1, 2, 3];
const TOKENS = { padId: PAD, maskId: MASK };
const TINY: NumformerConfig = {
  vocabSize: 6,
  width: 16,
  heads: 2,
  layers: 1,
  feedForward: 32,
  context: 4,
  dropout: 0.1,
};

/** a + b = c, tokens NUM + NUM = NUM, of which the last is asked for. */
function sums(count: number, seed: number): TrainNumformerOptions['samples'] {
  const draws = random.fillUniform(random.key(seed), new Float64Array(2 * count), { low: -1, high: 1 });
  return Array.from({ length: count }, (_, i) => {
    const [a, b] = [draws[2 * i]!, draws[2 * i + 1]!];
    return { ids: [NUM, NUM, 4, NUM], numbers: [a, b, 1, a + b], mask: [0, 0, 0, 1] };
  });
}

const options = (): TrainNumformerOptions => ({
  ...TOKENS,
  samples: sums(64, 1),
  batchSize: 16,
  steps: 12,
  key: 2,
  optimizer: new optim.AdamW({ learningRate: 3e-3 }),
});

describe.each(backendsUnderTest())('trainNumformer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('learns to add', async () => {
    const before = tf.memory().numTensors;
    const model = Numformer.create({ ...TINY, dropout: 0 }, 0);
    const optimizer = new optim.AdamW({ learningRate: 1e-2 });
    const validate = { samples: sums(64, 9) as never, every: { epochs: 5 } };
    const { history } = await trainNumformer(model, { ...options(), optimizer, steps: 60, validate });
    const losses = history.flatMap(({ values }) => values['validation/numbers'] ?? []);
    // The variance of the sum of two uniform numbers on [-1, 1] is 2/3.
    expect(losses.at(-1)).toBeLessThan(0.1);
    optimizer.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('computes the loss of labelled positions alone as that of all', () => {
    tf.tidy(() => {
      const model = Numformer.create(TINY, 0).eval();
      const [one, all] = [true, false].map((labelledOnly) =>
        batchLoss(model, collate(sums(8, 3) as never, { ...TOKENS, numberId: NUM, labelledOnly })).loss.dataSync(),
      );
      expect(one).toBeAllclose(all!, { rtol: 1e-5, atol: 0 });
      model.dispose();
    });
  });
});

describe('trainNumformer', () => {
  beforeAll(() => useBackend('onnx'));

  it('goes on after a stop and ends with the same weights, bit for bit', async () => {
    const run = async (stopAt: number | null): Promise<Uint8Array> => {
      const store = train.memoryStore();
      const model = Numformer.create(TINY, 0);
      const controller = new AbortController();
      const settings = (): TrainNumformerOptions => ({ ...options(), checkpoint: { store, every: 100 } });
      const onStep = (step: number): void => void (step === stopAt && controller.abort());
      const one = settings();
      const { status } = await trainNumformer(model, { ...one, signal: controller.signal, callbacks: { onStep } });
      one.optimizer!.dispose();
      expect(status).toBe(stopAt === null ? 'finished' : 'aborted');
      if (stopAt === null) return end(model);
      model.dispose();
      const again = Numformer.create(TINY, 5);
      const other = settings();
      expect((await trainNumformer(again, other)).status).toBe('finished');
      other.optimizer!.dispose();
      return end(again);
    };
    const end = async (model: Numformer): Promise<Uint8Array> => {
      const bytes = await saveNumformer(model);
      model.dispose();
      return bytes;
    };
    expect(await run(5)).toEqual(await run(null));
  });

  it("trains a causal model, and one of tokens alone, with the authors' optimiser by default", async () => {
    const before = tf.memory().numTensors;
    for (const config of [{ causal: true }, { numberId: null }]) {
      const model = Numformer.create({ ...TINY, ...config }, 0);
      const { optimizer, ...rest } = options();
      optimizer!.dispose();
      const { history } = await trainNumformer(model, { ...rest, steps: 3, logEvery: 1 });
      expect(history).toHaveLength(3);
      expect(Number.isFinite(history[2]!.values['loss'])).toBe(true);
      model.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses bad samples and optimisers, and leaves nothing behind', async () => {
    const before = tf.memory().numTensors;
    const model = Numformer.create(TINY, 0);
    const { optimizer, ...rest } = options();
    const long = [{ ids: [4, 4, 4, 4, 4], numbers: [1, 1, 1, 1, 1] }];
    await expect(trainNumformer(model, { ...rest, samples: long })).rejects.toThrow('must fit into 4 tokens');
    const stray = [{ ids: [6], numbers: [1] }];
    await expect(trainNumformer(model, { ...rest, samples: stray })).rejects.toThrow('must be from 0 to 5, got 6.');
    await expect(trainNumformer(model, { ...rest, optimizer: {} as tf.Optimizer })).rejects.toThrow(
      'xval.trainNumformer: optimizer must be a tf.Optimizer',
    );
    optimizer!.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(model).toBeInstanceOf(nn.Module);
  });
});
