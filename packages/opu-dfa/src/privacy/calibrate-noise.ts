// q sampling rate, z noise multiplier, T number of steps
import { check } from '@tfsci/tensor-core';
import { checkDelta } from './gaussian-mechanism';
import { checkPldDelta, PldAccountant } from './pld-accountant';
import type { Accountant } from './privacy-event';
import { RdpAccountant } from './rdp-accountant';

const { argumentMessage, checkNumber, checkOneOf } = check;

/** Where the search for noise ends: what is enough at the least is not taken apart further, the most is never enough. */
const LEAST_NOISE = 2 ** -6;
const MOST_NOISE = 2 ** 30;
/** So many steps are no limit. */
const MOST_STEPS = 2 ** 50;

/** A budget, and how the batches are drawn that it is spent on: Poisson sampling, relation 'add-remove'. */
export interface PrivacyTarget {
  /** > 0 */
  epsilon: number;
  /** Above 0, below 1; from 1e-12 on with 'pld'. */
  delta: number;
  /** q, 0..1 */
  samplingRate: number;
  /** Default 'pld', which needs less noise. */
  accountant?: 'rdp' | 'pld';
}

/** Options of `calibrateNoise`. */
export interface CalibrateNoiseOptions extends PrivacyTarget {
  /** T >= 1 */
  steps: number;
  /** The noise may be so much more than the least, in parts of it; > 0, default 1e-3. */
  tolerance?: number;
}

/** Options of `stepsWithin`. */
export interface StepsWithinOptions extends PrivacyTarget {
  /** z >= 0 */
  noiseMultiplier: number;
}

/**
 * The least noise multiplier with which so many steps stay within a budget.
 *
 *   min z with epsilon(T steps of (q, z); delta) <= epsilon
 *
 * @returns z, at most `tolerance` of it above the least and never below; 1/64 where that much or less is enough
 * @throws TypeError, RangeError for other options, or an epsilon that no noise reaches: with 'rdp' the orders set a limit
 * @example
 * calibrateNoise({ epsilon: 3, delta: 1e-5, samplingRate: 0.01, steps: 1000 }); // 0.814
 */
export function calibrateNoise(options: CalibrateNoiseOptions): number {
  const where = 'opu-dfa.calibrateNoise';
  const { epsilon, steps, tolerance = 1e-3 } = options;
  checkTarget(where, options);
  checkNumber(where, 'samplingRate', options.samplingRate, { above: 0 }, 'What is never drawn needs no noise.');
  checkNumber(where, 'steps', steps, { min: 1, integer: true });
  checkNumber(where, 'tolerance', tolerance, { above: 0 });
  const isEnough = (noise: number): boolean => spent(options, noise, steps) <= epsilon;
  let enough = 1;
  while (!isEnough(enough)) {
    enough *= 2;
    if (enough > MOST_NOISE) {
      const wanted = `be at least ${spent(options, MOST_NOISE, steps)}, which is left with any noise`;
      throw new RangeError(argumentMessage(where, 'epsilon', wanted, epsilon, "Take accountant: 'pld'."));
    }
  }
  while (enough > LEAST_NOISE && isEnough(enough / 2)) enough /= 2;
  if (enough <= LEAST_NOISE) return enough;
  let little = enough / 2;
  while (enough > little * (1 + tolerance)) {
    const middle = Math.sqrt(little * enough);
    if (middle <= little || middle >= enough) break;
    if (isEnough(middle)) enough = middle;
    else little = middle;
  }
  return enough;
}

/**
 * How many steps a budget pays for.
 *
 *   max T with epsilon(T steps of (q, z); delta) <= epsilon
 *
 * @returns T >= 0; Infinity where there is no limit, or one beyond 2^50
 * @throws TypeError, RangeError for other options
 * @example
 * stepsWithin({ epsilon: 3, delta: 1e-5, samplingRate: 0.01, noiseMultiplier: 0.8 }); // 894
 */
export function stepsWithin(options: StepsWithinOptions): number {
  const where = 'opu-dfa.stepsWithin';
  const { epsilon, samplingRate, noiseMultiplier } = options;
  checkTarget(where, options);
  checkNumber(where, 'noiseMultiplier', noiseMultiplier, { min: 0 });
  if (samplingRate === 0) return Infinity;
  const isWithin = (steps: number): boolean => spent(options, noiseMultiplier, steps) <= epsilon;
  let beyond = 1;
  while (isWithin(beyond)) {
    beyond *= 2;
    if (beyond > MOST_STEPS) return Infinity;
  }
  let within = Math.floor(beyond / 2);
  while (beyond - within > 1) {
    const middle = Math.floor((within + beyond) / 2);
    if (isWithin(middle)) within = middle;
    else beyond = middle;
  }
  return within;
}

function checkTarget(where: string, { epsilon, delta, samplingRate, accountant = 'pld' }: PrivacyTarget): void {
  checkNumber(where, 'epsilon', epsilon, { above: 0 });
  checkOneOf(where, 'accountant', accountant, ['rdp', 'pld']);
  if (accountant === 'rdp') checkDelta(where, delta);
  else checkPldDelta(where, delta);
  checkNumber(where, 'samplingRate', samplingRate, { min: 0, max: 1 });
}

function spent({ delta, samplingRate, accountant }: PrivacyTarget, noiseMultiplier: number, steps: number): number {
  const book: Accountant = accountant === 'rdp' ? new RdpAccountant() : new PldAccountant();
  book.step({ noiseMultiplier, samplingRate, steps });
  return book.epsilon(delta).epsilon;
}
