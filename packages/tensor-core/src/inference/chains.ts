import { argumentMessage, checkNumber, ShapeError } from '../check';
import { columnOf, type Matrix64, normalQuantile } from '../linalg';

/** Draws of one quantity, a sequence a chain, all of the same length. */
export type Chains = readonly ArrayLike<number>[];

/**
 * The chains of one coordinate of draws.
 *
 * @param draws  [n, D] of each chain, as `hmc` returns them
 * @throws ShapeError when the chains differ in shape or there is none, RangeError when there is no such coordinate
 */
export function chainsOf(draws: readonly Matrix64[], coordinate: number): Float64Array[] {
  const where = 'tensor-core.chainsOf';
  const { rows, cols } = checkDraws(where, draws);
  checkNumber(where, 'coordinate', coordinate, { min: 0, max: cols - 1, integer: true });
  return draws.map((chain) => columnOf({ ...chain, rows }, coordinate));
}

/** Returns the common shape of draws. @throws ShapeError when there is none */
export function checkDraws(where: string, draws: readonly Matrix64[]): { rows: number; cols: number } {
  const { rows, cols } = draws[0] ?? { rows: 0, cols: 0 };
  if (!(rows > 0 && cols > 0)) throw new ShapeError(argumentMessage(where, 'draws', 'hold at least one draw', draws));
  draws.forEach((chain, k) => {
    if (chain.rows === rows && chain.cols === cols && chain.data.length === rows * cols) return;
    const wanted = `have the shape [${rows}, ${cols}] of the first`;
    throw new ShapeError(argumentMessage(where, `draws[${k}]`, wanted, [chain.rows, chain.cols]));
  });
  return { rows, cols };
}

/** Names of the coordinates, 'q0', 'q1', ... by default. @throws ShapeError when there is not one for each */
export function checkNames(where: string, names: readonly string[] | undefined, dimension: number): readonly string[] {
  const all = names ?? Array.from({ length: dimension }, (_, i) => `q${i}`);
  if (all.length === dimension) return all;
  throw new ShapeError(argumentMessage(where, 'names', `have ${dimension} entries, one a coordinate`, all.length));
}

/** Returns copies of chains. @throws ShapeError when they are none, shorter than `least` or of different lengths; RangeError when not finite */
export function checkChains(where: string, chains: Chains, least: number): Float64Array[] {
  const length = chains[0]?.length ?? 0;
  if (length < least) {
    throw new ShapeError(argumentMessage(where, 'chains', `have at least ${least} draws each`, length));
  }
  return chains.map((chain, k) => {
    if (chain.length !== length) {
      throw new ShapeError(argumentMessage(where, `chains[${k}]`, `have ${length} draws as the first`, chain.length));
    }
    const copy = Float64Array.from(chain);
    const broken = copy.findIndex((value) => !Number.isFinite(value));
    if (broken >= 0) throw new RangeError(argumentMessage(where, `chains[${k}][${broken}]`, 'be finite', copy[broken]));
    return copy;
  });
}

/** First and last half of each chain; the middle draw of an odd number is left out. */
export function splitChains(chains: readonly Float64Array[]): Float64Array[] {
  return chains.flatMap((chain) => {
    const half = Math.floor(chain.length / 2);
    return [chain.slice(0, half), chain.slice(chain.length - half)];
  });
}

/**
 * Normal scores: z = Phi^-1((r - 3/8) / (S + 1/4)) of the rank r of each draw among all S draws; equal draws have their
 * mean rank.
 *
 * @see Vehtari et al., 2021, eq. (14), arXiv:1903.08008, with Blom's denominator as the authors' code has it
 */
export function rankNormalised(chains: readonly Float64Array[]): Float64Array[] {
  const length = chains[0]!.length;
  const all = chains.flatMap((chain) => Array.from(chain));
  const order = all.map((_, i) => i).sort((a, b) => all[a]! - all[b]!);
  const scores = new Float64Array(all.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && all[order[to]!] === all[order[from]!]) to++;
    const rank = (from + 1 + to) / 2;
    const score = normalQuantile((rank - 0.375) / (all.length + 0.25));
    for (let i = from; i < to; i++) scores[order[i]!] = score;
  }
  return chains.map((_, k) => scores.slice(k * length, (k + 1) * length));
}

/** Quantile p of the values, interpolated linearly between order statistics at (n - 1) p. */
export function quantile(values: ArrayLike<number>, p: number): number {
  const where = 'tensor-core.quantile';
  checkNumber(where, 'p', p, { min: 0, max: 1 });
  const [sorted] = checkChains(where, [values], 1) as [Float64Array];
  return sortedQuantile(sorted.sort(), p);
}

/** `quantile` of ascending values. */
export function sortedQuantile(sorted: Float64Array, p: number): number {
  const at = (sorted.length - 1) * p;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}

/** All draws in one array, ascending. */
export function pooled(chains: readonly Float64Array[]): Float64Array {
  const length = chains[0]!.length;
  const all = new Float64Array(chains.length * length);
  chains.forEach((chain, k) => all.set(chain, k * length));
  return all.sort();
}

/** Mean and sample variance (divisor n - 1). */
export function meanAndVariance(values: ArrayLike<number>): { mean: number; variance: number } {
  const n = values.length;
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i]!;
  mean /= n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { mean, variance: squares / (n - 1) };
}
