import { check } from '@tfsci/tensor-core';
import type { Bound } from '../certificate/bound';
import { slackOf } from '../certificate/pac-bayes-slack';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** lambda of the objective 'pac': sqrt(n), the best of a grid for a bound, or a number. */
export type TradeOff = 'sqrt' | 'grid' | number;

/** What being far from the uniform law costs: of KL, or of the mean |cosine| of pairs. */
export type Price = KlPrice | { of: 'cosine'; lambda: number };

/** Of the objective 'pac'. */
export interface KlPrice {
  of: 'kl';
  /** What is subtracted for a KL, and lambda, 1 over the slope of it. */
  at(kl: number): { lambda: number; penalty: number };
}

/** Of what the price of KL is made. */
export interface KlPriceOptions {
  lambda: TradeOff;
  bound?: Bound | undefined;
  p: number;
  n: number;
  m: number;
  delta: number;
}

/**
 * The price of KL: KL / lambda, or for 'grid' the least slack of the certificate.
 *
 * With 'grid' distribution and lambda climb the certified lower bound together, lambda among 41 values. Each of them has its
 * share of delta, so both may depend on the data. Without a bound there is nothing to choose lambda by: the objective grows
 * with lambda whatever the distribution is.
 *
 * @throws TypeError, RangeError for a lambda that is no positive number or choice, or 'grid' without a bound that fits
 */
export function klPrice(where: string, { lambda, bound, p, n, m, delta }: KlPriceOptions): KlPrice {
  if (lambda !== 'grid') {
    if (typeof lambda === 'number') checkNumber(where, 'lambda', lambda, { above: 0 });
    else checkOneOf(where, 'lambda', lambda, ['sqrt', 'grid']);
    // As in certificates: n for clouds of equal sizes, else their harmonic mean.
    const value = lambda === 'sqrt' ? Math.sqrt(2 / (1 / n + 1 / m)) : lambda;
    return { of: 'kl', at: (kl) => ({ lambda: value, penalty: kl / value }) };
  }
  if (bound === undefined) {
    const fix = "Give a bound, or take 'sqrt' or a number.";
    throw new TypeError(argumentMessage(where, 'bound', "be given with lambda 'grid', to choose by", bound, fix));
  }
  if (bound.kind === 'gaussianConcentration' && p !== 1) {
    const wanted = "be one of W_p^p, which is what is learnt, with lambda 'grid' and p > 1";
    throw new RangeError(argumentMessage(where, 'bound', wanted, bound.kind, "Take 'sqrt' or a number."));
  }
  return {
    of: 'kl',
    at: (kl) => {
      const { lambda: best, slack } = slackOf(where, { p, bound, n, m, kl, delta, lambda });
      return { lambda: best, penalty: slack };
    },
  };
}

/** The price of the mean |cosine|, lambda_C of distributional slices. @throws TypeError, RangeError when it is not > 0 */
export function cosinePrice(where: string, lambda: TradeOff = 10): Price {
  return { of: 'cosine', lambda: checkNumber(where, "lambda of the objective 'dsw'", lambda, { above: 0 }) };
}
