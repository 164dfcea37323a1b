export { denseNetwork, type DenseNetworkOptions } from './network/dense-network';
export { networkFromLayersModel, type LayersNetworkOptions } from './network/layers-model';
export { networkFromModules, type ModulesNetworkOptions, type NetworkPart } from './network/modules';
export { toLayersModel } from './network/to-layers-model';
export { loadNetwork, saveNetwork, type LoadNetworkOptions } from './network/saved-network';
export { DfaNetwork, type NetworkGradients, type NetworkParts } from './network/dfa-network';
export type { AdapterOptions } from './network/block-chain';
export type { UpdateMode, UpdateOptions } from './network/update-options';
export type { UpdateClips } from './network/pass';
export type { ActivationName } from './network/activations';
export type { LossName } from './network/losses';
export type { Block, Tail } from './network/block';
export type { TailDescription, TailPart } from './network/tail';
export type { AffineMap, MapGradients } from './network/affine-map';
export { DenseMap } from './network/dense-map';
export { ConvolutionMap, type ConvolutionWindow, type Padding } from './network/convolution-map';

export { MatrixFeedback, SharedFeedback } from './feedback/matrix-feedback';
export type { Feedback } from './feedback/feedback';
export type { FeedbackChoice, FeedbackOptions } from './feedback/feedback-choice';
export { quantileTernarize, ternarize, type TernaryThreshold } from './feedback/ternary';

export {
  OpuSimulator,
  type OpuSimulatorOptions,
  type OpuSettings,
  type ProjectionScaling,
} from './optics/opu-simulator';
export {
  TransmissionMatrix,
  type Field,
  type GivenMatrix,
  type TransmissionOptions,
} from './optics/transmission-matrix';
export type { CameraCounts, MeasureOptions, OpticalProcessor, ReferencePhase } from './optics/optical-processor';
export {
  opticalFeedback,
  simulatedFeedback,
  type OpticalFeedback,
  type OpticalFeedbackOptions,
} from './optics/optical-feedback';
export { calibrateProcessor, type Calibration, type CalibrationOptions } from './optics/calibration';
export {
  fieldFromFrames,
  interferenceIntensity,
  linearFromAnchor,
  linearFromFrames,
  phaseShiftedFrames,
  type HolographyOptions,
} from './optics/holography';
export { cameraCounts, exposureGain, saturatedFraction, type CameraOptions } from './optics/camera';
export { linearNoise, type LinearNoise, type LinearNoiseOptions } from './optics/linear-noise';
export {
  decodeBitPlanes,
  encodeBitPlanes,
  encodeSigned,
  type BitPlaneOptions,
  type DecodeOptions,
  type SignedPlanes,
} from './optics/bit-planes';
export { encodeFloatBits, type FloatBitOptions } from './optics/float-bits';
export {
  featureMedians,
  multiThresholdCode,
  ternarySplit,
  thermometerCode,
  thresholdCode,
} from './optics/threshold-codes';
export { speckleImage } from './optics/speckle-image';

export {
  evaluateNetwork,
  trainNetwork,
  type EvaluateNetworkOptions,
  type ExamplesOptions,
  type TrainNetworkOptions,
} from './training/train-network';
export { PrivateTrainer, type PrivateFitOptions, type PrivateFitResult } from './training/private-trainer';
export type {
  CommonTrainerOptions,
  ExampleTrainerOptions,
  LabelTrainerOptions,
  PrivateTrainerOptions,
} from './training/trainer-options';
export type { PrivateData } from './training/private-data';
export type { PrivateBatch } from './training/mechanism';
export { PrivacyBudget, BudgetExhaustedError, type PrivacyBudgetOptions } from './training/privacy-budget';
export { memoryBudgetStore, webBudgetStore, type BudgetStore } from './training/budget-store';
export {
  PoissonSampler,
  type Examples,
  type MaskedExamples,
  type PoissonSamplerOptions,
} from './training/poisson-sampler';
export {
  privateGradients,
  type ExampleProtection,
  type PrivateGradients,
  type PrivateGradientsOptions,
} from './training/private-gradients';
export { labelEvent, labelSensitivities, type LabelNoise } from './training/label-gradients';
export { secureKey, secureNormal, type Noise, type NormalSource } from './training/noise-source';
export { clipBand, clipElements, clipL2, clipSmooth, scaleTo } from './clipping/clip';
export { ghostClipFactors, ghostSquaredNorms } from './clipping/ghost-clipping';

export type {
  Accountant,
  AccountantJson,
  CompleteEvent,
  EpsilonReport,
  NeighbourRelation,
  PrivacyEvent,
} from './privacy/privacy-event';
export { RdpAccountant, type RdpAccountantOptions } from './privacy/rdp-accountant';
export { PldAccountant, type PldAccountantOptions } from './privacy/pld-accountant';
export {
  calibrateNoise,
  stepsWithin,
  type CalibrateNoiseOptions,
  type PrivacyTarget,
  type StepsWithinOptions,
} from './privacy/calibrate-noise';
export { rdpGaussian } from './privacy/rdp-gaussian';
export {
  rdpSampledGaussian,
  rdpTable,
  type MomentMethod,
  type SampledGaussianOptions,
} from './privacy/sampled-gaussian';
export { rdpSampledWithoutReplacement } from './privacy/without-replacement';
export {
  rdpToDelta,
  rdpToEpsilon,
  type RdpConversion,
  type RdpEpsilon,
  type RdpToEpsilonOptions,
} from './privacy/rdp-conversion';
export { DEFAULT_ORDERS, OPACUS_ORDERS } from './privacy/orders';
export { sampledGaussianDelta, sampledGaussianEpsilon } from './privacy/sampled-gaussian-delta';
export {
  composedDelta,
  composedEpsilon,
  type CompositionOptions,
  type SampledGaussianUse,
} from './privacy/composed-privacy';
export {
  classicalGaussianNoiseMultiplier,
  composeGaussians,
  gaussianDelta,
  gaussianEpsilon,
  gaussianNoiseMultiplier,
} from './privacy/gaussian-mechanism';
export { renyiGaussian } from './privacy/renyi-gaussian';
export { photonicRdp, type PhotonicDivergence, type PhotonicRdpOptions } from './privacy/photonic-rdp';
export {
  photonicMoments,
  type HostMatrix,
  type PhotonicLayer,
  type PhotonicNoise,
  type UpdateMoments,
} from './privacy/photonic-moments';
export {
  feedbackSensitivity,
  labelPhotonicBound,
  type LabelBoundOptions,
  type LabelChange,
} from './privacy/label-bound';
export {
  auditEpsilon,
  type AuditClaim,
  type AuditEpsilonOptions,
  type AuditedRate,
  type EpsilonAudit,
} from './audit/audit-epsilon';
export { auditMechanism, type AuditMechanismOptions, type AuditWorld } from './audit/audit-mechanism';
