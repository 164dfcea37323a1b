import { constants } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { checkNumber, FormatError } from '../check';
import { errorCode, pathOf, unlessMissing, unusable, type FilePath } from './file-access';
import { naming, readBytes } from './file-bytes';
import { isGzip, type GunzipOptions } from './gzip';
import { readIdx, type IdxArray } from './idx';
import {
  readSafetensors,
  writeSafetensors,
  type ReadSafetensorsOptions,
  type SafetensorsEntry,
  type SafetensorsFile,
} from './safetensors/safetensors';

export type { FilePath } from './file-access';

/**
 * Reads a safetensors file.
 *
 * @param path     path or file: URL
 * @param options  see readSafetensors
 * @returns tensors and metadata, see readSafetensors
 * @throws FormatError naming the file when it is truncated, corrupt or of another format; Error when it cannot be read
 */
export async function readSafetensorsFile(path: FilePath, options?: ReadSafetensorsOptions): Promise<SafetensorsFile> {
  const bytes = await readBytes('readSafetensorsFile', path);
  return naming(path, () => readSafetensors(bytes, options));
}

/**
 * Writes a safetensors file atomically: afterwards there is the new file or, after an error, what was there before.
 *
 * @param path      path or file: URL; its directory must exist
 * @param tensors   by name, see writeSafetensors
 * @param metadata  strings by key, default none
 */
export async function writeSafetensorsFile(
  path: FilePath,
  tensors: Record<string, SafetensorsEntry>,
  metadata?: Record<string, string>,
): Promise<void> {
  await writeFileAtomic(path, writeSafetensors(tensors, metadata));
}

/**
 * Reads an IDX file, plain or compressed by gzip (told by its first bytes, whatever its name).
 *
 * @param path              path or file: URL
 * @param options.maxBytes  largest decompressed size that is accepted, default 2^31
 * @returns shape and data, see readIdx
 * @throws FormatError naming the file when it is truncated, corrupt, of another format or decompresses to more than
 *   `maxBytes`; Error when it cannot be read
 */
export async function readIdxFile(path: FilePath, options: GunzipOptions = {}): Promise<IdxArray> {
  const where = 'tensor-core.readIdxFile';
  const limits = { min: 1, max: constants.MAX_LENGTH, integer: true };
  const maxBytes = checkNumber(where, 'maxBytes', options.maxBytes ?? 2 ** 31, limits);
  const bytes = await readBytes('readIdxFile', path);
  if (!isGzip(bytes)) return naming(path, () => readIdx(bytes));
  const plain = await promisify(zlib.gunzip)(bytes, { maxOutputLength: maxBytes }).catch((cause: unknown) => {
    const bomb = errorCode(cause) === 'ERR_BUFFER_TOO_LARGE';
    const fault = bomb
      ? `the file must decompress to at most ${maxBytes} bytes, but has more. Raise maxBytes if you trust the source.`
      : 'the file must be whole gzip data. It is truncated or corrupt.';
    throw new FormatError(`${pathOf(path)}: ${where}: ${fault}`, { cause });
  });
  return naming(path, () => readIdx(plain));
}

/**
 * Reads a JSON file. The value's type is for the caller to check.
 *
 * @throws FormatError naming the file when it is not UTF-8 or not JSON; Error when it cannot be read
 */
export async function readJsonFile(path: FilePath): Promise<unknown> {
  const bytes = await readBytes('readJsonFile', path);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const reason = cause instanceof SyntaxError ? cause.message : 'it is not UTF-8 text';
    const words = `tensor-core.readJsonFile: the file must be JSON, but ${reason}. It is truncated or corrupt.`;
    throw new FormatError(`${pathOf(path)}: ${words}`, { cause });
  }
}

/**
 * Writes a value as indented JSON, atomically.
 *
 * @throws TypeError when JSON cannot hold the value (undefined, functions, bigint, cycles), RangeError when a number in
 *   it is NaN or infinite, which JSON would turn into null
 */
export async function writeJsonFile(path: FilePath, value: unknown): Promise<void> {
  const where = `tensor-core.writeJsonFile: ${pathOf(path)}`;
  let text: string | undefined;
  try {
    text = JSON.stringify(value, finiteOnly, 2);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const words = `${where}: value must be what JSON can hold: ${reason}`;
    throw cause instanceof RangeError ? new RangeError(words, { cause }) : new TypeError(words, { cause });
  }
  if (text === undefined) throw new TypeError(`${where}: value must be what JSON can hold, got ${typeof value}.`);
  await writeFileAtomic(path, `${text}\n`);
}

function finiteOnly(key: string, value: unknown): unknown {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new RangeError(`${key === '' ? 'the number' : key} must be finite, got ${value}. Store it as a string.`);
  }
  return value;
}

/**
 * Writes a file so that no reader, and no crash, ever meets a half-written one: into a temporary file in the same
 * directory, flushed to the disk, then renamed over the old file. Of concurrent writers the last one wins whole.
 *
 * A symbolic link stays one, its target is replaced; the old file's permissions are kept.
 *
 * @param path      path or file: URL; its directory must exist
 * @param contents  bytes, or text that is written as UTF-8
 * @throws Error naming the path when it cannot be written; the old file is then as it was and the temporary is removed
 */
export async function writeFileAtomic(path: FilePath, contents: Uint8Array | string): Promise<void> {
  const link = pathOf(path);
  let temporary: string | undefined;
  try {
    const target = await realpath(link).catch(unlessMissing(link));
    const mode = await stat(target).then((old) => old.mode & 0o7777, unlessMissing(undefined));
    const name = join(dirname(target), `.tfsci-${process.pid}-${randomUUID()}.tmp`);
    const file = await open(name, 'wx');
    temporary = name;
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(contents);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    temporary = undefined;
    await syncDirectory(dirname(target));
  } catch (cause) {
    throw unusable('writeFileAtomic', 'written', link, cause);
  } finally {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
  }
}

/** Makes a rename survive a power cut. Systems that cannot flush a directory (Windows) keep their own journal. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path).catch(() => undefined);
  await directory?.sync().catch(() => undefined);
  await directory?.close();
}
