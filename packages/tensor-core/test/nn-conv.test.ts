import * as tf from '@tensorflow/tfjs';
import '@tfsci/backend-onnx';
import * as fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { jit, useBackend } from '../src/backend';
import { ShapeError } from '../src/check';
import {
  circularPad2d,
  Conv1d,
  Conv2d,
  conv2d,
  ConvTranspose2d,
  convTranspose2d,
  type Sides,
  type WindowOptions,
} from '../src/nn';
import { key } from '../src/random';
import { backendsUnderTest } from '../src/testing';
import { values } from './values';

// Sums of up to a hundred products of float32 numbers below 1.
const FLOAT32 = { rtol: 1e-5, atol: 1e-5 };

afterEach(() => tf.disposeVariables());

interface Geometry {
  strides: [number, number];
  dilations: [number, number];
  sides: Sides;
  isCircular: boolean;
}

/** The definition, pixel by pixel in float64. */
function convolved(x: tf.Tensor, filter: tf.Tensor, { strides, dilations, sides, isCircular }: Geometry): tf.Tensor {
  const [B, H, W, C] = x.shape as [number, number, number, number];
  const [K, L, , O] = filter.shape as [number, number, number, number];
  const [image, weights] = [x.arraySync() as number[][][][], filter.arraySync() as number[][][][]];
  const count = (length: number, span: number, stride: number): number => Math.floor((length - span) / stride) + 1;
  const R = count(H + sides[0] + sides[1], dilations[0] * (K - 1) + 1, strides[0]);
  const S = count(W + sides[2] + sides[3], dilations[1] * (L - 1) + 1, strides[1]);
  const at = (b: number, h: number, w: number, c: number): number =>
    isCircular ? image[b]![(h + H) % H]![(w + W) % W]![c]! : (image[b]![h]?.[w]?.[c] ?? 0);
  const result = Array.from({ length: B * R * S * O }, (_, i) => {
    const [b, r, s, o] = [Math.floor(i / (R * S * O)), Math.floor(i / (S * O)) % R, Math.floor(i / O) % S, i % O];
    let sum = 0;
    for (let k = 0; k < K; k++) {
      for (let l = 0; l < L; l++) {
        for (let c = 0; c < C; c++) {
          const h = strides[0] * r + dilations[0] * k - sides[0];
          sum += at(b, h, strides[1] * s + dilations[1] * l - sides[2], c) * weights[k]![l]![c]![o]!;
        }
      }
    }
    return sum;
  });
  return tf.tensor(result, [B, R, S, O]);
}

const small = fc.integer({ min: 1, max: 3 });
const pairOf = (numbers: fc.Arbitrary<number>): fc.Arbitrary<[number, number]> => fc.tuple(numbers, numbers);
const sidesOf = (side: fc.Arbitrary<number>): fc.Arbitrary<Sides> => fc.tuple(side, side, side, side);

describe.each(backendsUnderTest())('convolutions on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it('conv2d equals its definition for windows of all kinds', () => {
    const cases = fc.record({
      image: pairOf(fc.integer({ min: 3, max: 7 })),
      filter: pairOf(small),
      stride: pairOf(small),
      dilation: pairOf(fc.integer({ min: 1, max: 2 })),
      padding: sidesOf(fc.integer({ min: 0, max: 2 })),
      paddingMode: fc.constantFrom('zeros' as const, 'circular' as const),
      channels: pairOf(small),
    });
    fc.assert(
      fc.property(cases, ({ image, filter: [K, L], stride, dilation, padding, paddingMode, channels: [C, O] }) => {
        const reach = [padding[0] + padding[1] + image[0], padding[2] + padding[3] + image[1]];
        fc.pre(dilation[0] * (K - 1) < reach[0]! && dilation[1] * (L - 1) < reach[1]!);
        const [x, filter, bias] = [values([2, ...image, C]), values([K, L, C, O], 2), values([O], 3)];
        const y = conv2d(x, filter, bias, { stride, dilation, padding, paddingMode });
        const isCircular = paddingMode === 'circular';
        const expected = convolved(x, filter, { strides: stride, dilations: dilation, sides: padding, isCircular });
        expect(y).toBeAllclose(expected.add(bias), FLOAT32);
        tf.dispose([x, filter, bias, y, expected]);
      }),
      { numRuns: 60, seed: 7 },
    );
  });

  it('convTranspose2d is the transpose of conv2d: <conv(x), y> = <x, convT(y)>', () => {
    const cases = fc.record({
      image: pairOf(fc.integer({ min: 3, max: 7 })),
      filter: pairOf(small),
      stride: pairOf(small),
      padding: sidesOf(fc.integer({ min: 0, max: 1 })),
    });
    fc.assert(
      fc.property(cases, ({ image, filter: [K, L], stride, padding }) => {
        fc.pre(padding.every((side, i) => side < [K, K, L, L][i]!));
        const [x, filter] = [values([1, ...image, 2]), values([K, L, 2, 3], 2)];
        const there = conv2d(x, filter, null, { stride, padding });
        const y = values(there.shape, 4);
        const rest = (i: number, span: number): number =>
          (image[i]! + padding[2 * i]! + padding[2 * i + 1]! - span) % stride[i]!;
        const back = convTranspose2d(y, filter, null, { stride, padding, outputPadding: [rest(0, K), rest(1, L)] });
        expect(back.shape).toEqual(x.shape);
        expect(there.mul(y).sum()).toBeAllclose(back.mul(x).sum(), { rtol: 1e-5, atol: 1e-4 });
        tf.dispose([x, filter, there, y, back]);
      }),
      { numRuns: 40, seed: 8 },
    );
  });

  it('windows side by side, done as one product, equal the kernel of convolutions', () => {
    const [x, filter, bias] = [
      values([2, 7, 9, 3]) as tf.Tensor4D,
      values([2, 3, 3, 4], 2) as tf.Tensor4D,
      values([4], 3),
    ];
    const expected = tf.conv2d(x, filter, [2, 3], 'valid').add(bias);
    expect(conv2d(x, filter, bias, { stride: [2, 3] })).toBeAllclose(expected, FLOAT32);
    const pixels = values([1, 1, 3, 4], 5) as tf.Tensor4D;
    expect(conv2d(x, pixels)).toBeAllclose(tf.conv2d(x, pixels, 1, 'valid'), FLOAT32);
  });

  it('circular padding makes convolutions commute with shifts', () => {
    const conv = new Conv2d(2, 3, 3, { key: key(1), padding: 1, paddingMode: 'circular' });
    const x = values([1, 5, 6, 2]);
    const shifted = (image: tf.Tensor): tf.Tensor => {
      const moved = tf.concat([image.slice([0, 2], [-1, 3]), image.slice([0, 0], [-1, 2])], 1);
      return tf.concat([moved.slice([0, 0, 5], [-1, -1, 1]), moved.slice([0, 0, 0], [-1, -1, 5])], 2);
    };
    expect(conv.forward(shifted(x))).toBeAllclose(shifted(conv.forward(x)), { rtol: 0, atol: 1e-6 });
  });

  it('circularPad2d continues images periodically, in gradients adds what it took from a pixel', () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6], [1, 2, 3, 1]);
    const padded = circularPad2d(x, [1, 2, 3, 0]);
    const row = [4, 5, 6, 4, 5, 6];
    const other = [1, 2, 3, 1, 2, 3];
    expect(padded.reshape([5, 6])).toBeAllclose([row, other, row, other, row], { rtol: 0 });
    const counts = tf.grad((image: tf.Tensor) => circularPad2d(image, [1, 0, 0, 2]).sum())(x);
    expect(counts.reshape([2, 3])).toBeAllclose(
      [
        [2, 2, 1],
        [4, 4, 2],
      ],
      { rtol: 0 },
    );
    expect(circularPad2d(x, [0, 0, 0, 0])).toBeAllclose(x, { rtol: 0 });
  });

  it('a filter that is computed has gradients, compiled too', () => {
    const [x, labels] = [values([1, 4, 4, 2]), tf.tensor1d([2, 0], 'int32')];
    const bank = tf.variable(values([4, 4, 3, 2], 2));
    const step = jit((image: tf.Tensor) => {
      const loss = (): tf.Scalar => {
        const filter = bank.gather(labels, 2);
        return convTranspose2d(image, filter, null, { stride: 4 }).square().sum().asScalar();
      };
      return tf.variableGrads(loss, [bank]).grads[bank.name]!;
    });
    const parts = step(x).split(3, 2);
    expect(parts[1]!).toBeAllclose(tf.zerosLike(parts[1]!));
    const outputs = convTranspose2d(x, bank.gather(labels, 2), null, { stride: 4 }).mul(2);
    const [first] = outputs.split(2, 3);
    const expected = conv2d(first!, tf.ones([1, 1, 1, 1]))
      .reshape([4, 4, 4, 4])
      .transpose([0, 2, 1, 3]);
    const slope = tf.einsum('hwkl,hwc->klc', expected, x.reshape([4, 4, 2]));
    expect(parts[2]!.reshape([4, 4, 2])).toBeAllclose(slope, FLOAT32);
  });

  it('second derivatives of convolutions exist', () => {
    const [x, filter] = [values([1, 4, 4, 1]), values([3, 3, 1, 1], 2)];
    // f(x) = sum conv(x)^2 / 2 has the gradient A'A x, whose derivative along v is A'A v.
    const f = (image: tf.Tensor): tf.Scalar =>
      conv2d(image, filter, tf.zeros([1]), { padding: 1 })
        .square()
        .sum()
        .div(2)
        .asScalar();
    const v = values([1, 4, 4, 1], 3);
    const curvature = tf.grad((image: tf.Tensor) => tf.grad(f)(image).mul(v).sum())(x);
    expect(curvature).toBeAllclose(tf.grad(f)(v), FLOAT32);
  });
});

describe('convolutions refuse', () => {
  beforeAll(() => useBackend('cpu'));
  const conv = (options: WindowOptions, kernel: number | [number, number] = 3): Conv2d =>
    new Conv2d(2, 3, kernel, { key: null, ...options });
  const up = (options: object): ConvTranspose2d => new ConvTranspose2d(2, 3, 3, { key: null, ...options });

  it.each<[() => unknown, string]>([
    [() => new Conv2d(0, 1, 1, { key: null }), 'tensor-core.Conv2d: inChannels must be an integer >= 1, got 0.'],
    [() => new Conv2d(1, 0, 1, { key: null }), 'tensor-core.Conv2d: outChannels must be an integer >= 1, got 0.'],
    [() => conv({}, 0), 'tensor-core.Conv2d: kernel must be an integer >= 1, got 0.'],
    [() => conv({}, [1, 1.5]), 'tensor-core.Conv2d: kernel must be an integer >= 1, got 1.5.'],
    [() => conv({ stride: 0 }), 'tensor-core.Conv2d: stride must be an integer >= 1, got 0.'],
    [() => conv({ dilation: [1, 0] }), 'tensor-core.Conv2d: dilation must be an integer >= 1, got 0.'],
    [() => conv({ padding: -1 }), 'tensor-core.Conv2d: padding must be an integer >= 0, got -1.'],
    [() => conv({ padding: [0, 0, 0, 0.5] }), 'tensor-core.Conv2d: padding must be an integer >= 0, got 0.5.'],
    [
      () => conv({ padding: 'same', stride: 2 }),
      "tensor-core.Conv2d: stride must be 1 where padding is 'same', got 2. Give the padding as a number.",
    ],
    [
      () => conv({ paddingMode: 'reflect' as never }),
      'tensor-core.Conv2d: paddingMode must be one of "zeros", "circular", got "reflect".',
    ],
    [() => new Conv1d(0, 1, 1, { key: null }), 'tensor-core.Conv1d: inChannels must be an integer >= 1, got 0.'],
    [() => new Conv1d(1, 1, 0, { key: null }), 'tensor-core.Conv1d: kernel must be an integer >= 1, got 0.'],
    [
      () => new Conv1d(1, 1, 2, { key: null, padding: -1 }),
      'tensor-core.Conv1d: padding must be an integer >= 0, got -1.',
    ],
    [
      () => new Conv1d(1, 1, 2, { key: null, padding: 'same', stride: 2 }),
      "tensor-core.Conv1d: stride must be 1 where padding is 'same', got [1, 2].",
    ],
    [
      () => up({ outputPadding: 1 }),
      'tensor-core.ConvTranspose2d: outputPadding must be an integer >= 0 and < 1, got 1.',
    ],
    [
      () => up({ stride: 2, outputPadding: [1, 2] }),
      'tensor-core.ConvTranspose2d: outputPadding must be an integer >= 0 and < 2, got 2.',
    ],
    [() => up({ padding: -1 }), 'tensor-core.ConvTranspose2d: padding must be an integer >= 0, got -1.'],
    [
      () => new ConvTranspose2d(1.5, 1, 1, { key: null }),
      'tensor-core.ConvTranspose2d: inChannels must be an integer >= 1, got 1.5.',
    ],
  ])('broken options: %s', (make, message) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });

  it.each<[() => unknown, string]>([
    [
      () => conv({}).forward(values([2, 5, 5, 3])),
      'tensor-core.Conv2d.forward: x must have the shape [B, H, W, 2], got',
    ],
    [() => conv({}).forward(values([5, 5, 2])), 'tensor-core.Conv2d.forward: x must have the shape [B, H, W, 2], got'],
    [
      () => conv({}).forward(values([1, 2, 5, 2])),
      'tensor-core.Conv2d.forward: x must be as large as a window of 3 x 3 pixels with its padding, got a float32 tensor ' +
        'of shape [1, 2, 5, 2].',
    ],
    [() => conv({ dilation: 3 }).forward(values([1, 5, 7, 2])), 'x must be as large as a window'],
    [
      () => conv2d(values([1, 3, 3, 2]), values([3, 3, 2])),
      'tensor-core.conv2d: filter must have the shape [K, L, C, O], got',
    ],
    [
      () => conv2d(values([1, 3, 3, 2]), values([3, 3, 1, 2])),
      'tensor-core.conv2d: x must have the shape [B, H, W, 1], got',
    ],
    [
      () => circularPad2d(values([3, 3, 1]), [1, 1, 1, 1]),
      'tensor-core.circularPad2d: x must have the shape [B, H, W, C], got',
    ],
    [
      () => circularPad2d(values([1, 3, 2, 1]), [0, 0, 0, 3]),
      'tensor-core.circularPad2d: x must be at least as large as the sides [0, 0, 0, 3], got',
    ],
    [
      () => circularPad2d(values([1, 2, 3, 1]), [3, 0, 0, 0]),
      'must be at least as large as the sides [3, 0, 0, 0], got',
    ],
    [
      () => new Conv1d(2, 1, 3, { key: null }).forward(values([2, 5, 1])),
      'tensor-core.Conv1d.forward: x must have the shape [B, T, 2], got',
    ],
    [
      () => new Conv1d(2, 1, 3, { key: null }).forward(values([5, 2])),
      'tensor-core.Conv1d.forward: x must have the shape [B, T, 2], got',
    ],
    [
      () => new Conv1d(2, 1, 3, { key: null }).forward(values([1, 2, 2])),
      'tensor-core.Conv1d.forward: x must be as large as a window of 1 x 3 pixels with its padding, got',
    ],
    [
      () => up({}).forward(values([1, 3, 3, 3])),
      'tensor-core.ConvTranspose2d.forward: x must have the shape [B, H, W, 2], got',
    ],
    [
      () => up({}).forward(values([3, 3, 2])),
      'tensor-core.ConvTranspose2d.forward: x must have the shape [B, H, W, 2], got',
    ],
    [
      () => up({ padding: 2 }).forward(values([1, 2, 5, 2])),
      'tensor-core.ConvTranspose2d.forward: x must be large enough for a result larger than the padding, got',
    ],
    [
      () => convTranspose2d(values([1, 3, 3, 2]), values([3, 3, 2])),
      'tensor-core.convTranspose2d: filter must have the shape [K, L, O, C], got',
    ],
  ])('shapes: %s', (make, message) => {
    expect(make).toThrow(ShapeError);
    expect(make).toThrow(message);
  });
});
