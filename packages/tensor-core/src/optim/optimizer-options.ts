import { checkNumber } from '../check';
import type { NamedVariable, ParameterGroup } from './parameter-groups';
import { scheduleFromConfig } from './saved-schedule';
import type { Schedule, ScheduleConfig } from './schedule';

/** What becomes of a step whose gradients are not finite. */
export type NonFinitePolicy = 'throw' | 'skip' | 'propagate';

/** Options that every optimiser of this package has. */
export interface OptimizerOptions {
  /** Step size, or a schedule of the step, which counts from 0. */
  learningRate?: number | Schedule;
  /** lambda; decoupled unless said otherwise. */
  weightDecay?: number | Schedule;
  /** Variables with rates or weight decay of their own; of several groups that have a variable the first holds. */
  groups?: readonly ParameterGroup[];
  /** Names of variables, for filters and for the saved state: `model.namedParameters()`. */
  parameters?: readonly NamedVariable[];
  /** Scales the gradients down to this joint norm; see `clipByGlobalNorm`. Default: no clipping. */
  clipNorm?: number;
  /**
   * What becomes of a step whose gradients are NaN, infinite, or have squares that overflow. 'propagate' (default) takes
   * it in, as PyTorch; 'skip' leaves weights and state as they were; 'throw' does so too and throws, for which it reads
   * one number back at each step. Both cost a pass over weights and state.
   */
  nonFinite?: NonFinitePolicy;
}

/** Checks a weight of the past, in [0, 1). @throws RangeError or TypeError */
export function checkBeta(where: string, name: string, value: unknown): number {
  return checkNumber(where, name, value, { min: 0, below: 1 }, 'With 1 the averages would never move.');
}

/** A schedule that was saved, or the value itself. */
export function unsaved(value: number | Schedule | ScheduleConfig | undefined): number | Schedule | undefined {
  return typeof value === 'object' && value !== null ? scheduleFromConfig(value) : value;
}
