// B sequences, L tokens, R regions, H heads.
import { contextualPositions, TOKENS } from '../task/tokens';
import type { CountingTransformer } from '../model/counting-transformer';
import { capture, type TokenRows } from './capture';

/** Kinds of tokens as a region's query meets them. */
export const SOURCES = ['ownOnes', 'otherOnes', 'zero', 'open', 'close', 'start'] as const;
export type Source = (typeof SOURCES)[number];

/** What a region's query attends, in parts of 1. */
export type AttentionShares = Record<Source, number>;

/** The weights of a region's query in a sequence. */
export interface QueryWeights {
  sequence: number;
  region: number;
  /** n. */
  ones: number;
  shares: AttentionShares;
}

/**
 * On what the query of each region spends its attention: on the ones of its region, which it has to count, and on what
 * serves as their unit.
 *
 * @param samples  sequences with up to R regions; queries of regions that a sequence has not are left out
 * @returns the mean shares of each region over the sequences, NaN for a region that none of them has; heads weigh the same
 * @throws FormatError for sequences that are none of the task, else as `capture`
 * @see Golkar et al., 2024, sec. 5, arXiv:2406.02585
 */
export async function attentionBudget(model: CountingTransformer, samples: TokenRows): Promise<AttentionShares[]> {
  const found = await queryWeights(model, samples);
  return Array.from({ length: model.config.regions }, (_, k) => {
    const own = found.filter(({ region }) => region === k);
    const mean = (source: Source): number => own.reduce((sum, { shares }) => sum + shares[source], 0) / own.length;
    return Object.fromEntries(SOURCES.map((source) => [source, mean(source)])) as AttentionShares;
  });
}

/** Those shares for each sequence and region. */
export async function queryWeights(model: CountingTransformer, samples: TokenRows): Promise<QueryWeights[]> {
  const { 'dec.attn.weights': weights } = await capture(model, samples, { names: ['dec.attn.weights'] });
  const [, H, R, L] = weights.shape as [number, number, number, number];
  const found: QueryWeights[] = [];
  for (let b = 0; b < samples.batch; b++) {
    const row = Array.from({ length: L }, (_, t) => samples.tokens[b * L + t]!);
    const places = contextualPositions(row);
    const regions = row.filter((id) => id === TOKENS.open).length;
    for (let k = 0; k < Math.min(R, regions); k++) {
      const shares: AttentionShares = { ownOnes: 0, otherOnes: 0, zero: 0, open: 0, close: 0, start: 0 };
      for (let h = 0; h < H; h++) {
        const start = ((b * H + h) * R + k) * L;
        for (let t = 0; t < L; t++) shares[sourceOf(row[t]!, places[t] === k)] += weights.data[start + t]! / H;
      }
      const ones = row.filter((id, t) => id === TOKENS.one && places[t] === k).length;
      found.push({ sequence: b, region: k, ones, shares });
    }
  }
  return found;
}

function sourceOf(id: number, isOwn: boolean): Source {
  if (id === TOKENS.one) return isOwn ? 'ownOnes' : 'otherOnes';
  return ({ [TOKENS.zero]: 'zero', [TOKENS.open]: 'open', [TOKENS.close]: 'close' } as const)[id] ?? 'start';
}
