import { completeTask, type TaskConfig } from './task-config';

/** A law that differs from the one of a training. */
export interface TaskVariant {
  name: string;
  task: TaskConfig;
}

/**
 * The laws on which a model that has learned one is to be tried: what its circuit counts by shows in which of them it fails.
 *
 * Shorter and longer sequences have more or fewer zeros, as denser ones have; another number of regions has other numbers of
 * delimiters. Names: 'in distribution', 'shorter', 'longer', 'fewer regions', 'denser', 'sparser'; where there is one region
 * the variant of fewer is left out.
 *
 * @throws RangeError for an impossible law
 * @see Golkar et al., 2024, sec. 4, arXiv:2406.02585: T = 300 for 512, and R = 3 for 4
 */
export function taskVariants(task: TaskConfig): TaskVariant[] {
  const { length, regions } = completeTask('counting-transformer.taskVariants', task);
  const scaled = (factor: number): number => Math.max(2 * regions, Math.round(length * factor));
  return [
    { name: 'in distribution', task },
    { name: 'shorter', task: { ...task, length: scaled(300 / 512) } },
    { name: 'longer', task: { ...task, length: scaled(1.5) } },
    ...(regions > 1 ? [{ name: 'fewer regions', task: { ...task, regions: regions - 1 } }] : []),
    { name: 'denser', task: { ...task, density: 0.8 } },
    { name: 'sparser', task: { ...task, density: 0.2 } },
  ];
}
