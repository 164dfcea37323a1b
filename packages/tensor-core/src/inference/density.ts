import { argumentMessage, ShapeError } from '../check';

/** A log density up to a constant, and its gradient. */
export interface DensityAt {
  value: number;
  gradient: ArrayLike<number>;
}

/**
 * What is sampled: log p(q) up to a constant and its gradient at a point q, of chain `chain` (0, 1, ...), as each chain
 * may have a target of its own. The function must not keep or change q. Where the density is 0 the value is -Infinity.
 */
export type LogDensity = (q: Float64Array, chain: number) => DensityAt;

/** Lowest and highest value of a coordinate; -Infinity and Infinity where there is none. */
export type Interval = readonly [low: number, high: number];

/** Returns copies of the initial points. @throws ShapeError, RangeError when they are none, of different lengths or not finite */
export function checkInitial(where: string, initial: readonly ArrayLike<number>[]): Float64Array[] {
  const dimension = initial[0]?.length ?? 0;
  if (dimension === 0) throw new ShapeError(argumentMessage(where, 'initial', 'hold a point for each chain', initial));
  return Array.from(initial, (point, chain) => {
    const name = `initial[${chain}]`;
    if (point.length !== dimension) {
      throw new ShapeError(argumentMessage(where, name, `have ${dimension} entries as the first`, point.length));
    }
    const copy = Float64Array.from(point);
    if (!copy.every(Number.isFinite)) {
      throw new RangeError(argumentMessage(where, name, 'be finite', Array.from(copy)));
    }
    return copy;
  });
}

/**
 * Returns the bounds if there is one for each coordinate and every point lies inside.
 *
 * @throws ShapeError, RangeError otherwise
 */
export function checkBounds(
  where: string,
  bounds: readonly Interval[],
  initial: readonly Float64Array[],
): readonly Interval[] {
  const dimension = initial[0]!.length;
  if (bounds.length !== dimension) {
    throw new ShapeError(argumentMessage(where, 'bounds', `have ${dimension} entries as the points`, bounds.length));
  }
  bounds.forEach(([low, high], i) => {
    if (!(low < high))
      throw new RangeError(argumentMessage(where, `bounds[${i}]`, 'be [low, high], low < high', [low, high]));
    initial.forEach((point, chain) => {
      if (point[i]! > low && point[i]! < high) return;
      const name = `initial[${chain}][${i}]`;
      throw new RangeError(argumentMessage(where, name, `lie between ${low} and ${high}`, point[i]));
    });
  });
  return bounds;
}

/** Whether every coordinate is inside its closed interval. */
export function isInside(point: ArrayLike<number>, bounds: readonly Interval[] | undefined): boolean {
  return !bounds || bounds.every(([low, high], i) => point[i]! >= low && point[i]! <= high);
}
