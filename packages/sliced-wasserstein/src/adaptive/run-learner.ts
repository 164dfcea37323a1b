import { check, random } from '@tfsci/tensor-core';
import type { SliceDistribution } from '../slices/slice-distribution';
import { turns } from '../turns';
import {
  type AdaptiveProgress,
  adaptiveState,
  type AdaptiveState,
  type LearnerState,
  NonFiniteFitError,
} from './adaptive-state';
import { errorOf, meanOf } from './fit-certificate';
import type { AdaptiveFit, CheckedFitOptions } from './fit-options';
import type { Learner } from './learner';
import type { Price } from './price';
import { costsOfSlices, type SliceProblem } from './slice-problem';

/** Iterations whose mean objective is compared with that of as many before. */
const WINDOW = 25;

/** Independent keys for what a fit draws. */
export interface FitKeys {
  /** For the start. */
  start: random.Key;
  /** For iterations, by their number. */
  learn: random.Key;
  /** For what is drawn afterwards, by the number of iterations. */
  last: random.Key;
}

export function fitKeys(key: random.Key): FitKeys {
  const [start, learn, last] = random.split(key, 3) as [random.Key, random.Key, random.Key];
  return { start, learn, last };
}

/** What `runLearner` gives. */
export interface LearnerRun<D extends SliceDistribution> {
  fit: AdaptiveFit<D>;
  /** W_p^p of the fresh slices. */
  costs: Float32Array;
}

/** Iterates a learner to its end, and measures what it has learnt with fresh slices. The learner is disposed. */
export async function runLearner<D extends SliceDistribution>(
  problem: SliceProblem,
  learner: Learner<D, LearnerState>,
  price: Price,
  options: CheckedFitOptions,
): Promise<LearnerRun<D>> {
  const { family, objective, key, finalSlices } = options;
  const history: AdaptiveProgress[] = [...(options.state?.history ?? [])];
  const stateNow = async (): Promise<AdaptiveState> => {
    const dim = problem.x_ND.shape[1];
    return adaptiveState({ family, objective, dim, key: key.toJSON(), history, learner: await learner.save() });
  };
  try {
    const status = await iterate(problem.where, learner, history, options, stateNow);
    const state = await stateNow();
    const ofLast = random.foldIn(fitKeys(key).last, history.length);
    const [costsKey, klKey] = random.split(ofLast) as [random.Key, random.Key];
    const { distribution, kl } = await learner.result(klKey);
    const costs = await costsOfSlices(problem, () => distribution.sample(finalSlices, costsKey));
    learner.release();
    const lambda = price.of === 'kl' ? price.at(kl ?? 0).lambda : price.lambda;
    const measured = { trainValue: meanOf(costs), standardError: errorOf(costs), ...(kl !== undefined && { kl }) };
    return { fit: { distribution, status, ...measured, lambda, history, state }, costs };
  } finally {
    learner.dispose();
  }
}

async function iterate(
  where: string,
  learner: Learner<SliceDistribution, LearnerState>,
  history: AdaptiveProgress[],
  { key, iterations, tolerance, signal, onProgress }: CheckedFitOptions,
  stateNow: () => Promise<AdaptiveState>,
): Promise<AdaptiveFit<SliceDistribution>['status']> {
  const turn = turns(undefined);
  const { learn } = fitKeys(key);
  while (history.length < iterations) {
    if (signal?.aborted) return 'aborted';
    if (tolerance !== undefined && hasConverged(history, tolerance)) return 'converged';
    const { measured, finite } = await learner.step(random.foldIn(learn, history.length));
    const iteration = history.length + 1;
    if (!finite) {
      const { objective } = measured;
      const [name, value] = Number.isFinite(objective) ? ['gradient', NaN] : ['objective', objective];
      const fix = 'Scale both clouds, or lower learningRate; the state of this error is that before.';
      const message = check.argumentMessage(where, `the ${name} of iteration ${iteration}`, 'be finite', value, fix);
      throw new NonFiniteFitError(message, await stateNow());
    }
    const progress = { iteration, ...measured };
    history.push(progress);
    onProgress?.(progress);
    await turn();
  }
  return 'finished';
}

/** Looked at once in each window, so that it is not found by looking often. */
function hasConverged(history: readonly AdaptiveProgress[], tolerance: number): boolean {
  const count = history.length;
  if (count < 2 * WINDOW || count % WINDOW !== 0) return false;
  const mean = (from: number): number => meanOf(history.slice(from, from + WINDOW).map(({ objective }) => objective));
  const last = mean(count - WINDOW);
  return last - mean(count - 2 * WINDOW) <= tolerance * Math.abs(last);
}
