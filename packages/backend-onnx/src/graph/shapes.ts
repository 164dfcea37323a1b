import type { Shape } from './value';

/** The shape to which two shapes broadcast. @throws Error when they do not */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let axis = 1; axis <= rank; axis++) {
    const left = a[a.length - axis] ?? 1;
    const right = b[b.length - axis] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new Error(`Operands could not be broadcast together with shapes ${a.join(',')} and ${b.join(',')}.`);
    }
    shape[rank - axis] = left === 1 ? right : left;
  }
  return shape;
}

/** Axes as non-negative numbers in ascending order; all of them when `axes` is undefined. */
export function normalizeAxes(axes: number | readonly number[] | undefined | null, rank: number): number[] {
  if (axes === undefined || axes === null) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof axes === 'number' ? [axes] : axes;
  return [...new Set(list.map((axis) => (axis < 0 ? axis + rank : axis)))].sort((a, b) => a - b);
}

/** The shape after reducing `axes`. */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
  return shape.filter((_, axis) => !axes.includes(axis));
}
