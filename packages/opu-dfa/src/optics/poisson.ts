import * as tf from '@tensorflow/tfjs';
import { random } from '@tfsci/tensor-core';

/** From here on counts come from a normal draw. */
export const POISSON_LIMIT = 10;
/** P(N >= 32) < 1e-7 at the limit. */
const TERMS = 32;
/** The tail below the resolution of the uniform draw; without it rounding could keep the sum of the terms below 1 for ever. */
const LEAST_TERM = 2 ** -23;

/**
 * Poisson counts, as tensor operations alone.
 *
 *   mean < 10   inversion: the first k with P(N <= k) > u; probabilities to 1e-6, what float32 sums and a u of 24 bits allow
 *   mean >= 10  floor(mean + sqrt(mean) z + z^2 / 6 + 1 / 3 - (z + z^3 / 2) / (36 sqrt(mean))), z normal: the Cornish-Fisher
 *               quantile on integers, with the mean, variance and skewness of the law to O(1 / mean); P(N <= k) to 0.0003
 *
 * @param mean  float32, >= 0, any shape; below 2^24, where float32 knows each integer. NaN gives NaN
 * @param key   used for these counts only
 * @see Giles, 2016, "Algorithm 955: approximation of the inverse Poisson cumulative distribution function", ACM TOMS 42
 */
export function poissonCounts<T extends tf.Tensor>(mean: T, key: random.Key): T {
  const [forSmall, forLarge] = random.split(key) as [random.Key, random.Key];
  return tf.tidy(() => {
    const small = inverted(mean, random.uniform(forSmall, mean.shape));
    const large = expanded(mean, random.normal(forLarge, mean.shape));
    return tf.where(tf.less(mean, POISSON_LIMIT), small, large);
  }) as T;
}

function inverted(mean: tf.Tensor, u: tf.Tensor): tf.Tensor {
  const small = tf.minimum(mean, POISSON_LIMIT);
  let term = small.neg().exp();
  let below = term;
  let count = tf.greaterEqual(u, below).toFloat();
  for (let k = 1; k < TERMS; k++) {
    term = term.mul(small).div(k);
    below = below.add(tf.maximum(term, LEAST_TERM));
    count = count.add(tf.greaterEqual(u, below).toFloat());
  }
  return count;
}

function expanded(mean: tf.Tensor, z: tf.Tensor): tf.Tensor {
  const root = tf.maximum(mean, POISSON_LIMIT).sqrt();
  const cubic = z.square().mul(0.5).add(1).mul(z).div(root.mul(36));
  const count = mean
    .add(root.mul(z))
    .add(z.square().div(6))
    .add(1 / 3)
    .sub(cubic)
    .floor();
  return tf.maximum(count, 0);
}
