// L slices, d coordinates
import { check, linalg, random } from '@tfsci/tensor-core';
import { AxialDistribution } from './axial-distribution';
import { type AngularLaw, quantileSlopes } from './implicit-gradient';
import { integral } from './quadrature';
import { trigamma } from './trigamma';

const { argumentMessage } = check;

/**
 * The power spherical distribution: slices around the mean direction mu, drawn without rejection of whole slices.
 *
 *   density  ~ (1 + mu.theta)^kappa,  mu.theta = 2 y - 1,  y ~ Beta(b + kappa, b),  b = (d - 1) / 2
 *   KL to uniform  kappa (psi(b + kappa) - psi(2 b + kappa)) - log B(b + kappa, b) / B(b, b)
 *
 * @param mu     mean direction, [d], d >= 2; divided by its norm
 * @param kappa  concentration, >= 0; 0 is the uniform distribution
 * @throws TypeError, ShapeError, RangeError when mu has fewer than two numbers, is 0 or not finite, or kappa negative or not
 *   finite
 * @see De Cao & Aziz, 2020, "The power spherical distribution", arXiv:2006.04437
 */
export class PowerSpherical extends AxialDistribution {
  constructor(mu: ArrayLike<number>, kappa: number) {
    super('powerSpherical', mu, kappa);
    if (this.dim === 1) {
      const fix = 'Of two points all mass is at mu unless kappa is 0.';
      throw new RangeError(
        argumentMessage('sliced-wasserstein.PowerSpherical', 'mu', 'have at least two numbers', mu, fix),
      );
    }
  }

  /**
   * int_0^kappa t g''(t) dt,  g(t) = log B(b + t, b): what the closed form is by parts, but without differences of numbers
   * as large as log Gamma(kappa). Relative error below 1e-12.
   */
  klUniform(): number {
    const b = (this.dim - 1) / 2;
    // t = b (e^x - 1): as g'' has its poles at -b, -b - 1, ..., it is smooth in x however large kappa is.
    return integral(
      (x) => b * Math.expm1(x) * b * Math.exp(x) * logBetaCurvature(b, b * Math.expm1(x)),
      0,
      Math.log1p(this.kappa / b),
    );
  }

  /** kappa (psi'(b + kappa) - psi'(2 b + kappa)) */
  klSlope(): number {
    return this.kappa * logBetaCurvature((this.dim - 1) / 2, this.kappa);
  }

  /** kappa / (d - 1 + kappa) */
  meanCosine(): number {
    return this.kappa / (this.dim - 1 + this.kappa);
  }

  /** 4 E y (1 - y) / (d - 1) */
  protected momentAcross(): number {
    const [a, sum] = [(this.dim - 1) / 2 + this.kappa, this.dim - 1 + this.kappa];
    return (2 * a) / (sum * (sum + 1));
  }

  protected logRatio(oneMinusW: number, onePlusW: number): number {
    const b = (this.dim - 1) / 2;
    const { logGamma } = linalg;
    if (this.kappa === 0) return 0;
    const logMean = logGamma(b + this.kappa) - logGamma(2 * b + this.kappa) + (logGamma(2 * b) - logGamma(b));
    return this.kappa * logHalf(oneMinusW, onePlusW) - logMean;
  }

  protected drawRests(count: number, key: random.Key): Float64Array {
    const b = (this.dim - 1) / 2;
    const [above, below] = random.split(key) as [random.Key, random.Key];
    const others = random.fillGamma(above, new Float64Array(count), { alpha: b + this.kappa });
    return random.fillGamma(below, new Float64Array(count), { alpha: b }).map((x, l) => (2 * x) / (x + others[l]!));
  }

  protected slopesOf(oneMinusW: Float64Array): Float64Array {
    const { dim, kappa } = this;
    const b = (dim - 1) / 2;
    const meanLog = linalg.digamma(b + kappa) - linalg.digamma(2 * b + kappa);
    // h = sin^(d-2) phi ((1 + cos phi) / 2)^kappa.
    const logHalfAt = (phi: number): number => logHalf(2 * Math.sin(phi / 2) ** 2, 2 * Math.cos(phi / 2) ** 2);
    const law: AngularLaw = {
      logDensity: (phi) => (dim === 2 ? 0 : (dim - 2) * Math.log(Math.sin(phi))) + kappa * logHalfAt(phi),
      score: (phi) => logHalfAt(phi) - meanLog,
      width: 1 / Math.sqrt(kappa + dim),
    };
    return quantileSlopes(law, oneMinusW);
  }

  protected remade(mu: ArrayLike<number>, kappa: number): PowerSpherical {
    return new PowerSpherical(mu, kappa);
  }
}

/** log((1 + w) / 2), of 1 - w and 1 + w. */
function logHalf(oneMinusW: number, onePlusW: number): number {
  return oneMinusW < 1 ? Math.log1p(-oneMinusW / 2) : Math.log(onePlusW / 2);
}

/** psi'(b + t) - psi'(2 b + t) = d^2/dt^2 log B(b + t, b) */
function logBetaCurvature(b: number, t: number): number {
  return trigamma(b + t) - trigamma(2 * b + t);
}
