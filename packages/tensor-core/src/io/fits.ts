export { FitsFile, readFits, type FitsHdu, type FitsOther, type ReadFitsOptions } from './fits-file';
export type { FitsColumn } from './fits-columns';
export type { FitsHeader, FitsValue } from './fits-header';
export { FitsImage } from './fits-image';
export { FitsTable, type FitsNumbersOptions } from './fits-table';
