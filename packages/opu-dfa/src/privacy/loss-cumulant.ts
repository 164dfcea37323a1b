// l privacy loss of all uses, theta tilt, K cumulant generating function
import type { PrivacyLoss } from './privacy-loss';

/** Equal and independent uses. */
export interface LossTerm {
  loss: PrivacyLoss;
  steps: number;
}

/** Moments of l under the density e^(theta l - K(theta)) P. */
export interface TiltedMoments {
  /** K(theta) = ln E_P e^(theta l). */
  log: number;
  mean: number;
  variance: number;
}

const MOST_NODES = 4096;
/** The tilt only has to be near the best one. */
const TILT_ACCURACY = 1e-3;
/** Times the range of losses: sharper ones would tell losses apart that a grid does not. */
const SHARPEST_TILT = 2 ** 24;
/** Of the range of a search for it. */
const MOST_DOUBLINGS = 30;

/** The cumulant generating function of a sum of losses; the trapezoid rule, so good approximations and no bounds. */
export class LossCumulant {
  private readonly terms: { losses: Float64Array; masses: Float64Array; steps: number }[];
  /** Of the sum where no use is in its tails. */
  readonly lowest: number;
  readonly highest: number;
  private readonly mostTilt: number;

  constructor(terms: readonly LossTerm[]) {
    this.terms = terms.map(({ loss, steps }) => ({ ...trapezoid(loss), steps }));
    this.lowest = this.terms.reduce((sum, { losses, steps }) => sum + steps * losses[0]!, 0);
    this.highest = this.terms.reduce((sum, { losses, steps }) => sum + steps * losses.at(-1)!, 0);
    this.mostTilt = SHARPEST_TILT / (this.highest - this.lowest);
  }

  /** Of the sum. */
  at(theta: number): TiltedMoments {
    const sum: TiltedMoments = { log: 0, mean: 0, variance: 0 };
    this.terms.forEach(({ steps }, i) => {
      const one = this.ofTerm(i, theta);
      sum.log += steps * one.log;
      sum.mean += steps * one.mean;
      sum.variance += steps * one.variance;
    });
    return sum;
  }

  /** Of one use of a term. */
  ofTerm(index: number, theta: number): TiltedMoments {
    const { losses, masses } = this.terms[index]!;
    const top = Math.max(theta * losses[0]!, theta * losses.at(-1)!);
    let [total, first] = [0, 0];
    for (let i = 0; i < losses.length; i++) {
      const mass = masses[i]! * Math.exp(theta * losses[i]! - top);
      total += mass;
      first += mass * losses[i]!;
    }
    const mean = first / total;
    let second = 0;
    for (let i = 0; i < losses.length; i++) {
      second += masses[i]! * Math.exp(theta * losses[i]! - top) * (losses[i]! - mean) ** 2;
    }
    return { log: top + Math.log(total), mean, variance: second / total };
  }

  /** Variance that moving each loss to a multiple of dx above or below adds, the mean of e^-l kept: sum of (l - lo) (hi - l). */
  addedVariance(theta: number, dx: number): number {
    let sum = 0;
    this.terms.forEach(({ losses, masses, steps }, index) => {
      const { log } = this.ofTerm(index, theta);
      for (let i = 0; i < losses.length; i++) {
        const offset = losses[i]! / dx - Math.floor(losses[i]! / dx);
        sum += steps * masses[i]! * Math.exp(theta * losses[i]! - log) * offset * (1 - offset) * dx ** 2;
      }
    });
    return sum;
  }

  /**
   * The tilt for which Chernoff's bound of P(l > e), where P is tilted by `from` already, falls to e^-depth soonest.
   *
   *   (theta - from) K'(theta) - (K(theta) - K(from)) = depth
   *
   * @param depth  > 0
   */
  chernoffTilt(depth: number, from = 0): number {
    const { log, variance } = this.at(from);
    const slack = (step: number): number => {
      const tilted = this.at(from + step);
      return step * tilted.mean - (tilted.log - log) - depth;
    };
    return from + increasingRoot(slack, Math.sqrt((2 * depth) / variance), this.mostTilt);
  }

  /** The tilt >= 0 under which the mean of l is nearest to `mean`. */
  meanTilt(mean: number): number {
    const plain = this.at(0);
    if (mean <= plain.mean) return 0;
    return increasingRoot((theta) => this.at(theta).mean - mean, (mean - plain.mean) / plain.variance, this.mostTilt);
  }
}

function trapezoid(loss: PrivacyLoss): { losses: Float64Array; masses: Float64Array } {
  const { lowest, highest, panel } = loss;
  const count = Math.min(MOST_NODES, Math.ceil((highest - lowest) / panel));
  const step = (highest - lowest) / count;
  const losses = Float64Array.from({ length: count + 1 }, (_, i) => loss.at(lowest + i * step));
  const masses = losses.map((l, i) => step * loss.density(lowest + i * step, l));
  return { losses, masses };
}

/**
 * A root theta > 0, found from a guess; where there is none up to `most`, as for losses that all but agree, a theta near the
 * end that it is missed at.
 */
function increasingRoot(f: (theta: number) => number, guess: number, most: number): number {
  let high = Math.min(guess, most);
  for (let i = 0; i < MOST_DOUBLINGS && high < most && f(high) < 0; i++) high = Math.min(high * 4, most);
  for (let i = 0; i < MOST_DOUBLINGS && f(high / 4) > 0; i++) high /= 4;
  let low = high / 4;
  while (high > low * (1 + TILT_ACCURACY)) {
    const middle = Math.sqrt(low * high);
    if (f(middle) < 0) low = middle;
    else high = middle;
  }
  return high;
}
