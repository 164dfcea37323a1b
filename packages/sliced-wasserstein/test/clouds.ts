import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

/** Float64 definitions that the package is held against, and clouds to hold it with. */

export type Rows = readonly ArrayLike<number>[];

/** n standard normal points, moved by `shift` in every coordinate; numbers of float32, so that an oracle sees the same. */
export function normalRows(n: number, d: number, seed: number, shift = 0): Float32Array[] {
  const values = random.fillNormal(random.key(seed), new Float64Array(n * d));
  return Array.from({ length: n }, (_, i) => Float32Array.from(values.slice(i * d, (i + 1) * d), (v) => v + shift));
}

/** n positive weights with a spread of 1 : 20. */
export function positiveWeights(n: number, seed: number): number[] {
  return Array.from(random.fillUniform(random.key(seed), new Float64Array(n), { low: 0.05, high: 1 }));
}

export function unitRows(rows: Rows): Float32Array[] {
  return rows.map((row) => {
    const norm = Math.hypot(...Array.from(row));
    return Float32Array.from(row, (value) => value / norm);
  });
}

export function flatten(rows: Rows): number[] {
  return rows.flatMap((row) => Array.from(row));
}

export function tensorOf(rows: Rows): tf.Tensor2D {
  return tf.tensor2d(Float32Array.from(flatten(rows)), [rows.length, rows[0]!.length]);
}

/** Rows of a flat array. */
export function rowsOf(values: ArrayLike<number>, d: number): number[][] {
  const flat = Array.from(values);
  return Array.from({ length: flat.length / d }, (_, i) => flat.slice(i * d, (i + 1) * d));
}

/**
 * W_p^p on the line as its definition has it: both quantile functions are looked up in the middle of every interval between
 * cumulative weights.
 */
export function lineCost(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  p: number,
  { a, b }: { a?: ArrayLike<number> | undefined; b?: ArrayLike<number> | undefined } = {},
): number {
  const [ofX, ofY] = [quantiles(x, a), quantiles(y, b)];
  const levels = [0, ...ofX.levels, ...ofY.levels].sort((u, v) => u - v);
  let cost = 0;
  for (let k = 1; k < levels.length; k++) {
    const middle = (levels[k - 1]! + levels[k]!) / 2;
    cost += (levels[k]! - levels[k - 1]!) * Math.abs(ofX.at(middle) - ofY.at(middle)) ** p;
  }
  return cost;
}

function quantiles(
  values: ArrayLike<number>,
  weights?: ArrayLike<number>,
): { levels: number[]; at(u: number): number } {
  const points = Array.from(values, (value, i) => ({ value, weight: weights ? weights[i]! : 1 }));
  points.sort((one, other) => one.value - other.value);
  const total = points.reduce((sum, { weight }) => sum + weight, 0);
  let below = 0;
  const levels = points.map(({ weight }) => (below += weight) / total);
  levels[levels.length - 1] = 1;
  return {
    levels,
    at: (u) => {
      const found = levels.findIndex((level) => level > u);
      return points[found < 0 ? points.length - 1 : found]!.value;
    },
  };
}

export function project(rows: Rows, slice: ArrayLike<number>): number[] {
  return rows.map((row) => {
    let sum = 0;
    for (let j = 0; j < slice.length; j++) sum += row[j]! * slice[j]!;
    return sum;
  });
}

/** Mean over slices of W_p^p, by `lineCost`. */
export function slicedCost(
  x: Rows,
  y: Rows,
  slices: Rows,
  p: number,
  weights: { a?: ArrayLike<number> | undefined; b?: ArrayLike<number> | undefined } = {},
): number {
  const costs = slices.map((slice) => lineCost(project(x, slice), project(y, slice), p, weights));
  return costs.reduce((sum, cost) => sum + cost, 0) / slices.length;
}

/** The exact W_p^p of clouds of the same few points each: the least over all permutations. */
export function assignmentCost(x: Rows, y: Rows, p: number): number {
  const distance = (i: number, j: number): number => Math.hypot(...Array.from(x[i]!, (value, k) => value - y[j]![k]!));
  const least = (i: number, free: readonly number[]): number =>
    free.length === 0
      ? 0
      : Math.min(...free.map((j) => distance(i, j) ** p + least(i + 1, free.filter((other) => other !== j)))); // prettier-ignore
  return (
    least(
      0,
      y.map((_, j) => j),
    ) / x.length
  );
}

export function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

export function largest(values: ArrayLike<number>): number {
  return Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}
