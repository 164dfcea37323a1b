// B batch, L tokens, D width.
import * as tf from '@tensorflow/tfjs';

/**
 * Embeddings of tokens, those of [NUM] multiplied by their values.
 *
 *   num_t E[ids_t] where ids_t = [NUM],  E[ids_t] elsewhere
 *
 * Positions are added afterwards: the first public version had it the other way round.
 *
 * @param embedded_BLD  E[ids]
 * @param ids_BL        int32
 * @param numbers_BL    num, float32; only its values at [NUM] count
 * @param numberId      id of [NUM]; null leaves all embeddings as they are
 * @returns [B, L, D]
 * @see Golkar et al., 2023, sec. 2, arXiv:2310.02989
 */
export function scaleNumbers(
  embedded_BLD: tf.Tensor,
  ids_BL: tf.Tensor,
  numbers_BL: tf.Tensor,
  numberId: number | null,
): tf.Tensor {
  if (numberId === null) return embedded_BLD;
  return tf.tidy(() => {
    const isNumber_BL = ids_BL.equal(tf.scalar(numberId, 'int32'));
    return embedded_BLD.mul(tf.where(isNumber_BL, numbers_BL, tf.onesLike(numbers_BL)).expandDims(-1));
  });
}
