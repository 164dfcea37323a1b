import * as tf from '@tensorflow/tfjs';

/** Whether what is computed now may be asked for its gradient. */
export function isTaped(): boolean {
  // Not whether there is a tape: one is left behind where the function of a gradient has thrown.
  const { gradientDepth, kernelDepth } = tf.engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}

/**
 * value^(1/p) of a p-th power >= 0. At 0, where the slope is infinite, the gradient is 0: clouds that agree stay.
 */
export function pthRoot<T extends tf.Tensor>(power: T, p: number): T {
  if (p === 1) return power;
  const root = tf.customGrad((value, save) => {
    const result = (value as tf.Tensor).pow(1 / p);
    (save as tf.GradSaveFunc)([value as tf.Tensor, result]);
    return {
      value: result,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [of, at] = saved as [tf.Tensor, tf.Tensor];
        const positive = of.greater(0);
        // The quotient at 0 is not used, but where() must not meet a division by it.
        const slope = at.div(tf.where(positive, of, tf.onesLike(of))).div(p);
        return tf.where(positive, dy.mul(slope), tf.zerosLike(of));
      },
    };
  });
  return root(power) as T;
}
