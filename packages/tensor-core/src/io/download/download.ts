import { argumentMessage, checkNumber, FormatError } from '../../check';

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes so far, those of an earlier start included. */
  received: number;
  /** Bytes in all, null when the server does not tell. */
  total: number | null;
}

export interface TransferOptions {
  /** Called after each piece. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops the download; it rejects with the signal's reason. */
  signal?: AbortSignal;
  /** How often to begin again after a failure that brought nothing new, default 3. */
  retries?: number;
  /** Wait before the first repetition, in milliseconds, doubled at each, default 500. */
  retryDelayMs?: number;
  /** Sent with each request, such as `{ Authorization: 'Bearer …' }`. Default none. */
  headers?: Record<string, string>;
  /** Largest size that is accepted, in bytes. */
  maxBytes?: number;
  /** The expected SHA-256, 64 hexadecimal digits. Default: not checked. */
  sha256?: string;
}

/** Where a transfer puts its bytes, and what it needs to go on later. */
export interface Sink {
  /** Bytes that are there. */
  readonly received: number;
  /** A validator (strong ETag, or date) of the file that they are of, null when they are not to be continued. */
  readonly tag: string | null;
  /** Drops all bytes; those that follow are of the file with this validator. */
  restart(tag: string | null): Promise<void> | void;
  write(chunk: Uint8Array): Promise<void> | void;
}

/** A failure that may pass. */
class Passing extends Error {
  /** @param after  milliseconds to wait, as the server wants it */
  constructor(
    message: string,
    options?: ErrorOptions,
    readonly after?: number,
  ) {
    super(message, options);
  }
}

/**
 * Fetches a file into memory: with progress, a limit, repetition after failures (going on where it stopped, where the
 * server can do that) and a checksum.
 *
 * @param url                   http(s) address
 * @param options.onProgress    called with { received, total }
 * @param options.signal        stops it
 * @param options.sha256        expected checksum, in hexadecimal digits; in browsers only on https pages
 * @param options.maxBytes      default 2^31
 * @param options.retries       default 3
 * @param options.retryDelayMs  default 500, doubled at each repetition
 * @param options.headers       sent with each request
 * @throws FormatError when the checksum differs or the file is larger than `maxBytes`; Error when the server refuses or
 *   cannot be reached; the signal's reason after an abort
 */
export async function fetchBytes(url: string | URL, options: TransferOptions = {}): Promise<Uint8Array> {
  const where = 'tensor-core.fetchBytes';
  const sha256 = checkedSha256(where, options.sha256);
  const chunks: Uint8Array[] = [];
  let received = 0;
  let tag: string | null = null;
  await receive(
    where,
    url,
    { maxBytes: 2 ** 31, ...options },
    {
      get received() {
        return received;
      },
      get tag() {
        return tag;
      },
      restart(newTag) {
        chunks.length = 0;
        received = 0;
        tag = newTag;
      },
      write(chunk) {
        chunks.push(chunk);
        received += chunk.length;
      },
    },
  );
  const whole = new Uint8Array(received);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  if (sha256 !== null) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
    checkSha256(where, String(url), sha256, hexOf(digest));
  }
  return whole;
}

/**
 * Brings a file to a sink, going on after failures, and from what the sink already has.
 *
 * @throws Error when the server refuses or fails too often, FormatError when the file is larger than maxBytes, the
 *   signal's reason after an abort
 */
export async function receive(where: string, url: string | URL, options: TransferOptions, sink: Sink): Promise<void> {
  const address = String(url);
  if (!/^https?:\/\//.test(address)) {
    throw new TypeError(argumentMessage(where, 'url', 'be an http(s) address', address));
  }
  const retries = checkNumber(where, 'retries', options.retries ?? 3, { min: 0, integer: true });
  const delay = checkNumber(where, 'retryDelayMs', options.retryDelayMs ?? 500, { min: 0 });
  const maxBytes = checkNumber(where, 'maxBytes', options.maxBytes ?? Number.MAX_SAFE_INTEGER, {
    min: 0,
    integer: true,
  });
  let furthest = sink.received;
  for (let failures = 0; ;) {
    try {
      options.signal?.throwIfAborted();
      await attempt(where, address, { ...options, maxBytes }, sink);
      return;
    } catch (cause) {
      options.signal?.throwIfAborted();
      if (!(cause instanceof Passing)) throw cause;
      failures = sink.received > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, sink.received);
      if (failures > retries) {
        const times = failures === 1 ? 'once' : `${failures} times`;
        throw new Error(`${where}: ${address} failed ${times}, at last: ${cause.message}`, { cause });
      }
      await waited(cause.after ?? delay * 2 ** (failures - 1), options.signal);
    }
  }
}

/** One request. */
async function attempt(
  where: string,
  address: string,
  options: TransferOptions & { maxBytes: number },
  sink: Sink,
): Promise<void> {
  const { maxBytes, signal, onProgress } = options;
  const resume = sink.received > 0 && sink.tag !== null;
  // Ranges count the bytes as they are sent, so they must not be compressed; browsers decide that themselves.
  const headers = new Headers({ 'Accept-Encoding': 'identity', ...options.headers });
  if (resume) {
    headers.set('Range', `bytes=${sink.received}-`);
    headers.set('If-Range', sink.tag);
  }
  const response = await passing(fetch(address, { headers, ...(signal && { signal }) }), 'no connection');
  const { status } = response;
  const drop = (): Promise<void> | undefined => response.body?.cancel().catch(() => undefined);
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '');
  if (status === 416 && resume) {
    await drop();
    if (Number(range?.[2]) === sink.received) return;
    await sink.restart(null);
    throw new Passing('the server has no such range', undefined, 0);
  }
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    await drop();
    const after = Number(response.headers.get('retry-after') ?? NaN);
    throw new Passing(`status ${status}`, undefined, Number.isNaN(after) ? undefined : Math.min(60, after) * 1000);
  }
  if (status !== 200 && status !== 206) {
    await drop();
    const advice =
      status === 401 || status === 403 ? 'It needs headers with an authorization.' : 'Is the address right?';
    throw new Error(`${where}: ${address} must be readable, got status ${status}. ${advice}`);
  }
  const encoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  const continued = resume && status === 206 && Number(range?.[1]) === sink.received;
  if (status === 206 && !continued) {
    await drop();
    await sink.restart(null);
    throw new Passing('the server gave another range than it was asked for', undefined, 0);
  }
  if (!continued) await sink.restart(encoded ? null : validatorOf(response.headers));
  const length = response.headers.get('content-length');
  const total = encoded || length === null ? null : Number(length) + (continued ? sink.received : 0);
  const check = (bytes: number): void => {
    if (bytes <= maxBytes) return;
    const fix = 'Raise maxBytes if you trust the source.';
    throw new FormatError(`${where}: ${address} must have at most ${maxBytes} bytes, but has more. ${fix}`);
  };
  const reader = response.body?.getReader();
  try {
    check(total ?? 0);
    onProgress?.({ received: sink.received, total });
    while (reader) {
      const { done, value } = await passing(reader.read(), 'a cut connection');
      if (done) break;
      check(sink.received + value.length);
      await sink.write(value);
      onProgress?.({ received: sink.received, total });
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
  if (total !== null && sink.received !== total) {
    throw new Passing(`${sink.received} of ${total} bytes`);
  }
}

async function passing<T>(promise: Promise<T>, fault: string): Promise<T> {
  return promise.catch((cause: unknown) => {
    const reason =
      cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause);
    throw new Passing(`${fault} (${reason})`, { cause });
  });
}

/** What tells one version of a file from another exactly enough to join parts. */
function validatorOf(headers: Headers): string | null {
  const tag = headers.get('etag');
  if (tag !== null) return tag.startsWith('W/') ? null : tag;
  return headers.get('last-modified');
}

function waited(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

/** The checksum in lower case, null when there is none. @throws RangeError when it is not 64 hexadecimal digits */
export function checkedSha256(where: string, sha256: string | undefined): string | null {
  if (sha256 === undefined) return null;
  if (typeof sha256 === 'string' && /^[0-9a-f]{64}$/i.test(sha256)) return sha256.toLowerCase();
  throw new RangeError(argumentMessage(where, 'sha256', 'be 64 hexadecimal digits', sha256));
}

/** @throws FormatError when two checksums differ */
export function checkSha256(where: string, address: string, wanted: string, got: string): void {
  if (got === wanted) return;
  const fix = 'The file was changed or is corrupt.';
  throw new FormatError(`${where}: ${address} must have the SHA-256 ${wanted}, got ${got}. ${fix}`);
}

/** Bytes as lower-case hexadecimal digits. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
