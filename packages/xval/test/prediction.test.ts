import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../src/batches/collate';
import type { Sample } from '../src/batches/padded';
import { Numformer } from '../src/model/numformer';
import type { NumformerConfig } from '../src/model/numformer-config';
import { predictMasked } from '../src/prediction/predict-masked';
import { predictNumberGroups } from '../src/prediction/predict-number-groups';
import { predictNumbers } from '../src/prediction/predict-numbers';
import { NumberScaler } from '../src/scaling/number-scaler';

const [MASK, PAD, NUM] = [1, 2, 3];
/** float32 sums in another order. */
const FLOAT32 = { rtol: 1e-4, atol: 1e-5 };
const create = (config: Partial<NumformerConfig> = {}): Numformer =>
  Numformer.create({ vocabSize: 8, width: 16, heads: 2, layers: 2, feedForward: 24, context: 8, ...config }, 0);
const SAMPLES: Sample[] = [
  { ids: [4, NUM, 5, NUM], numbers: [1, 0.5, 1, -2] },
  { ids: [NUM, 6], numbers: [3, 1] },
  { ids: [NUM, NUM, 7, NUM, 4, NUM], numbers: [1, 2, 1, -1, 1, 0] },
];
const scaler = NumberScaler.fit([-4, 6]);

/** nu at masked positions by the model itself, in the units of the text. */
function direct(model: Numformer, sample: Sample, masked: number[]): Float64Array {
  const numbers = tf.tidy(() => {
    const mask = Array.from(sample.ids, (_, t) => masked.includes(t));
    const { x, xNumbers } = collate([sample], { padId: PAD, maskId: MASK, numberId: NUM, mask, scaler });
    return model.forward(x, xNumbers).numbers!.dataSync<'float32'>();
  });
  return scaler.inverse(masked.map((t) => numbers[t]!));
}

describe.each(backendsUnderTest())('predictions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('are those of the model for texts with masks, together or one by one', async () => {
    const before = tf.memory().numTensors;
    const model = create();
    const together = await predictMasked(model, SAMPLES[2]!, [0, 3, 2], { maskId: MASK, scaler });
    const apart = await predictMasked(model, SAMPLES[2]!, [0, 3, 2], { maskId: MASK, scaler, allAtOnce: false });
    // Dropout is off meanwhile, and on again afterwards.
    expect(model.training).toBe(true);
    model.eval();
    const values = (predictions: typeof together): number[] => predictions.map(({ value }) => value!);
    expect(values(together)).toBeAllclose(direct(model, SAMPLES[2]!, [0, 3, 2]), FLOAT32);
    const single = [0, 3, 2].map((t) => direct(model, SAMPLES[2]!, [t])[0]!);
    expect(values(apart)).toBeAllclose(single, FLOAT32);
    expect(together.map(({ trueToken, trueValue }) => [trueToken, trueValue])).toEqual([
      [NUM, 1],
      [NUM, -1],
      [7, null],
    ]);
    for (const { probability, numberProbability, token } of together) {
      expect(probability).toBeGreaterThanOrEqual(numberProbability);
      expect(probability === numberProbability).toBe(token === NUM);
    }
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('of many samples do not depend on how they are batched', async () => {
    const model = create().eval();
    const options = { maskId: MASK, scaler };
    const all = await predictNumbers(model, SAMPLES, options);
    const small = await predictNumbers(model, SAMPLES, { ...options, batchSize: 2, lengths: [3, 4] });
    expect([...all.sample]).toEqual([0, 0, 1, 2, 2, 2, 2]);
    expect([...all.position]).toEqual([1, 3, 0, 0, 1, 3, 5]);
    expect([...all.truth]).toEqual([0.5, -2, 3, 1, 2, -1, 0]);
    expect(small.prediction).toBeAllclose(all.prediction, FLOAT32);
    const wanted = Array.from(all.sample, (b, i) => direct(model, SAMPLES[b]!, [all.position[i]!])[0]!);
    expect(all.prediction).toBeAllclose(wanted, FLOAT32);
    const some = await predictNumbers(model, SAMPLES, { ...options, which: [[3], [], [0, 1]] });
    const both = direct(model, SAMPLES[2]!, [0, 1]);
    expect(some.prediction).toBeAllclose([direct(model, SAMPLES[0]!, [3])[0]!, ...both], FLOAT32);
    expect(some.numberFraction).toBe(some.saysNumber.reduce((sum, value) => sum + value, 0) / 3);
    model.dispose();
  });

  it('of tokens are the most probable ones, decoded', async () => {
    const before = tf.memory().numTensors;
    const model = create({ numberId: null }).eval();
    const samples = SAMPLES.map((sample) => ({ ...sample, mask: Array.from(sample.ids, (_, t) => t < 2) }));
    const asked: number[][] = [];
    const decode = (ids: number[]): number | null => {
      asked.push(ids);
      return ids[0] === NUM && ids[1] === 6 ? 36 : ids[0]! < 3 ? null : 10 * ids[0]! + ids[1]!;
    };
    const { truth, prediction, invalid, probability } = await predictNumberGroups(model, samples, {
      maskId: MASK,
      decode,
    });
    expect([...truth]).toEqual([43, 36, 33]);
    const tokens = await Promise.all(samples.map((sample) => predictMasked(model, sample, [0, 1], { maskId: MASK })));
    tokens.forEach((own, b) => {
      const ids = own.map(({ token }) => token);
      expect(asked[3 + b]).toEqual(ids);
      expect(prediction[b]).toBe(decode(ids) ?? NaN);
      expect(probability[b]).toBeCloseTo(own[0]!.probability * own[1]!.probability, 5);
      expect(own[0]).toMatchObject({ value: null, numberProbability: 0 });
    });
    expect(invalid).toBe(prediction.filter(Number.isNaN).length);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('predictions', () => {
  beforeAll(() => useBackend('cpu'));

  it('tell how far they are, and stop when they are told to', async () => {
    const model = create().eval();
    const before = tf.memory().numTensors;
    const told: number[] = [];
    const options = { maskId: MASK, batchSize: 2 };
    const onProgress = ({ done, total }: { done: number; total: number }): void => void told.push(done / total);
    await predictNumbers(model, SAMPLES, { ...options, onProgress });
    expect(told.at(-1)).toBe(1);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    const controller = new AbortController();
    const reason = new Error('enough');
    const stop = (): void => controller.abort(reason);
    const stopped = predictNumbers(model, SAMPLES, { ...options, onProgress: stop, signal: controller.signal });
    await expect(stopped).rejects.toBe(reason);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('of nothing are none', async () => {
    const model = create();
    expect(await predictMasked(model, SAMPLES[0]!, [], { maskId: MASK })).toEqual([]);
    const none = await predictNumbers(model, [{ ids: [4], numbers: [1] }], { maskId: MASK });
    expect([none.prediction.length, none.numberFraction]).toEqual([0, 1]);
    model.dispose();
  });

  it('refuse other models, samples, positions and options, and leave nothing behind', async () => {
    const [model, causal, tokens] = [create(), create({ causal: true }), create({ numberId: null })];
    const before = tf.memory().numTensors;
    const masked = (sample: Sample, positions: number[], options = {}): Promise<unknown> =>
      predictMasked(model, sample, positions, { maskId: MASK, ...options });
    const [first] = SAMPLES as [Sample];
    const refusals: [Promise<unknown>, string][] = [
      [predictMasked({} as Numformer, first, [0], { maskId: MASK }), 'xval.predictMasked: model must be a Numformer'],
      [predictMasked(causal, first, [0], { maskId: MASK }), 'model.config.causal must be false, got true.'],
      [predictNumbers(tokens, SAMPLES, { maskId: MASK }), 'model.config.numberId must be the id of [NUM], got null.'],
      [
        predictNumberGroups(model, SAMPLES, { maskId: MASK, decode: () => 0 }),
        'model.config.numberId must be null, got 3.',
      ],
      [masked(first, [4]), 'position 0 of sample 0 must be'],
      [masked(first, [1, 1]), 'position 1 of sample 0 must be another one than those before it, got 1.'],
      [masked(first, [1], { maskId: NUM }), 'maskId must not be that of [NUM], got 3.'],
      [masked(first, [1], { batchSize: 0 }), 'batchSize must be'],
      [masked(first, [1], { allAtOnce: 1 }), 'allAtOnce must be true or false, got 1.'],
      [masked({ ids: [9], numbers: [1] }, [0]), 'id 0 of sample 0 must be from 0 to 7, got 9.'],
      [masked({ ids: [NUM], numbers: [NaN] }, [0]), 'number 0 of sample 0 must be a finite float32, got NaN.'],
      [
        predictNumbers(model, SAMPLES, { maskId: MASK, which: [[0], [], []] }),
        'token 0 of sample 0 must be a number or a mask, got 4.',
      ],
      [predictNumbers(model, SAMPLES, { maskId: MASK, which: [[1]] }), 'positions for each of the 3 samples'],
      [predictNumbers(model, SAMPLES, { maskId: MASK, which: 'masks' }), 'mask of sample 0 must be given'],
      [
        predictNumberGroups(tokens, [{ ...first, mask: [1, 0, 0, 0] }], { maskId: MASK, decode: () => null }),
        'the mask of sample 0 must be over the tokens of a number, got [0].',
      ],
    ];
    for (const [refused, message] of refusals) await expect(refused, message).rejects.toThrow(message);
    const [, weight] = model.namedParameters()[0]!;
    tf.tidy(() => weight.assign(weight.mul(NaN)));
    await expect(masked(first, [1])).rejects.toThrow('what the model says about row 0 must be finite, got NaN.');
    expect(tf.memory().numTensors).toBe(before);
    for (const own of [model, causal, tokens]) own.dispose();
  });
});
