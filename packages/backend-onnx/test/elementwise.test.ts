import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxBackend } from '../src/backend';
import { jit } from '../src/index';
import { BOOLEANS, expectSame, FACTORS, FINITE, FLOATS, INTEGERS, ROUNDING, run } from './numbers';
import type { Computation } from './parity';

beforeAll(async () => {
  await tf.setBackend('onnx');
});

type DType = 'float32' | 'int32' | 'bool';
type Values = Partial<Record<DType, number[]>>;

const everywhere: Values = { float32: FLOATS, int32: INTEGERS, bool: BOOLEANS };
const factors: Values = { ...everywhere, int32: FACTORS };
/** Their quotients are not rounded to the whole number above. */
const moderate = FLOATS.filter((value) => !(Math.abs(value) < 1e-3 && value !== 0) && !(Math.abs(value) === 3e38));
const logical: Values = { bool: BOOLEANS };

/** The values of which all pairs are tried, and the relative error; 0 where none is said. */
const BINARY: Record<string, [Values, number?]> = {
  Add: [{ float32: FLOATS, int32: INTEGERS }],
  Sub: [{ float32: FLOATS, int32: INTEGERS }],
  Multiply: [factors],
  RealDiv: [{ float32: FLOATS }],
  FloorDiv: [{ float32: moderate, int32: INTEGERS }],
  // With an infinite divisor of the other sign cpu's is NaN.
  Mod: [{ float32: moderate.filter((value) => Math.abs(value) !== Infinity), int32: INTEGERS }, ROUNDING],
  Maximum: [everywhere],
  Minimum: [everywhere],
  // 1 to the power of NaN or an infinity is 1, as C has it, and NaN in JavaScript.
  Pow: [{ float32: FINITE, int32: [-3, -2, -1, 0, 1, 2, 5, 12] }, ROUNDING],
  SquaredDifference: [factors],
  Atan2: [{ float32: FLOATS }, ROUNDING],
  BitwiseAnd: [{ int32: INTEGERS }],
  Equal: [everywhere],
  NotEqual: [everywhere],
  Less: [everywhere],
  LessEqual: [everywhere],
  Greater: [everywhere],
  GreaterEqual: [everywhere],
  LogicalAnd: [logical],
  LogicalOr: [logical],
  Prelu: [{ float32: FLOATS, int32: FACTORS }],
  EluGrad: [{ float32: [NaN, 0, -1, -0.5, 1e-7, 3, 1e30] }],
};
const NAMES: Record<string, [string, string]> = { Prelu: ['x', 'alpha'], EluGrad: ['dy', 'y'] };
const SHAPES: [number[], number[]][] = [
  [[], []],
  [[4], []],
  [[], [2, 3]],
  [
    [2, 3],
    [4, 1, 1],
  ],
  [
    [2, 1, 3],
    [4, 1],
  ],
  [
    [1, 2, 1, 2, 3],
    [2, 2, 1, 3],
  ],
];

const cases = Object.entries(BINARY).flatMap(([kernel, [values, rtol]]) =>
  Object.entries(values).map(([dtype, list]) => ({ kernel, dtype: dtype as DType, list, rtol })),
);

describe.each(cases)('$kernel of $dtype', ({ kernel, dtype, list, rtol }) => {
  const [left, right] = NAMES[kernel] ?? ['a', 'b'];
  const of = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => run(kernel, { [left]: a, [right]: b });

  it('is that of the cpu backend for all pairs of awkward numbers', async () => {
    const firsts = list.flatMap((value) => list.map(() => value));
    const seconds = list.flatMap(() => list);
    await expectSame(() => of(tf.tensor1d(firsts, dtype), tf.tensor1d(seconds, dtype)), rtol);
  });

  // The gradient of Elu is only asked for equal shapes.
  if (kernel === 'EluGrad') return;
  it('broadcasts', async () => {
    const cycled = (shape: number[], first: number): tf.Tensor => {
      const size = tf.util.sizeFromShape(shape);
      const values = Array.from({ length: size }, (_, i) => list[(i + first) % list.length]!);
      return tf.tensor(values, shape, dtype);
    };
    await expectSame(() => SHAPES.map(([a, b]) => of(cycled(a, 0), cycled(b, 3))), rtol);
  });
});

const bools = (...values: number[]): tf.Tensor1D => tf.tensor1d(values, 'bool');
const ints = (...values: number[]): tf.Tensor1D => tf.tensor1d(values, 'int32');

describe('lists and choices', () => {
  it.each<[string, Computation]>([
    ['AddN of floats', () => tf.addN([tf.tensor1d(FLOATS), tf.tensor1d(FLOATS).reverse(), tf.ones([FLOATS.length])])],
    ['AddN of integers', () => tf.addN([ints(...INTEGERS), ints(...INTEGERS)])],
    ['AddN of one', () => tf.addN([tf.tensor2d([[1, 2]])])],
    ['where', () => tf.where(bools(1, 0, 1), tf.tensor1d([NaN, 2, 3]), tf.tensor1d([-1, -2, NaN]))],
    ['where of truth values', () => tf.where(bools(1, 0, 1, 0), bools(1, 1, 0, 0), bools(0, 0, 1, 1))],
    ['where that broadcasts', () => tf.where<tf.Tensor>(bools(1, 0, 1), tf.tensor2d([[1], [2]]), tf.scalar(7))],
    ['where of two types', () => tf.where(bools(1, 0), ints(1, 2), tf.tensor1d([0.5, 0.5]))],
  ])('%s', (_, compute) => expectSame(compute));

  it('a vector chooses rows', () => {
    const [t, e] = [
      [1, 2],
      [3, 4],
    ].map((row) => tf.tensor2d([row, row]));
    const rows = tf.tidy(() => run('Select', { condition: bools(0, 1), t, e }).arraySync());
    expect(rows).toEqual([
      [3, 4],
      [1, 2],
    ]);
    tf.dispose([t!, e!]);
  });
});

describe('an expansion', () => {
  it('comes after the operations on what it expands', () => {
    tf.tidy(() => {
      const gradient = tf
        .onesLike(tf.zeros([64, 64]))
        .mul(tf.scalar(3))
        .div(tf.scalar(4))
        .neg();
      const { node } = (tf.backend() as OnnxBackend).operand(gradient);
      expect(node!.op).toBe('Expand');
      expect(node!.inputs[0]!.size).toBe(1);
      expect(gradient.dataSync()).toEqual(new Float32Array(64 * 64).fill(-0.75));
    });
  });

  it('is what a product with ones is', () => {
    tf.tidy(() => {
      const product = tf.tensor2d([[2], [3]]).mul(tf.onesLike(tf.zeros([2, 2])));
      expect((tf.backend() as OnnxBackend).operand(product).node!.op).toBe('Expand');
      expect([...product.dataSync()]).toEqual([2, 2, 3, 3]);
    });
  });
});

describe('gradients', () => {
  const x = [-3, -1.2, -0.4, 0.3, 0.8, 1.7, 8];
  const anywhere = 'abs atan asinh cos cosh elu erf exp expm1 leakyRelu neg reciprocal relu relu6 selu sigmoid sin sinh'
    .concat(' softplus square step tan tanh floor ceil round sign')
    .split(' ');
  const numbersOf: Record<string, number[]> = {
    ...Object.fromEntries(anywhere.map((name) => [name, x])),
    ...Object.fromEntries(['acos', 'asin', 'atanh', 'log1p'].map((name) => [name, x.map((value) => value / 10)])),
    ...Object.fromEntries(['acosh', 'log', 'rsqrt', 'sqrt'].map((name) => [name, x.map((value) => 4.5 + value)])),
  };
  const expectSameGradient = (f: (t: tf.Tensor) => tf.Tensor, points = x): Promise<void> =>
    // Of a few operations one after another; that of tanh is the difference 1 - y^2.
    expectSame(() => tf.grad(f)(tf.tensor1d(points), tf.linspace(-2, 3, points.length)), 4 * ROUNDING, ROUNDING);

  it.each(Object.entries(numbersOf))('of %s are those of the cpu backend', (name, points) =>
    expectSameGradient((t) => (tf as unknown as Record<string, (t: tf.Tensor) => tf.Tensor>)[name]!(t), points),
  );

  it.each<[string, (t: tf.Tensor) => tf.Tensor]>([
    ['clipByValue', (t) => tf.clipByValue(t, -1, 1)],
    ['pow', (t) => tf.pow(t, 3)],
    ['mod', (t) => tf.mod(t, tf.linspace(2, 3, 7))],
    ['atan2', (t) => tf.atan2(t, tf.linspace(-2, 3, 7))],
    ['maximum', (t) => tf.maximum(t, tf.linspace(0.5, 0.6, 7))],
    ['squaredDifference', (t) => tf.squaredDifference(t, t.square())],
    ['div', (t) => tf.div(t, t.add(10))],
    ['prelu', (t) => tf.prelu(t, tf.linspace(0.1, 0.6, 7))],
  ])('of %s are those of the cpu backend', (_, f) => expectSameGradient(f));

  it('can be compiled', () => {
    const gradient = jit((t: tf.Tensor) => tf.grad((u: tf.Tensor) => tf.mean(tf.softplus(tf.relu(u).mul(1))))(t));
    const t = tf.tensor1d(x);
    const expected = x.map((value) => (value > 0 ? 1 / (1 + Math.exp(-value)) / x.length : 0));
    for (let i = 0; i < 3; i++) {
      expect(tf.tidy(() => gradient(t).dataSync())).toBeAllclose(expected, { rtol: ROUNDING });
    }
    t.dispose();
  });
});
