import { checkNumber, FormatError } from '../check';

/** Bytes handed to the decompressor at a time: few, so that a bomb is noticed before much of it is expanded. */
const pieceBytes = 2 ** 16;

export interface GunzipOptions {
  /** Largest decompressed size that is accepted, in bytes, default 2^31 (2 GiB). */
  maxBytes?: number;
}

/** Whether the bytes begin as a gzip file does (1f 8b). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses gzip data by the platform's DecompressionStream, in browsers and on Node.
 *
 * @param bytes             the whole gzip file
 * @param options.maxBytes  largest decompressed size, default 2^31; it stops there, so a bomb costs no more memory
 * @returns the decompressed bytes
 * @throws FormatError when the data is corrupt, truncated, or larger than `maxBytes`
 * @see RFC 1952, https://www.rfc-editor.org/rfc/rfc1952
 */
export async function gunzip(bytes: Uint8Array, options: GunzipOptions = {}): Promise<Uint8Array> {
  const where = 'tensor-core.gunzip';
  const maxBytes = checkNumber(where, 'maxBytes', options.maxBytes ?? 2 ** 31, { min: 0, integer: true });
  if (!isGzip(bytes)) throw new FormatError(`${where}: the data must begin with 1f 8b. Is it compressed by gzip?`);
  const reader = inPieces(bytes).pipeThrough(new DecompressionStream('gzip')).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw new FormatError(`${where}: the data must be a whole gzip file. It is truncated or corrupt.`, { cause });
    });
    if (done) break;
    size += value.length;
    if (size > maxBytes) {
      await reader.cancel();
      const fix = 'Raise maxBytes if you trust the source.';
      throw new FormatError(`${where}: the data must decompress to at most ${maxBytes} bytes, but has more. ${fix}`);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function inPieces(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      // A copy, as streams may take over the memory of what they are given.
      if (at < bytes.length) controller.enqueue(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      else controller.close();
      at += pieceBytes;
    },
  });
}
