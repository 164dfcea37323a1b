// q sampling rate, z noise multiplier, T number of uses, l privacy loss of all of them, theta tilt
import { check } from '@tfsci/tensor-core';
import { composeGaussians, gaussianDelta, gaussianEpsilon } from './gaussian-mechanism';
import { LossComposition, type LossWindow } from './loss-composition';
import { LossCumulant, type LossTerm } from './loss-cumulant';
import type { LossGrids } from './loss-grid';
import { PrivacyLoss, type LossDirection } from './privacy-loss';
import { sampledGaussianDelta } from './sampled-gaussian-delta';

const { argumentMessage } = check;

/** The part of delta that tails of single uses may have. */
const TAILS = 1e-6;
/** Where nothing is known of delta. */
const SMALL_DELTA = 1e-12;
/** -ln of the tilted probability above a window. */
const NEGLIGIBLE = 20;
/** Standard deviations of the tilted loss that a window reaches below its mean. */
const REACH_BELOW = 8;
/** How much the grid may add to epsilon, in parts of it or, where that is more, of the standard deviation of the loss. */
const GRID_ERROR = 4e-4;
const SPREAD_ERROR = 1e-5;
/** Sampled uses with less noise, of epsilons in the thousands, are counted as if they used all data. */
const LEAST_SAMPLED_NOISE = 0.01;
const FEWEST_POINTS = 2 ** 12;
const MOST_POINTS = 2 ** 18;
/** Of a point of the grid. */
const LARGEST_INDEX = 2 ** 36;
/** Relative error of a sum of losses. */
const ROUNDING = 1e-12;
/** Tilts that are tried for one epsilon. */
const MOST_PASSES = 4;
/** With a grid that was asked for. */
const MOST_POINTS_ASKED = 2 ** 21;

/** Equal uses of the sampled Gaussian mechanism, Poisson sampling. */
export interface SampledGaussianUse {
  /** q in (0, 1] */
  samplingRate: number;
  /** z > 0 */
  noiseMultiplier: number;
  /** T >= 1 */
  steps: number;
}

/** How losses are put on a grid. */
export interface CompositionOptions {
  /** Distance dx of its points; by default what adds at most 4e-4 of it to epsilon, as far as 2^18 points reach. */
  grid: number | undefined;
  grids: LossGrids;
}

/**
 * An upper bound of the epsilon of uses one after the other, each of which may depend on what came before.
 *
 * @param delta  above 0, below 1
 */
export function composedEpsilon(
  where: string,
  uses: readonly SampledGaussianUse[],
  delta: number,
  options: CompositionOptions,
): number {
  // Total variation distances add up at most.
  const apart = uses.reduce(
    (sum, { samplingRate, noiseMultiplier, steps }) =>
      sum + steps * sampledGaussianDelta(0, samplingRate, noiseMultiplier),
    0,
  );
  if (apart <= delta) return 0;
  return ofUses(
    uses,
    delta,
    (z) => gaussianEpsilon(delta, z),
    (terms, floor) => {
      const cumulant = new LossCumulant(terms);
      // All but tails are below it.
      let least = cumulant.highest * (1 + ROUNDING);
      if (least <= floor) return floor;
      const depth = -Math.log(delta);
      let theta = cumulant.chernoffTilt(depth);
      for (let pass = 0; ; pass++) {
        const { mean } = cumulant.at(theta);
        least = Math.min(least, composition(where, terms, cumulant, { theta, depth }, options).epsilon(delta));
        // Where Chernoff's bound is far from sharp a smaller tilt is better.
        if (theta === 0 || least === 0 || least > mean / 2 || pass === MOST_PASSES) return least;
        theta = cumulant.meanTilt(least);
      }
    },
  );
}

/** An upper bound of delta at an epsilon >= 0. */
export function composedDelta(
  where: string,
  uses: readonly SampledGaussianUse[],
  epsilon: number,
  options: CompositionOptions,
): number {
  const within = (scale: number): number =>
    ofUses(
      uses,
      scale,
      (z) => gaussianDelta(epsilon, z),
      (terms) => {
        const cumulant = new LossCumulant(terms);
        if (epsilon >= cumulant.highest) return Math.min(1, tailsOf(terms));
        const theta = cumulant.meanTilt(epsilon);
        const depth = theta * epsilon - cumulant.at(theta).log;
        return composition(where, terms, cumulant, { theta, depth }, options).delta(epsilon);
      },
    );
  // Tails that suit a delta are known from a first bound of it.
  const first = within(SMALL_DELTA);
  return first <= SMALL_DELTA ? first : Math.min(first, within(first));
}

/**
 * Uses of all data have an exact answer; for others it is the largest of both directions.
 *
 * @param delta    beside which tails may be neglected, which is to say counted as losses that are infinite
 * @param ofTerms  the answer in one direction; below the floor it does not matter
 */
function ofUses(
  uses: readonly SampledGaussianUse[],
  delta: number,
  exact: (noiseMultiplier: number) => number,
  ofTerms: (terms: LossTerm[], floor: number) => number,
): number {
  const { sampled, gaussian } = simplified(uses);
  if (sampled.length === 0) return gaussian === null ? 0 : exact(gaussian.noiseMultiplier);
  const all = gaussian === null ? sampled : [...sampled, gaussian];
  const steps = all.reduce((sum, use) => sum + use.steps, 0);
  // In steps of 2^10, so that grids can be used again.
  const tail = 2 ** (10 * Math.floor(Math.log2((TAILS * Math.min(1, delta)) / steps) / 10));
  const inDirection = (direction: LossDirection, floor: number): number =>
    ofTerms(
      all.map(({ samplingRate, noiseMultiplier, steps: times }) => ({
        loss: new PrivacyLoss(samplingRate, noiseMultiplier, direction, tail),
        steps: times,
      })),
      floor,
    );
  const removed = inDirection('remove', 0);
  return Math.max(removed, inDirection('add', removed));
}

interface SimplifiedUses {
  sampled: SampledGaussianUse[];
  /** All that use all data: 1 / z^2 = sum of 1 / z_i^2. */
  gaussian: SampledGaussianUse | null;
}

function simplified(uses: readonly SampledGaussianUse[]): SimplifiedUses {
  const sampled = new Map<string, SampledGaussianUse>();
  let noise = Infinity;
  for (const use of uses) {
    const { samplingRate, noiseMultiplier, steps } = use;
    // What is sampled costs no more than what is not: a sample is drawn from it by replacing outputs at random.
    if (samplingRate === 1 || noiseMultiplier < LEAST_SAMPLED_NOISE) {
      noise = composeGaussians([noise, noiseMultiplier / Math.sqrt(steps)].filter(Number.isFinite));
    } else {
      const key = `${samplingRate} ${noiseMultiplier}`;
      sampled.set(key, { ...use, steps: steps + (sampled.get(key)?.steps ?? 0) });
    }
  }
  const gaussian = noise < Infinity ? { samplingRate: 1, noiseMultiplier: noise, steps: 1 } : null;
  return { sampled: [...sampled.values()], gaussian };
}

/** The probability that some use is in its upper tail. */
function tailsOf(terms: readonly LossTerm[]): number {
  return terms.reduce((sum, { loss, steps }) => sum + steps * loss.above(loss.highest), 0);
}

/** Of the terms, for theta and where depth = -ln of the delta that matters. */
function composition(
  where: string,
  terms: readonly LossTerm[],
  cumulant: LossCumulant,
  { theta, depth }: { theta: number; depth: number },
  { grid, grids }: CompositionOptions,
): LossComposition {
  const { log, mean, variance } = cumulant.at(theta);
  const spread = Math.sqrt(variance);
  const tailTilt = cumulant.chernoffTilt(NEGLIGIBLE, theta);
  const highest = Math.min(cumulant.highest, (cumulant.at(tailTilt).log - log + NEGLIGIBLE) / (tailTilt - theta));
  const lowest = Math.max(cumulant.lowest, mean - REACH_BELOW * spread);
  const range = Math.max(0, highest - lowest);
  const epsilon = theta > 0 ? (log + depth) / theta : 0;
  const error = Math.max(GRID_ERROR * epsilon, SPREAD_ERROR * spread);
  // Losses near the largest there is may all but agree: indices must stay exact.
  const finest = Math.max(Math.abs(highest), Math.abs(lowest)) / LARGEST_INDEX;
  const dx = grid ?? Math.max(finest, gridFor(cumulant, theta, range, error));
  const window: LossWindow = {
    dx,
    first: Math.floor(lowest / dx),
    length: 2 ** Math.ceil(Math.log2(Math.max(16, range / dx + 2))),
  };
  if (window.length > MOST_POINTS_ASKED) {
    const fix = 'Leave it out, or take a larger one.';
    const wanted = `be at least ${range / MOST_POINTS_ASKED} for losses spread over ${range}`;
    throw new RangeError(argumentMessage(where, 'grid', wanted, dx, fix));
  }
  const gridTerms = terms.map(({ loss, steps }, index) => {
    // Single losses beyond twice the window are out of question; in units of it, so that grids can be used again.
    const centre = cumulant.ofTerm(index, theta).mean / dx / window.length;
    const from = (Math.floor(centre) - 2) * window.length;
    const to = (Math.ceil(centre) + 2) * window.length;
    return { grid: grids.get(loss, dx, from, to), steps };
  });
  return new LossComposition(gridTerms, window, theta, tailTilt);
}

/**
 * The largest power of two whose grid adds no more than `error` to epsilon: moving losses to its points adds a variance v to
 * l under the tilt, theta (theta + 1) v / 2 to the cumulant function, and so (theta + 1) v / 2 to epsilon.
 */
function gridFor(cumulant: LossCumulant, theta: number, range: number, error: number): number {
  let dx = 2 ** Math.floor(Math.log2(range / FEWEST_POINTS));
  while (range / dx < MOST_POINTS / 2 && ((theta + 1) / 2) * cumulant.addedVariance(theta, dx) > error) dx /= 2;
  return dx;
}
