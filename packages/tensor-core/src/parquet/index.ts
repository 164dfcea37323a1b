export { openParquet, type OpenParquetOptions } from './open';
export { ParquetFile, type ParquetReadOptions, type ParquetRowGroup, type ParquetRowsOptions } from './file';
export type {
  ParquetColumn,
  ParquetColumnInfo,
  ParquetNumbers,
  ParquetNumericDtype,
  ParquetStrings,
  ParquetValues,
} from './columns';
export type { ParquetImporters } from './library';
