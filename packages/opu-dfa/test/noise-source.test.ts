import * as tf from '@tensorflow/tfjs';
import { check, linalg, random, useBackend } from '@tfsci/tensor-core';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { checkNoise, normalNumbers, secureKey, secureNormal } from '../src/training/noise-source';

/** Deviations that true normal numbers exceed with a probability of 2e-9 each: these are new at each run of the tests. */
const SIX_SIGMA = 6;
/** Rounding to float32. */
const FLOAT32 = { rtol: 1e-7, atol: 0 };

describe('secureNormal', () => {
  beforeAll(() => useBackend('cpu'));
  afterEach(() => vi.unstubAllGlobals());

  it('is normal: moments, and the whole distribution function', () => {
    // More than three requests of 65536 bytes.
    const n = 30001;
    const numbers = Float64Array.from(secureNormal([n]).dataSync());
    const moment = (k: number): number => numbers.reduce((sum, z) => sum + z ** k, 0) / n;
    // Var z^k = E z^2k - (E z^k)^2: 1, 2, 15, 96 for k = 1 .. 4.
    for (const [k, mean, variance] of [
      [1, 0, 1],
      [2, 1, 2],
      [3, 0, 15],
      [4, 3, 96],
    ] as const) {
      expect(Math.abs(moment(k) - mean), `moment ${k}`).toBeLessThan(SIX_SIGMA * Math.sqrt(variance / n));
    }
    // Dvoretzky, Kiefer, Wolfowitz, Massart: P(sup |F_n - F| > d) <= 2 exp(-2 n d^2), 1e-9 for this d.
    const d = Math.sqrt(Math.log(2e9) / (2 * n));
    const distances = numbers.sort().map((z, i) => {
      const F = linalg.normalCdf(z);
      return Math.max(F - i / n, (i + 1) / n - F);
    });
    expect(Math.max(...distances)).toBeLessThan(d);
    expect(new Set(numbers).size).toBeGreaterThan(0.99 * n);
  });

  it('has no neighbours that know of each other', () => {
    const n = 20000;
    const z = secureNormal([n]).dataSync();
    for (const lag of [1, 2, 8192]) {
      let sum = 0;
      for (let i = lag; i < n; i++) sum += z[i]! * z[i - lag]!;
      expect(Math.abs(sum)).toBeLessThan(SIX_SIGMA * Math.sqrt(n));
    }
  });

  it('is the transform of Box and Muller of the random bits, asked for in requests that are allowed', () => {
    const sizes: number[] = [];
    let next = 12345;
    const drawn: number[] = [];
    vi.stubGlobal('crypto', {
      getRandomValues: (words: Uint32Array) => {
        sizes.push(words.byteLength);
        for (let i = 0; i < words.length; i++) words[i] = next = (Math.imul(next, 1664525) + 1013904223) >>> 0;
        drawn.push(...words);
        return words;
      },
    });
    const count = 2 * 8192 + 3;
    const actual = secureNormal([count]).dataSync();
    expect(Math.max(...sizes)).toBe(65536);
    expect(sizes).toHaveLength(3);
    const uniform = (at: number): number =>
      (Number(((BigInt(drawn[at]!) << 32n) | BigInt(drawn[at + 1]!)) >> 11n) + 0.5) / 2 ** 53;
    const expected = Array.from({ length: count }, (_, i) => {
      const at = 4 * Math.floor(i / 2);
      const radius = Math.sqrt(-2 * Math.log(uniform(at)));
      const angle = 2 * Math.PI * uniform(at + 2);
      return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
    });
    // Near zeros of the cosine the angle's rounding counts.
    expect(actual).toBeAllclose(expected, { ...FLOAT32, atol: 1e-14 });
  });

  it.each([0, 0xffffffff])('is finite when all bits are those of %d', (word) => {
    vi.stubGlobal('crypto', { getRandomValues: (words: Uint32Array) => words.fill(word) });
    const [first, second] = secureNormal([2]).dataSync();
    const largest = Math.sqrt(-2 * Math.log(0.5 * 2 ** -53));
    expect(Math.hypot(first!, second!)).toBeLessThanOrEqual(largest * (1 + 1e-7));
    expect(Number.isFinite(first! + second!)).toBe(true);
  });

  it.each([[[]], [[0]], [[1]], [[3, 5]], [[2, 0, 4]]])('has the shape %j', (shape) => {
    const tensor = secureNormal(shape);
    expect(tensor.shape).toEqual(shape);
    expect(tensor.dtype).toBe('float32');
    expect(tensor.dataSync().every((z) => z !== 0)).toBe(true);
  });

  it('is new every time', () => {
    expect([...secureNormal([4]).dataSync()]).not.toEqual([...secureNormal([4]).dataSync()]);
    expect(secureKey()).not.toEqual(secureKey());
  });

  it('refuses to be anything else where the system has no random numbers', () => {
    vi.stubGlobal('crypto', undefined);
    const message = (where: string): string =>
      `opu-dfa.${where}: crypto.getRandomValues must be there, got undefined. ` +
      'For experiments take noise: { key } and a key of the batches.';
    expect(() => secureNormal([2])).toThrow(message('secureNormal'));
    expect(() => secureKey()).toThrow(message('secureKey'));
  });

  it('makes keys of 64 random bits', () => {
    vi.stubGlobal('crypto', { getRandomValues: (words: Uint32Array) => (words.set([0xfedcba98, 0x76543210]), words) });
    expect(secureKey()).toEqual(random.key(0xfedcba9876543210n));
  });
});

describe('normalNumbers', () => {
  beforeAll(() => useBackend('cpu'));

  it('gives tensors as they are, and draws with keys', () => {
    const given = [tf.zeros([2]), tf.ones([3])];
    expect(normalNumbers('test', given, 1, [3])).toBe(given[1]);
    const key = random.key(1);
    const drawn = normalNumbers('test', key, 1, [3]).dataSync();
    expect([...drawn]).toEqual([...random.normal(random.foldIn(key, 1), [3]).dataSync()]);
  });

  it.each<[number, string]>([
    [0, 'test: noise[0] must have the shape [3], got a float32 tensor of shape [2].'],
    [1, 'test: noise[1] must have the shape [3], got undefined.'],
  ])('refuses what is not there', (index, message) => {
    const read = () => normalNumbers('test', [tf.zeros([2])], index, [3]);
    expect(read).toThrow(check.ShapeError);
    expect(read).toThrow(message);
  });

  it('knows the two sources', () => {
    expect(checkNoise('test', 'secure')).toBeNull();
    expect(checkNoise('test', { key: 3 })).toEqual(random.key(3));
    for (const [wrong, described] of [
      ['none', '"none"'],
      [undefined, 'undefined'],
      [null, 'null'],
      [3, '3'],
    ]) {
      expect(() => checkNoise('test', wrong)).toThrow(`test: noise must be 'secure' or { key }, got ${described}.`);
    }
    expect(() => checkNoise('test', { key: -1 })).toThrow('test: key must be an integer >= 0, got -1.');
  });
});
