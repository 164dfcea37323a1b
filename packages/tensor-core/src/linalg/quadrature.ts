import { checkNumber } from '../check';
import { eigenSymmetric } from './decompositions';
import { matrix, rowOf } from './matrix';

/** Nodes in (-1, 1), ascending, and weights with sum 1. */
export interface Quadrature {
  nodes: Float64Array;
  weights: Float64Array;
}

/**
 * Gauss quadrature of the mean over one coordinate u of uniform unit vectors in R^d: density ~ (1 - u^2)^((d - 3) / 2).
 * In three dimensions u is uniform, and this is Gauss-Legendre. Exact for polynomials of degree 2 count - 1.
 *
 *   eigenvalues of the tridiagonal matrix of the recurrence, squares of the first entries of its eigenvectors
 *
 * @param dim    d >= 2
 * @param count  of nodes, >= 1; costs O(count^3)
 * @throws TypeError, RangeError for other numbers
 * @see Golub & Welsch, 1969, "Calculation of Gauss quadrature rules"
 */
export function sphereQuadrature(dim: number, count: number): Quadrature {
  const where = 'tensor-core.sphereQuadrature';
  checkNumber(where, 'dim', dim, { min: 2, integer: true });
  checkNumber(where, 'count', count, { min: 1, integer: true });
  const lambda = dim / 2 - 1;
  const jacobi = matrix(count, count);
  for (let k = 1; k < count; k++) {
    // For k = 1 the quotient is 0 / 0 where lambda = 0.
    const square =
      k === 1 ? 1 / (2 * (1 + lambda)) : (k * (k + 2 * lambda - 1)) / (4 * (k + lambda) * (k + lambda - 1));
    jacobi.data[(k - 1) * count + k] = jacobi.data[k * count + k - 1] = Math.sqrt(square);
  }
  const { values, vectors } = eigenSymmetric(jacobi);
  return { nodes: values, weights: rowOf(vectors, 0).map((entry) => entry * entry) };
}
