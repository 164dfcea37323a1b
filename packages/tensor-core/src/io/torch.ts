export { isArrayEntry, viewAsReal, type ArrayDtype, type ArrayEntry } from './array-entry';
export { readTorch, type ReadTorchOptions, type TorchFile } from './torch-file';
export { torchStateDict, type TorchStateDictOptions } from './torch-state-dict';
export type { PickledObject } from './pickle-plain';
export type { UnknownClasses } from './torch-globals';
