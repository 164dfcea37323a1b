export { FeatureMap, type FeatureRows, type TransformOptions } from './feature-map';
export { featureMapFromJSON } from './feature-map-json';
export type { FeatureMapJson } from './json';
export type { DenseRows, Rows, SparseRows } from './rows';
export type { Weights, WeightSource } from './weights';

export { polynomialKernel, type PolynomialKernel, type PolynomialKernelOptions } from './sketches/polynomial-kernel';
export { PolynomialSketch, type PolynomialSketchOptions } from './sketches/polynomial-sketch';
export { ProjectedSketch, type ProjectedSketchOptions, type SketchMode } from './sketches/projected-sketch';
export type { ProjectionKind, SrhtBlocks } from './sketches/projection';
export { HierarchicalSketch, type HierarchicalSketchOptions, type Hierarchy } from './sketches/hierarchical-sketch';
export { CraftSketch, type CraftSketchOptions } from './sketches/craft-sketch';
export { CountSketch, TensorSketch, type CountSketchOptions, type TensorSketchOptions } from './sketches/tensor-sketch';
export {
  polynomialSketch,
  SketchLayer,
  type LearnableParameter,
  type SketchLayerConfig,
  type SketchLayerKind,
} from './sketches/sketch-layer';

export { MaclaurinFeatures, type MaclaurinPrediction } from './maclaurin/features';
export type { MaclaurinAllocation, MaclaurinFeaturesOptions } from './maclaurin/plan';
export type { DotProductKernelOptions, KernelCoefficients } from './maclaurin/kernel';
export {
  fourierVariance,
  RandomFourierFeatures,
  type FourierLayout,
  type FourierVarianceOptions,
  type FrequencyKind,
  type GaussianKernelOptions,
  type RandomFourierFeaturesOptions,
} from './fourier/random-fourier';
export {
  SphericalFeatures,
  type SphericalFeaturesOptions,
  type SphericalKernelError,
} from './fourier/spherical-features';

export { sketchVariance, type PairMoments, type SketchShape } from './errors/variance';
export { tensorSketchBound, tensorSketchVariance, type TensorSketchShape } from './errors/tensor-sketch-variance';
export { expectedError, expectedVariance, type KernelError } from './errors/expected-error';
export { measuredError, type MeasuredError, type MeasuredErrorOptions } from './errors/measured-error';
export { dimensionFor, featuresForGuarantee, type DimensionOptions } from './errors/dimension';
export {
  chooseSketch,
  makeSketch,
  SKETCH_CANDIDATES,
  type ChooseSketchOptions,
  type ChosenSketch,
  type SketchChoice,
  type SketchGoal,
  type SketchRow,
} from './errors/choose-sketch';
export { sketchCost } from './errors/sketch-cost';
export type { SketchCandidate, SketchPlan } from './errors/sketch-plan';

export * from './models';
