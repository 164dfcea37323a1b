import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { argumentMessage } from '../../check';
import { checkedSha256, checkSha256, receive, type Sink, type TransferOptions } from './download';
import { withLock } from './lock';
import { pathOf, type FilePath } from '../file-access';

export interface DownloadFileOptions extends TransferOptions {
  /** The file to make: path or file: URL. Its directory must exist. Either this or `cacheDir`. */
  to?: FilePath;
  /** The directory to keep it in, made when missing, under a name made of the address. */
  cacheDir?: FilePath;
}

/**
 * Downloads a file, unless it is there already, and gives its path.
 *
 * A file that is there is taken as it is, or with `sha256` when its checksum is right; else it is downloaded anew. The
 * file appears whole or not at all: until then it is `<path>.part`, which a failure or an abort leaves, and where the
 * next call goes on when the server has still the same file (ETag or date) and knows ranges. Of several processes that
 * want the same file one downloads it and the others wait.
 *
 * @param url                   http(s) address
 * @param options.to            the file to make
 * @param options.cacheDir      or the directory to keep it in
 * @param options.sha256        expected checksum, in hexadecimal digits
 * @param options.onProgress    called with { received, total }
 * @param options.signal        stops it
 * @param options.retries       default 3
 * @param options.retryDelayMs  default 500, doubled at each repetition
 * @param options.headers       sent with each request
 * @param options.maxBytes      default: no limit
 * @returns the absolute path
 * @throws FormatError when the checksum differs (nothing is kept then) or the file is larger than `maxBytes`; Error when
 *   the server refuses or cannot be reached, or the file cannot be written; the signal's reason after an abort
 */
export async function downloadFile(url: string | URL, options: DownloadFileOptions): Promise<string> {
  const where = 'tensor-core.downloadFile';
  const { to, cacheDir, signal } = options;
  if ((to === undefined) === (cacheDir === undefined)) {
    throw new TypeError(argumentMessage(where, 'options', 'have either to or cacheDir', options));
  }
  const sha256 = checkedSha256(where, options.sha256);
  const target = to !== undefined ? pathOf(to) : join(pathOf(cacheDir!), cacheName(String(url)));
  if (cacheDir !== undefined) await mkdir(dirname(target), { recursive: true });
  const isThere = (): Promise<boolean> => matches(where, target, sha256);
  if (await isThere()) return target;
  await withLock(where, `${target}.lock`, signal, async () => {
    // Another process may have brought it in the meantime.
    if (await isThere()) return;
    const part = `${target}.part`;
    const sink = await partialFile(where, part, String(url));
    try {
      await receive(where, url, options, sink);
      await sink.finish();
    } finally {
      await sink.close();
    }
    if (sha256 !== null) {
      try {
        checkSha256(where, String(url), sha256, await sha256Of(part));
      } catch (cause) {
        await removePartial(part);
        throw cause;
      }
    }
    await rename(part, target);
    await removePartial(part);
  });
  return target;
}

/** A name for an address: unlike for unlike addresses, and still legible. */
function cacheName(url: string): string {
  const name = basename(new URL(url).pathname)
    .replace(/[^\w.-]/g, '_')
    .slice(-80);
  return `${createHash('sha256').update(url).digest('hex').slice(0, 16)}-${name || 'file'}`;
}

/** Whether the file is there, with the checksum if there is one. */
async function matches(where: string, target: string, sha256: string | null): Promise<boolean> {
  const found = await stat(target).catch(() => null);
  if (found?.isDirectory()) {
    throw new Error(`${where}: ${target} could not be written. It is a directory: name a file.`);
  }
  if (!found?.isFile()) return false;
  return sha256 === null || (await sha256Of(target)) === sha256;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}

/** What belongs to the bytes of a partial file; it lies beside it. */
interface PartialNote {
  url: string;
  tag: string | null;
}

interface PartialFile extends Sink {
  /** Puts all bytes on the disk. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a partial file, or makes it anew when it is of another address. */
async function partialFile(where: string, part: string, url: string): Promise<PartialFile> {
  const noteFile = `${part}.json`;
  const note = await readFile(noteFile, 'utf8').then(
    (text) => parsedNote(text),
    () => null,
  );
  const usable = note !== null && note.url === url && note.tag !== null;
  const unwritable = (cause: unknown): never => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${where}: ${part} could not be written. ${reason}`, { cause });
  };
  let file: FileHandle;
  try {
    file = await open(part, usable ? 'r+' : 'w').catch(() => open(part, 'w'));
  } catch (cause) {
    return unwritable(cause);
  }
  let received = (await file.stat()).size;
  let tag = usable ? note.tag : null;
  return {
    get received() {
      return received;
    },
    get tag() {
      return tag;
    },
    async restart(newTag) {
      // The note goes first: bytes without one are never continued.
      await rm(noteFile, { force: true });
      await file.truncate(0).catch(unwritable);
      received = 0;
      tag = newTag;
      if (newTag !== null) await writeFile(noteFile, JSON.stringify({ url, tag: newTag })).catch(unwritable);
    },
    async write(chunk) {
      let at = 0;
      while (at < chunk.length) {
        const { bytesWritten } = await file.write(chunk, at, chunk.length - at, received).catch(unwritable);
        at += bytesWritten;
        received += bytesWritten;
      }
    },
    finish: () => file.sync().catch(unwritable),
    close: () => file.close(),
  };
}

function parsedNote(text: string): PartialNote | null {
  try {
    const note = JSON.parse(text) as Partial<PartialNote> | null;
    return typeof note?.url === 'string' && typeof note.tag === 'string' ? { url: note.url, tag: note.tag } : null;
  } catch {
    return null;
  }
}

async function removePartial(part: string): Promise<void> {
  await rm(`${part}.json`, { force: true });
  await rm(part, { force: true });
}
