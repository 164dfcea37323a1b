import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { key } from '../src/random';
import {
  cosineTaper,
  cosineTaper2d,
  crossSpectrum,
  gaussianBeam,
  gaussianCrossError,
  gaussianPowerError,
  hostCrossSpectrum,
  hostFft2,
  hostGaussianField,
  hostPowerSpectrum,
  pixelWindow,
  powerSpectrum,
  radialBins,
  wavenumbers,
  type RadialBins,
} from '../src/spectral';
import { backendsUnderTest, finiteDifferences, loadGolden } from '../src/testing';
import { numbers, values } from './values';

const gdiff = loadGolden(new URL('golden/spectral/gdiff-spectrum.safetensors', import.meta.url));
const dust = loadGolden(new URL('golden/spectral/dust-spectrum.safetensors', import.meta.url));
const taper = loadGolden(new URL('golden/spectral/taper.safetensors', import.meta.url));

// The references compute in float32: powers within some 1e-7, means of them a little worse, deviations of few modes more.
const REFERENCE = { rtol: 3e-6, atol: 0 };
// Ours in float32: the same, and deviations that should be 0, of k and -k.
const FLOAT32 = { rtol: 2e-5, atol: 2e-3 };
const EXACT = { rtol: 1e-12, atol: 1e-14 };
/** In standard errors; seeds are fixed. */
const SIGMAS = 5;
const ARCMIN = Math.PI / 180 / 60;

/** The golden files have -1 where a bin is empty. */
const withNaN = (data: Float64Array): Float64Array => data.map((v) => (v === -1 ? NaN : v));

const dustBins = (edges: Float64Array): RadialBins =>
  radialBins(64, 64, { edges, unit: 'radians', closed: 'right', overflow: true });
const gdiffBins = (edges: Float64Array, n: number): RadialBins =>
  radialBins(n, n, { edges, unit: 'radians', precision: 'float32' });

describe('radialBins', () => {
  it('are shells of modes by default, each with its mean wavenumber', () => {
    const { index, counts, k, edges, size } = radialBins(4, 6);
    expect([...index.slice(0, 6)]).toEqual([0, 1, 2, 3, 2, 1]);
    // (1, 1): sqrt 2 rounds to 1; (2, 2): 2.83 to 3; (2, 3): 3.61 to 4.
    expect([...index.slice(6, 12)]).toEqual([1, 1, 2, 3, 2, 1]);
    expect([...index.slice(12, 18)]).toEqual([2, 2, 3, 4, 3, 2]);
    expect([...counts]).toEqual([1, 8, 9, 5, 1]);
    expect([...edges]).toEqual([-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]);
    expect(k[1]).toBeCloseTo((4 + 4 * Math.SQRT2) / 8, 14);
    expect(size).toBe(5);
  });

  it('puts a mode on an edge where it is closed, and modes outside nowhere', () => {
    const index = (options: object) => [...radialBins(1, 8, { edges: [1, 2, 3], ...options }).index];
    expect(index({})).toEqual([-1, 0, 1, -1, -1, -1, 1, 0]);
    expect(index({ closed: 'right' })).toEqual([-1, -1, 0, 1, -1, 1, 0, -1]);
    expect(index({ overflow: true })).toEqual([-1, 0, 1, 2, 2, 2, 1, 0]);
    expect(index({ closed: 'right', overflow: true })).toEqual([-1, -1, 0, 1, 2, 1, 0, -1]);
    const { counts, k, edges } = radialBins(1, 4, { edges: [3, 4], overflow: true });
    expect([[...counts], [...k], [...edges]]).toEqual([[0, 0], [NaN, NaN], [3, 4, Infinity]]); // prettier-ignore
  });

  it('compares in float32 where that is asked for', () => {
    const edge = Math.fround(Math.PI / 4);
    const bins = (precision: 'float32' | 'float64') =>
      radialBins(1, 8, { edges: [0, edge, 10], unit: 'radians', precision }).counts;
    expect(edge).toBeGreaterThan(Math.PI / 4);
    expect([[...bins('float64')], [...bins('float32')]]).toEqual([[3, 5], [1, 7]]); // prettier-ignore
  });

  it('counts as the references do', () => {
    const edges = dust.get('bins17').data;
    const counts = dust.get('counts17').data.slice(1, 18);
    expect([...dustBins(edges).counts]).toEqual([...counts]);
    for (const [name, n] of [
      ['a', 20],
      ['b', 32],
    ] as const) {
      // prettier-ignore
      expect([...gdiffBins(gdiff.get(`${name}.bins`).data, n).counts]).toEqual([
        ...gdiff.get(`${name}.counts`).data.slice(0, -1),
      ]);
    }
    const clean = radialBins(64, 64, { edges: dust.get('cl_edges').data, unit: 'radians', spacing: 16 * ARCMIN });
    expect([...clean.counts]).toEqual([...dust.get('cl_counts').data]);
    expect(clean.k).toBeAllclose(dust.get('cl_ell_eff').data, EXACT);
  });
});

describe('hostPowerSpectrum', () => {
  it('is the mean and deviation of |fft2|^2 over the modes of each bin', () => {
    for (const [h, w] of [
      [6, 8],
      [7, 5],
      [4, 1],
    ] as const) {
      // prettier-ignore
      const bins = radialBins(h, w);
      const x = numbers(h * w, 1);
      const { re, im } = hostFft2(x, h, w);
      const powers = Array.from({ length: bins.size }, (_, bin) =>
        Array.from(re, (r, at) => ({ p: (r ** 2 + im[at]! ** 2) / (h * w), bin: bins.index[at] }))
          .filter((mode) => mode.bin === bin)
          .map(({ p }) => p),
      );
      const mean = powers.map((p) => p.reduce((a, b) => a + b, 0) / p.length);
      const std = powers.map((p, i) => Math.sqrt(p.reduce((a, b) => a + (b - mean[i]!) ** 2, 0) / p.length));
      const spectrum = hostPowerSpectrum(x, bins);
      expect(spectrum.power[0]).toBeAllclose(mean, EXACT);
      expect(spectrum.std[0]).toBeAllclose(std, { rtol: 1e-9, atol: 1e-13 });
    }
  });

  it.each(['a', 'b'])('equals the spectra of gdiff, case %s', (name) => {
    const x = gdiff.get(`${name}.x`);
    const { power, std } = hostPowerSpectrum(x.data, gdiffBins(gdiff.get(`${name}.bins`).data, x.shape[1]!), {
      normalisation: 'raw',
    });
    expect(power.map((p) => [...p])).toBeAllclose(gdiff.get(`${name}.mean`), REFERENCE);
    expect(std.map((p) => [...p])).toBeAllclose(gdiff.get(`${name}.std`), REFERENCE);
  });

  it.each(['17', '100'])('equals the spectra of dust-separation in %s bins', (count) => {
    const { power, std } = hostPowerSpectrum(dust.get('x').data, dustBins(dust.get(`bins${count}`).data), {
      normalisation: 'raw',
    });
    expect(Float64Array.of(...power[0]!, ...power[1]!)).toBeAllclose(withNaN(dust.get(`ps${count}`).data), REFERENCE);
    // Bins of k and -k only have a deviation of 0; the reference has rounding there.
    const reference = withNaN(dust.get(`std${count}`).data);
    expect(Float64Array.of(...std[0]!, ...std[1]!)).toBeAllclose(reference, { rtol: 1e-5, atol: 1e-2 });
  });

  it('is C_l with multipoles as wavenumbers and the area of a pixel', () => {
    const spacing = 16 * ARCMIN;
    const bins = radialBins(64, 64, { edges: dust.get('cl_edges').data, unit: 'radians', spacing });
    const { power } = hostPowerSpectrum(dust.get('x').data, bins, { pixelArea: spacing ** 2 });
    expect(power.map((p) => [...p])).toBeAllclose(dust.get('cl'), { rtol: 1e-9 });
  });

  it('has for a Gaussian field the power of the field, and its scatter is that of gaussianPowerError', () => {
    const n = 16;
    const count = 600;
    const power = wavenumbers(n, n, { unit: 'modes' }).norm.map((k) => 1 / (1 + k * k));
    const bins = radialBins(n, n);
    // In shells the power is not constant: the expectation is its mean over the modes.
    const expected = new Float64Array(bins.size);
    bins.index.forEach((bin, at) => (expected[bin]! += power[at]! / bins.counts[bin]!));
    const spectra = hostPowerSpectrum(hostGaussianField(key(1), power, n, n, { count }), bins).power;
    const error = gaussianPowerError(expected, bins.counts);
    for (let bin = 1; bin < 7; bin++) {
      const mean = spectra.reduce((sum, p) => sum + p[bin]!, 0) / count;
      const variance = spectra.reduce((sum, p) => sum + (p[bin]! - mean) ** 2, 0) / count;
      expect(Math.abs(mean - expected[bin]!)).toBeLessThan((SIGMAS * 1.1 * error[bin]!) / Math.sqrt(count));
      // Unequal powers in a shell raise the variance by their relative variance, at most 5 % here; the sample variance
      // of 600 near-normal values scatters by sqrt(2 / 600) = 6 %, times about 1.3 for the kurtosis of few modes.
      expect(Math.abs(variance / error[bin]! ** 2 - 1.02)).toBeLessThan(0.03 + SIGMAS * 0.075);
    }
  });

  it('of white noise is 1 under a window too', () => {
    const n = 24;
    const fields = hostGaussianField(key(2), new Float64Array(n * n).fill(1), n, n, { count: 200 });
    const bins = radialBins(n, n);
    const { power } = hostPowerSpectrum(fields, bins, { window: cosineTaper2d(n, n, 8) });
    // The window correlates neighbouring modes: about as many are independent as the share of the area that is left.
    const share = 0.4;
    for (let bin = 1; bin < 12; bin++) {
      const mean = power.reduce((sum, p) => sum + p[bin]!, 0) / 200;
      expect(Math.abs(mean - 1)).toBeLessThan(SIGMAS * Math.sqrt(2 / (200 * share * bins.counts[bin]!)));
    }
  });
});

describe('hostCrossSpectrum', () => {
  it('equals the cross spectra of dust-separation', () => {
    const y = dust.get('y').data;
    const [a, b] = [y.slice(0, 4096), y.slice(4096)];
    const bins = dustBins(dust.get('bins17').data);
    const { cross, std, powerA, powerB } = hostCrossSpectrum(a, b, bins, { normalisation: 'raw' });
    const expected = dust.get('cross17').data;
    expect(powerA[0]).toBeAllclose(expected.slice(0, 17), REFERENCE);
    expect(cross[0]).toBeAllclose(expected.slice(17, 34), { rtol: 1e-5, atol: 1e-2 });
    expect(powerB[0]).toBeAllclose(expected.slice(51), REFERENCE);
    expect(std[0]).toBeAllclose(dust.get('cross_std17').data.slice(17, 34), { rtol: 1e-5, atol: 1e-2 });
  });

  it('has the correlation of the clean estimator, 1 with itself and -1 with the negative', () => {
    const y = dust.get('y').data;
    const [a, b] = [y.slice(0, 4096), y.slice(4096)];
    const spacing = 16 * ARCMIN;
    const bins = radialBins(64, 64, { edges: dust.get('cl_edges').data, unit: 'radians', spacing });
    const { powerA, powerB, cross, correlation } = hostCrossSpectrum(a, b, bins, { pixelArea: spacing ** 2 });
    const all = Float64Array.of(...powerA[0]!, ...powerB[0]!, ...cross[0]!);
    expect(all).toBeAllclose(dust.get('cl_cross').data, { rtol: 1e-9, atol: 1e-18 });
    expect(correlation[0]).toBeAllclose(dust.get('cl_rho').data, { rtol: 1e-9, atol: 1e-12 });
    expect(hostCrossSpectrum(a, a, bins).correlation[0]).toBeAllclose(new Float64Array(8).fill(1), EXACT);
    const negative = a.map((v) => -v);
    expect(hostCrossSpectrum(a, negative, bins).correlation[0]).toBeAllclose(new Float64Array(8).fill(-1), EXACT);
  });

  it('scatters as gaussianCrossError says', () => {
    const n = 16;
    const count = 600;
    const white = new Float64Array(n * n).fill(1);
    const a = hostGaussianField(key(3), white, n, n, { count });
    const other = hostGaussianField(key(4), white, n, n, { count });
    // Correlation 0.6, powers 1 and 1.
    const b = a.map((v, i) => 0.6 * v + 0.8 * other[i]!);
    const bins = radialBins(n, n);
    const { cross } = hostCrossSpectrum(a, b, bins);
    const of = (v: number): Float64Array => new Float64Array(bins.size).fill(v);
    const error = gaussianCrossError(of(0.6), of(1), of(1), bins.counts);
    for (let bin = 1; bin < 8; bin++) {
      const mean = cross.reduce((sum, c) => sum + c[bin]!, 0) / count;
      const variance = cross.reduce((sum, c) => sum + (c[bin]! - mean) ** 2, 0) / count;
      expect(Math.abs(mean - 0.6)).toBeLessThan((SIGMAS * error[bin]!) / Math.sqrt(count));
      expect(Math.abs(variance / error[bin]! ** 2 - 1)).toBeLessThan(SIGMAS * 0.075);
    }
  });
});

describe.each(backendsUnderTest())('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe('powerSpectrum', () => {
    it('is that of the host in float32, for images of any layout', () => {
      for (const [h, w] of [
        [6, 8],
        [7, 5],
        [12, 66],
      ] as const) {
        // prettier-ignore
        const x_BHWC = values([2, h, w, 3]);
        const x_BCHW = x_BHWC.transpose([0, 3, 1, 2]);
        for (const bins of [radialBins(h, w), radialBins(h, w, { edges: [0.5, 2, 3, 3.1, 4], closed: 'right' })]) {
          const window = cosineTaper2d(h, w, 2);
          const host = hostPowerSpectrum(Float32Array.from(x_BCHW.dataSync()), bins, { window, pixelArea: 0.3 });
          const spectrum = powerSpectrum(x_BHWC, bins, { axes: [1, 2], window, pixelArea: 0.3 });
          const shape = [2, 3, bins.size];
          const flat = (parts: Float64Array[]) => ({ data: parts.flatMap((part) => [...part]), shape });
          expect(spectrum.power).toBeAllclose(flat(host.power), { rtol: 1e-5, atol: 1e-7 });
          // Rounding of powers near 1 shows where their deviation is 0.
          expect(spectrum.std).toBeAllclose(flat(host.std), { rtol: 1e-4, atol: 1e-5 });
          expect(spectrum.k).toBe(bins.k);
          expect(spectrum.counts).toBe(bins.counts);
          const last = powerSpectrum(x_BCHW, bins, { normalisation: 'raw' });
          expect(last.power).toBeAllclose(powerSpectrum(x_BCHW, bins).power.mul(h * w), { rtol: 1e-5 });
        }
        expect(powerSpectrum(values([h, w]), radialBins(h, w)).power.shape).toEqual([radialBins(h, w).size]);
      }
    });

    it('equals the spectra of both papers', () => {
      const { data, shape } = dust.get('x');
      const bins = dustBins(dust.get('bins100').data);
      const ofDust = powerSpectrum(tf.tensor(Float32Array.from(data), shape), bins, { normalisation: 'raw' });
      expect(ofDust.power.reshape([200])).toBeAllclose(withNaN(dust.get('ps100').data), FLOAT32);
      const x = gdiff.get('b.x');
      const ofNoise = powerSpectrum(
        tf.tensor(Float32Array.from(x.data), x.shape),
        gdiffBins(gdiff.get('b.bins').data, 32),
        {
          normalisation: 'raw',
        },
      );
      expect(ofNoise.power).toBeAllclose(gdiff.get('b.mean'), FLOAT32);
      expect(ofNoise.std).toBeAllclose(gdiff.get('b.std'), FLOAT32);
    });

    it('has gradients', () => {
      const bins = radialBins(4, 6, { edges: [0.5, 1.5, 4] });
      const loss = (x: tf.Tensor): tf.Scalar => powerSpectrum(x, bins).power.mul([1, -2]).sum();
      const x = values([4, 6]);
      const numeric = finiteDifferences(
        (p) => tf.tidy(() => loss(tf.tensor(Float32Array.from(p), [4, 6])).dataSync()[0]!),
        x.dataSync(),
        0.1,
      );
      // Quadratic: differences have rounding only.
      expect(tf.grad(loss)(x)).toBeAllclose({ data: numeric, shape: [4, 6] }, { rtol: 1e-3, atol: 1e-4 });
    });

    it('leaves nothing behind and is the same inside a compiled function', () => {
      const bins = radialBins(6, 8);
      const x = values([2, 6, 8]);
      const window = cosineTaper2d(6, 8, 1);
      expect(() => powerSpectrum(x, bins, { window })).toLeakNothing();
      expect(() => crossSpectrum(x, x, bins)).toLeakNothing();
      expect(x.isDisposed).toBe(false);
      const program = jit((x: tf.Tensor) => powerSpectrum(x, bins).power);
      for (const seed of [1, 2]) {
        const y = values([2, 6, 8], seed);
        expect(program(y)).toBeAllclose(powerSpectrum(y, bins).power, { rtol: 1e-5, atol: 1e-6 });
      }
    });
  });

  describe('crossSpectrum', () => {
    it('is that of the host in float32', () => {
      const bins = radialBins(7, 6);
      const [a, b] = [values([2, 7, 6]), values([2, 7, 6], 5)];
      const host = hostCrossSpectrum(Float32Array.from(a.dataSync()), Float32Array.from(b.dataSync()), bins);
      const device = crossSpectrum(a, b, bins);
      for (const name of ['cross', 'std', 'powerA', 'powerB', 'correlation'] as const) {
        const expected = host[name].map((part) => [...part]);
        expect(device[name]).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-5 });
      }
    });
  });
});

describe('windows', () => {
  it('cosineTaper is that of dust-separation, and the product of two in two dimensions', () => {
    expect(cosineTaper(64, 8)).toBeAllclose(taper.get('apod1d').data, EXACT);
    expect([...cosineTaper(5, 0)]).toEqual([1, 1, 1, 1, 1]);
    const [rows, columns] = [cosineTaper(6, 2), cosineTaper(5, 2)];
    expect(cosineTaper2d(6, 5, 2)[3 * 5 + 4]).toBe(rows[3]! * columns[4]!);
    expect(cosineTaper2d(6, 5, 2)).toHaveLength(30);
  });

  it('gaussianBeam is half at l of half its angular width', () => {
    // B_l is near exp(-l^2 s^2 / 2), the transform of a Gaussian of deviation s = fwhm / sqrt(8 log 2).
    const fwhm = 0.01;
    const s = fwhm / Math.sqrt(8 * Math.log(2));
    const [at0, at100] = gaussianBeam([0, 100], fwhm);
    expect(at0).toBe(1);
    expect(at100).toBeCloseTo(Math.exp(-100 * 101 * s * s * 0.5), 14);
    expect([...gaussianBeam([3, 70], 0)]).toEqual([1, 1]);
  });

  it('pixelWindow is the transform of a pixel', () => {
    const window = pixelWindow(4, 6);
    // sinc of half a turn a pixel is 2 / pi; of a sixth, sin(pi / 6) / (pi / 6).
    expect(window[0]).toBe(1);
    expect(window[2 * 6]).toBeCloseTo(2 / Math.PI, 14);
    expect(window[2 * 6 + 1]).toBeCloseTo(((2 / Math.PI) * 0.5) / (Math.PI / 6), 14);
    expect(window[5]).toBeCloseTo(window[1]!, 14);
  });
});

describe('bad arguments', () => {
  const f = (n: number): Float64Array => new Float64Array(n);
  const bins = radialBins(3, 4);
  const x = tf.zeros([3, 4]);

  it.each<[string, () => unknown]>([
    ['radialBins: edges must be two or more ascending numbers, got [1]', () => radialBins(3, 4, { edges: [1] })],
    ['radialBins: edges must be two or more ascending numbers, got [1, 1]', () => radialBins(3, 4, { edges: [1, 1] })],
    ['radialBins: edges must be', () => radialBins(3, 4, { edges: [NaN, 1] })],
    ['radialBins: edges must be', () => radialBins(3, 4, { edges: [0, NaN] })],
    ['radialBins: closed must be one of "left", "right"', () => radialBins(3, 4, { closed: 'both' as never })],
    ['radialBins: precision must be one of', () => radialBins(3, 4, { precision: 'f' as never })],
    ['wavenumbers: height must be', () => radialBins(0, 4)],
    [
      'hostPowerSpectrum: normalisation must be one of "power", "raw"',
      () => hostPowerSpectrum(f(12), bins, { normalisation: '' as never }),
    ],
    ['powerSpectrum: pixelArea must be a finite number > 0, got 0', () => powerSpectrum(x, bins, { pixelArea: 0 })],
    [
      'crossSpectrum: the mean square of window must be finite and > 0, got 0',
      () => crossSpectrum(x, x, bins, { window: f(12) }),
    ],
    ['cosineTaper: the length must be', () => cosineTaper(0, 0)],
    ['cosineTaper: the width of a flank must be an integer >= 0 and <= 2, got 3', () => cosineTaper(5, 3)],
    ['cosineTaper2d: the width of a flank must be', () => cosineTaper2d(5, 5, -1)],
    ['gaussianBeam: fwhm must be a finite number >= 0, got -1', () => gaussianBeam([1], -1)],
    ['pixelWindow: height must be', () => pixelWindow(0, 1)],
    ['pixelWindow: width must be', () => pixelWindow(1, 0)],
    ['powerSpectrum: axes must be distinct', () => powerSpectrum(x, bins, { axes: [0, 0] })],
  ])('RangeError: %s', (message, call) => {
    expect(call).toThrow(RangeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    [
      'hostPowerSpectrum: images must have a multiple of 12 elements, [height, width] of the bins, got Float64Array(13)',
      () => hostPowerSpectrum(f(13), bins),
    ],
    ['hostPowerSpectrum: images must have a multiple', () => hostPowerSpectrum(f(0), bins)],
    ['hostPowerSpectrum: window must have 12 elements', () => hostPowerSpectrum(f(12), bins, { window: f(3) })],
    [
      'hostCrossSpectrum: b must be as long as a (24), got Float64Array(12)',
      () => hostCrossSpectrum(f(24), f(12), bins),
    ],
    [
      'powerSpectrum: images must have the size 3 x 4 of the bins, got a float32 tensor of shape [4, 3]',
      () => powerSpectrum(tf.zeros([4, 3]), bins),
    ],
    ['crossSpectrum: a must have the size 3 x 4', () => crossSpectrum(tf.zeros([3, 3]), x, bins)],
    ['crossSpectrum: b must have the size 3 x 4', () => crossSpectrum(x, tf.zeros([3, 3]), bins)],
    [
      'crossSpectrum: b must have the shape of a (a float32 tensor of shape [3, 4]), got',
      () => crossSpectrum(x, tf.zeros([2, 3, 4]), bins),
    ],
    ['gaussianPowerError: counts must have 2 elements, got [1]', () => gaussianPowerError([1, 2], [1])],
    ['gaussianCrossError: powerB must have 1 elements', () => gaussianCrossError([1], [1], [1, 2], [1])],
  ])('ShapeError: %s', (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: 'ShapeError' }));
    expect(call).toThrow(`tensor-core.${message}`);
  });

  it.each<[string, () => unknown]>([
    ['hostPowerSpectrum: images must be a Float64Array or Float32Array', () => hostPowerSpectrum([1] as never, bins)],
    ['hostCrossSpectrum: b must be a Float64Array or Float32Array', () => hostCrossSpectrum(f(12), x as never, bins)],
    ['powerSpectrum: images must be a tensor', () => powerSpectrum(f(12) as never, bins)],
    [
      'powerSpectrum: window must be a Float64Array or Float32Array',
      () => powerSpectrum(x, bins, { window: x as never }),
    ],
    ['crossSpectrum: axes must be a pair', () => crossSpectrum(x, x, bins, { axes: 1 as never })],
  ])('TypeError: %s', (message, call) => {
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`tensor-core.${message}`);
  });
});
