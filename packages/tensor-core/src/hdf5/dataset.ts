import type * as tf from '@tensorflow/tfjs';
import { argumentMessage, FormatError } from '../check';
import type { NumericArray } from '../io/bytes';
import { toTensor } from '../io/safetensors/tensors';
import {
  arrayFor,
  elementsAt,
  elementTypeOf,
  type ElementType,
  type Hdf5Dtype,
  type Hdf5NumericDtype,
} from './elements';
import { hyperslabOf, type Hdf5Range, type Hyperslab } from './hyperslab';
import { asking, quietly, type Library } from './library';

/** Numbers of a file: what io.toTensor takes. */
export interface Hdf5Numbers {
  dtype: Hdf5NumericDtype;
  /** Row-major; [] is a scalar. */
  shape: number[];
  /** The typed array of the dtype's name; F16 is widened to Float32Array, BOOL is a Uint8Array of 0 and 1. */
  data: NumericArray;
}

/** Strings of a file. */
export interface Hdf5Strings {
  dtype: 'STRING';
  shape: number[];
  data: string[];
}

/** What is read from a dataset. */
export type Hdf5Array = Hdf5Numbers | Hdf5Strings;

/** An open file, as its datasets see it. */
export interface OpenFile {
  library: Library;
  /** The file's id. @throws Error when the file is closed */
  id: (where: string) => bigint;
}

/** Bytes that are read at a time, so that the library's memory, which never shrinks, stays small. */
const pieceBytes = 2 ** 24;
const maxPieceBytes = 2 ** 31 - 2 ** 24;

/** A dataset of an open HDF5 file. Nothing of its elements is in memory until they are read. */
export class Hdf5Dataset {
  /** Where it is in the file. */
  readonly path: string;
  /** Row-major; [] is a scalar. A dataspace that holds nothing (H5S_NULL) has shape [0]. */
  readonly shape: readonly number[];
  readonly dtype: Hdf5Dtype;
  /** Shape of the pieces that it is stored and compressed in, null when it is stored in one. */
  readonly chunks: readonly number[] | null;
  /** The values of an enumeration by name, null for other types. */
  readonly members: Readonly<Record<string, number>> | null;

  readonly #file: OpenFile;
  readonly #elements: ElementType;

  /** Made by Hdf5File.dataset. @throws FormatError for an element type that is not read */
  constructor(where: string, file: OpenFile, path: string) {
    const { library } = file;
    const id = file.id(where);
    const description = asking(library, where, `dataset ${path} cannot be read`, () =>
      library.get_dataset_metadata(id, path),
    );
    const elements = elementTypeOf(description);
    if (typeof elements === 'string') {
      const fix = 'Store plain numbers or strings, for compound types each member as a dataset of its own.';
      throw new FormatError(
        `${where}: dataset ${path} must be of integers, floats, booleans or strings, but it is ${elements}. ${fix}`,
      );
    }
    this.path = path;
    this.shape = description.shape ?? [0];
    this.dtype = elements.dtype;
    this.chunks = description.chunks;
    this.members = elements.members && elements.dtype !== 'BOOL' ? elements.members : null;
    this.#file = file;
    this.#elements = elements;
  }

  /**
   * Reads the dataset or a part of it, from the disk and no more than it needs (whole chunks where it is chunked).
   *
   * @param ranges  what of each axis: an index (drops the axis), [start, stop], [start, stop, step] or null, all;
   *   axes beyond the given ones are read whole. Default [], everything
   * @returns shape and elements, a copy. 16-bit floats are taken for IEEE binary16
   * @throws RangeError for a range that leaves its axis or that holds more than memory does, ShapeError for more ranges
   *   than axes, FormatError when the file is corrupt or compressed by a filter that the library lacks, Error when the
   *   file is closed
   */
  read(ranges: readonly Hdf5Range[] = []): Hdf5Array {
    const where = 'tensor-core.Hdf5Dataset.read';
    const id = this.#file.id(where);
    const slab = hyperslabOf(where, this.shape, ranges);
    // In pieces along the first axis that has several indices.
    const axis = Math.max(
      0,
      slab.count.findIndex((count) => count > 1),
    );
    const rows = slab.count[axis] ?? 1;
    const rowSize = slab.size / rows;
    const rowBytes = rowSize * this.#elements.size;
    if (rowBytes > maxPieceBytes) {
      const fix = 'Read it in parts.';
      throw new RangeError(
        argumentMessage(where, 'ranges', `select at most ${maxPieceBytes} bytes a row`, rowBytes, fix),
      );
    }
    const rowsAtATime = Math.max(1, Math.floor(pieceBytes / rowBytes));
    if (rows <= rowsAtATime && slab.size > 0) {
      return { dtype: this.dtype, shape: slab.shape, data: this.#readPiece(where, id, slab) } as Hdf5Array;
    }
    const data = this.#newArray(where, slab);
    for (let row = 0; slab.size > 0 && row < rows; row += rowsAtATime) {
      const piece = partOf(slab, axis, row, Math.min(rows, row + rowsAtATime));
      const part = this.#readPiece(where, id, piece);
      if (Array.isArray(data)) for (let i = 0; i < piece.size; i++) data[row * rowSize + i] = (part as string[])[i]!;
      else data.set(part as never, row * rowSize);
    }
    return { dtype: this.dtype, shape: slab.shape, data } as Hdf5Array;
  }

  /**
   * Reads the dataset or a part of it as a tensor: float32 for floats, int32 for integers, bool for BOOL.
   *
   * @param ranges  see read
   * @returns the caller's tensor
   * @throws TypeError for strings, RangeError for numbers that float32 or int32 cannot hold (see io.toTensor), and all
   *   that `read` throws
   */
  readTensor(ranges: readonly Hdf5Range[] = []): tf.Tensor {
    if (this.dtype === 'STRING') {
      const requirement = 'be of numbers for readTensor';
      throw new TypeError(argumentMessage('tensor-core.Hdf5Dataset.readTensor', this.path, requirement, this.dtype));
    }
    return toTensor(this.read(ranges) as Hdf5Numbers);
  }

  #newArray(where: string, slab: Hyperslab): NumericArray | string[] {
    try {
      return arrayFor(this.dtype, slab.size);
    } catch (cause) {
      const shape = `[${slab.count.join(', ')}]`;
      const fix = 'Read it in parts.';
      throw new RangeError(`${where}: ranges must select what memory holds, got the shape ${shape}. ${fix}`, { cause });
    }
  }

  #readPiece(where: string, id: bigint, { count, offset, step, size }: Hyperslab): NumericArray | string[] {
    const { library } = this.#file;
    const [counts, offsets, steps] = [count, offset, step].map((list) => list.map(BigInt)) as [
      bigint[],
      bigint[],
      bigint[],
    ];
    const scalar = count.length === 0;
    // What the memory held before must not be taken for pointers when a read fails half-way.
    return withMemory(library, where, size * this.#elements.size, (pointer) => {
      const { value: status, complaints } = quietly(library, () =>
        scalar
          ? library.get_dataset_data(id, this.path, null, null, null, BigInt(pointer))
          : library.get_dataset_data(id, this.path, counts, offsets, steps, BigInt(pointer)),
      );
      if (status < 0) throw new FormatError(this.#faultOf(where, id, complaints));
      try {
        return elementsAt(library, this.#elements, pointer, size);
      } finally {
        if (this.#elements.description.vlen) {
          if (scalar) library.reclaim_vlen_memory(id, this.path, '', BigInt(pointer));
          else library.reclaim_vlen_memory_count(id, this.path, '', BigInt(pointer), counts);
        }
      }
    });
  }

  /** Why a read failed: a filter that the library lacks, or a corrupt file. */
  #faultOf(where: string, id: bigint, complaints: string): string {
    const { library } = this.#file;
    const { value: filters } = quietly(library, () => library.get_dataset_filters(id, this.path));
    // deflate, shuffle, fletcher32, n-bit and scale-offset are built in.
    const foreign = filters.filter((filter) => ![1, 2, 3, 5, 6].includes(filter.id));
    const names = foreign.map((filter) => `${filter.name || 'unnamed'} (${filter.id})`).join(', ');
    const fix =
      names === '' ? 'The file is truncated or corrupt.' : `It needs the filter ${names}: h5repack -f GZIP=4.`;
    return `${where}: dataset ${this.path} could not be read (${complaints}). ${fix}`;
  }
}

/** The indices `from` to `to` of one axis of a part, as a part of its own. */
function partOf(slab: Hyperslab, axis: number, from: number, to: number): Hyperslab {
  if (slab.count.length === 0) return slab;
  const { offset, step, count } = slab;
  const start = offset[axis]! + from * step[axis]!;
  const size = (slab.size / count[axis]!) * (to - from);
  return { ...slab, offset: offset.with(axis, start), count: count.with(axis, to - from), size };
}

/** Lends memory of the library, zeroed. */
export function withMemory<T>(library: Library, where: string, bytes: number, use: (pointer: number) => T): T {
  const pointer = library._malloc(Math.max(1, bytes));
  if (pointer === 0) throw new RangeError(`${where}: there must be ${bytes} bytes of memory. Read it in parts.`);
  try {
    library.HEAPU8.fill(0, pointer, pointer + bytes);
    return use(pointer);
  } finally {
    library._free(pointer);
  }
}
