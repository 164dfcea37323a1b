export type { Cloud, Weights } from './cloud';
export { wasserstein1d, type Wasserstein1dOptions } from './transport/wasserstein-1d';
export {
  slicedWasserstein,
  slicedWassersteinDetailed,
  type SlicedWassersteinEstimate,
  type SlicedWassersteinOptions,
} from './sliced/sliced-wasserstein';
export type { Normalisation } from './sliced/normalisation';
export type { SliceOptions, SliceSampler } from './slices/slices';
export {
  maxSlicedWasserstein,
  type MaxSliced,
  type MaxSlicedOptions,
  type MaxSlicedProgress,
  type MaxSlicedRestart,
} from './max-sliced/max-sliced-wasserstein';
export type { StartKind } from './max-sliced/starts';

export type { SliceDistribution } from './slices/slice-distribution';
export { AxialDistribution, type AxialFamily, type AxialJson } from './slices/axial-distribution';
export type { AxialDraw, AxialGradient, CosineDraw } from './slices/axial-draw';
export type { AxialParameters } from './slices/axial-rsample';
export { axialFromJSON } from './slices/axial-json';
export { VonMisesFisher } from './slices/von-mises-fisher';
export { SymmetricVonMisesFisher } from './slices/symmetric-von-mises-fisher';
export { PowerSpherical } from './slices/power-spherical';
export { besselRatio, logBesselI, logSeriesS } from './slices/bessel';
export { SingleSlice } from './adaptive/single-slice';
export { NetworkSlices, type NetworkSlicesOptions } from './adaptive/network-slices';
export { SliceDiscriminator, type SliceDiscriminatorOptions } from './adaptive/slice-discriminator';

export { fitAdaptiveSlices } from './adaptive/fit-adaptive-slices';
export type {
  AdaptiveFit,
  AdaptiveFitOptions,
  AxialFit,
  AxialFitOptions,
  LearningOptions,
  MaxFit,
  MaxFitOptions,
  NetworkFit,
  NetworkFitOptions,
} from './adaptive/fit-options';
export {
  NonFiniteFitError,
  type AdaptiveFamily,
  type AdaptiveObjective,
  type AdaptiveProgress,
  type AdaptiveState,
  type LearnerState,
} from './adaptive/adaptive-state';
export type { TradeOff } from './adaptive/price';
export type { DiscriminatorOptions, NetworkLearnerState } from './adaptive/network-learner';
export type { Measured } from './adaptive/learner';
export type { AxialAdamState, AxialPoint } from './adaptive/axial-adam';
export type { SavedNetwork, SavedTensor } from './adaptive/trained-network';

export { certify, type Certificate, type CertifyOptions, type UpperCertificate } from './certificate/certify';
export { describeCertificate } from './certificate/describe-certificate';
export {
  optimalLambda,
  pacBayesSlack,
  referenceLambda,
  type LambdaChoice,
  type PacBayesSlack,
  type SlackOptions,
} from './certificate/pac-bayes-slack';
export type { SampledLaws } from './certificate/concentration';
export type { FreshSlices, SliceMean } from './certificate/slice-error';
export type {
  BernsteinMoments,
  Bound,
  BoundedSupport,
  BoundKind,
  GaussianConcentration,
  SubgaussianTails,
} from './certificate/bound';

export {
  slicedWassersteinFlow,
  type FlowStep,
  type SlicedWassersteinFlow,
  type SlicedWassersteinFlowOptions,
} from './flow/sliced-wasserstein-flow';
export {
  slicedTwoSampleTest,
  type TwoSampleStatistic,
  type TwoSampleTest,
  type TwoSampleTestOptions,
} from './two-sample/sliced-two-sample-test';
export { swLoss, type SwLoss, type SwLossOptions } from './sliced/loss';

export {
  circleToUniform,
  circleWasserstein,
  type CircleToUniformOptions,
  type CircleWassersteinOptions,
} from './spherical/circle-wasserstein';
export {
  sphericalSlicedWasserstein,
  sphericalSlicedWassersteinDetailed,
  sphericalSlicedWassersteinToUniform,
  type SphericalSlicedWassersteinEstimate,
  type SphericalSlicedWassersteinOptions,
  type SphericalToUniformOptions,
} from './spherical/spherical-sliced-wasserstein';
export type { FrameOptions } from './spherical/frames';
