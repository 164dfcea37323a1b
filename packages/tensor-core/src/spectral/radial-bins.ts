import { argumentMessage, checkOneOf } from '../check';
import { wavenumbers, type WavenumberOptions, type WavenumberUnit } from './wavenumbers';

/** Options of `radialBins`. */
export interface RadialBinsOptions extends WavenumberOptions {
  /** Of the edges, default "modes". */
  unit?: WavenumberUnit;
  /**
   * Ascending edges of the bins, in `unit`. Default: shells of one mode, bin b has the wavenumbers that round to b modes,
   * b = 0, 1, ... up to the corners.
   */
  edges?: ArrayLike<number>;
  /** Which edge belongs to a bin: "left", edge[b] <= k < edge[b + 1] (default), or "right", edge[b] < k <= edge[b + 1]. */
  closed?: 'left' | 'right';
  /** Whether a last bin has everything beyond the last edge, the corners of the spectrum. Default false: left out. */
  overflow?: boolean;
  /**
   * In what k is rounded before it is compared, default float64. It decides for modes that lie exactly on an edge;
   * programs that compute wavenumbers in float32 sort some of them otherwise.
   */
  precision?: 'float64' | 'float32';
}

/** Rings of wavenumbers of similar length. */
export interface RadialBins {
  height: number;
  width: number;
  /** Number of bins. */
  size: number;
  /** The size + 1 edges, in the unit of `k`; the last one of an overflow bin is Infinity. */
  edges: Float64Array;
  /** Mean |k| of the modes of each bin; NaN where there are none. */
  k: Float64Array;
  /** Number of modes in each bin, k and -k both counted. */
  counts: Int32Array;
  /** The bin of each coefficient of fft2, row-major [height, width]; -1 for those in none. */
  index: Int32Array;
}

/**
 * Sorts the wavenumbers of an image's spectrum into rings.
 *
 * The defaults give shells of integer modes. With edges `linspace(0, pi, n)`, unit "radians", closed "right" and
 * overflow it is the binning of AstroDiff/AstroDDPM, which leaves the mean of the image out; with closed "left",
 * precision "float32" and no overflow that of rubenohana/Gibbs-Diffusion.
 *
 * @throws RangeError for broken sizes and options, or when edges are fewer than two, not ascending or NaN
 */
export function radialBins(height: number, width: number, options: RadialBinsOptions = {}): RadialBins {
  const where = 'tensor-core.radialBins';
  const { closed = 'left', overflow = false, precision = 'float64', unit = 'modes', spacing = 1 } = options;
  checkOneOf(where, 'closed', closed, ['left', 'right']);
  checkOneOf(where, 'precision', precision, ['float64', 'float32']);
  const inShells = options.edges === undefined;
  const grid = wavenumbers(height, width, { unit: inShells ? 'modes' : unit, spacing });
  const given = inShells ? shellEdges(grid.norm) : checkedEdges(where, options.edges!);
  const edges = overflow ? Float64Array.of(...given, Infinity) : given;
  const size = edges.length - 1;
  const index = new Int32Array(grid.norm.length);
  const counts = new Int32Array(size);
  const k = new Float64Array(size);
  grid.norm.forEach((exact, at) => {
    const bin = binOf(precision === 'float32' ? Math.fround(exact) : exact, edges, closed);
    index[at] = bin;
    if (bin < 0) return;
    counts[bin]!++;
    k[bin]! += exact;
  });
  for (let bin = 0; bin < size; bin++) k[bin]! /= counts[bin]!;
  return { height, width, size, edges, k, counts, index };
}

/** The bin of a wavenumber, -1 for none. */
function binOf(k: number, edges: Float64Array, closed: 'left' | 'right'): number {
  // The number of edges that are below k, or equal to it where the left one belongs to a bin.
  let [low, high] = [0, edges.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const edge = edges[middle]!;
    if (closed === 'left' ? edge <= k : edge < k) low = middle + 1;
    else high = middle;
  }
  return low === edges.length ? -1 : low - 1;
}

function shellEdges(norm: Float64Array): Float64Array {
  const largest = Math.round(norm.reduce((most, k) => Math.max(most, k), 0));
  return Float64Array.from({ length: largest + 2 }, (_, b) => b - 0.5);
}

function checkedEdges(where: string, edges: ArrayLike<number>): Float64Array {
  const copy = Float64Array.from(edges);
  const isAscending = copy.every((edge, b) => (b === 0 ? !Number.isNaN(edge) : edge > copy[b - 1]!));
  if (copy.length >= 2 && isAscending) return copy;
  throw new RangeError(argumentMessage(where, 'edges', 'be two or more ascending numbers', Array.from(copy)));
}
