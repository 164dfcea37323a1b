// N, M points, D coordinates
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';

/** A polynomial kernel, k(x, y) = variance (gamma x.y + coef0)^degree. */
export interface PolynomialKernelOptions {
  /** p, an integer >= 1. */
  degree: number;
  /** 1 / lengthscale^2, > 0, default 1. */
  gamma?: number;
  /** The bias nu, >= 0, default 0. */
  coef0?: number;
  /** Factor of the kernel, > 0, default 1. */
  variance?: number;
}

/** The same with its defaults. */
export type PolynomialKernel = Required<PolynomialKernelOptions>;

/** The kernel of options. @throws TypeError, RangeError for a number outside its range */
export function checkKernel(where: string, options: PolynomialKernelOptions): PolynomialKernel {
  const { degree, gamma = 1, coef0 = 0, variance = 1 } = options;
  return {
    degree: check.checkNumber(where, 'degree', degree, { min: 1, integer: true }),
    gamma: check.checkNumber(where, 'gamma', gamma, { above: 0 }),
    coef0: check.checkNumber(where, 'coef0', coef0, { min: 0 }),
    variance: check.checkNumber(where, 'variance', variance, { above: 0 }),
  };
}

/**
 * The kernel matrix k(x_i, y_j) = variance (gamma x_i.y_j + coef0)^degree.
 *
 * @param x_ND  [n, d]
 * @param y_MD  [m, d]
 * @returns float32 [n, m]
 */
export function polynomialKernel(x_ND: tf.Tensor2D, y_MD: tf.Tensor2D, options: PolynomialKernelOptions): tf.Tensor2D {
  const { degree, gamma, coef0, variance } = checkKernel('ctr-features.polynomialKernel', options);
  return tf.tidy(() => {
    const inner_NM = x_ND.matMul<tf.Tensor2D>(y_MD, false, true).mul<tf.Tensor2D>(gamma).add<tf.Tensor2D>(coef0);
    return integerPower(inner_NM, degree).mul(variance);
  });
}

/** Number of coordinates of `withBias`. */
export function biasedDim(inputDim: number, { coef0 }: PolynomialKernel): number {
  return inputDim + (coef0 > 0 ? 1 : 0);
}

/**
 * Points whose inner products are gamma x.y + coef0: the bias is a coordinate of its own, the first one.
 *
 * @param x_ND  [n, d]
 * @returns [n, d + 1], [n, d] where coef0 is 0
 */
export function withBias(x_ND: tf.Tensor2D, { gamma, coef0 }: PolynomialKernel): tf.Tensor2D {
  const scaled = gamma === 1 ? x_ND : x_ND.mul<tf.Tensor2D>(Math.sqrt(gamma));
  if (coef0 === 0) return scaled;
  return tf.concat([tf.fill([x_ND.shape[0], 1], Math.sqrt(coef0)), scaled], 1);
}

/** x^p by products: tf.pow has wrong gradients at 0 and loses digits of float32. */
export function integerPower<T extends tf.Tensor>(x: T, degree: number): T {
  let power: T | undefined;
  let square = x;
  for (let bits = degree; ; square = square.square()) {
    if (bits % 2 === 1) power = power === undefined ? square : power.mul<T>(square);
    bits = Math.floor(bits / 2);
    if (bits === 0) return power!;
  }
}
