import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';
import type { Matrix64 } from '../linalg';
import { chainsOf, checkDraws, checkNames, meanAndVariance, pooled, quantile } from './chains';
import type { Interval } from './density';

/** A density along one coordinate. */
export interface Density1D {
  name: string;
  /** Ends of the bins, bins + 1. */
  edges: Float64Array;
  /** Middles of the bins. */
  centres: Float64Array;
  /** Density at the middles; its integral over the range is 1 unless draws lie outside. */
  density: Float64Array;
}

/** A density over two coordinates. */
export interface Density2D {
  /** Coordinates along the columns and the rows of `density`. */
  x: number;
  y: number;
  /** [bins, bins]: row b is bin b of y, column a is bin a of x. */
  density: Matrix64;
  /** Densities whose superlevel sets hold the probabilities asked for, in their order. */
  contours: Float64Array;
}

/** What a corner plot shows: densities on the diagonal and below it. */
export interface Corner {
  diagonal: Density1D[];
  /** Of all pairs x < y. */
  pairs: Density2D[];
  levels: Float64Array;
}

/** How a corner plot is made. */
export interface CornerOptions {
  /** Of the coordinates, default 'q0', 'q1', ... */
  names?: readonly string[];
  /** Bins of each coordinate, default 40. */
  bins?: number;
  /** Probabilities of the contours, default those within 1 and 2 standard deviations of a normal plane, 0.393 and 0.865. */
  levels?: ArrayLike<number>;
  /** Lowest and highest value shown, of every coordinate; by default the range of the draws. */
  ranges?: readonly Interval[];
  /** 'histogram', or 'kernel' (default) for Gaussian kernels of Silverman's width. */
  method?: 'histogram' | 'kernel';
}

/**
 * Densities of every coordinate and every pair, of all chains together, on regular bins.
 *
 * @param draws  [n, D] of each chain
 * @throws ShapeError, RangeError when shapes, names or ranges do not fit, or a coordinate has equal draws and no range
 * @see Silverman, 1986, "Density estimation", section 4.3.2: width sigma (4 / ((d + 2) n))^(1 / (d + 4)) in d dimensions
 */
export function cornerData(draws: readonly Matrix64[], options: CornerOptions = {}): Corner {
  const where = 'tensor-core.cornerData';
  const { cols } = checkDraws(where, draws);
  const { bins = 40, method = 'kernel', levels = [0.3934693402873666, 0.8646647167633873] } = options;
  checkNumber(where, 'bins', bins, { min: 2, integer: true });
  checkOneOf(where, 'method', method, ['histogram', 'kernel']);
  const probabilities = Float64Array.from(levels, (level) =>
    checkNumber(where, 'levels', level, { above: 0, below: 1 }),
  );
  const names = checkNames(where, options.names, cols);
  if (options.ranges && options.ranges.length !== cols) {
    throw new ShapeError(
      argumentMessage(where, 'ranges', `have ${cols} entries, one a coordinate`, options.ranges.length),
    );
  }
  const axes = names.map((name, i) => {
    const values = pooled(chainsOf(draws, i));
    const [low, high] = options.ranges?.[i] ?? [values[0]!, values[values.length - 1]!];
    if (!(low < high && Number.isFinite(high - low))) {
      throw new RangeError(argumentMessage(where, `the range of ${name}`, 'be [low, high], low < high', [low, high]));
    }
    const width = (high - low) / bins;
    const edges = Float64Array.from({ length: bins + 1 }, (_, b) => (b === bins ? high : low + b * width));
    const centres = Float64Array.from({ length: bins }, (_, b) => low + (b + 0.5) * width);
    return { name, edges, centres, width };
  });
  const columns = names.map((_, i) => chainsOf(draws, i).flatMap((chain) => Array.from(chain)));
  const n = columns[0]!.length;
  const smear = (i: number, dimensions: number): ((draw: number) => Footprint) =>
    footprints(columns[i]!, axes[i]!, method === 'kernel' ? silverman(columns[i]!, dimensions) : 0);

  const diagonal = axes.map(({ name, edges, centres, width }, i) => {
    const density = new Float64Array(bins);
    const footprint = smear(i, 1);
    for (let draw = 0; draw < n; draw++) {
      const { first, weights } = footprint(draw);
      for (let b = 0; b < weights.length; b++) density[first + b]! += weights[b]! / (n * width);
    }
    return { name, edges, centres, density };
  });
  const pairs: Density2D[] = [];
  for (let y = 1; y < cols; y++) {
    for (let x = 0; x < y; x++) {
      const data = new Float64Array(bins * bins);
      const cell = axes[x]!.width * axes[y]!.width;
      const [along, across] = [smear(x, 2), smear(y, 2)];
      for (let draw = 0; draw < n; draw++) {
        const [a, b] = [along(draw), across(draw)];
        for (let row = 0; row < b.weights.length; row++) {
          const weight = b.weights[row]! / (n * cell);
          const start = (b.first + row) * bins + a.first;
          for (let col = 0; col < a.weights.length; col++) data[start + col]! += weight * a.weights[col]!;
        }
      }
      const density = { rows: bins, cols: bins, data };
      pairs.push({ x, y, density, contours: contourLevels(data, probabilities) });
    }
  }
  return { diagonal, pairs, levels: probabilities };
}

/**
 * Densities whose superlevel sets on a grid of equal cells hold given shares of the total: the borders of
 * highest-density regions.
 *
 * @throws RangeError when all densities are 0
 */
export function contourLevels(density: ArrayLike<number>, probabilities: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(density).sort().reverse();
  const total = sorted.reduce((sum, value) => sum + value, 0);
  if (!(total > 0))
    throw new RangeError(argumentMessage('tensor-core.contourLevels', 'density', 'be > 0 somewhere', total));
  return Float64Array.from(probabilities, (probability) => {
    let held = 0;
    for (const value of sorted) {
      held += value;
      if (held >= probability * total) return value;
    }
    return 0;
  });
}

/** The share of a draw in the bins from `first` on. */
interface Footprint {
  first: number;
  weights: Float64Array;
}

const NOTHING: Footprint = { first: 0, weights: new Float64Array(0) };
/** A kernel is cut off at so many standard deviations, where 6e-5 of it is left out before it is normalised. */
const KERNEL_REACH = 4;

/** Shares of a draw: all in its bin, or spread by a Gaussian kernel whose part inside the range counts 1. */
function footprints(
  values: readonly number[],
  { edges, centres, width }: { edges: Float64Array; centres: Float64Array; width: number },
  bandwidth: number,
): (draw: number) => Footprint {
  const bins = centres.length;
  const [low, high] = [edges[0]!, edges[bins]!];
  const whole = Float64Array.of(1);
  const binOf = (value: number): number => Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)));
  return (draw) => {
    const value = values[draw]!;
    if (value < low || value > high) return NOTHING;
    if (bandwidth < width / 4) return { first: binOf(value), weights: whole };
    const first = binOf(value - KERNEL_REACH * bandwidth);
    const last = binOf(value + KERNEL_REACH * bandwidth);
    const weights = centres
      .slice(first, last + 1)
      .map((centre) => Math.exp(-0.5 * ((centre - value) / bandwidth) ** 2));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  };
}

/** The smaller one of the standard deviation and the interquartile range over 1.34, which outliers do not move. */
function silverman(values: readonly number[], dimensions: number): number {
  const std = Math.sqrt(meanAndVariance(values).variance);
  const middle = (quantile(values, 0.75) - quantile(values, 0.25)) / 1.34;
  const spread = middle > 0 ? Math.min(std, middle) : std;
  return spread * (4 / ((dimensions + 2) * values.length)) ** (1 / (dimensions + 4));
}
