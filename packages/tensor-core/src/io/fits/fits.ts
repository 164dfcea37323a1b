export { FitsFile, readFits, type FitsHdu, type FitsOther, type ReadFitsOptions } from './file';
export type { FitsColumn } from './columns';
export type { FitsHeader, FitsValue } from './header';
export { FitsImage } from './image';
export { FitsTable, type FitsNumbersOptions } from './table';
