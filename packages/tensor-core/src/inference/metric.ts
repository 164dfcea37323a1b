import { argumentMessage, ShapeError } from '../check';
import { cholesky, type Matrix64, matrix, symmetricFunction } from '../linalg';

/** The kinetic energy p^T M^-1 p / 2 of HMC, with M^-1 near the covariance of the target. */
export interface Metric {
  /** M^-1. */
  inverseMass: Matrix64;
  /** M^-1 p. */
  velocity(p: Float64Array): Float64Array;
  /** M^(1/2) xi, distributed as N(0, M) for standard normal xi. */
  momentum(xi: Float64Array): Float64Array;
}

/**
 * The metric of a full inverse mass matrix; M^(1/2) is the symmetric root.
 *
 * @throws RangeError when the matrix is not symmetric and positive definite; TypeError, ShapeError for a broken one
 */
export function denseMetric(inverseMass: Matrix64): Metric {
  cholesky(inverseMass);
  const root = symmetricFunction(inverseMass, (eigenvalue) => 1 / Math.sqrt(eigenvalue));
  return {
    inverseMass,
    velocity: (p) => applied(inverseMass, p),
    momentum: (xi) => applied(root, xi),
  };
}

/** The metric of independent coordinates, from the diagonal of M^-1. @throws RangeError when a variance is not > 0 */
export function diagonalMetric(variances: ArrayLike<number>): Metric {
  const diagonal = Float64Array.from(variances);
  const n = diagonal.length;
  const inverseMass = matrix(n, n);
  diagonal.forEach((variance, i) => {
    if (!(variance > 0 && variance < Infinity)) {
      throw new RangeError(
        argumentMessage('tensor-core.diagonalMetric', `variances[${i}]`, 'be finite and > 0', variance),
      );
    }
    inverseMass.data[i * n + i] = variance;
  });
  const roots = diagonal.map((variance) => 1 / Math.sqrt(variance));
  return {
    inverseMass,
    velocity: (p) => p.map((value, i) => diagonal[i]! * value),
    momentum: (xi) => xi.map((value, i) => roots[i]! * value),
  };
}

/** The metric of a matrix, diagonal where nothing else is in it. @throws as `denseMetric`; ShapeError for another dimension */
export function metricOf(where: string, inverseMass: Matrix64, dimension: number): Metric {
  const { rows: n, data } = inverseMass;
  if (n !== dimension) {
    throw new ShapeError(argumentMessage(where, 'inverseMass', `be a matrix of ${dimension} rows`, n));
  }
  const isDiagonal = data.every((entry, index) => entry === 0 || index % (n + 1) === 0);
  return isDiagonal ? diagonalMetric(data.filter((_, index) => index % (n + 1) === 0)) : denseMetric(inverseMass);
}

/** p^T M^-1 p / 2. */
export function kineticEnergy(metric: Metric, p: Float64Array): number {
  const velocity = metric.velocity(p);
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += p[i]! * velocity[i]!;
  return sum / 2;
}

function applied({ rows: n, data }: Matrix64, p: Float64Array): Float64Array {
  const result = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = 0;
    for (let j = 0; j < n; j++) sum += data[i * n + j]! * p[j]!;
    result[i] = sum;
  }
  return result;
}
