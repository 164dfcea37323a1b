import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { ternaryCode } from '../src/feedback/ternary';
import { calibrateProcessor } from '../src/optics/calibration';
import { denseNetwork } from '../src/network/dense-network';
import { opticalFeedback, simulatedFeedback } from '../src/optics/optical-feedback';
import type { MeasureOptions, OpticalProcessor } from '../src/optics/optical-processor';
import { OpuSimulator } from '../src/optics/opu-simulator';

const { ShapeError } = check;
type ErrorClass = new (...args: never[]) => Error;

const key = random.key(9);
const WIDTHS = [7, 4, 9];
const SIZE = { inputs: 5, outputs: 20, key };
/** Rounding of intensities up to (A + 4)^2 = 64 and back, for two shots. */
const HOLOGRAPHY = { rtol: 0, atol: 64 * 2 ** -21 };
/** 1 / (4 A) of the simulator's default amplitude. */
const SCALE = 1 / 16;

const codes = (): tf.Tensor2D => tf.tensor2d([[1, 0, -1, -1, 0], [0, 0, 0, 0, 0], [-1, 1, 1, 0, 1]]); // prettier-ignore

/** A device that writes down what it is asked, with the physics of a simulator. */
class LoggedProcessor implements OpticalProcessor {
  readonly calls: { frames: number[]; count: number; phase: unknown }[] = [];
  readonly inputs: number;
  readonly outputs: number;
  readonly saturation: number | null;
  constructor(private readonly opu: OpuSimulator) {
    this.inputs = opu.inputs;
    this.outputs = opu.outputs;
    this.saturation = opu.saturation;
  }
  measure(frames: Uint8Array, count: number, options: MeasureOptions = {}) {
    this.calls.push({ frames: Array.from(frames), count, phase: options.phase });
    return this.opu.measure(frames, count, options);
  }
}

describe.each(backendsUnderTest())('optical feedback on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is e Re(R), its columns split among the layers, by a device and by the simulator', async () => {
    const opu = new OpuSimulator(SIZE);
    const e = codes();
    const expected = tf.split(opu.linear(e), WIDTHS, 1);
    const device = opticalFeedback(opu, { scale: SCALE });
    const simulated = simulatedFeedback(opu);
    expect([device.outputs, device.compiles, simulated.outputs, simulated.compiles]).toEqual([5, false, 5, true]);
    const measured = await device.signals(e, WIDTHS, key);
    const computed = await simulated.signals(e, WIDTHS, key);
    expect(measured.map(({ shape }) => shape)).toEqual(WIDTHS.map((width) => [3, width]));
    WIDTHS.forEach((_, l) => {
      expect(measured[l]).toBeAllclose(expected[l], HOLOGRAPHY);
      expect(computed[l]).toBeAllclose(expected[l], { rtol: 1e-6, atol: 1e-6 });
    });
    const [one] = await simulated.signals(e, [6], key);
    expect(one).toBeAllclose(opu.linear(e).slice([0, 0], [3, 6]), { rtol: 1e-6, atol: 1e-6 });
    opu.dispose();
  });

  it('gives codes their magnitude back', async () => {
    const opu = new OpuSimulator(SIZE);
    const e = tf.tensor2d([[0.6, -0.1, -0.5, 0, 0], [0.3, 0.4, -0.9, 0.1, 0.1]]); // prettier-ignore
    const code = ternaryCode(e, { scaled: true });
    const expected = opu.linear(code);
    const [f] = await opticalFeedback(opu, { scale: SCALE }).signals(code, [20], key);
    expect(f).toBeAllclose(expected, HOLOGRAPHY);
    opu.dispose();
  });

  it('has the noise of the camera, and another one with another key', async () => {
    const opu = new OpuSimulator({ inputs: 5, outputs: 500, key, shotNoise: true, readNoise: 2, gain: 4 });
    const e = codes();
    const exact = opu.linear(e);
    const device = opticalFeedback(opu, { scale: SCALE / 4 });
    const simulated = simulatedFeedback(opu);
    for (const feedback of [device, simulated]) {
      const [f] = await feedback.signals(e, [500], key);
      const error = f!.sub(exact).square().mean().dataSync()[0]!;
      // 7 of 15 entries are lit. Five standard deviations, sqrt(2 / 1500) = 0.037; the light of the frames is 1 / 20 of all.
      expect(Math.abs(error / opu.linearNoise(7 / 15).sigma ** 2 - 1)).toBeLessThan(0.2);
      const [other] = await feedback.signals(e, [500], random.key(1));
      expect(other!.sub(f!).square().mean().dataSync()[0]! / error).toBeGreaterThan(1.5);
    }
    opu.dispose();
  });

  it('is part of a compiled step', async () => {
    const opu = new OpuSimulator({ ...SIZE, bits: 8, shotNoise: true, gain: 6 });
    const feedback = simulatedFeedback(opu);
    const e = codes();
    const step = jit((code: tf.Tensor2D, noise: random.Key) => feedback.signals(code, WIDTHS, noise) as tf.Tensor2D[]);
    const expected = await feedback.signals(e, WIDTHS, random.key(3));
    step(e, random.key(2));
    step(e, random.key(3)).forEach((f, l) => expect(f).toBeAllclose(expected[l], { rtol: 1e-5, atol: 1e-6 }));
    opu.dispose();
  });

  it('leaks nothing', async () => {
    const opu = new OpuSimulator({ ...SIZE, bits: 8 });
    const e = codes();
    const device = opticalFeedback(opu, { scale: SCALE });
    const simulated = simulatedFeedback(opu);
    await expect(async () => device.signals(e, WIDTHS, key)).toLeakNothing();
    expect(() => simulated.signals(e, WIDTHS, key)).toLeakNothing();
    const raw = e.mul<tf.Tensor2D>(tf.tensor1d([1, 2, 1, 1, 1]));
    await expect(async () => Promise.resolve(device.signals(raw, WIDTHS, key)).catch(() => null)).toLeakNothing();
    device.dispose();
    simulated.dispose();
    expect(opu.linear(e).shape).toEqual([3, 20]);
    opu.dispose();
  });
});

describe('the mode of a network with light', () => {
  beforeAll(() => useBackend('cpu'));

  it("must be 'ternary' where errors are shown on mirrors, and is free with an ideal camera", async () => {
    const [x, y] = [random.normal(key, [4, 2]), tf.tensor1d([0, 1, 2, 0], 'int32')];
    const ideal = new OpuSimulator({ inputs: 3, outputs: 8, key });
    const eightBits = new OpuSimulator({ inputs: 3, outputs: 8, key, bits: 8 });
    const before = tf.memory().numTensors;
    const refused = /^opu-dfa\.DfaNetwork\.\w+: mode must be 'ternary' where errors are shown on mirrors, got "?dfa"?/;
    for (const feedback of [simulatedFeedback(eightBits), opticalFeedback(eightBits, { scale: SCALE })]) {
      const network = denseNetwork({ inputs: 2, hidden: [8], outputs: 3, key, feedback });
      await expect(network.gradientsAsync(x, y)).rejects.toThrow(refused);
      await expect(network.alignment(x, y)).rejects.toThrow(refused);
      const { loss, gradients } = await network.gradientsAsync(x, y, { mode: 'ternary' });
      for (const gradient of Object.values(gradients))
        expect((await gradient.data()).every(Number.isFinite)).toBe(true);
      tf.dispose([loss, ...Object.values(gradients)]);
      network.dispose();
    }
    const network = denseNetwork({ inputs: 2, hidden: [8], outputs: 3, key, feedback: simulatedFeedback(ideal) });
    const [cosine] = await network.alignment(x, y);
    expect(Math.abs(cosine!)).toBeGreaterThan(0);
    expect(Math.abs(cosine!)).toBeLessThanOrEqual(1);
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([x, y]);
    ideal.dispose();
    eightBits.dispose();
  });
});

describe('opticalFeedback', () => {
  beforeAll(() => useBackend('cpu'));

  it('shows positive codes, then negative ones, in phase and then in opposite phase', async () => {
    const processor = new LoggedProcessor(new OpuSimulator({ inputs: 4, outputs: 20, key }));
    const feedback = opticalFeedback(processor, { scale: 1, outputs: 3 });
    await feedback.signals(tf.tensor2d([[1, -1, 0], [0, 1, 1]]), [3], key); // prettier-ignore
    const frames = [[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]].flat(); // prettier-ignore
    expect(processor.calls).toEqual([
      { frames, count: 4, phase: 0 },
      { frames, count: 4, phase: 2 },
    ]);
  });

  it('tells how many pixels were full', async () => {
    const full = opticalFeedback(new OpuSimulator({ ...SIZE, bits: 8, gain: 1000 }), { scale: 1 });
    expect(full.saturated).toBeNull();
    await full.signals(codes(), WIDTHS, key);
    expect(full.saturated).toBeGreaterThan(0.9);
    const dim = opticalFeedback(new OpuSimulator({ ...SIZE, bits: 8, gain: 1 }), { scale: 1 });
    await dim.signals(codes(), WIDTHS, key);
    expect(dim.saturated).toBe(0);
    const endless = opticalFeedback(new OpuSimulator(SIZE), { scale: 1 });
    await endless.signals(codes(), WIDTHS, key);
    expect(endless.saturated).toBeNull();
  });

  it('keeps a given matrix among its variables, and none that a key gives again', () => {
    const [re, im] = [tf.ones<tf.Rank.R2>([2, 3]), tf.zeros<tf.Rank.R2>([2, 3])];
    const given = simulatedFeedback(new OpuSimulator({ matrix: { re, im } }));
    expect(Object.keys(given.variables)).toEqual(['matrix.re', 'matrix.im']);
    expect(simulatedFeedback(new OpuSimulator(SIZE)).variables).toEqual({});
    expect(simulatedFeedback(new OpuSimulator({ ...SIZE, stored: false })).compiles).toBe(false);
  });

  const opu = new OpuSimulator(SIZE);

  it.each<[string, () => unknown, ErrorClass, string]>([
    ['scale 0', () => opticalFeedback(opu, { scale: 0 }), RangeError, 'opticalFeedback: scale must be a finite number > 0, got 0. calibrateProcessor measures it.'], // prettier-ignore
    ['more outputs than mirrors', () => opticalFeedback(opu, { scale: 1, outputs: 6 }), RangeError, 'opticalFeedback: outputs must be an integer >= 1 and <= 5, got 6.'], // prettier-ignore
    ['wide errors', () => simulatedFeedback(opu).signals(tf.ones([2, 6]), WIDTHS, key), ShapeError, 'simulatedFeedback.signals: e must have shape [*, 5], got a float32 tensor of shape [2, 6]. It has one column for each output of the network.'], // prettier-ignore
    ['wide layers', () => simulatedFeedback(opu).signals(codes(), [7, 14], key), ShapeError, 'simulatedFeedback.signals: widths must have from 1 to 20 units in all, the outputs of the processor, got [7, 14].'], // prettier-ignore
  ])('refuses %s', (_, act, error, message) => {
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.${message}`);
  });

  const signals = (e: tf.Tensor2D, widths = WIDTHS, processor: OpticalProcessor = opu): Promise<unknown> =>
    Promise.resolve(opticalFeedback(processor, { scale: 1 }).signals(e, widths, key));

  it.each<[string, () => Promise<unknown>, ErrorClass, string]>([
    ['raw errors', () => signals(tf.tensor2d([[1, 0.5, 0, 0, 0]])), RangeError, 'e must consist of 0, s and -s with one s, got 0.5. Errors are shown in ternary code: take ternarize(e).'], // prettier-ignore
    ['NaN', () => signals(tf.tensor2d([[NaN, 0, 0, 0, 0]])), RangeError, 'e must consist of 0, s and -s with one s, got NaN. Errors are shown in ternary code: take ternarize(e).'], // prettier-ignore
    ['Infinity', () => signals(tf.tensor2d([[1, -Infinity, 0, 0, 0]])), RangeError, 'e must consist of 0, s and -s with one s, got -Infinity. Errors are shown in ternary code: take ternarize(e).'], // prettier-ignore
    ['narrow errors', () => signals(tf.ones([2, 4])), ShapeError, 'e must have shape [*, 5], got a float32 tensor of shape [2, 4]. It has one column for each output of the network.'], // prettier-ignore
    ['no layers', () => signals(codes(), []), ShapeError, 'widths must have from 1 to 20 units in all, the outputs of the processor, got [].'], // prettier-ignore
    ['a broken width', () => signals(codes(), [1.5]), RangeError, 'widths[0] must be an integer >= 1, got 1.5.'],
    [
      'a processor that loses pixels',
      () => signals(codes(), WIDTHS, { inputs: 5, outputs: 20, saturation: null, measure: () => Promise.resolve(new Uint8Array(7)) }), // prettier-ignore
      ShapeError,
      'processor.measure must give 6 x 20 counts, got Uint8Array(7).',
    ],
  ])('rejects %s', async (_, act, error, message) => {
    await expect(act()).rejects.toThrow(error);
    await expect(act()).rejects.toThrow(`opu-dfa.opticalFeedback.signals: ${message}`);
  });

  it('stops on a signal', async () => {
    const reason = new Error('enough');
    const feedback = opticalFeedback(opu, { scale: 1, signal: AbortSignal.abort(reason) });
    await expect(feedback.signals(codes(), WIDTHS, key)).rejects.toBe(reason);
  });
});

describe('calibrateProcessor', () => {
  beforeAll(() => useBackend('cpu'));

  it('finds the scale and the noise of a device', async () => {
    const opu = new OpuSimulator({ inputs: 20, outputs: 500, key, shotNoise: true, readNoise: 3, gain: 2.5, bits: 10 });
    const { scale, sigma, saturated } = await calibrateProcessor(opu, { key: random.key(2), frames: 24 });
    // Mean square of 20 x 500 entries, seen through 24 frames of which each is a sum of about ten: as good as the mean square
    // of 12 x 500 independent numbers at least, for a root five standard deviations are 5 sqrt(1 / 2 / 6000).
    expect(Math.abs(scale * 4 * 4 * 2.5 - 1)).toBeLessThan(0.046);
    // Half of the mirrors are lit in each of two shots. Differences of 24 x 500 pixels: 5 sqrt(1 / 2 / 12000) of the root, and
    // the light of the frames, 1 / 17 of the shot noise, is known to 5 / sqrt(6000).
    const counts = opu.linearNoise(1).sigma * 4 * 4 * 2.5;
    expect(Math.abs(sigma / scale / counts - 1)).toBeLessThan(0.033 + 0.004);
    expect(saturated).toBe(0);
  });

  it('finds no noise without any, counts full pixels, and scales for the outputs that are used', async () => {
    const opu = new OpuSimulator({ inputs: 20, outputs: 2000, key });
    const { scale, sigma, saturated } = await calibrateProcessor(opu, { key, outputs: 5, frames: 16 });
    expect([sigma, saturated]).toEqual([0, null]);
    // Entries of deviation 1 / sqrt(20) are to be of 1 / sqrt(5); 16 frames of 5 x 2000 entries.
    expect(Math.abs(scale * 16 - 2)).toBeLessThan(2 * 5 * Math.sqrt(2 / 10_000));
    const full = new OpuSimulator({ inputs: 20, outputs: 300, key, bits: 8, gain: 15 });
    const cut = await calibrateProcessor(full, { key });
    expect(cut.saturated).toBeGreaterThan(0.2);
    expect(cut.saturated).toBeLessThan(0.8);
  });

  const opu = new OpuSimulator(SIZE);
  const blind: OpticalProcessor = { ...SIZE, saturation: 255, measure: (_, count) => Promise.resolve(new Uint8Array(count * 20)) }; // prettier-ignore

  it.each<[OpticalProcessor, object, ErrorClass, string]>([
    [opu, {}, TypeError, 'key must be a Key or a number, got undefined. For a start take key: 0.'],
    [opu, { key, frames: 0 }, RangeError, 'frames must be an integer >= 1, got 0.'],
    [opu, { key, outputs: 6 }, RangeError, 'outputs must be an integer >= 1 and <= 5, got 6.'],
    [blind, { key }, RangeError, 'mean(d d) must be a finite number > 0, got 0. Is the reference wave on, and does its phase turn?'], // prettier-ignore
  ])('refuses %#', async (processor, options, error, message) => {
    const act = () => calibrateProcessor(processor, options as never);
    await expect(act()).rejects.toThrow(error);
    await expect(act()).rejects.toThrow(`opu-dfa.calibrateProcessor: ${message}`);
  });
});
