// n, m sizes of the samples; W stands for W_p^p, or W_p, of one projection of both
import { check, linalg } from '@tfsci/tensor-core';
import { checkBound, type Bound } from './bound';
import { checkOrder } from '../cloud';

const { argumentMessage, checkNumber } = check;

/** J_1 of N(0, 1) = 1.61474385342967, rounded up. */
const GAUSSIAN_J1 = 1.6147438535;
/** E |F_n - F| / sqrt(F (1 - F) / n) <= 1 and F (1 - F) <= 1/4: J_1 of a law on an interval is at most half its length. */
const INTERVAL_J1 = 1 / 2;

/** Two samples and what is known of their laws. */
export interface SampledLaws {
  /** p >= 1, default 2 */
  p?: number;
  bound: Bound;
  /** Number of independent points of mu, of equal weight. */
  n: number;
  /** Of nu, default n. */
  m?: number;
}

/** How far W of one projection of the samples can be from that of the laws. */
export interface Concentration {
  /** What is bounded: the power, or for 'gaussianConcentration' the distance. */
  of: 'W_p^p' | 'W_p';
  /** N = 2 / (1/n + 1/m), the harmonic mean of the sizes. */
  size: number;
  /** log E exp(+-lambda (W - E W)) <= lambda^2 phi / N for 0 < lambda <= maxLambda. */
  phi: number;
  /** lambda*, Infinity unless the tails are Bernstein's. */
  maxLambda: number;
  /** E W - W(mu, nu) <= psi. */
  psi: number;
  /** W(mu, nu) - E W <= upperPsi: 0 where W is convex in the laws, as W_p^p is, because E mu_n = mu. */
  upperPsi: number;
  /** Why what follows is no guarantee; empty when it is one. */
  reasons: string[];
}

/**
 * The constants of concentration and bias of W between projected samples, the same for every theta.
 *
 * With v = phi / N, for sizes n and m:
 *
 *   bounded                v = Delta^2p (1/n + 1/m) / 8,  psi = p Delta^p (n^-1/2 + m^-1/2) / 2
 *   subgaussian            v = sX^2 / n + sY^2 / m, half of it for Gaussians,  psi = J_1(mu) n^-1/2 + J_1(nu) m^-1/2
 *   bernstein              v = (2/3) (sX^2 / n + sY^2 / m) for lambda <= min(n, m) / (2 b),  psi as before
 *   gaussianConcentration  v = (sX^2 n^(-2/q) + sY^2 m^(-2/q)) / 2,  q = max(p, 2)
 *
 * bounded: exchanging a point of x moves the mass 1/n by at most Delta, so W_p^p by at most Delta^p / n: McDiarmid, 1989. The
 * optimal potentials are p Delta^(p-1)-Lipschitz and E W_1(mu_n, mu) <= J_1 / sqrt(n), J_1 <= Delta / 2.
 * subgaussian: W_1 is 1/n-Lipschitz in each projected point, and a 1-Lipschitz image g of X has, by a copy X' and symmetry,
 * E exp(t (g - E g)) <= E cosh(t (X - X')) <= exp(t^2 sigma^2); martingale differences add these up. Gaussian laws have
 * exp(t^2 sigma^2 / 2) for g itself, and so have their images under 1-Lipschitz maps, strongly log-concave laws among them.
 * bernstein: E cosh(t (X - X')) has even moments alone: <= 1 + sigma^2 t^2 / (2 (1 - b^2 t^2)), and t = lambda / n <= 1 / 2b.
 * gaussianConcentration: W_p is n^(-1/q)-Lipschitz in the Euclidean norm of all points of x.
 *
 * @throws TypeError, RangeError for sizes, p or a bound that are missing or outside their ranges
 */
export function concentration(where: string, { p = 2, bound, n, m = n }: SampledLaws): Concentration {
  checkOrder(where, p);
  checkBound(where, bound, p);
  checkNumber(where, 'n', n, { min: 1, integer: true });
  checkNumber(where, 'm', m, { min: 1, integer: true });
  const size = 2 / (1 / n + 1 / m);
  const found: Concentration = { ...constants(bound, p, n, m, size), size, reasons: [] };
  if (!Number.isFinite(found.phi) || !Number.isFinite(found.psi)) {
    throw new RangeError(argumentMessage(where, 'bound', 'keep phi and psi finite', found.phi, 'Scale the data.'));
  }
  if (bound.estimated === true) found.reasons.push('the constants of the bound are estimates from the sample');
  return found;
}

function constants(
  bound: Bound,
  p: number,
  n: number,
  m: number,
  size: number,
): Omit<Concentration, 'size' | 'reasons'> {
  const perRoot = (ofX: number, ofY: number): number => ofX / Math.sqrt(n) + ofY / Math.sqrt(m);
  if (bound.kind === 'bounded') {
    const power = bound.diameter ** p;
    const j1 = INTERVAL_J1 * p * power;
    return { of: 'W_p^p', phi: power ** 2 / 4, maxLambda: Infinity, psi: perRoot(j1, j1), upperPsi: 0 };
  }
  const { sigmaX, sigmaY } = bound;
  if (bound.kind === 'gaussianConcentration') {
    const rate = -2 / Math.max(p, 2);
    const phi = (size * (sigmaX ** 2 * n ** rate + sigmaY ** 2 * m ** rate)) / 2;
    const psi = bound.psi ?? distanceToSample(sigmaX, p, n) + distanceToSample(sigmaY, p, m);
    // W_1 is convex in the laws; a root of a convex function is not.
    return { of: 'W_p', phi, maxLambda: Infinity, psi, upperPsi: p === 1 ? 0 : psi };
  }
  const gaussian = bound.kind === 'subgaussian' && bound.gaussian === true;
  const b = bound.kind === 'bernstein' ? bound.b : 0;
  const share = bound.kind === 'bernstein' ? 2 / 3 : gaussian ? 1 / 2 : 1;
  const j1 = (sigma: number): number => (gaussian ? GAUSSIAN_J1 * sigma : j1OfTails(sigma, b));
  return {
    of: 'W_p^p',
    phi: share * size * (sigmaX ** 2 / n + sigmaY ** 2 / m),
    maxLambda: b > 0 ? Math.min(n, m) / (2 * b) : Infinity,
    psi: perRoot(bound.j1X ?? j1(sigmaX), bound.j1Y ?? j1(sigmaY)),
    upperPsi: 0,
  };
}

/**
 * Upper bound of J_1 = integral of sqrt(F (1 - F)) of a law with log E exp(t (X - EX)) <= sigma^2 t^2 / (2 (1 - b |t|)).
 *
 *   J_1 <= 2 sigma (sqrt(log 2) + sqrt(pi) erfc(sqrt(log 2))) + 2 b (1 + log 2)
 *
 * From P(X - EX > sigma sqrt(2 u) + b u) <= e^-u: the integral over each side of the mean of min(1/2, e^(-u/2)), by u.
 */
export function j1OfTails(sigma: number, b: number): number {
  const root = Math.sqrt(Math.LN2);
  return 2 * sigma * (root + Math.sqrt(Math.PI) * linalg.erfc(root)) + 2 * b * (1 + Math.LN2);
}

/**
 * Upper bound of E W_p(mu_n, mu) of a sigma-sub-Gaussian law on the line, of the order of n^(-1 / 2p).
 *
 *   (E W_p)^p <= E W_p^p <= p 2^(p-1) n^-1/2 K,  K = integral of |t|^(p-1) sqrt(F (1 - F)) <= (2 sigma)^p (log(2)^(p/2) / p +
 *   Gamma(p/2, log 2)),  t from the mean
 *
 * As |a - b|^p <= 2^(p-1) |s(a) - s(b)| for s(t) = t |t|^(p-1), W_p^p is at most 2^(p-1) times W_1 of the images under s;
 * sqrt(F (1 - F)) <= min(1/2, exp(-t^2 / 4 sigma^2)).
 */
export function distanceToSample(sigma: number, p: number, n: number): number {
  const upperGamma = linalg.incompleteGamma(p / 2, Math.LN2).q * Math.exp(linalg.logGamma(p / 2));
  const k = Math.LN2 ** (p / 2) / p + upperGamma;
  return 2 * sigma * (p * 2 ** (p - 1) * k) ** (1 / p) * n ** (-1 / (2 * p));
}
