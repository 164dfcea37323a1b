export {
  readSafetensors,
  writeSafetensors,
  type ReadSafetensorsOptions,
  type SafetensorsDtype,
  type SafetensorsEntry,
  type SafetensorsFile,
} from './safetensors/safetensors';
export { tensorsToSafetensors, toTensor } from './safetensors/tensors';
export { narrowFloats, widenFloats, type SmallFloat, type SmallFloatBits } from './half';
export { readIdx, writeIdx, type IdxArray, type IdxData } from './idx';
export { gunzip, isGzip, type GunzipOptions } from './gzip';
export type { NumericArray } from './bytes';
export {
  isArrayEntry,
  readTorch,
  torchStateDict,
  viewAsReal,
  type ArrayDtype,
  type ArrayEntry,
  type PickledObject,
  type ReadTorchOptions,
  type TorchFile,
  type TorchStateDictOptions,
  type UnknownClasses,
} from './torch/torch';
export {
  readNpy,
  readNpz,
  writeNpy,
  writeNpz,
  type ReadNpyOptions,
  type ReadNpzOptions,
  type WriteNpzOptions,
} from './npy/npy';
export {
  FitsFile,
  FitsImage,
  FitsTable,
  readFits,
  type FitsColumn,
  type FitsHdu,
  type FitsHeader,
  type FitsNumbersOptions,
  type FitsOther,
  type FitsValue,
  type ReadFitsOptions,
} from './fits/fits';
export {
  imageToTensor,
  tensorToImage,
  toGrey,
  type ImagePixels,
  type ImageToTensorOptions,
  type TensorToImageOptions,
} from './image/image';
export { decodeImage, type DecodeImageOptions } from './image/decode';
export { fetchBytes, type DownloadProgress, type TransferOptions } from './download/download';
