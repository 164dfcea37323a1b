export { MomoOptimizer, momo } from './momo';
export { MomoAdamOptimizer, momoAdam } from './momo-adam';
export { SpsOptimizer, sps } from './sps';
export { SgdEmaOptimizer, type SgdEmaOptions } from './sgd-ema';
export { PolyakOptimizer, type Gradients } from './polyak-optimizer';
export type {
  LearningRate,
  MomoAdamOptions,
  MomoOptions,
  NonFinitePolicy,
  PolyakOptions,
  ScalarPath,
  SpsOptions,
} from './options';
export { NonFiniteError } from './engine';
export { momoStepSize, type ModelScalars, type StepLog, type StepSize } from './step-size';
export { labelEntropy, labelSmoothingBound } from './lower-bound';
export { momoReference, type ReferenceOptions, type ReferenceProblem, type ReferenceRun } from './reference';
export { StepSizeLogger } from './step-size-logger';
export {
  lrSweep,
  type LrSweepOptions,
  type RunCache,
  type Scores,
  type SweepData,
  type SweepModel,
  type SweepProgress,
  type SweepRun,
} from './lr-sweep';
export { summarizeSweep, type SweepPoint } from './sweep-summary';
