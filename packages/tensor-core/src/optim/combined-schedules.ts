import { argumentMessage } from '../check';
import { configOf, makeSchedule, type Schedule, type ScheduleConfig } from './schedule';
import { checkBoundaries, pieceAt } from './schedules';

/**
 * One schedule after another, each counting from 0 where it begins, as torch.optim.lr_scheduler.SequentialLR.
 *
 * @param schedules   in order
 * @param boundaries  increasing steps at which the next one begins; one fewer than schedules
 * @throws TypeError, RangeError for what is no schedule, and for wrong boundaries
 * @example
 * join([linearWarmup({ base: 1e-3, steps: 100 }), exponential({ base: 1e-3, factor: 0.999 })], [100]);
 */
export function join(schedules: readonly Schedule[], boundaries: readonly number[]): Schedule {
  const where = 'tensor-core.join';
  const parts = checkSchedules(where, schedules);
  const starts = checkBoundaries(where, boundaries);
  if (starts.length !== parts.length - 1) {
    const wanted = `be one fewer than the schedules (${parts.length})`;
    throw new RangeError(argumentMessage(where, 'boundaries', wanted, starts));
  }
  const saved = savedParts(parts);
  return makeSchedule(where, saved && { kind: 'join', schedules: saved, boundaries: starts }, (t) => {
    const piece = pieceAt(starts, t);
    return parts[piece]!(piece === 0 ? t : t - starts[piece - 1]!);
  });
}

/**
 * The product of schedules: a rate and factors on it, as torch.optim.lr_scheduler.ChainedScheduler.
 *
 * @throws TypeError, RangeError for what is no schedule
 * @example
 * chain(cosine({ base: 1e-3, steps: 1000 }), linearWarmup({ base: 1, steps: 50 }));
 */
export function chain(...schedules: readonly Schedule[]): Schedule {
  const where = 'tensor-core.chain';
  const parts = checkSchedules(where, schedules);
  const saved = savedParts(parts);
  return makeSchedule(where, saved && { kind: 'chain', schedules: saved }, (t) =>
    parts.reduce((product, part) => product * part(t), 1),
  );
}

function checkSchedules(where: string, schedules: readonly Schedule[]): Schedule[] {
  if (schedules.length === 0) throw new RangeError(argumentMessage(where, 'schedules', 'not be empty', schedules));
  for (const schedule of schedules) {
    if (typeof schedule === 'function') continue;
    const fix = 'Write constant(value) for a number.';
    throw new TypeError(argumentMessage(where, 'schedules', 'be functions of the step', schedule, fix));
  }
  return [...schedules];
}

/** null where one of them cannot be saved. */
function savedParts(schedules: readonly Schedule[]): ScheduleConfig[] | null {
  const saved = schedules.map(configOf);
  return saved.includes(null) ? null : (saved as ScheduleConfig[]);
}
