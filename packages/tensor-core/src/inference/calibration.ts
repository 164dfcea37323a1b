import { argumentMessage, checkNumber, FormatError, ShapeError } from '../check';
import { columnOf, type Matrix64 } from '../linalg';
import { checkKey, fillUniform, foldIn, type Key, type KeyJson, keyFromJSON, split } from '../random';
import { chainsOf, checkDraws } from './chains';
import { essBulk } from './effective-size';
import { eventLoopTurn, type RunOptions } from './run';

const FORMAT = 'tensor-core.sbc';

/** What `sbc` takes; `Theta` has D parameters. */
export interface SbcOptions<Data> extends RunOptions<SbcProgress> {
  /** A draw of the parameters from the prior. */
  prior: (key: Key) => ArrayLike<number>;
  /** Data drawn with these parameters. */
  simulate: (theta: Float64Array, key: Key) => Data | Promise<Data>;
  /** Draws from the posterior of the data, [n, D] of each chain; what is under test. */
  posterior: (data: Data, key: Key) => readonly Matrix64[] | Promise<readonly Matrix64[]>;
  /** Number of simulations, default 200. */
  runs?: number;
  /** Needed unless `state` is given. */
  key?: Key | undefined;
  /** 'ess' (default) keeps one draw for every n / essBulk, a number takes every so many-th draw, 1 takes all. */
  thin?: 'ess' | number;
  /** Goes on where an earlier call with the same options stopped. */
  state?: SbcState | undefined;
}

/** Where a calibration is. */
export interface SbcProgress {
  /** Simulations done, of how many. */
  iteration: number;
  iterations: number;
}

/** What a calibration has found so far: plain data. */
export interface SbcState {
  format: typeof FORMAT;
  version: 1;
  key: KeyJson;
  /** [run][parameter]. */
  ranks: number[][];
  sizes: number[][];
  positions: number[][];
}

/** What `sbc` returns. */
export interface SbcResult {
  /** Number of thinned draws below the truth, [run][parameter]. */
  ranks: number[][];
  /** Number of thinned draws, [run][parameter]. */
  sizes: number[][];
  /** Of each parameter: (rank + v) / (size + 1) of each run, v uniform; uniform on [0, 1) when the posterior is right. */
  positions: Float64Array[];
  /** Whether all runs are done; false when `signal` stopped them. */
  finished: boolean;
  state: SbcState;
}

/**
 * Ranks of the true parameters among posterior draws.
 *
 * @param truth  [D]
 * @param draws  [n, D]
 * @returns number of draws below the truth, of each parameter; of draws that equal it every second one counts
 * @throws ShapeError when the lengths differ
 */
export function sbcRanks(truth: ArrayLike<number>, draws: Matrix64): number[] {
  const { cols } = checkDraws('tensor-core.sbcRanks', [draws]);
  if (truth.length !== cols) {
    const wanted = `have ${cols} entries as the draws`;
    throw new ShapeError(argumentMessage('tensor-core.sbcRanks', 'truth', wanted, truth.length));
  }
  return Array.from(truth, (value, i) => rankOf(value, columnOf(draws, i)));
}

/**
 * Simulation-based calibration: parameters from the prior, data from the parameters, draws from the posterior of the
 * data. If the posterior is right, the rank of each parameter among its draws is uniform.
 *
 * Draws are thinned first, as ranks among correlated draws are not uniform. Look at `uniformHistogram(positions[i])`
 * and at `ecdf` with `ecdfBand`.
 *
 * @throws TypeError, ShapeError, RangeError for bad options, prior or posterior draws, FormatError for a broken state
 * @see Talts, Betancourt, Simpson, Vehtari & Gelman, 2018, arXiv:1804.06788
 */
export async function sbc<Data>(options: SbcOptions<Data>): Promise<SbcResult> {
  const where = 'tensor-core.sbc';
  const { runs = 200, thin = 'ess', signal, onProgress } = options;
  checkNumber(where, 'runs', runs, { min: 1, integer: true });
  if (thin !== 'ess') checkNumber(where, 'thin', thin, { min: 1, integer: true });
  const { key, ranks, sizes, positions } = startOf(where, options);
  let run = ranks.length;
  for (; run < runs && !signal?.aborted; run++) {
    const [priorKey, dataKey, posteriorKey, tieKey] = split(foldIn(key, run), 4) as [Key, Key, Key, Key];
    const theta = Float64Array.from(options.prior(priorKey));
    const data = await options.simulate(theta, dataKey);
    const draws = await options.posterior(data, posteriorKey);
    const { cols } = checkDraws(where, draws);
    if (cols !== theta.length) {
      throw new ShapeError(
        argumentMessage(where, 'posterior draws', `have ${theta.length} columns as the prior`, cols),
      );
    }
    const thinned = Array.from(theta, (_, i) => thinnedChains(chainsOf(draws, i), thin));
    const runRanks = Array.from(theta, (value, i) => rankOf(value, thinned[i]!));
    const ties = fillUniform(tieKey, new Float64Array(cols));
    ranks.push(runRanks);
    sizes.push(thinned.map(({ length }) => length));
    positions.push(runRanks.map((rank, i) => (rank + ties[i]!) / (thinned[i]!.length + 1)));
    onProgress?.({ iteration: run + 1, iterations: runs });
    await eventLoopTurn();
  }
  const dimension = positions[0]?.length ?? 0;
  return {
    ranks,
    sizes,
    positions: Array.from({ length: dimension }, (_, i) => Float64Array.from(positions, (row) => row[i]!)),
    finished: run >= runs,
    state: { format: FORMAT, version: 1, key: key.toJSON(), ranks, sizes, positions },
  };
}

function startOf<Data>(where: string, { state, key }: SbcOptions<Data>) {
  if (!state) return { key: checkKey(where, key), ranks: [], sizes: [], positions: [] as number[][] } as Progress;
  const { format, version, ranks, sizes, positions } = state;
  const isTable = (table: unknown): boolean =>
    Array.isArray(table) &&
    table.length === ranks?.length &&
    table.every((row) => Array.isArray(row) && row.every(Number.isFinite) && row.length === ranks[0]?.length);
  if (format !== FORMAT || version !== 1 || ![ranks, sizes, positions].every(isTable)) {
    const fix = 'Pass the state that sbc returned.';
    throw new FormatError(argumentMessage(where, 'state', `be of format "${FORMAT}", version 1`, state, fix));
  }
  return { key: keyFromJSON(state.key), ranks: [...ranks], sizes: [...sizes], positions: [...positions] };
}

interface Progress {
  key: Key;
  ranks: number[][];
  sizes: number[][];
  positions: number[][];
}

/** Every stride-th draw of each chain, all chains in one. */
function thinnedChains(chains: Float64Array[], thin: 'ess' | number): Float64Array {
  const n = chains[0]!.length;
  let stride = thin === 'ess' ? 1 : Math.min(thin, n);
  if (thin === 'ess' && n >= 10) {
    const size = essBulk(chains);
    // Chains that stand still are worth a single draw.
    stride = Number.isNaN(size) ? n : Math.min(n, Math.max(1, Math.ceil((n * chains.length) / size)));
  }
  return Float64Array.from(chains.flatMap((chain) => Array.from(chain).filter((_, i) => i % stride === 0)));
}

function rankOf(value: number, draws: ArrayLike<number>): number {
  let below = 0;
  let equal = 0;
  for (let i = 0; i < draws.length; i++) {
    if (draws[i]! < value) below++;
    else if (draws[i] === value) equal++;
  }
  return below + Math.floor(equal / 2);
}
