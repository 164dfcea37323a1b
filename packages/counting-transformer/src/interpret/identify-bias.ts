import { inference } from '@tfsci/tensor-core';
import type { CountingTransformer } from '../model/counting-transformer';
import { queryWeights, SOURCES, type Source } from './attention-budget';
import type { TokenRows } from './capture';

/** Against what a model counts a region. */
export interface BiasFinding {
  /** The kind of token on which the query spends most beside its ones. */
  bias: Exclude<Source, 'ownOnes'>;
  /** How much of what is not spent on its ones goes there, 0 to 1. */
  purity: number;
  /** Of all that is not spent on its ones, by kind; they sum to 1. */
  shares: Record<Exclude<Source, 'ownOnes'>, number>;
  /** b_eff: how many of its ones weigh as much as all that is no one of its own; the median over sequences. */
  effective: number;
  /** Half the interquartile range of b_eff over its median: near 0 for a model that counts against something constant. */
  variation: number;
}

const OTHERS = SOURCES.filter((source) => source !== 'ownOnes');

/**
 * Against which tokens a model counts, by region: softmax weights know no number, only ratios, so that n ones can be told
 * by what they weigh beside something else.
 *
 *   b_eff = n (1 - w_own) / w_own,  w_own the weight of all n ones of the region
 *
 * @param samples  sequences; those where a region has no ones say nothing about it
 * @returns a finding for each region; NaN where no sequence had ones in it
 * @throws as `capture`
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export async function identifyBias(model: CountingTransformer, samples: TokenRows): Promise<BiasFinding[]> {
  const found = await queryWeights(model, samples);
  return Array.from({ length: model.config.regions }, (_, k) => {
    const own = found.filter(({ region, ones, shares }) => region === k && ones > 0 && shares.ownOnes > 0);
    const spent = own.map(({ shares }) => 1 - shares.ownOnes);
    const total = spent.reduce((sum, value) => sum + value, 0);
    const shareOf = (source: Source): number => own.reduce((sum, { shares }) => sum + shares[source], 0) / total;
    const shares = Object.fromEntries(OTHERS.map((source) => [source, shareOf(source)])) as BiasFinding['shares'];
    const bias = OTHERS.reduce((best, source) => (shares[source] > shares[best] ? source : best));
    // Medians, as b_eff has no bounds where a query all but overlooks its ones.
    const ratios = Float64Array.from(own, ({ ones, shares: { ownOnes } }) => (ones * (1 - ownOnes)) / ownOnes);
    const at = (part: number): number => (ratios.length === 0 ? NaN : inference.quantile(ratios, part));
    const effective = at(0.5);
    const variation = (at(0.75) - at(0.25)) / (2 * effective);
    return { bias, purity: shares[bias], shares, effective, variation };
  });
}

/**
 * By what factor a model will over- or undercount on sequences of another law, told before it has counted any of them.
 *
 *   slope = b_eff(trained) / b_eff(other)
 *
 * @param trained  what `identifyBias` found on sequences like those of the training
 * @param other    the same on sequences of the other law
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585: 4/3 for closing delimiters where 4 regions become 3
 */
export function predictedSlopes(trained: readonly BiasFinding[], other: readonly BiasFinding[]): number[] {
  return trained.map(({ effective }, k) => effective / (other[k]?.effective ?? NaN));
}
