import { check, linalg } from '@tfsci/tensor-core';

/**
 * The rank of a matrix: how many of its singular values are more than a part of the largest.
 *
 * The scores of a head of width W have at most the rank W, whatever the weights are; the causal pattern over T tokens has
 * the rank T. So a head that is not causal cannot make it by absolute positions of a width below T.
 *
 * @param rows       [n, m]
 * @param tolerance  the part, default 1e-6
 * @throws RangeError, ShapeError for a broken matrix
 * @see Golkar et al., 2024, proposition 4, arXiv:2406.02585
 */
export function numericRank(rows: readonly ArrayLike<number>[], tolerance = 1e-6): number {
  const where = 'counting-transformer.numericRank';
  check.checkNumber(where, 'tolerance', tolerance, { above: 0, below: 1 });
  const { values } = linalg.svd(linalg.matrixFromRows(rows.map((row) => Float64Array.from(row))));
  return values.filter((value) => value > tolerance * values[0]!).length;
}

/** Which tokens a causal head may attend: 1 where key j <= query i, else 0; [T, T]. @throws RangeError for a bad length */
export function causalPattern(length: number): number[][] {
  check.checkNumber('counting-transformer.causalPattern', 'length', length, { min: 1, integer: true });
  return Array.from({ length }, (_, i) => Array.from({ length }, (_own, j) => Number(j <= i)));
}
