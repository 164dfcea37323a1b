export { asKey, Key, checkKey, foldIn, key, keyFromJSON, split, type KeyJson, type KeyOrSeed } from './key';
export {
  bernoulli,
  exponential,
  gamma,
  integers,
  normal,
  truncatedNormal,
  uniform,
  type UniformTensorOptions,
} from './draw';
export { permutation } from './permutation';
export {
  fillBernoulli,
  fillExponential,
  fillNormal,
  fillUniform,
  type BernoulliOptions,
  type ExponentialOptions,
  type NormalOptions,
  type UniformOptions,
} from './fill';
export { fillGamma, fillIntegers, type GammaOptions, type IntegersOptions } from './rejection';
export { fillTruncatedNormal, type TruncatedNormalOptions } from './truncated-normal';
export type { FillOptions, FloatArray } from './filler';
export { takesHostInput, type FillHost, type HostArrays, type HostInputBackend } from './drawn';
