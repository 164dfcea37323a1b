import { check } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** What may be known of the laws mu and nu that certificates rest on. */
export const BOUND_KINDS = ['bounded', 'subgaussian', 'bernstein', 'gaussianConcentration'] as const;
export type BoundKind = (typeof BOUND_KINDS)[number];

interface CommonBound {
  /** Whether a constant comes from the sample: then nothing is guaranteed, and certificates say so. Default false. */
  estimated?: boolean;
}

/** Bounded supports; bounds W_p^p for every p >= 1. */
export interface BoundedSupport extends CommonBound {
  kind: 'bounded';
  /** Delta: no two points of the union of both supports are farther apart; > 0, in the unit of the data. */
  diameter: number;
}

/** Sub-Gaussian projections, E exp(t <theta, X - EX>) <= exp(t^2 sigma^2 / 2) for all t and theta; bounds W_1. */
export interface SubgaussianTails extends CommonBound {
  kind: 'subgaussian';
  /** Of mu, > 0. */
  sigmaX: number;
  /** Of nu. */
  sigmaY: number;
  /**
   * Whether both laws are Gaussian, or strongly log-concave: density exp(-V) with Hess V >= I / sigma^2. Sharper constants.
   * Log-concavity alone is not enough. Default false.
   */
  gaussian?: boolean;
  /** Upper bound of J_1 = integral of sqrt(F (1 - F)) of every projection of mu; by default it follows from sigmaX. */
  j1X?: number;
  /** Of nu. */
  j1Y?: number;
}

/** Moments E |<theta, X - X'>|^k <= sigma^2 k! b^(k - 2) / 2, k >= 2, X' an independent copy, all theta; bounds W_1. */
export interface BernsteinMoments extends CommonBound {
  kind: 'bernstein';
  /** Of mu, > 0. */
  sigmaX: number;
  /** Of nu. */
  sigmaY: number;
  /** Of both, > 0. */
  b: number;
  /** As for 'subgaussian'; by default it follows from sigmaX and b. */
  j1X?: number;
  /** Of nu. */
  j1Y?: number;
}

/**
 * Concentration of the laws themselves, E exp(f(X_1, ..) - E f) <= exp(sigma^2 Lip(f)^2 / 2) for every f of any number of
 * independent points, as log-Sobolev and T_2 inequalities give: N(m, S) with largest eigenvalue sigma^2 of S, strongly
 * log-concave laws. Bounds W_p, not its power, for every p >= 1.
 */
export interface GaussianConcentration extends CommonBound {
  kind: 'gaussianConcentration';
  /** Of mu, > 0. */
  sigmaX: number;
  /** Of nu. */
  sigmaY: number;
  /**
   * Upper bound of sup over theta of E W_p(theta# mu_n, theta# mu) + E W_p(theta# nu_m, theta# nu) for the sizes at hand;
   * by default it follows from the tails, with the slow rate n^(-1 / 2p).
   */
  psi?: number;
}

/** A constant of the laws, known before the data are seen, that a certificate rests on. */
export type Bound = BoundedSupport | SubgaussianTails | BernsteinMoments | GaussianConcentration;

/** Returns `bound` if it can bound W_p. @throws TypeError, RangeError that say what is missing */
export function checkBound(where: string, bound: Bound, p: number): Bound {
  if (typeof bound !== 'object' || (bound as Bound | null) === null) {
    const wanted = `be an object with a kind, one of ${BOUND_KINDS.join(', ')}`;
    throw new TypeError(argumentMessage(where, 'bound', wanted, bound, 'Without a constant there is no certificate.'));
  }
  checkOneOf(where, 'bound.kind', bound.kind, BOUND_KINDS);
  const positive = (name: string, value: unknown, fix: string): void => {
    checkNumber(where, `bound.${name}`, value, { above: 0 }, fix);
  };
  if (bound.kind === 'bounded') {
    const fix = 'Give a distance known before the data; one that is taken from them needs estimated: true as well.';
    positive('diameter', bound.diameter, fix);
    return bound;
  }
  if (bound.kind !== 'gaussianConcentration' && p !== 1) {
    const wanted = `be 1 for a bound of kind '${bound.kind}': W_p^p of unbounded laws is not Lipschitz`;
    const fix = "Give { kind: 'bounded', diameter }, or { kind: 'gaussianConcentration', sigmaX, sigmaY }.";
    throw new RangeError(argumentMessage(where, 'p', wanted, p, fix));
  }
  positive('sigmaX', bound.sigmaX, 'It bounds every projection of mu.');
  positive('sigmaY', bound.sigmaY, 'It bounds every projection of nu.');
  if (bound.kind === 'bernstein') positive('b', bound.b, "For b = 0 take the kind 'subgaussian'.");
  const optional = bound.kind === 'gaussianConcentration' ? { psi: bound.psi } : { j1X: bound.j1X, j1Y: bound.j1Y };
  for (const [name, value] of Object.entries(optional)) {
    if (value !== undefined) checkNumber(where, `bound.${name}`, value, { min: 0 });
  }
  return bound;
}
