export { isArrayEntry, viewAsReal, type ArrayDtype, type ArrayEntry } from '../array-entry';
export { readTorch, type ReadTorchOptions, type TorchFile } from './file';
export { torchStateDict, type TorchStateDictOptions } from './state-dict';
export type { PickledObject } from './pickle-plain';
export type { UnknownClasses } from './globals';
