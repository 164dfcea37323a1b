import { integral, negligibleFrom } from './quadrature';

/** The law of the angle phi in (0, pi) between mu and a slice, and how it changes with kappa. */
export interface AngularLaw {
  /** log h(phi), h the density up to a factor, with one maximum. */
  logDensity: (phi: number) => number;
  /** d log h / d kappa, less its mean; falls as phi grows. */
  score: (phi: number) => number;
  /** About the standard deviation of phi. */
  width: number;
}

/**
 * dw / dkappa of cosines w = cos phi at fixed values of their distribution function F: implicit reparametrisation.
 *
 *   dw/dkappa = -(dF/dkappa) / f(w) = sin(phi) int_0^phi score(q) h(q) / h(phi) dq,  >= 0
 *
 * The mean over the law is d E w / dkappa, whichever way w was drawn. The derivative of the arithmetic of a rejection
 * sampler has another mean, as what is accepted depends on kappa too.
 *
 * @param oneMinusW  1 - w
 * @returns relative error below 1e-9; 0 at w = 1 and -1
 * @see Figurnov, Mohamed & Mnih, 2018, "Implicit reparameterization gradients", arXiv:1805.08498
 */
export function quantileSlopes(law: AngularLaw, oneMinusW: Float64Array): Float64Array {
  return oneMinusW.map((rest) => {
    if (rest <= 0 || rest >= 2) return 0;
    const phi = 2 * Math.atan2(Math.sqrt(rest), Math.sqrt(2 - rest));
    return Math.sqrt(rest * (2 - rest)) * scoreBelow(law, phi);
  });
}

/** int_0^phi score h / h(phi), from the side on which the score keeps its sign: nothing cancels there. */
function scoreBelow({ logDensity, score, width }: AngularLaw, phi: number): number {
  const here = logDensity(phi);
  const integrand = (q: number): number => score(q) * Math.exp(logDensity(q) - here);
  if (score(phi) >= 0) return integral(integrand, negligibleFrom(logDensity, phi, 0, width), phi);
  const end = negligibleFrom(logDensity, phi, Math.PI, width);
  if (end < Math.PI) return -integral(integrand, phi, end);
  // h may be any power of pi - q there: the cube makes it smooth enough for polynomials.
  return -integral((v) => 3 * (Math.PI - phi) * v * v * integrand(Math.PI - (Math.PI - phi) * v ** 3), 0, 1);
}
