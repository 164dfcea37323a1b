import * as tf from '@tensorflow/tfjs';
import { argumentMessage, ShapeError } from '../../check';
import { wasmKernel } from './wasm-backend';

// Labels fall into four groups: batch labels (B) are in both operands and in the output, contracted
// ones (K) in both operands only, M in the first and the output, N in the second and the output.
// Between permutations of axes, einsum is then one batched product [B, M, K] [B, K, N] -> [B, M, N].

/** A tensor whose axes are named by the letters of `term`. */
interface Labelled {
  tensor: tf.Tensor;
  term: string;
}

/**
 * Einstein summation of one or two tensors as a batched matrix product, differentiable on every backend.
 *
 * @param equation  as in tf.einsum: 'bij,bjk->bik'; an arrow is needed, and no label twice in a term
 * @param operands  float32, int32 or bool; of different dtypes the wider one is the result's
 * @throws ShapeError when an operand's rank is not its term's length; Error (of tfjs) for a wrong equation
 * @remarks Labels summed within one operand only are right here; tfjs 4.22's cpu backend drops an operand
 *          or leaves an axis unsummed then ('ij,jk->', 'i,j->i').
 */
export function einsumByMatMul(equation: string, operands: readonly tf.Tensor[]): tf.Tensor {
  const { labelled, output } = decode(equation, operands);
  return tf.tidy(() => {
    const [a, b] = labelled as [Labelled, Labelled?];
    if (b === undefined) {
      const result = permuted(sumOut(a, output), output);
      return result === a.tensor ? result.clone() : result;
    }
    const dtype = tf.backend_util.upcastType(a.tensor.dtype, b.tensor.dtype);
    const wide = dtype === 'bool' ? 'int32' : dtype;
    const left = sumOut({ term: a.term, tensor: tf.cast(a.tensor, wide) }, output + b.term);
    const right = sumOut({ term: b.term, tensor: tf.cast(b.tensor, wide) }, output + a.term);
    return permuted(product(left, right, output), output);
  });
}

/** The product of two operands none of whose labels is to be summed within it alone. */
function product(left: Labelled, right: Labelled, output: string): Labelled {
  const lengths = new Map([left, right].flatMap((x) => [...x.term].map((label, i) => [label, x.tensor.shape[i]!])));
  const pick = ({ term }: Labelled, keep: (label: string) => boolean) => [...term].filter(keep).join('');
  const size = (labels: string) => [...labels].reduce((count, label) => count * lengths.get(label)!, 1);
  const B = pick(left, (label) => right.term.includes(label) && output.includes(label));
  const K = pick(left, (label) => right.term.includes(label) && !output.includes(label));
  const M = pick(left, (label) => !right.term.includes(label));
  const N = pick(right, (label) => !left.term.includes(label));
  const [b, k, m, n] = [size(B), size(K), size(M), size(N)];
  const values = (): tf.Tensor => {
    const ordered = (x: Labelled, order: string, shape: number[]) => permuted(x, order).reshape(shape);
    if (b * k * m * n === 0) return tf.zeros([b, m, n], left.tensor.dtype);
    if (k === 1) return tf.mul(ordered(left, B + M + K, [b, m, 1]), ordered(right, B + K + N, [b, 1, n]));
    if (m === 1 && n === 1) {
      return tf.sum(tf.mul(ordered(left, B + M + K, [b, k]), ordered(right, B + N + K, [b, k])), 1);
    }
    if (left.tensor.dtype !== 'float32') {
      // The matrix product of the wasm backend takes float32 only.
      return tf.sum(tf.mul(ordered(left, B + M + K, [b, m, k, 1]), ordered(right, B + K + N, [b, 1, k, n])), 2);
    }
    // An operand that already lies as the transposed matrix is taken as it lies.
    const [transposeA, transposeB] = [left.term === B + K + M, right.term === B + N + K];
    const x = transposeA ? left.tensor.reshape([b, k, m]) : ordered(left, B + M + K, [b, m, k]);
    const y = transposeB ? right.tensor.reshape([b, n, k]) : ordered(right, B + K + N, [b, k, n]);
    return tf.matMul(x, y, transposeA, transposeB);
  };
  const term = B + M + N;
  return { term, tensor: values().reshape([...term].map((label) => lengths.get(label)!)) };
}

/** Sums the axes whose labels are not in `wanted`. */
function sumOut({ tensor, term }: Labelled, wanted: string): Labelled {
  const axes = [...term].flatMap((label, axis) => (wanted.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { tensor, term };
  return { tensor: tf.sum(tensor, axes), term: [...term].filter((label) => wanted.includes(label)).join('') };
}

/** The tensor with its axes in the order of `order`, which has the same labels. */
function permuted({ tensor, term }: Labelled, order: string): tf.Tensor {
  return term === order
    ? tensor
    : tf.transpose(
        tensor,
        [...order].map((label) => term.indexOf(label)),
      );
}

/** Checks an equation against its operands and names their axes. */
function decode(equation: string, operands: readonly tf.Tensor[]): { labelled: Labelled[]; output: string } {
  const { decodeEinsumEquation, checkEinsumDimSizes } = tf.backend_util;
  const { allDims, idDims } = decodeEinsumEquation(equation, operands.length);
  const [inputs, output] = equation.replace(/\s/g, '').split('->') as [string, string];
  const terms = inputs.split(',');
  const labelled = operands.map((tensor, i) => {
    const term = terms[i]!;
    if (tensor.rank !== term.length) {
      throw new ShapeError(argumentMessage('tensor-core.einsum', `operand ${i}`, `have the axes '${term}'`, tensor));
    }
    return { tensor, term };
  });
  if (new Set(output).size !== output.length) {
    throw new RangeError(argumentMessage('tensor-core.einsum', 'the output term', 'name each axis once', output));
  }
  checkEinsumDimSizes(allDims.length, idDims, [...operands]);
  return { labelled, output };
}

/** Einsum for the wasm backend, which has none. */
export const einsum = wasmKernel<tf.Tensor[], { equation: string }>('Einsum', ({ inputs, attrs }) =>
  einsumByMatMul(attrs.equation, Object.values(inputs)),
);

/**
 * The gradient of tf.einsum, which tfjs lacks on all backends.
 *
 *   d/da of ('A,B->O') = einsum('O,B->A', dy, b), repeated along labels that only A has and O has not
 */
export const einsumGradient: tf.GradConfig = {
  kernelName: 'Einsum',
  saveAllInputs: true,
  gradFunc(dy, saved, attrs) {
    const [inputs, output] = (attrs['equation'] as string).replace(/\s/g, '').split('->') as [string, string];
    const terms = inputs.split(',');
    const pullback = (i: number) => (): tf.Tensor => {
      const shape = saved[i]!.shape;
      const [target, other] = [terms[i]!, terms[1 - i] ?? ''];
      const others = saved.filter((_, j) => j !== i);
      const present = [...target].filter((label) => output.includes(label) || other.includes(label));
      const equation = `${[output, ...others.map(() => other)].join(',')}->${present.join('')}`;
      const partial = einsumByMatMul(equation, [dy as tf.Tensor, ...others]);
      const expanded = shape.map((length, axis) => (present.includes(target[axis]!) ? length : 1));
      return tf.broadcastTo(partial.reshape(expanded), shape);
    };
    return Object.fromEntries(saved.map((_, i) => [String(i), pullback(i)]));
  },
};
