import { spectral } from '@tfsci/tensor-core';
import type { HostTransform } from '../../feature-map';
import type { PolynomialKernel } from '../polynomial-kernel';

/** Where a coordinate goes and with which sign, for one degree. */
export interface Hash {
  /** [d] of 0 .. D - 1 */
  bucket: Int32Array;
  /** [d] of 1, -1 */
  sign: Float32Array;
}

/**
 * TensorSketch in float64, point by point: counting costs a sparse point only its non-zeros, and the transforms of one
 * point fit the cache.
 *
 * @param hashes  one for each degree
 */
export function convolvedCounts(hashes: readonly Hash[], kernel: PolynomialKernel, features: number): HostTransform {
  const bias = Math.sqrt(kernel.coef0);
  const offset = bias > 0 ? 1 : 0;
  const scale = Math.sqrt(kernel.gamma);
  const outScale = Math.sqrt(kernel.variance);
  return (reader, first, count, out) => {
    const counts = hashes.map(({ bucket, sign }) => ({ bucket, sign, sums: new Float64Array(features) }));
    const add = (coordinate: number, value: number): void => {
      for (const { bucket, sign, sums } of counts) sums[bucket[coordinate]!]! += sign[coordinate]! * value;
    };
    const convolve = convolution(counts.map(({ sums }) => sums));
    for (let row = 0; row < count; row++) {
      for (const { sums } of counts) sums.fill(0);
      if (bias > 0) add(0, bias);
      reader.visit(first + row, (column, value) => add(column + offset, scale * value));
      const convolved = convolve();
      for (let k = 0, to = row * features; k < features; k++) out[to + k] = outScale * convolved[k]!;
    }
  };
}

/** Convolves the numbers that the arrays have when it is called, circularly, into the first of them. */
function convolution(arrays: readonly Float64Array[]): () => Float64Array {
  const [first, ...others] = arrays as [Float64Array, ...Float64Array[]];
  if (others.length === 0) return () => first;
  const plan = spectral.fftPlan(first.length);
  const spectrum = (): Float64Array => new Float64Array((first.length >> 1) + 1);
  const [re, im, otherRe, otherIm] = [spectrum(), spectrum(), spectrum(), spectrum()];
  return () => {
    plan.forwardReal(first, re, im);
    for (const other of others) {
      plan.forwardReal(other, otherRe, otherIm);
      for (let k = 0; k < re.length; k++) {
        const product = re[k]! * otherRe[k]! - im[k]! * otherIm[k]!;
        im[k] = re[k]! * otherIm[k]! + im[k]! * otherRe[k]!;
        re[k] = product;
      }
    }
    plan.inverseReal(re, im, first);
    return first;
  };
}
