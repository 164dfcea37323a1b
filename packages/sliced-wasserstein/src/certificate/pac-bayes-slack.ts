// n, m sizes of the samples, rho distribution of slices, rho_0 its prior
import { check } from '@tfsci/tensor-core';
import { concentration, type Concentration, type SampledLaws } from './concentration';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** Octaves by halves around sqrt(N), a factor 1000 to each side. */
const GRID = Array.from({ length: 41 }, (_, i) => 2 ** ((i - 20) / 2));

/** lambda: sqrt(N), the best of a grid of 41 (each with delta / 41), or a number fixed before the data. */
export type LambdaChoice = 'sqrt' | 'grid' | number;

/** Options of `pacBayesSlack`. */
export interface SlackOptions extends SampledLaws {
  /** KL(rho || rho_0), >= 0, in nats; rho_0 does not depend on the data. */
  kl: number;
  /** Probability that the bound may fail, in (0, 1); default 0.05. */
  delta?: number;
  /** Default 'sqrt'. */
  lambda?: LambdaChoice;
}

/** What sets the distance of the samples apart from that of their laws. */
export interface PacBayesSlack extends Omit<Concentration, 'maxLambda'> {
  /** lambda phi / N + (KL + log(1 / delta)) / lambda, with log(41 / delta) for 'grid'; psi is not in it. */
  slack: number;
  /** The number that was taken. */
  lambda: number;
  /** Whether it is a theorem for the constants given. */
  rigorous: boolean;
}

/**
 * How much a sliced distance of samples may exceed that of their laws, for all slice distributions at once.
 *
 *   SW(mu_n, nu_m; rho) - SW(mu, nu; rho) <= slack + psi,  slack = lambda phi / N + (KL(rho || rho_0) + log(1/delta)) / lambda
 *
 * with probability at least 1 - delta for every rho, chosen by the same data or not. SW is the mean over rho of W_p^p (of W_p
 * for 'gaussianConcentration'), and N = 2 / (1/n + 1/m): then slack is a function of N alone for bounded laws, so sqrt(N)
 * stands for sqrt(n) of equal sizes in 'sqrt' and 'grid'. The constants phi and psi are in `concentration`.
 * A number for lambda must not depend on the data; 'grid' may, as each of its 41 bounds holds with 1 - delta / 41.
 *
 * @throws TypeError, RangeError for options outside their ranges, for a bound that lacks what p needs, and for lambda above
 *   lambda* = min(n, m) / (2 b) of 'bernstein'
 * @see Ohana, Nadjahi, Rakotomamonjy & Ralaivola, 2023, "Shedding a PAC-Bayesian Light on Adaptive Sliced-Wasserstein
 *   Distances", arXiv:2206.03230; Catoni, 2007, arXiv:0712.0248, for fixed lambda
 * @example
 * const { slack, psi } = pacBayesSlack({ p: 1, bound: { kind: 'bounded', diameter: 1 }, n: 1000, kl: 1.3 });
 */
export function pacBayesSlack(options: SlackOptions): PacBayesSlack {
  return slackOf('sliced-wasserstein.pacBayesSlack', options);
}

/** `pacBayesSlack` under another name in messages. */
export function slackOf(where: string, { kl, delta = 0.05, lambda = 'sqrt', ...laws }: SlackOptions): PacBayesSlack {
  const { maxLambda, ...found } = concentration(where, laws);
  checkConfidence(where, kl, delta);
  if (typeof lambda === 'number') checkNumber(where, 'lambda', lambda, { above: 0 });
  else checkOneOf(where, 'lambda', lambda, ['sqrt', 'grid']);
  const root = Math.sqrt(found.size);
  const candidates = lambda === 'grid' ? GRID.map((factor) => factor * root) : [lambda === 'sqrt' ? root : lambda];
  const allowed = candidates.filter((candidate) => candidate <= maxLambda);
  if (allowed.length === 0) {
    const wanted = `be at most ${maxLambda}, lambda* = min(n, m) / (2 b) of the bound`;
    const fix = lambda === 'grid' ? 'Take more points.' : "Take 'grid', or a smaller number fixed before the data.";
    throw new RangeError(argumentMessage(where, 'lambda', wanted, Math.min(...candidates), fix));
  }
  const complexity = kl + Math.log(candidates.length / delta);
  const slack = (of: number): number => (of * found.phi) / found.size + complexity / of;
  const best = allowed.reduce((least, candidate) => (slack(candidate) < slack(least) ? candidate : least));
  return { ...found, slack: slack(best), lambda: best, rigorous: found.reasons.length === 0 };
}

/**
 * The lambda that makes the slack of one KL least: sqrt(N (KL + log(1 / delta)) / phi), at most lambda*.
 *
 * It gives 2 sqrt(phi (KL + log(1/delta)) / N). A certificate may use it only where KL is known before the data, as for a
 * fixed rho; otherwise take the 'grid'.
 *
 * @throws as `pacBayesSlack`
 */
export function optimalLambda({ kl, delta = 0.05, ...laws }: Omit<SlackOptions, 'lambda'>): number {
  const where = 'sliced-wasserstein.optimalLambda';
  const { phi, size, maxLambda } = concentration(where, laws);
  checkConfidence(where, kl, delta);
  return Math.min(Math.sqrt((size * (kl - Math.log(delta))) / phi), maxLambda);
}

/**
 * What the authors' program calls optimal, sqrt(2 N (KL + log(1 / delta)) / phi): sqrt 2 above `optimalLambda`, which
 * makes the slack 6 % larger. For comparisons with it.
 *
 * @throws as `pacBayesSlack`
 */
export function referenceLambda({ kl, delta = 0.05, ...laws }: Omit<SlackOptions, 'lambda'>): number {
  const where = 'sliced-wasserstein.referenceLambda';
  const { phi, size } = concentration(where, laws);
  checkConfidence(where, kl, delta);
  return Math.sqrt((2 * size * (kl - Math.log(delta))) / phi);
}

function checkConfidence(where: string, kl: number, delta: number): void {
  checkNumber(where, 'kl', kl, { min: 0 });
  checkNumber(where, 'delta', delta, { above: 0, below: 1 });
}
