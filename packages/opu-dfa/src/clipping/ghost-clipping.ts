// M examples, N inputs, K units, L layers
import * as tf from '@tensorflow/tfjs';
import { check } from '@tfsci/tensor-core';
import { zeroOrNaN } from './clip';

const { argumentMessage, checkNumber, checkShape } = check;

/**
 * Squared norms of the gradients of each example in a dense layer, without these gradients.
 *
 *   ||h delta^T||_F^2 = ||h||^2 ||delta||^2,  with a bias (||h||^2 + 1) ||delta||^2
 *
 * @param h_MN          inputs of the layer, float32 [M, N]
 * @param delta_MK      derivatives of each example's loss by the layer's z, not divided by M, float32 [M, K]
 * @param options.bias  whether the layer has one, default true
 * @returns [M]; NaN or Infinity for an example with such numbers
 * @throws TypeError, ShapeError for what are no matrices of M rows
 * @see Goodfellow, 2015, "Efficient per-example gradient computations", arXiv:1510.01799
 */
export function ghostSquaredNorms(
  h_MN: tf.Tensor2D,
  delta_MK: tf.Tensor2D,
  { bias = true }: { bias?: boolean } = {},
): tf.Tensor1D {
  const where = 'opu-dfa.ghostSquaredNorms';
  checkShape(where, 'h', h_MN, [null, null]);
  checkShape(where, 'delta', delta_MK, [h_MN.shape[0], null]);
  return tf.tidy(() => {
    const inputs_M = h_MN.square().sum(1);
    return delta_MK
      .square()
      .sum(1)
      .mul<tf.Tensor1D>(bias ? inputs_M.add(1) : inputs_M);
  });
}

/**
 * What each example's delta, in every layer, is multiplied by so that its gradient over all layers has a norm of at most C.
 *
 *   c_i = min(1, C / s_i),  s_i^2 = sum over layers of `ghostSquaredNorms`
 *
 * The sum of such gradients changes by at most C when an example is left out or added: its sensitivity is C.
 *
 * @param squaredNorms  of each layer [M]
 * @param C             > 0
 * @returns [M], 1 exactly for examples inside. NaN for an example whose sum is NaN or Infinity, so that the clipped sum is
 *   NaN too, and whoever adds noise to it and goes on must look first: there is no bound for such an example
 * @throws RangeError without layers or for a C that is not above 0; TypeError, ShapeError for other tensors
 * @see Li, Tramèr, Liang & Hashimoto, 2022, "Large language models can be strong differentially private learners",
 *   arXiv:2110.05679, section 4
 */
export function ghostClipFactors(squaredNorms: readonly tf.Tensor1D[], C: number): tf.Tensor1D {
  const where = 'opu-dfa.ghostClipFactors';
  checkNumber(where, 'C', C, { above: 0 });
  const [first] = squaredNorms;
  if (first === undefined) {
    throw new RangeError(argumentMessage(where, 'squaredNorms', 'be those of at least one layer', squaredNorms));
  }
  squaredNorms.forEach((norms, layer) => {
    checkShape(where, `squaredNorms[${layer}]`, norms, layer === 0 ? [null] : first.shape);
  });
  return tf.tidy(() => {
    const norm_M = tf.addN([...squaredNorms]).sqrt();
    return tf.div<tf.Tensor1D>(C, norm_M.maximum(C)).add(zeroOrNaN(norm_M));
  });
}
