import { argumentMessage, FormatError } from '../check';
import { chain, join } from './combined-schedules';
import { oneCycle } from './one-cycle';
import type { Schedule, ScheduleConfig } from './schedule';
import { constant, cosine, exponential, inverseSqrt, linearWarmup, piecewise, stepDecay } from './schedules';

// What comes out of a file is checked by the functions themselves.
const MAKERS: Record<string, (options: never) => Schedule> = {
  constant: ({ value }: { value: number }) => constant(value),
  linearWarmup,
  cosine,
  inverseSqrt,
  stepDecay,
  exponential,
  piecewise,
  oneCycle,
  join: ({ schedules, boundaries }: { schedules: ScheduleConfig[]; boundaries: number[] }) =>
    join(schedules.map(scheduleFromConfig), boundaries),
  chain: ({ schedules }: { schedules: ScheduleConfig[] }) => chain(...schedules.map(scheduleFromConfig)),
};

/** The schedule that was saved so. @throws FormatError when its kind is unknown; else as the function of its kind */
export function scheduleFromConfig(config: ScheduleConfig): Schedule {
  const { kind, ...options } = config;
  if (Object.hasOwn(MAKERS, kind)) return MAKERS[kind]!(options as never);
  const wanted = `be one of ${Object.keys(MAKERS).join(', ')}`;
  throw new FormatError(argumentMessage('tensor-core.scheduleFromConfig', 'kind', wanted, kind));
}
