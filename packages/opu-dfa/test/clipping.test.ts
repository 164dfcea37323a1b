// M examples, N inputs, K units
import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { jit, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, finiteDifferences, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { clipBand, clipElements, clipL2, clipSmooth, scaleTo } from '../src/clipping/clip';
import { ghostClipFactors, ghostSquaredNorms } from '../src/clipping/ghost-clipping';

/** A few roundings of float32. */
const VALUE = { rtol: 1e-6, atol: 1e-7 };
/** Central differences in float32 with steps of 1e-2: their rounding is 1e-7 / 1e-2, their truncation 1e-4. */
const GRADIENT = { rtol: 0, atol: 2e-3 };
const ROUNDING = 1 + 1e-6;

const golden = loadGolden(new URL('golden/clipping.safetensors', import.meta.url));
const [c, lo] = [Number(golden.metadata['c']), Number(golden.metadata['lo'])];

type Clip = (v: tf.Tensor2D) => tf.Tensor2D;
const CLIPS: [string, Clip][] = [
  ['l2clip', (v) => clipL2(v, c)],
  ['scaleTo', (v) => scaleTo(v, c)],
  ['elementClip', (v) => clipElements(v, c)],
  ['band', (v) => clipBand(v, lo, c)],
  ['tanhSquash', (v) => clipSmooth(v, c)],
];

const draw = (seed: number, shape: [number, number]): tf.Tensor2D =>
  random.normal(random.key(seed), shape) as tf.Tensor2D;
const goldenRows = (): tf.Tensor2D => tf.tensor2d(Float32Array.from(golden.get('v').data), [8, 6]);

describe.each(backendsUnderTest())('clipping on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(CLIPS)('%s is that of the reference, compiled too', (name, clip) => {
    const expected = golden.get(name);
    expect(clip(goldenRows())).toBeAllclose(expected, VALUE);
    expect(jit(clip)(goldenRows())).toBeAllclose(expected, VALUE);
  });

  it('l2clip leaves what is inside as it is, to the last bit', () => {
    const v_MN = draw(0, [50, 6]);
    const norms = v_MN.norm('euclidean', 1).arraySync() as number[];
    const rows = v_MN.arraySync();
    const clipped = clipL2(v_MN, 2.2).arraySync();
    const after = clipL2(v_MN, 2.2).norm('euclidean', 1).arraySync() as number[];
    expect(norms.filter((norm) => norm < 2.2).length).toBeGreaterThan(10);
    expect(norms.filter((norm) => norm > 2.2).length).toBeGreaterThan(10);
    rows.forEach((row, i) => {
      if (norms[i]! < 2.2) expect(clipped[i]).toEqual(row);
      else expect(after[i]).toBeAllclose(2.2, { rtol: 1e-6, atol: 0 });
    });
  });

  it.each(CLIPS)('%s of an example that is not finite is not finite', (name, clip) => {
    const wholeRow = name === 'l2clip' || name === 'scaleTo';
    for (const broken of [NaN, Infinity, -Infinity]) {
      const values = clip(tf.tensor2d([1, broken, 0, 1, 2, 0], [2, 3])).arraySync();
      expect(values[0]!.map(Number.isNaN)).toEqual(wholeRow ? [true, true, true] : [false, true, false]);
      expect(values[1]!.every(Number.isFinite)).toBe(true);
    }
  });

  it('rows may be huge or tiny: a norm above float32 is none inside the ball', () => {
    const long = tf.tensor2d([3e20, 4e20, 0, 0, 3e-25, 4e-25], [3, 2]);
    expect(clipL2(long, 2)).toBeAllclose(
      [
        [NaN, NaN],
        [0, 0],
        [3e-25, 4e-25],
      ],
      { rtol: 1e-6, atol: 0 },
    );
    const scaled = [
      [1.2, 1.6],
      [0, 0],
      [1.2, 1.6],
    ];
    expect(scaleTo(long, 2)).toBeAllclose(scaled, { rtol: 1e-6, atol: 0 });
    expect(clipBand(tf.tensor1d([1e-25, -1e-25, 0]), 0.5, 1).arraySync()).toEqual([0.5, -0.5, 0]);
  });

  it.each(CLIPS)('%s has its gradient, and a finite one at rows of zeros', (_, clip) => {
    // Norms far from tau and entries far from the bounds: there is no derivative at those.
    const rows = [0.1, -0.7, 0.8, 0.5, -0.4, 0.6, 2, -2.5, 0.05];
    const slope = tf.tensor2d([0.3, -1, 0.7, 1.1, 0.2, -0.5, 0.9, 0.4, -0.8], [3, 3]);
    const value = (v_MN: tf.Tensor2D): tf.Scalar => clip(v_MN).mul(slope).sum<tf.Scalar>();
    const numeric = finiteDifferences((x) => value(tf.tensor2d(Array.from(x), [3, 3])).dataSync()[0]!, rows, 1e-2);
    const gradient = tf.grad((v) => value(v as tf.Tensor2D))(tf.tensor2d(rows, [3, 3]));
    expect(gradient.dataSync()).toBeAllclose(numeric, GRADIENT);
    const atZero = tf.grad((v) => value(v as tf.Tensor2D))(tf.zeros([3, 3]));
    expect(atZero.dataSync().every(Number.isFinite)).toBe(true);
  });

  describe('ghost clipping', () => {
    const C = 1.5;
    const [M, widths] = [7, [5, 4, 3]];
    /** Inputs and deltas of two layers, some examples inside, an all but dead one among them. */
    const layers = (): { h: tf.Tensor2D; delta: tf.Tensor2D }[] =>
      [0, 1].map((layer) => {
        const size_M1 = tf.tensor2d([0.1, 2, 0.3, 1, 0.02, 1, 1e-8], [M, 1]);
        const delta = draw(10 + layer, [M, widths[layer + 1]!]).mul<tf.Tensor2D>(size_M1);
        return { h: draw(20 + layer, [M, widths[layer]!]), delta };
      });
    const factorsOf = (all: { h: tf.Tensor2D; delta: tf.Tensor2D }[], bias: boolean): tf.Tensor1D =>
      ghostClipFactors(
        all.map(({ h, delta }) => ghostSquaredNorms(h, delta, { bias })),
        C,
      );

    /** The gradient of each example as a list of numbers, clipped; float64. */
    const explicit = (bias: boolean): Float64Array[] => {
      const host = layers().map(({ h, delta }) => ({ h: h.arraySync(), delta: delta.arraySync() }));
      return Array.from({ length: M }, (_, i) => {
        const entries = host.flatMap(({ h, delta }) =>
          [...h[i]!, ...(bias ? [1] : [])].flatMap((input) => delta[i]!.map((derivative) => input * derivative)),
        );
        const factor = Math.min(1, C / Math.hypot(...entries));
        return Float64Array.from(entries, (entry) => entry * factor);
      });
    };

    /** The sum over examples, by a product a layer. */
    const clippedSum = (bias: boolean, without?: number): number[] => {
      const all = layers().map(({ h, delta }) => {
        const kept = tf.tensor1d(
          Array.from({ length: M }, (_, i) => i).filter((i) => i !== without),
          'int32',
        );
        return { h: h.gather(kept), delta: delta.gather(kept) };
      });
      const factor_M1 = factorsOf(all, bias).expandDims<tf.Tensor2D>(1);
      return all.flatMap(({ h, delta }) => {
        const inputs = bias ? tf.concat2d([h, tf.ones([h.shape[0], 1])], 1) : h;
        return Array.from(tf.matMul(inputs, delta.mul<tf.Tensor2D>(factor_M1), true).dataSync());
      });
    };

    it.each([true, false])('sums the clipped gradients of the examples, bias: %s', (bias) => {
      const examples = explicit(bias);
      const inside = examples.filter((example) => Math.hypot(...example) < C * (1 - 1e-6)).length;
      expect([inside > 0, inside < M]).toEqual([true, true]);
      const expected = examples[0]!.map((_, entry) => examples.reduce((sum, example) => sum + example[entry]!, 0));
      expect(clippedSum(bias)).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-6 });
    });

    it('moves by at most C when an example is left out', () => {
      const all = clippedSum(true);
      const moved = Array.from({ length: M }, (_, i) => {
        const rest = clippedSum(true, i);
        return Math.hypot(...all.map((entry, at) => entry - rest[at]!));
      });
      expect(Math.max(...moved)).toBeLessThanOrEqual(C * ROUNDING);
      expect(Math.max(...moved)).toBeGreaterThan(C * 0.999);
    });

    it('has a bias unless it is told otherwise, and factors of 1 exactly inside', () => {
      const [{ h, delta }] = layers() as [{ h: tf.Tensor2D; delta: tf.Tensor2D }];
      const withBias = ghostSquaredNorms(h, delta, { bias: true }).arraySync();
      expect(ghostSquaredNorms(h, delta).arraySync()).toEqual(withBias);
      const norms = tf.tensor1d([0, 1e-30, 1, 2.2499, 9]);
      expect(Array.from(ghostClipFactors([norms], C).dataSync()).slice(0, 4)).toEqual([1, 1, 1, 1]);
      expect(ghostClipFactors([norms, norms], C).dataSync()[4]).toBeAllclose(C / Math.sqrt(18), VALUE);
    });

    it('gives NaN for an example that is not finite, in whichever layer', () => {
      for (const broken of [NaN, Infinity]) {
        const fine = tf.tensor1d([1, 1, 1]);
        const wrong = tf.tensor1d([1, broken, 1]);
        const factors = (norms: tf.Tensor1D[]): number[] => Array.from(ghostClipFactors(norms, C).dataSync());
        expect(factors([fine, wrong]).map(Number.isNaN)).toEqual([false, true, false]);
        expect(factors([wrong, fine]).map(Number.isNaN)).toEqual([false, true, false]);
      }
    });

    it('is the same in a compiled step', () => {
      const factors = jit((h0: tf.Tensor2D, d0: tf.Tensor2D, h1: tf.Tensor2D, d1: tf.Tensor2D) =>
        ghostClipFactors([ghostSquaredNorms(h0, d0), ghostSquaredNorms(h1, d1)], C),
      );
      const [a, b] = layers();
      expect(factors(a!.h, a!.delta, b!.h, b!.delta)).toBeAllclose(factorsOf(layers(), true), VALUE);
    });
  });

  it('takes batches without examples, as Poisson sampling draws them', () => {
    const none = tf.zeros<tf.Rank.R2>([0, 3]);
    for (const [, clip] of CLIPS) expect(clip(none).shape).toEqual([0, 3]);
    expect(ghostClipFactors([ghostSquaredNorms(none, none)], 1).shape).toEqual([0]);
  });

  it('leaves nothing behind', () => {
    const v_MN = draw(1, [4, 3]);
    for (const [, clip] of CLIPS) expect(() => clip(v_MN)).toLeakNothing();
    expect(() => ghostSquaredNorms(v_MN, v_MN)).toLeakNothing();
    const norms_M = ghostSquaredNorms(v_MN, v_MN);
    expect(() => ghostClipFactors([norms_M, norms_M], 1)).toLeakNothing();
  });
});

describe('bad arguments of clipping', () => {
  const v = tf.ones<tf.Rank.R2>([2, 3]);
  const flat = tf.ones<tf.Rank.R1>([3]);

  it.each<[string, () => unknown, ErrorConstructor | string, string]>([
    ['tau of clipL2', () => clipL2(v, 0), RangeError, 'opu-dfa.clipL2: tau must be a finite number > 0, got 0.'],
    ['tau of scaleTo', () => scaleTo(v, NaN), RangeError, 'opu-dfa.scaleTo: tau must be a finite number > 0, got NaN.'],
    ['c', () => clipElements(v, -1), RangeError, 'opu-dfa.clipElements: c must be a finite number > 0, got -1.'],
    [
      'c of clipSmooth',
      () => clipSmooth(v, 0),
      RangeError,
      'opu-dfa.clipSmooth: c must be a finite number > 0, got 0.',
    ],
    ['lo', () => clipBand(v, -1, 1), RangeError, 'opu-dfa.clipBand: lo must be a finite number >= 0, got -1.'],
    [
      'hi below lo',
      () => clipBand(v, 2, 1),
      RangeError,
      'opu-dfa.clipBand: hi must be a finite number >= 2 and > 0, got 1.',
    ],
    [
      'hi of 0',
      () => clipBand(v, 0, 0),
      RangeError,
      'opu-dfa.clipBand: hi must be a finite number >= 0 and > 0, got 0.',
    ],
    [
      'a vector',
      () => clipL2(flat as never, 1),
      'ShapeError',
      'opu-dfa.clipL2: v must have shape [*, *], got a float32 tensor of shape [3].',
    ],
    [
      'numbers',
      () => scaleTo([[1]] as never, 1),
      TypeError,
      'opu-dfa.scaleTo: v must have shape [*, *], got [an array of 1].',
    ],
    [
      'h',
      () => ghostSquaredNorms(flat as never, v),
      'ShapeError',
      'opu-dfa.ghostSquaredNorms: h must have shape [*, *], got a float32 tensor of shape [3].',
    ],
    [
      'other examples',
      () => ghostSquaredNorms(v, tf.ones([3, 2])),
      'ShapeError',
      'opu-dfa.ghostSquaredNorms: delta must have shape [2, *], got a float32 tensor of shape [3, 2].',
    ],
    [
      'C',
      () => ghostClipFactors([flat], 0),
      RangeError,
      'opu-dfa.ghostClipFactors: C must be a finite number > 0, got 0.',
    ],
    [
      'no layer',
      () => ghostClipFactors([], 1),
      RangeError,
      'opu-dfa.ghostClipFactors: squaredNorms must be those of at least one layer, got [].',
    ],
    [
      'a matrix of norms',
      () => ghostClipFactors([v as never], 1),
      'ShapeError',
      'opu-dfa.ghostClipFactors: squaredNorms[0] must have shape [*], got a float32 tensor of shape [2, 3].',
    ],
    [
      'layers of other batches',
      () => ghostClipFactors([flat, tf.ones([2])], 1),
      'ShapeError',
      'opu-dfa.ghostClipFactors: squaredNorms[1] must have shape [3], got a float32 tensor of shape [2].',
    ],
  ])('%s', (_, make, error, message) => {
    expect(make).toThrow(typeof error === 'string' ? expect.objectContaining({ name: error }) : error);
    expect(make).toThrow(message);
  });
});
