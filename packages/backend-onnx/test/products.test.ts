import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import '../src/index';
import { expectLowered } from './lowered';
import { resultsOf } from './parity';
import { sameAsCpu } from './same-as-cpu';

/** Sums of up to a hundred products in float32. */
const ROUNDING = 2e-6;
/** Logarithms and exponentials in a chain. */
const CHAINED = 2e-5;

const ACTIVATIONS = ['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const;
const FLAGS = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

/** Numbers without a pattern, of size 2. */
function numbers(shape: readonly number[], seed = 1, dtype: 'float32' | 'int32' = 'float32'): tf.Tensor {
  const scale = dtype === 'int32' ? 40000 : 2;
  const size = tf.util.sizeFromShape([...shape]);
  const values = Array.from({ length: size }, (_, i) => scale * Math.sin((i + 1) * (seed + 0.7)));
  return tf.tensor(dtype === 'int32' ? values.map(Math.trunc) : values, [...shape], dtype);
}

const placesIn = (lengths: readonly number[]): number[][] =>
  lengths.reduce<number[][]>(
    (places, length) => places.flatMap((place) => Array.from({ length }, (_, i) => [...place, i])),
    [[]],
  );
const indexOf = (place: readonly number[], shape: readonly number[]): number =>
  shape.reduce((index, length, axis) => index * length + (length === 1 ? 0 : place[axis]!), 0);

/** Einsum by its definition: a sum over all values of all labels. */
function einsumByHand(equation: string, ...tensors: tf.Tensor[]): number[] {
  const [inputs, output] = equation.split('->') as [string, string];
  const terms = inputs.split(',');
  const labels = [...new Set([...output, ...terms.join('')])];
  const lengths = labels.map((label) => {
    const term = terms.findIndex((candidate) => candidate.includes(label));
    return tensors[term]!.shape[terms[term]!.indexOf(label)]!;
  });
  const values = tensors.map((tensor) => tensor.dataSync());
  const sums = new Map<string, number>();
  for (const place of placesIn(lengths)) {
    const at = (term: string): number[] => [...term].map((label) => place[labels.indexOf(label)]!);
    const factors = terms.map((term, i) => values[i]![indexOf(at(term), tensors[i]!.shape)]!);
    const key = at(output).join();
    sums.set(key, (sums.get(key) ?? 0) + factors.reduce((product, factor) => product * factor, 1));
  }
  return [...sums.values()];
}

beforeAll(async () => {
  await tf.setBackend('onnx');
});

describe('matMul', () => {
  const batches = [
    [[], []],
    [[1], [1]],
    [[3], []],
    [[], [3]],
    [[3], [1]],
    [[1], [3]],
    [[3], [3]],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 1],
      [1, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 3],
      [1, 1],
    ],
    [
      [2, 1, 2],
      [3, 1],
    ],
  ] as const;

  it.each(batches)('of batches %o and %o is the product of each pair of matrices', (batchA, batchB) => {
    for (const dtype of ['float32', 'int32'] as const) {
      for (const [transposeA, transposeB] of FLAGS) {
        tf.tidy(() => {
          const a = numbers([...batchA, ...(transposeA ? [4, 5] : [5, 4])], 1, dtype);
          const b = numbers([...batchB, ...(transposeB ? [6, 4] : [4, 6])], 2, dtype);
          const product = expectLowered(() => tf.matMul(a, b, transposeA, transposeB));
          const batch = tf.broadcast_util.assertAndGetBroadcastShape([...batchA], [...batchB]);
          expect([product.dtype, product.shape]).toEqual([dtype, [...batch, 5, 6]]);
          // The cpu backend is wrong where both batches are repeated.
          const term = (size: number, last: string): string => 'xyz'.slice(3 - size) + last;
          const padded = (x: tf.Tensor): tf.Tensor => x.reshape([...new Array<number>(5 - x.rank).fill(1), ...x.shape]);
          const whole = [padded(a), padded(b)].map((x) =>
            x.broadcastTo([...padded(product).shape.slice(0, 3), ...x.shape.slice(3)]),
          );
          const equation = `${term(3, transposeA ? 'ki' : 'ik')},${term(3, transposeB ? 'jk' : 'kj')}->xyzij`;
          const expected = einsumByHand(equation, ...whole);
          if (dtype === 'int32') expect(Array.from(product.dataSync())).toEqual(expected.map((value) => value | 0));
          else expect(product.dataSync()).toBeAllclose(expected, { atol: 16 * ROUNDING, rtol: 0 });
        });
      }
    }
  });

  it.each([[1], [17], [100]])('of vectors and matrices of length %i is that of the cpu backend', (length) =>
    sameAsCpu(
      () => [
        tf.dot(numbers([length]), numbers([length], 2)),
        tf.matMul(numbers([1, length]), numbers([length, 3])),
        tf.matMul(numbers([length, 1]), numbers([1, length])),
      ],
      10 * ROUNDING,
    ),
  );

  it('takes NaN and infinities along', () =>
    sameAsCpu(() => {
      const a = tf.tensor2d([NaN, 1, Infinity, 1, 0, 1], [3, 2]);
      return [tf.matMul(a, tf.ones([2, 2])), tf.matMul(a, a, true), tf.matMul(a, a, false, true)];
    }));

  it.each(FLAGS)('has the gradients of the cpu backend, transposed %o %o', (transposeA, transposeB) =>
    sameAsCpu(() => {
      const a = numbers(transposeA ? [2, 4, 3] : [2, 3, 4]);
      const b = numbers(transposeB ? [2, 5, 4] : [2, 4, 5], 2);
      return tf.grads((x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y, transposeA, transposeB).square())([a, b]);
    }, 10 * ROUNDING),
  );

  it('refuses matrices that do not fit', () => sameAsCpu(() => tf.matMul(numbers([2, 3]), numbers([2, 3]))));
});

describe('fused.matMul', () => {
  it.each(ACTIVATIONS)('with bias and %s is that of the cpu backend', (activation) =>
    sameAsCpu(() => {
      const preluActivationWeights = numbers([6], 3);
      const biases = [
        undefined,
        numbers([6], 4),
        numbers([1, 6], 4),
        numbers([5, 6], 4),
        tf.scalar(1),
        numbers([5, 1]),
      ];
      return biases.flatMap((bias) =>
        FLAGS.map(([transposeA, transposeB]) => {
          const a = numbers(transposeA ? [4, 5] : [5, 4]);
          const b = numbers(transposeB ? [6, 4] : [4, 6], 2);
          const options = { a, b, transposeA, transposeB, activation, preluActivationWeights };
          return tf.fused.matMul(bias ? { ...options, bias } : options);
        }),
      );
    }, CHAINED),
  );

  it('of batches is that of the cpu backend', () =>
    sameAsCpu(() => {
      const bias = numbers([6], 4);
      return [
        [3, 5, 4],
        [1, 5, 4],
      ].flatMap((shape) =>
        [
          [3, 4, 6],
          [1, 4, 6],
        ].map((other) => tf.fused.matMul({ a: numbers(shape), b: numbers(other, 2), bias, activation: 'relu' })),
      );
    }, ROUNDING));

  it.each(['linear', 'relu', 'relu6'] as const)('with %s has the gradients of the cpu backend', (activation) =>
    sameAsCpu(
      () =>
        tf.grads((a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor) => tf.fused.matMul({ a, b, bias, activation }))([
          numbers([5, 4]),
          numbers([4, 6], 2),
          numbers([6], 3),
        ]),
      ROUNDING,
    ),
  );
});

describe('einsum', () => {
  it.each([
    ['ij,jk->ik', [3, 4], [4, 5]],
    ['ij,jk->ki', [3, 4], [4, 5]],
    ['ij,jk->k', [3, 4], [4, 5]],
    ['ij,kl->jl', [3, 4], [2, 5]],
    ['bij,bjk->bik', [2, 3, 4], [2, 4, 5]],
    ['bij,bkj->bki', [2, 3, 4], [2, 5, 4]],
    ['aecd,abcd->acbe', [2, 3, 4, 5], [2, 6, 4, 5]],
    ['acbe,aecd->abcd', [2, 4, 6, 3], [2, 3, 4, 5]],
    ['abc,cde->abde', [2, 3, 4], [4, 2, 3]],
    ['abde,cde->abc', [2, 3, 2, 3], [4, 2, 3]],
    ['i,j->ij', [3], [4]],
    ['i,i->', [7], [7]],
    ['ij,ij->', [3, 4], [3, 4]],
    ['ij,ij->i', [3, 4], [3, 4]],
    ['ij,i->ji', [3, 4], [3]],
    ['ijk,->k', [2, 3, 4], []],
    ['ijk->kij', [2, 3, 4]],
    ['ijk->j', [2, 3, 4]],
    ['ij->', [3, 4]],
  ] as [string, ...number[][]][])('%s is the sum over all labels', (equation, ...shapes) => {
    const tensors = shapes.map((shape, i) => numbers(shape, i + 1));
    const [result] = expectLowered(() => resultsOf(() => tf.einsum(equation, ...tensors)));
    const output = equation.split('->')[1]!;
    const terms = equation.split('->')[0]!.split(',');
    const lengths = [...output].map((label) => {
      const term = terms.findIndex((candidate) => candidate.includes(label));
      return shapes[term]![terms[term]!.indexOf(label)];
    });
    expect([result!.dtype, result!.shape]).toEqual(['float32', lengths]);
    expect(result!.values).toBeAllclose(einsumByHand(equation, ...tensors), { atol: 48 * ROUNDING, rtol: 0 });
    tf.dispose(tensors);
  });

  it('of integers is that of the cpu backend', () =>
    sameAsCpu(() => tf.einsum('ij,jk->ki', numbers([3, 4], 1, 'int32'), numbers([4, 5], 2, 'int32'))));

  it.each([['ij->ji->ij'], ['ij,jk'], ['ii->i'], ['ij,jk,kl->il'], ['ij,jk->iz'], ['ij,kj->ik']])(
    'refuses %s',
    (equation) => sameAsCpu(() => tf.einsum(equation, numbers([3, 4]), numbers([4, 5]))),
  );
});
