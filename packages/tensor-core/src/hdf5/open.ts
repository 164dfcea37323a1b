import { argumentMessage, FormatError } from '../check';
import { Hdf5File } from './file';
import { loadLibrary, quietly, type Hdf5Importer, type Library } from './library';

export interface OpenHdf5Options {
  /** Imports h5wasm, default `() => import('h5wasm')`. For a copy of it that lies elsewhere. */
  load?: Hdf5Importer;
}

const openFiles = new WeakMap<Library, number>();

/**
 * Opens an HDF5 file that is in memory, or in a browser's worker a File that the user has picked, of which only what is
 * read comes into memory. On the page's own thread, which has no such access, a File is read whole.
 *
 * On Node, for files of any size on the disk: openHdf5File of '@tfsci/tensor-core/node'.
 *
 * @param source        the bytes, or a File or Blob
 * @param options.load  imports h5wasm
 * @returns the open file; call its close()
 * @throws FormatError when it is no HDF5 file, or truncated; Error when h5wasm is not installed; TypeError for another
 *   source
 * @see https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html; https://github.com/usnistgov/h5wasm
 */
export async function openHdf5(
  source: Uint8Array | ArrayBuffer | Blob,
  options: OpenHdf5Options = {},
): Promise<Hdf5File> {
  const where = 'tensor-core.openHdf5';
  const picked = typeof Blob !== 'undefined' && source instanceof Blob ? source : null;
  if (!picked && !(source instanceof Uint8Array) && !(source instanceof ArrayBuffer)) {
    const fix = 'On Node, use openHdf5File for a path.';
    throw new TypeError(argumentMessage(where, 'source', 'be bytes, a File or a Blob', source, fix));
  }
  const library = await loadLibrary(where, options.load ?? (() => import('h5wasm')));
  const number = (openFiles.get(library) ?? 0) + 1;
  openFiles.set(library, number);
  const folder = `/tensor-core-${number}`;
  const { FS } = library;
  if (picked && 'FileReaderSync' in globalThis) {
    FS.mkdir(folder);
    FS.mount(FS.filesystems['WORKERFS']!, { blobs: [{ name: 'file.h5', data: picked }] }, folder);
    return openAt(library, where, `${folder}/file.h5`, () => {
      FS.unmount(folder);
      FS.rmdir(folder);
    });
  }
  const bytes = picked ? new Uint8Array(await picked.arrayBuffer()) : bytesOf(source as Uint8Array | ArrayBuffer);
  const path = `${folder}.h5`;
  FS.writeFile(path, bytes);
  return openAt(library, where, path, () => FS.unlink(path));
}

/** Opens a file of the library's file system. `release` is called when it is closed, and when it cannot be opened. */
export function openAt(library: Library, where: string, path: string, release: () => void): Hdf5File {
  let id = -1n;
  let reason: string;
  try {
    const readOnly = 0;
    const answer = quietly(library, () => library.open(path, readOnly, false, -1, -1));
    id = answer.value;
    reason = answer.complaints;
  } catch (cause) {
    reason = cause instanceof Error ? cause.message : String(cause);
  }
  if (id >= 0n) return new Hdf5File(library, id, release);
  release();
  throw new FormatError(
    `${where}: the file must be whole HDF5 (${reason}). It is truncated, corrupt or of another format.`,
  );
}

function bytesOf(source: Uint8Array | ArrayBuffer): Uint8Array {
  return source instanceof Uint8Array ? source : new Uint8Array(source);
}
