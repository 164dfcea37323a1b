export { NormalEquations, type NormalEquationsOptions } from './normal-equations';
export { RidgeOnFeatures, type RidgeJson, type RidgeOptions } from './ridge';
export type { RidgeScore } from './ridge-choice';
export { KernelRidge, type KernelFunction, type KernelRidgeOptions } from './kernel-ridge';
export { FeatureGP, type FeatureGPOptions, type GpChunk, type GpFitOptions, type GpPredictOptions } from './feature-gp';
export { dirichletLabels, type DirichletLabelsOptions, type DirichletTargets } from './dirichlet-labels';
export {
  DirichletClassifier,
  type AlphaScore,
  type ClassPredictions,
  type DirichletClassifierOptions,
  type DirichletFitOptions,
  type DirichletPredictOptions,
} from './dirichlet-classifier';
export type { SampleOptions } from './softmax-samples';
export {
  SoftmaxRegression,
  type SoftmaxFitOptions,
  type SoftmaxJson,
  type SoftmaxProgress,
  type SoftmaxRegressionOptions,
  type SoftmaxResult,
} from './softmax-regression';
export type { Labels, Targets } from './targets';
export type { FitOptions, TrainingChunk, TrainingStream } from './training-data';
export type { NormalRows, OutputRows } from './weight-posterior';
