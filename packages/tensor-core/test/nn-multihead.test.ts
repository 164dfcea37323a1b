// B batch, T queries, S keys, D width of all heads together.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import {
  alibiBias,
  alibiSlopes,
  layerNorm,
  linear,
  mergeHeads,
  MultiheadAttention,
  rope,
  scaledDotProductAttention,
  splitHeads,
} from '../src/nn';
import type { AttendOptions, MultiheadAttentionOptions } from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { expectParity, golden, goldenMask } from './nn-attention-parity';
import { goldenTensor, load } from './nn-parity';
import { values } from './values';

// Golden values are exact to float32; sums of up to 12 products of numbers of a few units, in another order.
const FLOAT32_SUMS = { rtol: 2e-5, atol: 2e-5 };

afterEach(() => tf.disposeVariables());

interface Case {
  name: string;
  create: () => MultiheadAttention;
  inputs?: string[];
  options?: () => AttendOptions;
}

const CASES: Case[] = [
  { name: 'mha/self', create: () => new MultiheadAttention(6, 3, { key: null }) },
  { name: 'mha/plain', create: () => new MultiheadAttention(4, 2, { key: null, bias: false }) },
  {
    name: 'mha/causal',
    create: () => new MultiheadAttention(6, 3, { key: null }),
    options: () => ({ mask: 'causal' }),
  },
  {
    name: 'mha/padded',
    create: () => new MultiheadAttention(6, 3, { key: null }),
    options: () => ({ keyPadding: goldenMask('mha/padded/padding') }),
  },
  {
    name: 'mha/added',
    create: () => new MultiheadAttention(6, 3, { key: null }),
    options: () => ({ mask: goldenTensor(golden, 'mha/added/mask') }),
  },
  {
    name: 'mha/cross',
    create: () => new MultiheadAttention(6, 3, { key: null, keyWidth: 5, valueWidth: 4 }),
    inputs: ['keys', 'values'],
  },
];

const call =
  (options: AttendOptions = {}) =>
  (module: MultiheadAttention, { x, keys, values }: Record<string, tf.Tensor>): tf.Tensor =>
    module.forward(x!, { ...options, keysFrom: keys, valuesFrom: values });

describe.each(backendsUnderTest())('MultiheadAttention on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(CASES)('$name', ({ name, create, inputs = [], options = () => ({}) }) => {
    it.each([false, true])('equals PyTorch in result and gradients, compiled %s', (compiled) => {
      expectParity(name, create(), ['x', ...inputs], call(options()), { compiled, tolerance: FLOAT32_SUMS });
    });

    it('equals PyTorch in the weights of each head', () => {
      const module = load(create(), golden, `${name}/w/`);
      const [x, keysFrom, valuesFrom] = ['x', ...inputs].map((input) => goldenTensor(golden, `${name}/${input}`));
      const { out, weights } = module.forwardWithWeights(x!, { ...options(), keysFrom, valuesFrom });
      expect(out).toBeAllclose(golden.get(`${name}/y`), FLOAT32_SUMS);
      expect(weights).toBeAllclose(golden.get(`${name}/weights`), FLOAT32_SUMS);
    });
  });

  it('is the same under other names', () => {
    const torch = load(new MultiheadAttention(6, 3, { key: null }), golden, 'mha/self/w/');
    const state = torch.stateDict();
    const x = goldenTensor(golden, 'mha/self/x');
    const packed = new MultiheadAttention(6, 3, { key: null, names: { packed: 'qkv', out: 'proj' } });
    expect(Object.keys(packed.stateDict())).toEqual(['qkv.weight', 'qkv.bias', 'proj.weight', 'proj.bias']);
    packed.loadStateDict(state, { rename: (name) => name.replace('in_proj_', 'qkv.').replace('out_proj', 'proj') });
    expect(packed.forward(x)).toBeAllclose(golden.get('mha/self/y'), FLOAT32_SUMS);

    const names = { query: 'q', key: 'k', value: 'v', out: 'o' };
    const separate = new MultiheadAttention(6, 3, { key: null, names });
    const parts: Record<string, tf.Tensor> = {
      'o.weight': state['out_proj.weight']!,
      'o.bias': state['out_proj.bias']!,
    };
    ['q', 'k', 'v'].forEach((name, i) => {
      parts[`${name}.weight`] = state['in_proj_weight']!.slice(6 * i, 6);
      parts[`${name}.bias`] = state['in_proj_bias']!.slice(6 * i, 6);
    });
    separate.loadStateDict(parts);
    expect(separate.forward(x)).toBeAllclose(golden.get('mha/self/y'), FLOAT32_SUMS);
  });

  it('takes biases, rotary positions, linear biases and normalised queries and keys as its parts do', () => {
    const bias = values([2, 4, 4], 5);
    const x = values([2, 4, 8], 6);
    const slopes = alibiSlopes(2);
    const positions = [3, 1, 10, 2];
    const options: MultiheadAttentionOptions = {
      key: key(1),
      qkNorm: true,
      rope: { base: 100 },
      alibi: slopes,
      outBias: false,
    };
    const module = new MultiheadAttention(8, 2, options);
    const state = module.stateDict();
    expect(Object.keys(state)).toEqual([
      'in_proj_weight', 'in_proj_bias', 'out_proj.weight', 'q_norm.weight', 'q_norm.bias', 'k_norm.weight', 'k_norm.bias',
    ]); // prettier-ignore
    module.loadStateDict(
      Object.fromEntries(Object.entries(state).map(([name, { shape }], i) => [name, values(shape, i + 1)])),
    );
    const w = module.stateDict();
    const [q, k, v] = tf.split(linear(x, w['in_proj_weight']!, w['in_proj_bias']), 3, -1).map((y) => splitHeads(y, 2));
    const turned = (y: tf.Tensor, norm: string): tf.Tensor =>
      rope(layerNorm(y, w[`${norm}.weight`], w[`${norm}.bias`]), { base: 100, positions });
    const all = alibiBias(4, 4, slopes).add(bias);
    const { out } = scaledDotProductAttention(turned(q!, 'q_norm'), turned(k!, 'k_norm'), v!, {
      bias: all,
      mask: 'causal',
    });
    const expected = linear(mergeHeads(out), w['out_proj.weight']!);
    expect(module.forward(x, { bias, mask: 'causal', positions })).toBeAllclose(expected, FLOAT32_SUMS);
    expect(module.forward(x, { bias, mask: 'causal' })).not.toBeAllclose(expected, { rtol: 1e-2, atol: 1e-2 });
  });

  it('does not see the order of tokens without masks and positions', () => {
    const module = new MultiheadAttention(8, 2, { key: key(1) });
    const x = values([2, 5, 8], 1);
    const order = tf.tensor1d([4, 2, 0, 1, 3], 'int32');
    expect(module.forward(x.gather(order, 1))).toBeAllclose(module.forward(x).gather(order, 1), FLOAT32_SUMS);
  });

  it('drops weights in training by its key, the same way when compiled, and none in evaluation', () => {
    const module = new MultiheadAttention(8, 2, { key: key(1), dropout: 0.5 });
    const x = values([2, 5, 8], 1);
    const { out, weights } = module.forwardWithWeights(x, { key: key(4) });
    expect([...weights.dataSync()].filter((weight) => weight === 0).length).toBeGreaterThan(20);
    expect(module.forward(x, { key: key(4) })).toBeAllclose(out, FLOAT32_SUMS);
    const compiled = jit((y: tf.Tensor, own: ReturnType<typeof key>) => module.forward(y, { key: own }));
    expect(compiled(x, key(4))).toBeAllclose(out, FLOAT32_SUMS);
    expect(compiled(x, key(5))).not.toBeAllclose(out, { rtol: 1e-2, atol: 1e-2 });
    expect(() => module.forward(x)).toThrow(
      'tensor-core.MultiheadAttention.forward: key must be a Key in training mode, got undefined. Pass { key }',
    );
    module.eval();
    const plain = new MultiheadAttention(8, 2, { key: key(1) });
    expect(module.forward(x)).toBeAllclose(plain.forward(x));
  });

  it('leaves nothing behind', () => {
    const module = new MultiheadAttention(8, 2, { key: key(1), dropout: 0.5, qkNorm: true, rope: {}, alibi: [1, 2] });
    const x = values([2, 5, 8], 1);
    const bias = values([5, 5]);
    expect(() => module.forward(x, { key: key(2), bias, mask: 'causal' })).toLeakNothing();
    expect(() => module.forwardWithWeights(x, { key: key(2) })).toLeakNothing();
    const loss = (): tf.Scalar =>
      module
        .forward(x, { key: key(2) })
        .square()
        .sum();
    expect(() => tf.variableGrads(loss, module.trainableVariables())).toLeakNothing();
    expect(() =>
      new MultiheadAttention(8, 2, { key: key(1), names: { packed: 'qkv', out: 'proj' } }).dispose(),
    ).toLeakNothing();
  });
});

describe('MultiheadAttention', () => {
  beforeAll(() => useBackend('cpu'));

  /** The largest size of an initial value, and the bound of a uniform law that it should be close to. */
  const extent = (x: tf.Tensor): number => Math.max(...x.abs().dataSync());

  it('starts with the laws of PyTorch', () => {
    const [D, near] = [32, 0.97];
    // Of n draws the largest is below 0.97 of the bound with probability 0.97^n, 3e-14 for 1024.
    const expectUniform = (x: tf.Tensor, bound: number): void => {
      expect(extent(x)).toBeLessThanOrEqual(bound);
      expect(extent(x)).toBeGreaterThan(near * bound);
      expect(Math.abs(x.mean().dataSync()[0]!)).toBeLessThan((5 * bound) / Math.sqrt(3 * x.size));
    };
    const packed = new MultiheadAttention(D, 4, { key: key(1) }).stateDict();
    expectUniform(packed['in_proj_weight']!, Math.sqrt(6 / (4 * D)));
    expectUniform(packed['out_proj.weight']!, 1 / Math.sqrt(D));
    expect([extent(packed['in_proj_bias']!), extent(packed['out_proj.bias']!)]).toEqual([0, 0]);
    const separate = new MultiheadAttention(D, 4, { key: key(1), keyWidth: 64, valueWidth: 128 }).stateDict();
    expectUniform(separate['q_proj_weight']!, Math.sqrt(6 / (2 * D)));
    expectUniform(separate['k_proj_weight']!, Math.sqrt(6 / (D + 64)));
    expectUniform(separate['v_proj_weight']!, Math.sqrt(6 / (D + 128)));
    const other = new MultiheadAttention(D, 4, { key: key(1), names: { packed: 'qkv', out: 'proj' } }).stateDict();
    expectUniform(other['qkv.weight']!, 1 / Math.sqrt(D));
    expect(extent(other['qkv.bias']!)).toBeGreaterThan(0.8 / Math.sqrt(D));
    expect(extent(other['proj.bias']!)).toBeGreaterThan(0.8 / Math.sqrt(D));
  });

  it('says what does not fit', () => {
    const make = (embedDim: number, heads: number, options: object) => () => new MultiheadAttention(embedDim, heads, { key: null, ...options }); // prettier-ignore
    const where = 'tensor-core.MultiheadAttention: ';
    expect(make(6, 4, {})).toThrow(`${where}embedDim must be a multiple of 4, got 6.`);
    expect(make(6, 2, { rope: {} })).toThrow(`${where}embedDim must be a multiple of 4, got 6.`);
    expect(make(6, 0, {})).toThrow(`${where}heads must be an integer >= 1, got 0.`);
    expect(make(6, 2, { keyWidth: 1.5 })).toThrow(`${where}keyWidth must be an integer >= 1, got 1.5.`);
    expect(make(6, 2, { dropout: 1 })).toThrow(`${where}dropout must be a finite number >= 0 and < 1, got 1.`);
    expect(make(6, 2, { alibi: [1] })).toThrow(`${where}alibi must be 2 slopes, one a head, got [1].`);
    expect(make(6, 2, { keyWidth: 5, names: { packed: 'qkv', out: 'proj' } })).toThrow(
      `${where}widths of queries, keys and values must be all 6 where one layer is for all three, got [6, 5, 6]. Take 'torch' or`,
    );
    const module = make(6, 2, {})();
    const call = `${where.slice(0, -2)}.forward: `;
    expect(() => module.forward(values([2, 6]))).toThrow(`${call}x must have shape [*, *, 6], got`);
    expect(() => module.forward(values([2, 3, 6]), { keysFrom: values([1, 3, 6]) })).toThrow(
      `${call}keysFrom must have shape [2, *, 6], got`,
    );
    expect(() => module.forward(values([2, 3, 6]), { valuesFrom: values([2, 4, 6]) })).toThrow(
      `${call}valuesFrom must have shape [2, 3, 6], got`,
    );
    const turning = make(8, 2, { rope: {} })();
    expect(() => turning.forward(values([2, 3, 8]), { keysFrom: values([2, 3, 8]) })).toThrow(
      `${call}keysFrom must be left out with rotary positions, got`,
    );
    expect(() => turning.forward(values([2, 3, 8]), { positions: [1, 2] })).toThrow(
      `${call}positions must be 3 numbers, one a token, got [1, 2].`,
    );
  });
});
