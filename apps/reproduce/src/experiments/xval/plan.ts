import type { EncodingName } from '@tfsci/xval';
import type { Profile } from '../../experiment';

/** No operand a of a training task lies in here: what a model says there it has to interpolate. */
export const HOLE: [number, number] = [1, 1.5];
/** Tasks of a curve through the hole: a * B for a over A. */
export const CURVE = { b: 2, from: 0.5, to: 2, points: 301 };
/** The largest operand; xVal reads all numbers in this unit. */
export const RANGE = 5;

/** What is trained, and how long. */
export interface Plan {
  encodings: readonly EncodingName[];
  train: number;
  test: number;
  steps: number;
  /** Steps in which the learning rate rises. */
  warmup: number;
  batchSize: number;
  seeds: number;
}

/** The reduced protocol; quick has fewer steps and one seed. */
export function planOf(profile: Profile): Plan {
  const full = profile === 'full';
  return {
    encodings: ['xval', 'p10', 'p1000', 'b1999', 'fp15'],
    train: 20_000,
    test: 1000,
    steps: full ? 1500 : 260,
    warmup: full ? 100 : 60,
    batchSize: 128,
    seeds: full ? 3 : 1,
  };
}
