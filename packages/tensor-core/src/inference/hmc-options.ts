import { argumentMessage, checkNumber, checkOneOf, ShapeError } from '../check';
import type { Matrix64 } from '../linalg';
import type { Key } from '../random';
import type { Interval, LogDensity } from './density';
import { checkDualAveraging, type DualAveragingOptions } from './dual-averaging';
import type { HmcDraws } from './hmc-draws';
import type { HmcState } from './hmc-state';
import type { RunOptions } from './run';
import type { MassSchedule } from './warm-up';

/** How the inverse mass matrix is learnt, for each chain from its own positions. */
export interface MassAdaptationOptions {
  /** Default 'windows'; see `MassSchedule`. */
  schedule?: MassSchedule;
  /** Default 'dense'; 'diagonal' for more than about 50 coordinates. */
  shape?: 'dense' | 'diagonal';
  /** Whether estimates are drawn to 0.001 I with the weight of 5 samples, default true. */
  shrink?: boolean;
  /** Whether the step size is learnt anew after each change of the matrix, default true. */
  restartStep?: boolean;
}

/** The conventions of a sampler: what a preset sets. */
export interface HmcConventions {
  /** Number of leapfrog steps, or [least, most] of a uniform draw in each iteration, default [5, 15]. */
  leapfrogSteps?: number | readonly [least: number, most: number];
  /** Whether all chains of an iteration draw the same number of steps, default false. */
  sharedLength?: boolean;
  /**
   * How bounds are kept, default 'logit': 'logit' and 'tangent' sample in free coordinates (see `boxTransform`),
   * 'reflect' and 'collision' between walls (see `WallRule`).
   */
  boundary?: 'logit' | 'tangent' | 'reflect' | 'collision';
  stepAdaptation?: DualAveragingOptions;
  massAdaptation?: MassAdaptationOptions;
  /** Whether a proposal with exp(H0 - H1) = Infinity is rejected, default false. */
  rejectOverflow?: boolean;
}

/** What `hmc` takes. */
export interface HmcOptions extends HmcConventions, RunOptions<HmcProgress> {
  logDensity: LogDensity;
  /** A point for each chain; best dispersed over the target. */
  initial: readonly ArrayLike<number>[];
  /** Needed unless `draws` or `state` is given. */
  key?: Key | undefined;
  /** Iterations that adapt step and mass, default 1000. */
  warmUp?: number;
  /** Iterations after them that are thrown away, default 0. */
  burnIn?: number;
  /** Draws to keep of each chain, default 1000. */
  keep?: number;
  /** Lowest and highest value of every coordinate; none by default. */
  bounds?: readonly Interval[] | undefined;
  /** The first step size, of all or of each chain; by default searched for. */
  initialStep?: number | ArrayLike<number> | undefined;
  /**
   * The first inverse mass matrix, of all or of each chain, in free coordinates where the boundary has such; the
   * identity by default.
   */
  inverseMass?: Matrix64 | readonly Matrix64[] | undefined;
  /** Largest error H1 - H0 of an energy that is not counted as a divergence, default 1000. */
  maxEnergyError?: number;
  /** Random numbers instead of a key. */
  draws?: HmcDraws | undefined;
  /** Whether warm-up and burn-in are recorded too, default false. */
  saveWarmUp?: boolean;
  /** Goes on where an earlier call with the same options stopped. */
  state?: HmcState | undefined;
}

/** Where a run is. */
export interface HmcProgress {
  /** Iterations done, of how many. */
  iteration: number;
  iterations: number;
  phase: 'warm-up' | 'burn-in' | 'sampling';
  /** Mean over the chains, of this iteration. */
  acceptance: number;
  /** Mean over the chains, of this iteration. */
  step: number;
}

/**
 * The conventions of the public code of Gibbs diffusion: `hmc({ ...gibbsDiffusionHmc, ... })`. Its own runs have
 * initialStep 1e-6 and warmUp 300. Kept for comparison: the defaults adapt faster and better.
 *
 * @see Heurtel-Depeiges, Margossian, Ohana & Regaldo-Saint Blancard, 2024, arXiv:2402.19455
 */
export const gibbsDiffusionHmc: Readonly<HmcConventions> = {
  leapfrogSteps: [5, 15],
  sharedLength: true,
  boundary: 'collision',
  stepAdaptation: { target: 0.65, gamma: 0.1, t0: 10, kappa: 0.75, muFactor: 1, form: 'sum' },
  massAdaptation: { schedule: 'three-quarters', shape: 'dense', shrink: false, restartStep: false },
  rejectOverflow: true,
};

/** The options that are numbers and choices, checked, with their defaults. @throws TypeError, RangeError, ShapeError */
export function checkHmcOptions(where: string, options: HmcOptions, numChains: number) {
  const {
    warmUp = 1000,
    burnIn = 0,
    keep = 1000,
    maxEnergyError = 1000,
    initialStep,
    leapfrogSteps = [5, 15],
  } = options;
  checkNumber(where, 'warmUp', warmUp, { min: 0, integer: true });
  checkNumber(where, 'burnIn', burnIn, { min: 0, integer: true });
  checkNumber(where, 'keep', keep, { min: 1, integer: true });
  checkNumber(where, 'maxEnergyError', maxEnergyError, { above: 0 });
  const boundary = checkOneOf(where, 'boundary', options.boundary ?? 'logit', [
    'logit',
    'tangent',
    'reflect',
    'collision',
  ]);
  const [least, most] = typeof leapfrogSteps === 'number' ? [leapfrogSteps, leapfrogSteps] : leapfrogSteps;
  checkNumber(where, 'leapfrogSteps[0]', least, { min: 1, integer: true });
  checkNumber(where, 'leapfrogSteps[1]', most, { min: least, max: 2 ** 31 - 2, integer: true });
  const { schedule = 'windows', shape = 'dense', shrink = true, restartStep = true } = options.massAdaptation ?? {};
  checkOneOf(where, 'massAdaptation.schedule', schedule, ['windows', 'three-quarters', 'none']);
  checkOneOf(where, 'massAdaptation.shape', shape, ['dense', 'diagonal']);
  return {
    warmUp,
    burnIn,
    keep,
    maxEnergyError,
    boundary,
    lengths: [least, most] as const,
    sharedLength: options.sharedLength ?? false,
    rejectOverflow: options.rejectOverflow ?? false,
    saveWarmUp: options.saveWarmUp ?? false,
    steps: checkSteps(where, initialStep, numChains),
    stepAdaptation: checkDualAveraging(where, options.stepAdaptation ?? {}),
    mass: { schedule, shape, shrink, restartStep },
  };
}

export type CheckedHmcOptions = ReturnType<typeof checkHmcOptions>;

function checkSteps(where: string, steps: HmcOptions['initialStep'], numChains: number): number[] | undefined {
  if (steps === undefined) return undefined;
  const all = typeof steps === 'number' ? new Array<number>(numChains).fill(steps) : Array.from(steps);
  if (all.length !== numChains) {
    throw new ShapeError(argumentMessage(where, 'initialStep', `have ${numChains} entries, one a chain`, all.length));
  }
  return all.map((step) => checkNumber(where, 'initialStep', step, { above: 0 }));
}
