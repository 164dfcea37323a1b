import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { einsumByMatMul } from '../src/backend/kernels/einsum';
import { registerTrainingKernels } from '../src/backend/training-kernels';
import { finiteDifferences } from '../src/testing/finite-differences';
import { values } from './values';

// float32 sums of up to 100 products of numbers below 1, in another order than the oracle's.
const FLOAT32_SUMS = { rtol: 1e-5, atol: 2e-5 };
// Central differences with step 1e-2 of float32 functions below 30 in size.
const FLOAT32_DIFFERENCES = { rtol: 5e-3, atol: 5e-3 };

beforeAll(async () => {
  await tf.setBackend('wasm');
  await tf.ready();
  registerTrainingKernels();
});

/** All index tuples of a shape. */
function indices(shape: number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, length) => all.flatMap((index) => Array.from({ length }, (_, i) => [...index, i])),
    [[]],
  );
}

/** einsum from its definition, in float64: the sum over all values of all labels. */
function bruteForceEinsum(equation: string, operands: tf.Tensor[]): { data: Float64Array; shape: number[] } {
  const [inputs, output] = equation.split('->') as [string, string];
  const terms = inputs.split(',');
  const lengths = new Map(
    terms.flatMap((term, i) => [...term].map((label, axis) => [label, operands[i]!.shape[axis]!])),
  );
  const labels = [...lengths.keys()];
  const offset = (term: string, index: number[]) =>
    [...term].reduce((sum, label) => sum * lengths.get(label)! + index[labels.indexOf(label)]!, 0);
  const shape = [...output].map((label) => lengths.get(label)!);
  const data = new Float64Array(tf.util.sizeFromShape(shape));
  const sources = operands.map((operand) => operand.dataSync());
  for (const index of indices([...lengths.values()])) {
    data[offset(output, index)]! += terms.reduce((p, term, i) => p * sources[i]![offset(term, index)]!, 1);
  }
  return { data, shape };
}

const LENGTHS: Record<string, number> = { b: 2, c: 3, h: 2, i: 3, j: 4, k: 5, l: 1, z: 0 };

const EQUATIONS = [
  'ij->ji',
  'ij->ij',
  'ij->j',
  'bij->',
  'ij,jk->ik',
  'ij,kj->ik',
  'ji,jk->ik',
  'ij,jk->ki',
  'bij,bjk->bik',
  'bhid,bhjd->bhij'.replaceAll('d', 'k'),
  'bjhk,bihk->bhij',
  'i,i->',
  'i,i->i',
  'bi,bi->b',
  'i,j->ij',
  ',ij->ij',
  'ij,kb->bikj',
  'il,lj->ij',
  'ijk,jic->ck',
  // Labels that are summed within one operand.
  'i,j->i',
  'ij,jk->',
  'ij,j->j',
  'bij,bk->bk',
  // An empty contraction.
  'iz,zj->ij',
];

const operandsOf = (equation: string) =>
  equation.split('->')[0]!.split(',').map((term, i) => values([...term].map((label) => LENGTHS[label]!), i + 1)); // prettier-ignore

describe('tf.einsum on wasm', () => {
  beforeEach(() => tf.setBackend('wasm'));

  it.each(EQUATIONS)('%s equals the sum over all indices', (equation) => {
    const operands = operandsOf(equation);
    expect(tf.einsum(equation, ...operands)).toBeAllclose(bruteForceEinsum(equation, operands), FLOAT32_SUMS);
  });

  it('is exact for int32, beyond the integers of float32', () => {
    const a = tf.tensor2d([[2 ** 24 + 1, 1], [3, 4]], [2, 2], 'int32'); // prettier-ignore
    const b = tf.tensor2d([[1, 0], [2, 1]], [2, 2], 'int32'); // prettier-ignore
    const product = tf.einsum('ij,jk->ik', a, b);
    expect([product.dtype, ...product.dataSync()]).toEqual(['int32', 2 ** 24 + 3, 1, 11, 4]);
  });

  it('takes the wider of two dtypes', () => {
    const product = tf.einsum('i,i->', tf.tensor1d([1, 2], 'int32'), tf.tensor1d([1.5, 2]));
    expect([product.dtype, ...product.dataSync()]).toEqual(['float32', 5.5]);
    const counts = tf.einsum('i,i->', tf.tensor1d([1, 1], 'bool'), tf.tensor1d([1, 1], 'bool'));
    expect([counts.dtype, ...counts.dataSync()]).toEqual(['int32', 2]);
  });

  it('uses the blank-free equation, as tfjs does', () => {
    expect(tf.einsum(' i j , j -> i ', tf.ones([2, 3]), tf.ones([3]))).toBeAllclose([3, 3]);
  });

  it('leaves nothing behind and no alias of its operand', () => {
    const [a, b] = [values([2, 40, 40]), values([2, 40, 40], 2)];
    expect(() => tf.einsum('bij,bjk->bki', a, b)).toLeakNothing();
    expect(() => tf.einsum('bij->bij', a)).toLeakNothing();
    const before = a.dataSync();
    tf.einsum('bij->bij', a).dispose();
    expect(a).toBeAllclose({ data: before, shape: [2, 40, 40] });
  });

  it('refuses operands and equations that do not fit', () => {
    const x = values([2, 3]);
    expect(() => tf.einsum('ijk->i', x)).toThrow(
      "tensor-core.einsum: operand 0 must have the axes 'ijk', got a float32 tensor of shape [2, 3].",
    );
    expect(() => tf.einsum('ij->ii', x)).toThrow(
      'tensor-core.einsum: the output term must name each axis once, got "ii".',
    );
    expect(() => tf.einsum('ij,ij->', x, values([2, 4]))).toThrow(/Expected dimension 3/);
    expect(() => tf.einsum('ii->i', values([2, 2]))).toThrow(/duplicate axes/);
    expect(() => tf.einsum('ij', x)).toThrow(/without an arrow/);
  });
});

describe.each(['cpu', 'wasm'])('the gradient of tf.einsum on %s', (backend) => {
  beforeEach(() => tf.setBackend(backend));

  // The cpu backend's forward pass is wrong where a label is summed within one of two operands, and
  // gives back its very input where there is nothing to do, which then gets its gradient twice.
  const wrongOnCpu = ['ij->ij', 'i,j->i', 'ij,jk->', 'ij,j->j', 'bij,bk->bk'];
  const equations = EQUATIONS.filter((equation) => !equation.includes('z'));
  it.each(equations.filter((equation) => backend !== 'cpu' || !wrongOnCpu.includes(equation)))(
    '%s agrees with finite differences in each operand',
    (equation) => {
      const operands = operandsOf(equation);
      const weights = values(bruteForceEinsum(equation, operands).shape, 9);
      const loss = (...xs: tf.Tensor[]) => tf.einsum(equation, ...xs).mul(weights).sum<tf.Scalar>(); // prettier-ignore
      const gradients = tf.grads(loss)(operands);
      operands.forEach((operand, i) => {
        const f = (p: Float64Array) =>
          tf.tidy(() => {
            const moved = tf.tensor(Float32Array.from(p), operand.shape);
            return loss(...operands.map((x, j) => (i === j ? moved : x))).dataSync()[0]!;
          });
        const numeric = finiteDifferences(f, operand.dataSync(), 1e-2);
        expect(gradients[i]).toBeAllclose({ data: numeric, shape: operand.shape }, FLOAT32_DIFFERENCES);
      });
    },
  );

  it('can be differentiated again: the gradient of |d/da sum (ab)^2|^2', () => {
    const [a, b] = [values([3, 4]), values([4, 2], 2)];
    const first = tf.grad((x) => tf.einsum('ij,jk->ik', x, b).square().sum());
    const norm = (x: tf.Tensor) => first(x).square().sum<tf.Scalar>();
    const f = (p: Float64Array) => norm(tf.tensor(Float32Array.from(p), [3, 4])).dataSync()[0]!;
    const numeric = finiteDifferences(f, a.dataSync(), 1e-2);
    expect(tf.grad(norm)(a)).toBeAllclose({ data: numeric, shape: [3, 4] }, { rtol: 2e-2, atol: 2e-2 });
  });

  it('leaves nothing behind', () => {
    const operands = operandsOf('bij,bjk->bik');
    const gradients = tf.grads((a, b) => tf.einsum('bij,bjk->bik', a, b).square().sum());
    expect(() => gradients(operands)).toLeakNothing();
  });
});

describe('einsumByMatMul', () => {
  it('is right on the cpu backend too, where tf.einsum drops labels', async () => {
    await tf.setBackend('cpu');
    const operands = operandsOf('ij,jk->');
    expect(einsumByMatMul('ij,jk->', operands)).toBeAllclose(bruteForceEinsum('ij,jk->', operands), FLOAT32_SUMS);
    await tf.setBackend('wasm');
  });
});

describe('tf.matMul on wasm', () => {
  beforeEach(() => tf.setBackend('wasm'));

  // Sizes above and below the threshold for the packed product.
  const shapes: [batchA: number[], batchB: number[]][] = [
    [[], []],
    [[3], [3]],
    [[3], [1]],
    [[1], [3]],
    [[2, 3], [2, 3]], // prettier-ignore
    [[2, 1], [1, 3]], // prettier-ignore
    [[2, 3], [1, 1]], // prettier-ignore
    [[2, 3], [3]], // prettier-ignore
  ];
  const cases = shapes.flatMap(([batchA, batchB]) =>
    [4, 24].flatMap((size) =>
      [false, true].flatMap((transposeA) =>
        [false, true].map((transposeB) => ({ batchA, batchB, size, transposeA, transposeB })),
      ),
    ),
  );

  it.each(cases)(
    'equals the sums of products: batches $batchA and $batchB, size $size, transposed $transposeA $transposeB',
    ({ batchA, batchB, size, transposeA, transposeB }) => {
      const [m, k, n] = [size, size + 1, size + 2];
      const a = values([...batchA, ...(transposeA ? [k, m] : [m, k])]);
      const b = values([...batchB, ...(transposeB ? [n, k] : [k, n])], 2);
      const outer = tf.broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
      const [x, y] = [a.dataSync(), b.dataSync()];
      const matrixOf = (dims: number[], index: number[]) => {
        const own = index.slice(index.length - dims.length);
        return dims.reduce((sum, length, axis) => sum * length + (length === 1 ? 0 : own[axis]!), 0);
      };
      const expected = indices(outer).flatMap((index) => {
        const [p, q] = [matrixOf(batchA, index) * m * k, matrixOf(batchB, index) * k * n];
        return indices([m, n]).map(([i, j]) => {
          let sum = 0;
          for (let l = 0; l < k; l++) {
            sum += x[p + (transposeA ? l * m + i! : i! * k + l)]! * y[q + (transposeB ? j! * k + l : l * n + j!)]!;
          }
          return sum;
        });
      });
      const product = tf.matMul(a, b, transposeA, transposeB);
      expect(product).toBeAllclose({ data: expected, shape: [...outer, m, n] }, FLOAT32_SUMS);
    },
  );

  it('leaves nothing behind', () => {
    const [a, b] = [values([3, 24, 30]), values([3, 24, 30], 2)];
    expect(() => tf.matMul(a, b, true, false)).toLeakNothing();
    expect(() => tf.matMul(a, b, false, true)).toLeakNothing();
  });
});
