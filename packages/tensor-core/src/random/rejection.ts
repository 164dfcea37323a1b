import { argumentMessage, checkNumber } from '../check';
import { exp, log } from './elementary';
import { checkReach, filled, fillFloats, type Filler, type FillOptions, type FloatArray } from './filler';
import type { FloatKind } from './float-range';
import { checkKey, type Key } from './key';
import { threefry } from './threefry';
import { blockNormal, blockUniform, eachChunk } from './words';

/**
 * Draws by rejection. Attempt a of element i reads blocks that belong to (i, a) alone, so an element never
 * depends on how often another one was rejected. Every method accepts with a probability bounded away from
 * zero for all parameters, so the counters of 2^29 attempts are never used up.
 */

/** The block number, far above those of attempts, that holds the uniform of gamma's boost. */
const BOOST = 0x20000000;

const block = new Uint32Array(2);

/** Parameters of the gamma distribution. */
export interface GammaOptions {
  /** Shape, > 0. */
  alpha: number;
  /** Rate, > 0, default 1; the mean is alpha / rate. */
  rate?: number;
}

/** Bounds of a uniform distribution on integers. */
export interface IntegersOptions {
  /** Smallest value, >= -2^31. */
  low: number;
  /** One more than the largest value, <= 2^31. */
  high: number;
}

/**
 * Fills an array with gamma draws. For small alpha most draws are tiny: those below the format's smallest
 * number are 0 (in float32 with alpha = 0.1 one in 30 000).
 *
 * @throws TypeError, RangeError for a bad key, array or parameter
 * @see Marsaglia & Tsang, 2000, "A simple method for generating gamma variables", ACM TOMS 26 (3)
 */
export function fillGamma<A extends FloatArray>(key: Key, out: A, options: GammaOptions & FillOptions): A {
  const where = 'tensor-core.fillGamma';
  return fillFloats(where, out, options, (kind) => gammaFiller(where, key, options, kind));
}

/**
 * Fills an array with unbiased integers in [low, high).
 *
 * @throws TypeError, RangeError for a bad key, array or bound
 */
export function fillIntegers(key: Key, out: Int32Array, options: IntegersOptions & FillOptions): Int32Array {
  const where = 'tensor-core.fillIntegers';
  if (!(out instanceof Int32Array)) throw new TypeError(argumentMessage(where, 'out', 'be an Int32Array', out));
  return filled(where, out, options, integersFiller(where, key, options));
}

/**
 * An unbiased integer in [0, range) for element `index`, 1 <= range <= 2^32, from its first candidate `word`.
 * Words of the last, incomplete run of `range` values would favour the small remainders and are rejected.
 */
export function unbiasedBelow(key: Key, index: number, word: number, range: number): number {
  let remainder = word % range;
  for (let attempt = 1; word - remainder + range > 4294967296; attempt++) {
    threefry(key.word0, key.word1, index, attempt, block, 0);
    word = block[0]!;
    remainder = word % range;
  }
  return remainder;
}

export function integersFiller(where: string, key: Key, { low, high }: IntegersOptions): Filler<Int32Array> {
  checkKey(where, key);
  checkNumber(where, 'low', low, { min: -2147483648, max: 2147483647, integer: true });
  checkNumber(where, 'high', high, { above: low, max: 2147483648, integer: true });
  const range = high - low;
  return (out, offset = 0) =>
    eachChunk(key, offset, out.length, 1, (start, count, at, words) => {
      for (let j = 0; j < count; j++) {
        out[start + j] = low + unbiasedBelow(key, offset + start + j, words[at + j]!, range);
      }
    });
}

export function gammaFiller(
  where: string,
  key: Key,
  { alpha, rate = 1 }: GammaOptions,
  kind: FloatKind,
): Filler<FloatArray> {
  checkKey(where, key);
  checkNumber(where, 'alpha', alpha, { above: 0 });
  checkNumber(where, 'rate', rate, { above: 0 });
  // Gamma(alpha) = Gamma(alpha + 1) U^(1/alpha), as the method needs a shape >= 1.
  const boosted = alpha < 1;
  const d = (boosted ? alpha + 1 : alpha) - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  const largest = 1 + 9 * c; // no normal draw exceeds 9
  checkReach(where, 'alpha / rate', kind, (d * largest * largest * largest) / rate);
  return (out, offset = 0) => {
    for (let j = 0; j < out.length; j++) {
      const i = offset + j;
      let value = -1;
      for (let attempt = 0; value < 0; attempt += 2) {
        const x = blockNormal(key, i, attempt);
        const t = 1 + c * x;
        if (t <= 0) continue;
        const v = t * t * t;
        const u = blockUniform(key, i, attempt + 1);
        const xx = x * x;
        if (u < 1 - 0.0331 * xx * xx || log(u) < 0.5 * xx + d * (1 - v + log(v))) value = d * v;
      }
      if (boosted) value *= exp(log(blockUniform(key, i, BOOST)) / alpha);
      out[j] = value / rate;
    }
  };
}
