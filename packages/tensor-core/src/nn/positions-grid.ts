// H W rows and columns of the table, R S those that are wanted, D width.
import * as tf from '@tensorflow/tfjs';
import { checkNumber, checkShape } from '../check';
import { bicubicWeights } from './bicubic';
import { checkCounts } from './checks';

/** How interpolatePositions resizes. */
export interface InterpolateOptions {
  /**
   * Added to the lengths that are wanted where the scale is computed, default 0. The public weights of DINOv2 were
   * trained with 0.1.
   */
  offset?: number;
  /** See BicubicOptions, default false. */
  antialias?: boolean;
}

/**
 * A table of positions on a grid, resized bicubically to another grid, as torch.nn.functional.interpolate does.
 *
 * @param table_ND  [H W, D], row by row
 * @param from      [H, W]
 * @param to        [R, S]
 * @returns [R S, D]; the gradient flows to the table
 * @throws ShapeError when the table is not of the grid, RangeError when a number is not of its kind
 * @see Oquab et al., 2023, arXiv:2304.07193
 */
export function interpolatePositions(
  table_ND: tf.Tensor,
  from: readonly [number, number],
  to: readonly [number, number],
  { offset = 0, antialias = false }: InterpolateOptions = {},
): tf.Tensor {
  const where = 'tensor-core.interpolatePositions';
  const [[H, W], [R, S]] = [from, to];
  checkCounts(where, { 'from[0]': H, 'from[1]': W, 'to[0]': R, 'to[1]': S });
  checkNumber(where, 'offset', offset, { min: 0 });
  checkShape(where, 'table', table_ND, [H * W, null]);
  const D = table_ND.shape[1]!;
  const weights = (length: number, wanted: number): tf.Tensor2D => {
    const scale = (wanted + offset) / length;
    const values = bicubicWeights(length, wanted, { scale, antialias });
    return tf.tensor2d(Float32Array.from(values), [wanted, length]);
  };
  return tf.tidy(() => {
    const rows_RWD = tf.matMul(weights(H, R), table_ND.reshape([H, W * D])).reshape([R, W, D]);
    const columns = rows_RWD.transpose([1, 0, 2]).reshape([W, R * D]);
    return tf
      .matMul(weights(W, S), columns)
      .reshape([S, R, D])
      .transpose([1, 0, 2])
      .reshape([R * S, D]);
  });
}
