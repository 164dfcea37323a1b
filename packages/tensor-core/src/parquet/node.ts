import { open } from 'node:fs/promises';
import { FormatError } from '../check';
import { pathOf, unusable, type FilePath } from '../io/file-access';
import { ParquetFile } from './file';
import { loadLibrary } from './library';
import type { OpenParquetOptions } from './open';
import type { ByteSource } from './source';

/**
 * Opens a Parquet file on the disk and reads its footer; columns are read when they are wanted.
 *
 * @param path          path or file: URL
 * @param options.load  import hyparquet and hyparquet-compressors
 * @returns the file, as openParquet gives it; nothing has to be closed
 * @throws FormatError naming the file when it is no Parquet file, truncated or corrupt; Error when it cannot be read or
 *   hyparquet is not installed
 */
export async function openParquetFile(
  path: FilePath,
  options: Pick<OpenParquetOptions, 'load'> = {},
): Promise<ParquetFile> {
  const where = 'tensor-core.openParquetFile';
  const file = pathOf(path);
  const importers = options.load ?? {};
  const source = await fileSource(file);
  const library = await loadLibrary(where, importers);
  try {
    return await ParquetFile.open(where, library, importers, source);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${file}: ${cause.message}`, { cause });
  }
}

/** A file that is opened for each read, so that nothing stays open. */
async function fileSource(file: string): Promise<ByteSource> {
  const reading = async <T>(use: (handle: Awaited<ReturnType<typeof open>>) => Promise<T>): Promise<T> => {
    try {
      const handle = await open(file);
      return await use(handle).finally(() => handle.close());
    } catch (cause) {
      throw unusable('openParquetFile', 'read', file, cause);
    }
  };
  const byteLength = await reading(async (handle) => {
    await handle.read(new Uint8Array(1), 0, 1, 0);
    return (await handle.stat()).size;
  });
  return {
    byteLength,
    slice: (start, end = byteLength) =>
      reading(async (handle) => {
        const bytes = new Uint8Array(end - start);
        let filled = 0;
        while (filled < bytes.length) {
          const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
          if (bytesRead === 0) throw new Error('It became shorter while it was read.');
          filled += bytesRead;
        }
        return bytes.buffer;
      }),
  };
}
