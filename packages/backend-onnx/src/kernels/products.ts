import * as tf from '@tensorflow/tfjs';
import { MICROSOFT, type Builder } from '../graph/builder';
import { broadcastShape } from '../graph/shapes';
import { sizeOf, type Value } from '../graph/value';
import { activate } from './fused-activation';
import type { LoweringTable } from './registry';

/** Sums of products: of matrices, and over indices that are named. */
export const products: LoweringTable = {
  BatchMatMul: ({ a, b }, { transposeA, transposeB }: tf.BatchMatMulAttrs, graph) =>
    matrixProduct(graph, a!, b!, transposeA, transposeB),

  _FusedMatMul({ a, b, bias, preluActivationWeights }, attributes: tf._FusedMatMulAttrs, graph) {
    const { transposeA, transposeB, activation, leakyreluAlpha } = attributes;
    if (a!.type !== 'float32') return null;
    const product = matrixProduct(graph, a!, b!, transposeA, transposeB, bias);
    const slopes = preluActivationWeights;
    return product && activate(graph, product, { name: activation, alpha: leakyreluAlpha, slopes });
  },

  Einsum(operands, { equation }: tf.EinsumAttrs, graph) {
    const factors = Object.values(operands);
    const { type } = factors[0]!;
    const { allDims, summedDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, factors.length);
    tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, factors as never);
    if (type === 'bool' || factors.some((factor) => factor.type !== type)) return null;
    const lengths: number[] = [];
    idDims.forEach((labels, i) => labels.forEach((label, axis) => (lengths[label] = factors[i]!.shape[axis]!)));
    // The labels of the result come first.
    const shape = lengths.slice(0, allDims.length - summedDims.length);
    return graph.op('Einsum', factors, type, shape, { equation: equation.replace(/\s/g, '') });
  },
};

/**
 * The product of matrices over the last two axes, the others broadcast, plus a bias that broadcasts to it.
 * `null` for truth values, and operands of different types.
 *
 * @throws Error when the matrices do not fit
 */
function matrixProduct(
  graph: Builder,
  a: Value,
  b: Value,
  transposeA: boolean,
  transposeB: boolean,
  bias?: Value,
): Value | null {
  tf.util.assert(
    a.rank >= 2 && b.rank >= 2,
    () => `Error in matMul: inputs must be of rank 2 or more, got ${a.rank} and ${b.rank}.`,
  );
  const [m, k] = matrixShape(a, transposeA);
  const [inner, n] = matrixShape(b, transposeB);
  tf.util.assert(
    k === inner,
    () =>
      `Error in matMul: inner shapes (${k}) and (${inner}) of Tensors with shapes ${a.shape.join()} and ` +
      `${b.shape.join()} and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const shape = [...broadcastShape(batchA, batchB), m, n];
  if (a.type === 'bool' || [b, bias ?? a].some(({ type }) => type !== a.type)) return null;
  const plus = (product: Value): Value => (bias ? graph.add(product, bias) : product);
  if (a.type !== 'float32') {
    return plus(graph.matMul(transposeA ? transposed(graph, a) : a, transposeB ? transposed(graph, b) : b));
  }
  if (sizeOf(batchB) > 1 || (transposeA && sizeOf(batchA) > 1)) {
    const flags = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
    return plus(graph.op('FusedMatMul', [a, b], 'float32', shape, flags, MICROSOFT));
  }
  // One right matrix: the rows of all left ones are those of one matrix, and Gemm adds the bias as it writes.
  const left = graph.reshape(a, transposeA ? [k, m] : [a.size / k, k]);
  const right = graph.reshape(b, b.shape.slice(-2));
  const row = bias && bias.size === n && bias.shape.at(-1) === n ? graph.reshape(bias, [n]) : undefined;
  const rows = graph.gemm(left, right, { transA: transposeA, transB: transposeB, c: row });
  const product = graph.reshape(rows, shape);
  return row ? product : plus(product);
}

/** [rows, columns] of the matrices as they are multiplied. */
function matrixShape({ shape }: Value, isTransposed: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return isTransposed ? [columns, rows] : [rows, columns];
}

function transposed(graph: Builder, x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return graph.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}
