import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { FormatError, ShapeError } from '../src/check';
import { cosine, WeightEma, type WeightEmaOptions } from '../src/optim';
import { backendsUnderTest } from '../src/testing';
import { bits } from './optim-problems';

/** Twelve updates in float32 of numbers up to 10. */
const ROUNDING = { rtol: 2e-6, atol: 1e-6 };

const made = (...values: number[]): tf.Variable => tf.tidy(() => tf.tensor1d(values).variable());

describe.each(backendsUnderTest())('WeightEma on %s', (backend) => {
  beforeAll(() => useBackend(backend));
  afterEach(() => tf.disposeVariables());

  const momentum = cosine({ base: 0.992, final: 1, steps: 12 });
  const cases: [string, WeightEmaOptions, (t: number) => number][] = [
    ['0.999 by default', {}, () => 0.999],
    ['a constant decay', { decay: 0.9 }, () => 0.9],
    ['a schedule', { decay: momentum }, momentum],
    ['a warm-up', { decay: 0.3, warmup: true }, (t) => Math.min(0.3, (1 + t) / (10 + t))],
    ['no memory', { decay: 0 }, () => 0],
  ];
  describe.each([
    ['step by step', false],
    ['compiled', true],
  ])('%s', (_, compile) => {
    it.each(cases)('is the running average by its recursion: %s', (_name, options, decayAt) => {
      const weights = [made(1, 2), tf.tidy(() => tf.scalar(-3).variable())];
      const ema = new WeightEma(weights, options);
      const expected = bits(weights);
      const step = (): void => {
        for (const weight of weights) weight.assign(weight.mul(-0.9).add(1));
        ema.update();
      };
      const run = compile ? jit(step) : step;
      for (let t = 0; t < 12; t++) {
        run();
        bits(weights).forEach((weight, i) => (expected[i] = decayAt(t) * expected[i]! + (1 - decayAt(t)) * weight));
        expect(bits(ema.averages)).toBeAllclose(expected, ROUNDING);
      }
      expect(ema.updates).toBe(12);
      ema.dispose();
    });

    it('goes on bit for bit from its saved state', async () => {
      const weight = made(1, 2);
      const step = (ema: WeightEma): (() => void) => {
        const update = (): void => {
          weight.assign(weight.mul(0.7).add(1));
          ema.update();
        };
        return compile ? jit(update) : update;
      };
      const ema = new WeightEma([weight], { decay: momentum, warmup: true });
      const run = step(ema);
      for (let t = 0; t < 5; t++) run();
      const saved = await ema.getWeights();
      const copy = weight.clone();
      for (let t = 0; t < 4; t++) run();
      const uninterrupted = bits(ema.averages);
      weight.assign(copy);
      const other = new WeightEma([weight], { decay: momentum, warmup: true });
      await other.setWeights(saved);
      expect(other.updates).toBe(5);
      const go = step(other);
      for (let t = 0; t < 4; t++) go();
      expect(bits(other.averages)).toEqual(uninterrupted);
    });
  });

  it('lends its averages to the model and takes them back', () => {
    const weight = made(1, 2);
    const ema = new WeightEma([weight], { decay: 0.5 });
    weight.assign(tf.tensor1d([3, 6]));
    ema.update();
    ema.apply();
    expect(bits([weight])).toEqual([2, 4]);
    expect(bits(ema.averages)).toEqual([2, 4]);
    const state = 'the weights must be those of training, got the averages. Call restore first.';
    expect(() => ema.apply()).toThrow(`tensor-core.WeightEma.apply: ${state}`);
    expect(() => ema.update()).toThrow(`tensor-core.WeightEma.update: ${state}`);
    expect(() => ema.swap()).toThrow(`tensor-core.WeightEma.swap: ${state}`);
    ema.restore();
    expect(bits([weight])).toEqual([3, 6]);
    expect(() => ema.restore()).toThrow(
      'tensor-core.WeightEma.restore: apply must come before, got no weights to put back.',
    );
    ema.update();
    expect(bits(ema.averages)).toEqual([2.5, 5]);
    ema.swap();
    expect(bits([weight, ...ema.averages])).toEqual([2.5, 5, 3, 6]);
    // They are not the same memory.
    weight.assign(weight.add(1));
    expect(bits([weight, ...ema.averages])).toEqual([3.5, 6, 3, 6]);
    expect(ema.updates).toBe(2);
  });

  it('a compiled update is refused too while the averages are lent', () => {
    const weight = made(1);
    const ema = new WeightEma([weight]);
    const update = jit(() => ema.update());
    update();
    ema.apply();
    expect(update).toThrow('tensor-core.WeightEma.update');
    ema.restore();
    update();
    expect(ema.updates).toBe(2);
  });

  it('may hold its averages in a teacher’s variables, which stay the caller’s', () => {
    const [student, teacher] = [made(1, 2), made(5, 6)];
    const ema = new WeightEma([student], { decay: 0.75, into: [teacher] });
    ema.update();
    expect(bits([teacher])).toEqual([4, 5]);
    ema.dispose();
    expect(teacher.isDisposed).toBe(false);
  });

  it('leaks nothing', () => {
    const weight = made(1, 2);
    expect(() => {
      const ema = new WeightEma([weight]);
      ema.update();
      ema.apply();
      ema.restore();
      ema.swap();
      ema.apply();
      ema.dispose();
      ema.dispose();
    }).toLeakNothing();
    // Lent when it ends: the weights of training are back.
    expect(bits([weight])).toEqual([1, 2]);
    const model = made(1);
    const ema = new WeightEma([model]);
    ema.apply();
    model.dispose();
    ema.dispose();
  });

  it('refuses what does not fit', async () => {
    const weight = made(1, 2);
    expect(() => new WeightEma([])).toThrow('tensor-core.WeightEma: weights must not be empty, got [].');
    expect(() => new WeightEma([weight], { decay: 1.5 })).toThrow(RangeError);
    expect(() => new WeightEma([weight], { decay: '1' as unknown as number })).toThrow(TypeError);
    expect(() => new WeightEma([weight], { into: [] })).toThrow(
      'into must hold one variable for each of the 1 weights, got 0.',
    );
    expect(() => new WeightEma([weight], { into: [made(1)] })).toThrow(ShapeError);
    expect(() => new WeightEma([weight], { into: [made(1)] })).toThrow(
      'into[0] must have shape [2], got a float32 tensor',
    );
    const ema = new WeightEma([weight], { decay: () => 2 });
    expect(() => ema.update()).toThrow(
      'tensor-core.WeightEma: decay at step 0 must be a finite number >= 0 and <= 1, got 2.',
    );
    const [iter, average] = await ema.getWeights();
    const where = 'tensor-core.WeightEma.setWeights: ';
    await expect(ema.setWeights([average!])).rejects.toThrow(FormatError);
    await expect(ema.setWeights([iter!])).rejects.toThrow(
      `${where}weights must be what getWeights of the same model gave, got 1 tensors for 1 averages and the count.`,
    );
    const scalar = { name: 'ema/0', tensor: tf.scalar(1) };
    await expect(ema.setWeights([iter!, scalar])).rejects.toThrow(`${where}ema/0 must have shape [2], got a float32`);
    const negative = { name: 'iter', tensor: tf.scalar(-1) };
    await expect(ema.setWeights([negative, average!])).rejects.toThrow(`${where}iter must be an integer >= 0, got -1.`);
  });
});
