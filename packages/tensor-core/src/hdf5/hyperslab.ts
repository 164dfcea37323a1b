import { argumentMessage, checkNumber, ShapeError } from '../check';

/**
 * What to read of one axis: an index, which drops the axis; `[start, stop]` or `[start, stop, step]`, half-open, where
 * a null stop is the axis's end; or null for all of it.
 */
export type Hdf5Range = number | readonly [number, number | null, number?] | null;

/** A part of a dataset. */
export interface Hyperslab {
  /** First index, distance and number of indices, an entry for every axis of the dataset. */
  offset: number[];
  step: number[];
  count: number[];
  /** The shape of what is read: the counts of the axes that have no index. */
  shape: number[];
  /** How many elements. */
  size: number;
}

/**
 * The part of an array that ranges select.
 *
 * @param where   start of error messages
 * @param shape   of the array
 * @param ranges  one for each axis; axes beyond them are read whole
 * @throws ShapeError for more ranges than axes, RangeError for a range that leaves its axis, TypeError for what is no
 *   range
 */
export function hyperslabOf(where: string, shape: readonly number[], ranges: readonly Hdf5Range[]): Hyperslab {
  if (!Array.isArray(ranges)) {
    throw new TypeError(argumentMessage(where, 'ranges', 'be an array of an entry for each axis', ranges));
  }
  if (ranges.length > shape.length) {
    const requirement = `have at most the ${shape.length} axes of the shape [${shape.join(', ')}]`;
    throw new ShapeError(argumentMessage(where, 'ranges', requirement, ranges));
  }
  const slab: Hyperslab = { offset: [], step: [], count: [], shape: [], size: 1 };
  shape.forEach((length, axis) => {
    const range = (ranges[axis] ?? null) as Hdf5Range;
    const [start, stop, step] = boundsOf(where, `ranges[${axis}]`, range, length);
    const count = Math.max(0, Math.ceil((stop - start) / step));
    slab.offset.push(start);
    slab.step.push(step);
    slab.count.push(count);
    slab.size *= count;
    if (typeof range !== 'number') slab.shape.push(count);
  });
  return slab;
}

function boundsOf(where: string, name: string, range: Hdf5Range, length: number): [number, number, number] {
  if (range === null) return [0, length, 1];
  if (typeof range === 'number') {
    const index = checkNumber(where, name, range, { min: 0, max: length - 1, integer: true });
    return [index, index + 1, 1];
  }
  if (!Array.isArray(range) || range.length < 2 || range.length > 3) {
    throw new TypeError(argumentMessage(where, name, 'be an index, [start, stop], [start, stop, step] or null', range));
  }
  const [first, last, distance] = range as readonly [number, number | null, number?];
  const start = checkNumber(where, `the start of ${name}`, first, { min: 0, max: length, integer: true });
  const stop = checkNumber(where, `the stop of ${name}`, last ?? length, { min: start, max: length, integer: true });
  const step = checkNumber(where, `the step of ${name}`, distance ?? 1, { min: 1, integer: true });
  return [start, stop, step];
}
