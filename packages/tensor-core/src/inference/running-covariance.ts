import { type Matrix64, matrix } from '../linalg';

/** Mean and sums of products of a growing sample, plain data. */
export interface RunningCovariance {
  count: number;
  mean: number[];
  /** sum (x - mean) (x - mean)^T, row-major. */
  products: number[];
}

/** Of no samples. */
export function startCovariance(dimension: number): RunningCovariance {
  return {
    count: 0,
    mean: new Array<number>(dimension).fill(0),
    products: new Array<number>(dimension ** 2).fill(0),
  };
}

/** With one sample more. @see Welford, 1962, "Note on a method for calculating corrected sums of squares and products" */
export function withSample(state: RunningCovariance, x: Float64Array): RunningCovariance {
  const n = x.length;
  const count = state.count + 1;
  const before = state.mean.map((mean, i) => x[i]! - mean);
  const mean = state.mean.map((value, i) => value + before[i]! / count);
  const products = state.products.map((sum, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    return sum + ((count - 1) / count) * before[i]! * before[j]!;
  });
  return { count, mean, products };
}

/**
 * The sample covariance, divisor count - 1.
 *
 * @param shrink    whether it is drawn to 0.001 I with the weight of 5 samples: (n C + 5 * 0.001 I) / (n + 5), which is
 *                  positive definite however short the sample
 * @param diagonal  whether the entries off the diagonal are left out
 */
export function covarianceOf(state: RunningCovariance, shrink: boolean, diagonal: boolean): Matrix64 {
  const n = state.mean.length;
  const result = matrix(n, n);
  const weight = shrink ? state.count / (state.count + 5) : 1;
  for (let at = 0; at < n * n; at++) {
    const onDiagonal = at % (n + 1) === 0;
    if (diagonal && !onDiagonal) continue;
    const prior = shrink && onDiagonal ? (1e-3 * 5) / (state.count + 5) : 0;
    result.data[at] = (weight * state.products[at]!) / (state.count - 1) + prior;
  }
  return result;
}
