export { scanNumbers, type NumberLiteral, type ReadingMode, type ScanOptions } from './numbers/scan-numbers';
export { extract, restore, type Extracted } from './numbers/extract';
export { convertNumberString, toScientific, type ConvertOptions } from './numbers/scientific';
export { extractKeys } from './numbers/keys';
export { NumberTokenizer, type ReadingOptions, type TokenizerOptions } from './tokens/number-tokenizer';
export { ENCODINGS, numberEncoding, type EncodingName, type NumberEncoding, type OutOfRange } from './tokens/encodings';
export type { NumberGroup, NumberGroups } from './tokens/number-groups';
export type { TextTokenizer, TokenizedText } from './tokens/tokenized-text';
export { UnknownTextError } from './tokens/unknown-text-error';
export { wrapTokenizer, type WrapOptions } from './tokens/wrapped-tokenizer';
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
