// L slices, d coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, type random } from '@tfsci/tensor-core';
import { normalisedWeights } from '../cloud';
import { AxialDistribution } from './axial-distribution';
import { cosineMoments, type CosineMoments } from './bessel';
import { type AngularLaw, quantileSlopes } from './implicit-gradient';
import { vonMisesFisherCosines } from './ulrich-wood';
import { norm, unitRows } from './unit-rows';

const { argumentMessage, checkNumber } = check;

/** Newton's method for the concentration converges in 2 to 5 steps; for d = 1 in up to 40. */
const STEPS = 50;

/**
 * The von Mises-Fisher distribution: slices around the mean direction mu.
 *
 *   density  exp(kappa mu.theta) / S(kappa)  relative to the uniform distribution, S = 0F1(; d/2; kappa^2 / 4)
 *   KL to uniform  kappa A - log S,  A = E mu.theta = I_{d/2}(kappa) / I_{d/2-1}(kappa)
 *
 * @param mu     mean direction, [d], d >= 1; divided by its norm
 * @param kappa  concentration, >= 0; 0 is the uniform distribution
 * @throws TypeError, ShapeError, RangeError when mu is empty, 0 or not finite, or kappa negative or not finite
 * @see Mardia & Jupp, 2000, "Directional statistics", section 9.3
 */
export class VonMisesFisher extends AxialDistribution {
  private readonly moments: CosineMoments;

  constructor(mu: ArrayLike<number>, kappa: number) {
    super('vmf', mu, kappa);
    this.moments = cosineMoments(this.dim, kappa);
  }

  /** The uniform distribution on the sphere of R^d: kappa = 0, mu = e_1. @throws TypeError, RangeError for d < 1 */
  static uniform(dim: number): VonMisesFisher {
    checkNumber('sliced-wasserstein.VonMisesFisher.uniform', 'dim', dim, { min: 1, integer: true });
    return new VonMisesFisher(
      Float64Array.from({ length: dim }, (_, j) => (j === 0 ? 1 : 0)),
      0,
    );
  }

  /**
   * The distribution of greatest likelihood: mu the direction of the mean m of the slices, A(kappa) = |m|.
   *
   * @param theta            [L, d], rows of norm 1
   * @param options.weights  of the slices, >= 0, [L]; default equal
   * @throws TypeError, ShapeError, RangeError for rows or weights that are none; RangeError when all slices are equal (kappa
   *   would be infinite) or their mean is 0 (no direction)
   */
  static fit(
    theta: tf.Tensor2D | readonly ArrayLike<number>[],
    { weights }: { weights?: ArrayLike<number> } = {},
  ): VonMisesFisher {
    const where = 'sliced-wasserstein.VonMisesFisher.fit';
    const { values, dim } = unitRows(where, 'theta', theta);
    const count = values.length / dim;
    const masses = normalisedWeights(where, 'weights', weights, count);
    const mean = new Float64Array(dim);
    values.forEach((entry, i) => (mean[i % dim]! += entry * (masses?.[Math.floor(i / dim)] ?? 1 / count)));
    const length = norm(mean);
    if (length === 0) throw new RangeError(argumentMessage(where, 'mean of theta', 'differ from 0', length));
    if (length >= 1 - Number.EPSILON * values.length) {
      throw new RangeError(argumentMessage(where, 'theta', 'have rows that differ', `a mean of norm ${length}`));
    }
    return new VonMisesFisher(mean, concentrationOf(dim, length));
  }

  klUniform(): number {
    return this.moments.kl;
  }

  /** kappa A'(kappa) */
  klSlope(): number {
    return this.kappa * this.moments.slope;
  }

  /** A(kappa) */
  meanCosine(): number {
    return this.moments.mean;
  }

  /** A / kappa */
  protected momentAcross(): number {
    return this.kappa === 0 ? 1 / this.dim : this.moments.mean / this.kappa;
  }

  protected logRatio(oneMinusW: number): number {
    const { kl, oneLess } = this.moments;
    // kappa - log S = KL + kappa (1 - A), without the cancellation.
    return kl + this.kappa * (oneLess - oneMinusW);
  }

  protected drawRests(count: number, key: random.Key): Float64Array {
    return vonMisesFisherCosines(this.dim, this.kappa, count, key);
  }

  protected slopesOf(oneMinusW: Float64Array): Float64Array {
    return vonMisesFisherSlopes(this.dim, this.kappa, oneMinusW);
  }

  protected remade(mu: ArrayLike<number>, kappa: number): VonMisesFisher {
    return new VonMisesFisher(mu, kappa);
  }
}

/** dw / dkappa at fixed quantile of von Mises-Fisher cosines; 0 for d = 1. */
export function vonMisesFisherSlopes(dim: number, kappa: number, oneMinusW: Float64Array): Float64Array {
  if (dim === 1) return new Float64Array(oneMinusW.length);
  const { oneLess } = cosineMoments(dim, kappa);
  // h = sin^(d-2) phi exp(kappa cos phi), with 2 sin^2(phi / 2) = 1 - cos phi, whose digits matter for large kappa.
  const rest = (phi: number): number => 2 * Math.sin(phi / 2) ** 2;
  const law: AngularLaw = {
    logDensity: (phi) => (dim === 2 ? 0 : (dim - 2) * Math.log(Math.sin(phi))) - kappa * rest(phi),
    score: (phi) => oneLess - rest(phi),
    width: 1 / Math.sqrt(kappa + dim),
  };
  return quantileSlopes(law, oneMinusW);
}

/** kappa with A(kappa) = r, 0 < r < 1. */
function concentrationOf(dim: number, r: number): number {
  let kappa = (r * (dim - r * r)) / (1 - r * r);
  for (let step = 0; step < STEPS; step++) {
    const { mean, oneLess, slope } = cosineMoments(dim, kappa);
    const missing = r < 0.5 ? r - mean : oneLess - (1 - r);
    const next = Math.max(kappa + missing / slope, kappa / 2);
    if (Math.abs(next - kappa) <= 1e-14 * kappa) return next;
    kappa = next;
  }
  return kappa;
}
