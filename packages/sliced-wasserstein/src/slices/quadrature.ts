import { linalg } from '@tfsci/tensor-core';

/** Exact for polynomials of degree 127; a bell curve cut where it is e^-45 of its height keeps 14 digits. */
const NODES = 64;
/** An integrand is left out where it is below e^-45 = 3e-20 of what it is known to reach. */
const NEGLIGIBLE = -45;
/** The end of an integrand need not be exact: what is left out and what is added are negligible. */
const CLOSE = 0.8;

let legendre: linalg.Quadrature | undefined;

/** The integral of f from a to b by Gauss-Legendre nodes. */
export function integral(f: (x: number) => number, a: number, b: number): number {
  const { nodes, weights } = (legendre ??= linalg.sphereQuadrature(3, NODES));
  const [middle, half] = [(a + b) / 2, (b - a) / 2];
  let sum = 0;
  for (let i = 0; i < NODES; i++) sum += weights[i]! * f(middle + half * nodes[i]!);
  return sum * (b - a);
}

/**
 * How far from `from` towards `end` a function with one maximum stays above e^-45 of its value at `from`.
 *
 * @param logF   its logarithm
 * @param step   the first one; steps double
 * @returns `end` itself when it stays above all the way, else a place somewhat beyond the last
 */
export function negligibleFrom(logF: (x: number) => number, from: number, end: number, step: number): number {
  const least = logF(from) + NEGLIGIBLE;
  const direction = Math.sign(end - from);
  const span = Math.abs(end - from);
  let [inside, outside] = [0, step];
  while (outside < span && logF(from + direction * outside) > least) [inside, outside] = [outside, 2 * outside];
  outside = Math.min(outside, span);
  while (inside < CLOSE * outside) {
    const middle = (inside + outside) / 2;
    if (logF(from + direction * middle) > least) inside = middle;
    else outside = middle;
  }
  return outside === span ? end : from + direction * outside;
}
