import type { Profile } from '../../experiment';
import type { Schedule } from './learning';

/** No operand a of a training task lies in here: what a model says there it has to interpolate. */
export const HOLE: [number, number] = [1, 1.5];
/** Tasks of a curve through the hole: a * B for a over A. */
export const CURVE = { b: 2, from: 0.5, to: 2, points: 301 };
/** The largest operand; xVal reads all numbers in this unit. */
export const RANGE = 5;

/** What a task is trained on, and how long. */
export interface Plan extends Schedule {
  train: number;
  test: number;
}

/** All that is trained. */
export interface XvalPlan {
  seeds: number;
  arithmetic: Plan;
  /** For the first seed; null where tokens of planets are only counted. */
  planets: Plan | null;
}

/** The reduced protocols; quick has fewer steps, one seed, and trains no planets. */
export function planOf(profile: Profile): XvalPlan {
  const full = profile === 'full';
  return {
    seeds: full ? 3 : 1,
    arithmetic: {
      train: 20_000,
      test: 1000,
      steps: full ? 1500 : 260,
      warmup: full ? 100 : 60,
      batchSize: 128,
    },
    planets: full ? { train: 20_000, test: 1000, steps: 1500, warmup: 100, batchSize: 32 } : null,
  };
}
