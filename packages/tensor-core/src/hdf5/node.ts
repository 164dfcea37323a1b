import { open } from 'node:fs/promises';
import { FormatError } from '../check';
import { pathOf, unusable, type FilePath } from '../io/file-access';
import type { Hdf5File } from './file';
import { loadLibrary } from './library';
import { openAt, type OpenHdf5Options } from './open';

/**
 * Opens an HDF5 file on the disk. Only its structure is read; datasets may be larger than memory.
 *
 * @param path          path or file: URL
 * @param options.load  imports h5wasm's build for Node, default `() => import('h5wasm/node')`
 * @returns the open file; call its close()
 * @throws FormatError naming the file when it is no HDF5 file, or truncated; Error when it cannot be read or h5wasm is
 *   not installed
 * @see https://github.com/usnistgov/h5wasm
 */
export async function openHdf5File(path: FilePath, options: OpenHdf5Options = {}): Promise<Hdf5File> {
  const where = 'tensor-core.openHdf5File';
  const file = pathOf(path);
  await readFirstByte(file);
  const library = await loadLibrary(where, options.load ?? (() => import('h5wasm/node')));
  try {
    return openAt(library, where, file, () => undefined);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${file}: ${cause.message}`, { cause });
  }
}

/** Node's own errors say best why a file cannot be read. */
async function readFirstByte(file: string): Promise<void> {
  try {
    const handle = await open(file);
    await handle.read(new Uint8Array(1), 0, 1, 0).finally(() => handle.close());
  } catch (cause) {
    throw unusable('openHdf5File', 'read', file, cause);
  }
}
