import type { random } from '@tfsci/tensor-core';
import type { SliceDistribution } from '../slices/slice-distribution';

/** What one iteration has seen of its slices, before its step. */
export interface Measured {
  /** What is climbed: the distance less the price of being far from uniform. */
  objective: number;
  /** Mean of W_p^p over the slices of the iteration. */
  value: number;
  /** KL to the uniform law, in nats; of a network the discriminator's estimate, and none for 'dsw'. */
  kl?: number;
  /** Concentration; none of a network. */
  kappa?: number;
}

/** What one iteration has done. */
export interface Step {
  measured: Measured;
  /** Whether what was measured and its gradient are finite; else no step was made. */
  finite: boolean;
}

/** A distribution of slices under way; S is where it stands, plain data. */
export interface Learner<D extends SliceDistribution, S> {
  /** Measures, and steps up the gradient unless something is not finite. */
  step(key: random.Key): Promise<Step>;
  /** What has been learnt so far. */
  result(key: random.Key): Promise<{ distribution: D; kl?: number }>;
  /** What another learner goes on from. */
  save(): Promise<S>;
  /** Hands the result over: from now on `dispose` leaves it alone. */
  release(): void;
  dispose(): void;
}

/** Whether all numbers are finite. */
export function allFinite(...lists: readonly ArrayLike<number>[]): boolean {
  return lists.every((list) => Array.prototype.every.call(list, Number.isFinite));
}
