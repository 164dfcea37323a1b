import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import { jit } from '../src/index';
import { expectLowered } from './lowered';
import { expectSame, ROUNDING, run } from './numbers';
import { resultsOf, type Computation } from './parity';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

/** Products and differences of numbers up to 10. */
const CANCELLED = 1e-5;

const wave = (size: number, phase: number): number[] =>
  Array.from({ length: size }, (_, i) => 3 * Math.sin(i * i + phase));

function complex(shape: number[], phase = 0): tf.Tensor {
  const size = tf.util.sizeFromShape(shape);
  return tf.complex(tf.tensor(wave(size, phase), shape), tf.tensor(wave(size, phase + 1), shape));
}

/** Shapes of operands and their common shape. */
const SHAPES: [number[], number[], number[]][] = [
  [[], [], []],
  [[3], [], [3]],
  [[2, 3], [3], [2, 3]],
  [
    [2, 1, 3],
    [4, 1],
    [2, 4, 3],
  ],
  [
    [1, 2, 1, 2, 3],
    [2, 2, 1, 3],
    [1, 2, 2, 2, 3],
  ],
];

/** The cpu backend errs where it has to lengthen a complex shape. */
function expanded(x: tf.Tensor, shape: number[]): tf.Tensor {
  const [re, im] = [tf.real(x), tf.imag(x)].map((part) => tf.broadcastTo(part, shape as [number]));
  return tf.complex(re!, im!);
}

describe('arithmetic of complex numbers', () => {
  it.each(['Add', 'Sub', 'Multiply'])('%s is that of the cpu backend', (kernel) =>
    expectSame(
      () => SHAPES.map(([, , shape]) => run(kernel, { a: complex(shape), b: complex(shape, 5) })),
      ROUNDING,
      CANCELLED,
    ),
  );

  it.each(['Add', 'Sub', 'Multiply', 'RealDiv'])('%s broadcasts', (kernel) => {
    for (const [left, right, shape] of SHAPES) {
      const [result, same] = expectLowered(() =>
        resultsOf(() => {
          const [a, b] = [complex(left, 1), complex(right, 6)];
          return [run(kernel, { a, b }), run(kernel, { a: expanded(a, shape), b: expanded(b, shape) })];
        }),
      );
      expect(result).toEqual(same);
    }
  });

  it('takes a real operand', () => {
    const real = (): tf.Tensor => tf.tensor2d([1, -2, 3, 4, 0, 5], [2, 3]);
    const compute: Computation = () =>
      ['Add', 'Sub', 'Multiply'].flatMap((kernel) => [
        run(kernel, { a: complex([2, 3]), b: real() }),
        run(kernel, { a: real(), b: complex([2, 3]) }),
      ]);
    return expectSame(compute, ROUNDING, CANCELLED);
  });

  it('a quotient times its divisor is the dividend, of any size', () => {
    const sizes = [1, 1e-25, 1e25];
    for (const size of sizes) {
      const [product] = expectLowered(() =>
        resultsOf(() => {
          const divisor = complex([2, 3], 4).mul(tf.scalar(size));
          return run('RealDiv', { a: complex([3]), b: divisor }).mul(divisor);
        }),
      );
      const [dividend] = resultsOf(() => complex([3]).add(complex([2, 3]).mul(tf.scalar(0))));
      expect(product!.values).toBeAllclose(dividend!.values, { rtol: CANCELLED, atol: CANCELLED });
    }
  });

  it('abs neither overflows nor vanishes', () => {
    const parts = [0, -0, 3, -4, 1e-30, 1e-41, 3e38, -1e25, Infinity, -Infinity];
    const re = parts.flatMap((value) => parts.map(() => value));
    const im = parts.flatMap(() => parts);
    return expectSame(() => tf.abs(tf.complex(re, im)), ROUNDING);
  });

  it('abs of NaN is NaN', () => expectSame(() => tf.abs(tf.complex([NaN, 1, NaN], [1, NaN, NaN]))));

  it('neg', () => {
    const [minus] = expectLowered(() => resultsOf(() => tf.neg(tf.complex([1, -2], [3, 0]))));
    expect(minus).toMatchObject({ dtype: 'complex64', shape: [2] });
    expect(minus!.values).toBeAllclose([-1, -3, 2, 0]);
  });
});

describe('moving and adding complex elements', () => {
  it.each<[string, Computation]>([
    ['concat', () => tf.concat([complex([2, 3]), complex([2, 1], 7)], 1)],
    ['stack', () => tf.stack([complex([2, 3]), complex([2, 3], 7)], 1)],
    ['transpose', () => [tf.transpose(complex([2, 3])), tf.transpose(complex([2, 3]), [1, 0], true)]],
    ['reshape', () => complex([2, 3]).reshape([3, 2]).expandDims(0)],
    ['real, imag, clone', () => [tf.real(complex([3])), tf.imag(complex([3])), complex([3]).clone()]],
    ['casts', () => [tf.cast(tf.tensor1d([1, 2], 'int32'), 'complex64'), tf.cast(complex([3]), 'float32')]],
  ])('%s is that of the cpu backend', (_, compute) => expectSame(compute));

  /** What the cpu backend refuses is what it does to each part. */
  it.each<[string, (x: tf.Tensor) => tf.Tensor | tf.Tensor[]]>([
    ['slice', (x) => tf.slice(x, [0, 1], [2, 2])],
    ['stridedSlice', (x) => tf.stridedSlice(x, [0, 2], [2, 0], [1, -1])],
    ['reverse', (x) => tf.reverse(x, 1)],
    ['tile', (x) => tf.tile(x, [2, 1])],
    ['gather', (x) => tf.gather(x, tf.tensor1d([2, 0], 'int32'), 1)],
    ['split', (x) => tf.split(x, [1, 2], 1)],
    ['unstack', (x) => tf.unstack(x)],
    ['sum', (x) => tf.sum(x, 1)],
    ['mean', (x) => tf.mean(x, 0)],
    [
      'select',
      (x) => run('Select', { condition: tf.tensor2d([1, 0, 1, 0, 0, 1], [2, 3], 'bool'), t: x, e: x.reverse(0) }),
    ],
  ])('%s moves both parts', (_, move) => {
    const results = expectLowered(() =>
      resultsOf(() => [move(complex([2, 3]))].flat().flatMap((y) => [y, tf.real(y), tf.imag(y)])),
    );
    const ofParts = resultsOf(() => {
      const [re, im] = [tf.real(complex([2, 3])), tf.imag(complex([2, 3]))].map((part) => [move(part)].flat());
      return re!.flatMap((part, i) => [part, im![i]!]);
    });
    expect(results.filter((_, i) => i % 3 > 0)).toEqual(ofParts);
    expect(results[0]!.dtype).toBe('complex64');
  });

  it('padding is a real number', () => {
    const [padded] = expectLowered(() => resultsOf(() => tf.pad(tf.complex([1, 2], [3, 4]), [[1, 0]], 7)));
    expect(padded!.values).toEqual([7, 0, 1, 3, 2, 4]);
  });

  it('can be compiled', () => {
    const f = jit((x: tf.Tensor) => tf.abs(x.mul(x).add(tf.onesLike(x))));
    for (const phase of [0, 1, 2]) {
      const x = tf.tidy(() => complex([5], phase));
      const [re, im] = tf.tidy(() => [tf.real(x).dataSync(), tf.imag(x).dataSync()]);
      const expected = Array.from(re, (a, i) => Math.hypot(a * a - im[i]! ** 2 + 1, 2 * a * im[i]!));
      expect(tf.tidy(() => f(x).dataSync())).toBeAllclose(expected, { rtol: CANCELLED });
      x.dispose();
    }
  });
});
