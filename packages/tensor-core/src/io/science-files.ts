import { FormatError } from '../check';
import type { ArrayEntry } from './array-entry';
import { pathOf } from './file-access';
import { naming, readBytes } from './file-bytes';
import { writeFileAtomic, type FilePath } from './files';
import { readFits, type FitsFile, type ReadFitsOptions } from './fits/file';
import { gunzip, isGzip } from './gzip';
import { readNpz, writeNpz, type ReadNpzOptions, type WriteNpzOptions } from './npy/archive';
import { readNpy, writeNpy, type ReadNpyOptions } from './npy/file';
import { readTorch, type ReadTorchOptions, type TorchFile } from './torch/file';

/**
 * Reads a file that torch.save wrote.
 *
 * @param path     path or file: URL
 * @param options  see readTorch
 * @returns what was saved, as plain data, see readTorch; torchStateDict finds the weights in it
 * @throws FormatError naming the file when it is truncated, corrupt or of another format; Error when it cannot be read
 */
export async function readTorchFile(path: FilePath, options?: ReadTorchOptions): Promise<TorchFile> {
  const bytes = await readBytes('readTorchFile', path);
  return naming(path, () => readTorch(bytes, options));
}

/**
 * Reads a NumPy array file.
 *
 * @param path     path or file: URL
 * @param options  see readNpy
 * @throws FormatError naming the file when it is truncated, corrupt or of another format; Error when it cannot be read
 */
export async function readNpyFile(path: FilePath, options?: ReadNpyOptions): Promise<ArrayEntry> {
  const bytes = await readBytes('readNpyFile', path);
  return naming(path, () => readNpy(bytes, options));
}

/**
 * Reads a NumPy archive of arrays.
 *
 * @param path     path or file: URL
 * @param options  see readNpz
 * @throws FormatError naming the file when it is truncated, corrupt or of another format; Error when it cannot be read
 */
export async function readNpzFile(path: FilePath, options?: ReadNpzOptions): Promise<Record<string, ArrayEntry>> {
  const bytes = await readBytes('readNpzFile', path);
  return naming(path, () => readNpz(bytes, options));
}

/**
 * Writes a NumPy array file atomically: afterwards there is the new file or, after an error, what was there before.
 *
 * @param path   path or file: URL; its directory must exist
 * @param entry  see writeNpy
 */
export async function writeNpyFile(path: FilePath, entry: ArrayEntry): Promise<void> {
  await writeFileAtomic(path, writeNpy(entry));
}

/**
 * Writes a NumPy archive atomically: afterwards there is the new file or, after an error, what was there before.
 *
 * @param path     path or file: URL; its directory must exist
 * @param arrays   by name, see writeNpz
 * @param options  see writeNpz
 */
export async function writeNpzFile(
  path: FilePath,
  arrays: Record<string, ArrayEntry>,
  options?: WriteNpzOptions,
): Promise<void> {
  await writeFileAtomic(path, writeNpz(arrays, options));
}

export interface ReadFitsFileOptions extends ReadFitsOptions {
  /** Largest decompressed size of a file compressed by gzip, default 2^31. */
  maxFileBytes?: number;
}

/**
 * Reads a FITS file, plain or compressed by gzip (told by its first bytes, whatever its name).
 *
 * @param path     path or file: URL
 * @param options  see readFits and ReadFitsFileOptions
 * @throws FormatError naming the file when it is truncated, corrupt, of another format or decompresses to more than
 *   `maxFileBytes`; Error when it cannot be read
 */
export async function readFitsFile(path: FilePath, options: ReadFitsFileOptions = {}): Promise<FitsFile> {
  const bytes = await readBytes('readFitsFile', path);
  if (!isGzip(bytes)) return naming(path, () => readFits(bytes, options));
  const { maxFileBytes: maxBytes = 2 ** 31 } = options;
  const plain = await gunzip(bytes, { maxBytes }).catch((cause: unknown) => {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${pathOf(path)}: ${cause.message}`, { cause });
  });
  return naming(path, () => readFits(plain, options));
}
