import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { linalg, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { cameraCounts, exposureGain, saturatedFraction } from '../src/optics/camera';
import { poissonCounts } from '../src/optics/poisson';

const golden = loadGolden(new URL('golden/opu.safetensors', import.meta.url));
const key = random.key(11);

/** Mean and variance of numbers. */
function momentsOf(values: ArrayLike<number>): { mean: number; variance: number } {
  const { length } = values;
  const mean = Array.from(values).reduce((sum, value) => sum + value, 0) / length;
  const variance = Array.from(values).reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
  return { mean, variance };
}

/** max_k |F_n(k) - P(N <= k)|, by the incomplete gamma function: P(N <= k) = Q(k + 1, mean). */
function distanceToPoisson(counts: ArrayLike<number>, mean: number): number {
  const sorted = Float64Array.from(counts).sort();
  let most = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (sorted[i + 1] === sorted[i]) continue;
    const law = linalg.incompleteGamma(sorted[i]! + 1, mean).q;
    most = Math.max(most, Math.abs((i + 1) / sorted.length - law));
  }
  return most;
}

/** By Dvoretzky, Kiefer & Wolfowitz an empirical law is farther from its own with probability 1e-6. */
const distanceBound = (n: number): number => Math.sqrt(Math.log(2e6) / (2 * n));

describe.each(backendsUnderTest())('a camera on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('rounds and cuts off as the reference', () => {
    const { data, shape } = golden.get('intensity');
    const intensity = tf.tensor(Float32Array.from(data), shape);
    const counts = cameraCounts(intensity, { gain: golden.get('intensityGain').data[0]!, bits: 8 });
    expect(counts).toBeAllclose(golden.get('intensity8bit'), { rtol: 0, atol: 0 });
    const full = golden.get('intensity8bit').data.filter((count) => count === 255).length;
    expect(saturatedFraction(counts, 8)).toBeAllclose(full / 200, { atol: 1e-7 });
    expect(full).toBeGreaterThan(0);
    const frames = tf.tensor(
      Float32Array.from(golden.get('holographyFrames').data),
      golden.get('holographyFrames').shape,
    );
    const gain = tf.scalar(golden.get('gain').data[0]!);
    expect(cameraCounts(frames, { gain, bits: 8 })).toBeAllclose(golden.get('holographyFrames8bit'), {
      rtol: 0,
      atol: 0,
    });
  });

  it('changes nothing but the unit when it is ideal', () => {
    const light = tf.tensor1d([0, 0.25, 1e6]);
    expect(cameraCounts(light, {})).toBeAllclose([0, 0.25, 1e6]);
    expect(cameraCounts(light, { gain: 2 })).toBeAllclose([0, 0.5, 2e6]);
  });

  it.each([0, 0.02, 3, 9.99, 10, 300])('counts photoelectrons by the law of Poisson, mean %d', (mean) => {
    const n = 10_000;
    const counts = cameraCounts(tf.fill([n], mean / 4), { gain: 4, shotNoise: true }, key).dataSync<'float32'>();
    expect(counts.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
    expect(distanceToPoisson(counts, mean)).toBeLessThan(distanceBound(n));
    // The tail is there: 20 and more in 0.3 % of the counts of mean 9.99, thirty of them.
    if (mean === 9.99) expect(counts.filter((count) => count >= 20).length).toBeGreaterThan(10);
    const found = momentsOf(counts);
    // Five standard deviations: of the mean sqrt(mean / n), of the variance sqrt((mean + 2 mean^2) / n).
    expect(Math.abs(found.mean - mean)).toBeLessThanOrEqual(5 * Math.sqrt(mean / n));
    expect(Math.abs(found.variance - mean)).toBeLessThanOrEqual(5 * Math.sqrt((mean + 2 * mean ** 2) / n));
  });

  it('adds the noise of reading, and below 0 there is no count', () => {
    const n = 20_000;
    const noisy = cameraCounts(tf.fill([n], 50), { readNoise: 3 }, key).dataSync();
    const { mean, variance } = momentsOf(noisy);
    expect(Math.abs(mean - 50)).toBeLessThan((5 * 3) / Math.sqrt(n));
    expect(Math.abs(variance / 9 - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    const dark = cameraCounts(tf.zeros([n]), { readNoise: 3, bits: 8 }, key).dataSync();
    expect(dark.every((count) => Number.isInteger(count) && count >= 0)).toBe(true);
    expect(dark.some((count) => count > 3)).toBe(true);
  });

  it('makes the same noise with the same key, and shot noise apart from read noise', () => {
    const light = tf.fill([200], 100);
    const options = { shotNoise: true, readNoise: 10 };
    const first = cameraCounts(light, options, key);
    expect(cameraCounts(light, options, key)).toBeAllclose(first, { rtol: 0, atol: 0 });
    expect(cameraCounts(light, options, random.key(12)).dataSync()).not.toEqual(first.dataSync());
    // Twice the same draw would give noise of variance (10 + 10)^2 = 400 instead of 200; 5 sqrt(2 / 200) = 0.5 at most.
    const { variance } = momentsOf(first.dataSync());
    expect(variance).toBeGreaterThan(100);
    expect(variance).toBeLessThan(300);
  });

  it('lets NaN be seen', () => {
    const broken = tf.tensor1d([NaN, 1]);
    expect(cameraCounts(broken, { shotNoise: true, readNoise: 1 }, key).dataSync()[0]).toBeNaN();
  });

  it('leaks nothing', async () => {
    const light = tf.ones([20]);
    expect(() => cameraCounts(light, { shotNoise: true, readNoise: 1, bits: 8 }, key)).toLeakNothing();
    expect(() => saturatedFraction(light, 8)).toLeakNothing();
    await expect(() => exposureGain(light)).toLeakNothing();
  });
});

describe('poissonCounts', () => {
  beforeAll(() => useBackend('cpu'));

  it('has the moments of the law where the normal draw takes over', () => {
    const n = 400_000;
    const counts = poissonCounts(tf.fill([n], 10), key).dataSync<'float32'>();
    const { mean, variance } = momentsOf(counts);
    const third = counts.reduce((sum, count) => sum + (count - mean) ** 3, 0) / n;
    // 4.5 standard deviations. Without its last term the variance would be 5/36 larger, by six of them.
    expect(Math.abs(mean - 10)).toBeLessThan(4.5 * Math.sqrt(10 / n));
    expect(Math.abs(variance - 10)).toBeLessThan(4.5 * Math.sqrt(210 / n));
    // E (N - m)^3 = m = 10; for a normal draw its mean over n has the variance 15 m^3 / n.
    expect(Math.abs(third - 10)).toBeLessThan(5 * Math.sqrt(15_000 / n));
    expect(distanceToPoisson(counts, 10)).toBeLessThan(distanceBound(n) + 3e-4);
  });
});

describe('exposureGain', () => {
  it('leaves the part of the pixels above the quantile to saturation', async () => {
    const light = tf.linspace(1, 1000, 1000).reverse();
    const gain = await exposureGain(light, { quantile: 0.95, bits: 8 });
    expect(gain).toBeAllclose(254 / 950, { rtol: 1e-12 });
    // Counts above 254.5 are full: 952 * 254 / 950 = 254.53 is the first.
    expect(saturatedFraction(cameraCounts(light, { gain, bits: 8 }), 8)).toBeAllclose(0.049);
    expect(await exposureGain(light, { quantile: 1, bits: 10 })).toBeAllclose(1022 / 1000, { rtol: 1e-12 });
    expect(await exposureGain(light)).toBeAllclose(254 / 990, { rtol: 1e-12 });
  });

  it.each<[number[], object, string]>([
    [[1], { quantile: 0 }, 'quantile must be a finite number > 0 and <= 1, got 0.'],
    [[1], { bits: 1 }, 'bits must be an integer >= 2 and <= 16, got 1.'],
    [
      [0, 0],
      {},
      'the quantile of the intensities must be a finite number > 0, got 0. Show frames with light, without NaN.',
    ],
    [[1, NaN], { quantile: 0.5 }, 'the quantile of the intensities must be a finite number > 0, got NaN. Show frames with light, without NaN.'], // prettier-ignore
    [[NaN, 1], { quantile: 0.5 }, 'the quantile of the intensities must be a finite number > 0, got NaN. Show frames with light, without NaN.'], // prettier-ignore
  ])('refuses %o, %o', async (light, options, message) => {
    const gain = exposureGain(tf.tensor1d(light), options);
    await expect(gain).rejects.toThrow(RangeError);
    await expect(gain).rejects.toThrow(`opu-dfa.exposureGain: ${message}`);
  });
});

describe('a camera', () => {
  const light = tf.ones([2]);

  it.each<[object, unknown, ErrorConstructor, string]>([
    [{ gain: 0 }, key, RangeError, 'gain must be a finite number > 0, got 0.'],
    [{ readNoise: -1 }, key, RangeError, 'readNoise must be a finite number >= 0, got -1.'],
    [{ bits: 0 }, key, RangeError, 'bits must be an integer >= 1 and <= 16, got 0.'],
    [{ bits: 17 }, key, RangeError, 'bits must be an integer >= 1 and <= 16, got 17.'],
    [{ shotNoise: true }, undefined, TypeError, 'key must be a Key, got undefined. Make one with key(seed) or split(key).'], // prettier-ignore
    [{ readNoise: 1 }, 3, TypeError, 'key must be a Key, got 3. Make one with key(seed) or split(key).'],
  ])('refuses %o with key %o', (options, given, error, message) => {
    const act = () => cameraCounts(light, options, given as never);
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.cameraCounts: ${message}`);
  });

  it('refuses to count full pixels of no bits', () => {
    const act = () => saturatedFraction(light, 0);
    expect(act).toThrow('opu-dfa.saturatedFraction: bits must be an integer >= 1 and <= 16, got 0.');
  });
});
