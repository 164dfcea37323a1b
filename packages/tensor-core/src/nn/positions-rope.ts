// T tokens, D width of a head, M = D / 2 pairs.
import * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';

/** Which elements belong together: 'half' m and m + D/2, 'interleaved' 2m and 2m + 1. */
export type PairLayout = 'half' | 'interleaved';

/** How rotary positions turn vectors. */
export interface RopeOptions {
  /** Of the frequencies base^(-2m/D), default 10000. */
  base?: number;
  /** Which elements turn together, default 'half': m and m + D/2; 'interleaved': 2m and 2m + 1. */
  layout?: PairLayout;
  /** T numbers, default 0 .. T-1. */
  positions?: readonly number[] | undefined;
}

/** The turns of all positions, for vectors of one width. */
export interface RopeTables {
  cos_TD: tf.Tensor;
  sin_TD: tf.Tensor;
  quarterTurn_DD: tf.Tensor;
}

/**
 * Rotary positions: turns pairs of elements by angles proportional to the position, so that the product of a query and a
 * key depends on the difference of their positions alone.
 *
 *   (a, b) -> (a cos - b sin, b cos + a sin),  of the angle  position base^(-2m/D),  m < D/2
 *
 * Angles are computed in float64, so that far positions are as exact as near ones.
 *
 * @param x  [..., T, D], D even
 * @returns of x's shape; each vector keeps its length
 * @throws ShapeError when the width is odd or there are not T positions, RangeError when a number is not finite or the
 *   base is not positive
 * @see Su et al., 2021, eq. (34), arXiv:2104.09864
 */
export function rope(x: tf.Tensor, options: RopeOptions = {}): tf.Tensor {
  const [T = 0, D = 0] = x.shape.slice(-2);
  if (x.rank < 2 || D % 2 !== 0) {
    throw new ShapeError(argumentMessage('tensor-core.rope', 'x', 'have a last axis of even length', x));
  }
  return tf.tidy(() => turn(x, ropeTables('tensor-core.rope', T, D, options)));
}

/** @param T, D  tokens and the even width @throws see rope */
export function ropeTables(where: string, T: number, D: number, options: RopeOptions): RopeTables {
  const { base = 10000, layout = 'half', positions = [...Array(T).keys()] } = options;
  checkNumber(where, 'base', base, { above: 0 });
  checkOneOf(where, 'layout', layout, ['half', 'interleaved']);
  if (positions.length !== T) {
    throw new ShapeError(argumentMessage(where, 'positions', `be ${T} numbers, one a token`, positions));
  }
  positions.forEach((position, t) => checkNumber(where, `positions[${t}]`, position));
  const angles = Float64Array.from({ length: (T * D) / 2 }, (_, n) => {
    const [t, m] = [Math.floor(n / (D / 2)), n % (D / 2)];
    return positions[t]! * base ** ((-2 * m) / D);
  });
  return {
    cos_TD: twice(angles.map(Math.cos), T, layout),
    sin_TD: twice(angles.map(Math.sin), T, layout),
    quarterTurn_DD: quarterTurn(D, layout),
  };
}

/** x cos + (x turned by a right angle) sin, pair by pair. */
export function turn(x: tf.Tensor, { cos_TD, sin_TD, quarterTurn_DD }: RopeTables): tf.Tensor {
  // The product has entries 0 and +-1, so it is exact; on most backends it is as fast as slices and a concatenation.
  const turned = tf.matMul(x.reshape([-1, x.shape.at(-1)!]), quarterTurn_DD).reshape(x.shape);
  return x.mul(cos_TD).add(turned.mul(sin_TD));
}

/** The value of a pair for both of its elements. @returns [T, D] */
function twice(values_TM: Float64Array, T: number, layout: PairLayout): tf.Tensor {
  const M = values_TM.length / T;
  const [table, axis]: [tf.Tensor, number] =
    layout === 'half'
      ? [tf.tensor3d(Float32Array.from(values_TM), [T, 1, M]), 1]
      : [tf.tensor3d(Float32Array.from(values_TM), [T, M, 1]), 2];
  return tf.concat([table, table], axis).reshape([T, 2 * M]);
}

/** The matrix that takes each pair (a, b) to (-b, a) from the right. */
function quarterTurn(D: number, layout: PairLayout): tf.Tensor {
  const matrix = new Float32Array(D * D);
  for (let m = 0; m < D / 2; m++) {
    const [a, b] = layout === 'half' ? [m, m + D / 2] : [2 * m, 2 * m + 1];
    matrix[b * D + a] = -1;
    matrix[a * D + b] = 1;
  }
  return tf.tensor2d(matrix, [D, D]);
}
