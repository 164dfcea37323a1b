// n points of x, m points of y, K intervals of quantile levels on which both quantile functions are constant
import { check } from '@tfsci/tensor-core';
import { normalisedWeights, type Weights } from '../cloud';

/**
 * How mass goes between two sorted clouds of numbers; the best plan for every p >= 1, as |x - y|^p is convex.
 *
 * - `equal`: the i-th smallest to the i-th smallest
 * - `uniform`: interval k of the levels takes mass[k] from sorted point fromX[k] to fromY[k], the same in every slice
 * - `weighted`: the intervals depend on the order of the points, and are found slice by slice
 */
export type TransportPlan =
  | { kind: 'equal'; n: number; m: number }
  | { kind: 'uniform'; n: number; m: number; fromX: Int32Array; fromY: Int32Array; mass: Float64Array }
  | { kind: 'weighted'; n: number; m: number; a: Float64Array; b: Float64Array };

/**
 * The plan for clouds of n and m points.
 *
 * @param path  what stands before a and b where the caller takes them
 * @throws as `normalisedWeights`, TypeError when the weights are not of the form { a, b }
 */
export function transportPlan(
  where: string,
  n: number,
  m: number,
  weights: Weights = {},
  path = 'weights.',
): TransportPlan {
  if (typeof weights !== 'object' || (weights as Weights | null) === null || 'length' in weights) {
    throw new TypeError(check.argumentMessage(where, 'weights', 'be { a, b }, one array for each cloud', weights));
  }
  const a = normalisedWeights(where, `${path}a`, weights.a, n);
  const b = normalisedWeights(where, `${path}b`, weights.b, m);
  if (a || b) return { kind: 'weighted', n, m, a: a ?? equalWeights(n), b: b ?? equalWeights(m) };
  return n === m ? { kind: 'equal', n, m } : uniformPlan(n, m);
}

function equalWeights(count: number): Float64Array {
  return new Float64Array(count).fill(1 / count);
}

/** Levels i / n and j / m, merged in integers: i m against j n, so that none is lost or doubled by rounding. */
function uniformPlan(n: number, m: number): TransportPlan {
  const fromX = new Int32Array(n + m - 1);
  const fromY = new Int32Array(n + m - 1);
  const mass = new Float64Array(n + m - 1);
  let count = 0;
  for (let i = 0, j = 0, level = 0; i < n && j < m; count++) {
    const next = Math.min((i + 1) * m, (j + 1) * n);
    fromX[count] = i;
    fromY[count] = j;
    mass[count] = (next - level) / (n * m);
    if (next === (i + 1) * m) i++;
    if (next === (j + 1) * n) j++;
    level = next;
  }
  return {
    kind: 'uniform',
    n,
    m,
    fromX: fromX.slice(0, count),
    fromY: fromY.slice(0, count),
    mass: mass.slice(0, count),
  };
}
