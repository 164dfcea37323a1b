export { AdamW, type AdamWOptions } from './adamw';
export { Adan, type AdanOptions, type AdanState } from './adan';
export { DAdaptAdam, type DAdaptAdamOptions } from './d-adapt-adam';
export { DAdaptAdan, type DAdaptAdanOptions } from './d-adapt-adan';
export { DAdaptOptimizer, type DAdaptOptions } from './d-adaptation';
export { Sgd, type SgdOptions } from './sgd';
export { BaseOptimizer } from './optimizer';
export type { NonFinitePolicy, OptimizerOptions } from './optimizer-options';
export type { NamedTensor } from './optimizer-state';
export type { Gradients } from './gradient-pairs';
export { NonFiniteError } from './non-finite-error';
export type { NamedVariable, ParameterGroup } from './parameter-groups';
export {
  isBiasOrNorm,
  isVectorLike,
  layerwiseGroups,
  noDecayOnBiasAndNorm,
  noDecayOnVectors,
  vitLayer,
  type LayerwiseOptions,
} from './decay-masks';
export { clipByGlobalNorm, clipByValue, type GradientContainer } from './clipping';
export { WeightEma, type WeightEmaOptions } from './weight-ema';
export type { Schedule } from './schedule';
export {
  constant,
  cosine,
  exponential,
  inverseSqrt,
  linearWarmup,
  piecewise,
  stepDecay,
  type CosineOptions,
  type ExponentialScheduleOptions,
  type InverseSqrtOptions,
  type LinearWarmupOptions,
  type PiecewiseOptions,
  type StepDecayOptions,
} from './schedules';
export { oneCycle, type OneCycleOptions } from './one-cycle';
export { chain, join } from './combined-schedules';
