export { Numformer, type NumformerOptions, type NumformerOutput } from './model/numformer';
export { NUMFORMER_SIZES, type CompleteNumformerConfig, type NumformerConfig } from './model/numformer-config';
export { scaleNumbers } from './model/number-embedding';
export { IGNORED, numformerLoss, type LossOptions, type NumformerLoss } from './model/loss';
export { loadNumformer, numformerOfState, saveNumformer, type StateConfig } from './model/saved-numformer';
export type { PaddingOptions, Sample, ValueMap } from './batches/padded';
export {
  collate,
  collateNext,
  type CollateNextOptions,
  type CollateOptions,
  type LabelledBatch,
} from './batches/collate';
export { SampleBatches, type SampleBatchesOptions } from './batches/sample-batches';
export {
  batchLoss,
  numformerBatches,
  trainNumformer,
  type BatchOptions,
  type TrainNumformerOptions,
} from './training/train-numformer';
