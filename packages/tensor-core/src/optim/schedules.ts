import { argumentMessage, checkNumber } from '../check';
import { makeSchedule, type Schedule } from './schedule';

/** Options of `linearWarmup`. */
export interface LinearWarmupOptions {
  /** The value after the warm-up. */
  base: number;
  /** Steps of the warm-up, >= 1. */
  steps: number;
  /** The value at step 0, default 0. */
  start?: number;
  /** Whether the last step of the warm-up has `base` already, as linspace(start, base, steps); default false. */
  inclusive?: boolean;
}

/** Options of `cosine`. */
export interface CosineOptions {
  /** The value from which the cosine falls (or rises). */
  base: number;
  /** Steps in all, those of the warm-up among them. */
  steps: number;
  /** The value at the end and ever after, default 0. */
  final?: number;
  /** Steps of linear warm-up before, default 0. */
  warmup?: number;
  /** The value at step 0 where there is a warm-up, default 0. */
  warmupStart?: number;
  /** Whether the last step of the warm-up has `base` already, as in DINOv2; default false. */
  inclusive?: boolean;
}

/** Options of `inverseSqrt`. */
export interface InverseSqrtOptions {
  /** The largest value, at the end of the warm-up. */
  base: number;
  /** Steps of linear warm-up from 0, >= 1. */
  warmup: number;
  /** The smallest value after the warm-up, default 0. */
  floor?: number;
}

/** Options of `stepDecay`. */
export interface StepDecayOptions {
  base: number;
  /** Steps between two falls. */
  every: number;
  /** What the value is multiplied by, default 1/2. */
  factor?: number;
}

/** Options of `exponential`. */
export interface ExponentialScheduleOptions {
  base: number;
  /** What the value is multiplied by at each step, in (0, 1] as a rule. */
  factor: number;
}

/** Options of `piecewise`. */
export interface PiecewiseOptions {
  /** Increasing steps at which the next value begins. */
  boundaries: readonly number[];
  /** One value more than there are boundaries. */
  values: readonly number[];
}

/** The same value at every step. @throws TypeError, RangeError when it is not a finite number */
export function constant(value: number): Schedule {
  checkNumber('tensor-core.constant', 'value', value);
  return makeSchedule('tensor-core.constant', { kind: 'constant', value }, () => value);
}

/**
 * Linear from `start` to `base`, then `base`.
 *
 *   start + (base - start) t / steps, with `inclusive` t / (steps - 1)
 *
 * @throws TypeError, RangeError for a bad option
 * @remarks As torch.optim.lr_scheduler.LinearLR (start = start_factor times base); the inclusive form is that of
 *   DINOv2's teacher temperature.
 */
export function linearWarmup(options: LinearWarmupOptions): Schedule {
  const where = 'tensor-core.linearWarmup';
  const { base, steps, start = 0, inclusive = false } = options;
  checkNumber(where, 'base', base);
  checkNumber(where, 'start', start);
  checkNumber(where, 'steps', steps, { min: 1, integer: true });
  const config = { kind: 'linearWarmup', base, steps, start, inclusive };
  return makeSchedule(where, config, (t) => (t < steps ? ramp(start, base, t, steps, inclusive) : base));
}

/**
 * Half a period of a cosine, after a linear warm-up if wanted.
 *
 *   t < warmup:  warmupStart + (base - warmupStart) t / warmup, with `inclusive` t / (warmup - 1)
 *   t < steps:   final + (base - final) (1 + cos(pi (t - warmup) / (steps - warmup))) / 2
 *   else final
 *
 * `final` may lie above `base`: weight decay and the momentum of a teacher rise along a cosine in DINOv2.
 *
 * @throws TypeError, RangeError for a bad option, or a warm-up longer than all
 * @see Loshchilov, Hutter, 2017, arXiv:1608.03983; Parker et al., 2024, arXiv:2310.03024 (with warm-up);
 *   Oquab et al., 2023, arXiv:2304.07193 (inclusive)
 * @remarks torch.optim.lr_scheduler.CosineAnnealingLR rises again after its last step; this one stays.
 */
export function cosine(options: CosineOptions): Schedule {
  const where = 'tensor-core.cosine';
  const { base, steps, final = 0, warmup = 0, warmupStart = 0, inclusive = false } = options;
  checkNumber(where, 'base', base);
  checkNumber(where, 'final', final);
  checkNumber(where, 'warmupStart', warmupStart);
  checkNumber(where, 'steps', steps, { min: 1, integer: true });
  checkNumber(where, 'warmup', warmup, { min: 0, max: steps, integer: true }, 'steps counts the warm-up too.');
  const config = { kind: 'cosine', base, steps, final, warmup, warmupStart, inclusive };
  return makeSchedule(where, config, (t) => {
    if (t < warmup) return ramp(warmupStart, base, t, warmup, inclusive);
    if (t >= steps) return final;
    return final + 0.5 * (1 + Math.cos((Math.PI * (t - warmup)) / (steps - warmup))) * (base - final);
  });
}

/**
 * Linear warm-up, then a fall with the square root of the step.
 *
 *   t <= warmup: base t / warmup;  then max(base / sqrt(t / (warmup + 1)), floor)
 *
 * @throws TypeError, RangeError for a bad option
 * @see Vaswani et al., 2017, arXiv:1706.03762, section 5.3 (the shape)
 */
export function inverseSqrt(options: InverseSqrtOptions): Schedule {
  const where = 'tensor-core.inverseSqrt';
  const { base, warmup, floor = 0 } = options;
  checkNumber(where, 'base', base);
  checkNumber(where, 'warmup', warmup, { min: 1, integer: true });
  checkNumber(where, 'floor', floor, { min: 0 });
  return makeSchedule(where, { kind: 'inverseSqrt', base, warmup, floor }, (t) =>
    t <= warmup ? (base * t) / warmup : Math.max(base / Math.sqrt(t / (warmup + 1)), floor),
  );
}

/** base factor^floor(t / every), as torch.optim.lr_scheduler.StepLR. @throws TypeError, RangeError for a bad option */
export function stepDecay(options: StepDecayOptions): Schedule {
  const where = 'tensor-core.stepDecay';
  const { base, every, factor = 0.5 } = options;
  checkNumber(where, 'base', base);
  checkNumber(where, 'every', every, { min: 1, integer: true });
  checkNumber(where, 'factor', factor, { min: 0 });
  const config = { kind: 'stepDecay', base, every, factor };
  return makeSchedule(where, config, (t) => base * factor ** Math.floor(t / every));
}

/** base factor^t, as torch.optim.lr_scheduler.ExponentialLR. @throws TypeError, RangeError for a bad option */
export function exponential(options: ExponentialScheduleOptions): Schedule {
  const where = 'tensor-core.exponential';
  const { base, factor } = options;
  checkNumber(where, 'base', base);
  checkNumber(where, 'factor', factor, { min: 0 });
  return makeSchedule(where, { kind: 'exponential', base, factor }, (t) => base * factor ** t);
}

/**
 * Constant between boundaries: values[i] from boundaries[i - 1] on and before boundaries[i].
 *
 * @throws RangeError, TypeError for boundaries that do not increase, or a wrong number of values
 * @example
 * piecewise({ boundaries: [100, 200], values: [1e-3, 1e-4, 1e-5] });
 */
export function piecewise(options: PiecewiseOptions): Schedule {
  const where = 'tensor-core.piecewise';
  const boundaries = checkBoundaries(where, options.boundaries);
  const values = options.values.map((value) => checkNumber(where, 'values', value));
  if (values.length !== boundaries.length + 1) {
    const wanted = `hold one number more than there are boundaries (${boundaries.length})`;
    throw new RangeError(argumentMessage(where, 'values', wanted, values));
  }
  return makeSchedule(where, { kind: 'piecewise', boundaries, values }, (t) => values[pieceAt(boundaries, t)]!);
}

/** Returns a copy of increasing positive steps. @throws TypeError, RangeError */
export function checkBoundaries(where: string, boundaries: readonly number[]): number[] {
  let above = 0;
  return boundaries.map((boundary) => {
    checkNumber(where, 'boundaries', boundary, { above }, 'They must increase from 0 on.');
    return (above = boundary);
  });
}

/** Which piece a step falls into. */
export function pieceAt(boundaries: readonly number[], step: number): number {
  const next = boundaries.findIndex((boundary) => step < boundary);
  return next < 0 ? boundaries.length : next;
}

function ramp(start: number, base: number, t: number, steps: number, inclusive: boolean): number {
  const last = inclusive ? Math.max(steps - 1, 1) : steps;
  return start + ((base - start) * t) / last;
}
