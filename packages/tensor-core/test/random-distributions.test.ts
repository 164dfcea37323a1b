import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  bernoulli,
  exponential,
  fillBernoulli,
  fillExponential,
  fillGamma,
  fillIntegers,
  fillNormal,
  fillTruncatedNormal,
  fillUniform,
  foldIn,
  gamma,
  type HostArrays,
  type HostInputBackend,
  integers,
  key,
  normal,
  permutation,
  split,
  truncatedNormal,
  uniform,
} from '../src/random';
import { backendsUnderTest } from '../src/testing';

const k = key(42);

/** One draw of every tensor function with the host draw that it must equal. */
const draws: {
  name: string;
  dtype: keyof HostArrays;
  draw: (shape: number[]) => tf.Tensor;
  host: ArrayLike<number>;
}[] = [
  {
    name: 'uniform',
    dtype: 'float32',
    draw: (shape) => uniform(k, shape, { low: -1, high: 3 }),
    host: fillUniform(k, new Float32Array(60), { low: -1, high: 3 }),
  },
  {
    name: 'uniform of int32',
    dtype: 'int32',
    draw: (shape) => uniform(k, shape, { low: -9, high: 9, dtype: 'int32' }),
    host: fillIntegers(k, new Int32Array(60), { low: -9, high: 9 }),
  },
  {
    name: 'normal',
    dtype: 'float32',
    draw: (shape) => normal(k, shape, { mean: 2, std: 0.1 }),
    host: fillNormal(k, new Float32Array(60), { mean: 2, std: 0.1 }),
  },
  {
    name: 'truncatedNormal',
    dtype: 'float32',
    draw: (shape) => truncatedNormal(k, shape, { std: 0.5, lower: -0.4, upper: 0.7 }),
    host: fillTruncatedNormal(k, new Float32Array(60), { std: 0.5, lower: -0.4, upper: 0.7 }),
  },
  {
    name: 'gamma',
    dtype: 'float32',
    draw: (shape) => gamma(k, shape, { alpha: 0.8, rate: 3 }),
    host: fillGamma(k, new Float32Array(60), { alpha: 0.8, rate: 3 }),
  },
  {
    name: 'exponential',
    dtype: 'float32',
    draw: (shape) => exponential(k, shape, { rate: 4 }),
    host: fillExponential(k, new Float32Array(60), { rate: 4 }),
  },
  {
    name: 'integers',
    dtype: 'int32',
    draw: (shape) => integers(k, shape, -5, 100),
    host: fillIntegers(k, new Int32Array(60), { low: -5, high: 100 }),
  },
  {
    name: 'bernoulli',
    dtype: 'bool',
    draw: (shape) => bernoulli(k, shape, 0.25),
    host: fillBernoulli(k, new Uint8Array(60), { p: 0.25 }),
  },
];

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    await tf.ready();
    expect(tf.getBackend()).toBe(backend);
  });

  describe.each(draws)('$name', ({ dtype, draw, host }) => {
    it('is the host draw, bit for bit, in the shape asked for', () => {
      const x = draw([3, 4, 5]);
      expect(x.shape).toEqual([3, 4, 5]);
      expect(x.dtype).toBe(dtype);
      expect(Array.from(x.dataSync())).toEqual(Array.from(host));
      x.dispose();
    });

    it('is the same draw again with the same key, and survives arithmetic of the backend', () => {
      tf.tidy(() => {
        const [once, again] = [draw([60]), draw([60])];
        expect(tf.equal(once, again).all().dataSync()[0]).toBe(1);
      });
    });

    it('knows scalars and empty shapes', () => {
      const [scalar, empty] = [draw([]), draw([2, 0])];
      expect(Array.from(scalar.dataSync())).toEqual([host[0]]);
      expect([scalar.shape, empty.shape, empty.dataSync().length]).toEqual([[], [2, 0], 0]);
      tf.dispose([scalar, empty]);
    });

    it('leaves nothing behind but its result', () => {
      expect(() => draw([3, 4, 5])).toLeakNothing();
      expect(() => tf.tidy(() => void draw([7]))).toLeakNothing();
    });
  });
});

// A change of any of these changes the numbers of everyone's seeds: it is a breaking change of the package.
describe('the first values of key 42', () => {
  it('of keys', () => {
    expect(split(k).map(({ word0, word1 }) => [word0, word1])).toEqual([
      [3949274415, 2752721801],
      [631644108, 538630895],
    ]);
    expect(foldIn(k, 7)).toMatchObject({ word0: 3719852305, word1: 2294432923 });
    expect(foldIn(k, 2 ** 40 + 7)).toMatchObject({ word0: 975320536, word1: 2778991054 });
  });

  it('in float32', () => {
    const out = (): Float32Array => new Float32Array(4);
    expect([...fillUniform(k, out())]).toEqual([
      0.4267275333404541, 0.06302016973495483, 0.1001582145690918, 0.8114628195762634,
    ]);
    expect([...fillNormal(k, out())]).toEqual([
      -0.1847117394208908, -1.5299044847488403, -1.2806503772735596, 0.8832999467849731,
    ]);
    expect([...fillExponential(k, out())]).toEqual([
      0.851609468460083, 2.7643003463745117, 2.301003932952881, 0.20891663432121277,
    ]);
  });

  it('in float64', () => {
    const out = (): Float64Array => new Float64Array(4);
    expect([...fillUniform(k, out())]).toEqual([
      0.4267275666499091, 0.10015824060222656, 0.19643804153695044, 0.39141026336025375,
    ]);
    expect([...fillNormal(k, out())]).toEqual([
      -0.18471174528191164, -1.2806504215484478, -0.8544132028404301, -0.27564528167451136,
    ]);
    expect([...fillExponential(k, out())]).toEqual([
      0.8516094865864353, 2.3010039376569678, 1.6274082076380747, 0.937999002186507,
    ]);
    expect([...fillGamma(k, out(), { alpha: 0.3 })]).toEqual([
      0.035931692934498854, 0.07209122976458335, 0.1389865695478329, 0.002159676193905415,
    ]);
    expect([...fillGamma(k, out(), { alpha: 3, rate: 2 })]).toEqual([
      1.1881317626844015, 0.5372124339123207, 0.7503048352998918, 1.1206957847414554,
    ]);
    expect([...fillTruncatedNormal(k, out(), { lower: -1, upper: 1 })]).toEqual([
      -0.14654486670018163, -0.7996835187955467, -0.6071239169260989, -0.2171794732794925,
    ]);
    expect([...fillTruncatedNormal(k, out())]).toEqual([
      -0.18471174528191164, -1.2806504215484478, -0.8544132028404301, -0.27564528167451136,
    ]);
    expect([...fillTruncatedNormal(k, out(), { lower: 8, upper: 9 })]).toEqual([
      8.104837918628158, 8.283266529293961, 8.2003431055366, 8.115472953992912,
    ]);
  });

  it('of integers, truth values and orders', () => {
    expect([...fillIntegers(k, new Int32Array(8), { low: -50, high: 50 })]).toEqual([
      -7, -37, 17, -29, 14, -10, 30, 33,
    ]);
    expect([...fillIntegers(k, new Int32Array(4), { low: -(2 ** 30), high: 2 ** 30 + 1 })]).toEqual([
      759039119, -803072211, -643565457, -38003169,
    ]);
    expect([...fillBernoulli(k, new Uint8Array(16), { p: 0.4 })]).toEqual([
      0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0,
    ]);
    expect([...permutation(k, 10)]).toEqual([1, 5, 9, 8, 0, 2, 6, 7, 4, 3]);
  });
});

describe('a split of a draw', () => {
  it('matters: two draws with one key are the same numbers', () => {
    const [a, b] = split(k);
    expect(fillNormal(k, new Float32Array(8))).toEqual(fillNormal(k, new Float32Array(8)));
    expect(fillNormal(a!, new Float32Array(8))).not.toEqual(fillNormal(b!, new Float32Array(8)));
  });
});

describe('a backend with hostInput', () => {
  const backend = (): Partial<HostInputBackend> => tf.backend();
  afterEach(() => delete backend().hostInput);

  it('makes every random tensor, from a fill that can be called again', () => {
    const asked: { shape: number[]; dtype: string; twice: boolean }[] = [];
    backend().hostInput = (shape, dtype, fill) => {
      const make = (): HostArrays[typeof dtype] => {
        const size = tf.util.sizeFromShape(shape);
        const arrays = { float32: new Float32Array(size), int32: new Int32Array(size), bool: new Uint8Array(size) };
        fill(arrays[dtype]);
        return arrays[dtype];
      };
      asked.push({ shape, dtype, twice: String(make()) === String(make()) });
      return tf.tensor(make(), shape, dtype);
    };
    tf.tidy(() => {
      for (const { draw, host } of draws) {
        expect(Array.from(draw([6, 10]).dataSync())).toEqual(Array.from(host));
      }
    });
    expect(asked).toEqual(draws.map(({ dtype }) => ({ shape: [6, 10], dtype, twice: true })));
  });
});
