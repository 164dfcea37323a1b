import { ROWS_WASM } from './rows-wasm';

/** What wasm/rows.ts exports; all arguments are numbers, addresses in bytes. */
interface RowsModule {
  sortFloats: Sort;
  sortPairs: Sort;
  splitPairs: (pairs: number, n: number, floats: number, places: number) => void;
  cost: (x: number, y: number, n: number, p: number) => number;
  costAndSlopes: (x: number, y: number, n: number, p: number, slopesX: number, slopesY: number) => number;
}

type Sort = (row: number, n: number, bits: number, counts: number, spare: number, sorted: number) => void;

/** Sorting of rows, and transport between rows of equal size, in WebAssembly: the counterparts of radix-sort.ts. */
export interface RowKernel {
  /** Writes the numbers in ascending order into `sorted`. */
  sortFloats(values: Float32Array, sorted: Float32Array): void;
  /** The same, with sorted[k] = values[order[k]]; equal numbers keep their order. */
  argsortFloats(values: Float32Array, sorted: Float32Array, order: Int32Array): void;
  /** W_p^p of two rows of n numbers, p = 1 or 2, and its derivatives where there are arrays for them. */
  equalCost(x: Float32Array, y: Float32Array, p: 1 | 2, slopes?: { x: Float32Array; y: Float32Array }): number;
}

/** Room for the counters of three digits of 11 bits. */
const COUNTERS = 3 * 4 * 2 ** 11;
/** A number and its place. */
const PAIR = 8;
/** The memory never shrinks: what needs more is sorted by JavaScript. */
const LARGEST_MEMORY = 2 ** 26;
const PAGE = 2 ** 16;

type Loaded = { module: RowsModule; memory: WebAssembly.Memory } | null;

let loaded: Loaded | undefined;

/**
 * The kernel for rows of at most `size` numbers.
 *
 * @returns null where WebAssembly with SIMD cannot be had, or the rows would need too much of its memory
 */
export function rowKernel(size: number): RowKernel | null {
  const [row, spare, sortedX, sortedY, end] = layoutOf(size);
  if (end > LARGEST_MEMORY) return null;
  if (loaded === undefined) loaded = loadModule();
  if (loaded === null) return null;
  const { module, memory } = loaded;
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  const { buffer } = memory;
  const floatsAt = (address: number, count: number): Float32Array => new Float32Array(buffer, address, count);

  const sorts = (sort: Sort, values: Float32Array, sorted: number): void => {
    floatsAt(row, values.length).set(values);
    sort(row, values.length, bitsFor(values.length), 0, spare, sorted);
  };
  return {
    sortFloats: (values, sorted) => {
      sorts(module.sortFloats, values, sortedX);
      sorted.set(floatsAt(sortedX, values.length));
    },
    argsortFloats: (values, sorted, order) => {
      const n = values.length;
      sorts(module.sortPairs, values, sortedX);
      module.splitPairs(sortedX, n, row, spare);
      sorted.set(floatsAt(row, n));
      order.set(new Int32Array(buffer, spare, n));
    },
    equalCost: (x, y, p, slopes) => {
      const n = x.length;
      const sort = slopes ? module.sortPairs : module.sortFloats;
      sorts(sort, x, sortedX);
      sorts(sort, y, sortedY);
      if (!slopes) return module.cost(sortedX, sortedY, n, p) / n;
      const cost = module.costAndSlopes(sortedX, sortedY, n, p, row, spare);
      slopes.x.set(floatsAt(row, n));
      slopes.y.set(floatsAt(spare, n));
      return cost;
    },
  };
}

/** Half of the bits of a cell: 2^5 cells for each number, so that few share one, while the counters of a digit stay few. */
function bitsFor(n: number): number {
  return Math.min(11, Math.max(5, Math.ceil((Math.log2(n) + 5) / 2)));
}

/** Where the row, room for pairs, both sorted rows and the end are: each at the start of a line of the cache. */
function layoutOf(size: number): [row: number, spare: number, sortedX: number, sortedY: number, end: number] {
  const lines = (bytes: number): number => 64 * Math.ceil(bytes / 64);
  const [spare, pairs] = [COUNTERS + lines(4 * size), lines(PAIR * size)];
  return [COUNTERS, spare, spare + pairs, spare + 2 * pairs, spare + 3 * pairs];
}

// Here and not in tensor-core: threads that sort load this file, and must not load TensorFlow.js with it.
function loadModule(): Loaded {
  try {
    const bytes = Uint8Array.from(atob(ROWS_WASM), (char) => char.charCodeAt(0));
    const memory = new WebAssembly.Memory({ initial: 0 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    return { module: exports as unknown as RowsModule, memory };
  } catch {
    // No WebAssembly, none with SIMD, or a page whose security policy forbids it: JavaScript sorts.
    return null;
  }
}
