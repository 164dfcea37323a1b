export {
  readIdxFile,
  readJsonFile,
  readSafetensorsFile,
  writeFileAtomic,
  writeJsonFile,
  writeSafetensorsFile,
  type FilePath,
} from './io/files';
export {
  readFitsFile,
  readNpyFile,
  readNpzFile,
  readTorchFile,
  writeNpyFile,
  writeNpzFile,
  type ReadFitsFileOptions,
} from './io/science-files';
export {
  directoryStore,
  jsonlLog,
  tensorboardLog,
  terminalProgress,
  type TerminalProgressOptions,
  type TerminalStream,
} from './train/node';
export { openHdf5File } from './hdf5/node';
export { openParquetFile } from './parquet/node';
export {
  decodeImageBytes,
  readImageFile,
  writeImageFile,
  type ReadImageOptions,
  type WriteImageOptions,
} from './io/image/files';
export { downloadFile, type DownloadFileOptions } from './io/download/file';
