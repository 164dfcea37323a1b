import { argumentMessage, checkNumber, ShapeError } from '../check';
import { type Matrix64 } from '../linalg';
import { checkKey, fillUniform, foldIn, type Key } from '../random';
import { checkBounds, checkInitial, type Interval } from './density';
import { drain, drainAsync, type RunOptions } from './run';

/** What `sliceSample` takes. */
export interface SliceOptions extends RunOptions<SliceProgress> {
  /** log p(q) up to a constant, of chain `chain`; -Infinity where the density is 0. Must not keep or change q. */
  logDensity: (q: Float64Array, chain: number) => number;
  /** A point for each chain. */
  initial: readonly ArrayLike<number>[];
  key: Key;
  /** First width of the interval in each coordinate, about a scale of the target, default 1. */
  widths?: number | ArrayLike<number>;
  /** Largest number of widths that the interval may have, default 100. */
  maxWidths?: number;
  /** Sweeps that are thrown away, default 100. */
  burnIn?: number;
  /** Draws to keep of each chain, default 1000. */
  keep?: number;
  /** Sweeps from one kept draw to the next, default 1. */
  thin?: number;
  /** Lowest and highest value of every coordinate; none by default. */
  bounds?: readonly Interval[] | undefined;
}

/** Where a run is. */
export interface SliceProgress {
  iteration: number;
  iterations: number;
}

/** What `sliceSample` returns. */
export interface SliceResult {
  /** The kept positions of each chain, [n, D]. */
  draws: Matrix64[];
  /** log p of them. */
  logDensity: Float64Array[];
  /** Calls of `logDensity`. */
  densityCalls: number;
  /** Whether all sweeps are done; false when `signal` stopped the run. */
  finished: boolean;
}

/** Uniforms that one coordinate update may use: slice, interval, its division between the sides, trials. */
const MOST_UNIFORMS = 1000;

/**
 * Draws from a density without its gradient: every sweep updates each coordinate by slice sampling, with stepping out
 * and shrinkage.
 *
 * @throws TypeError, ShapeError, RangeError for bad options, an initial point outside the bounds or of density 0, or a
 *   density that shrinks a slice to nothing
 * @see Neal, 2003, "Slice sampling", Annals of Statistics 31 (3), figures 3 and 5
 */
export function sliceSample(options: SliceOptions): SliceResult {
  return drain(sweeps('tensor-core.sliceSample', options), options);
}

/** `sliceSample` with turns for the event loop: the same draws. Throws where `sliceSample` throws, as a rejection. */
export async function sliceSampleAsync(options: SliceOptions): Promise<SliceResult> {
  return drainAsync(sweeps('tensor-core.sliceSampleAsync', options), options);
}

function* sweeps(where: string, options: SliceOptions): Generator<SliceProgress, SliceResult, void> {
  const points = checkInitial(where, options.initial);
  const dimension = points[0]!.length;
  const { maxWidths = 100, burnIn = 100, keep = 1000, thin = 1 } = options;
  checkKey(where, options.key);
  checkNumber(where, 'maxWidths', maxWidths, { min: 1, integer: true });
  checkNumber(where, 'burnIn', burnIn, { min: 0, integer: true });
  checkNumber(where, 'keep', keep, { min: 1, integer: true });
  checkNumber(where, 'thin', thin, { min: 1, integer: true });
  const widths = checkWidths(where, options.widths ?? 1, dimension);
  const bounds = options.bounds && checkBounds(where, options.bounds, points);
  let calls = 0;
  const densities = points.map((_, chain) => (q: Float64Array): number => {
    calls++;
    return options.logDensity(q.slice(), chain);
  });
  const values = points.map((point, chain) => {
    const value = densities[chain]!(point);
    if (Number.isFinite(value)) return value;
    throw new RangeError(argumentMessage(where, `logDensity at initial[${chain}]`, 'be finite', value));
  });
  const rows: { positions: Float64Array[]; values: number[] }[] = points.map(() => ({ positions: [], values: [] }));
  const total = burnIn + keep * thin;
  let sweep = 0;
  for (; sweep < total && !options.signal?.aborted; sweep++) {
    const sweepKey = foldIn(options.key, sweep);
    points.forEach((point, chain) => {
      const chainKey = foldIn(sweepKey, chain);
      for (let i = 0; i < dimension; i++) {
        const uniform = uniformsOf(where, foldIn(chainKey, i));
        const [low, high] = bounds?.[i] ?? [-Infinity, Infinity];
        const line = (x: number): number => {
          if (x < low || x > high) return -Infinity;
          point[i] = x;
          return densities[chain]!(point);
        };
        const found = sliceOnLine(line, point[i]!, values[chain]!, widths[i]!, maxWidths, uniform);
        point[i] = found.x;
        values[chain] = found.value;
      }
      if (sweep < burnIn || (sweep - burnIn + 1) % thin !== 0) return;
      rows[chain]!.positions.push(point.slice());
      rows[chain]!.values.push(values[chain]!);
    });
    yield { iteration: sweep + 1, iterations: total };
  }
  return {
    draws: rows.map(({ positions }) => {
      const data = new Float64Array(positions.length * dimension);
      positions.forEach((position, n) => data.set(position, n * dimension));
      return { rows: positions.length, cols: dimension, data };
    }),
    logDensity: rows.map(({ values: kept }) => Float64Array.from(kept)),
    densityCalls: calls,
    finished: sweep >= total,
  };
}

/** A new point on a line, from the slice under a uniform height below the density at x. */
function sliceOnLine(
  line: (x: number) => number,
  x: number,
  value: number,
  width: number,
  maxWidths: number,
  uniform: () => number,
): { x: number; value: number } {
  const height = value + Math.log1p(-uniform());
  let left = x - width * uniform();
  let right = left + width;
  let toLeft = Math.floor(maxWidths * uniform());
  let toRight = maxWidths - 1 - toLeft;
  while (toLeft-- > 0 && line(left) > height) left -= width;
  while (toRight-- > 0 && line(right) > height) right += width;
  for (;;) {
    const trial = left + (right - left) * uniform();
    const found = line(trial);
    if (found >= height) return { x: trial, value: found };
    if (trial < x) left = trial;
    else right = trial;
  }
}

/** The uniforms of one update, one after the other. */
function uniformsOf(where: string, key: Key): () => number {
  const batch = new Float64Array(8);
  let used = 0;
  return () => {
    if (used === MOST_UNIFORMS) {
      const wanted = 'be at least as large at a point as when it was called there before';
      throw new RangeError(argumentMessage(where, 'logDensity', wanted, 'a slice that shrank to nothing'));
    }
    if (used % batch.length === 0) fillUniform(key, batch, { offset: used });
    return batch[used++ % batch.length]!;
  };
}

function checkWidths(where: string, widths: number | ArrayLike<number>, dimension: number): number[] {
  const all = typeof widths === 'number' ? new Array<number>(dimension).fill(widths) : Array.from(widths);
  if (all.length !== dimension) {
    throw new ShapeError(argumentMessage(where, 'widths', `have ${dimension} entries as the points`, all.length));
  }
  return all.map((width) => checkNumber(where, 'widths', width, { above: 0 }));
}
