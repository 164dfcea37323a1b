import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { linearNoise } from '../src/optics/linear-noise';
import { OpuSimulator } from '../src/optics/opu-simulator';

const INPUTS = 10;
const PIXELS = 500;
const SHOTS = 20;
const ROUNDING = { rtol: 1e-12, atol: 0 };

/** SHOTS times the same code with a part of its entries lit, by turns +1 and -1. */
const codes = (lit: number): tf.Tensor2D =>
  tf.tidy(() => {
    const code = Array.from({ length: INPUTS }, (_, i) => (i < lit * INPUTS ? (-1) ** i : 0));
    return tf.tensor2d([code]).tile<tf.Tensor2D>([SHOTS, 1]);
  });

describe.each(backendsUnderTest())('noise of projections on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each([
    { what: 'shots', settings: { shotNoise: true, gain: 3, referenceAmplitude: 0.5 }, lit: 0.6 },
    { what: 'read', settings: { readNoise: 5, gain: 2, referenceAmplitude: 2 }, lit: 0.4 },
    // Read noise of a count and more makes the error of rounding uniform and independent.
    { what: 'rounding', settings: { readNoise: 1, gain: 4, referenceAmplitude: 4, bits: 10 }, lit: 0.2 },
    { what: 'all', settings: { shotNoise: true, readNoise: 3, gain: 9, bits: 12, scaling: 'norm' as const }, lit: 1 },
    { what: 'the reference alone', settings: { shotNoise: true, readNoise: 1, gain: 2 }, lit: 0 },
  ])('is what linearNoise says: $what', ({ settings, lit }) => {
    const opu = new OpuSimulator({ inputs: INPUTS, outputs: PIXELS, key: random.key(1), ...settings });
    const e = codes(lit);
    const noise = opu.project(e, PIXELS, random.key(2)).sub(opu.linear(e));
    const values = noise.dataSync<'float32'>();
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const { sigma, leastSigma, shot } = opu.linearNoise(lit);
    // Five standard deviations of a variance over all values, and of the light of the frames, exponential over pixels.
    const ofLight = (shot - opu.linearNoise(0).shot) / sigma ** 2;
    const bound = 5 * Math.sqrt(2 / values.length) + (5 * ofLight) / Math.sqrt(PIXELS);
    expect(Math.abs(variance / sigma ** 2 - 1)).toBeLessThan(bound);
    expect(Math.abs(mean)).toBeLessThan((5 * sigma) / Math.sqrt(values.length));
    expect(leastSigma).toBeLessThanOrEqual(sigma);
    opu.dispose();
  });
});

describe('linearNoise', () => {
  const camera = { referenceAmplitude: 4, gain: 5 };

  it('adds the variances of the two frames of each shot', () => {
    const { sigma, leastSigma, shot, read, quantisation } = linearNoise({
      ...camera,
      ...{ shotNoise: true, readNoise: 2, bits: 8, intensity: 1.2 },
    });
    // (4 A a)^2 = 6400; two shots; a (2 A^2 + 2 |x R|^2 / shots) photoelectrons a shot.
    expect(shot).toBeAllclose((5 * (4 * 16 + 2 * 1.2)) / 6400, ROUNDING);
    expect(read).toBeAllclose((4 * 4) / 6400, ROUNDING);
    expect(quantisation).toBeAllclose(4 / 12 / 6400, ROUNDING);
    expect(sigma).toBeAllclose(Math.sqrt(shot + read + quantisation), ROUNDING);
    expect(leastSigma).toBeAllclose(Math.sqrt((5 * 4 * 16 + 16) / 6400), ROUNDING);
  });

  it('halves with one shot, and scales', () => {
    const options = { ...camera, shotNoise: true, readNoise: 2, bits: 8 };
    const two = linearNoise(options);
    const one = linearNoise({ ...options, shots: 1 });
    expect(one.sigma).toBeAllclose(two.sigma / Math.SQRT2, ROUNDING);
    expect(linearNoise({ ...options, scale: 3 }).leastSigma).toBeAllclose(3 * two.leastSigma, ROUNDING);
  });

  it('is nothing for an ideal camera, and rounding is nothing to rely on', () => {
    expect(linearNoise(camera)).toEqual({ sigma: 0, leastSigma: 0, shot: 0, read: 0, quantisation: 0 });
    const rounded = linearNoise({ ...camera, bits: 8 });
    expect(rounded.sigma).toBeGreaterThan(0);
    expect(rounded.leastSigma).toBe(0);
  });

  it('tends to 1 / (4 a) with a strong reference: no light of the frames is seen in it', () => {
    const { sigma } = linearNoise({ referenceAmplitude: 1e4, gain: 5, shotNoise: true, intensity: 2 });
    expect(sigma ** 2).toBeAllclose(1 / 20, { rtol: 1e-7 });
  });

  it.each<[object, string]>([
    [{ referenceAmplitude: 0 }, 'referenceAmplitude must be a finite number > 0, got 0.'],
    [{ gain: 0 }, 'gain must be a finite number > 0, got 0.'],
    [{ intensity: -1 }, 'intensity must be a finite number >= 0, got -1.'],
    [{ shots: 3 }, 'shots must be one of 1, 2, got 3.'],
    [{ scale: 0 }, 'scale must be a finite number > 0, got 0.'],
    [{ bits: 20 }, 'bits must be an integer >= 1 and <= 16, got 20.'],
  ])('refuses %o', (wrong, message) => {
    const act = () => linearNoise({ ...camera, ...wrong });
    expect(act).toThrow(RangeError);
    expect(act).toThrow(`opu-dfa.linearNoise: ${message}`);
  });
});
