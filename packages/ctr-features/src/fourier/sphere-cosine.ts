import { linalg } from '@tfsci/tensor-core';

/**
 * E cos(t u) for one coordinate u of uniform unit vectors: Gamma(d/2) (2 / t)^(d/2 - 1) J_{d/2 - 1}(t).
 *
 * @param dim      d >= 2
 * @param largest  t at most
 */
export function sphereCosine(dim: number, largest: number): (t: number) => number {
  // cos(t u) is a polynomial of degree t, but for terms that fall faster than exponentially.
  const { nodes, weights } = linalg.sphereQuadrature(dim, 32 + Math.ceil(largest / 2));
  return (t) => nodes.reduce((sum, u, k) => sum + weights[k]! * Math.cos(t * u), 0);
}
