import type { PositionCode, TaskConfig } from '@tfsci/counting-transformer';
import type { Profile } from '../../experiment';

/** The reduced task: short sequences of two regions. */
export const TASK = { length: 32, regions: 2 } as const satisfies TaskConfig;
/** The models of all positional codes. */
export const SIZE = { regions: TASK.regions, maxCount: 24, width: 32, feedForward: 64 } as const;

/** An encoder that is tried. */
export interface Encoder {
  /** As the figures call it. */
  code: string;
  positions: PositionCode;
  causal: boolean;
  steps: number;
}

/** What is trained, and how long. */
export interface Plan {
  encoders: readonly Encoder[];
  seeds: number;
  batchSize: number;
  /** Sequences of an evaluation. */
  test: number;
}

const CODES: [string, PositionCode][] = [
  ['NoPE', { kind: 'none' }],
  ['RoPE', { kind: 'rope' }],
  ['AbsPE', { kind: 'absolute', maxLength: 64 }],
  ['sinusoidal', { kind: 'sinusoidal' }],
  ['ALiBi 1', { kind: 'alibi', slopes: [1] }],
  ['ALiBi 0.1', { kind: 'alibi', slopes: [0.1] }],
  ['ALiBi 0.01', { kind: 'alibi', slopes: [0.01] }],
];

/** Steps in which causal encoders learn. */
const STEPS = 5000;

/**
 * Quick tries the two codes of the paper's headline, and encoders that are not causal for half as long; full all codes with
 * three seeds.
 */
export function planOf(profile: Profile): Plan {
  const full = profile === 'full';
  const encoders = [true, false].flatMap((causal) =>
    CODES.filter((_, i) => full || i < 2).map(([code, positions]) => {
      return { code, positions, causal, steps: full || causal ? STEPS : STEPS / 2 };
    }),
  );
  return { encoders, seeds: full ? 3 : 1, batchSize: 64, test: 2000 };
}
