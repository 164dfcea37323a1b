import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { fillNormal, key, normal, type Key } from '../src/random';
import {
  checkPower,
  colourNoise,
  gaussianField,
  hostColourNoise,
  hostFft2,
  hostGaussianField,
  hostIfft2,
  wavenumbers,
} from '../src/spectral';
import { backendsUnderTest, finiteDifferences, loadGolden, type GoldenTensor } from '../src/testing';
import { numbers, values } from './values';

const noise = loadGolden(new URL('golden/spectral/gdiff-noise.safetensors', import.meta.url));
const cmb = loadGolden(new URL('golden/spectral/cmb-field.safetensors', import.meta.url));

// The reference, in float32 itself, states 2e-5 for its noise of unit variance.
const REFERENCE = { rtol: 0, atol: 5e-6 };
// float32 transforms there and back: some 1e-7 of the rms.
const FLOAT32 = 1e-6;
/** In standard errors: of 1000 normal variables none leaves them, with probability 0.9994. */
const SIGMAS = 5;

const tensorOf = ({ data, shape }: GoldenTensor): tf.Tensor => tf.tensor(Float32Array.from(data), shape);
const rms = (x: ArrayLike<number>): number => Math.sqrt(Array.from(x).reduce((sum, v) => sum + v * v, 0) / x.length);

/** Symmetric powers without a pattern. */
function somePower(h: number, w: number, seed = 1): Float64Array {
  const raw = numbers(h * w, seed);
  const opposite = (at: number): number => ((h - Math.floor(at / w)) % h) * w + ((w - (at % w)) % w);
  return raw.map((_, at) => Math.abs(raw[at]! + raw[opposite(at)]!) + 0.1);
}

/** Re ifft2(sqrt(P) fft2(w)) as it is written. */
function byDefinition(white: Float64Array, power: Float64Array, h: number, w: number): Float64Array {
  const { re, im } = hostFft2(white, h, w);
  const amplitude = power.map(Math.sqrt);
  return hostIfft2({ re: re.map((v, k) => v * amplitude[k]!), im: im.map((v, k) => v * amplitude[k]!) }, h, w).re;
}

/** Whether the mean of |F[k]|^2 / (h w) over fields is P[k] for each k, within its standard error. */
function expectPower(fields: Float64Array, power: Float64Array, h: number, w: number): void {
  const size = h * w;
  const count = fields.length / size;
  const mean = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    const { re, im } = hostFft2(fields.subarray(i * size, (i + 1) * size), h, w);
    for (let at = 0; at < size; at++) mean[at]! += (re[at]! ** 2 + im[at]! ** 2) / (size * count);
  }
  for (let at = 0; at < size; at++) {
    const [i, j] = [Math.floor(at / w), at % w];
    const isReal = (2 * i) % h === 0 && (2 * j) % w === 0;
    // |F|^2 is P times an exponential variable, of variance 1, or of a real coefficient a chi-squared one, of variance 2.
    const error = power[at]! * Math.sqrt((isReal ? 2 : 1) / count);
    expect(Math.abs(mean[at]! - power[at]!)).toBeLessThan(SIGMAS * error);
  }
}

describe('wavenumbers', () => {
  it('are those of fftfreq, in cycles, radians and modes', () => {
    const { rows, columns, norm } = wavenumbers(4, 5);
    expect([...rows]).toEqual([0, 0.25, -0.5, -0.25]);
    expect([...columns]).toEqual([0, 0.2, 0.4, -0.4, -0.2]);
    expect(norm[2 * 5 + 3]).toBeCloseTo(Math.hypot(0.5, 0.4), 15);
    expect([...wavenumbers(4, 5, { unit: 'modes' }).columns]).toEqual([0, 1, 2, -2, -1]);
    expect(wavenumbers(4, 5, { unit: 'radians' }).rows).toBeAllclose([0, Math.PI / 2, -Math.PI, -Math.PI / 2]);
    expect(wavenumbers(4, 5, { spacing: 0.5 }).rows).toBeAllclose([0, 0.5, -1, -0.5]);
    expect(wavenumbers(4, 5, { spacing: 0.5, unit: 'modes' }).norm[1]).toBe(1);
  });

  it('are multipoles with the pixel in radians', () => {
    const arcmin = Math.PI / 180 / 60;
    const { norm } = wavenumbers(256, 256, { unit: 'radians', spacing: 8 * arcmin });
    expect(norm[1]).toBeCloseTo(360 / ((256 * 8) / 60), 10);
  });
});

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('colourNoise', () => {
    it.each(['a', 'b'])('equals the coloured noise of the reference, case %s', (name) => {
      const [white, psd, expected] = [noise.get(`${name}.white`), noise.get(`${name}.psd`), noise.get(`${name}.noise`)];
      const [b, , n] = white.shape as [number, number, number];
      const power = tf.tensor(Float32Array.from(psd.data), [b, n, n]);
      const channelsFirst = colourNoise(tensorOf(white), power, { axes: [2, 3] });
      expect(channelsFirst).toBeAllclose(expected, REFERENCE);
      const nhwc = colourNoise(tensorOf(white).transpose([0, 2, 3, 1]), psd.data);
      expect(nhwc.transpose([0, 3, 1, 2])).toBeAllclose(expected, REFERENCE);
    });

    it('equals the CMB map of given white noise', () => {
      const expected = cmb.get('map');
      const map = colourNoise(tensorOf(cmb.get('white')), cmb.get('P2d').data);
      expect(map).toBeAllclose(expected, { rtol: 0, atol: FLOAT32 * rms(expected.data) * 5 });
    });

    it.each([
      [6, 8],
      [5, 7],
      [1, 4],
      [300, 4],
    ] as const)('is Re ifft2(sqrt(P) fft2(w)) for %i x %i', (h, w) => {
      // prettier-ignore
      const white = Float64Array.from(Float32Array.from(numbers(2 * h * w, 3)));
      const powers = Float64Array.of(...somePower(h, w), ...somePower(h, w, 2));
      const x = tf.tensor(Float32Array.from(white), [2, h, w]);
      const expected = [0, 1].flatMap((i) => {
        const part = (a: Float64Array) => a.slice(i * h * w, (i + 1) * h * w);
        return [...byDefinition(part(white), part(powers), h, w)];
      });
      const CLOSE = { rtol: 1e-5, atol: 1e-6 };
      expect(colourNoise(x, powers)).toBeAllclose({ data: expected, shape: x.shape }, CLOSE);
      const device = tf.tensor(Float32Array.from(powers), [2, h, w]);
      expect(colourNoise(x, device)).toBeAllclose({ data: expected, shape: x.shape }, CLOSE);
      expect(colourNoise(x, Float32Array.from(powers))).toBeAllclose({ data: expected, shape: x.shape }, CLOSE);
      const first = { data: expected.slice(0, h * w), shape: [h, w] };
      expect(colourNoise(x.slice([0, 0, 0], [1, h, w]).reshape([h, w]), somePower(h, w))).toBeAllclose(first, CLOSE);
      // One power for all; fields along other axes.
      const shared = colourNoise(x.transpose([1, 2, 0]), device.slice(0, 1).reshape([h, w]), { axes: [0, 1] });
      const back = shared.transpose([2, 0, 1]).slice([0, 0, 0], [1, h, w]).reshape([h, w]);
      expect(back).toBeAllclose(first, CLOSE);
    });

    it('of power 1 is the identity', () => {
      const white = values([2, 6, 6, 3]);
      expect(colourNoise(white, new Float64Array(36).fill(1))).toBeAllclose(white, { rtol: 1e-5, atol: 1e-6 });
    });

    it('has gradients in the noise and in the power', () => {
      const white = values([4, 6]);
      const weights = values([4, 6], 2);
      const symmetric = somePower(4, 6);
      const loss = (x: tf.Tensor, p: tf.Tensor): tf.Scalar => colourNoise(x, p).mul(weights).sum();
      const power = tf.tensor(Float32Array.from(symmetric), [4, 6]);
      const [ofWhite, ofPower] = tf.grads(loss)([white, power]) as [tf.Tensor, tf.Tensor];
      // Linear in the noise and self-adjoint: the gradient is the colouring of the weights.
      expect(ofWhite).toBeAllclose(colourNoise(weights, power), { rtol: 1e-5, atol: 1e-5 });
      const numeric = finiteDifferences(
        (p) => tf.tidy(() => loss(white, tf.tensor(Float32Array.from(p), [4, 6])).dataSync()[0]!),
        symmetric,
        1e-2,
      );
      // Central differences of a root: h^2 / 24 of the third derivative, and rounding 1e-6 / h.
      expect(ofPower).toBeAllclose({ data: numeric, shape: [4, 6] }, { rtol: 5e-3, atol: 2e-3 });
    });

    it('leaves nothing behind and is the same inside a compiled function', () => {
      const white = values([2, 6, 6, 3]);
      const power = somePower(6, 6);
      expect(() => colourNoise(white, power)).toLeakNothing();
      expect(() => gaussianField(key(1), [2, 6, 6, 3], power)).toLeakNothing();
      expect(white.isDisposed).toBe(false);
      const program = jit((k: Key) => gaussianField(k, [2, 6, 6, 3], power));
      for (const seed of [1, 2]) {
        expect(program(key(seed))).toBeAllclose(gaussianField(key(seed), [2, 6, 6, 3], power), { atol: 1e-6 });
      }
    });
  });

  describe('gaussianField', () => {
    it('is the colouring of normal draws of its key', () => {
      const power = somePower(5, 6);
      expect(gaussianField(key(3), [2, 5, 6], power)).toBeAllclose(colourNoise(normal(key(3), [2, 5, 6]), power));
    });

    it('has the power that was asked for, mode by mode', () => {
      const [h, w] = [6, 5];
      const power = somePower(h, w);
      const fields = gaussianField(key(4), [3000, h, w], power);
      expectPower(Float64Array.from(fields.dataSync()), power, h, w);
    });
  });
});

describe('hostGaussianField', () => {
  it('colours as the definition does, with one power or one for each field', () => {
    for (const [h, w] of [
      [6, 8],
      [5, 7],
      [1, 3],
    ] as const) {
      // prettier-ignore
      const white = numbers(2 * h * w, 3);
      const kept = white.slice();
      const powers = Float64Array.of(...somePower(h, w), ...somePower(h, w, 2));
      const expected = [0, 1].map((i) => {
        const part = (a: Float64Array) => a.slice(i * h * w, (i + 1) * h * w);
        return byDefinition(part(white), part(powers), h, w);
      });
      const CLOSE = { rtol: 1e-12, atol: 1e-13 };
      expect(hostColourNoise(white, powers, h, w)).toBeAllclose(
        Float64Array.of(...expected[0]!, ...expected[1]!),
        CLOSE,
      );
      expect(hostColourNoise(white, somePower(h, w), h, w).slice(0, h * w)).toBeAllclose(expected[0]!, CLOSE);
      expect(white).toEqual(kept);
    }
  });

  it('equals the CMB map of given white noise to 1e-12', () => {
    const expected = cmb.get('map').data;
    const map = hostColourNoise(cmb.get('white').data, cmb.get('P2d').data, 64, 64);
    expect(map).toBeAllclose(expected, { rtol: 0, atol: 1e-12 * rms(expected) });
  });

  it('has the power that was asked for, mode by mode, and its mean as variance', () => {
    const [h, w] = [5, 6];
    const power = somePower(h, w);
    const fields = hostGaussianField(key(5), power, h, w, { count: 4000 });
    expectPower(fields, power, h, w);
    // The mean square of a field is sum P X / n, of relative variance 2 sum P^2 / (sum P)^2 (k and -k are one).
    const sum = power.reduce((a, p) => a + p, 0);
    const squares = power.reduce((a, p) => a + p * p, 0);
    const error = Math.sqrt((2 * squares) / 4000) / 30;
    expect(Math.abs(rms(fields) ** 2 - sum / 30)).toBeLessThan(SIGMAS * error);
    const draws = fillNormal(key(5), new Float64Array(4000 * 30));
    expect(hostColourNoise(draws, power, h, w)).toEqual(fields);
  });
});

describe('checkPower', () => {
  it('gives back what can be a power', () => {
    const power = somePower(4, 6);
    expect(checkPower(power, 4, 6)).toBe(power);
    expect(checkPower(Float32Array.from(power), 4, 6)).toBeInstanceOf(Float32Array);
    expect(checkPower(new Float64Array(48), 4, 6)).toHaveLength(48);
  });
});

describe('bad arguments', () => {
  const f = (n: number): Float64Array => new Float64Array(n);
  const withOne = (value: number): Float64Array => new Float64Array(12).fill(1).fill(value, 5, 6);
  const white = tf.zeros([2, 3, 4]);

  it.each<[string, () => unknown]>([
    ['wavenumbers: height must be an integer >= 1', () => wavenumbers(0, 3)],
    ['wavenumbers: width must be', () => wavenumbers(3, 1.5)],
    [
      'wavenumbers: unit must be one of "cycles", "radians", "modes", got "ell"',
      () => wavenumbers(3, 3, { unit: 'ell' as never }),
    ],
    ['wavenumbers: spacing must be a finite number > 0, got 0', () => wavenumbers(3, 3, { spacing: 0 })],
    ['checkPower: power at [1, 1] must be finite and >= 0, got -1', () => checkPower(withOne(-1), 3, 4)],
    ['checkPower: power at [1, 1] must be finite and >= 0, got NaN', () => checkPower(withOne(NaN), 3, 4)],
    ['checkPower: power at [1, 1] must be finite', () => checkPower(withOne(Infinity), 3, 4)],
    [
      'checkPower: power at [1, 1] must equal that of the opposite wavenumber (1), got 1.01. The powers of real fields are symmetric.',
      () => checkPower(withOne(1.01), 3, 4),
    ],
    ['colourNoise: power at [1, 1] must be', () => colourNoise(white, withOne(-1))],
    ['gaussianField: power at [1, 1] must equal', () => gaussianField(key(1), [3, 4], withOne(2))],
    ['hostColourNoise: power at [1, 1] must equal', () => hostColourNoise(f(12), withOne(2), 3, 4)],
    ['hostGaussianField: power at [1, 1] must equal', () => hostGaussianField(key(1), withOne(2), 3, 4)],
    ['hostGaussianField: count must be an integer >= 1', () => hostGaussianField(key(1), f(12), 3, 4, { count: 0 })],
    ['hostGaussianField: height must be', () => hostGaussianField(key(1), f(12), 0, 4)],
    ['hostColourNoise: width must be', () => hostColourNoise(f(12), f(12), 3, NaN)],
    ['colourNoise: axes must be distinct', () => colourNoise(white, f(12), { axes: [1, 1] })],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    [
      'checkPower: power must have a multiple of 12 elements, got Float64Array(11). That is one element for each',
      () => checkPower(f(11), 3, 4),
    ],
    ['checkPower: power must have a multiple', () => checkPower(f(0), 3, 4)],
    [
      'colourNoise: power must have shape [3, 4] or [2, 3, 4], got a float32 tensor of shape [4, 3]',
      () => colourNoise(white, tf.zeros([4, 3])),
    ],
    ['colourNoise: power must have shape [3, 4], got', () => colourNoise(tf.zeros([3, 4]), tf.zeros([2, 3, 4]))],
    ['colourNoise: power must have 12 or 24 elements, got Float64Array(36)', () => colourNoise(white, f(36))],
    ['colourNoise: power must have 12 elements, got Float64Array(24)', () => colourNoise(tf.zeros([3, 4]), f(24))],
    ['colourNoise: white must have no axis of length 0', () => colourNoise(tf.zeros([0, 3, 4]), f(12))],
    ['hostColourNoise: white must have a multiple of 12 elements', () => hostColourNoise(f(13), f(12), 3, 4)],
    [
      'hostColourNoise: power must have 12 or 24 elements, got Float64Array(36)',
      () => hostColourNoise(f(24), f(36), 3, 4),
    ],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['checkPower: power must be a Float64Array or Float32Array, got [1]', () => checkPower([1] as never, 1, 1)],
    ['colourNoise: white must be a tensor', () => colourNoise(f(12) as never, f(12))],
    [
      'colourNoise: power must be a Float64Array or Float32Array, got undefined',
      () => colourNoise(white, undefined as never),
    ],
    ['colourNoise: axes must be a pair', () => colourNoise(white, f(12), { axes: [1] as never })],
    [
      'hostColourNoise: white must be a Float64Array',
      () => hostColourNoise(new Float32Array(12) as never, f(12), 3, 4),
    ],
    ['normal: key must be a Key', () => gaussianField(1 as never, [3, 4], f(12))],
    ['fillNormal: key must be a Key', () => hostGaussianField(1 as never, f(12), 3, 4)],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
