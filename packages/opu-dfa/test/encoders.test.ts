import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeBitPlanes, encodeBitPlanes, encodeSigned } from '../src/optics/bit-planes';
import { encodeFloatBits } from '../src/optics/float-bits';
import { featureMedians, multiThresholdCode, ternarySplit, thermometerCode, thresholdCode } from '../src/optics/threshold-codes'; // prettier-ignore

const { ShapeError } = check;
type ErrorClass = new (...args: never[]) => Error;

const golden = loadGolden(new URL('golden/opu.safetensors', import.meta.url));
const EXACT = { rtol: 0, atol: 0 };
/** Sums of 24 products of integers below 256 with numbers near 0.2, in float32. */
const PRODUCT = { rtol: 1e-5, atol: 1e-3 };

const of = (name: string): tf.Tensor2D =>
  tf.tensor2d(Float32Array.from(golden.get(name).data), golden.get(name).shape as [number, number]);

describe.each(backendsUnderTest())('encoders on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('have the bit planes of the reference', () => {
    const bytes = tf.tensor2d(Array.from(golden.get('x8bit').data), [3, 24], 'int32');
    expect(encodeBitPlanes(bytes)).toBeAllclose(golden.get('bitplanes'), EXACT);
    expect(encodeBitPlanes(of('x8bit'))).toBeAllclose(golden.get('bitplanes'), EXACT);
  });

  it('give the linear transform of integers, and the sum of intensities of the reference', () => {
    const planes = encodeBitPlanes(of('x8bit'));
    const [re, im] = [tf.matMul(planes, of('Rre')), tf.matMul(planes, of('Rim'))];
    expect(decodeBitPlanes(re as tf.Tensor2D)).toBeAllclose(golden.get('bitplaneLinear'), PRODUCT);
    const intensity = re.square().add<tf.Tensor2D>(im.square());
    const expected = golden.get('bitplaneIntensityDecoded_decay0.5');
    expect(decodeBitPlanes(intensity, { decay: 0.5 })).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-5 });
  });

  it('give integers back from their planes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 65535 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 16 }),
        fc.integer({ min: 0, max: 8 }),
        (values, bits, startingBit) =>
          tf.tidy(() => {
            const planes = encodeBitPlanes(tf.tensor2d([values, values]), { bits, startingBit });
            const kept = values.map((value) => (value >> startingBit) % 2 ** bits);
            expect(planes.shape).toEqual([2 * bits, values.length]);
            expect(decodeBitPlanes(planes, { bits })).toBeAllclose([kept, kept], EXACT);
          }),
      ),
      { numRuns: 20 },
    );
  });

  it('give real numbers back to half a step, and any linear transform of them', () => {
    const x = random.normal(random.key(1), [4, 9]) as tf.Tensor2D;
    const largest = Math.max(...x.abs().dataSync());
    for (const bits of [3, 8]) {
      const { plus, minus, step } = encodeSigned(x, { bits });
      expect(step).toBeAllclose(largest / (2 ** bits - 1));
      expect(tf.max(plus.mul(minus)).dataSync()[0]).toBe(0);
      const back = decodeBitPlanes(plus, { bits }).sub(decodeBitPlanes(minus, { bits })).mul(step);
      const error = Math.max(...back.sub(x).abs().dataSync());
      expect(error).toBeLessThanOrEqual((largest / (2 ** bits - 1) / 2) * 1.0001);
      expect(error).toBeGreaterThan(largest / (2 ** bits - 1) / 4);
    }
    const dark = encodeSigned(tf.zeros([2, 3]));
    expect([dark.plus, dark.minus].map((part) => part.sum().dataSync()[0])).toEqual([0, 0]);
    expect(dark.step.dataSync()[0]).toBe(0);
  });

  it('compare with thresholds, strictly', () => {
    const x = tf.tensor2d([[-1, 0, 2], [3, 1, 2]]); // prettier-ignore
    expect(thresholdCode(x)).toBeAllclose([[0, 0, 1], [1, 1, 1]], EXACT); // prettier-ignore
    expect(thresholdCode(x, 2)).toBeAllclose([[0, 0, 0], [1, 0, 0]], EXACT); // prettier-ignore
    expect(thresholdCode(x, tf.tensor1d([-2, 0, 1.5]))).toBeAllclose([[1, 0, 1], [1, 1, 1]], EXACT); // prettier-ignore
    expect(multiThresholdCode(x, [0, 1.5])).toBeAllclose([[0, 0, 1, 0, 0, 1], [1, 1, 1, 1, 0, 1]], EXACT); // prettier-ignore
    const each = tf.tensor2d([[-2, 0, 1], [2, 0.5, 3]]); // prettier-ignore
    expect(multiThresholdCode(x, each)).toBeAllclose([[1, 0, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0]], EXACT); // prettier-ignore
  });

  it('take medians of features', () => {
    const odd = tf.tensor2d([[5, -1], [1, 7], [3, 7]]); // prettier-ignore
    expect(featureMedians(odd)).toBeAllclose([3, 7], EXACT);
    expect(featureMedians(tf.concat([odd, tf.tensor2d([[100, -3]])], 0))).toBeAllclose([4, 3], EXACT);
    expect(featureMedians(tf.tensor2d([[2, 5]]))).toBeAllclose([2, 5], EXACT);
  });

  it('light as many mirrors as the level, the most significant bit first', () => {
    expect(thermometerCode(tf.tensor2d([[5]]), { levels: 8 })).toBeAllclose([[1, 1, 1, 1, 0, 0, 1]], EXACT);
    const levels = Array.from({ length: 16 }, (_, level) => [level, 15 - level]);
    const code = thermometerCode(tf.tensor2d(levels)).reshape([16, 2, 15]);
    expect(code.sum(2)).toBeAllclose(levels, EXACT);
    expect(thermometerCode(tf.tensor2d([[-3, 2.6, 99]]), { levels: 4 })).toBeAllclose([[0, 0, 0, 1, 1, 1, 1, 1, 1]], EXACT); // prettier-ignore
  });

  it('split ternary numbers', () => {
    const { plus, minus } = ternarySplit(tf.tensor1d([-1, 0, 1, -1]));
    expect(plus).toBeAllclose([0, 0, 1, 0], EXACT);
    expect(minus).toBeAllclose([1, 0, 0, 1], EXACT);
  });

  it('let NaN and Infinity be seen', () => {
    const broken = tf.tensor2d([[NaN, Infinity]]);
    const { plus, minus } = ternarySplit(broken);
    for (const code of [thresholdCode(broken), multiThresholdCode(broken, [0]), plus, minus]) {
      expect(Array.from(code.dataSync())).toEqual([NaN, NaN]);
    }
    expect(encodeSigned(tf.tensor2d([[NaN]])).plus.dataSync()[0]).toBeNaN();
  });

  it('leak nothing', () => {
    const x = tf.ones<tf.Rank.R2>([3, 4]);
    expect(() => encodeBitPlanes(x)).toLeakNothing();
    expect(() => decodeBitPlanes(x, { bits: 3 })).toLeakNothing();
    expect(() => encodeSigned(x)).toLeakNothing();
    expect(() => thresholdCode(x)).toLeakNothing();
    expect(() => featureMedians(x)).toLeakNothing();
    expect(() => multiThresholdCode(x, [1, 2])).toLeakNothing();
    expect(() => thermometerCode(x)).toLeakNothing();
    expect(() => ternarySplit(x)).toLeakNothing();
  });
});

describe('encodeFloatBits', () => {
  const x = Float32Array.of(1, -2.5, 0.15625, -0);

  it('writes sign, exponent and mantissa, the most significant first, a row for each bit', () => {
    const planes = encodeFloatBits(x, 2);
    expect(planes.length).toBe(4 * 32);
    const word = (sample: number, feature: number): string =>
      Array.from({ length: 32 }, (_, b) => planes[(sample * 32 + b) * 2 + feature]).join('');
    const bits = (value: number): string => new Uint32Array(Float32Array.of(value).buffer)[0]!.toString(2).padStart(32, '0'); // prettier-ignore
    expect([word(0, 0), word(0, 1), word(1, 0), word(1, 1)]).toEqual(Array.from(x, bits));
  });

  it('keeps the most significant bits of each part', () => {
    // 0.15625 = 1.01b 2^-3: exponent 124 = 01111100b, mantissa 0100...b; -2.5 = -1.01b 2^1: 128 = 10000000b.
    const one = (value: number, options: object): number[] => Array.from(encodeFloatBits(Float32Array.of(value), 1, options)); // prettier-ignore
    expect(one(0.15625, { exponentBits: 4, mantissaBits: 2 })).toEqual([0, 0, 1, 1, 1, 0, 1]);
    expect(one(-2.5, { exponentBits: 4, mantissaBits: 2 })).toEqual([1, 1, 0, 0, 0, 0, 1]);
    expect(one(-2.5, { signBit: false, exponentBits: 1, mantissaBits: 0 })).toEqual([1]);
  });

  it.each<[unknown, number, object, ErrorClass, string]>([
    [[1], 1, {}, TypeError, 'x must be a Float32Array, got [1].'],
    [x, 0, {}, RangeError, 'features must be an integer >= 1, got 0.'],
    [x, 3, {}, ShapeError, 'x must have rows of 3 numbers, got Float32Array(4).'],
    [x, 2, { exponentBits: 9 }, RangeError, 'exponentBits must be an integer >= 0 and <= 8, got 9.'],
    [x, 2, { mantissaBits: 24 }, RangeError, 'mantissaBits must be an integer >= 0 and <= 23, got 24.'],
    [x, 2, { signBit: false, exponentBits: 0, mantissaBits: 0 }, RangeError, 'the number of bits must be a finite number >= 1, got 0.'], // prettier-ignore
  ])('refuses %o, %o, %o', (values, features, options, error, message) => {
    const act = () => encodeFloatBits(values as never, features, options);
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.encodeFloatBits: ${message}`);
  });
});

describe('encoders', () => {
  const x = tf.ones<tf.Rank.R2>([3, 4]);
  const line = tf.ones([4]) as never;
  const flat = 'must have shape [*, *], got a float32 tensor of shape [4].';

  it.each<[string, () => unknown, ErrorClass, string]>([
    ['planes of a vector', () => encodeBitPlanes(line), ShapeError, `encodeBitPlanes: x ${flat}`],
    ['no bits', () => encodeBitPlanes(x, { bits: 0 }), RangeError, 'encodeBitPlanes: bits must be an integer >= 1 and <= 16, got 0.'], // prettier-ignore
    ['bits beyond float32', () => encodeBitPlanes(x, { startingBit: 17 }), RangeError, 'encodeBitPlanes: startingBit must be an integer >= 0 and <= 16, got 17.'], // prettier-ignore
    ['a vector', () => decodeBitPlanes(line), ShapeError, `decodeBitPlanes: y ${flat}`],
    ['17 bits', () => decodeBitPlanes(x, { bits: 17 }), RangeError, 'decodeBitPlanes: bits must be an integer >= 1 and <= 16, got 17.'], // prettier-ignore
    ['decay 0', () => decodeBitPlanes(x, { bits: 3, decay: 0 }), RangeError, 'decodeBitPlanes: decay must be a finite number > 0, got 0.'], // prettier-ignore
    ['missing planes', () => decodeBitPlanes(x, { bits: 2 }), ShapeError, 'decodeBitPlanes: y must have a multiple of 2 rows, one for each bit, got a float32 tensor of shape [3, 4].'], // prettier-ignore
    ['signed vectors', () => encodeSigned(line), ShapeError, `encodeSigned: x ${flat}`],
    ['signed bits', () => encodeSigned(x, { bits: 1.5 }), RangeError, 'encodeSigned: bits must be an integer >= 1 and <= 16, got 1.5.'], // prettier-ignore
    ['a vector', () => thresholdCode(line), ShapeError, `thresholdCode: x ${flat}`],
    [
      'threshold NaN',
      () => thresholdCode(x, NaN),
      RangeError,
      'thresholdCode: threshold must be a finite number, got NaN.',
    ],
    ['few thresholds', () => thresholdCode(x, tf.ones([3])), ShapeError, 'thresholdCode: threshold must have shape [4], got a float32 tensor of shape [3]. One for each feature: take featureMedians(x).'], // prettier-ignore
    ['a vector', () => featureMedians(line), ShapeError, `featureMedians: x ${flat}`],
    ['no rows', () => featureMedians(tf.ones([0, 4])), ShapeError, 'featureMedians: x must have rows, got a float32 tensor of shape [0, 4].'], // prettier-ignore
    ['a vector', () => multiThresholdCode(line, [1]), ShapeError, `multiThresholdCode: x ${flat}`],
    ['no thresholds', () => multiThresholdCode(x, []), ShapeError, 'multiThresholdCode: thresholds must have at least one, got [].'], // prettier-ignore
    ['a threshold NaN', () => multiThresholdCode(x, [1, NaN]), RangeError, 'multiThresholdCode: thresholds[1] must be a finite number, got NaN.'], // prettier-ignore
    ['narrow thresholds', () => multiThresholdCode(x, tf.ones([2, 3])), ShapeError, 'multiThresholdCode: thresholds must have shape [*, 4], got a float32 tensor of shape [2, 3].'], // prettier-ignore
    ['a vector', () => thermometerCode(line), ShapeError, `thermometerCode: x ${flat}`],
    ['one level', () => thermometerCode(x, { levels: 1 }), RangeError, 'thermometerCode: levels must be an integer >= 2 and <= 256, got 1.'], // prettier-ignore
    ['12 levels', () => thermometerCode(x, { levels: 12 }), RangeError, 'thermometerCode: levels must be a power of 2, got 12.'], // prettier-ignore
  ])('refuse %s', (_, act, error, message) => {
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.${message}`);
  });
});
