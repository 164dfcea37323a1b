import { random } from '@tfsci/tensor-core';
import { loadGolden } from '@tfsci/tensor-core/testing';
import type { PairMoments } from '../src/errors/variance';

/** s, S and N of two points, term by term. */
export function momentsOf(x: ArrayLike<number>, y: ArrayLike<number>): PairMoments {
  const [a, b] = [Array.from(x), Array.from(y)];
  const sum = (term: (u: number, v: number) => number): number => a.reduce((all, u, i) => all + term(u, b[i]!), 0);
  return {
    s: sum((u, v) => u * v),
    squares: sum((u, v) => u * u * v * v),
    norms: sum((u) => u * u) * sum((_, v) => v * v),
  };
}

/** Normal points, one after the other. */
export function randomPoints(seed: number, count: number, dim: number): Float32Array[] {
  const all = random.fillNormal(random.key(seed), new Float32Array(count * dim));
  return Array.from({ length: count }, (_, i) => all.slice(i * dim, (i + 1) * dim));
}

const FOLDER = new URL('./golden/authors/', import.meta.url);
const DIGIT_PIXELS = 64;

export type DigitsAs = 'nonneg' | 'zero_mean';

/** Digits of unit norm, as they are or standardised with means and deviations (ddof = 1) of the whole set. */
export function unitDigits(as: DigitsAs, rows: Iterable<number>): Float64Array[] {
  const { data, shape } = loadGolden(new URL('digits.safetensors', FOLDER)).get('x');
  const count = shape[0]!;
  const columns = Array.from({ length: DIGIT_PIXELS }, (_, j) => {
    if (as === 'nonneg') return { mean: 0, std: 1 };
    const column = Array.from({ length: count }, (_, i) => data[i * DIGIT_PIXELS + j]!);
    const mean = column.reduce((sum, value) => sum + value, 0) / count;
    const std = Math.sqrt(column.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
    return { mean, std: std === 0 ? 1 : std };
  });
  return Array.from(rows, (i) => {
    const row = Float64Array.from(columns, ({ mean, std }, j) => (data[i * DIGIT_PIXELS + j]! - mean) / std);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value ** 2, 0));
    return row.map((value) => value / norm);
  });
}
