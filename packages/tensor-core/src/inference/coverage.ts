import { argumentMessage, checkNumber, ShapeError } from '../check';
import { binomialQuantile, type Matrix64, rowOf } from '../linalg';
import { checkKey, fillUniform, type Key } from '../random';
import { checkDraws } from './chains';
import { checkUniforms } from './rank-statistics';

/** How often credible regions hold the truth, against how often they should. */
export interface CoverageCurve {
  /** Nominal probabilities. */
  levels: Float64Array;
  /** Share of the runs whose region of each level holds the truth. */
  observed: Float64Array;
  /** Binomial quantiles of the share when regions are right: each holds it with the probability asked for, at least. */
  low: Float64Array;
  high: Float64Array;
}

/** At which levels coverage is counted. */
export interface CoverageOptions {
  /** Default 0.05, 0.1, ..., 0.95. */
  levels?: ArrayLike<number>;
  /** Probability of the band at each level, default 0.95. */
  probability?: number;
}

/**
 * The coverage of central intervals: the interval of level c runs from quantile (1 - c)/2 to (1 + c)/2.
 *
 * @param positions  the truth's probability of each run, in [0, 1): what `sbc` returns as positions of a parameter
 * @throws ShapeError for no runs, RangeError for a position outside [0, 1) or a bad level
 */
export function coverage(positions: ArrayLike<number>, options: CoverageOptions = {}): CoverageCurve {
  const where = 'tensor-core.coverage';
  checkUniforms(where, positions);
  return curveOf(
    where,
    Array.from(positions, (u) => Math.abs(2 * u - 1)),
    options,
  );
}

/** What `randomPointCoverage` takes. */
export interface RandomPointOptions extends CoverageOptions {
  key: Key;
}

/**
 * The coverage of balls round random points, a test of all parameters together: the ball round a random reference point
 * that just reaches the truth holds a uniform share of right posterior draws. Coordinates are scaled to the range of the
 * truths, in which the reference points are uniform.
 *
 * @param truth  [runs, D]
 * @param draws  [n, D] of each run, independent draws
 * @throws TypeError, ShapeError, RangeError when shapes do not fit or all truths of a coordinate are equal
 * @see Lemos, Coogan, Hezaveh & Perreault-Levasseur, 2023, "Sampling-based accuracy testing of posterior estimators for
 *   general inference" (TARP), arXiv:2302.03026
 */
export function randomPointCoverage(
  truth: Matrix64,
  draws: readonly Matrix64[],
  { key, ...options }: RandomPointOptions,
): CoverageCurve {
  const where = 'tensor-core.randomPointCoverage';
  checkKey(where, key);
  const { rows: runs, cols } = checkDraws(where, [truth]);
  if (draws.length !== runs) {
    throw new ShapeError(argumentMessage(where, 'draws', `have ${runs} entries, one a row of truth`, draws.length));
  }
  const low = new Float64Array(cols).fill(Infinity);
  const high = new Float64Array(cols).fill(-Infinity);
  truth.data.forEach((value, at) => {
    low[at % cols] = Math.min(low[at % cols]!, value);
    high[at % cols] = Math.max(high[at % cols]!, value);
  });
  const width = high.map((value, i) => value - low[i]!);
  if (!width.every((w) => w > 0 && w < Infinity)) {
    throw new RangeError(argumentMessage(where, 'truth', 'vary in every coordinate', Array.from(width)));
  }
  const references = fillUniform(key, new Float64Array(runs * cols));
  const shares = draws.map((sample, run) => {
    const { rows, cols: sampleCols } = checkDraws(where, [sample]);
    if (sampleCols !== cols) {
      throw new ShapeError(argumentMessage(where, `draws[${run}]`, `have ${cols} columns as truth`, sampleCols));
    }
    const distance = (point: Float64Array): number => {
      let sum = 0;
      for (let i = 0; i < cols; i++) {
        sum += ((point[i]! - low[i]!) / width[i]! - references[run * cols + i]!) ** 2;
      }
      return sum;
    };
    const reach = distance(rowOf(truth, run));
    let inside = 0;
    for (let n = 0; n < rows; n++) if (distance(rowOf(sample, n)) < reach) inside++;
    return inside / rows;
  });
  return curveOf(where, shares, options);
}

/** Shares of the values that are at most each level. */
function curveOf(
  where: string,
  needed: readonly number[],
  { levels = Array.from({ length: 19 }, (_, i) => (i + 1) / 20), probability = 0.95 }: CoverageOptions,
): CoverageCurve {
  checkNumber(where, 'probability', probability, { above: 0, below: 1 });
  const n = needed.length;
  const all = Float64Array.from(levels, (level) => checkNumber(where, 'levels', level, { above: 0, below: 1 }));
  const tail = (1 - probability) / 2;
  return {
    levels: all,
    observed: all.map((level) => needed.filter((value) => value <= level).length / n),
    low: all.map((level) => binomialQuantile(tail, n, level) / n),
    high: all.map((level) => binomialQuantile(1 - tail, n, level) / n),
  };
}
