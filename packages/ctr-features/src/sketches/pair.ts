import type * as tf from '@tensorflow/tfjs';

/** Numbers on the device: real ones, or complex ones as their two parts. */
export interface Pair {
  re: tf.Tensor2D;
  /** null where all numbers are real. */
  im: tf.Tensor2D | null;
}

/** The product of two numbers, element by element. */
export function pairProduct(a: Pair, b: Pair): Pair {
  if (a.im === null && b.im === null) return { re: a.re.mul<tf.Tensor2D>(b.re), im: null };
  if (a.im === null) return pairProduct(b, a);
  if (b.im === null) return { re: a.re.mul<tf.Tensor2D>(b.re), im: a.im.mul<tf.Tensor2D>(b.re) };
  return {
    re: a.re.mul<tf.Tensor2D>(b.re).sub<tf.Tensor2D>(a.im.mul<tf.Tensor2D>(b.im)),
    im: a.re.mul<tf.Tensor2D>(b.im).add<tf.Tensor2D>(a.im.mul<tf.Tensor2D>(b.re)),
  };
}

/** Real multiples of numbers. */
export function pairScale({ re, im }: Pair, factor: number): Pair {
  return { re: re.mul<tf.Tensor2D>(factor), im: im === null ? null : im.mul<tf.Tensor2D>(factor) };
}
