import { argumentMessage, ShapeError } from '../check';
import { identityMatrix, type Matrix64 } from '../linalg';
import { checkKey, type Key, keyFromJSON, split } from '../random';
import { boxTransform } from './box-transform';
import { checkBounds, checkInitial, type LogDensity } from './density';
import { energyFraction } from './energy-fraction';
import { HmcChains } from './hmc-chains';
import { givenDraws, keyedDraws } from './hmc-draws';
import { checkHmcOptions, type HmcOptions, type HmcProgress } from './hmc-options';
import { checkHmcState, type HmcState, hmcState } from './hmc-state';
import { type HmcTrace, TraceRecorder } from './hmc-trace';
import type { Walls } from './leapfrog';
import { metricOf } from './metric';
import { drain, drainAsync } from './run';
import { warmUpPlan } from './warm-up';

/** What `hmc` returns. */
export interface HmcResult {
  /** The kept positions of each chain, [n, D]; what `summary` and the other diagnostics take. */
  draws: Matrix64[];
  /** Everything recorded of the kept iterations, of each chain. */
  traces: HmcTrace[];
  /** The same of warm-up and burn-in; empty unless `saveWarmUp`. */
  warmUpTraces: HmcTrace[];
  /** Step size of each chain. */
  stepSize: number[];
  /** Inverse mass matrix of each chain, in free coordinates where the boundary has such. */
  inverseMass: Matrix64[];
  /** Mean acceptance probability of the kept iterations, of each chain. */
  acceptance: number[];
  /** Number of kept iterations whose energy went astray, of each chain; more than a few bias the draws. */
  divergences: number[];
  /** Energy fraction of missing information of each chain; below 0.3 the tails are explored slowly. */
  energyFraction: number[];
  /** Calls of `logDensity`. */
  densityCalls: number;
  /** Whether all iterations are done; false when `signal` stopped the run. */
  finished: boolean;
  /** For a call that goes on: its draws follow these. To draw more in the end, raise `keep`. */
  state: HmcState;
}

/**
 * Draws from a density by Hamiltonian Monte Carlo, several chains at once; step size and mass matrix are learnt in the
 * warm-up.
 *
 * @returns draws, traces and diagnostics; judge the draws by `summary(result.draws)` before using them
 * @throws TypeError, ShapeError, RangeError for bad options, an initial point outside the bounds or of density 0;
 *   FormatError for a broken state
 * @see Neal, 2011, arXiv:1206.1901; Hoffman & Gelman, 2014, arXiv:1111.4246; Betancourt, 2017, arXiv:1701.02434
 * @example
 * const logDensity = ([x, y]) => ({ value: -(x * x + y * y) / 2, gradient: [-x, -y] });
 * const { draws } = hmc({ logDensity, initial: [[1, 0], [-1, 0], [0, 1], [0, -1]], key: key(1) });
 */
export function hmc(options: HmcOptions): HmcResult {
  return drain(iterations('tensor-core.hmc', options), options);
}

/** `hmc` with turns for the event loop: the same draws. Throws where `hmc` throws, as a rejection. */
export async function hmcAsync(options: HmcOptions): Promise<HmcResult> {
  return drainAsync(iterations('tensor-core.hmcAsync', options), options);
}

function* iterations(where: string, options: HmcOptions): Generator<HmcProgress, HmcResult, void> {
  const start = prepare(where, options);
  const { chains, checked, toUser } = start;
  const { warmUp, burnIn, keep, saveWarmUp } = checked;
  const total = warmUp + burnIn + keep;
  const recorders = chains.runs.map(() => ({ kept: new TraceRecorder(), before: new TraceRecorder() }));
  const dimension = start.dimension;
  let iteration = start.iteration;
  for (; iteration < total && !options.signal?.aborted; iteration++) {
    const transitions = chains.advance(iteration);
    const isKept = iteration >= warmUp + burnIn;
    transitions.forEach((happened, k) => {
      if (!isKept && !saveWarmUp) return;
      const { place } = chains.runs[k]!;
      const { position, logJacobian } = toUser(place.position);
      recorders[k]![isKept ? 'kept' : 'before'].add(position, place.value - logJacobian, happened);
    });
    yield {
      iteration: iteration + 1,
      iterations: total,
      phase: iteration < warmUp ? 'warm-up' : isKept ? 'sampling' : 'burn-in',
      acceptance: mean(transitions.map(({ acceptance }) => acceptance)),
      step: mean(transitions.map(({ step }) => step)),
    };
  }
  const traces = recorders.map(({ kept }) => kept.finish(dimension));
  return {
    draws: traces.map(({ draws }) => draws),
    traces,
    warmUpTraces: saveWarmUp ? recorders.map(({ before }) => before.finish(dimension)) : [],
    stepSize: chains.runs.map(({ step }) => step),
    inverseMass: chains.runs.map(({ metric }) => metric.inverseMass),
    acceptance: traces.map(({ acceptance }) => mean(acceptance)),
    divergences: traces.map(({ diverged }) => diverged.reduce((sum, one) => sum + one, 0)),
    energyFraction: traces.map(({ energy }) => (energy.length > 1 ? energyFraction(energy) : NaN)),
    densityCalls: start.calls(),
    finished: iteration >= total,
    state: hmcState(iteration, start.key?.toJSON() ?? null, chains.toJSON()),
  };
}

/** Checks the options and puts the chains where they begin, or where the state says. */
function prepare(where: string, options: HmcOptions) {
  const points = checkInitial(where, options.initial);
  const dimension = points[0]!.length;
  const checked = checkHmcOptions(where, options, points.length);
  const state = options.state && checkHmcState(where, options.state, points.length, dimension);
  const bounds = options.bounds && checkBounds(where, options.bounds, points);
  const { boundary } = checked;
  const isStretched = boundary === 'logit' || boundary === 'tangent';
  const transform = bounds && isStretched ? boxTransform(bounds, boundary) : undefined;
  const walls: Walls | undefined = bounds && !isStretched ? { bounds, rule: boundary } : undefined;

  let calls = 0;
  const counted: LogDensity = (q, chain) => {
    calls++;
    return options.logDensity(q, chain);
  };
  const key = state?.key ? keyFromJSON(state.key) : options.draws ? null : checkKey(where, options.key);
  if (key === null && !checked.steps && !state) {
    const fix = 'Draws are given: without a key no step can be searched for.';
    throw new TypeError(argumentMessage(where, 'initialStep', 'be given', undefined, fix));
  }
  const [drawKey, searchKey] = key ? (split(key) as [Key, Key]) : [null, null];
  const source = options.draws
    ? givenDraws(where, options.draws, dimension)
    : keyedDraws(drawKey!, dimension, checked.lengths, checked.sharedLength);
  const normalsOfSearch = searchKey ? keyedDraws(searchKey, dimension, checked.lengths, false).normals : undefined;

  const chains = new HmcChains({
    where,
    logDensity: transform ? transform.pullBack(counted) : counted,
    source,
    normalsOfSearch,
    plan: warmUpPlan(checked.warmUp, checked.mass.schedule),
    checked,
    walls,
  });
  const massOf = massesOf(where, options.inverseMass ?? identityMatrix(dimension), points.length);
  points.forEach((point, k) => {
    const saved = state?.chains[k];
    if (saved) chains.restore(saved, k);
    else chains.add(transform ? transform.toFree(point) : point, metricOf(where, massOf(k), dimension), k);
  });
  const toUser = (position: Float64Array): { position: Float64Array; logJacobian: number } =>
    transform
      ? { position: transform.toBox(position), logJacobian: transform.logJacobian(position) }
      : { position: position.slice(), logJacobian: 0 };
  return { chains, checked, dimension, iteration: state?.iteration ?? 0, key, toUser, calls: () => calls };
}

function massesOf(where: string, masses: Matrix64 | readonly Matrix64[], numChains: number): (k: number) => Matrix64 {
  if ('rows' in masses) return () => masses;
  if (masses.length !== numChains) {
    const wanted = `have ${numChains} matrices, one a chain`;
    throw new ShapeError(argumentMessage(where, 'inverseMass', wanted, masses.length));
  }
  return (k) => masses[k]!;
}

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
