import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, checkNumber } from '../check';

/** A number that changes along the training: a pure function of the step, which counts from 0. */
export type Schedule = (step: number) => number;

/** A schedule of this package as it is saved: the function that makes it, and the options of that. */
export interface ScheduleConfig extends tf.serialization.ConfigDict {
  kind: string;
}

const configs = new WeakMap<Schedule, ScheduleConfig>();

/** A schedule that checks its step, and is saved as `config` unless that is null. */
export function makeSchedule(where: string, config: ScheduleConfig | null, valueAt: Schedule): Schedule {
  const schedule: Schedule = (step) => valueAt(checkNumber(where, 'step', step, { min: 0 }));
  if (config !== null) configs.set(schedule, config);
  return schedule;
}

/** How the schedule is saved; null for one that was not made by this package. */
export function configOf(schedule: Schedule): ScheduleConfig | null {
  return configs.get(schedule) ?? null;
}

/** Returns `value` if it is a schedule or a number that satisfies the requirement. @throws TypeError, RangeError */
export function checkScheduled(
  where: string,
  name: string,
  value: unknown,
  requirement: { min?: number; max?: number } = { min: 0 },
): number | Schedule {
  if (typeof value === 'function') return value as Schedule;
  if (typeof value === 'number') return checkNumber(where, name, value, requirement);
  throw new TypeError(argumentMessage(where, name, 'be a number or a function of the step', value));
}

/** The number at a step. @throws RangeError or TypeError when a schedule gives one that is not allowed */
export function scheduledValue(
  where: string,
  name: string,
  value: number | Schedule,
  step: number,
  requirement: { min?: number; max?: number } = { min: 0 },
): number {
  return typeof value === 'number' ? value : checkNumber(where, `${name} at step ${step}`, value(step), requirement);
}
