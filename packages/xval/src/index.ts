export { scanNumbers, type NumberLiteral, type ReadingMode, type ScanOptions } from './numbers/scan-numbers';
export { extract, restore, type Extracted } from './numbers/extract';
export { convertNumberString, toScientific, type ConvertOptions } from './numbers/scientific';
export { extractKeys } from './numbers/keys';
export { NumberTokenizer, type TokenizerOptions } from './tokens/number-tokenizer';
export type { ReadingOptions } from './tokens/reading-options';
export { ENCODINGS, numberEncoding, type EncodingName, type NumberEncoding, type OutOfRange } from './tokens/encodings';
export type { NumberGroup, NumberGroups } from './tokens/number-groups';
export type { TextTokenizer, TokenizedText } from './tokens/tokenized-text';
export { UnknownTextError } from './tokens/unknown-text-error';
export { wrapTokenizer, type WrapOptions } from './tokens/wrapped-tokenizer';
export { NumberScaler, saturation, type NumberScalerJson, type NumberScalerOptions } from './scaling/number-scaler';
export { fieldRanges, fitFieldScalers, scaleFields, type FieldRange } from './scaling/field-scalers';
export { NumberEmbedding, type NumberEmbeddingConfig } from './layers/number-embedding';
export { Numformer, type NumformerOptions, type NumformerOutput } from './model/numformer';
export { NUMFORMER_SIZES, type CompleteNumformerConfig, type NumformerConfig } from './model/numformer-config';
export { scaleNumbers } from './model/number-embedding';
export { IGNORED, numformerLoss, type LossOptions, type NumformerLoss } from './model/loss';
export { loadNumformer, numformerOfState, saveNumformer, type StateConfig } from './model/saved-numformer';
export type { DataRecord, RecordValue } from './readers/record';
export { recordToText, type RecordTextOptions } from './readers/record-text';
export { readJsonLines } from './readers/json-lines';
export { readCsv, type CsvOptions } from './readers/csv';
export { readNpzRecords, type NpzRecordsOptions } from './readers/columns';
export { parquetRecords, type RowBatches } from './readers/parquet';
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
export type { InvertibleMap, MaskingOptions } from './prediction/masked-rows';
export type { RunOptions } from './prediction/run-rows';
export { predictMasked, type MaskedPrediction, type PredictMaskedOptions } from './prediction/predict-masked';
export type { WhichNumbers } from './prediction/number-places';
export { predictNumbers, type NumberPredictions, type PredictNumbersOptions } from './prediction/predict-numbers';
export {
  predictNumberGroups,
  type NumberGroupPredictions,
  type PredictNumberGroupsOptions,
} from './prediction/predict-number-groups';
export {
  predictNumberDraws,
  type NumberDraws,
  type PredictNumberDrawsOptions,
} from './prediction/predict-number-draws';
export { conformalIntervals, type CalibrationNumbers, type ConformalIntervals } from './prediction/conformal-intervals';
export { numberSlopes, type NumberSlopes } from './prediction/number-slopes';
export { generate, type Generated, type GeneratedToken, type GenerateOptions } from './prediction/generate';
export { numberScores, type NumberScores } from './metrics/number-scores';
export {
  ARITHMETIC_WORDS,
  arithmeticSamples,
  type ArithmeticOptions,
  type ArithmeticSample,
  type Operator,
} from './data/arithmetic';
export { multiplicationSamples, type MultiplicationSample } from './data/multiplication';
export {
  arithmeticTreeSamples,
  type ArithmeticTree,
  type ArithmeticTreeOptions,
  type ArithmeticTreeSample,
} from './data/expression-trees';
export {
  initialState,
  integrate,
  makePlanetSystem,
  type BodyState,
  type Motion,
  type PlanetSystem,
  type PlanetSystemOptions,
  type Range,
} from './data/planet-system';
export { solveOde, type Derivative, type OdeOptions } from './data/extrapolation';
export {
  planetKeys,
  planetSample,
  planetText,
  type PlanetSample,
  type PlanetSampleOptions,
  type PlanetTextOptions,
} from './data/planet-samples';
export { makeWeather, reliefAt, temperatureAt, type Station, type Weather } from './data/weather';
export {
  TEMPERATURE_KEYS,
  temperatureBaselines,
  temperatureSample,
  temperatureText,
  type TemperatureSample,
  type TemperatureSampleOptions,
  type TemperatureTextOptions,
} from './data/temperature-samples';
