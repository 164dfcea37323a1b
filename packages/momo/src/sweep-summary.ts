import { check } from '@tfsci/tensor-core';
import type { SweepRun } from './lr-sweep';

/** One point of a robustness curve: a score after the last epoch, over the seeds. */
export interface SweepPoint {
  optimizer: string;
  learningRate: number;
  /** Over seeds; null when no seed gave a finite value, in which case min and max are null too. */
  mean: number | null;
  min: number | null;
  max: number | null;
  /** Seeds in all, and those whose run diverged. */
  seeds: number;
  diverged: number;
}

/**
 * Final scores by optimiser and learning rate: the curves of the robustness plot.
 *
 * The mean is over all seeds; if one of them ended with a value that is not finite, the point is null,
 * as leaving it out would flatter a method that sometimes diverges.
 *
 * @param runs   what `lrSweep` gave
 * @param set    'train' or 'test'
 * @param score  'loss' or the name of a metric
 * @throws RangeError when the runs have no such score
 */
export function summarizeSweep(runs: readonly SweepRun[], set: 'train' | 'test', score = 'loss'): SweepPoint[] {
  const groups = new Map<string, SweepRun[]>();
  for (const run of runs) {
    const id = JSON.stringify([run.optimizer, run.learningRate]);
    groups.set(id, [...(groups.get(id) ?? []), run]);
  }
  return [...groups.values()].map((group) => {
    const finals = group.map((run) => finalScore(run, set, score));
    const finite = finals.filter((value) => value !== null);
    const complete = finite.length === group.length;
    const { optimizer, learningRate } = group[0]!;
    return {
      optimizer,
      learningRate,
      mean: complete ? finite.reduce((sum, value) => sum + value, 0) / finite.length : null,
      min: complete ? Math.min(...finite) : null,
      max: complete ? Math.max(...finite) : null,
      seeds: group.length,
      diverged: group.filter((run) => run.diverged).length,
    };
  });
}

function finalScore({ epochs }: SweepRun, set: 'train' | 'test', score: string): number | null {
  const value = epochs.at(-1)?.[set]?.[score];
  if (value !== undefined) return value;
  throw new RangeError(
    check.argumentMessage('momo.summarizeSweep', 'score', `be one that the runs have for ${set}`, score),
  );
}
