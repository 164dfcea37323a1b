import { open } from 'node:fs/promises';
import { FormatError } from '../check';
import { pathOf, unusable, type FilePath } from './file-access';

/** Node reads at most 2^31 - 1 bytes in a call. */
const readBytesAtATime = 2 ** 30;

/** Reads a whole file of any size. @param caller  the public function, for errors */
export async function readBytes(caller: string, path: FilePath): Promise<Uint8Array> {
  try {
    return await wholeFile(pathOf(path));
  } catch (cause) {
    throw unusable(caller, 'read', pathOf(path), cause);
  }
}

/** The bytes of a whole file; errors are the system's. */
export async function wholeFile(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array((await file.stat()).size);
    let filled = 0;
    while (filled < bytes.length) {
      const wanted = Math.min(bytes.length - filled, readBytesAtATime);
      const { bytesRead } = await file.read(bytes, filled, wanted);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await file.close();
  }
}

/** What `parse` gives; its FormatErrors get the path in front. */
export function naming<T>(path: FilePath, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new FormatError(`${pathOf(path)}: ${cause.message}`, { cause });
  }
}
