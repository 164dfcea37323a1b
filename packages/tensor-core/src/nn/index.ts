export { Module, type SlotOptions } from './module';
export type { LoadOptions, LoadReport, Slot, StateSource } from './state-dict';
export { readSavedModule, savedConfig, saveModule, withState } from './saved-module';
export { fanInUniform, gaussian, truncatedGaussian, uniformWithin, xavierUniform, type InitKey } from './init';
export { splitKey, trainingKey } from './keys';
export { Linear, linear, type LinearOptions } from './linear';
export { gelu, silu } from './activations';
export { Embedding, type EmbeddingOptions } from './embedding';
export { layerNorm, LayerNorm, type LayerNormOptions } from './layer-norm';
export { RmsNorm, type RmsNormOptions } from './rms-norm';
export { GroupNorm, InstanceNorm, type GroupNormOptions, type InstanceNormOptions } from './group-norm';
export { BatchNorm, type BatchNormOptions } from './batch-norm';
export type { Pair, Sides, Window, WindowOptions } from './window';
export { circularPad2d } from './circular-pad';
export { Conv1d, type Conv1dOptions } from './conv1d';
export { Conv2d, conv2d, type Conv2dOptions } from './conv2d';
export {
  ConvTranspose2d,
  convTranspose2d,
  type ConvTranspose2dOptions,
  type TransposedWindowOptions,
} from './conv-transpose2d';
export { Dropout, DropPath, type DropPathOptions } from './dropout';
export { alternatingTable, FourierFeatures, TimeTable, type FourierFeaturesOptions } from './time-embedding';
export { DoubleConv, type DoubleConvOptions } from './double-conv';
export { NormConv, ResBlock, type Normalisation, type ResBlockOptions } from './res-block';
export { ResUNet, type ResUNetOptions } from './res-unet';
export { FFResUNet, type FFResUNetOptions } from './ff-res-unet';
export { alibiBias, alibiSlopes, type AlibiOptions } from './positions-alibi';
export { interpolatePositions, type InterpolateOptions } from './positions-grid';
export { rope, type PairLayout, type RopeOptions } from './positions-rope';
export { sinusoidalPositions, type SinusoidalOptions } from './positions-sinusoidal';
export { t5Buckets, type BucketOptions } from './relative-bias-buckets';
export { relativeDistances, type WrapOptions } from './relative-bias-distances';
export { RelativeBias, type RelativeBiasOptions } from './relative-bias';
export { ContinuousRelativeBias, type ContinuousRelativeBiasOptions } from './relative-bias-continuous';
export { bicubicWeights, type BicubicOptions } from './bicubic';
export { causalMask, type MaskOptions } from './attention-mask';
export { scaledDotProductAttention, type Attended, type AttentionOptions } from './attention';
export { mergeHeads, splitHeads } from './attention-heads';
export type { AttentionNames } from './attention-projections';
export { MultiheadAttention, type AttendOptions, type MultiheadAttentionOptions } from './attention-multihead';
export { Mlp, type Activation, type MlpOptions } from './mlp';
export {
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerDecoderOptions,
  type TransformerLayerOptions,
  type TransformerOptions,
} from './transformer-layer';
export { TransformerEncoder, type TransformerEncoderOptions } from './transformer-encoder';
export { LayerScale, PreNormBlock, type BlockNames, type PreNormBlockOptions } from './transformer-block';
export { PatchEmbed, type PatchEmbedOptions } from './patch-embed';
export {
  VisionTransformer,
  withoutBlockChunks,
  type ImageTokens,
  type VisionOptions,
  type VisionTransformerOptions,
} from './vit';
