export { readNpy, writeNpy, type ReadNpyOptions } from './file';
export { readNpz, writeNpz, type ReadNpzOptions, type WriteNpzOptions } from './archive';
