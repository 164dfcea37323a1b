import { argumentMessage } from '../check';

/** A file of which parts can be read. */
export interface ByteSource {
  readonly byteLength: number;
  slice(start: number, end?: number): Promise<ArrayBuffer>;
}

/** The bytes as a source; each part is a copy. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.length,
    slice: (start, end) => Promise.resolve(new Uint8Array(bytes.subarray(start, end)).buffer),
  };
}

/** A picked File, of which only what is read comes into memory. */
export function blobSource(blob: Blob): ByteSource {
  return { byteLength: blob.size, slice: (start, end) => blob.slice(start, end).arrayBuffer() };
}

/**
 * A file on a server, read by range requests. A server that knows no ranges sends it whole, once.
 *
 * @throws Error naming the address when the server refuses, sends something else than was asked for, or when the file
 *   changes between two reads
 */
export async function urlSource(where: string, url: string, headers: Record<string, string>): Promise<ByteSource> {
  const refuse = (requirement: string, got: string, fix = ''): never => {
    throw new Error(`${where}: ${url} must ${requirement}, got ${got}.${fix && ` ${fix}`}`);
  };
  const get = async (range: string): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(url, { headers: { ...headers, Range: range } });
    } catch (cause) {
      throw new Error(`${where}: ${url} could not be reached.`, { cause });
    }
    if (!response.ok) {
      await response.body?.cancel();
      refuse('be readable', `status ${response.status}`, 'Is the address right? Some need headers.');
    }
    return response;
  };

  const first = await get('bytes=0-0');
  if (first.status !== 206) return bytesSource(new Uint8Array(await first.arrayBuffer()));
  await first.body?.cancel();
  const tag = first.headers.get('etag');
  let byteLength = Number(/\/(\d+)$/.exec(first.headers.get('content-range') ?? '')?.[1] ?? NaN);
  if (Number.isNaN(byteLength)) {
    // Pages of another origin see Content-Range only where the server exposes it, but always Content-Length.
    const head = await fetch(url, { method: 'HEAD', headers });
    byteLength = Number(head.headers.get('content-length') ?? NaN);
  }
  if (!Number.isSafeInteger(byteLength)) refuse('tell its length', 'neither Content-Range nor Content-Length');
  return {
    byteLength,
    async slice(start, end = byteLength) {
      if (start >= end) return new ArrayBuffer(0);
      const response = await get(`bytes=${start}-${end - 1}`);
      const newTag = response.headers.get('etag');
      const changed = tag !== newTag && tag !== null && newTag !== null;
      const part = await response.arrayBuffer();
      if (changed) refuse('stay the same while it is read', 'another ETag', 'Open it again.');
      if (response.status !== 206 || part.byteLength !== end - start) {
        refuse(`give the ${end - start} bytes from ${start} on`, `${part.byteLength} with status ${response.status}`);
      }
      return part;
    },
  };
}

/** The source of what a user gives. @throws TypeError for anything but bytes, Blobs and addresses */
export async function sourceOf(where: string, source: unknown, headers: Record<string, string>): Promise<ByteSource> {
  if (source instanceof Uint8Array) return bytesSource(source);
  if (source instanceof ArrayBuffer) return bytesSource(new Uint8Array(source));
  if (typeof Blob !== 'undefined' && source instanceof Blob) return blobSource(source);
  if (source instanceof URL || (typeof source === 'string' && /^(https?|blob|data):/.test(source))) {
    return urlSource(where, String(source), headers);
  }
  const fix = 'On Node, use openParquetFile for a path.';
  throw new TypeError(argumentMessage(where, 'source', 'be bytes, a Blob or an http(s) address', source, fix));
}
