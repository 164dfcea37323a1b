import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkedSize, checkOneOf } from '../check';
import { drawn } from './drawn';
import {
  bernoulliFiller,
  exponentialFiller,
  normalFiller,
  uniformFiller,
  type ExponentialOptions,
  type NormalOptions,
  type UniformOptions,
} from './fill';
import type { Key } from './key';
import { gammaFiller, integersFiller, type GammaOptions } from './rejection';
import { truncatedNormalFiller, type TruncatedNormalOptions } from './truncated-normal';
import { MAX_ELEMENTS } from './words';

/** Options of `uniform`. */
export interface UniformTensorOptions extends UniformOptions {
  /** Default float32; int32 gives unbiased integers in [low, high), as `integers` does. */
  dtype?: 'float32' | 'int32';
}

/**
 * A tensor of independent uniform draws on [low, high), in float32 from 24 random bits.
 *
 * @param key    used for this draw only; the same key gives the same numbers on every backend
 * @param shape  of the result; [] gives a scalar
 * @returns float32 (or int32) of the given shape; equals `fillUniform` of a Float32Array
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or bounds
 */
export function uniform(key: Key, shape: readonly number[], options: UniformTensorOptions = {}): tf.Tensor {
  const where = 'tensor-core.uniform';
  const { low = 0, high = 1, dtype = 'float32' } = options;
  if (checkOneOf(where, 'dtype', dtype, ['float32', 'int32']) === 'int32') {
    return drawn(checkedShape(where, shape), 'int32', integersFiller(where, key, { low, high }));
  }
  return drawn(checkedShape(where, shape), 'float32', uniformFiller(where, key, { low, high }, 'float32'));
}

/**
 * A tensor of independent normal draws.
 *
 * @param key      used for this draw only
 * @param shape    of the result; [] gives a scalar
 * @param options  mean, default 0; std >= 0, default 1
 * @returns float32 of the given shape; equals `fillNormal` of a Float32Array
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or parameters
 */
export function normal(key: Key, shape: readonly number[], options: NormalOptions = {}): tf.Tensor {
  const where = 'tensor-core.normal';
  return drawn(checkedShape(where, shape), 'float32', normalFiller(where, key, options, 'float32'));
}

/**
 * A tensor of independent normal draws conditioned on [lower, upper], as torch.nn.init.trunc_normal_: the
 * bounds have the units of the draw, they do not count standard deviations.
 *
 * @param key      used for this draw only
 * @param options  mean 0, std 1 (> 0), lower -2, upper 2; bounds may be infinite, and far from the mean
 * @returns float32 of the given shape, every value in [lower, upper]
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or parameters
 */
export function truncatedNormal(key: Key, shape: readonly number[], options: TruncatedNormalOptions = {}): tf.Tensor {
  const where = 'tensor-core.truncatedNormal';
  return drawn(checkedShape(where, shape), 'float32', truncatedNormalFiller(where, key, options, 'float32'));
}

/**
 * A tensor of independent gamma draws, with mean alpha / rate and variance alpha / rate^2.
 *
 * @param key      used for this draw only
 * @param options  alpha > 0, the distribution's shape; rate > 0, default 1
 * @returns float32 of the given shape
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or parameters
 */
export function gamma(key: Key, shape: readonly number[], options: GammaOptions): tf.Tensor {
  const where = 'tensor-core.gamma';
  return drawn(checkedShape(where, shape), 'float32', gammaFiller(where, key, options, 'float32'));
}

/**
 * A tensor of independent exponential draws, with mean 1 / rate.
 *
 * @param key      used for this draw only
 * @param options  rate > 0, default 1
 * @returns float32 of the given shape
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or parameters
 */
export function exponential(key: Key, shape: readonly number[], options: ExponentialOptions = {}): tf.Tensor {
  const where = 'tensor-core.exponential';
  return drawn(checkedShape(where, shape), 'float32', exponentialFiller(where, key, options, 'float32'));
}

/**
 * A tensor of independent integers, all of low .. high - 1 equally likely.
 *
 * @param key   used for this draw only
 * @param low   an integer, >= -2^31
 * @param high  an integer, > low and <= 2^31
 * @returns int32 of the given shape
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or bounds
 */
export function integers(key: Key, shape: readonly number[], low: number, high: number): tf.Tensor {
  const where = 'tensor-core.integers';
  return drawn(checkedShape(where, shape), 'int32', integersFiller(where, key, { low, high }));
}

/**
 * A tensor of independent truth values.
 *
 * @param key  used for this draw only
 * @param p    probability of true, default 1/2
 * @returns bool of the given shape
 * @throws TypeError for a bad key or shape, RangeError for bad lengths or a p outside [0, 1]
 */
export function bernoulli(key: Key, shape: readonly number[], p = 0.5): tf.Tensor {
  const where = 'tensor-core.bernoulli';
  return drawn(checkedShape(where, shape), 'bool', bernoulliFiller(where, key, { p }));
}

function checkedShape(where: string, shape: unknown): readonly number[] {
  if (!Array.isArray(shape)) {
    throw new TypeError(argumentMessage(where, 'shape', 'be an array of lengths', shape, 'Write [n] for n values.'));
  }
  const lengths = shape as readonly number[];
  if (checkedSize(where, lengths) > MAX_ELEMENTS) {
    throw new RangeError(argumentMessage(where, 'shape', 'have at most 2^32 elements', shape));
  }
  return lengths;
}
