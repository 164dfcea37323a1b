export {
  readIdxFile,
  readJsonFile,
  readSafetensorsFile,
  writeFileAtomic,
  writeJsonFile,
  writeSafetensorsFile,
  type FilePath,
} from './io/files';
