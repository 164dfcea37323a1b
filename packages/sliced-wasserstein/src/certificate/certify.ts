// n, m sizes of the samples, rho distribution of slices
import { check } from '@tfsci/tensor-core';
import type { BoundKind } from './bound';
import { slackOf, type SlackOptions } from './pac-bayes-slack';
import { sliceError, type SliceMean } from './slice-error';

const { argumentMessage, checkNumber } = check;

/** float32 values and diameters may disagree by their rounding. */
const ROUNDING = 1e-5;

/** Options of `certify`. */
export interface CertifyOptions extends SlackOptions {
  /** Mean over rho of W_p^p between the samples; of W_p, slice by slice, for 'gaussianConcentration'. */
  value: number;
  /** How the mean over rho was taken. Without it nothing is subtracted for it, and the certificate is no guarantee. */
  slices?: SliceMean;
  /** Gives an upper bound as well, which fails with this probability; in (0, 1). */
  upperDelta?: number;
  /** Whether KL is an estimate instead of an upper bound, as a discriminator gives it; default false. */
  klEstimated?: boolean;
}

/** An upper bound of the distance of the laws. */
export interface UpperCertificate {
  /** value + slack + psi + sliceError */
  bound: number;
  slack: number;
  /** 0 for W_p^p, which is convex in the laws. */
  psi: number;
  lambda: number;
  delta: number;
  /** 1 - delta - slices.delta */
  confidence: number;
}

/** What a distance of samples says about that of their laws. */
export interface Certificate {
  /** max(0, raw), the lower bound of the distance of the laws. */
  lowerBound: number;
  /** value - slack - psi - sliceError; below 0 where the certificate says nothing. */
  raw: number;
  value: number;
  slack: number;
  psi: number;
  /** For the mean over slices; see `FreshSlices`. */
  sliceError: number;
  phi: number;
  kl: number;
  lambda: number;
  delta: number;
  /** Probability that the lower bound holds: 1 - delta - slices.delta. */
  confidence: number;
  p: number;
  n: number;
  m: number;
  kind: BoundKind;
  /** What value and bounds are: means over rho of the power or of the distance. */
  of: 'W_p^p' | 'W_p';
  /** Whether it is a theorem for the constants given. */
  rigorous: boolean;
  /** Why not. */
  reasons: string[];
  /** Whether raw <= 0: no distance is below 0 anyway. */
  vacuous: boolean;
  /** Where `upperDelta` was given. */
  upper?: UpperCertificate;
}

/**
 * A lower bound of the sliced distance between the laws of two samples, under slices that may be fitted to these samples.
 *
 *   SW(mu, nu; rho) >= value - slack - psi - sliceError
 *
 * with probability at least 1 - delta - slices.delta. See `pacBayesSlack` for the first two; the last is the error of the mean
 * over finitely many slices, which the theorem is silent about. The bounds are loose, and often vacuous for small samples:
 * slack has the unit of Delta^p, not of the distance. With `upperDelta` there is an upper bound too, for which psi is 0: the
 * expected power between samples is never below that of the laws, by convexity.
 *
 * @throws as `pacBayesSlack`; RangeError for a value below 0, above what the diameter allows, or probabilities that reach 1
 * @see Ohana, Nadjahi, Rakotomamonjy & Ralaivola, 2023, arXiv:2206.03230
 * @example
 * certify({ value: 0.4, kl: 1.2, n: 2000, p: 1, bound: { kind: 'bounded', diameter: 1 }, slices: 'exact' }).lowerBound;
 */
export function certify(options: CertifyOptions): Certificate {
  const where = 'sliced-wasserstein.certify';
  const { value, slices, upperDelta, klEstimated = false, ...given } = options;
  const { p = 2, bound, kl, n, m = n, delta = 0.05 } = given;
  const { slack, psi, phi, lambda, of, reasons } = slackOf(where, given);
  checkNumber(where, 'value', value, { min: 0 });
  const range = bound.kind === 'bounded' ? bound.diameter ** p : undefined;
  if (range !== undefined && value > range * (1 + ROUNDING)) {
    const fix = 'The diameter is too small, or the value not the mean of W_p^p.';
    throw new RangeError(argumentMessage(where, 'value', `be at most diameter^p (${range})`, value, fix));
  }
  const overSlices = sliceError(where, slices, range);
  const confidence = (own: number): number => {
    checkNumber(where, 'delta + slices.delta', own + overSlices.delta, { below: 1 });
    return 1 - own - overSlices.delta;
  };
  const raw = value - slack - psi - overSlices.error;
  const all = [...reasons, ...overSlices.reasons, ...(klEstimated ? ['KL is an estimate, not an upper bound'] : [])];
  const certificate: Certificate = {
    lowerBound: Math.max(0, raw),
    raw,
    value,
    slack,
    psi,
    sliceError: overSlices.error,
    phi,
    kl,
    lambda,
    delta,
    confidence: confidence(delta),
    p,
    n,
    m,
    kind: bound.kind,
    of,
    rigorous: all.length === 0,
    reasons: all,
    vacuous: raw <= 0,
  };
  if (upperDelta === undefined) return certificate;
  checkNumber(where, 'upperDelta', upperDelta, { above: 0, below: 1 });
  const above = slackOf(where, { ...given, delta: upperDelta });
  const upper: UpperCertificate = {
    bound: value + above.slack + above.upperPsi + overSlices.error,
    slack: above.slack,
    psi: above.upperPsi,
    lambda: above.lambda,
    delta: upperDelta,
    confidence: confidence(upperDelta),
  };
  return { ...certificate, upper };
}
