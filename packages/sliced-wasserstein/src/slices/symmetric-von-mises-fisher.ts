// L slices, d coordinates
import { random } from '@tfsci/tensor-core';
import { AxialDistribution } from './axial-distribution';
import { cosineMoments, type CosineMoments, logCosh } from './bessel';
import { integral, negligibleFrom } from './quadrature';
import { vonMisesFisherCosines } from './ulrich-wood';
import { vonMisesFisherSlopes } from './von-mises-fisher';

/** Below this divergence of the directed law the two sides of the axis overlap: cosh is near 1. */
const OVERLAPPING = 0.5;

/**
 * The symmetric von Mises-Fisher distribution: slices around the axis mu, in both directions alike.
 *
 *   density  cosh(kappa mu.theta) / S(kappa)  relative to the uniform distribution
 *   KL to uniform  E log cosh(kappa mu.theta) - log S
 *
 * As distances of slices are the same at theta and -theta, it serves them as the von Mises-Fisher distribution does, at a
 * divergence that is smaller, by log 2 for large kappa. The divergence and its slope are integrals over one angle, to a
 * relative error of 1e-11.
 *
 * @param mu     axis, [d], d >= 1; divided by its norm
 * @param kappa  concentration, >= 0; 0 is the uniform distribution
 * @throws TypeError, ShapeError, RangeError when mu is empty, 0 or not finite, or kappa negative or not finite
 */
export class SymmetricVonMisesFisher extends AxialDistribution {
  private readonly moments: CosineMoments;
  private divergence: { kl: number; slope: number } | undefined;

  constructor(mu: ArrayLike<number>, kappa: number) {
    super('vmfSymmetric', mu, kappa);
    this.moments = cosineMoments(this.dim, kappa);
  }

  klUniform(): number {
    return (this.divergence ??= divergenceOf(this.dim, this.kappa, this.moments)).kl;
  }

  /** Cov(w tanh(kappa w), log cosh(kappa w)), w = mu.theta */
  klSlope(): number {
    return (this.divergence ??= divergenceOf(this.dim, this.kappa, this.moments)).slope;
  }

  /** 0 */
  meanCosine(): number {
    return 0;
  }

  /** A / kappa, as that of the directed law. */
  protected momentAcross(): number {
    return this.kappa === 0 ? 1 / this.dim : this.moments.mean / this.kappa;
  }

  protected logRatio(oneMinusW: number, onePlusW: number): number {
    return peak(this.kappa, this.moments) + logCoshLess(this.kappa, Math.min(oneMinusW, onePlusW));
  }

  protected drawRests(count: number, key: random.Key): Float64Array {
    return vonMisesFisherCosines(this.dim, this.kappa, count, key);
  }

  protected override drawSigns(count: number, key: random.Key): Uint8Array {
    return random.fillBernoulli(key, new Uint8Array(count));
  }

  protected slopesOf(oneMinusW: Float64Array): Float64Array {
    return vonMisesFisherSlopes(this.dim, this.kappa, oneMinusW);
  }

  protected remade(mu: ArrayLike<number>, kappa: number): SymmetricVonMisesFisher {
    return new SymmetricVonMisesFisher(mu, kappa);
  }
}

/** kappa - log S, without the cancellation. */
function peak(kappa: number, { kl, oneLess }: CosineMoments): number {
  return kl + kappa * oneLess;
}

/** log cosh(kappa w) - kappa, of 1 - w. */
function logCoshLess(kappa: number, rest: number): number {
  return Math.log1p(Math.exp(-2 * kappa * (1 - rest))) - Math.LN2 - kappa * rest;
}

/** KL to uniform and its slope in kappa, by integrals over the angle from 0 to pi / 2. */
function divergenceOf(dim: number, kappa: number, moments: CosineMoments): { kl: number; slope: number } {
  // Two points of equal weight, whatever kappa.
  if (dim === 1 || kappa === 0) return { kl: 0, slope: 0 };
  const logSine = (phi: number): number => (dim === 2 ? 0 : (dim - 2) * Math.log(Math.sin(phi)));
  // Near the axis as differences from w = 1, that kappa may be large.
  const near = kappa > dim;
  const rest = (phi: number): number => 2 * Math.sin(phi / 2) ** 2;
  const logCoshAt = (phi: number): number => (near ? logCoshLess(kappa, rest(phi)) : logCosh(kappa * Math.cos(phi)));
  const tilt = (phi: number): number => {
    const w = Math.cos(phi);
    const tanh = Math.tanh(kappa * w);
    return near ? -rest(phi) * tanh - 2 / (Math.exp(2 * kappa * w) + 1) : w * tanh;
  };
  const cosine = (2 * kappa) / (dim - 2 + Math.hypot(dim - 2, 2 * kappa));
  const mean = meanOver((phi) => logSine(phi) + logCoshAt(phi), Math.acos(Math.min(cosine, 1)), dim, kappa);
  const [meanTilt, meanLog] = [mean(tilt), mean(logCoshAt)];
  const slope = mean((phi) => (tilt(phi) - meanTilt) * (logCoshAt(phi) - meanLog));
  if (moments.kl >= OVERLAPPING) return { kl: meanLog + (near ? peak(kappa, moments) : -moments.logS), slope };
  // E (r log r - r + 1) over the uniform law, of the density r: positive everywhere, so that nothing cancels.
  const lessOne = Math.expm1(moments.logS);
  const excess = (phi: number): number => (2 * Math.sinh((kappa * Math.cos(phi)) / 2) ** 2 - lessOne) / (1 + lessOne);
  const uniformMean = meanOver(logSine, Math.PI / 2, dim, 0);
  return { kl: uniformMean((phi) => relativeEntropy(excess(phi))), slope };
}

/** Means over angles in (0, pi / 2) by their density, given as a logarithm with one maximum not far from `middle`. */
function meanOver(
  logDensity: (phi: number) => number,
  middle: number,
  dim: number,
  kappa: number,
): (f: (phi: number) => number) => number {
  const width = 1 / Math.sqrt(kappa + dim);
  const from = middle === 0 ? 0 : negligibleFrom(logDensity, middle, 0, width);
  const to = middle === Math.PI / 2 ? middle : negligibleFrom(logDensity, middle, Math.PI / 2, width);
  const top = logDensity(middle);
  const density = (phi: number): number => Math.exp(logDensity(phi) - top);
  const mass = integral(density, from, to);
  return (f) => integral((phi) => f(phi) * density(phi), from, to) / mass;
}

/** (1 + x) log(1 + x) - x, x > -1; by its series where the difference would cancel. */
function relativeEntropy(x: number): number {
  if (Math.abs(x) > 0.1) return (1 + x) * Math.log1p(x) - x;
  let sum = 0;
  for (let n = 18; n >= 2; n--) sum = 1 / (n * (n - 1)) - x * sum;
  return x * x * sum;
}
