import { linalg } from '@tfsci/tensor-core';

/** Residuals r and their derivatives at a point. */
export interface Residuals {
  /** [R] */
  values: Float64Array;
  /** [R, P] */
  jacobian: linalg.Matrix64;
}

/** The damping of the first step, relative to the curvature. */
const DAMPING = 1e-3;
/** Below it J^T J may have no Cholesky factors in float64; above the other one there is no step left. */
const LEAST_DAMPING = 1e-9;
const MOST_DAMPING = 1e12;
/** A little curvature for parameters that have none. */
const FLOOR = 1e-8;

/**
 * The parameters where a sum of squares is smallest, near a start.
 *
 *   (J^T J + mu diag(J^T J)) step = -J^T r;  mu falls after a step that is better, and rises after one that is not
 *
 * @param steps  at most
 * @see Marquardt, 1963, "An algorithm for least-squares estimation of nonlinear parameters"
 */
export function leastSquares(
  residuals: (parameters: Float64Array) => Residuals,
  start: Float64Array,
  steps: number,
): Float64Array {
  let parameters = start;
  let current = residuals(parameters);
  let damping = DAMPING;
  for (let step = 0; step < steps && damping < MOST_DAMPING; step++) {
    const curvature = linalg.multiply(linalg.transposed(current.jacobian), current.jacobian);
    const n = curvature.rows;
    const slope = linalg.matrix(n, 1);
    for (let i = 0; i < n; i++) {
      curvature.data[i * n + i]! += damping * (curvature.data[i * n + i]! + FLOOR);
      current.values.forEach((value, k) => (slope.data[i]! -= value * current.jacobian.data[k * n + i]!));
    }
    const { data } = linalg.choleskySolve(linalg.cholesky(curvature), slope);
    const candidate = parameters.map((value, i) => value + data[i]!);
    const next = residuals(candidate);
    if (sumOfSquares(next.values) < sumOfSquares(current.values)) {
      [parameters, current] = [candidate, next];
      damping = Math.max(damping / 3, LEAST_DAMPING);
    } else {
      damping *= 4;
    }
  }
  return parameters;
}

function sumOfSquares(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
