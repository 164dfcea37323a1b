import { argumentMessage, checkNumber } from '../check';
import { exp, log } from './elementary';
import { checkReach, fillFloats, type Filler, type FillOptions, type FloatArray } from './filler';
import { clip, greatestFloat, leastFloat, type FloatKind } from './float-range';
import { checkKey, type Key } from './key';
import { blockNormal, blockUniform } from './words';

const SQRT_TWO_PI = 2.5066282746310002;

/** Parameters of the normal distribution conditioned on an interval. */
export interface TruncatedNormalOptions {
  /** Mean of the distribution before truncation, default 0. */
  mean?: number;
  /** Standard deviation before truncation, > 0, default 1. */
  std?: number;
  /** Lower bound in the units of the draw (not in standard deviations), default -2; may be -Infinity. */
  lower?: number;
  /** Upper bound in the units of the draw, default 2; may be Infinity. */
  upper?: number;
}

/**
 * Fills an array with draws of a normal distribution conditioned on [lower, upper], all inside after rounding
 * too. Rejection whose proposal follows the interval, so that tails at any distance are drawn as fast.
 *
 * @throws TypeError, RangeError for a bad key, array or parameter, or when no float lies in [lower, upper]
 * @see Robert, 1995, "Simulation of truncated normal variables", Statistics and Computing 5 (2)
 */
export function fillTruncatedNormal<A extends FloatArray>(
  key: Key,
  out: A,
  options: TruncatedNormalOptions & FillOptions = {},
): A {
  const where = 'tensor-core.fillTruncatedNormal';
  return fillFloats(where, out, options, (kind) => truncatedNormalFiller(where, key, options, kind));
}

export function truncatedNormalFiller(
  where: string,
  key: Key,
  { mean = 0, std = 1, lower = -2, upper = 2 }: TruncatedNormalOptions,
  kind: FloatKind,
): Filler<FloatArray> {
  checkKey(where, key);
  checkNumber(where, 'mean', mean);
  checkNumber(where, 'std', std, { above: 0 });
  checkBound(where, 'lower', lower);
  checkBound(where, 'upper', upper);
  if (!(lower < upper)) throw new RangeError(argumentMessage(where, 'lower', `be < upper (${upper})`, lower));
  for (const bound of [mean, lower, upper]) {
    if (Number.isFinite(bound))
      checkReach(where, '|mean|, |lower|, |upper| + 40 std', kind, Math.abs(bound) + 40 * std);
  }
  const least = leastFloat(kind, lower);
  const greatest = greatestFloat(kind, upper);
  if (least > greatest) {
    throw new RangeError(argumentMessage(where, '[lower, upper]', `contain a ${kind} number`, [lower, upper]));
  }
  // Attempt a of element i reads its proposal from block 2a and its acceptance from block 2a + 1.
  const width = (upper - lower) / std;
  const inside = lower <= mean && mean <= upper;
  if (inside && width >= SQRT_TWO_PI) {
    return (out, offset = 0) => {
      for (let j = 0; j < out.length; j++) {
        let x: number;
        let attempt = 0;
        do {
          x = mean + std * blockNormal(key, offset + j, attempt);
          attempt += 2;
        } while (x < lower || x > upper);
        out[j] = clip(x, least, greatest);
      }
    };
  }

  // t counts standard deviations from the bound nearer to the mean (inside: from the lower one) outwards.
  const fromLower = inside || lower > mean;
  const bound = fromLower ? lower : upper;
  const outwards = fromLower ? std : -std;
  const edge = (bound - mean) / outwards;
  const root = (edge + Math.sqrt(edge * edge + 4)) / 2; // Robert's optimal rate of the exponential proposal
  if (inside || width <= exp(0.5 - edge / (2 * root)) / root) {
    // Uniform proposal, accepted by the density relative to its largest value, at the mean or at the bound.
    return (out, offset = 0) => {
      for (let j = 0; j < out.length; j++) {
        let t: number;
        let logDensity: number;
        let attempt = 0;
        do {
          t = width * blockUniform(key, offset + j, attempt);
          logDensity = (inside ? -(edge + t) * (edge + t) : -t * (2 * edge + t)) / 2;
          attempt += 2;
        } while (log(blockUniform(key, offset + j, attempt - 1)) > logDensity);
        out[j] = clip(bound + outwards * t, least, greatest);
      }
    };
  }
  return (out, offset = 0) => {
    for (let j = 0; j < out.length; j++) {
      let t: number;
      let miss: number;
      let attempt = 0;
      do {
        t = -log(blockUniform(key, offset + j, attempt)) / root;
        miss = t - 1 / root; // edge + t - root
        attempt += 2;
      } while (t > width || 2 * log(blockUniform(key, offset + j, attempt - 1)) > -miss * miss);
      out[j] = clip(bound + outwards * t, least, greatest);
    }
  };
}

function checkBound(where: string, name: string, bound: unknown): void {
  if (typeof bound !== 'number') throw new TypeError(argumentMessage(where, name, 'be a number', bound));
  if (bound !== bound) throw new RangeError(argumentMessage(where, name, 'not be NaN', bound));
}
