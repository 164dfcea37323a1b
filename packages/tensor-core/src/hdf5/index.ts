export { openHdf5, type OpenHdf5Options } from './open';
export { Hdf5File, type Hdf5Attribute } from './file';
export { Hdf5Dataset, type Hdf5Array, type Hdf5Numbers, type Hdf5Strings } from './dataset';
export type { Hdf5Dtype, Hdf5NumericDtype } from './elements';
export type { Hdf5Range } from './hyperslab';
export type { Hdf5RowsOptions } from './rows';
export type { Hdf5Importer } from './library';
