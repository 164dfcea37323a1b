import { argumentMessage, checkNumber, ShapeError } from '../check';
import {
  type Chains,
  checkChains,
  meanAndVariance,
  pooled,
  rankNormalised,
  sortedQuantile,
  splitChains,
} from './chains';

/**
 * Autocorrelations rho_0 = 1, rho_1, ..., rho_maxLag of one chain.
 *
 *   rho_t = sum_i (x_i - mean) (x_(i+t) - mean) / sum_i (x_i - mean)^2
 *
 * @param maxLag  default n - 1; cost O(n maxLag)
 * @returns NaN when all draws are equal
 * @throws ShapeError for fewer than 2 draws, RangeError when a draw is not finite or maxLag not in 0 .. n - 1
 */
export function autocorrelation(chain: ArrayLike<number>, maxLag = chain.length - 1): Float64Array {
  const where = 'tensor-core.autocorrelation';
  const [values] = checkChains(where, [chain], 2) as [Float64Array];
  checkNumber(where, 'maxLag', maxLag, { min: 0, max: values.length - 1, integer: true });
  const covariance = autocovarianceOf(values);
  const variance = covariance(0);
  return Float64Array.from({ length: maxLag + 1 }, (_, lag) => covariance(lag) / variance);
}

/**
 * Effective sample size for the mean: the number of independent draws whose mean had the same variance.
 *
 *   S / (1 + 2 sum_t rho_t), over half chains, the sum by Geyer's initial monotone sequence
 *
 * @returns at most S log10 S; NaN when all draws are equal
 * @throws ShapeError for fewer than 10 draws or chains of different lengths, RangeError when a draw is not finite
 * @see Vehtari et al., 2021, section 3.2, arXiv:1903.08008; Geyer, 1992, "Practical Markov chain Monte Carlo"
 */
export function essMean(chains: Chains): number {
  return effectiveSize(splitChains(checkChains('tensor-core.essMean', chains, 10)));
}

/** Effective sample size of the bulk: `essMean` of the normal scores of the ranks. More than 400 are wanted. @throws as `essMean` */
export function essBulk(chains: Chains): number {
  return effectiveSize(rankNormalised(splitChains(checkChains('tensor-core.essBulk', chains, 10))));
}

/**
 * Effective sample size of the tails: the smaller one of those for the 5 % and the 95 % quantile.
 *
 * @throws as `essMean`
 */
export function essTail(chains: Chains): number {
  return Math.min(essQuantile(chains, 0.05), essQuantile(chains, 0.95));
}

/** Effective sample size for quantile p: `essMean` of the indicators x <= quantile. @throws as `essMean`, RangeError for p outside [0, 1] */
export function essQuantile(chains: Chains, p: number): number {
  const where = 'tensor-core.essQuantile';
  checkNumber(where, 'p', p, { min: 0, max: 1 });
  const all = checkChains(where, chains, 10);
  const bound = sortedQuantile(pooled(all), p);
  return effectiveSize(splitChains(all.map((chain) => chain.map((x) => Number(x <= bound)))));
}

/** The Monte Carlo standard error of the mean, sd / sqrt(essMean). @throws as `essMean` */
export function mcse(chains: Chains): number {
  const all = checkChains('tensor-core.mcse', chains, 10);
  return Math.sqrt(meanAndVariance(pooled(all)).variance / essMean(all));
}

/**
 * The Monte Carlo standard error of quantile p: half the distance between the quantiles p - e and p + e, where
 * e = sqrt(p (1 - p) / essQuantile) is the standard error of the share of draws below it.
 *
 * @throws as `essQuantile`; ShapeError when all draws lie on one side of the quantile
 */
export function mcseQuantile(chains: Chains, p: number): number {
  const where = 'tensor-core.mcseQuantile';
  const size = essQuantile(chains, p);
  if (Number.isNaN(size)) throw new ShapeError(argumentMessage(where, 'chains', 'have draws on both sides of p', p));
  const sorted = pooled(checkChains(where, chains, 10));
  const spread = Math.sqrt((p * (1 - p)) / size);
  const [low, high] = [Math.max(0, p - spread), Math.min(1, p + spread)];
  return (sortedQuantile(sorted, high) - sortedQuantile(sorted, low)) / 2;
}

function effectiveSize(chains: readonly Float64Array[]): number {
  const n = chains[0]!.length;
  const total = n * chains.length;
  const moments = chains.map(meanAndVariance);
  const within = moments.reduce((sum, { variance }) => sum + variance, 0) / chains.length;
  const between = chains.length > 1 ? meanAndVariance(moments.map(({ mean }) => mean)).variance : 0;
  const variance = ((n - 1) / n) * within + between;
  if (!(variance > 0)) return NaN;
  const covariances = chains.map(autocovarianceOf);
  const rho = (lag: number): number => {
    if (lag === 0) return 1;
    const mean = covariances.reduce((sum, covariance) => sum + covariance(lag), 0) / chains.length;
    // Of half chains with divisor n: W is their mean with divisor n - 1.
    return 1 - (within - (mean * n) / (n - 1)) / variance;
  };
  // Geyer: the sums of pairs rho_2k + rho_2k+1 of a reversible chain are positive and fall; noise is where they do not.
  let sum = 0;
  let last = Infinity;
  let lag = 0;
  for (; ; lag += 2) {
    const pair = rho(lag) + rho(lag + 1);
    if (pair <= 0 || lag >= n - 4) break;
    last = Math.min(last, pair);
    sum += last;
  }
  // The first half of the pair that is left out counts once, which takes most of the bias of antithetic chains.
  const tau = Math.max(2 * sum - 1 + Math.max(0, rho(lag)), 1 / Math.log10(total));
  return total / tau;
}

/** The autocovariance with divisor n, at lags asked for one by one: few are needed. */
function autocovarianceOf(values: Float64Array): (lag: number) => number {
  const n = values.length;
  const { mean } = meanAndVariance(values);
  const centred = values.map((value) => value - mean);
  return (lag) => {
    let sum = 0;
    for (let i = 0; i + lag < n; i++) sum += centred[i]! * centred[i + lag]!;
    return sum / n;
  };
}
