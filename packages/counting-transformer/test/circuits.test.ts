import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden, type Golden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  biasCount,
  biasLogits,
  buildCountingCircuit,
  CountingTransformer,
  sampleTask,
  TOKENS,
  type BiasToken,
  type TaskConfig,
} from '../src';
import { modelOf, tensorOf } from './golden-model';

const golden = (name: string): Golden => loadGolden(new URL(`./golden/${name}.safetensors`, import.meta.url));
const N = 48;
/** Names of the golden files, and what their circuits were made for. */
const GOLDEN: [BiasToken, string, number][] = [
  ['start', 'circuit_bos', 1],
  ['close', 'circuit_close', 4],
  ['zero', 'circuit_zero', 28],
];

/** Counts that a model says, [B, R] row by row. */
function said(model: CountingTransformer, tokens: tf.Tensor): number[] {
  return [...tf.tidy(() => model.forward(tokens).argMax(-1).dataSync())];
}

describe.each(backendsUnderTest())('circuits on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(GOLDEN)(
    'by %s: logits, attention and counts of the golden weights, and of ours',
    (bias, name, trainedBias) => {
      const before = tf.memory().numTensors;
      const file = golden(name);
      const ours = buildCountingCircuit(bias, { regions: 4, maxCount: N, trainedBias });
      for (const model of [modelOf(file, ours.config), ours]) {
        for (const set of ['train', 'short', 'fewer', 'long']) {
          tf.tidy(() => {
            const tokens = tensorOf(file, `${set}.tokens`, 'int32');
            const wanted = file.get(`${set}.pred`);
            const [rows, regions] = wanted.shape as [number, number];
            const logits = model.forward(tokens);
            const asked = logits
              .slice([0, 0, 0], [rows, regions, N + 1])
              .argMax(-1)
              .dataSync();
            const real = file.get(`${set}.expected_real`).data;
            Array.from(asked, (count, i) => {
              const isTie = Math.abs((real[i]! % 1) - 0.5) < 1e-3;
              if (!isTie) expect(count).toBe(Number(wanted.data[i]));
            });
            const own = file.get(`${set}.logits`).data;
            for (let row = 0; row < rows * 4; row++) {
              if (row % 4 >= regions) continue;
              const ends = [row * (N + 1), (row + 1) * (N + 1)] as const;
              const theirs = Float64Array.from(own.slice(...ends));
              const range = Math.max(...theirs) - Math.min(...theirs);
              // Theirs are within 5e-4 of the closed form themselves.
              expect(logits.dataSync().slice(...ends)).toBeAllclose(theirs, { rtol: 0, atol: 1e-3 * range });
            }
          });
        }
        model.dispose();
      }
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('find their place by 1 / (m + 1), or by the part of opening delimiters', () => {
    for (const bias of ['start', 'close'] as const) {
      const model = buildCountingCircuit(bias, { regions: 4, maxCount: 8 });
      const { tokens, batch, length } = sampleTask(random.key(1), 3, {
        length: 40,
        regions: 4,
        start: bias === 'start',
      });
      const mid = tf.tidy(() => {
        let found: tf.Tensor | null = null;
        const ids = tf.tensor2d(tokens, [batch, length], 'int32');
        model.forward(ids, { observe: (name, value) => (name === 'enc.mid' ? (found = tf.keep(value)) : value) });
        return found!;
      });
      const states = mid.arraySync() as number[][][];
      mid.dispose();
      for (let b = 0; b < batch; b++) {
        let [opened, closed] = [0, 0];
        for (let t = 0; t < length; t++) {
          const id = tokens[b * length + t];
          if (id === TOKENS.open) opened++;
          if (id === TOKENS.close) closed++;
          const some = opened + closed;
          const wanted = bias === 'start' ? 1 / (some + 1) : some === 0 ? 0 : opened / some;
          expect(Math.abs(states[b]![t]![5]! - wanted)).toBeLessThan(1e-6);
        }
      }
      model.dispose();
    }
  });
});

/** How often a circuit's counts are those of the closed form, and those of the truth, over all regions. */
function tally(
  model: CountingTransformer,
  task: TaskConfig,
  bias: BiasToken,
  count: number,
  trainedBias: number,
): { law: number; truth: number } {
  const [chunk, N1] = [500, model.config.maxCount];
  let [law, truth, all] = [0, 0, 0];
  for (let part = 0; part < count / chunk; part++) {
    const { tokens, counts, batch, length, regions } = sampleTask(random.foldIn(random.key(7), part), chunk, task);
    const ids = tf.tensor2d(tokens, [batch, length], 'int32');
    const found = said(model, ids);
    ids.dispose();
    for (let b = 0; b < batch; b++) {
      const row = tokens.subarray(b * length, (b + 1) * length);
      const biases = row.filter((id) => id === TOKENS[bias]).length;
      for (let k = 0; k < regions; k++) {
        const [own, n] = [found[b * model.config.regions + k]!, counts[b * regions + k]!];
        const real = biasCount(n, biases, { trainedBias, maxCount: N1 });
        all++;
        law += Number(Math.abs(own - real) <= 0.5 + 1e-6);
        truth += Number(own === n);
      }
    }
  }
  return { law: law / all, truth: truth / all };
}

describe('circuits on 10,000 random sequences', () => {
  beforeAll(() => useBackend('onnx'));
  const task = { length: 64, regions: 4, start: false };

  it.each([
    ['start', 1],
    ['open', 4],
    ['close', 4],
  ] as const)('by %s: every count is right', (bias, trainedBias) => {
    const model = buildCountingCircuit(bias, { regions: 4, maxCount: 64 });
    const own = { ...task, start: bias === 'start' };
    expect(tally(model, own, bias, 10_000, trainedBias)).toEqual({ law: 1, truth: 1 });
    // With a start they stay right for other lengths and regions; delimiters need their number.
    expect(tally(model, { ...own, length: 40 }, bias, 1000, trainedBias).truth).toBe(1);
    const fewer = tally(model, { ...own, regions: 3 }, bias, 1000, trainedBias);
    expect(fewer.law).toBe(1);
    if (bias === 'start') expect(fewer.truth).toBe(1);
    else expect(fewer.truth).toBeLessThan(0.4);
    model.dispose();
  });

  it('by zeros: every count follows the number of zeros, and is right where that is the trained one', () => {
    const model = buildCountingCircuit('zero', { regions: 4, maxCount: 64, trainedBias: 28 });
    const mixed = tally(model, task, 'zero', 10_000, 28);
    expect(mixed.law).toBe(1);
    expect(mixed.truth).toBeLessThan(0.85);
    const shorter = tally(model, { ...task, length: 40 }, 'zero', 1000, 28);
    expect(shorter).toMatchObject({ law: 1 });
    expect(shorter.truth).toBeLessThan(mixed.truth - 0.2);
    model.dispose();
  });

  it('count 512 tokens and eight regions', () => {
    const model = buildCountingCircuit('start', { regions: 8, maxCount: 255 });
    expect(tally(model, { length: 512, regions: 8 }, 'start', 500, 1)).toEqual({ law: 1, truth: 1 });
    model.dispose();
  });

  it('fail without causality: the same weights then see one and the same thing in every order', () => {
    const causal = buildCountingCircuit('start', { regions: 3, maxCount: 32 });
    const full = new CountingTransformer({ ...causal.config, causal: false }, null);
    const state = causal.stateDict();
    full.loadStateDict(state);
    tf.dispose(state);
    const { tokens, batch, length } = sampleTask(random.key(3), 50, { length: 32, regions: 3 });
    const shuffled = Int32Array.from(tokens);
    for (let b = 0; b < batch; b++) {
      const order = random.permutation(random.foldIn(random.key(4), b), length - 1);
      order.forEach((from, t) => (shuffled[b * length + 1 + t] = tokens[b * length + 1 + from]!));
    }
    tf.tidy(() => {
      const logits = (model: CountingTransformer, ids: Int32Array): tf.Tensor =>
        model.forward(tf.tensor2d(ids, [batch, length], 'int32'));
      const difference = (model: CountingTransformer): number =>
        logits(model, tokens).sub(logits(model, shuffled)).abs().max().dataSync()[0]!;
      const size = logits(full, tokens).abs().max().dataSync()[0]!;
      expect(difference(full)).toBeLessThan(1e-5 * Math.max(size, 1));
      expect(difference(causal)).toBeGreaterThan(1);
    });
    expect(tally(causal, { length: 32, regions: 3 }, 'start', 1000, 1).truth).toBe(1);
    expect(tally(full, { length: 32, regions: 3 }, 'start', 1000, 1).truth).toBeLessThan(0.4);
    causal.dispose();
    full.dispose();
  });

  it('refuse bad options', () => {
    expect(() => buildCountingCircuit('zero')).toThrow(/trainedBias must be given for 'zero'/);
    expect(() => buildCountingCircuit('one' as never)).toThrow(RangeError);
    for (const bad of [{ regions: 0 }, { maxCount: -1 }, { sharpness: 0 }, { attention: 0 }, { trainedBias: 0 }]) {
      expect(() => buildCountingCircuit('start', bad)).toThrow(RangeError);
    }
  });
});

describe('biasLogits', () => {
  it('are a discrete Gaussian about n, of variance (n + 1) / (2 S)', () => {
    for (const n of [10, 40, 100]) {
      const logits = biasLogits(n, 1, { maxCount: 200, sharpness: 8 });
      const weights = logits.map((value) => Math.exp(value - Math.max(...logits)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const mean = weights.reduce((sum, weight, j) => sum + weight * j, 0) / total;
      const variance = weights.reduce((sum, weight, j) => sum + weight * (j - mean) ** 2, 0) / total;
      expect(mean).toBeCloseTo(n, 6);
      expect(Math.abs(variance / ((n + 1) / 16) - 1)).toBeLessThan(0.01);
    }
  });

  it('are largest at n b_train / b, and say nothing without a bias', () => {
    for (const [n, b, trainedBias] of [
      [12, 3, 4],
      [7, 1, 1],
      [30, 20, 28],
      [40, 1, 4],
    ] as const) {
      // prettier-ignore
      const logits = [...biasLogits(n, b, { maxCount: 60, trainedBias })];
      const best = logits.indexOf(Math.max(...logits));
      expect(Math.abs(best - biasCount(n, b, { trainedBias, maxCount: 60 }))).toBeLessThanOrEqual(0.5);
    }
    expect(biasLogits(3, 0, { maxCount: 9 })).toEqual(biasLogits(8, 0, { maxCount: 9 }));
    expect(() => biasLogits(0, 0, { maxCount: 9 })).toThrow(RangeError);
    expect(() => biasLogits(-1, 1, { maxCount: 9 })).toThrow(RangeError);
  });
});
