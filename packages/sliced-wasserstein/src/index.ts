export type { Cloud, Weights } from './cloud';
export { wasserstein1d, type Wasserstein1dOptions } from './transport/wasserstein-1d';

export {
  slicedWasserstein,
  slicedWassersteinDetailed,
  type SlicedWassersteinEstimate,
  type SlicedWassersteinOptions,
} from './sliced/sliced-wasserstein';
export type { Normalisation } from './sliced/normalisation';
export type { SliceDistribution } from './slices/slice-distribution';
export type { SliceOptions, SliceSampler } from './slices/slices';
