import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { speckleImage } from '../src/optics/speckle-image';
import type { Field } from '../src/optics/transmission-matrix';

const SIDE = 128;

/** Independent pixels with E |y|^2 = 2. */
function whiteField(seed: number): Field {
  const draw = (part: number): tf.Tensor2D => random.normal(random.foldIn(random.key(seed), part), [SIDE, SIDE]) as tf.Tensor2D; // prettier-ignore
  return { re: draw(0), im: draw(1) };
}

describe.each(backendsUnderTest())('speckleImage on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('is the intensity itself without an aperture, but for the corners of the spectrum', () => {
    // Frequencies that are whole turns of a pixel grid: with |f| <= 1/2 a plane wave passes, and one in the corner does not.
    const wave = (k: number): Field => {
      const phase = (i: number, j: number): number => (2 * Math.PI * k * (i + j)) / 16;
      const grid = (f: (x: number) => number): tf.Tensor2D =>
        tf.tensor2d(Array.from({ length: 16 }, (_, i) => Array.from({ length: 16 }, (_, j) => f(phase(i, j)))));
      return { re: grid(Math.cos), im: grid(Math.sin) };
    };
    // 195 of 256 frequencies (k, l) have k^2 + l^2 <= 8^2, with k and l in -7 .. 8.
    const kept = 195 / 256;
    expect(speckleImage(wave(5), { grain: 1 })).toBeAllclose(tf.fill([16, 16], 1 / kept), { rtol: 1e-5 });
    expect(speckleImage(wave(6), { grain: 1 })).toBeAllclose(tf.zeros([16, 16]), { atol: 1e-5 });
  });

  it('has fully developed speckle: contrast 1, mean intensity kept, grains of the given size', () => {
    const grain = 4;
    const intensity = speckleImage(whiteField(1), { grain });
    const values = intensity.dataSync<'float32'>();
    const n = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / n;
    const covariance = (shift: number): number => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const column = i % SIDE;
        const other = i - column + ((column + shift) % SIDE);
        sum += (values[i]! - mean) * (values[other]! - mean);
      }
      return sum / n / mean ** 2;
    };
    // The aperture passes pi / 4 / grain^2 of the frequencies: that many independent complex numbers, about 804. Mean over
    // them of an exponential law: deviation 1 / sqrt(804) = 0.035, of the square sqrt(8 / 804) = 0.1; four deviations.
    expect(Math.abs(mean / 2 - 1)).toBeLessThan(0.14);
    expect(Math.abs(covariance(0) - 1)).toBeLessThan(0.4);
    // (2 J_1(u) / u)^2 with u = pi r / grain: 0.5 at r = 2 (u = 1.571: J_1 = 0.5669, 0.521), below 0.02 from r = 5 on.
    expect(Math.abs(covariance(2) / covariance(0) - 0.521)).toBeLessThan(0.14);
    expect(Math.abs(covariance(5) / covariance(0))).toBeLessThan(0.14);
  });

  it('leaks nothing', () => {
    const field = whiteField(2);
    expect(() => speckleImage(field)).toLeakNothing();
  });
});

describe('speckleImage', () => {
  it.each<[Field, object, new (...args: never[]) => Error, string]>([
    [{ re: tf.ones([2]), im: tf.ones([2]) } as never, {}, check.ShapeError, 're must have shape [*, *], got a float32 tensor of shape [2].'], // prettier-ignore
    [{ re: tf.ones([2, 2]), im: tf.ones([2, 3]) }, {}, check.ShapeError, 'im must have shape [2, 2], got a float32 tensor of shape [2, 3].'], // prettier-ignore
    [{ re: tf.ones([2, 2]), im: tf.ones([2, 2]) }, { grain: 0.5 }, RangeError, 'grain must be a finite number >= 1, got 0.5.'], // prettier-ignore
  ])('refuses %#', (field, options, error, message) => {
    const act = () => speckleImage(field, options);
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.speckleImage: ${message}`);
  });
});
