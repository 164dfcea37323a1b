import { check } from '@tfsci/tensor-core';
import { featureVariance, type PairMoments } from './variance';

/** A TensorSketch: its degree p and its number of features D. */
export interface TensorSketchShape {
  degree: number;
  features: number;
}

/**
 * The variance of the estimate of (x.y)^p by a TensorSketch whose hashes and signs are independent, exactly:
 *
 *   ((D - e) V_CtR + e V_real) / D^2,   e = 2 for even D, 1 for odd D
 *
 * with V_CtR and V_real of Rademacher signs, see `featureVariance`; for p = 1 it is (N + s^2 - 2 S) / D. In the frequency
 * domain a count sketch is a projection with complex signs at all but the e frequencies that are their own negatives,
 * and the estimate is the mean over D frequencies: E [c_x(f) c_y(-f) c_x(g) c_y(-g)] is s^2, and more by s^2 - S where
 * f = g and by N - S where f = -g.
 *
 * @throws RangeError, TypeError for a shape outside its ranges
 * @see Pham & Pagh, 2013, "Fast and scalable polynomial kernels via explicit feature maps"
 */
export function tensorSketchVariance(pair: PairMoments, shape: TensorSketchShape): number {
  return tensorSketchVarianceOf(shape)(pair);
}

/** `tensorSketchVariance` of one shape, for many pairs. */
export function tensorSketchVarianceOf(shape: TensorSketchShape): (pair: PairMoments) => number {
  const { degree, features } = checkShape('ctr-features.tensorSketchVariance', shape);
  const { ctr, real } = frequencyShares(features);
  return (pair) =>
    // Rounding may leave a negative number where all signs give the same.
    Math.max(
      ctr * featureVariance(pair, { projection: 'rademacher', mode: 'ctr', degree }) +
        real * featureVariance(pair, { projection: 'rademacher', mode: 'real', degree }),
      0,
    );
}

/** What V_CtR and V_real are multiplied by in `tensorSketchVariance`. */
export function frequencyShares(features: number): { ctr: number; real: number } {
  const alone = features % 2 === 0 ? 2 : 1;
  return { ctr: (features - alone) / features ** 2, real: alone / features ** 2 };
}

/**
 * A bound of the variance of a TensorSketch that holds for pairwise independent hashes too: (2 + 3^p) N^p / D.
 *
 * @throws RangeError, TypeError for a shape outside its ranges
 * @see Avron, Nguyen & Woodruff, 2014, "Subspace embeddings for the polynomial kernel"
 */
export function tensorSketchBound({ norms }: Pick<PairMoments, 'norms'>, shape: TensorSketchShape): number {
  const { degree, features } = checkShape('ctr-features.tensorSketchBound', shape);
  return ((2 + 3 ** degree) * norms ** degree) / features;
}

function checkShape(where: string, shape: TensorSketchShape): TensorSketchShape {
  check.checkNumber(where, 'degree', shape.degree, { min: 1, integer: true });
  check.checkNumber(where, 'features', shape.features, { min: 1, integer: true });
  return shape;
}
