import * as tf from '@tensorflow/tfjs';

/** Activations of hidden layers, by their names in tf.layers. */
export type ActivationName = 'tanh' | 'relu' | 'sigmoid' | 'linear' | 'softplus' | 'elu';

/** phi and what its derivative is in terms of its value. */
interface Activation {
  apply(z: tf.Tensor): tf.Tensor;
  /** phi'(z) from h = phi(z); null where it is 1. */
  slope(h: tf.Tensor): tf.Tensor | null;
  /** The largest |phi'|. */
  maxSlope: number;
}

/** With tanh and sigmoid |h| and |phi'| are bounded, so sensitivities are finite without clipping. */
export const ACTIVATIONS: Record<ActivationName, Activation> = {
  tanh: { apply: (z) => z.tanh(), slope: (h) => tf.sub(1, h.square()), maxSlope: 1 },
  relu: { apply: (z) => z.relu(), slope: (h) => tf.step(h), maxSlope: 1 },
  sigmoid: { apply: (z) => z.sigmoid(), slope: (h) => h.sub(h.square()), maxSlope: 0.25 },
  linear: { apply: (z) => z.clone(), slope: () => null, maxSlope: 1 },
  // 1 - exp(-h), with all its digits where h is small.
  softplus: { apply: (z) => z.softplus(), slope: (h) => h.neg().expm1().neg(), maxSlope: 1 },
  // For z < 0 the derivative exp(z) is h + 1.
  elu: { apply: (z) => z.elu(), slope: (h) => tf.minimum(h, 0).add(1), maxSlope: 1 },
};

/** The names that options may have. */
export const ACTIVATION_NAMES = Object.keys(ACTIVATIONS) as ActivationName[];
