import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** Kernels that have names; all take u = x / lengthscale and v = y / lengthscale. */
export const DOT_PRODUCT_KERNELS = ['exponential', 'gaussian', 'polynomial'] as const;

/** A function of u.v by its Maclaurin coefficients a_n >= 0; of a list, those after the last are 0. */
export interface KernelCoefficients {
  coefs: ((degree: number) => number) | readonly number[];
}

/** Which kernel Maclaurin features are for. */
export interface DotProductKernelOptions {
  /**
   * exponential  exp(u.v)
   * gaussian     exp(-|u - v|^2 / 2)
   * polynomial   (u.v + coef0)^degree
   * { coefs }    sum_n coefs(n) (u.v)^n
   */
  kernel: (typeof DOT_PRODUCT_KERNELS)[number] | KernelCoefficients;
  /** p of 'polynomial', which needs it: an integer >= 1. */
  degree?: number;
  /** c of 'polynomial', >= 0, default 0. */
  coef0?: number;
}

/** A kernel k(x, y) = w(u) w(v) sum_n a_n (u.v)^n. */
export interface DotProductKernel {
  /** a_0, a_1, ..., to maxDegree at least; as finite a list as is needed for `series`. */
  coefs: readonly number[];
  /** sum_n a_n s^n, the whole series. */
  series: (s: number) => number;
  /** Whether w(u) = exp(-|u|^2 / 2) instead of 1. */
  gaussian: boolean;
}

/** Terms of the user's series that stand for the whole of it. */
const SERIES_DEGREE = 64;

/** The highest degree of the features unless the user says it: 10, and that of a polynomial. @throws as `checkNumber` */
export function defaultMaxDegree(where: string, { kernel, degree }: DotProductKernelOptions): number {
  return kernel === 'polynomial' ? checkNumber(where, 'degree', degree, { min: 1, integer: true }) : 10;
}

/** The kernel of options. @throws RangeError, TypeError for a bad option, and for a coefficient that is negative */
export function dotProductKernel(where: string, options: DotProductKernelOptions, maxDegree: number): DotProductKernel {
  const { kernel, coef0 = 0 } = options;
  if (typeof kernel === 'object' && kernel !== null) {
    const coefs = coefficients(where, kernel, Math.max(SERIES_DEGREE, maxDegree));
    return { coefs, series: (s) => coefs.reduceRight((sum, a) => sum * s + a, 0), gaussian: false };
  }
  const name = check.checkOneOf(where, 'kernel', kernel, DOT_PRODUCT_KERNELS);
  const terms = Array.from({ length: maxDegree + 1 });
  if (name !== 'polynomial') {
    let a = 1;
    return { coefs: terms.map((_, n) => (a /= Math.max(n, 1))), series: Math.exp, gaussian: name === 'gaussian' };
  }
  const p = defaultMaxDegree(where, options);
  const c = checkNumber(where, 'coef0', coef0, { min: 0 });
  let binomial = 1;
  const coefs = terms.map((_, n) => {
    if (n > 0) binomial *= (p - n + 1) / n;
    return n > p ? 0 : Math.round(binomial) * c ** (p - n);
  });
  return { coefs, series: (s) => (s + c) ** p, gaussian: false };
}

function coefficients(where: string, { coefs }: KernelCoefficients, last: number): number[] {
  if (typeof coefs !== 'function' && !Array.isArray(coefs)) {
    throw new TypeError(argumentMessage(where, 'kernel.coefs', 'be a function of the degree or an array', coefs));
  }
  const at = typeof coefs === 'function' ? coefs : (n: number) => (coefs as readonly number[])[n] ?? 0;
  const fix = 'Only such series are kernels in all dimensions.';
  return Array.from({ length: last + 1 }, (_, n) => checkNumber(where, `kernel.coefs(${n})`, at(n), { min: 0 }, fix));
}
