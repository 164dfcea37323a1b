import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  capture,
  causalPattern,
  countingLoss,
  CountingTransformer,
  loadCounting,
  numericRank,
  permutationTest,
  sampleTask,
  saveCounting,
  type CountingConfig,
  type PositionCode,
} from '../src';
import { modelOf, tensorOf } from './golden-model';

const SIZE = { regions: 3, maxCount: 10, width: 16, feedForward: 24 };
const CODES: PositionCode[] = [
  { kind: 'none' },
  { kind: 'absolute', maxLength: 40 },
  { kind: 'sinusoidal' },
  { kind: 'rope', layout: 'interleaved' },
  { kind: 'alibi' },
];
const rows = sampleTask(random.key(5), 4, { length: 24, regions: 3 });
const ids = (tokens: ArrayLike<number> = rows.tokens): tf.Tensor =>
  tf.tensor2d(Int32Array.from(tokens), [rows.batch, rows.length], 'int32');
const FLOAT32 = { rtol: 1e-4, atol: 1e-5 };

describe.each(backendsUnderTest())('CountingTransformer on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(CODES)(
    'with $kind: what is observed is what is computed, and causal is blind to what comes',
    async (positions) => {
      const before = tf.memory().numTensors;
      for (const heads of [1, 2]) {
        const model = CountingTransformer.create({ ...SIZE, heads, positions }, 1);
        const names = ['enc.attn.weights', 'hidden', 'logits'] as const;
        const { 'enc.attn.weights': weights, hidden, logits } = await capture(model, rows, { names });
        const [fast] = tf.tidy(() => [model.forward(ids()).dataSync()]);
        expect(logits.data).toBeAllclose(fast, FLOAT32);
        const L = rows.length;
        for (let i = 0; i < L; i++) {
          const row = weights.data.subarray(i * L, (i + 1) * L);
          expect(row.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
          expect(row.subarray(i + 1).every((weight) => weight === 0)).toBe(true);
        }
        const changed = Int32Array.from(rows.tokens, (id, at) => (at % L < 15 ? id : 1));
        const { hidden: other } = await capture(model, { ...rows, tokens: changed }, { names: ['hidden'] });
        const D = SIZE.width;
        for (let b = 0; b < rows.batch; b++) {
          const early = [b * L * D, (b * L + 15) * D] as const;
          const [ours, theirs] = [hidden.data.slice(...early), other.data.slice(...early)];
          // Rows of products are computed alike wherever they stand, but on onnx, which may cut them otherwise.
          if (backend === 'onnx') expect(theirs).toBeAllclose(ours, { rtol: 1e-6, atol: 1e-6 });
          else expect([...theirs]).toEqual([...ours]);
        }
        model.dispose();
      }
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('a linear bias of slope 0 is none, and a causal one is a part of the key alone', () => {
    const plain = CountingTransformer.create(SIZE, 1);
    const flat = new CountingTransformer({ ...SIZE, positions: { kind: 'alibi', slopes: [0] } }, null);
    const state = plain.stateDict();
    flat.loadStateDict(state);
    tf.dispose(state);
    tf.tidy(() => {
      expect(flat.forward(ids()).dataSync()).toBeAllclose(plain.forward(ids()).dataSync(), FLOAT32);
    });
    const slope = 0.3;
    const tilted = new CountingTransformer({ ...SIZE, positions: { kind: 'alibi', slopes: [slope] } }, null);
    const again = plain.stateDict();
    tilted.loadStateDict(again);
    tf.dispose(again);
    tf.tidy(() => {
      const byKey = plain.forward(ids(), {
        observe: (name, value) =>
          name === 'enc.attn.scores' ? value.add(tf.range(0, rows.length).mul(slope).reshape([1, 1, 1, -1])) : value,
      });
      expect(tilted.forward(ids()).dataSync()).toBeAllclose(byKey.dataSync(), FLOAT32);
    });
    [plain, flat, tilted].forEach((model) => model.dispose());
  });

  it('without order sees a set: the golden permutation, and ours', async () => {
    const file = loadGolden(new URL('./golden/permutation.safetensors', import.meta.url));
    const size = { regions: 3, maxCount: 16, width: 16, feedForward: 32 };
    const full = modelOf(file, { ...size, causal: false });
    tf.tidy(() => {
      for (const [tokens, logits] of [
        ['tokens', 'logits'],
        ['permuted', 'logits_permuted'],
      ] as const) {
        // prettier-ignore
        const found = full.forward(tensorOf(file, tokens, 'int32')).dataSync();
        expect(found).toBeAllclose(file.get(logits).data, { rtol: 0, atol: 1e-4 });
      }
    });
    expect(await permutationTest(full, rows)).toBeLessThan(1e-5);
    const causal = modelOf(file, size);
    expect(await permutationTest(causal, rows)).toBeGreaterThan(1e-3);
    full.dispose();
    causal.dispose();
  });

  it('of larger decoders has their branches', async () => {
    const decoder = { selfAttention: true, mlp: true, layerNorm: true };
    const model = CountingTransformer.create({ ...SIZE, decoder }, 1);
    const names = model.namedParameters().map(([name]) => name);
    for (const name of ['dec.self.q.weight', 'dec.mlp.0.weight', 'dec.ln1.weight', 'dec.ln3.bias']) {
      expect(names).toContain(name);
    }
    const seen = await capture(model, rows);
    expect(Object.keys(seen)).toContain('dec.self.weights');
    const [fast] = tf.tidy(() => [model.forward(ids()).dataSync()]);
    expect(seen['logits']!.data).toBeAllclose(fast, FLOAT32);
    model.dispose();
  });

  it('has a loss of clamped counts, over the regions that there are', () => {
    tf.tidy(() => {
      const logits = tf.tensor3d([0, 1, 2, 3, 0, 0, 5, 5, 1], [1, 3, 3]);
      const logP = (row: number[], label: number): number =>
        row[label]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
      const all = countingLoss(logits, tf.tensor2d([[1, 0, 9]], [1, 3], 'int32')).dataSync()[0]!;
      expect(all).toBeCloseTo(-(logP([0, 1, 2], 1) + logP([3, 0, 0], 0) + logP([5, 5, 1], 2)) / 3, 5);
      const first = countingLoss(logits, tf.tensor2d([[2]], [1, 1], 'int32')).dataSync()[0]!;
      expect(first).toBeCloseTo(-logP([0, 1, 2], 2), 5);
      expect(() => countingLoss(logits, tf.zeros([1, 4], 'int32'))).toThrow(check.ShapeError);
      expect(() => countingLoss(logits, tf.zeros([2, 3], 'int32'))).toThrow(check.ShapeError);
    });
  });
});

describe('CountingTransformer', () => {
  beforeAll(() => useBackend('cpu'));

  it('comes back from its file bit for bit, and refuses others', async () => {
    const before = tf.memory().numTensors;
    const model = CountingTransformer.create({ ...SIZE, positions: { kind: 'absolute', maxLength: 25 } }, 1);
    const bytes = await saveCounting(model);
    const again = loadCounting(bytes);
    expect(again.config).toEqual(model.config);
    tf.tidy(() => {
      expect(again.forward(ids()).dataSync()).toEqual(model.forward(ids()).dataSync());
    });
    for (let cut = 1; cut < bytes.length; cut += 997) {
      expect(() => loadCounting(bytes.slice(0, cut))).toThrow(check.FormatError);
    }
    const text = new TextDecoder('latin1').decode(bytes);
    const with50 = Uint8Array.from(text.replace('\\"maxCount\\":10', '\\"maxCount\\":50'), (c) => c.charCodeAt(0));
    expect(() => loadCounting(with50)).toThrow(/dec\.head\.weight must be \[51, 16\], as the config says/);
    const unknown = Uint8Array.from(text.replace('counting', 'countdown'), (c) => c.charCodeAt(0));
    expect(() => loadCounting(unknown)).toThrow(check.FormatError);
    tf.tidy(() => void model.namedParameters()[0]![1].assign(tf.fill([5, 16], NaN)));
    await expect(saveCounting(model)).rejects.toThrow(/tok\.weight must be finite/);
    model.dispose();
    again.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([
    [{ regions: 0 }, RangeError, /regions/],
    [{ maxCount: -1 }, RangeError, /maxCount/],
    [{ width: 15, heads: 2 }, RangeError, /width must be a multiple of heads/],
    [{ width: 15, positions: { kind: 'rope' } }, RangeError, /width \/ heads must be even/],
    [{ width: 15, positions: { kind: 'sinusoidal' } }, RangeError, /width must be even/],
    [{ positions: { kind: 'absolute' } }, TypeError, /positions.maxLength/],
    [{ positions: { kind: 'alibi', slopes: [1, 2] } }, RangeError, /positions.slopes must be 1/],
    [{ positions: { kind: 'rotary' } }, RangeError, /positions.kind/],
    [{ positions: 'rope' }, TypeError, /positions/],
    [{ causal: 1 }, TypeError, /causal/],
    [{ decoder: { mlp: 1 } }, TypeError, /decoder.mlp/],
    [{ activation: 'silu' }, RangeError, /activation/],
  ] as unknown as [Partial<CountingConfig>, typeof Error, RegExp][])('refuses %o', (config, type, message) => {
    const before = tf.memory().numTensors;
    expect(() => CountingTransformer.create({ ...SIZE, ...config }, 0)).toThrow(message);
    expect(() => CountingTransformer.create({ ...SIZE, ...config }, 0)).toThrow(type);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses tokens that do not fit', () => {
    const model = CountingTransformer.create({ ...SIZE, positions: { kind: 'absolute', maxLength: 20 } }, 0);
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      expect(() => model.forward(ids())).toThrow(/tokens must be at most 20 a row/);
      expect(() => model.forward(tf.zeros([4], 'int32'))).toThrow(check.ShapeError);
      expect(() => model.forward(tf.zeros([1, 4]))).toThrow(TypeError);
    });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

describe('numericRank', () => {
  it('is T for the causal pattern, and at most the width for scores', async () => {
    await useBackend('cpu');
    expect(numericRank(causalPattern(40))).toBe(40);
    const positions = { kind: 'absolute', maxLength: 40 } as const;
    const model = CountingTransformer.create({ ...SIZE, width: 8, causal: false, positions }, 0);
    const scores = (await capture(model, rows, { names: ['enc.attn.scores'] }))['enc.attn.scores'].data;
    const L = rows.length;
    expect(numericRank(Array.from({ length: L }, (_, i) => scores.subarray(i * L, (i + 1) * L)))).toBeLessThanOrEqual(
      8,
    );
    model.dispose();
    expect(() => numericRank([[1]], 2)).toThrow(RangeError);
    expect(() => causalPattern(0)).toThrow(RangeError);
  });
});
