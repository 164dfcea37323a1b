import type { SweepPoint } from '@tfsci/momo';
import type { StoredResult } from '../src/stored-result';

/** A point of a robustness curve, the same for all of its three seeds. */
export function point(optimizer: string, learningRate: number, mean: number | null): SweepPoint {
  return { optimizer, learningRate, mean, min: mean, max: mean, seeds: 3, diverged: mean === null ? 3 : 0 };
}

/** A stored result with the given parts of its outcome. */
export function resultOf(outcome: Partial<StoredResult['outcome']>): StoredResult {
  return {
    id: 'trial',
    settings: { profile: 'quick', seed: 7, backend: 'cpu', data: 'embedded' },
    outcome: { checks: [], data: {}, dataset: 'digits', ...outcome },
    seconds: 12.6,
    finished: '2025-01-02T03:04:05.678Z',
    machine: 'A processor, 2 threads',
  };
}
