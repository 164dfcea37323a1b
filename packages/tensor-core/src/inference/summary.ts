import { checkNumber } from '../check';
import type { Matrix64 } from '../linalg';
import {
  type Chains,
  chainsOf,
  checkChains,
  checkDraws,
  checkNames,
  meanAndVariance,
  pooled,
  sortedQuantile,
} from './chains';
import { essBulk, essTail, mcse } from './effective-size';
import { rHat } from './r-hat';

/** What is told of one quantity. */
export interface SummaryRow {
  name: string;
  mean: number;
  /** Standard deviation of the draws. */
  std: number;
  median: number;
  /** Ends of the highest-density interval. */
  hdi: [low: number, high: number];
  /** Monte Carlo standard error of the mean. */
  mcse: number;
  essBulk: number;
  essTail: number;
  rHat: number;
  /** What speaks against the draws, in words; empty when nothing does. */
  warnings: string[];
}

/** How draws are summarised. */
export interface SummaryOptions {
  /** Of the coordinates, default 'q0', 'q1', ... */
  names?: readonly string[];
  /** Probability of the highest-density interval, default 0.94. */
  probability?: number;
  /** A larger R-hat is warned of, default 1.05. */
  maxRHat?: number;
  /** A smaller effective sample size is warned of, default 100. */
  minEss?: number;
}

/**
 * The table that a posterior is judged by, a row a coordinate.
 *
 * @param draws  [n, D] of each chain, n at least 10
 * @throws ShapeError, RangeError when the chains differ in shape, are too short or not finite, or names do not fit
 */
export function summary(draws: readonly Matrix64[], options: SummaryOptions = {}): SummaryRow[] {
  const where = 'tensor-core.summary';
  const { cols } = checkDraws(where, draws);
  const { probability = 0.94 } = options;
  return checkNames(where, options.names, cols).map((name, i) => {
    const chains = chainsOf(draws, i);
    const sorted = pooled(chains);
    const { mean, variance } = meanAndVariance(sorted);
    const row = {
      name,
      mean,
      std: Math.sqrt(variance),
      median: sortedQuantile(sorted, 0.5),
      hdi: hdi(chains, probability),
      mcse: mcse(chains),
      essBulk: essBulk(chains),
      essTail: essTail(chains),
      rHat: rHat(chains),
    };
    return { ...row, warnings: warningsOf(row, draws.length, options) };
  });
}

/**
 * The highest-density interval of a distribution with one mode: the shortest interval between two draws that holds at
 * least the given share of all.
 *
 * @throws ShapeError for chains of different lengths or none, RangeError when a draw is not finite or for a
 *   probability outside (0, 1]
 */
export function hdi(chains: Chains, probability = 0.94): [low: number, high: number] {
  const where = 'tensor-core.hdi';
  checkNumber(where, 'probability', probability, { above: 0, max: 1 });
  const sorted = pooled(checkChains(where, chains, 1));
  // Rounding must not ask for one draw more where the share is a whole number.
  const held = Math.max(1, Math.ceil(probability * sorted.length - 1e-9));
  let best = 0;
  for (let i = 1; i + held <= sorted.length; i++) {
    if (sorted[i + held - 1]! - sorted[i]! < sorted[best + held - 1]! - sorted[best]!) best = i;
  }
  return [sorted[best]!, sorted[best + held - 1]!];
}

/** The table as text, columns aligned, numbers rounded by their Monte Carlo error or to 3 digits. */
export function formatSummary(rows: readonly SummaryRow[]): string {
  const head = ['', 'mean', 'std', 'median', 'hdi low', 'hdi high', 'mcse', 'ess bulk', 'ess tail', 'r-hat'];
  const lines = rows.map((row) => {
    // Two digits of the error: more of the mean would be noise.
    const digits = row.mcse > 0 ? Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(row.mcse)))) : 3;
    const values = [row.mean, row.std, row.median, ...row.hdi, row.mcse].map((value) => value.toFixed(digits));
    return [row.name, ...values, row.essBulk.toFixed(0), row.essTail.toFixed(0), row.rHat.toFixed(3)];
  });
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column]!.length)));
  const written = table.map((line) => line.map((cell, column) => cell.padStart(widths[column]!)).join('  '));
  const warnings = rows.flatMap((row) => row.warnings.map((warning) => `${row.name}: ${warning}`));
  return [...written, ...warnings].join('\n');
}

function warningsOf(
  row: Omit<SummaryRow, 'warnings'>,
  numChains: number,
  { maxRHat = 1.05, minEss = 100 }: SummaryOptions,
): string[] {
  if (Number.isNaN(row.rHat)) return ['all draws are equal'];
  const warnings: string[] = [];
  if (numChains < 2) warnings.push('a single chain cannot tell whether it has seen all of the target');
  if (row.rHat > maxRHat) warnings.push(`R-hat ${row.rHat.toFixed(3)} is above ${maxRHat}: the chains disagree`);
  for (const [name, size] of [
    ['bulk', row.essBulk],
    ['tail', row.essTail],
  ] as const) {
    if (size < minEss) warnings.push(`the ${name} effective sample size ${size.toFixed(0)} is below ${minEss}`);
  }
  return warnings;
}
