import { argumentMessage, checkNumber, ShapeError } from '../check';
import { binomialQuantile, incompleteGamma, logGamma } from '../linalg';

/** A histogram of what should be uniform on [0, 1), and what is expected of it. */
export interface UniformHistogram {
  /** Counts of equal bins. */
  counts: Uint32Array;
  /** n / bins. */
  expected: number;
  /** Binomial quantiles between which each count lies with the probability asked for, at least. */
  band: [low: number, high: number];
  /** Pearson's statistic, chi-squared with bins - 1 degrees of freedom for many values. */
  chiSquared: number;
  /** Its upper tail probability: small when the values are not uniform. */
  pValue: number;
}

/**
 * The histogram of values that should be uniform, as of the ranks of simulation-based calibration.
 *
 * @param values  in [0, 1)
 * @param options.bins         default 15
 * @param options.probability  of each bin's band, default 0.95
 * @throws RangeError for a value outside [0, 1) or a bad option, ShapeError for no values
 */
export function uniformHistogram(
  values: ArrayLike<number>,
  { bins = 15, probability = 0.95 }: { bins?: number; probability?: number } = {},
): UniformHistogram {
  const where = 'tensor-core.uniformHistogram';
  checkNumber(where, 'bins', bins, { min: 2, integer: true });
  checkNumber(where, 'probability', probability, { above: 0, below: 1 });
  const n = checkUniforms(where, values);
  const counts = new Uint32Array(bins);
  for (let i = 0; i < n; i++) counts[Math.floor(values[i]! * bins)]!++;
  const expected = n / bins;
  const chiSquared = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const tail = (1 - probability) / 2;
  return {
    counts,
    expected,
    band: [binomialQuantile(tail, n, 1 / bins), binomialQuantile(1 - tail, n, 1 / bins)],
    chiSquared,
    pValue: incompleteGamma((bins - 1) / 2, chiSquared / 2).q,
  };
}

/** A band for the empirical distribution function of uniform values. */
export interface EcdfBand {
  /** Where it is evaluated: i / points, i = 1 ... points - 1. */
  at: Float64Array;
  /** Smallest and largest share of values <= at[i] inside the band. */
  low: Float64Array;
  high: Float64Array;
  /** Probability of the band of each point alone. */
  pointwise: number;
}

/**
 * The simultaneous band for the empirical distribution function of n independent uniform values: the whole function
 * stays inside with at least the given probability. Binomial bands at each point, all with the same tail probability,
 * which is as large as the exact probability of staying inside allows.
 *
 * @param n                    number of values
 * @param options.points       number of intervals, default min(n, 100)
 * @param options.probability  default 0.95
 * @throws RangeError for a bad argument
 * @see Saeilynoja, Buerkner & Vehtari, 2022, "Graphical test for discrete uniformity", arXiv:2103.10522
 */
export function ecdfBand(
  n: number,
  { points = Math.min(n, 100), probability = 0.95 }: { points?: number; probability?: number } = {},
): EcdfBand {
  const where = 'tensor-core.ecdfBand';
  checkNumber(where, 'n', n, { min: 2, integer: true });
  checkNumber(where, 'points', points, { min: 2, integer: true });
  checkNumber(where, 'probability', probability, { above: 0, below: 1 });
  const at = Float64Array.from({ length: points - 1 }, (_, i) => (i + 1) / points);
  const bandOf = (tail: number): [Int32Array, Int32Array] => [
    Int32Array.from(at, (z) => binomialQuantile(tail, n, z)),
    Int32Array.from(at, (z) => binomialQuantile(1 - tail, n, z)),
  ];
  const logFactorials = Float64Array.from({ length: n + 1 }, (_, k) => logGamma(k + 1));
  // The probability falls as the tails grow, in steps; Bonferroni's tails are small enough.
  let small = (1 - probability) / (2 * at.length);
  let large = (1 - probability) / 2;
  for (let step = 0; step < 30; step++) {
    const middle = (small + large) / 2;
    if (probabilityInside(n, logFactorials, at, ...bandOf(middle)) >= probability) small = middle;
    else large = middle;
  }
  const [low, high] = bandOf(small);
  const shares = (counts: Int32Array): Float64Array => Float64Array.from(counts, (count) => count / n);
  return { at, low: shares(low), high: shares(high), pointwise: 1 - 2 * small };
}

/** Shares of values <= at[i]. @throws RangeError for a value outside [0, 1), ShapeError for no values */
export function ecdf(values: ArrayLike<number>, at: ArrayLike<number>): Float64Array {
  const n = checkUniforms('tensor-core.ecdf', values);
  const sorted = Float64Array.from(values).sort();
  let below = 0;
  const order = Array.from(at, (_, i) => i).sort((a, b) => at[a]! - at[b]!);
  const shares = new Float64Array(at.length);
  for (const i of order) {
    while (below < n && sorted[below]! <= at[i]!) below++;
    shares[i] = below / n;
  }
  return shares;
}

/** A binomial probability below this is left out of sums. */
const NEGLIGIBLE = 1e-20;

/**
 * The probability that the counts N(at[i]) of n uniform values all lie in [low[i], high[i]]: the counts are a Markov
 * chain, N(at[i+1]) - N(at[i]) binomial of the values that are left.
 */
function probabilityInside(
  n: number,
  logFactorials: Float64Array,
  at: Float64Array,
  low: Int32Array,
  high: Int32Array,
): number {
  let from = 0;
  let probabilities = Float64Array.of(1);
  let before = 0;
  at.forEach((z, i) => {
    const p = (z - before) / (1 - before);
    const odds = p / (1 - p);
    const next = new Float64Array(high[i]! - low[i]! + 1);
    probabilities.forEach((weight, index) => {
      const left = n - from - index;
      const count = n - left;
      const [least, most] = [Math.max(0, low[i]! - count), high[i]! - count];
      if (most < least) return;
      // From the likeliest increment to both sides by ratios: far from it nothing is left to add.
      const middle = Math.min(most, Math.max(least, Math.floor((left + 1) * p)));
      const logChoices = logFactorials[left]! - logFactorials[middle]! - logFactorials[left - middle]!;
      const top = weight * Math.exp(logChoices + middle * Math.log(p) + (left - middle) * Math.log1p(-p));
      const place = count - low[i]!;
      for (let k = middle, term = top; k <= most && term > NEGLIGIBLE; k++) {
        next[place + k]! += term;
        term *= (odds * (left - k)) / (k + 1);
      }
      for (let k = middle, term = top; k > least && term > NEGLIGIBLE; k--) {
        term *= k / (odds * (left - k + 1));
        next[place + k - 1]! += term;
      }
    });
    [from, probabilities, before] = [low[i]!, next, z];
  });
  return probabilities.reduce((sum, weight) => sum + weight, 0);
}

/** Returns how many there are. @throws ShapeError for none, RangeError for one outside [0, 1) */
export function checkUniforms(where: string, values: ArrayLike<number>): number {
  const n = values.length;
  if (!(n > 0)) throw new ShapeError(argumentMessage(where, 'values', 'hold at least one', n));
  for (let i = 0; i < n; i++) checkNumber(where, `values[${i}]`, values[i], { min: 0, below: 1 });
  return n;
}
