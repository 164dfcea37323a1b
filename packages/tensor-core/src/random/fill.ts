import { argumentMessage, checkNumber } from '../check';
import { log } from './elementary';
import { checkReach, filled, fillFloats, type Filler, type FillOptions, type FloatArray } from './filler';
import { clip, greatestFloatBelow, leastFloat, LARGEST, type FloatKind } from './float-range';
import { normalQuantiles } from './inverse-normal';
import { checkKey, type Key } from './key';
import { centred32, centred53, eachChunk, CHUNK, open32, open52 } from './words';

const probabilities = new Float64Array(CHUNK);
const quantiles = new Float64Array(CHUNK);
const tails = new Uint16Array(CHUNK);

/** Parameters of the uniform distribution on [low, high). */
export interface UniformOptions {
  /** Default 0. */
  low?: number;
  /** Default 1. */
  high?: number;
}

/** Parameters of the normal distribution. */
export interface NormalOptions {
  /** Default 0. */
  mean?: number;
  /** Standard deviation, >= 0, default 1. */
  std?: number;
}

/** Parameters of the exponential distribution. */
export interface ExponentialOptions {
  /** Rate, > 0, default 1; the mean is 1 / rate. */
  rate?: number;
}

/** Parameters of the Bernoulli distribution. */
export interface BernoulliOptions {
  /** Probability of 1, in [0, 1], default 1/2. */
  p?: number;
}

/**
 * Fills an array with uniform draws, low + (high - low) u, all in [low, high) after rounding too.
 * u has 24 random bits in a Float32Array and 53 in a Float64Array.
 *
 * @throws TypeError, RangeError for a bad key, array or bound, or when no float lies in [low, high)
 */
export function fillUniform<A extends FloatArray>(key: Key, out: A, options: UniformOptions & FillOptions = {}): A {
  const where = 'tensor-core.fillUniform';
  return fillFloats(where, out, options, (kind) => uniformFiller(where, key, options, kind));
}

/**
 * Fills an array with normal draws, by the quantile function of uniforms of 32 random bits in a Float32Array
 * (|z| < 6.3) and of 53 in a Float64Array (|z| < 8.4).
 *
 * @throws TypeError, RangeError for a bad key, array or parameter
 */
export function fillNormal<A extends FloatArray>(key: Key, out: A, options: NormalOptions & FillOptions = {}): A {
  const where = 'tensor-core.fillNormal';
  return fillFloats(where, out, options, (kind) => normalFiller(where, key, options, kind));
}

/**
 * Fills an array with exponential draws, -log(u) / rate, u of 32 random bits in a Float32Array and of 52 in
 * a Float64Array; never 0 unless the rate is so large that the quotient is.
 *
 * @throws TypeError, RangeError for a bad key, array or rate
 */
export function fillExponential<A extends FloatArray>(
  key: Key,
  out: A,
  options: ExponentialOptions & FillOptions = {},
): A {
  const where = 'tensor-core.fillExponential';
  return fillFloats(where, out, options, (kind) => exponentialFiller(where, key, options, kind));
}

/**
 * Fills an array with draws of 0 and 1; the probability of 1 is p up to 2^-64.
 *
 * @throws TypeError, RangeError for a bad key, array or probability
 */
export function fillBernoulli(key: Key, out: Uint8Array, options: BernoulliOptions & FillOptions = {}): Uint8Array {
  const where = 'tensor-core.fillBernoulli';
  if (!(out instanceof Uint8Array)) throw new TypeError(argumentMessage(where, 'out', 'be a Uint8Array', out));
  return filled(where, out, options, bernoulliFiller(where, key, options));
}

export function uniformFiller(
  where: string,
  key: Key,
  { low = 0, high = 1 }: UniformOptions,
  kind: FloatKind,
): Filler<FloatArray> {
  checkKey(where, key);
  checkNumber(where, 'low', low, { min: -LARGEST[kind], max: LARGEST[kind] });
  checkNumber(where, 'high', high, { above: low, max: LARGEST[kind] });
  const span = high - low;
  checkReach(where, 'high - low', 'float64', span);
  const least = leastFloat(kind, low);
  const greatest = greatestFloatBelow(kind, high);
  if (least > greatest) {
    throw new RangeError(argumentMessage(where, '[low, high)', `contain a ${kind} number`, [low, high]));
  }
  if (kind === 'float32') {
    const scale = span * 5.9604644775390625e-8; // 2^-24
    return (out, offset = 0) =>
      eachChunk(key, offset, out.length, 1, (start, count, at, words, kernel) => {
        if (kernel) return kernel.uniforms({ at, count, out, start }, low, scale, least, greatest);
        for (let j = 0; j < count; j++) out[start + j] = clip(low + scale * (words[at + j]! >>> 8), least, greatest);
      });
  }
  return (out, offset = 0) =>
    eachChunk(key, offset, out.length, 2, (start, count, at, words, kernel) => {
      if (kernel) return kernel.uniforms({ at, count, out, start }, low, span, least, greatest);
      for (let j = 0; j < count; j++, at += 2) {
        const u = (words[at]! * 2097152 + (words[at + 1]! >>> 11)) * 1.1102230246251565e-16;
        out[start + j] = clip(low + span * u, least, greatest);
      }
    });
}

export function normalFiller(
  where: string,
  key: Key,
  { mean = 0, std = 1 }: NormalOptions,
  kind: FloatKind,
): Filler<FloatArray> {
  checkKey(where, key);
  checkNumber(where, 'mean', mean);
  checkNumber(where, 'std', std, { min: 0 });
  checkReach(where, '|mean| + 9 std', kind, Math.abs(mean) + 9 * std);
  const wordsPerElement = kind === 'float32' ? 1 : 2;
  return (out, offset = 0) =>
    eachChunk(key, offset, out.length, wordsPerElement, (start, count, at, words, kernel) => {
      if (kernel) return kernel.normals({ at, count, out, start }, mean, std);
      if (wordsPerElement === 1) {
        for (let j = 0; j < count; j++) probabilities[j] = centred32(words[at + j]!);
      } else {
        for (let j = 0; j < count; j++) probabilities[j] = centred53(words[at + 2 * j]!, words[at + 2 * j + 1]!);
      }
      normalQuantiles(probabilities, quantiles, tails, count);
      for (let j = 0; j < count; j++) out[start + j] = mean + std * quantiles[j]!;
    });
}

export function exponentialFiller(
  where: string,
  key: Key,
  { rate = 1 }: ExponentialOptions,
  kind: FloatKind,
): Filler<FloatArray> {
  checkKey(where, key);
  checkNumber(where, 'rate', rate, { above: 0 });
  checkReach(where, '37 / rate', kind, 37 / rate);
  if (kind === 'float32') {
    return (out, offset = 0) =>
      eachChunk(key, offset, out.length, 1, (start, count, at, words) => {
        for (let j = 0; j < count; j++) out[start + j] = -log(open32(words[at + j]!)) / rate;
      });
  }
  return (out, offset = 0) =>
    eachChunk(key, offset, out.length, 2, (start, count, at, words) => {
      for (let j = 0; j < count; j++, at += 2) out[start + j] = -log(open52(words[at]!, words[at + 1]!)) / rate;
    });
}

export function bernoulliFiller(where: string, key: Key, { p = 0.5 }: BernoulliOptions): Filler<Uint8Array> {
  checkKey(where, key);
  checkNumber(where, 'p', p, { min: 0, max: 1 });
  // u < p for a uniform u of 64 bits; the lower word decides only where the upper word leaves it open.
  const upper = Math.floor(p * 4294967296);
  const lower = (p * 4294967296 - upper) * 4294967296;
  return (out, offset = 0) =>
    eachChunk(key, offset, out.length, 2, (start, count, at, words) => {
      for (let j = 0; j < count; j++, at += 2) {
        const word = words[at]!;
        out[start + j] = word < upper || (word === upper && words[at + 1]! < lower) ? 1 : 0;
      }
    });
}
