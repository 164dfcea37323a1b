import { FormatError } from '../check';
import { importOptional } from '../check/optional-import';

/** What the HDF5 library says of a dataset or attribute. */
export interface Description {
  /** The class of the element type, H5T_class_t. */
  type: number;
  size: number;
  signed: boolean;
  littleEndian: boolean;
  /** Strings of variable length. */
  vlen: boolean;
  /** How fixed strings are padded: 0 ends at the first null, 1 with nulls, 2 with spaces. */
  strpad?: number;
  enum_type?: { type: number; members: Record<string, number> };
  /** Null for a dataspace that holds nothing. */
  shape: number[] | null;
  chunks: number[] | null;
}

/** The library's file system, as Emscripten has it. */
interface FileSystem {
  streams?: (object | undefined)[];
  filesystems: Record<string, object>;
  mkdir(path: string): void;
  rmdir(path: string): void;
  mount(type: object, options: object, path: string): void;
  unmount(path: string): void;
  writeFile(path: string, bytes: Uint8Array): void;
  unlink(path: string): void;
}

/** What is used of h5wasm's module. Written down here, so that the types of the package need no h5wasm. */
export interface Library {
  open(path: string, mode: number, trackOrder: boolean, low: number, high: number): bigint;
  close_file(file: bigint): number;
  get_type(file: bigint, path: string): number;
  get_names(file: bigint, path: string, recursive: boolean): string[];
  get_symbolic_link(file: bigint, path: string): string | null;
  get_external_link(file: bigint, path: string): { filename: string; obj_path: string };
  get_attribute_names(file: bigint, path: string): string[];
  get_attribute_metadata(file: bigint, path: string, name: string): Description;
  get_attribute_data(file: bigint, path: string, name: string, pointer: bigint): number;
  get_dataset_metadata(file: bigint, path: string): Description;
  get_dataset_filters(file: bigint, path: string): { id: number; name: string }[];
  get_dataset_data(
    file: bigint,
    path: string,
    count: bigint[] | null,
    offset: bigint[] | null,
    strides: bigint[] | null,
    pointer: bigint,
  ): number;
  reclaim_vlen_memory(file: bigint, path: string, attribute: string, pointer: bigint): number;
  reclaim_vlen_memory_count(file: bigint, path: string, attribute: string, pointer: bigint, count: bigint[]): number;
  UTF8ToString(pointer: number): string;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  HEAPU8: Uint8Array;
  H5G_GROUP: number;
  H5G_DATASET: number;
  H5G_LINK: number;
  H5G_UDLINK: number;
  FS: FileSystem;
}

/** Imports h5wasm, or another build of it such as one from a CDN. */
export type Hdf5Importer = () => Promise<unknown>;

/** The library, started. @throws Error with the install command when h5wasm cannot be imported */
export async function loadLibrary(where: string, load: Hdf5Importer): Promise<Library> {
  const { ready } = (await importOptional(where, 'h5wasm', load)) as { ready: Promise<Library> };
  return ready;
}

/** The result of a call of the library, and what it complained of. */
export interface Answer<T> {
  value: T;
  complaints: string;
}

/**
 * Calls the library, which writes its errors to the standard error stream, and catches what it writes.
 *
 * The alternative, h5wasm's throwing error handler, leaves the library in the middle of a call, with everything that
 * the call had open.
 */
export function quietly<T>(library: Library, call: () => T): Answer<T> {
  const { streams } = library.FS;
  const stream = streams?.[2];
  const decoder = new TextDecoder();
  let complaints = '';
  if (streams && stream) {
    const write = (_: unknown, memory: Uint8Array, offset: number, length: number): number => {
      complaints += decoder.decode(memory.slice(offset, offset + length), { stream: true });
      return length;
    };
    streams[2] = Object.create(stream, { node: { value: { mode: 0 } }, stream_ops: { value: { write } } }) as object;
  }
  try {
    const value = call();
    return { value, complaints: reasonIn(complaints) };
  } finally {
    if (streams && stream) streams[2] = stream;
  }
}

/** Calls the library. @throws FormatError `<where>: <fault> (<its reason>)` when it throws or complains */
export function asking<T>(library: Library, where: string, fault: string, call: () => T): T {
  let answer: Answer<T>;
  try {
    answer = quietly(library, call);
  } catch (cause) {
    throw new FormatError(`${where}: ${fault} (${cause instanceof Error ? cause.message : String(cause)}).`, { cause });
  }
  if (answer.complaints !== '') throw new FormatError(`${where}: ${fault} (${answer.complaints}).`);
  return answer.value;
}

/** The innermost reason in HDF5's print of its error stack. */
function reasonIn(print: string): string {
  const reasons = [...print.matchAll(/#\d+: .* in \w+\(\): (.*)/g)].map((match) => match[1]!);
  return reasons.at(-1) ?? print.trim();
}
