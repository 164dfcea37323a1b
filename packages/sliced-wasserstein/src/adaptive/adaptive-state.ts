import { check, random } from '@tfsci/tensor-core';
import type { AxialFamily } from '../slices/axial-distribution';
import type { AxialAdamState } from './axial-adam';
import type { Measured } from './learner';
import type { NetworkLearnerState } from './network-learner';

const { argumentMessage, FormatError } = check;
const FORMAT = 'sliced-wasserstein.adaptive';

/** What is learnt: a distribution around an axis, or a network. */
export type AdaptiveFamily = AxialFamily | 'network';
/** What for; see `fitAdaptiveSlices`. */
export type AdaptiveObjective = 'pac' | 'dsw';
/** Where a learner stands. */
export type LearnerState = AxialAdamState | NetworkLearnerState;

/** An iteration of a fit. */
export interface AdaptiveProgress extends Measured {
  /** From 1 on. */
  iteration: number;
}

/** Where a fit stands: plain data, which JSON keeps exactly. */
export interface AdaptiveState {
  format: typeof FORMAT;
  version: 1;
  family: AdaptiveFamily;
  objective: AdaptiveObjective;
  /** d */
  dim: number;
  key: random.KeyJson;
  /** All iterations done. */
  history: AdaptiveProgress[];
  learner: LearnerState;
}

/** A fit has met numbers that are not finite; nothing is lost. */
export class NonFiniteFitError extends RangeError {
  override readonly name = 'NonFiniteFitError';

  constructor(
    message: string,
    /** Before that iteration, for a call that goes on with other options. */
    readonly state: AdaptiveState,
  ) {
    super(message);
  }
}

/** A state of the present version. */
export function adaptiveState(parts: Omit<AdaptiveState, 'format' | 'version'>): AdaptiveState {
  return { format: FORMAT, version: 1, ...parts };
}

/** Returns `state` if a fit of this kind can go on from it. @throws FormatError otherwise */
export function checkAdaptiveState(
  where: string,
  state: AdaptiveState,
  wanted: Pick<AdaptiveState, 'family' | 'objective' | 'dim'>,
): AdaptiveState {
  const given = (state ?? {}) as Partial<AdaptiveState>;
  const refuse = (name: string, requirement: string, value: unknown): never => {
    throw new FormatError(argumentMessage(where, name, requirement, value, 'Pass the state of a fit of this kind.'));
  };
  for (const [name, value] of Object.entries({ format: FORMAT, version: 1, ...wanted })) {
    const found = given[name as keyof AdaptiveState];
    if (found !== value) refuse(`state.${name}`, `be ${check.describeValue(value)}`, found);
  }
  if (!Array.isArray(given.history)) refuse('state.history', 'be a list of iterations', given.history);
  random.keyFromJSON(given.key);
  if (wanted.family === 'network') return state;
  const { steps, scale, point, momentum, squares, average } = (given.learner ?? {}) as Partial<AxialAdamState>;
  const numbers = (name: string, values: unknown, count: number): void => {
    if (Array.isArray(values) && values.length === count && values.every(Number.isFinite)) return;
    refuse(`state.learner.${name}`, `be ${count === 1 ? 'a finite number' : `${count} finite numbers`}`, values);
  };
  numbers('steps', [steps], 1);
  numbers('scale', [scale], 1);
  numbers('squares.logKappa', [squares?.logKappa], 1);
  numbers('squares.mu', [squares?.mu], 1);
  for (const [name, entry] of Object.entries({ point, momentum, average })) {
    numbers(`${name}.logKappa`, [entry?.logKappa], 1);
    numbers(`${name}.mu`, entry?.mu, wanted.dim);
  }
  return state;
}
