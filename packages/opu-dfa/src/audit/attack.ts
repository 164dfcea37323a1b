// n draws with the example, m without it
import { approximateUpperProbability } from './clopper-pearson';

/** A guess at the world a draw is from: the one with the example where the draw is above the threshold, or not above. */
export interface Attack {
  threshold: number;
  side: 'above' | 'not above';
}

/** How often an attack errs. */
export interface ErrorCounts {
  /** Draws without the example that are taken for ones with it. */
  falsePositives: number;
  /** Draws with the example that are taken for ones without. */
  falseNegatives: number;
}

/** The attack that promises the largest bound of epsilon on these draws; they cannot bear it out as well. */
export function bestAttack(withExample: Float64Array, without: Float64Array, delta: number, z: number): Attack {
  const [x, y] = [withExample.slice().sort(), without.slice().sort()];
  const [n, m] = [x.length, y.length];
  let best: Attack = { threshold: Infinity, side: 'above' };
  let largest = -Infinity;
  let [xBelow, yBelow] = [0, 0];
  while (xBelow < n || yBelow < m) {
    const value = Math.min(x[xBelow] ?? Infinity, y[yBelow] ?? Infinity);
    while (xBelow < n && x[xBelow]! <= value) xBelow++;
    while (yBelow < m && y[yBelow]! <= value) yBelow++;
    const threshold = between(value, Math.min(x[xBelow] ?? Infinity, y[yBelow] ?? Infinity));
    for (const side of ['above', 'not above'] as const) {
      const [positives, negatives] = side === 'above' ? [m - yBelow, xBelow] : [yBelow, n - xBelow];
      const bound = epsilonOfRates(
        approximateUpperProbability(positives, m, z),
        approximateUpperProbability(negatives, n, z),
        delta,
      );
      if (bound <= largest) continue;
      largest = bound;
      best = { threshold, side };
    }
  }
  return best;
}

/** Counts the errors of an attack. */
export function countErrors(
  { threshold, side }: Attack,
  withExample: Float64Array,
  without: Float64Array,
): ErrorCounts {
  const isPositive = (draw: number): boolean => draw > threshold === (side === 'above');
  return {
    falsePositives: without.reduce((count, draw) => count + Number(isPositive(draw)), 0),
    falseNegatives: withExample.reduce((count, draw) => count + Number(!isPositive(draw)), 0),
  };
}

/**
 * The least epsilon that (epsilon, delta)-DP leaves to an attack with these error rates at most; below 0 where they tell
 * nothing.
 *
 *   P[guess 'with' | with] <= e^epsilon P[guess 'with' | without] + delta:  epsilon >= ln((1 - delta - fnr) / fpr)
 *   P[guess 'without' | without] <= e^epsilon P[guess 'without' | with] + delta:  epsilon >= ln((1 - delta - fpr) / fnr)
 *
 * @see Kairouz, Oh & Viswanath, 2015, "The composition theorem for differential privacy", arXiv:1311.0776, theorem 2.1
 */
export function epsilonOfRates(fpr: number, fnr: number, delta: number): number {
  // Both fall with both rates, so that upper bounds of the rates give lower bounds of epsilon.
  return Math.log(Math.max(0, (1 - delta - fnr) / fpr, (1 - delta - fpr) / fnr));
}

/** A number from `lower` on and below `upper`, in the middle where there is one. */
function between(lower: number, upper: number): number {
  const middle = lower + (upper - lower) / 2;
  return middle < upper ? middle : lower;
}
