export {
  readSafetensors,
  writeSafetensors,
  type ReadSafetensorsOptions,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
} from './safetensors';
export { tensorsToSafetensors, toTensor } from './safetensors-tensors';
export { narrowFloats, widenFloats, type SmallFloat, type SmallFloatBits } from './half';
export { readIdx, writeIdx, type IdxArray, type IdxData } from './idx';
export { gunzip, isGzip, type GunzipOptions } from './gzip';
export type { NumericArray } from './bytes';
