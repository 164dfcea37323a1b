import * as tf from '@tensorflow/tfjs';
import { BoundedCache } from './bounded-cache';
import { unitRoots } from './roots';

/** The matrices that are kept may have this many elements together, 32 MB. */
const matrices = new BoundedCache<Float32Array>(2 ** 23);

/** Indices 0 .. head - 1, then n - (count - head) .. n - 1: all of n, a first half, or the lowest frequencies of both signs. */
export interface Span {
  count: number;
  head: number;
}

/** 0 .. count - 1. */
export function firstOf(count: number): Span {
  return { count, head: count };
}

/** One side of a DFT matrix: which indices, real and imaginary parts or real parts only, and their order. */
export interface Side {
  span: Span;
  /** `null`: real numbers. 'outside': all real parts, then all imaginary ones. 'inside': the two parts of each number. */
  parts: 'outside' | 'inside' | null;
}

/** A linear map of lines, y = scale * sum_j w_j exp(sign 2 pi i j k / n) x_j, as a matrix of real numbers. */
export interface DftMatrix {
  n: number;
  sign: 1 | -1;
  scale: number;
  from: Side;
  to: Side;
  /** The inputs are the half of a spectrum with X_(n-k) = conj X_k: w_j is 2, but 1 for coefficients 0 and n / 2. */
  mirrored?: boolean;
}

/** [inputs, outputs], for y = x M along the last axis. */
export function rightMatrix(matrix: DftMatrix): tf.Tensor2D {
  const [rows, columns] = [sizeOf(matrix.from), sizeOf(matrix.to)];
  return tf.tensor2d(elementsOf(matrix, false), [rows, columns]);
}

/** [1, outputs, inputs], for y = M x along the axis before the last one. */
export function leftMatrix(matrix: DftMatrix): tf.Tensor3D {
  const [rows, columns] = [sizeOf(matrix.to), sizeOf(matrix.from)];
  return tf.tensor3d(elementsOf(matrix, true), [1, rows, columns]);
}

function sizeOf({ span, parts }: Side): number {
  return parts === null ? span.count : 2 * span.count;
}

function elementsOf(matrix: DftMatrix, transposed: boolean): Float32Array {
  const size = sizeOf(matrix.from) * sizeOf(matrix.to);
  return matrices.get(JSON.stringify([matrix, transposed]), size, () => filled(matrix, transposed));
}

function filled({ n, sign, scale, from, to, mirrored = false }: DftMatrix, transposed: boolean): Float32Array {
  const { cos, sin } = unitRoots(n);
  const out = new Float32Array(sizeOf(from) * sizeOf(to));
  const [inputStride, outputStride] = transposed ? [1, sizeOf(from)] : [sizeOf(to), 1];
  const [inputs, outputs] = [layoutOf(from, n, inputStride), layoutOf(to, n, outputStride)];
  for (const { index: j, re: fromRe, im: fromIm } of inputs) {
    const weight = mirrored && j !== 0 && 2 * j !== n ? 2 * scale : scale;
    for (const { index: k, re: toRe, im: toIm } of outputs) {
      // j k < 2^53, so the angle is exact before its cosine is taken.
      const root = (j * k) % n;
      const c = weight * cos[root]!;
      const s = sign * weight * sin[root]!;
      out[fromRe + toRe] = c;
      if (toIm >= 0) out[fromRe + toIm] = s;
      if (fromIm >= 0) out[fromIm + toRe] = -s;
      if (fromIm >= 0 && toIm >= 0) out[fromIm + toIm] = c;
    }
  }
  return out;
}

/** For each number of a side: its index and where its parts are, times the stride; -1 for a part that there is not. */
function layoutOf({ span, parts }: Side, n: number, stride: number): { index: number; re: number; im: number }[] {
  return Array.from({ length: span.count }, (_, i) => {
    const index = i < span.head ? i : n - (span.count - i);
    if (parts === null) return { index, re: i * stride, im: -1 };
    if (parts === 'inside') return { index, re: 2 * i * stride, im: (2 * i + 1) * stride };
    return { index, re: i * stride, im: (span.count + i) * stride };
  });
}
