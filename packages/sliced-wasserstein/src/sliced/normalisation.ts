// N points of x, M of y, D coordinates
import * as tf from '@tensorflow/tfjs';

/** How coordinates are scaled before clouds are compared, by what both together show: those of large range would decide alone. */
export type Normalisation = 'none' | 'standard' | 'minmax';

/**
 * Clouds whose coordinates have, over both together with equal weight of each point, mean 0 and standard deviation 1
 * (`standard`), or lie in [0, 1] (`minmax`). Coordinates that never vary are only moved.
 */
export function normalised(
  x_ND: tf.Tensor2D,
  y_MD: tf.Tensor2D,
  normalisation: Normalisation,
): [tf.Tensor2D, tf.Tensor2D] {
  if (normalisation === 'none') return [x_ND, y_MD];
  const statistics = constant((x, y) => {
    const both = tf.concat([x, y], 0);
    const least = both.min(0);
    const range = both.max(0).sub(least);
    if (normalisation === 'minmax') return tf.stack([least, positive(range)]);
    // Moments of [0, 1]: squares of the coordinates themselves may leave float32.
    const { mean, variance } = tf.moments(both.sub(least).div(positive(range)), 0);
    return tf.stack([least.add(mean.mul(range)), positive(variance.sqrt().mul(range))]);
  })(x_ND, y_MD);
  const [centre, scale] = tf.unstack(statistics) as [tf.Tensor1D, tf.Tensor1D];
  const of = (cloud: tf.Tensor2D): tf.Tensor2D => cloud.sub(centre).div(scale);
  return [of(x_ND), of(y_MD)];
}

/** 1 in the place of 0. */
function positive(spread: tf.Tensor): tf.Tensor {
  return tf.where(spread.greater(0), spread, tf.onesLike(spread));
}

/** A function of two tensors without a gradient: statistics are constants of the distance. */
function constant(body: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor): (x: tf.Tensor, y: tf.Tensor) => tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, y] = args as tf.Tensor[] as [tf.Tensor, tf.Tensor];
    return { value: body(x, y), gradFunc: () => [tf.zerosLike(x), tf.zerosLike(y)] };
  });
}
