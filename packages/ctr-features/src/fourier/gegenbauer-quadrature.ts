import { linalg } from '@tfsci/tensor-core';

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
 * @param count  of nodes
 * @see Golub & Welsch, 1969, "Calculation of Gauss quadrature rules"
 */
export function sphereQuadrature(dim: number, count: number): Quadrature {
  const lambda = dim / 2 - 1;
  const jacobi = linalg.matrix(count, count);
  for (let k = 1; k < count; k++) {
    // For k = 1 the quotient is 0 / 0 where lambda = 0.
    const square =
      k === 1 ? 1 / (2 * (1 + lambda)) : (k * (k + 2 * lambda - 1)) / (4 * (k + lambda) * (k + lambda - 1));
    jacobi.data[(k - 1) * count + k] = jacobi.data[k * count + k - 1] = Math.sqrt(square);
  }
  const { values, vectors } = linalg.eigenSymmetric(jacobi);
  return { nodes: values, weights: linalg.rowOf(vectors, 0).map((entry) => entry * entry) };
}

/**
 * E cos(t u) for one coordinate u of uniform unit vectors: Gamma(d/2) (2 / t)^(d/2 - 1) J_{d/2 - 1}(t).
 *
 * @param dim      d >= 2
 * @param largest  t at most
 */
export function sphereCosine(dim: number, largest: number): (t: number) => number {
  // cos(t u) is a polynomial of degree t, but for terms that fall faster than exponentially.
  const { nodes, weights } = sphereQuadrature(dim, 32 + Math.ceil(largest / 2));
  return (t) => nodes.reduce((sum, u, k) => sum + weights[k]! * Math.cos(t * u), 0);
}
