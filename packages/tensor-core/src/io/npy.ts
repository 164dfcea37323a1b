export { readNpy, writeNpy, type ReadNpyOptions } from './npy-file';
export { readNpz, writeNpz, type ReadNpzOptions, type WriteNpzOptions } from './npy-archive';
