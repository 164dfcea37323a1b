import * as tf from '@tensorflow/tfjs';

/** tf.tidy for results of any record type: its own type knows neither interfaces nor null. */
export function tidied<T>(compute: () => T): T {
  return tf.tidy(compute as () => tf.TensorContainer) as T;
}
