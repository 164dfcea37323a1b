export { fit } from './fit';
export type {
  Cadence,
  CheckpointOptions,
  FitCallbacks,
  FitOptions,
  FitResult,
  FitStatus,
  FitWithLoss,
  FitWithStep,
  LoopOptions,
  ValidateOptions,
} from './fit-options';
export type { GradientTransform, LossFunction } from './gradient-step';
export type { WeightAverage } from './weight-average';
export type { StepContext, StepFunction, StepValues } from './stepper';
export { evaluate, type EvaluateOptions, type MetricsFunction } from './evaluate';
export type { EarlyStopOptions, WatchedMetric } from './early-stop';
export { arrays, subset, type Column, type Dataset, type Generator, type HostArray } from './dataset';
export {
  BatchSampler,
  GeneratedBatches,
  type BatchSamplerOptions,
  type BatchSource,
  type GeneratedBatchesOptions,
} from './batch-source';
export { MixedSampler, type MixedSamplerOptions } from './mixed-sampler';
export { loadCheckpoint, memoryStore, type CheckpointStore } from './checkpoint-store';
export { indexedDbStore } from './indexed-db-store';
export { readCheckpoint, type Checkpoint, type NamedEntry } from './checkpoint';
export type { Log, LogRecord, ProgressView, TimedRecord, TrainingProgress } from './log';
export type { Entries, Model } from './weights';
