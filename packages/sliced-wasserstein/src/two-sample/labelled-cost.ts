// N = n + m pooled points, C slices
import { argsortFloats } from '../transport/radix-sort';
import type { TransportPlan } from '../transport/transport-plan';

/** Projections of the pooled points on one slice. */
export interface SortedProjections {
  /** Ascending, [N]. */
  values: Float32Array;
  /** Which point each of them is of, [N]. */
  order: Int32Array;
}

/** Sorts each row of [C, N]. */
export function sortedRows(rows: Float32Array, count: number): SortedProjections[] {
  return Array.from({ length: rows.length / count }, (_, row) => {
    const sorted = { values: new Float32Array(count), order: new Int32Array(count) };
    argsortFloats(rows.subarray(row * count, (row + 1) * count), sorted.values, sorted.order);
    return sorted;
  });
}

/**
 * Gives W_p^p between the points of one slice that are labelled 1 and those labelled 0, from the one sorting of all: O(N).
 *
 * @param plan  of the n labelled 1 to the m labelled 0, all of equal weight
 */
export function labelledCosts(
  plan: Exclude<TransportPlan, { kind: 'weighted' }>,
  p: number,
): (projections: SortedProjections, labels: Uint8Array) => number {
  const { n, m } = plan;
  // One place more: it takes what is not a point of the side, so that no step needs to decide.
  const x = new Float32Array(n + 1);
  const y = new Float32Array(m + 1);
  return ({ values, order }, labels) => {
    for (let k = 0, i = 0, j = 0; k < values.length; k++) {
      const label = labels[order[k]!]!;
      x[i] = values[k]!;
      y[j] = values[k]!;
      i += label;
      j += 1 - label;
    }
    let sum = 0;
    if (plan.kind === 'equal') {
      if (p === 2) for (let i = 0; i < n; i++) sum += (x[i]! - y[i]!) ** 2;
      else for (let i = 0; i < n; i++) sum += Math.abs(x[i]! - y[i]!) ** p;
      return sum / n;
    }
    const { fromX, fromY, mass } = plan;
    for (let k = 0; k < mass.length; k++) sum += mass[k]! * Math.abs(x[fromX[k]!]! - y[fromY[k]!]!) ** p;
    return sum;
  };
}
