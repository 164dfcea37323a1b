import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { expectLowered } from './lowered';
import { expectSame, FACTORS, FLOATS, INTEGERS, ROUNDING, run, SMALLEST_NORMAL } from './numbers';
import type { Computation } from './parity';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

const EXACT = ['Abs', 'Ceil', 'Floor', 'Neg', 'Relu', 'Relu6', 'Round', 'Sign', 'Square'];
const TESTS = ['IsNan', 'IsInf', 'IsFinite'];
const WITH_ATTRIBUTES = ['LeakyRelu', 'Step', 'ClipByValue'];
const ROUNDED =
  'Acos Acosh Asin Asinh Atan Atanh Cos Cosh Exp Expm1 Log Log1p Reciprocal Rsqrt Sigmoid Sin Sinh Softplus'
    .concat(' Sqrt Tan Tanh')
    .split(' ')
    .concat(WITH_ATTRIBUTES);
const ATTRIBUTES: Record<string, object[]> = {
  LeakyRelu: [{ alpha: 0.2 }, { alpha: 0 }, { alpha: -1.5 }],
  Step: [{ alpha: 0 }, { alpha: 0.1 }, { alpha: -1 }],
  ClipByValue: [
    { clipValueMin: -1.5, clipValueMax: 2.5 },
    { clipValueMin: -Infinity, clipValueMax: 3e38 },
  ],
};

describe('functions of one number', () => {
  // More than a vector register holds: what is left over is computed by other instructions.
  const awkward = [...FLOATS, ...[...FLOATS].reverse()];

  it.each([...EXACT, ...TESTS, ...ROUNDED])('%s of awkward numbers is that of the cpu backend', async (kernel) => {
    const compute: Computation = () =>
      (ATTRIBUTES[kernel] ?? [{}]).map((attributes) => run(kernel, { x: tf.tensor1d(awkward) }, attributes));
    await expectSame(compute, EXACT.includes(kernel) ? 0 : ROUNDING);
  });

  const numbers = fc
    .tuple(fc.double({ min: -37, max: 38, noNaN: true }), fc.constantFrom(1, -1))
    .map(([exponent, sign]) => sign * 10 ** exponent);
  it.each(ROUNDED)('%s of numbers of all sizes is that of the cpu backend', (kernel) =>
    fc.assert(
      fc.asyncProperty(fc.array(numbers, { minLength: 1, maxLength: 300 }), (x) =>
        expectSame(() => run(kernel, { x: tf.tensor1d(x) }, ATTRIBUTES[kernel]?.[0]), ROUNDING),
      ),
      { numRuns: 3, seed: 1 },
    ),
  );

  it.each([...EXACT.filter((kernel) => kernel !== 'Square'), ...TESTS, ...WITH_ATTRIBUTES])(
    '%s of integers is that of the cpu backend',
    async (kernel) => {
      // The cpu backend's Abs and LeakyRelu go through float32.
      const list = ['Abs', 'LeakyRelu'].includes(kernel) ? FACTORS : INTEGERS;
      for (const attributes of ATTRIBUTES[kernel] ?? [{}]) {
        await expectSame(() => run(kernel, { x: tf.tensor1d(list, 'int32') }, attributes));
      }
    },
  );

  it('the square of an integer is the product', () => {
    const x = [3, -4, 46341, 2 ** 31 - 1];
    expect([...tf.square(tf.tensor1d(x, 'int32')).dataSync()]).toEqual(x.map((value) => Math.imul(value, value)));
  });

  it.each(['Abs', 'Ceil', 'Relu', 'Sign', 'Square', 'IsNan', 'IsFinite', 'LogicalNot'])(
    '%s of truth values',
    (kernel) => expectSame(() => run(kernel, { x: tf.tensor1d([0, 1, 1], 'bool') })),
  );

  it('exp of integers and truth values is float32', () =>
    expectSame(() => [
      tf.exp(tf.tensor1d([...INTEGERS, -105, -104, -103, -88, 10, 88, 89, 90], 'int32')),
      tf.exp(tf.tensor1d([0, 1], 'bool')),
    ]));

  it('elu, selu and erf have an absolute error of float32', async () => {
    const x = Array.from({ length: 400 }, (_, i) => (i - 200) / 37 + 1e-6);
    for (const kernel of ['Elu', 'Selu', 'Erf']) {
      // The cpu backend's erf is an approximation with an error of 1.5e-7.
      await expectSame(() => run(kernel, { x: tf.tensor1d([...x, NaN, Infinity, -Infinity, 0]) }), ROUNDING, 3e-7);
    }
  });

  it('subnormal numbers', () => {
    const values = tf.tidy(() => [tf.relu, tf.step].map((f) => [...f(tf.tensor1d([1e-40, -1e-40])).dataSync()]));
    expect(values[0]).toEqual([Math.fround(1e-40), 0]);
    expect(values[1]![0]).toBeGreaterThan(0);
    expect(values[1]![1]).toBe(0);
  });
});

describe('precision: within 1e-6 of float64 where a plain formula cancels or overflows', () => {
  const tiny = [1e-37, 1e-20, 1e-10, 3e-8, 6e-8, 1e-7, 1e-4, 0.01];
  const bothSigns = (...list: number[]): number[] => [...list, ...list.map((value) => -value)];

  it.each<[string, (x: number) => number, number[]]>([
    ['Log1p', Math.log1p, [...bothSigns(...tiny), -0.9999999, -1, 1e30, Infinity, -2]],
    ['Expm1', Math.expm1, [...bothSigns(...tiny, 0.5, 1, 5, 20, 88, Infinity), 89]],
    ['Softplus', (x) => (x > 40 ? x : Math.log1p(Math.exp(x))), bothSigns(0, 1e-10, 1, 10, 20, 50, 80, 1e5)],
    ['Sigmoid', (x) => 1 / (1 + Math.exp(-x)), bothSigns(0, 1e-10, 1, 5, 17, 20, 50, 80, 88, 1e5, Infinity)],
    ['Tanh', Math.tanh, bothSigns(...tiny, 1, 5, 9, 20, Infinity)],
    ['Atanh', Math.atanh, bothSigns(...tiny, 0.999, 0.9999999, 1, 2)],
    ['Asinh', Math.asinh, bothSigns(...tiny, 1, 1e4, 1e10, 3e38, Infinity)],
    ['Acosh', Math.acosh, [1, 1.0000001, 1.00001, 1.1, 1e4, 1e10, 3e38, Infinity, 0.5]],
    ['Sin', Math.sin, bothSigns(...tiny, 3.1415927, 1e5, 1e10)],
    ['Cos', Math.cos, bothSigns(...tiny, 1.5707964, 1e5, 1e10)],
  ])('%s', (kernel, reference, points) => {
    const x = Float32Array.from(points);
    const y = expectLowered(() => tf.tidy(() => run(kernel, { x: tf.tensor1d(x) }).dataSync()));
    expect(y).toBeAllclose(Float32Array.from(x, reference), { rtol: ROUNDING, atol: SMALLEST_NORMAL });
  });
});

describe('creation', () => {
  it('fills', () =>
    expectSame(() => [
      ...[tf.fill([2, 3], 2.5), tf.fill([], -0.5), tf.fill([3], 7, 'int32'), tf.fill([2], 1, 'bool')],
      ...[tf.fill([2, 2], 0), tf.fill([3, 1], 1), tf.fill([0, 2], 3), tf.fill([2], NaN, 'int32')],
    ]));

  it('fills with strings', () => expect(tf.fill([2], 'a', 'string').dataSync()).toEqual(['a', 'a']));

  it('makes zeros and ones like a tensor', () =>
    expectSame(() =>
      [tf.tensor2d([[1, 2]]), tf.tensor1d([1, 2], 'int32'), tf.scalar(1, 'bool'), tf.zeros([0, 3])]
        .flatMap((x) => [tf.zerosLike(x), tf.onesLike(x)])
        .concat(tf.zerosLike(tf.complex([1, 2], [3, 4])), tf.onesLike(tf.complex([1, 2], [3, 4]))),
    ));

  it('makes ranges', () =>
    expectSame(
      () => [
        ...[tf.range(0, 5), tf.range(5, 0), tf.range(-3, 4, 2, 'int32'), tf.range(7, 1, -2), tf.range(1, 1)],
        ...[tf.range(0, 1, 0.25), tf.range(5, 0, 2), tf.range(0, 5, -1), tf.range(5, 0, 1, 'int32')],
        ...[tf.linspace(0, 1, 5), tf.linspace(3, -3, 4), tf.linspace(2, 9, 1)],
      ],
      ROUNDING,
    ));

  it('of steps that float32 rounds, each once', () => {
    const values = tf.range(0, 100, 0.1).dataSync();
    expect(values).toEqual(Float32Array.from(values, (_, i) => i * 0.1));
    const points = tf.linspace(0, 1, 10001).dataSync();
    expect(points).toEqual(Float32Array.from(points, (_, i) => i * 1e-4));
  });
});
