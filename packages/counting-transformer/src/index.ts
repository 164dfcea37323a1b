export { countRegions, contextualPositions, format, parse, SYMBOLS, TOKENS, VOCABULARY } from './task/tokens';
export type { TaskConfig } from './task/task-config';
export { sampleTask, type TaskSamples } from './task/sample-task';
export { taskVariants, type TaskVariant } from './task/task-variants';
export { CountingTransformer, type CountingOptions } from './model/counting-transformer';
export type { CompleteCountingConfig, CountingConfig, DecoderConfig } from './model/counting-config';
export type { PositionCode } from './model/positions';
export type { ActivationName, Observer } from './model/observed';
export { countingLoss } from './model/counting-loss';
export { buildCountingCircuit, type BiasToken, type CircuitOptions } from './circuits/counting-circuit';
export { biasCount, biasLogits, type BiasReading } from './theory/bias-counting';
export {
  countingBatches,
  trainCounting,
  type CountingBatch,
  type TrainCountingOptions,
} from './training/train-counting';
export {
  evaluateCounting,
  type CountingScores,
  type EvaluateOptions,
  type RegionScores,
} from './evaluation/evaluate-counting';
export { variantSweep, type VariantScores, type VariantSweepOptions } from './evaluation/variant-sweep';
export { loadCounting, saveCounting } from './model/saved-counting';
export { capture, type Activation, type CaptureOptions, type TokenRows } from './interpret/capture';
export { tokenScores } from './interpret/token-scores';
export { attentionBudget, SOURCES, type AttentionShares, type Source } from './interpret/attention-budget';
export { identifyBias, predictedSlopes, type BiasFinding } from './interpret/identify-bias';
export { effectiveValues, formulaLogits, type EffectiveValues } from './interpret/effective-values';
export { cutAttention, inTurn, patch, type PatchOptions, type TokenKind } from './interpret/interventions';
export { permutationTest } from './interpret/permutation-test';
export {
  linearProbe,
  principalComponents,
  type LinearProbe,
  type PrincipalComponents,
} from './interpret/state-geometry';
export { ropeSpectrum, type RopePlane } from './interpret/rope-spectrum';
export { causalPattern, numericRank } from './theory/pattern-rank';
