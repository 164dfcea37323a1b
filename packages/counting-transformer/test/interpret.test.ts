import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  attentionBudget,
  buildCountingCircuit,
  capture,
  contextualPositions,
  CountingTransformer,
  cutAttention,
  effectiveValues,
  formulaLogits,
  identifyBias,
  inTurn,
  linearProbe,
  patch,
  permutationTest,
  predictedSlopes,
  principalComponents,
  ropeSpectrum,
  sampleTask,
  TOKENS,
  tokenScores,
  type TokenRows,
} from '../src';

const SIZE = { regions: 3, maxCount: 10, width: 16, feedForward: 24 };
const rows = sampleTask(random.key(5), 6, { length: 24, regions: 3 });
const FLOAT32 = { rtol: 1e-4, atol: 1e-5 };

describe.each(backendsUnderTest())('interpretation on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('scores between tokens are those of sequences, where places do not count', async () => {
    const before = tf.memory().numTensors;
    const model = CountingTransformer.create({ ...SIZE, heads: 2 }, 1);
    const table = await tokenScores(model);
    const { 'enc.attn.scores': scores } = await capture(model, rows, { names: ['enc.attn.scores'] });
    const L = rows.length;
    const wanted = Float64Array.from(scores.data, (_, n) => {
      const [b, h, i, j] = [Math.floor(n / (2 * L * L)), Math.floor(n / (L * L)) % 2, Math.floor(n / L) % L, n % L];
      return table[h]![rows.tokens[b * L + i]!]![rows.tokens[b * L + j]!]!;
    });
    expect(scores.data).toBeAllclose(wanted, FLOAT32);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('effective values make up the logits, for one head and for several', async () => {
    const before = tf.memory().numTensors;
    for (const heads of [1, 4]) {
      const model = CountingTransformer.create({ ...SIZE, heads, positions: { kind: 'rope' } }, 1);
      const tokens = rows.tokens.subarray(0, rows.length);
      const { values, weights, constant, logits } = await effectiveValues(model, tokens);
      logits.forEach((row, k) => {
        const sum = row.map((_, j) =>
          values.reduce(
            (total, ofHead, h) => ofHead.reduce((own, value, t) => own + weights[h]![k]![t]! * value[j]!, total),
            constant[j]!,
          ),
        );
        expect(sum).toBeAllclose(row, FLOAT32);
      });
      model.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('cuts attention, and patches one run into another', async () => {
    const before = tf.memory().numTensors;
    const model = CountingTransformer.create(SIZE, 1);
    const names = ['dec.attn.weights', 'hidden', 'logits'] as const;
    const cut = await capture(model, rows, { names, observe: cutAttention(rows, 'decoder', ['start', 'zero']) });
    const [L, R] = [rows.length, 3];
    cut['dec.attn.weights'].data.forEach((weight, n) => {
      const id = rows.tokens[Math.floor(n / (R * L)) * L + (n % L)];
      if (id === TOKENS.start || id === TOKENS.zero) expect(weight).toBe(0);
    });
    const other = sampleTask(random.key(6), 6, { length: 24, regions: 3 });
    const [ours, theirs] = [await capture(model, rows, { names }), await capture(model, other, { names })];
    const whole = await capture(model, rows, { names, observe: patch('hidden', theirs.hidden) });
    expect(whole.logits.data).toBeAllclose(theirs.logits.data, FLOAT32);
    const some = await capture(model, rows, { names, observe: patch('hidden', theirs.hidden, { positions: [3] }) });
    const D = SIZE.width;
    some.hidden.data.forEach((value, n) => {
      const from = Math.floor(n / D) % L === 3 ? theirs.hidden : ours.hidden;
      if (Math.abs(value - from.data[n]!) > 1e-5) throw new Error(`The patch is wrong at ${n}.`);
    });
    const both = inTurn(patch('hidden', theirs.hidden), cutAttention(rows, 'decoder', []));
    expect((await capture(model, rows, { names, observe: both })).logits.data).toBeAllclose(
      theirs.logits.data,
      FLOAT32,
    );
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('bias tokens of circuits', () => {
  beforeAll(() => useBackend('onnx'));

  it.each([
    ['start', 1, 0],
    ['open', 4, 0],
    ['close', 4, 0],
    ['zero', 28, 0.12],
  ] as const)('%s is found, with its number', async (bias, effective, variation) => {
    const model = buildCountingCircuit(bias, { regions: 4, maxCount: 40, trainedBias: effective });
    const samples = sampleTask(random.key(1), 60, { length: 64, regions: 4, start: bias === 'start' });
    for (const finding of await identifyBias(model, samples)) {
      expect(finding.bias).toBe(bias);
      expect(finding.purity).toBeGreaterThan(0.999);
      expect(Math.abs(finding.effective / effective - 1)).toBeLessThan(variation + 0.01);
      expect(finding.variation).toBeLessThan(variation + 0.05);
    }
    for (const shares of await attentionBudget(model, samples)) {
      expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 5);
      expect(shares.otherOnes).toBeLessThan(1e-3);
      expect(shares.ownOnes + shares[bias]).toBeCloseTo(1, 3);
    }
    const fewer = sampleTask(random.key(2), 60, { length: 64, regions: 3, start: bias === 'start' });
    const slopes = predictedSlopes(await identifyBias(model, samples), await identifyBias(model, fewer));
    const expected = { start: 1, open: 4 / 3, close: 4 / 3, zero: 28 / 29 }[bias];
    for (const slope of slopes.slice(0, 3)) expect(Math.abs(slope / expected - 1)).toBeLessThan(variation + 0.01);
    expect(slopes[3]).toBeNaN();
    expect((await attentionBudget(model, fewer))[3]!.zero).toBeNaN();
    model.dispose();
  });

  it('the number of a bias that varies is its median over the sequences', async () => {
    const model = buildCountingCircuit('zero', { regions: 2, maxCount: 30, trainedBias: 20 });
    // One sequence has hardly any zeros: its number pulls the mean, 8, and not the median, 9.
    const zeros = [2, 8, 9, 10, 11];
    const tokens = zeros.flatMap((count) => [
      ...[2, 1, 3, 2, 1, 3],
      ...Array.from({ length: 14 }, (_, i) => Number(i >= count)),
    ]);
    for (const { effective, variation } of await identifyBias(model, { tokens, batch: 5, length: 20 })) {
      expect(effective).toBeAllclose(9, { rtol: 1e-3, atol: 0 });
      expect(variation).toBeAllclose((10 - 8) / (2 * 9), { rtol: 1e-2, atol: 0 });
    }
    model.dispose();
  });

  it('removing the start token takes the unit away', async () => {
    const model = buildCountingCircuit('start', { regions: 3, maxCount: 30 });
    const observe = cutAttention(rows, 'decoder', ['start']);
    const { logits } = await capture(model, rows, { names: ['logits'], observe });
    const whole = await capture(model, rows, { names: ['logits'] });
    const best = (data: Float32Array, row: number): number => {
      const own = data.subarray(row * 31, (row + 1) * 31);
      return own.indexOf(Math.max(...own));
    };
    rows.counts.forEach((count, row) => {
      expect(best(whole.logits.data, row)).toBe(count);
      // Without it n cancels: all regions that have ones are said to have as many as there can be.
      if (count > 0) expect(best(logits.data, row)).toBe(30);
    });
    model.dispose();
  });

  it('the formula is what the circuit computes', async () => {
    const model = buildCountingCircuit('start', { regions: 2, maxCount: 20 });
    const tokens = Int32Array.from([4, 2, 1, 0, 1, 1, 3, 0, 2, 1, 3]);
    const { values, constant, logits } = await effectiveValues(model, tokens);
    const [v1, vB] = [values[0]![2]!, values[0]![0]!];
    const said = formulaLogits(3, { a1: 30, aB: 30, v1, vB, constant });
    expect(said).toBeAllclose(logits[0]!, { rtol: 1e-3, atol: 1e-2 });
    expect(said.indexOf(Math.max(...said))).toBe(3);
    model.dispose();
  });
});

describe('states', () => {
  beforeAll(() => useBackend('onnx'));

  /** What the encoder's attention writes at the ones of sequences, with the regions they are in, -1 outside. */
  async function onesOf(
    model: CountingTransformer,
    samples: TokenRows,
  ): Promise<{ states: number[][]; labels: number[] }> {
    const { 'enc.attn.out': out } = await capture(model, samples, { names: ['enc.attn.out'] });
    const D = model.config.width;
    const found: { states: number[][]; labels: number[] } = { states: [], labels: [] };
    for (let b = 0; b < samples.batch; b++) {
      const row = Array.from({ length: samples.length }, (_, t) => samples.tokens[b * samples.length + t]!);
      contextualPositions(row).forEach((place, t) => {
        if (row[t] !== TOKENS.one) return;
        const start = (b * samples.length + t) * D;
        found.states.push([...out.data.subarray(start, start + D)]);
        found.labels.push(place ?? -1);
      });
    }
    return found;
  }

  it('of the circuit lie on a line, by which regions are told, and inter-regions fall together', async () => {
    const model = buildCountingCircuit('close', { regions: 4, maxCount: 20 });
    const samples = sampleTask(random.key(1), 80, { length: 60, regions: 4, start: false });
    const { states, labels } = await onesOf(model, samples);
    const { scores, explained, directions } = principalComponents(states, 2);
    expect(explained[0]).toBeCloseTo(1, 6);
    expect(directions[0]!.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 9);
    const of = (label: number): number[] => scores.flatMap(([x], i) => (labels[i] === label ? [x!] : []));
    for (const label of [0, 1, 2, 3]) {
      const own = of(label);
      expect(Math.max(...own) - Math.min(...own)).toBeLessThan(1e-5);
    }
    const centres = [0, 1, 2, 3].map((label) => of(label)[0]!);
    expect(new Set(centres.map((value) => value.toFixed(3))).size).toBe(4);
    model.dispose();
  });

  it('a probe finds what is linear, and no more than chance in noise', () => {
    const n = 400;
    const noise = random.fillNormal(random.key(0), new Float64Array(3 * n));
    const labels = Array.from({ length: n }, (_, i) => (i * 7) % 3);
    const linear = labels.map((label, i) => [label === 0 ? 3 : 0, label === 1 ? 3 : 0, noise[i]! * 0.1]);
    const probe = linearProbe(linear, labels);
    expect(probe.accuracy).toBe(1);
    expect(probe.labels).toEqual([0, 1, 2]);
    expect(probe.predict([3, 0, 0])).toBe(0);
    const blind = linearProbe(
      labels.map((_, i) => [...noise.subarray(3 * i, 3 * i + 3)]),
      labels,
    );
    // Five deviations of the accuracy on 100 states that were held out.
    expect(Math.abs(blind.accuracy - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / 100));
  });

  it('refuse what does not fit', () => {
    expect(() => principalComponents([[1, 2]])).toThrow(/at least 2/);
    expect(() => principalComponents([[1, 2], [1]])).toThrow(/state 1 must have 2 numbers/);
    expect(() => principalComponents([[1], [2]], 2)).toThrow(RangeError);
    expect(() => linearProbe([[1], [2], [3], [NaN]], [0, 1, 0, 1])).toThrow(/number 0 of state 3/);
    expect(() => linearProbe([[1], [2], [3], [4]], [0])).toThrow(/labels must be 4/);
  });
});

describe('ropeSpectrum', () => {
  beforeAll(() => useBackend('cpu'));

  it.each(['half', 'interleaved'] as const)(
    'shares the variance of the scores among the planes, %s',
    async (layout) => {
      const model = CountingTransformer.create({ ...SIZE, heads: 2, positions: { kind: 'rope', layout } }, 1);
      const planes = await ropeSpectrum(model, rows);
      expect(planes.map(({ head, plane }) => [head, plane])).toEqual(
        [0, 1].flatMap((head) => [0, 1, 2, 3].map((plane) => [head, plane])),
      );
      expect(planes[1]!.frequency).toBeCloseTo(0.1, 12);
      // The share by its definition, for one head, from the scores themselves.
      const names = ['enc.attn.q', 'enc.attn.k', 'enc.attn.scores'] as const;
      const { 'enc.attn.q': q, 'enc.attn.k': k, 'enc.attn.scores': scores } = await capture(model, rows, { names });
      const [L, W] = [rows.length, 8];
      const [s, part]: [number[], number[]] = [[], []];
      for (let b = 0; b < rows.batch; b++) {
        for (let i = 0; i < L; i++) {
          for (let j = 0; j <= i; j++) {
            s.push(scores.data[(b * 2 * L + i) * L + j]! * Math.sqrt(W));
            const pair = layout === 'half' ? [2, 6] : [4, 5];
            part.push(
              pair.reduce((sum, c) => sum + q.data[(b * 2 * L + i) * W + c]! * k.data[(b * 2 * L + j) * W + c]!, 0),
            );
          }
        }
      }
      const mean = (values: number[]): number => values.reduce((sum, value) => sum + value / values.length, 0);
      const [ms, mp] = [mean(s), mean(part)];
      const wanted =
        mean(s.map((value, n) => (value - ms) * (part[n]! - mp))) / mean(s.map((value) => (value - ms) ** 2));
      expect(planes[2]!.share).toBeCloseTo(wanted, 4);
      expect(planes.slice(0, 4).reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      model.dispose();
    },
  );
});

describe('bad arguments', () => {
  beforeAll(() => useBackend('cpu'));

  it('are told, and nothing is lost', async () => {
    const model = CountingTransformer.create(SIZE, 1);
    const larger = CountingTransformer.create({ ...SIZE, decoder: { mlp: true } }, 1);
    const before = tf.memory().numTensors;
    await expect(capture(model, rows, { names: ['dec.attn.wieghts'] })).rejects.toThrow(
      /names must be values of the model/,
    );
    await expect(capture(model, { ...rows, length: 3 })).rejects.toThrow(/tokens must be 6 rows of 3/);
    await expect(capture(model, { tokens: [7], batch: 1, length: 1 })).rejects.toThrow(/token 0 of sequence 0/);
    await expect(capture({} as never, rows)).rejects.toThrow(TypeError);
    await expect(effectiveValues(larger, rows.tokens.subarray(0, 25))).rejects.toThrow(/decoder.mlp must be false/);
    await expect(ropeSpectrum(model, rows)).rejects.toThrow(/positions must be/);
    await expect(identifyBias(model, { tokens: [2, 2], batch: 1, length: 2 })).rejects.toThrow(/must come after/);
    await expect(permutationTest(model, { ...rows, batch: 0 })).rejects.toThrow(RangeError);
    expect(() => cutAttention(rows, 'both' as never, [])).toThrow(RangeError);
    expect(() => cutAttention(rows, 'decoder', ['two' as never])).toThrow(RangeError);
    const { hidden } = await capture(model, rows, { names: ['hidden'] });
    expect(() => patch('hidden', hidden, { positions: [99] })).toThrow(RangeError);
    const short = sampleTask(random.key(1), 6, { length: 10, regions: 3 });
    await expect(capture(model, short, { observe: patch('hidden', hidden) })).rejects.toThrow(
      /hidden of the other run must be/,
    );
    expect(() => formulaLogits(1, { a1: 0, aB: 0, v1: [1], vB: [1, 2] })).toThrow(RangeError);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
    larger.dispose();
  });
});
