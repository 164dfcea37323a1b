import { describe, expect, it } from 'vitest';
import { sphereQuadrature } from '../src/linalg';

/** Sums of dozens of float64 terms of size 1. */
const FLOAT64 = 1e-12;

describe('sphereQuadrature', () => {
  it('has the moments of a coordinate of uniform unit vectors, E u^2k = (1/2)_k / (d/2)_k', () => {
    for (const dim of [2, 3, 4, 7, 64, 1000]) {
      const { nodes, weights } = sphereQuadrature(dim, 12);
      let expected = 1;
      for (let k = 0; k <= 11; k++) {
        const moment = (power: number): number => nodes.reduce((sum, u, i) => sum + weights[i]! * u ** power, 0);
        expect(moment(2 * k)).toBeAllclose(expected, { rtol: 1e-10, atol: 0 });
        expect(moment(2 * k + 1)).toBeAllclose(0, { rtol: 0, atol: FLOAT64 });
        expected *= (k + 1 / 2) / (k + dim / 2);
      }
    }
  });

  it('has the nodes of Chebyshev and equal weights in two dimensions, and the middle for one node', () => {
    const { nodes, weights } = sphereQuadrature(2, 5);
    const chebyshev = Array.from({ length: 5 }, (_, k) => -Math.cos(((2 * k + 1) * Math.PI) / 10));
    expect(nodes).toBeAllclose(chebyshev, { rtol: 0, atol: FLOAT64 });
    expect(weights).toBeAllclose(Array(5).fill(0.2), { rtol: 0, atol: FLOAT64 });
    const one = sphereQuadrature(9, 1);
    expect([...one.nodes, ...one.weights]).toEqual([0, 1]);
  });

  it.each([
    [1, 4, 'dim must be an integer >= 2, got 1.'],
    [2.5, 4, 'dim must be an integer >= 2, got 2.5.'],
    [3, 0, 'count must be an integer >= 1, got 0.'],
    [3, NaN, 'count must be an integer >= 1, got NaN.'],
  ])('refuses dim %d and count %d', (dim, count, message) => {
    expect(() => sphereQuadrature(dim, count)).toThrow(RangeError);
    expect(() => sphereQuadrature(dim, count)).toThrow(`tensor-core.sphereQuadrature: ${message}`);
  });
});
