import type { Bound } from '../certificate/bound';
import { type Certificate, certify } from '../certificate/certify';
import { slackOf } from '../certificate/pac-bayes-slack';
import { standardError } from '../sliced/standard-error';
import type { TradeOff } from './price';

/** The share of delta that the mean over the last slices may fail with. */
const OF_SLICES = 0.1;

/** What a certificate of a fit rests on. */
export interface FitBound {
  bound: Bound;
  p: number;
  n: number;
  m: number;
  lambda: TradeOff;
  /** Of all of it. */
  delta: number;
}

/** The probability that the theorem may fail, the rest being for the slices. */
export function theoremShare(delta: number): number {
  return (1 - OF_SLICES) * delta;
}

/** Looks before the fit whether there will be a certificate. @throws as `pacBayesSlack` */
export function checkFitBound(where: string, { delta, ...laws }: FitBound): void {
  slackOf(where, { ...laws, kl: 0, delta: theoremShare(delta) });
}

/**
 * The certificate of a distribution by fresh slices of it.
 *
 * @param costs  W_p^p of independent slices, drawn after the distribution was learnt
 * @param reach  no projected distance of the clouds is larger
 */
export function fitCertificate(
  { bound, p, delta, ...laws }: FitBound,
  costs: Float32Array,
  kl: number,
  reach: number,
): Certificate {
  const ofPower = bound.kind !== 'gaussianConcentration';
  const values = ofPower ? costs : costs.map((cost) => cost ** (1 / p));
  const largest = bound.kind === 'bounded' ? Math.min(reach, bound.diameter) : reach;
  return certify({
    ...{ bound, p, kl, ...laws },
    value: meanOf(values),
    delta: theoremShare(delta),
    slices:
      // Where all points are one nothing is left to chance.
      reach === 0
        ? 'exact'
        : {
            count: values.length,
            delta: OF_SLICES * delta,
            standardError: errorOf(values),
            range: ofPower ? largest ** p : largest,
          },
  });
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}

/** Standard error of the mean of independent values. */
export function errorOf(values: ArrayLike<number>): number {
  return standardError(values, new Array<number>(values.length).fill(1));
}
