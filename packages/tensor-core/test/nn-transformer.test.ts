// B batch, T tokens, S tokens of the other sequence, D width.
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import * as nn from '../src/nn';
import * as random from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { expectParity, goldenMask } from './nn-attention-parity';
import { values } from './values';

// Golden values are exact to float32; layers of sums of up to 10 products of numbers of a few units, in another order.
const FLOAT32_LAYERS = { rtol: 5e-5, atol: 5e-5 };

const { key } = random;
const { LayerScale, Mlp, PreNormBlock, TransformerDecoderLayer, TransformerEncoder, TransformerEncoderLayer } = nn;

afterEach(() => tf.disposeVariables());

describe.each(backendsUnderTest())('transformer layers on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  const shared = { key: null, feedForward: 10, dropout: 0 };
  const post = { ...shared, normFirst: false };
  const pre = { ...shared, normFirst: true, activation: 'gelu' as const };

  describe.each([false, true])('equal PyTorch in results and gradients, compiled %s', (compiled) => {
    const parity = { compiled, tolerance: FLOAT32_LAYERS };

    it.each(Object.entries({ post, pre }))('an encoder layer, norms %s', (order, options) => {
      const keyPadding = goldenMask(`encoder/${order}/padding`);
      const layer = new TransformerEncoderLayer(8, 2, options);
      expectParity(`encoder/${order}`, layer, ['x'], (module, { x }) => module.forward(x!, { keyPadding }), parity);
    });

    it.each(Object.entries({ post, pre }))('a decoder layer, norms %s', (order, options) => {
      const masks = { mask: 'causal' as const, memory: { keyPadding: goldenMask(`decoder/${order}/padding`) } };
      const layer = new TransformerDecoderLayer(8, 2, options);
      const forward = (module: nn.TransformerDecoderLayer, { x, memory }: Record<string, tf.Tensor>): tf.Tensor =>
        module.forward(x!, memory!, masks);
      expectParity(`decoder/${order}`, layer, ['x', 'memory'], forward, parity);
    });

    it('an encoder with a last norm', () => {
      const options = { ...shared, feedForward: 12, normFirst: true, epsilon: 1e-3, finalNorm: true };
      const encoder = new TransformerEncoder(8, 2, 2, options);
      expectParity('stack', encoder, ['x'], (module, { x }) => module.forward(x!, { mask: 'causal' }), parity);
    });
  });

  it('drop parts in training by their key, the same way when compiled', () => {
    const layers = {
      encoder: new TransformerEncoder(8, 2, 2, { key: key(1), feedForward: 10, dropout: 0.3 }),
      block: new PreNormBlock(8, 2, { key: key(1), dropout: 0.3, dropPath: 0.3, attention: { dropout: 0.3 } }),
    };
    const x = values([4, 5, 8]);
    for (const layer of Object.values(layers)) {
      const compiled = jit((own: ReturnType<typeof key>) => layer.forward(x, { key: own }));
      for (const seed of [1, 2]) expect(compiled(key(seed))).toBeAllclose(layer.forward(x, { key: key(seed) }), FLOAT32_LAYERS); // prettier-ignore
      expect(compiled(key(1))).not.toBeAllclose(compiled(key(2)), { rtol: 1e-2, atol: 1e-2 });
      expect(() => layer.forward(x)).toThrow(/^tensor-core\.\w+\.forward: key must be a Key in training mode/);
      layer.eval();
      expect(layer.forward(x, { key: key(1) })).toBeAllclose(layer.forward(x));
    }
  });

  it('drop weights, hidden numbers and branches, each by a key of its own', () => {
    const layer = new TransformerEncoderLayer(8, 2, { key: key(1), feedForward: 10, dropout: 0.4 });
    const block = new PreNormBlock(8, 2, { key: key(1), hidden: 10, dropout: 0.4 });
    const x = values([2, 5, 8]);
    const drop = new nn.Dropout(0.4);
    const keyOf = (...path: [number, number][]): random.Key =>
      path.reduce((k, [child, n]) => random.split(k, n)[child]!, key(7));
    const w = layer.stateDict();
    const attention = new nn.MultiheadAttention(8, 2, { key: null, dropout: 0.4 });
    const own = Object.entries(w).flatMap(([name, x]) => (name.startsWith('self_attn.') ? [[name.slice(10), x]] : []));
    attention.loadStateDict(Object.fromEntries(own) as Record<string, tf.Tensor>);
    const attended = drop.forward(attention.forward(x, { key: keyOf([0, 2], [0, 2]) }), keyOf([0, 2], [1, 2]));
    const middle = nn.layerNorm(x.add(attended));
    const hidden = drop.forward(
      tf.relu(nn.linear(middle, w['linear1.weight']!, w['linear1.bias'])),
      keyOf([1, 2], [0, 2]),
    );
    const branch = drop.forward(nn.linear(hidden, w['linear2.weight']!, w['linear2.bias']), keyOf([1, 2], [1, 2]));
    expect(layer.forward(x, { key: key(7) })).toBeAllclose(nn.layerNorm(middle.add(branch)), FLOAT32_LAYERS);

    const mlp = new Mlp(8, 10, { key: null, dropout: 0.4 });
    const parts = Object.entries(block.stateDict());
    const ofMlp = parts.flatMap(([name, x]) => (name.startsWith('mlp.') ? [[name.slice(4), x]] : []));
    mlp.loadStateDict(Object.fromEntries(ofMlp) as Record<string, tf.Tensor>);
    const sum = x.add(drop.forward(block.attention.forward(nn.layerNorm(x)), keyOf([1, 5])));
    const expected = sum.add(mlp.forward(nn.layerNorm(sum), keyOf([3, 5])));
    expect(block.forward(x, { key: key(7) })).toBeAllclose(expected, FLOAT32_LAYERS);
  });

  it('leave nothing behind', () => {
    const x = values([2, 5, 8]);
    const memory = values([2, 3, 8], 2);
    const encoder = new TransformerEncoder(8, 2, 2, { key: key(1), feedForward: 10, finalNorm: true });
    const decoder = new TransformerDecoderLayer(8, 2, { key: key(1), feedForward: 10 });
    const block = new PreNormBlock(8, 2, { key: key(1), layerScale: 0.5, dropPath: 0.5 });
    const calls: [nn.Module, () => tf.Tensor][] = [
      [encoder, () => encoder.forward(x, { key: key(2), mask: 'causal' })],
      [decoder, () => decoder.forward(x, memory, { key: key(2) })],
      [block, () => block.forward(x, { key: key(2) })],
    ];
    for (const [module, forward] of calls) {
      expect(forward).toLeakNothing();
      const loss = (): tf.Scalar => tf.tidy(() => forward().square().sum().asScalar());
      expect(() => tf.variableGrads(loss, module.trainableVariables())).toLeakNothing();
    }
    expect(() => new TransformerEncoder(8, 2, 2, { key: key(1) }).dispose()).toLeakNothing();
    expect(() => new PreNormBlock(8, 2, { key: key(1), layerScale: 1 }).dispose()).toLeakNothing();
  });

  describe('PreNormBlock', () => {
    it('is the sum of its branches', () => {
      const block = new PreNormBlock(8, 2, {
        key: key(1),
        layerScale: 0.3,
        hidden: 5,
        activation: 'relu',
        epsilon: 0.1,
      });
      const names = Object.keys(block.stateDict());
      expect(names.sort()).toEqual(
        ['norm1.weight', 'norm1.bias', 'attn.qkv.weight', 'attn.qkv.bias', 'attn.proj.weight', 'attn.proj.bias', 'ls1.gamma', 'norm2.weight', 'norm2.bias', 'mlp.fc1.weight', 'mlp.fc1.bias', 'mlp.fc2.weight', 'mlp.fc2.bias', 'ls2.gamma'].sort(), // prettier-ignore
      );
      expect([...block.stateDict()['ls2.gamma']!.dataSync()]).toEqual(Array(8).fill(Math.fround(0.3)));
      block.loadStateDict(Object.fromEntries(Object.entries(block.stateDict()).map(([name, { shape }], i) => [name, values(shape, i + 1)]))); // prettier-ignore
      const w = block.stateDict();
      const x = values([2, 4, 8], 20);
      const norm = (y: tf.Tensor, name: string): tf.Tensor =>
        nn.layerNorm(y, w[`${name}.weight`], w[`${name}.bias`], 0.1);
      const middle = x.add(block.attention.forward(norm(x, 'norm1'), { mask: 'causal' }).mul(w['ls1.gamma']!));
      const hidden = tf.relu(nn.linear(norm(middle, 'norm2'), w['mlp.fc1.weight']!, w['mlp.fc1.bias']));
      const branch = nn.linear(hidden, w['mlp.fc2.weight']!, w['mlp.fc2.bias']);
      expect(block.forward(x, { mask: 'causal' })).toBeAllclose(
        middle.add(branch.mul(w['ls2.gamma']!)),
        FLOAT32_LAYERS,
      );
    });

    it('takes other names', () => {
      const block = new PreNormBlock(8, 2, {
        key: key(1),
        names: { norm1: 'ln1', norm2: 'ff.0', mlp: 'ff' },
        mlpNames: ['1', '3'],
        attention: { names: { query: 'q', key: 'k', value: 'v', out: 'o' }, bias: false },
      });
      expect(Object.keys(block.stateDict()).sort()).toEqual(
        ['attn.k.weight', 'attn.o.weight', 'attn.q.weight', 'attn.v.weight', 'ff.0.bias', 'ff.0.weight', 'ff.1.bias', 'ff.1.weight', 'ff.3.bias', 'ff.3.weight', 'ln1.bias', 'ln1.weight'], // prettier-ignore
      );
    });

    it('leaves whole branches of an example out', () => {
      const block = new PreNormBlock(8, 2, { key: key(1), dropPath: 0.5 });
      const x = values([32, 3, 8]);
      const y = block.forward(x, { key: key(3) });
      const untouched = y.sub(x).abs().max([1, 2]).dataSync().filter((change) => change === 0).length; // prettier-ignore
      // Binomial with p = 1/4 for both branches: 8 of 32, standard deviation 2.4; within four of them.
      expect(Math.abs(untouched - 8)).toBeLessThan(10);
      expect(untouched).toBeGreaterThan(0);
    });
  });
});

describe('Mlp', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(['relu', 'gelu', 'silu', (x: tf.Tensor) => tf.tanh(x)] as const)(
    'is two layers with %s in between',
    (activation) => {
      const named = { relu: tf.relu, gelu: nn.gelu, silu: nn.silu };
      const activate = typeof activation === 'string' ? named[activation] : activation;
      const mlp = new Mlp(4, 6, { key: key(1), activation, outWidth: 3 });
      const w = mlp.stateDict();
      expect(Object.keys(w)).toEqual(['fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias']);
      const x = values([2, 5, 4]);
      const hidden = activate(nn.linear(x, w['fc1.weight']!, w['fc1.bias']));
      expect(mlp.forward(x)).toBeAllclose(nn.linear(hidden, w['fc2.weight']!, w['fc2.bias']));
    },
  );

  it('drops parts of the hidden layer and of the result, and can do without biases', () => {
    const mlp = new Mlp(4, 64, { key: key(1), dropout: 0.5, bias: false, names: ['a', 'b'] });
    expect(Object.keys(mlp.stateDict())).toEqual(['a.weight', 'b.weight']);
    const x = values([16, 4]);
    const [dropped, whole] = [mlp.forward(x, key(2)).dataSync(), mlp.eval().forward(x).dataSync()];
    const zeros = dropped.filter((value) => value === 0).length;
    // Half of 64 results, standard deviation 4; within four of them.
    expect(Math.abs(zeros - 32)).toBeLessThan(16);
    const others = [...dropped].filter((value, i) => value !== 0 && Math.abs(value - 2 * whole[i]!) > 1e-4);
    expect(others.length).toBeGreaterThan(16);
  });

  it('says what does not fit', () => {
    const activation = 'tanh' as 'relu';
    expect(() => new Mlp(4, 4, { key: null, activation })).toThrow(
      'tensor-core.Mlp: activation must be one of "relu", "gelu", "silu", got "tanh".',
    );
    expect(() => new Mlp(4, 0, { key: null })).toThrow('tensor-core.Mlp: hidden must be an integer >= 1, got 0.');
  });
});

describe('transformer layers', () => {
  beforeAll(() => useBackend('cpu'));

  it('start alike where that is wanted', () => {
    const weights = (identicalInit: boolean): number[][] => {
      const encoder = new TransformerEncoder(4, 2, 2, { key: key(1), feedForward: 3, identicalInit });
      const state = encoder.stateDict();
      return [0, 1].map((i) => [...state[`layers.${i}.linear1.weight`]!.dataSync(), ...state[`layers.${i}.self_attn.in_proj_weight`]!.dataSync()]); // prettier-ignore
    };
    const [one, two] = weights(true);
    expect(two).toEqual(one);
    const [first, second] = weights(false);
    expect(second).not.toEqual(first);
  });

  it('have the defaults of PyTorch', () => {
    const layer = new TransformerEncoderLayer(8, 2, { key: null });
    expect(layer.parameterCount()).toBe(2 * 8 * 2048 + 2048 + 8 + 4 * 64 + 4 * 8 + 4 * 8);
    expect(() => layer.forward(values([1, 2, 8]))).toThrow(TypeError);
  });

  it('say what does not fit', () => {
    const options = { key: null };
    expect(() => new TransformerEncoderLayer(8, 3, options)).toThrow(
      'tensor-core.MultiheadAttention: embedDim must be a',
    );
    expect(() => new TransformerEncoderLayer(8, 2, { ...options, feedForward: 0 })).toThrow(
      'tensor-core.TransformerEncoderLayer: feedForward must be an integer >= 1, got 0.',
    );
    expect(() => new TransformerDecoderLayer(0, 2, options)).toThrow(
      'tensor-core.TransformerDecoderLayer: width must be an integer >= 1, got 0.',
    );
    expect(() => new TransformerDecoderLayer(8, 2, { ...options, activation: 'x' as 'relu' })).toThrow(
      'tensor-core.TransformerDecoderLayer: activation must be one of',
    );
    expect(() => new TransformerEncoder(8, 2, 0, options)).toThrow('tensor-core.TransformerEncoder: depth must be an');
    expect(() => new PreNormBlock(8, 0, options)).toThrow('tensor-core.PreNormBlock: heads must be an integer >= 1');
    expect(() => new LayerScale(0)).toThrow('tensor-core.LayerScale: width must be an integer >= 1, got 0.');
    expect(() => new LayerScale(2, NaN)).toThrow('tensor-core.LayerScale: initial must be a finite number, got NaN.');
    expect([...new LayerScale(2).gamma.dataSync()]).toEqual([1e-5, 1e-5].map(Math.fround));
  });
});
