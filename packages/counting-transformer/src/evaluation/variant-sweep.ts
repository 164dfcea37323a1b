import { random } from '@tfsci/tensor-core';
import { identifyBias, predictedSlopes } from '../interpret/identify-bias';
import type { CountingTransformer } from '../model/counting-transformer';
import { sampleTask } from '../task/sample-task';
import type { TaskConfig } from '../task/task-config';
import { taskVariants, type TaskVariant } from '../task/task-variants';
import { evaluateCounting, type CountingScores, type EvaluateOptions } from './evaluate-counting';

/** How a model does on another law. */
export interface VariantScores extends TaskVariant {
  scores: CountingScores;
  /** By which factor each region would be overcounted, told from attention alone before anything was counted. */
  predictedSlopes: number[];
}

/** Options of `variantSweep`. */
export interface VariantSweepOptions extends Omit<EvaluateOptions, 'onProgress'> {
  /** Default those of `taskVariants`. */
  variants?: readonly TaskVariant[];
  /** Sequences from which the bias is told, default 64. */
  biasSequences?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
}

/**
 * A model on the law that it has learned and on others, beside what its bias token foretells.
 *
 * @throws as `evaluateCounting`
 * @see Golkar et al., 2024, sec. 4 and 5, arXiv:2406.02585
 */
export async function variantSweep(
  model: CountingTransformer,
  task: TaskConfig,
  { variants, biasSequences = 64, onProgress, ...options }: VariantSweepOptions = {},
): Promise<VariantScores[]> {
  const key = random.asKey('counting-transformer.variantSweep', options.key ?? 0);
  const biasOf = (law: TaskConfig): ReturnType<typeof identifyBias> =>
    identifyBias(model, sampleTask(random.foldIn(key, 1), biasSequences, law));
  const trained = await biasOf(task);
  const all = variants ?? taskVariants(task);
  const found: VariantScores[] = [];
  for (const variant of all) {
    const scores = await evaluateCounting(model, variant.task, options);
    const slopes = predictedSlopes(trained, await biasOf(variant.task)).slice(0, variant.task.regions);
    found.push({ ...variant, scores, predictedSlopes: slopes });
    onProgress?.({ done: found.length, total: all.length });
  }
  return found;
}
