import { check } from '@tfsci/tensor-core';
import type { RidgeProblem } from './ridge-problem';

/** Multiples of the mean |phi_i|^2 that are tried by default. */
const GRID = [1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100];

/** What a lambda scored. */
export interface RidgeScore {
  lambda: number;
  /** Mean over rows and outputs of the squared error, each row predicted without its fold; Infinity where it has no solution. */
  meanSquaredError: number;
}

/** The scores of lambdas by cross-validation. @throws RangeError for fewer rows than folds; the signal's reason */
export async function crossValidate(
  where: string,
  problem: RidgeProblem,
  {
    folds,
    lambdas = GRID.map((factor) => factor * (problem.scale || 1)),
  }: { folds: number; lambdas?: readonly number[] },
  signal: AbortSignal | undefined,
): Promise<RidgeScore[]> {
  const fix = 'Every fold needs one. Or give a lambda.';
  check.checkNumber(where, 'the number of rows', problem.rows, { min: folds }, fix);
  const errors = lambdas.map(() => 0);
  for (let fold = 0; fold < folds; fold++) {
    const heldOut = problem.heldOut(fold);
    for (const [i, lambda] of lambdas.entries()) {
      // So that a page stays alive, and a signal can come.
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
      errors[i]! += orInfinity(() => heldOut(lambda));
    }
  }
  const numbers = problem.rows * problem.outputs;
  return lambdas.map((lambda, i) => ({ lambda, meanSquaredError: errors[i]! / numbers }));
}

/** The lambda with the least error, of several the largest. */
export function leastOf(scores: readonly RidgeScore[]): number {
  const least = Math.min(...scores.map(({ meanSquaredError }) => meanSquaredError));
  return Math.max(...scores.filter(({ meanSquaredError }) => meanSquaredError === least).map(({ lambda }) => lambda));
}

function orInfinity(solve: () => number): number {
  try {
    return solve();
  } catch (error) {
    if (error instanceof RangeError) return Infinity;
    throw error;
  }
}
