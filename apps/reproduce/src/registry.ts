import type { Experiment } from './experiment';
import { countingTransformer } from './experiments/counting-transformer/index';
import { ctrFeatures } from './experiments/ctr-features/index';
import { momoRobustness } from './experiments/momo-robustness/index';
import { opuDfa } from './experiments/opu-dfa/index';
import { slicedWasserstein } from './experiments/sliced-wasserstein/index';
import { xval } from './experiments/xval/index';

/** All experiments, in the order in which they run. A new paper adds its line here. */
export const EXPERIMENTS: readonly Experiment[] = [
  momoRobustness,
  ctrFeatures,
  slicedWasserstein,
  opuDfa,
  xval,
  countingTransformer,
];

/** The experiments of the given ids, all of them for none. @throws RangeError for an unknown id */
export function chooseExperiments(ids: readonly string[]): Experiment[] {
  const unknown = ids.filter((id) => !EXPERIMENTS.some((experiment) => experiment.id === id));
  if (unknown.length > 0) {
    const known = EXPERIMENTS.map(({ id }) => id).join(', ');
    throw new RangeError(`reproduce: an experiment must be one of ${known}, got ${unknown.join(', ')}.`);
  }
  return EXPERIMENTS.filter(({ id }) => ids.length === 0 || ids.includes(id));
}
