import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';
import { logSumExp, type Matrix64, matrix } from '../linalg';
import { checkKey, fillUniform, type Key, split } from '../random';

/**
 * What the grid points stand for.
 *
 *   trapezoid  the ends of an axis are the ends of the range; between points the density is interpolated linearly
 *   midpoint   points are the middles of cells, in which the density is constant; the first and last cell reach as far
 *              out as in
 */
export type GridRule = 'trapezoid' | 'midpoint';

/** What `gridPosterior` takes. */
export interface GridOptions {
  /** Values of each coordinate, ascending, at least 2; 1 to 3 coordinates. */
  axes: readonly ArrayLike<number>[];
  /** log p at a point up to a constant, or its values at all grid points, the last axis fastest. */
  logDensity: ((point: Float64Array) => number) | ArrayLike<number>;
  /** Default 'trapezoid'. */
  rule?: GridRule;
}

/** How draws are spread around the grid points. */
export interface GridSampleOptions {
  /**
   * 'cell' (default): from the density that the rule stands for, exactly - interpolated linearly for 'trapezoid',
   * constant in cells for 'midpoint'. 'none': the grid points themselves.
   */
  jitter?: 'cell' | 'none';
}

/** A density on a grid, normalised. */
export interface GridPosterior {
  axes: Float64Array[];
  /** log p at the grid points, the last axis fastest; its integral by the rule is 1. */
  logDensity: Float64Array;
  /** Probability of each grid point: p times the volume it stands for. Sum 1. */
  mass: Float64Array;
  /** log of the integral of exp(logDensity) as it was given. */
  logEvidence: number;
  mean: Float64Array;
  /** [D, D], of the masses at the grid points. */
  covariance: Matrix64;
  /** The grid point of largest density. */
  mode: Float64Array;
  /** Density of coordinate i at its axis. */
  marginal(i: number): Float64Array;
  /** Draws [n, D]. */
  sample(key: Key, n: number, options?: GridSampleOptions): Matrix64;
}

/**
 * A posterior of 1 to 3 parameters by its values on a grid: the exact answer that samplers are judged by.
 *
 * @throws ShapeError, RangeError when axes or values do not fit, a value is NaN or Infinity, or the density is 0 everywhere
 */
export function gridPosterior({ axes, logDensity, rule = 'trapezoid' }: GridOptions): GridPosterior {
  const where = 'tensor-core.gridPosterior';
  const points = checkAxes(where, axes);
  checkOneOf(where, 'rule', rule, ['trapezoid', 'midpoint']);
  const dimension = points.length;
  const size = points.reduce((product, axis) => product * axis.length, 1);
  const sides = points.map((axis) => sidesOf(axis, rule));
  const indices = Array.from({ length: size }, (_, flat) => indexOf(flat, points));
  const pointAt = (index: readonly number[]): Float64Array => Float64Array.from(index, (at, i) => points[i]![at]!);

  const given =
    typeof logDensity === 'function'
      ? Float64Array.from(indices, (index) => logDensity(pointAt(index)))
      : Float64Array.from(logDensity);
  if (given.length !== size) {
    throw new ShapeError(argumentMessage(where, 'logDensity', `have ${size} values, one a grid point`, given.length));
  }
  const weighted = given.map((value, flat) => {
    if (value < Infinity) return value + logVolume(indices[flat]!, sides);
    throw new RangeError(argumentMessage(where, `logDensity[${flat}]`, 'be below Infinity', value));
  });
  const logEvidence = logSumExp(weighted);
  if (logEvidence === -Infinity) {
    throw new RangeError(argumentMessage(where, 'logDensity', 'be above -Infinity somewhere', -Infinity));
  }
  const mass = weighted.map((value) => Math.exp(value - logEvidence));

  const mean = new Float64Array(dimension);
  const eachMass = (visit: (m: number, point: Float64Array) => void): void =>
    mass.forEach((m, flat) => visit(m, pointAt(indices[flat]!)));
  eachMass((m, point) => point.forEach((x, i) => (mean[i]! += m * x)));
  const covariance = matrix(dimension, dimension);
  eachMass((m, point) => {
    for (let i = 0; i < dimension; i++) {
      for (let j = 0; j < dimension; j++) {
        covariance.data[i * dimension + j]! += m * (point[i]! - mean[i]!) * (point[j]! - mean[j]!);
      }
    }
  });
  const top = given.reduce((best, value, flat) => (value > given[best]! ? flat : best), 0);

  return {
    axes: points,
    logDensity: given.map((value) => value - logEvidence),
    mass,
    logEvidence,
    mean,
    covariance,
    mode: pointAt(indices[top]!),
    marginal(i) {
      checkNumber('tensor-core.gridPosterior.marginal', 'i', i, { min: 0, max: dimension - 1, integer: true });
      const sums = new Float64Array(points[i]!.length);
      mass.forEach((m, flat) => (sums[indices[flat]![i]!]! += m));
      return sums.map((sum, at) => sum / (sides[i]![at]!.left + sides[i]![at]!.right));
    },
    sample: (key, n, options) => sample(key, n, options, { points, indices, sides, mass, rule }),
  };
}

/** How far the density of a grid point reaches to each side, as a volume: half a step. */
interface Sides {
  left: number;
  right: number;
}

function sidesOf(axis: Float64Array, rule: GridRule): Sides[] {
  const last = axis.length - 1;
  const half = (i: number): number => (axis[i + 1]! - axis[i]!) / 2;
  return Array.from(axis, (_, i) => ({
    left: i > 0 ? half(i - 1) : rule === 'midpoint' ? half(0) : 0,
    right: i < last ? half(i) : rule === 'midpoint' ? half(last - 1) : 0,
  }));
}

function logVolume(index: readonly number[], sides: readonly Sides[][]): number {
  return index.reduce((sum, at, i) => sum + Math.log(sides[i]![at]!.left + sides[i]![at]!.right), 0);
}

interface SampledGrid {
  points: Float64Array[];
  indices: number[][];
  sides: Sides[][];
  mass: Float64Array;
  rule: GridRule;
}

/**
 * Grid points by inverting the distribution function of the masses. The linear interpolant is a sum of one hat for each
 * grid point, whose mass is that point's: so a draw from it is a grid point plus a draw from its hat.
 */
function sample(
  key: Key,
  n: number,
  { jitter = 'cell' }: GridSampleOptions = {},
  { points, indices, sides, mass, rule }: SampledGrid,
): Matrix64 {
  const where = 'tensor-core.gridPosterior.sample';
  checkKey(where, key);
  checkNumber(where, 'n', n, { min: 1, integer: true });
  checkOneOf(where, 'jitter', jitter, ['cell', 'none']);
  const dimension = points.length;
  const [cellKey, jitterKey] = split(key) as [Key, Key];
  const cells = fillUniform(cellKey, new Float64Array(n));
  const offsets = fillUniform(jitterKey, new Float64Array(2 * n * dimension));
  const cumulative = new Float64Array(mass.length);
  mass.reduce((sum, m, flat) => (cumulative[flat] = sum + m), 0);
  const total = cumulative[cumulative.length - 1]!;
  const draws = matrix(n, dimension);
  for (let row = 0; row < n; row++) {
    const index = indices[firstAbove(cumulative, cells[row]! * total)]!;
    for (let i = 0; i < dimension; i++) {
      const at = row * dimension + i;
      const centre = points[i]![index[i]!]!;
      if (jitter === 'none') {
        draws.data[at] = centre;
        continue;
      }
      const { left, right } = sides[i]![index[i]!]!;
      const u = offsets[2 * at]!;
      const v = offsets[2 * at + 1]!;
      const goesLeft = u * (left + right) < left;
      // A hat is twice as wide as the cell of the same mass, and falls linearly to 0.
      const reach = rule === 'trapezoid' ? 2 * (1 - Math.sqrt(1 - v)) : v;
      draws.data[at] = centre + (goesLeft ? -left : right) * reach;
    }
  }
  return draws;
}

/** The first index whose value is above x, of ascending values; the last at most. */
function firstAbove(values: Float64Array, x: number): number {
  let low = 0;
  let high = values.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

function checkAxes(where: string, axes: readonly ArrayLike<number>[]): Float64Array[] {
  if (!(axes.length >= 1 && axes.length <= 3)) {
    throw new ShapeError(argumentMessage(where, 'axes', 'be 1 to 3 coordinates', axes.length));
  }
  return axes.map((axis, i) => {
    if (axis.length < 2)
      throw new ShapeError(argumentMessage(where, `axes[${i}]`, 'have at least 2 values', axis.length));
    const values = Float64Array.from(axis);
    values.forEach((value, at) => {
      const ascends = at === 0 || value > values[at - 1]!;
      if (Number.isFinite(value) && ascends) return;
      throw new RangeError(argumentMessage(where, `axes[${i}]`, `be finite and ascending at ${at}`, value));
    });
    return values;
  });
}

function indexOf(flat: number, points: readonly Float64Array[]): number[] {
  const index: number[] = [];
  for (let i = points.length - 1; i >= 0; i--) {
    index.unshift(flat % points[i]!.length);
    flat = Math.floor(flat / points[i]!.length);
  }
  return index;
}
