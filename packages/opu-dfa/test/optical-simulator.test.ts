import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { OpuSimulator, type OpuSimulatorOptions } from '../src/optics/opu-simulator';
import { saturatedFraction } from '../src/optics/camera';

const { ShapeError } = check;
type ErrorClass = new (...args: never[]) => Error;

const golden = loadGolden(new URL('golden/opu.safetensors', import.meta.url));
const key = random.key(4);
/** float32 against float64, relative to the largest entry of 1. */
const PARITY = { rtol: 1e-5, atol: 1e-5 };
/** Rounding of intensities up to (A + 4)^2 = 64 and back, for two shots. */
const HOLOGRAPHY = { rtol: 0, atol: 64 * 2 ** -21 };

const of = (name: string): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(golden.get(name).data), golden.get(name).shape as [number, number]);
const ofReference = (settings: object = {}): OpuSimulator =>
  new OpuSimulator({ matrix: { re: of('Rre'), im: of('Rim') }, ...settings });

/** A frame with the first k of C mirrors on. */
const onesOf = (k: number, inputs: number): tf.Tensor2D =>
  tf.tensor2d([Array.from({ length: inputs }, (_, i) => (i < k ? 1 : 0))]);

describe.each(backendsUnderTest())('OpuSimulator on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('gives intensities and projections of the reference', () => {
    const opu = ofReference();
    expect(opu.intensity(of('xBinary'))).toBeAllclose(golden.get('intensity'), PARITY);
    expect(opu.linear(of('xBinary'))).toBeAllclose(golden.get('linear'), PARITY);
    expect(opu.linear(of('xTernary'))).toBeAllclose(golden.get('ternaryLinear'), PARITY);
    expect(opu.transform(of('xTernary'))).toBeAllclose(golden.get('ternaryLinear'), PARITY);
    const { re, im } = opu.field(of('xTernary'));
    expect(re).toBeAllclose(golden.get('ternaryField_re'), PARITY);
    expect(im).toBeAllclose(golden.get('ternaryField_im'), PARITY);
    opu.dispose();
  });

  it('gives the counts of the reference, and the field from them', () => {
    const ideal = ofReference();
    const frames = ideal.frames(of('xBinary'));
    expect(frames).toBeAllclose(golden.get('holographyFrames'), PARITY);
    expect(ideal.holography(frames).im).toBeAllclose(golden.get('holographyIm'), PARITY);
    const eight = ofReference({ gain: golden.get('gain').data[0]!, bits: 8, referenceAmplitude: 4 });
    expect(eight.frames(of('xBinary'))).toBeAllclose(golden.get('holographyFrames8bit'), { rtol: 0, atol: 0 });
    expect(eight.holography(eight.frames(of('xBinary'))).re).toBeAllclose(golden.get('holographyRe8bit'), PARITY);
    const native = ofReference({ gain: golden.get('intensityGain').data[0]!, bits: 8, mode: 'intensity' });
    expect(native.transform(of('xBinary'))).toBeAllclose(golden.get('intensity8bit'), { rtol: 0, atol: 0 });
    for (const opu of [ideal, eight, native]) opu.dispose();
  });

  it('has light of the right law: Re(x R) ~ N(0, k / C), intensity exponential with mean 2 k / C', () => {
    const pixels = 20_000;
    const opu = new OpuSimulator({ inputs: 50, outputs: pixels, key });
    const x = onesOf(35, 50);
    const re = opu.linear(x).dataSync<'float32'>();
    const intensity = Array.from(opu.intensity(x).dataSync()).sort((a, b) => a - b);
    const mean = intensity.reduce((sum, value) => sum + value, 0) / pixels;
    const square = intensity.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels;
    // Five standard deviations: of z^2 sqrt(2 / N); of an exponential 1 / sqrt(N), of its square sqrt(8 / N).
    const variance = re.reduce((sum, value) => sum + value ** 2, 0) / pixels;
    expect(Math.abs(variance / 0.7 - 1)).toBeLessThan(5 * Math.sqrt(2 / pixels));
    expect(Math.abs(mean / 1.4 - 1)).toBeLessThan(5 / Math.sqrt(pixels));
    expect(Math.abs(square / mean ** 2 - 1)).toBeLessThan(5 * Math.sqrt(8 / pixels));
    // Kolmogorov: farther than this with probability 1e-6.
    const farthest = intensity.reduce(
      (most, value, i) => Math.max(most, Math.abs((i + 0.5) / pixels - (1 - Math.exp(-value / 1.4)))),
      0,
    );
    expect(farthest).toBeLessThan(Math.sqrt(Math.log(2e6) / (2 * pixels)) + 0.5 / pixels);
    opu.dispose();
  });

  it('scales projections', () => {
    const matrix = {
      re: of('Rre').mul<tf.Tensor2D>(3),
      im: of('Rim').mul<tf.Tensor2D>(3),
      deviation: 3 / Math.sqrt(24),
    };
    const expected = { none: 3, variance: 1, norm: Math.sqrt(24 / 40) };
    for (const [scaling, factor] of Object.entries(expected)) {
      const opu = new OpuSimulator({ matrix, scaling: scaling as 'none' });
      const camera = new OpuSimulator({
        matrix,
        scaling: scaling as 'none',
        bits: 16,
        gain: 200,
        referenceAmplitude: 10,
      });
      const linear = of('ternaryLinear').mul(factor);
      expect(opu.linear(of('xTernary'))).toBeAllclose(linear, { rtol: 1e-5, atol: 2e-5 });
      // Two differences of rounded counts, each off by 1 at most: 2 / (4 A a) of the matrix.
      const rounding = (2 / (4 * 10 * 200)) * factor * 1.01;
      expect(camera.project(of('xTernary'))).toBeAllclose(linear, { rtol: 0, atol: rounding });
      opu.dispose();
      camera.dispose();
    }
  });

  it('projects ternary codes through the camera, of any magnitude', () => {
    const opu = ofReference({ bits: 12, gain: 40 });
    const linear = of('ternaryLinear');
    const bound = 2 / (4 * 4 * 40);
    const projected = opu.project(of('xTernary'));
    expect(projected).toBeAllclose(linear, { rtol: 0, atol: bound });
    expect(projected.sub(linear).abs().max().dataSync()[0]).toBeGreaterThan(bound / 10);
    expect(opu.project(of('xTernary').mul(0.3))).toBeAllclose(projected.mul(0.3), { rtol: 1e-5 });
    expect(opu.project(of('xTernary'), 7)).toBeAllclose(projected.slice([0, 0], [5, 7]), HOLOGRAPHY);
    expect(opu.project(tf.zeros([2, 24]))).toBeAllclose(tf.zeros([2, 40]));
    expect(() => opu.linear(tf.ones([2, 23]))).toThrow(ShapeError);
    opu.dispose();
  });

  it('shows NaN for examples that are no ternary codes', () => {
    const opu = ofReference({ bits: 8 });
    const codes = tf.tensor2d([onesOf(3, 24).arraySync()[0]!, onesOf(3, 24).mul<tf.Tensor2D>(0.5).arraySync()[0]!]);
    const projected = opu.project(codes).arraySync();
    expect(projected[0]!.some(Number.isNaN)).toBe(false);
    expect(projected[1]!.every(Number.isNaN)).toBe(true);
    const broken = opu.project(onesOf(3, 24).mul(NaN)).dataSync();
    expect(broken.every(Number.isNaN)).toBe(true);
    opu.dispose();
  });

  it('makes noise by key, in steps of codes apart from each other', () => {
    const opu = ofReference({ shotNoise: true, gain: 20 });
    const x = of('xTernary');
    const first = opu.project(x, 40, key);
    expect(opu.project(x, 40, key)).toBeAllclose(first, { rtol: 0, atol: 0 });
    expect(opu.project(x, 40, random.key(5)).dataSync()).not.toEqual(first.dataSync());
    opu.dispose();
  });

  it('is part of compiled steps, with fresh noise, and follows the exposure', async () => {
    const opu = new OpuSimulator({ inputs: 6, outputs: 30, key, bits: 8, shotNoise: true, readNoise: 1 });
    const x = tf.tensor2d([[1, 0, -1, 0, 0, 1], [0, 0, 0, 0, 0, 0]]); // prettier-ignore
    expect(opu.compiles).toBe(true);
    const step = jit((e: tf.Tensor2D, noise: random.Key) => opu.project(e, 20, noise));
    const agree = (seed: number): void => {
      // The same counts, and a last digit of their difference.
      const expected = opu.project(x, 20, random.key(seed));
      expect(step(x, random.key(seed))).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 });
    };
    agree(1);
    agree(2);
    const gain = await opu.autoGain(onesOf(3, 6));
    expect(gain).not.toBe(1);
    expect(opu.gain).toBe(gain);
    agree(3);
    opu.dispose();
  });

  it('exposes so that a part of the pixels stays below saturation, in each mode', async () => {
    const x = of('xBinary');
    for (const mode of ['linear', 'intensity'] as const) {
      const opu = ofReference({ bits: 8, mode });
      await opu.autoGain(x, 0.95);
      const counts = mode === 'linear' ? opu.frames(x) : opu.transform(x);
      const saturated = saturatedFraction(counts, 8).dataSync()[0]!;
      // 0.05 in float32
      expect(saturated).toBeLessThanOrEqual(Math.fround(0.05));
      expect(saturated).toBeGreaterThan(0.02);
      opu.dispose();
    }
  });

  it('is an optical processor: counts of each phase, and without reference', async () => {
    const x = of('xBinary');
    const bytes = Uint8Array.from(x.dataSync());
    const opu = ofReference({ bits: 8, gain: 10 });
    const frames = opu.frames(x);
    for (const phase of [0, 1, 2, 3] as const) {
      const counts = await opu.measure(bytes, 5, { phase });
      expect(counts).toBeInstanceOf(Uint8Array);
      expect(Array.from(counts)).toEqual(Array.from(frames.gather(phase).dataSync()));
    }
    const dark = await opu.measure(bytes, 5);
    expect(Array.from(dark)).toEqual(Array.from(opu.intensity(x).mul(10).add(0.5).floor().minimum(255).dataSync()));
    const ten = ofReference({ bits: 10, shotNoise: true });
    expect(ten.saturation).toBe(1023);
    expect(await ten.measure(bytes, 5, { key })).toBeInstanceOf(Uint16Array);
    expect(await ten.measure(bytes, 5, { key })).toEqual(await ten.measure(bytes, 5, { key }));
    const ideal = ofReference();
    expect(ideal.saturation).toBeNull();
    expect(await ideal.measure(bytes, 5)).toBeInstanceOf(Float32Array);
    for (const one of [opu, ten, ideal]) one.dispose();
  });

  it('leaks nothing', async () => {
    const x = onesOf(3, 6);
    const settings = { bits: 8, shotNoise: true, readNoise: 1 };
    const opu = new OpuSimulator({ inputs: 6, outputs: 30, key, ...settings });
    const ideal = new OpuSimulator({ inputs: 6, outputs: 30, key, stored: false, blockSize: 8 });
    const native = new OpuSimulator({ inputs: 6, outputs: 30, key, mode: 'intensity', ...settings });
    for (const one of [opu, ideal, native]) {
      expect(() => one.transform(x, key)).toLeakNothing();
      expect(() => one.field(x)).toLeakNothing();
      expect(() => one.intensity(x)).toLeakNothing();
      expect(() => one.linear(x)).toLeakNothing();
      expect(() => one.frames(x, key)).toLeakNothing();
      await expect(() => one.measure(new Uint8Array(12), 2, { key })).toLeakNothing();
    }
    const frames = opu.frames(x, key);
    expect(() => opu.holography(frames)).toLeakNothing();
    await expect(() => opu.autoGain(x)).toLeakNothing();
    const dark = tf.zeros<tf.Rank.R2>([1, 6]);
    await expect(() => native.autoGain(dark).catch(() => null)).toLeakNothing();
    for (const one of [opu, ideal, native]) one.dispose();
    expect(() => new OpuSimulator({ inputs: 6, outputs: 30, key, ...settings }).dispose()).toLeakNothing();
  });
});

describe('OpuSimulator', () => {
  beforeAll(() => useBackend('cpu'));

  const size = { inputs: 2, outputs: 3, key };

  it.each<[unknown, ErrorClass, string]>([
    [undefined, TypeError, 'OpuSimulator: options must be a record, got undefined. For a start take { inputs: 10, outputs: 1000, key: random.key(0) }.'], // prettier-ignore
    [{ ...size, mode: 'phase' }, RangeError, 'OpuSimulator: mode must be one of "linear", "intensity", got "phase".'],
    [{ ...size, referenceAmplitude: 0 }, RangeError, 'OpuSimulator: referenceAmplitude must be a finite number > 0, got 0.'], // prettier-ignore
    [{ ...size, scaling: 'max' }, RangeError, 'OpuSimulator: scaling must be one of "none", "variance", "norm", got "max".'], // prettier-ignore
    [{ ...size, gain: -1 }, RangeError, 'OpuSimulator: gain must be a finite number > 0, got -1.'],
    [{ ...size, readNoise: NaN }, RangeError, 'OpuSimulator: readNoise must be a finite number >= 0, got NaN.'],
    [{ ...size, bits: 8.5 }, RangeError, 'OpuSimulator: bits must be an integer >= 1 and <= 16, got 8.5.'],
    [{ ...size, outputs: 0 }, RangeError, 'TransmissionMatrix: outputs must be an integer >= 1, got 0.'],
  ])('refuses %o', (options, error, message) => {
    const make = () => new OpuSimulator(options as OpuSimulatorOptions);
    expect(make).toThrow(error);
    expect(make).toThrow(`opu-dfa.${message}`);
  });

  const noisy = new OpuSimulator({ ...size, shotNoise: true });
  const x = tf.ones<tf.Rank.R2>([1, 2]);
  const noKey = 'key must be a Key, got undefined. Make one with key(seed) or split(key).';
  const bits = Uint8Array.of(0, 1);

  it.each<[string, () => unknown, ErrorClass, string]>([
    ['project', () => noisy.project(x), TypeError, `OpuSimulator.project: ${noKey}`],
    ['frames', () => noisy.frames(x), TypeError, `cameraCounts: ${noKey}`],
    ['wide codes', () => noisy.project(tf.ones([1, 3]), 3, key), ShapeError, 'OpuSimulator.project: e must have shape [*, 2], got a float32 tensor of shape [1, 3]. An example has one number for each input.'], // prettier-ignore
    ['lit', () => noisy.linearNoise(2), RangeError, 'OpuSimulator.linearNoise: lit must be a finite number >= 0 and <= 1, got 2.'], // prettier-ignore
  ])('refuses in %s', (_, act, error, message) => {
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.${message}`);
  });

  it.each<[string, () => Promise<unknown>, ErrorClass, string]>([
    ['autoGain', () => noisy.autoGain(x), RangeError, 'OpuSimulator.autoGain: bits must be given, got null. A camera that cannot saturate needs no exposure.'], // prettier-ignore
    ['measure without a key', () => noisy.measure(bits, 1), TypeError, `cameraCounts: ${noKey}`],
    ['measure, a count of 0', () => noisy.measure(bits, 0, { key }), RangeError, 'OpuSimulator.measure: count must be an integer >= 1, got 0.'], // prettier-ignore
    ['measure, an array', () => noisy.measure([0, 1] as never, 1, { key }), TypeError, 'OpuSimulator.measure: frames must be a Uint8Array of 0 and 1, got [0, 1].'], // prettier-ignore
    ['measure, few mirrors', () => noisy.measure(bits, 2, { key }), ShapeError, 'OpuSimulator.measure: frames must have 2 x 2 numbers, one for each input of each frame, got Uint8Array(2).'], // prettier-ignore
    ['measure, grey mirrors', () => noisy.measure(Uint8Array.of(1, 7), 1, { key }), RangeError, 'OpuSimulator.measure: frames must consist of 0 and 1, got 7. A mirror is on or off: encode numbers first, with encodeBitPlanes or thresholdCode.'], // prettier-ignore
    ['measure, a phase', () => noisy.measure(bits, 1, { key, phase: 4 as never }), RangeError, 'OpuSimulator.measure: phase must be one of 0, 1, 2, 3, got 4.'], // prettier-ignore
  ])('rejects %s', async (_, act, error, message) => {
    await expect(act()).rejects.toThrow(error);
    await expect(act()).rejects.toThrow(`opu-dfa.${message}`);
  });

  it('stops on a signal', async () => {
    const reason = new Error('enough');
    await expect(noisy.measure(bits, 1, { key, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
