// L slices
import { check, linalg } from '@tfsci/tensor-core';

const { argumentMessage, checkNumber } = check;

/** A value that is the mean over independent slices of rho, drawn after rho was chosen. */
export interface FreshSlices {
  /** L >= 1 */
  count: number;
  /** Probability that the bound of their error may fail, in (0, 1), on top of the certificate's own. */
  delta: number;
  /**
   * No slice can give more than this, > 0; default Delta^p for 'bounded'. The largest |x_i - y_j|^p of the clouds will
   * do, estimate or not: the error is that of the mean over slices of these very clouds.
   */
  range?: number;
  /** Of the mean over the slices, >= 0: with `root: false`, where W_p^p is certified. */
  standardError?: number;
}

/** 'exact' when the value is the expectation over rho itself, as for finitely many slices. */
export type SliceMean = 'exact' | FreshSlices;

/** How far the mean over slices may be from the expectation over rho, to either side. */
export interface SliceError {
  error: number;
  delta: number;
  /** Why it is no guarantee; empty when it is one. */
  reasons: string[];
}

/**
 * Bound of the mean over L fresh slices against the expectation over rho, with probability 1 - delta to each side.
 *
 *   Hoeffding            range sqrt(log(1 / delta) / 2L)
 *   empirical Bernstein  se sqrt(2 log(2 / delta)) + 7 range log(2 / delta) / (3 (L - 1))
 *   normal               z_(1 - delta) se, where no range is known: an approximation
 *
 * With a range and a standard error it is the smaller of the first two, each at delta / 2.
 *
 * @param range  used where the slices have none of their own
 * @throws TypeError, RangeError for fields outside their ranges, or when there is neither range nor standard error
 * @see Hoeffding, 1963; Maurer & Pontil, 2009, "Empirical Bernstein bounds", arXiv:0907.3740, theorem 4
 */
export function sliceError(where: string, slices: SliceMean | undefined, range?: number): SliceError {
  if (slices === undefined) {
    const reason = 'the error of the mean over slices is not counted: slices are not given';
    return { error: 0, delta: 0, reasons: [reason] };
  }
  if (slices === 'exact') return { error: 0, delta: 0, reasons: [] };
  if (typeof slices !== 'object' || (slices as FreshSlices | null) === null) {
    throw new TypeError(argumentMessage(where, 'slices', "be 'exact' or { count, delta }", slices));
  }
  const { count, delta, standardError } = slices;
  checkNumber(where, 'slices.count', count, { min: 1, integer: true });
  checkNumber(where, 'slices.delta', delta, { above: 0, below: 1 });
  if (slices.range !== undefined) checkNumber(where, 'slices.range', slices.range, { above: 0 });
  if (standardError !== undefined) checkNumber(where, 'slices.standardError', standardError, { min: 0 });
  const reach = slices.range ?? range;
  if (reach === undefined) {
    if (standardError === undefined) {
      const fix = 'The largest |x_i - y_j|^p of the clouds is a range.';
      throw new TypeError(argumentMessage(where, 'slices', 'have a range or a standardError', slices, fix));
    }
    const reason = 'the error of the mean over slices is a normal approximation';
    return { error: Math.max(0, -linalg.normalQuantile(delta)) * standardError, delta, reasons: [reason] };
  }
  const hoeffding = (share: number): number => reach * Math.sqrt(-Math.log(share) / (2 * count));
  if (standardError === undefined || count === 1) return { error: hoeffding(delta), delta, reasons: [] };
  const log = Math.log(4 / delta);
  const bernstein = standardError * Math.sqrt(2 * log) + (7 * reach * log) / (3 * (count - 1));
  return { error: Math.min(hoeffding(delta / 2), bernstein), delta, reasons: [] };
}
