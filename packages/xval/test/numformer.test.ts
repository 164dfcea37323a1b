import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { IGNORED, numformerLoss } from '../src/model/loss';
import { Numformer } from '../src/model/numformer';
import { NUMFORMER_SIZES, type NumformerConfig } from '../src/model/numformer-config';
import { loadNumformer, numformerOfState, saveNumformer } from '../src/model/saved-numformer';

const NUM = 3;
const SMALL = { vocabSize: 9, width: 16, heads: 2, layers: 2, feedForward: 24, context: 8, dropout: 0 } as const;
/** float32 sums in another order. */
const FLOAT32 = 1e-5;

const create = (config: Partial<NumformerConfig> = {}, seed = 0): Numformer =>
  Numformer.create({ ...SMALL, ...config }, seed);
const ids = (...rows: number[][]): tf.Tensor2D => tf.tensor2d(rows, undefined, 'int32');

describe.each(backendsUnderTest())('Numformer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('embeds a number linearly in its value: h(x) - h(y) = (x - y) u, and leaves other tokens alone', () => {
    tf.tidy(() => {
      const model = create();
      const tokens = ids([NUM, 4, NUM]);
      const at = (x: number): tf.Tensor => model.embedTokens(tokens, tf.tensor2d([[x, x, 1]]));
      const state = model.stateDict();
      const u = state['token_embed.weight']!.slice([NUM, 0], [1, -1]).flatten();
      const difference = at(2.5).sub(at(-1)).squeeze<tf.Tensor2D>([0]);
      expect(difference.slice([0, 0], [1, -1]).dataSync()).toBeAllclose(u.mul(3.5).dataSync(), {
        rtol: 0,
        atol: FLOAT32,
      });
      expect(difference.slice([1, 0], [2, -1]).abs().max().dataSync()[0]).toBe(0);
      model.dispose();
    });
  });

  it('doubles h - P when a value doubles: positions are added after the product', () => {
    tf.tidy(() => {
      const model = create();
      const place = model.stateDict()['position_embed.weight']!.slice([0, 0], [1, -1]).flatten();
      const from = (x: number): tf.Tensor =>
        model
          .embedTokens(ids([NUM]), tf.tensor2d([[x]]))
          .flatten()
          .sub(place);
      expect(from(6).dataSync()).toBeAllclose(from(3).mul(2).dataSync(), { rtol: 0, atol: FLOAT32 });
      model.dispose();
    });
  });

  it('is continuous in a value, with the slope that differentiation gives', () => {
    tf.tidy(() => {
      const model = create().eval();
      const tokens = ids([NUM, 5, 6, NUM]);
      const read = (x: tf.Tensor): tf.Scalar => model.forward(tokens, x).numbers!.slice([0, 3], [1, 1]).asScalar();
      const at = (x: number): tf.Tensor => tf.tensor2d([[x, 1, 1, 0.5]]);
      const slope = tf
        .grad((x: tf.Tensor) => read(x))(at(0.7))
        .dataSync()[0]!;
      const step = 1e-2;
      const difference =
        read(at(0.7 + step))
          .sub(read(at(0.7 - step)))
          .dataSync()[0]! /
        (2 * step);
      // Second-order differences of float32 values: 1e-4 of curvature and 1e-7 / 1e-2 of rounding.
      expect(Math.abs(difference - slope)).toBeLessThan(1e-3 * Math.abs(slope) + 3e-5);
      expect(Math.abs(slope)).toBeGreaterThan(1e-3);
      model.dispose();
    });
  });

  it('does not see padding, which the reference does', () => {
    tf.tidy(() => {
      const model = create().eval();
      const bare = model.forward(ids([4, NUM, 5]), tf.tensor2d([[1, 0.3, 1]]));
      const tokens = ids([4, NUM, 5, 2, 2]);
      const numbers = tf.tensor2d([[1, 0.3, 1, 1, 1]]);
      const padding = tf.tensor2d([[0, 0, 0, 1, 1]], undefined, 'bool');
      const head = (x: tf.Tensor): Float32Array => x.slice([0, 0, 0], [1, 3, -1]).dataSync<'float32'>();
      const padded = head(model.forward(tokens, numbers, { padding }).logits);
      expect(padded).toBeAllclose(head(bare.logits), { rtol: 0, atol: FLOAT32 });
      const seen = head(model.forward(tokens, numbers).logits);
      expect(() => expect(seen).toBeAllclose(head(bare.logits), { rtol: 0, atol: 1e-2 })).toThrow();
      model.dispose();
    });
  });

  it('does not look ahead when it is causal', () => {
    tf.tidy(() => {
      const model = create({ causal: true }).eval();
      const read = (tokens: tf.Tensor2D, numbers: number[]): [Float32Array, Float32Array] => {
        const out = model.forward(tokens, tf.tensor2d([numbers]));
        return [
          out.logits.slice([0, 0, 0], [1, 2, -1]).dataSync<'float32'>(),
          out.numbers!.slice([0, 0], [1, 2]).dataSync<'float32'>(),
        ];
      };
      const one = read(ids([4, NUM, 5, NUM]), [1, 0.3, 1, 0.1]);
      const other = read(ids([4, NUM, 7, 8]), [1, 0.3, 1, 1]);
      one.forEach((values, i) => expect(values).toBeAllclose(other[i]!, { rtol: 0, atol: FLOAT32 }));
      model.dispose();
    });
  });

  it('reads the heads at chosen positions as it does at all', () => {
    tf.tidy(() => {
      const model = create().eval();
      const [tokens, numbers] = [
        ids([4, NUM, 5], [NUM, 6, 7]),
        tf.tensor2d([
          [1, 0.3, 1],
          [2, 1, 1],
        ]),
      ];
      const all = model.forward(tokens, numbers);
      const some = model.forward(tokens, numbers, { positions: tf.tensor1d([4, 1], 'int32') });
      const rows = all.logits.reshape<tf.Tensor2D>([6, 9]);
      const wanted = tf.gather(rows, tf.tensor1d([4, 1], 'int32'));
      expect(some.logits.dataSync()).toBeAllclose(wanted.dataSync(), { rtol: 0, atol: FLOAT32 });
      const flat = all.numbers!.dataSync();
      expect(some.numbers!.dataSync()).toBeAllclose([flat[4]!, flat[1]!], { rtol: 0, atol: FLOAT32 });
      model.dispose();
    });
  });

  it('comes back from its file bit for bit, and from its state', async () => {
    const before = tf.memory().numTensors;
    const model = create({ tokenBias: true, numberBias: false, causal: true });
    const bytes = await saveNumformer(model);
    const again = loadNumformer(bytes);
    const { heads } = model.config;
    const state = model.stateDict();
    const other = numformerOfState(state, { heads, dropout: 0, causal: true });
    expect(again.config).toEqual(model.config);
    expect(other.config).toEqual(model.config);
    expect(await saveNumformer(again)).toEqual(bytes);
    expect(await saveNumformer(other)).toEqual(bytes);
    tf.dispose(state);
    for (const own of [model, again, other]) own.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('Numformer', () => {
  beforeAll(() => useBackend('cpu'));

  it.each([
    ['paper', 48_142_081],
    ['notebook', 6_924_673],
  ] as const)('has the parameters of the reference at the %s size', (size, count) => {
    const model = new Numformer({ ...NUMFORMER_SIZES[size], vocabSize: 27 }, null);
    expect(model.parameterCount()).toBe(count);
    model.dispose();
  });

  it('starts with independent layers, or with alike ones as the reference', () => {
    const first = (identicalInit: boolean): boolean => {
      const model = create({ identicalInit });
      const [a, b] = [0, 1].map((i) =>
        model
          .namedParameters()
          .find(([name]) => name === `encoder_stack.layers.${i}.linear1.weight`)![1]
          .dataSync(),
      );
      model.dispose();
      return a!.every((value, i) => value === b![i]);
    };
    expect(first(true)).toBe(true);
    expect(first(false)).toBe(false);
  });

  it('has no number head without [NUM]', () => {
    const model = create({ numberId: null });
    const numbers = tf.ones([1, 2]);
    const tokens = ids([4, 5]);
    const out = model.forward(tokens, numbers);
    expect(out.numbers).toBeNull();
    expect(model.namedParameters().some(([name]) => name.startsWith('num_head'))).toBe(false);
    tf.dispose([out.logits, numbers, tokens]);
    model.dispose();
  });

  it('leaves nothing behind but its results', () => {
    const before = tf.memory().numTensors;
    const model = create({ dropout: 0.2 });
    const [tokens, numbers] = [ids([4, NUM]), tf.tensor2d([[1, 2]])];
    const out = model.forward(tokens, numbers, { key: random.key(1) });
    const embedded = model.embed(tokens, numbers, { key: random.key(1) });
    expect(() => model.forward(tokens, numbers)).toThrow('key must be a Key in training mode');
    tf.dispose([out.logits, out.numbers!, embedded, tokens, numbers]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses sequences that do not fit, with both lengths', () => {
    const model = create();
    const refuses = (tokens: tf.Tensor, numbers: tf.Tensor, message: string): void => {
      expect(() => model.forward(tokens, numbers)).toThrow(message);
      tf.dispose([tokens, numbers]);
    };
    refuses(
      tf.zeros([1, 9], 'int32'),
      tf.ones([1, 9]),
      'xval.Numformer.forward: ids must have at most 8 tokens, the context, got 9.',
    );
    refuses(tf.zeros([1, 3], 'int32'), tf.ones([1, 2]), 'numbers must have shape [1, 3]');
    refuses(tf.zeros([3], 'int32'), tf.ones([3]), 'ids must have shape [*, *]');
    refuses(tf.zeros([1, 3]), tf.ones([1, 3]), 'ids must be int32');
    refuses(tf.zeros([1, 3], 'int32'), tf.ones([1, 3], 'int32'), 'numbers must be float32');
    model.dispose();
  });

  it.each([
    [{ vocabSize: 0 }, 'vocabSize must be'],
    [{ heads: 3 }, 'width must be a multiple of heads (3), got 16.'],
    [{ numberId: 9 }, 'numberId must be'],
    [{ dropout: 1 }, 'dropout must be'],
    [{ causal: 'yes' as unknown as boolean }, 'causal must be true or false, got "yes".'],
  ])('refuses the config %o', (config, message) => {
    const before = tf.memory().numTensors;
    expect(() => create(config)).toThrow(message);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('loadNumformer', () => {
  beforeAll(() => useBackend('cpu'));

  it('refuses what is no model, and one whose description does not fit its tensors', async () => {
    const before = tf.memory().numTensors;
    const model = create();
    const bytes = await saveNumformer(model);
    const text = new TextDecoder('latin1').decode(bytes);
    const with_ = (from: string, to: string): Uint8Array => Buffer.from(text.replace(from, to), 'latin1');
    expect(() => loadNumformer(bytes.slice(0, 200))).toThrow();
    expect(() => loadNumformer(with_('numformer', 'numbformed'.slice(0, 9)))).toThrow('It has no config.');
    expect(() => loadNumformer(with_('\\"context\\":8', '\\"context\\":9'))).toThrow(
      'xval.loadNumformer: context must be 8, as the tensors are, got 9.',
    );
    const last = Uint8Array.from(bytes);
    new DataView(last.buffer).setFloat32(last.length - 4, NaN, true);
    expect(() => loadNumformer(last)).toThrow('must be finite, and is not.');
    const [, weight] = model.namedParameters()[0]!;
    tf.tidy(() => weight.assign(weight.mul(NaN)));
    await expect(saveNumformer(model)).rejects.toThrow('xval.saveNumformer: token_embed.weight must be finite');
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lists what a state lacks', () => {
    expect(() => numformerOfState({})).toThrow('xval.numformerOfState: token_embed.weight must be a matrix');
    const model = create();
    const { 'num_head.2.bias': lacking, ...state } = model.stateDict();
    expect(() => numformerOfState(state, { heads: 2 })).toThrow('num_head.2.bias');
    tf.dispose([lacking!, state]);
    model.dispose();
  });
});

describe('numformerLoss', () => {
  beforeAll(() => useBackend('cpu'));

  const V = 5;
  const logits = tf.tensor2d([1, 2, 0, -1, 0.5, 0, 0, 3, 1, 2, -2, 1, 1, 0, 4], [3, V]);
  const numbers = tf.tensor1d([0.5, -1, 2]);
  const read = (y: number[], options = {}, own = { logits: logits as tf.Tensor, numbers: numbers as tf.Tensor }) =>
    tf.tidy(() => {
      const labels = tf.tensor1d(y, 'int32');
      const out = numformerLoss(own, labels, tf.tensor1d([1, 1, 5]), { numberId: NUM, ...options });
      return Object.fromEntries(
        Object.entries(out).map(([name, scalar]: [string, tf.Scalar]) => [name, scalar.dataSync()[0]!]),
      );
    });
  const crossEntropy = (row: number[], id: number): number =>
    Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[id]!;
  const rows = logits.arraySync();

  it('is the mean cross-entropy of labelled tokens plus the mean squared error of labelled numbers', () => {
    const { loss, tokens, numbers: own } = read([NUM, IGNORED, 1]);
    const wanted = (crossEntropy(rows[0]!, NUM) + crossEntropy(rows[2]!, 1)) / 2;
    expect(tokens).toBeCloseTo(wanted, 5);
    expect(own).toBeCloseTo(0.25, 6);
    expect(loss).toBeCloseTo(wanted + 0.25, 5);
  });

  it('does not look at positions without a label', () => {
    const other = { logits: logits.add(tf.tensor2d([[0], [7], [0]]).mul(logits)), numbers: numbers.add([0, 100, 0]) };
    expect(read([NUM, IGNORED, 1], {}, other)).toEqual(read([NUM, IGNORED, 1]));
  });

  it('weighs numbers, and bounds the slope of large errors by Huber', () => {
    const { tokens, loss } = read([NUM, IGNORED, NUM], { numberWeight: 0.5, numberLoss: 'huber', huberDelta: 2 });
    expect(loss! - tokens!).toBeCloseTo(0.5 * ((0.125 + (2 + (3 - 2) * 2)) / 2), 5);
  });

  it('is 0 with gradients 0 where nothing is labelled', () => {
    expect(read([IGNORED, IGNORED, IGNORED])).toEqual({ loss: 0, tokens: 0, numbers: 0 });
    expect(read([1, IGNORED, 2])['numbers']).toBe(0);
    const labels = tf.fill([3], IGNORED, 'int32');
    const gradient = tf.tidy(() =>
      tf
        .grad((x: tf.Tensor) => numformerLoss({ logits: x, numbers }, labels, numbers, { numberId: NUM }).loss)(logits)
        .dataSync(),
    );
    expect([...gradient].every((value) => value === 0)).toBe(true);
  });

  it('leaves nothing behind', () => {
    const before = tf.memory().numTensors;
    read([NUM, IGNORED, 1]);
    const labels = tf.tensor1d([1, 2, 3], 'int32');
    const options = { numberId: NUM };
    expect(() => numformerLoss({ logits, numbers: null }, labels, numbers, options)).toThrow(
      'xval.numformerLoss: numberId must be null for a model of tokens alone, got 3.',
    );
    expect(() => numformerLoss({ logits, numbers }, labels, numbers, { ...options, numberWeight: -1 })).toThrow(
      'numberWeight must be',
    );
    const short = tf.tensor1d([1], 'int32');
    expect(() => numformerLoss({ logits, numbers }, short, numbers, options)).toThrow('y must have shape [3]');
    tf.dispose([labels, short]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
