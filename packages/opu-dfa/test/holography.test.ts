import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import { check, random, useBackend } from '@tfsci/tensor-core';
import { backendsUnderTest, loadGolden } from '@tfsci/tensor-core/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { fieldFromFrames, linearFromAnchor, linearFromFrames, phaseShiftedFrames } from '../src/optics/holography';
import { TransmissionMatrix, type Field } from '../src/optics/transmission-matrix';

const { ShapeError } = check;
const golden = loadGolden(new URL('golden/opu.safetensors', import.meta.url));
const AMPLITUDE = Number(golden.metadata['referenceAmplitude']);

/** float32 squares of numbers up to (A + 4)^2 = 64, divided by 4 A = 16. */
const EXACT = { rtol: 0, atol: 64 * 2 ** -22 };
/** float32 against float64, relative to the largest entry of 1. */
const PARITY = { rtol: 1e-5, atol: 1e-5 };

const of = <R extends tf.Rank>(name: string): tf.Tensor<R> =>
  tf.tensor(Float32Array.from(golden.get(name).data), golden.get(name).shape as tf.ShapeMap[R]);
const fieldOf = (): Field => ({ re: of('ternaryField_re'), im: of('ternaryField_im') });

describe.each(backendsUnderTest())('holography on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('takes the frames of the reference, and gives the field back', () => {
    const frames = of<tf.Rank.R3>('holographyFrames');
    const { re, im } = fieldFromFrames(frames, { referenceAmplitude: AMPLITUDE });
    expect(re).toBeAllclose(golden.get('holographyRe'), PARITY);
    expect(im).toBeAllclose(golden.get('holographyIm'), PARITY);
    expect(phaseShiftedFrames({ re, im }, AMPLITUDE)).toBeAllclose(golden.get('holographyFrames'), PARITY);
  });

  it('takes frames of 8 bits, and errs by at most 1 / (4 A a)', () => {
    const gain = golden.get('gain').data[0]!;
    const bytes = tf.tensor3d(Array.from(golden.get('holographyFrames8bit').data), [4, 5, 40], 'int32');
    const { re } = fieldFromFrames(bytes, { referenceAmplitude: AMPLITUDE, gain });
    expect(re).toBeAllclose(golden.get('holographyRe8bit'), PARITY);
    // Full pixels are cut off and may err by more: the bound is for the others.
    const exact = golden.get('holographyRe').data;
    const counts = golden.get('holographyFrames8bit').data;
    const errors = re.dataSync().map((value, i) => Math.abs(value - exact[i]!));
    const whole = errors.filter((_, i) => counts[i]! < 255 && counts[2 * 200 + i]! < 255);
    expect(whole.length).toBeGreaterThan(150);
    expect(Math.max(...whole)).toBeLessThan(1 / (4 * AMPLITUDE * gain) + EXACT.atol);
  });

  it('is exact for any amplitude, and for a gain as a tensor', () => {
    const field = fieldOf();
    const frames = phaseShiftedFrames(field, 2).mul<tf.Tensor3D>(3);
    const back = fieldFromFrames(frames, { referenceAmplitude: 2, gain: tf.scalar(3) });
    expect(back.re).toBeAllclose(field.re, EXACT);
    expect(back.im).toBeAllclose(field.im, EXACT);
    const [i0, , i2] = tf.unstack(frames);
    expect(linearFromFrames(i0!, i2!, { referenceAmplitude: 2, gain: 3 })).toBeAllclose(field.re, EXACT);
  });

  it('finds Re(conj(r) y) / |r| with an anchor, and Re y for a real one', () => {
    const y = fieldOf();
    const rRe = random.normal(random.key(1), [1, 40], { mean: 2 }) as tf.Tensor2D;
    const rIm = random.normal(random.key(2), [1, 40]) as tf.Tensor2D;
    const power = ({ re, im }: Field): tf.Tensor2D => re.square().add(im.square()).mul(7);
    const anchored = (r: Field): tf.Tensor2D =>
      linearFromAnchor(power({ re: y.re.add(r.re), im: y.im.add(r.im) }), power(y), power(r), { gain: 7 });
    const size = rRe.square().add(rIm.square()).sqrt();
    const expected = y.re.mul(rRe).add(y.im.mul(rIm)).div(size);
    // The darkest anchor of 40 has |r| > 0.5 here, by which rounding of intensities up to 64 is divided.
    expect(Math.min(...size.dataSync())).toBeGreaterThan(0.5);
    expect(anchored({ re: rRe, im: rIm })).toBeAllclose(expected, { rtol: 0, atol: 64 * 2 ** -21 });
    expect(anchored({ re: tf.fill([1, 40], 4), im: tf.zeros([1, 40]) })).toBeAllclose(y.re, EXACT);
  });

  it('works with an anchor through the medium, of the same law as Re y', () => {
    const matrix = new TransmissionMatrix({ inputs: 40, outputs: 4000, key: random.key(5) });
    const frame = (from: number, to: number): tf.Tensor2D =>
      tf.tensor2d([Array.from({ length: 40 }, (_, i) => (i >= from && i < to ? 1 : 0))]);
    const [x, anchor, both] = [frame(0, 20), frame(20, 40), frame(0, 40)].map((f) => {
      const { re, im } = matrix.field(f);
      return re.square().add<tf.Tensor2D>(im.square());
    }) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
    const projected = linearFromAnchor(both, x, anchor).dataSync<'float32'>();
    // N(0, k / C) with k = 20 of C = 40: five standard deviations of a mean of z^2 over 4000.
    const variance = projected.reduce((sum, value) => sum + value ** 2, 0) / 4000;
    expect(Math.abs(variance / 0.5 - 1)).toBeLessThan(5 * Math.sqrt(2 / 4000));
    matrix.dispose();
  });

  it('leaks nothing', () => {
    const field = fieldOf();
    const frames = phaseShiftedFrames(field, 2);
    const gain = tf.scalar(2);
    expect(() => phaseShiftedFrames(field, 2)).toLeakNothing();
    expect(() => fieldFromFrames(frames, { referenceAmplitude: 2, gain })).toLeakNothing();
    expect(() => linearFromFrames(field.re, field.im, { referenceAmplitude: 2, gain })).toLeakNothing();
    expect(() => linearFromAnchor(field.re, field.im, field.re)).toLeakNothing();
  });
});

describe('wrong frames', () => {
  const frame = tf.ones<tf.Rank.R2>([2, 3]);
  const frames = tf.ones<tf.Rank.R3>([4, 2, 3]);

  it.each<[string, () => unknown, new (...args: never[]) => Error, string]>([
    ['amplitude 0', () => phaseShiftedFrames({ re: frame, im: frame }, 0), RangeError, 'phaseShiftedFrames: referenceAmplitude must be a finite number > 0, got 0.'], // prettier-ignore
    ['three frames', () => fieldFromFrames(tf.ones([3, 2, 3]), { referenceAmplitude: 1 }), ShapeError, 'fieldFromFrames: frames must have shape [4, *, *], got a float32 tensor of shape [3, 2, 3]. Take one frame for each quarter turn of the reference.'], // prettier-ignore
    ['a negative amplitude', () => fieldFromFrames(frames, { referenceAmplitude: -1 }), RangeError, 'fieldFromFrames: referenceAmplitude must be a finite number > 0, got -1.'], // prettier-ignore
    ['gain 0', () => fieldFromFrames(frames, { referenceAmplitude: 1, gain: 0 }), RangeError, 'fieldFromFrames: gain must be a finite number > 0, got 0.'], // prettier-ignore
    ['a gain in words', () => fieldFromFrames(frames, { referenceAmplitude: 1, gain: 'high' as never }), TypeError, 'fieldFromFrames: gain must be a number or a scalar, got "high".'], // prettier-ignore
    ['different frames', () => linearFromFrames<tf.Tensor>(frame, frames, { referenceAmplitude: 1 }), ShapeError, 'linearFromFrames: opposite must have shape [2, 3], got a float32 tensor of shape [4, 2, 3].'], // prettier-ignore
    ['different shots', () => linearFromAnchor(frame, tf.ones([3, 2]), frame), ShapeError, 'linearFromAnchor: alone must have shape [2, 3], got a float32 tensor of shape [3, 2].'], // prettier-ignore
    ['gain -1', () => linearFromAnchor(frame, frame, frame, { gain: -1 }), RangeError, 'linearFromAnchor: gain must be a finite number > 0, got -1.'], // prettier-ignore
  ])('are refused: %s', (_, act, error, message) => {
    expect(act).toThrow(error);
    expect(act).toThrow(`opu-dfa.${message}`);
  });
});
