// L slices, d coordinates
import type * as tf from '@tensorflow/tfjs';
import { check, linalg, random } from '@tfsci/tensor-core';
import { type AxialDraw, type AxialGradient, type CosineDraw, pulledBack } from './axial-draw';
import { type AxialParameters, differentiableSlices, slicesTensor } from './axial-rsample';
import { axialSlices } from './axial-slices';
import type { SliceDistribution } from './slice-distribution';
import { refuseInCompiled } from './uniform-slices';
import { unitRows, unitVector } from './unit-rows';

const { checkNumber } = check;

/** Names of the families and of their classes. */
export const AXIAL_CLASSES = {
  vmf: 'VonMisesFisher',
  vmfSymmetric: 'SymmetricVonMisesFisher',
  powerSpherical: 'PowerSpherical',
} as const;

/** The families of distributions of slices around one axis. */
export type AxialFamily = keyof typeof AXIAL_CLASSES;

/** A distribution as plain data; `axialFromJSON` makes it again. */
export interface AxialJson {
  family: AxialFamily;
  mu: number[];
  kappa: number;
}

/**
 * A distribution of slices whose density depends on w = mu.theta alone: mean direction or axis mu, concentration kappa.
 *
 * For kappa = 0 it is uniform. Scalars are computed in float64 on the host; there is nothing to dispose.
 *
 * @see Ohana, Nadjahi, Rakotomamonjy & Ralaivola, 2023, "Shedding a PAC-Bayesian light on adaptive sliced-Wasserstein
 *   distances", arXiv:2206.03230
 */
export abstract class AxialDistribution implements SliceDistribution {
  readonly family: AxialFamily;
  /** d */
  readonly dim: number;
  /** Unit vector, [d]. */
  readonly mu: Float64Array;
  /** >= 0 */
  readonly kappa: number;

  constructor(family: AxialFamily, mu: ArrayLike<number>, kappa: number) {
    this.family = family;
    const where = `sliced-wasserstein.${AXIAL_CLASSES[family]}`;
    this.mu = unitVector(where, 'mu', mu);
    this.dim = this.mu.length;
    this.kappa = checkNumber(where, 'kappa', kappa, { min: 0 });
  }

  /** KL(rho || uniform) >= 0, in nats. */
  abstract klUniform(): number;
  /** dKL(rho || uniform) / dkappa >= 0 */
  abstract klSlope(): number;
  /** E mu.theta */
  abstract meanCosine(): number;

  /** E (1 - w^2) / (d - 1), the second moment in each direction across mu. */
  protected abstract momentAcross(): number;
  /** log of the density relative to the uniform one, of 1 - w and 1 + w. */
  protected abstract logRatio(oneMinusW: number, onePlusW: number): number;
  /** 1 - w of independent slices but for their signs, [L]. */
  protected abstract drawRests(count: number, key: random.Key): Float64Array;
  /** dw / dkappa for such 1 - w. */
  protected abstract slopesOf(oneMinusW: Float64Array): Float64Array;
  protected abstract remade(mu: ArrayLike<number>, kappa: number): AxialDistribution;

  /** 1 for slices whose sign is changed after they were drawn; none for distributions that have a direction. */
  protected drawSigns(_count: number, _key: random.Key): Uint8Array | null {
    return null;
  }

  /** The distribution of the same family with other parameters. @throws as the constructor */
  with({ mu = this.mu, kappa = this.kappa }: { mu?: ArrayLike<number>; kappa?: number }): this {
    return this.remade(mu, kappa) as this;
  }

  /** -E log density with respect to the surface measure: log |S^(d-1)| - KL(rho || uniform). */
  entropy(): number {
    return logSphereArea(this.dim) - this.klUniform();
  }

  /**
   * log density with respect to the surface measure, in float64.
   *
   * @param theta  [L, d], rows of norm 1 (to float32; their direction is what counts)
   * @returns [L]
   * @throws TypeError, ShapeError when it is not [L, d]; RangeError when a row is not of norm 1; BackendError in a compiled
   *   function
   */
  logProb(theta: tf.Tensor2D | readonly ArrayLike<number>[]): Float64Array {
    const { values } = unitRows(this.where('logProb'), 'theta', theta, this.dim);
    const uniform = -logSphereArea(this.dim);
    return Float64Array.from({ length: values.length / this.dim }, (_, l) => {
      let [apart, together] = [0, 0];
      for (let j = 0; j < this.dim; j++) {
        const [m, t] = [this.mu[j]!, values[l * this.dim + j]!];
        apart += (t - m) ** 2;
        together += (t + m) ** 2;
      }
      // |theta - mu|^2 = 2 (1 - w): the digits that 1 - mu.theta would lose are what kappa is multiplied with.
      return this.logRatio(apart / 2, together / 2) + uniform;
    });
  }

  /** E theta theta' = a I + (1 - d a) mu mu', a = E (1 - w^2) / (d - 1); [d, d]. */
  secondMoment(): linalg.Matrix64 {
    const { dim, mu } = this;
    const across = this.momentAcross();
    const moment = linalg.matrix(dim, dim);
    for (let i = 0; i < dim; i++) {
      for (let j = 0; j < dim; j++) moment.data[i * dim + j] = (1 - dim * across) * mu[i]! * mu[j]!;
      moment.data[i * dim + i]! += across;
    }
    return moment;
  }

  /**
   * Independent slices.
   *
   * @param count  L >= 1
   * @returns float32 [L, d], unit rows
   * @throws TypeError, RangeError for a bad count or key; BackendError in a compiled function, which would draw the same
   *   slices at each call
   */
  sample(count: number, key: random.KeyOrSeed): tf.Tensor2D {
    return slicesTensor(this.checkedDraw('sample', count, key), this.dim);
  }

  /** The slices of `sample` with the same key in float64 on the host, and their cosines. @throws as `sample` */
  draw(count: number, key: random.KeyOrSeed): AxialDraw {
    return this.checkedDraw('draw', count, key);
  }

  /**
   * The cosines w = mu.theta of the slices of `sample` with the same key, for those who need no more than them.
   *
   * @throws as `sample`
   */
  drawCosines(count: number, key: random.KeyOrSeed): CosineDraw {
    return this.signedCosines(count, this.checkDraw('drawCosines', count, key)).cosines;
  }

  /**
   * Slices that can be differentiated in the parameters: those of `sample` with the same key, of the distribution with the
   * kappa and mu of the tensors.
   *
   *   dtheta / dkappa = dw/dkappa (mu - w t / sqrt(1 - w^2)),  t the unit vector of theta across mu
   *   dtheta = w delta - (delta.theta) mu                      for a change delta of mu
   *
   * dw/dkappa is that of the quantile, implicit reparametrisation. The change of mu is a rotation of space, which takes rho
   * to the distribution around the new axis: an exact reparametrisation too, and one that does not depend on how theta was
   * made from w. Of mu of another norm the gradient is that of mu / |mu|.
   *
   * @param count       L >= 1
   * @param parameters  what is differentiated in; tfjs finds them by tf.grads, tf.variableGrads or an optimiser
   * @returns float32 [L, d], unit rows
   * @throws as `sample`; ShapeError, RangeError for parameters of other shapes or that are not finite; BackendError when the
   *   backend cannot read them at once
   * @see Figurnov, Mohamed & Mnih, 2018, "Implicit reparameterization gradients", arXiv:1805.08498
   * @remarks For d = 1 theta takes two values and has no derivative in kappa: dw/dkappa is 0, right for functions that are
   *   the same at theta and -theta, as distances of slices are. Gradients of gradients are not defined.
   */
  rsample(count: number, key: random.KeyOrSeed, parameters: AxialParameters = {}): tf.Tensor2D {
    const of = { count, key: this.checkDraw('rsample', count, key) };
    return differentiableSlices(this.where('rsample'), this, of, parameters);
  }

  /**
   * The gradient of J(theta_1, ..., theta_L) in the parameters the slices were drawn with, in float64 on the host: what
   * `rsample` gives to tfjs.
   *
   *   dJ/dmu = sum_l (w_l g_l - (mu.g_l) theta_l), orthogonal to mu as w_l = mu.theta_l
   *   dJ/dkappa = sum_l dw_l/dkappa (g_l.mu - w_l g_l.theta_l) / (1 - w_l^2)
   *
   * @param draw      of this distribution, by `draw`
   * @param gradient  g = dJ/dtheta, [L, d] row after row
   * @throws ShapeError when there are not as many numbers as in `draw.theta`
   */
  pullback(draw: AxialDraw, gradient: ArrayLike<number>): AxialGradient {
    return pulledBack(this.where('pullback'), this, draw, gradient);
  }

  toJSON(): AxialJson {
    return { family: this.family, mu: [...this.mu], kappa: this.kappa };
  }

  /** How messages name a method. */
  protected where(method: string): string {
    return `sliced-wasserstein.${AXIAL_CLASSES[this.family]}.${method}`;
  }

  private checkDraw(method: string, count: number, key: random.KeyOrSeed): random.Key {
    const where = this.where(method);
    checkNumber(where, 'count', count, { min: 1, integer: true });
    refuseInCompiled(where, 'slices');
    return random.asKey(where, key);
  }

  private checkedDraw(method: string, count: number, key: random.KeyOrSeed): AxialDraw {
    const { cosines, acrossKey } = this.signedCosines(count, this.checkDraw(method, count, key));
    const across = random.fillNormal(acrossKey, new Float64Array(count * (this.dim - 1)));
    const { w, oneMinusW } = cosines;
    return {
      theta: axialSlices(this.mu, oneMinusW, across),
      w,
      oneMinusW,
      get slope() {
        return cosines.slope;
      },
    };
  }

  private signedCosines(count: number, key: random.Key): { cosines: CosineDraw; acrossKey: random.Key } {
    const [cosineKey, acrossKey, signKey] = random.split(key, 3) as [random.Key, random.Key, random.Key];
    const rests = this.drawRests(count, cosineKey);
    const signs = this.drawSigns(count, signKey);
    const oneMinusW = signs === null ? rests : rests.map((rest, l) => (signs[l] === 1 ? 2 - rest : rest));
    const slopes = (): Float64Array => {
      const values = this.slopesOf(rests);
      return signs === null ? values : values.map((value, l) => (signs[l] === 1 ? -value : value));
    };
    let slope: Float64Array | undefined;
    const cosines = {
      w: oneMinusW.map((rest) => 1 - rest),
      oneMinusW,
      get slope() {
        return (slope ??= slopes());
      },
    };
    return { cosines, acrossKey };
  }
}

/** log |S^(d-1)| = log 2 + (d / 2) log pi - log Gamma(d / 2), of the unit sphere of R^d. */
export function logSphereArea(dim: number): number {
  return Math.LN2 + (dim / 2) * Math.log(Math.PI) - linalg.logGamma(dim / 2);
}
