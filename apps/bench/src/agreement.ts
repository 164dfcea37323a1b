import { uniform } from './values';

/** Largest difference of two sides that do the same work in float32, in an order of their own. */
export const TOLERANCE = 1e-3;

/**
 * An output as five numbers: its root mean square, and what it has in common with four fixed random directions. A
 * wrong, missing or misplaced value changes them in proportion.
 */
export function digest(output: ArrayLike<number>): number[] {
  const size = output.length;
  const sum = (term: (value: number, i: number) => number): number => {
    let total = 0;
    for (let i = 0; i < size; i++) total += term(output[i]!, i);
    return total;
  };
  const projections = Array.from({ length: 4 }, (_, k) => {
    const direction = uniform(`digest ${k}`, size, 1);
    return sum((value, i) => value * direction[i]!) / Math.sqrt(size);
  });
  return [Math.sqrt(sum((value) => value ** 2) / size), ...projections];
}

/** The largest difference of losses or digests, relative to the largest of the expected; NaN where one is not finite. */
export function relativeDifference(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return NaN;
  const scale = Math.max(...expected.map(Math.abs));
  const difference = Math.max(...expected.map((value, i) => Math.abs(value - actual[i]!)));
  return difference === 0 && Number.isFinite(scale) ? 0 : difference / scale;
}
