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
 * Split R-hat: the root of the variance of all draws over that within half chains; near 1 when the chains agree.
 *
 *   R = sqrt( ((n-1)/n W + B/n) / W ),  W mean variance within, B/n variance of the means, of 2 m half chains of n draws
 *
 * @returns NaN when the draws of every half chain are all equal
 * @throws ShapeError for fewer than 4 draws or chains of different lengths, RangeError when a draw is not finite
 * @see Gelman & Rubin, 1992; Gelman et al., 2013, "Bayesian data analysis", section 11.4
 */
export function splitRHat(chains: Chains): number {
  return potentialScaleReduction(splitChains(checkChains('tensor-core.splitRHat', chains, 4)));
}

/**
 * Rank-normalised split R-hat: the larger one of the R-hat of normal scores, which sees different locations, and of
 * normal scores of |x - median|, which sees different scales. Draws are good below 1.01.
 *
 * @returns NaN when the draws are all equal
 * @throws as `splitRHat`
 * @see Vehtari, Gelman, Simpson, Carpenter & Buerkner, 2021, arXiv:1903.08008
 */
export function rHat(chains: Chains): number {
  const halves = splitChains(checkChains('tensor-core.rHat', chains, 4));
  const median = sortedQuantile(pooled(halves), 0.5);
  const folded = halves.map((half) => half.map((x) => Math.abs(x - median)));
  const [bulk, tails] = [halves, folded].map((each) => potentialScaleReduction(rankNormalised(each))) as [
    number,
    number,
  ];
  // Draws of two values alone may have equal distances from the median: that says nothing.
  if (Number.isNaN(tails)) return bulk;
  return Math.max(bulk, tails);
}

function potentialScaleReduction(chains: readonly Float64Array[]): number {
  const n = chains[0]!.length;
  const moments = chains.map(meanAndVariance);
  const within = moments.reduce((sum, { variance }) => sum + variance, 0) / chains.length;
  const between = meanAndVariance(moments.map(({ mean }) => mean)).variance;
  return within > 0 ? Math.sqrt((n - 1) / n + between / within) : NaN;
}
