import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { FormatError } from '../src/check';
import { fetchBytes, type DownloadProgress } from '../src/io/download/download';
import { downloadFile } from '../src/io/download/file';

const contents = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i + (i >> 8)) % 251);
const sha256 = createHash('sha256').update(contents).digest('hex');
const quick = { retryDelayMs: 1 };

let server: Server;
let site: string;
let folder: string;
let target: string;
/** What the server does, request by request; the last one is repeated. */
let answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [];
let seen: { range: string | undefined; ifRange: string | undefined; headers: IncomingMessage['headers'] }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    seen.push({ range, ifRange: ifRange as string | undefined, headers: request.headers });
    (answers.length > 1 ? answers.shift()! : answers[0]!)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data/galaxies.h5?x=1`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(async () => {
  answers = [good()];
  seen = [];
  folder = await mkdtemp(path.join(tmpdir(), 'tensor-core-download-'));
  target = path.join(folder, 'file.bin');
});
afterEach(() => {
  vi.unstubAllGlobals();
  return rm(folder, { recursive: true });
});

type Answer = (typeof answers)[number];

/** A server that knows ranges and validators. */
function good(tag = '"v1"', body: Uint8Array = contents): Answer {
  return ({ headers }, response) => {
    const from = Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? NaN);
    const matches = headers['if-range'] === undefined || headers['if-range'] === tag;
    if (!Number.isNaN(from) && matches && from >= body.length) {
      response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
    } else if (!Number.isNaN(from) && matches) {
      const length = body.length - from;
      const range = `bytes ${from}-${body.length - 1}/${body.length}`;
      response.writeHead(206, { etag: tag, 'content-length': length, 'content-range': range }).end(body.subarray(from));
    } else {
      response.writeHead(200, { etag: tag, 'content-length': body.length }).end(body);
    }
  };
}

/** Sends the headers of the whole file, then only so many bytes, and cuts the connection. */
const cut =
  (bytes: number, headers: Record<string, string> = { etag: '"v1"' }): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-length': contents.length, ...headers });
    response.write(contents.subarray(0, bytes), () => setTimeout(() => response.destroy(), 30));
  };
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    void response.writeHead(code, headers).end('no');

const same = (bytes: Uint8Array): boolean => Buffer.compare(bytes, contents) === 0;

/** The two ways to download, which share everything below. */
const ways = [
  ['fetchBytes', (options: object = {}): Promise<Uint8Array> => fetchBytes(site, { ...quick, ...options })],
  [
    'downloadFile',
    async (options: object = {}): Promise<Uint8Array> =>
      readFile(await downloadFile(site, { to: target, ...quick, ...options })),
  ],
] as const;

describe.each(ways)('%s', (name, download) => {
  const where = `tensor-core.${name}:`;

  it('gives the bytes, with progress that ends at the total', async () => {
    const progress: DownloadProgress[] = [];
    expect(
      same(await download({ sha256: sha256.toUpperCase(), onProgress: (p: DownloadProgress) => progress.push(p) })),
    ).toBe(true);
    expect(progress[0]).toEqual({ received: 0, total: contents.length });
    expect(progress.at(-1)).toEqual({ received: contents.length, total: contents.length });
    expect(progress.every(({ received }, i) => i === 0 || received >= progress[i - 1]!.received)).toBe(true);
    expect(seen).toHaveLength(1);
    expect([seen[0]!.range, seen[0]!.headers['accept-encoding']]).toEqual([undefined, 'identity']);
  });

  it('goes on after a cut connection, from where it was', async () => {
    answers = [cut(100_000), good()];
    expect(same(await download())).toBe(true);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toMatchObject({ ifRange: '"v1"' });
    const from = Number(/^bytes=(\d+)-$/.exec(seen[1]!.range!)![1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(100_000);
  });

  it('goes on by the date where there is no ETag', async () => {
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
    answers = [cut(100_000, { 'last-modified': date }), good(date)];
    expect(same(await download())).toBe(true);
    expect(seen[1]!.ifRange).toBe(date);
  });

  it('begins again when the file has changed in between', async () => {
    answers = [cut(100_000, { etag: '"old"' }), good()];
    expect(same(await download())).toBe(true);
    expect(seen[1]!.ifRange).toBe('"old"');
  });

  it('begins again with a weak validator or none, and where the server knows no ranges', async () => {
    for (const headers of [{ etag: 'W/"v1"' }, {}] as Record<string, string>[]) {
      answers = [cut(100_000, headers), good()];
      seen = [];
      expect(same(await download({ to: path.join(folder, `of ${Object.keys(headers).length}`) }))).toBe(true);
      expect(seen.map(({ range }) => range)).toEqual([undefined, undefined]);
    }
    answers = [cut(100_000), (_, response) => void response.writeHead(200, { etag: '"v1"' }).end(contents)];
    expect(same(await download({ to: path.join(folder, 'no ranges') }))).toBe(true);
  });

  it('does not trust a range that it has not asked for', async () => {
    const wrong: Answer = (_, response) => {
      response.writeHead(206, { etag: '"v1"', 'content-range': `bytes 5-299999/300000` }).end(contents.subarray(5));
    };
    answers = [cut(100_000), wrong, good()];
    expect(same(await download())).toBe(true);
    expect(seen.map(({ range }) => range === undefined)).toEqual([true, false, true]);
  });

  it('repeats after 500, 503 with a time to wait and 429', async () => {
    answers = [status(500), status(503, { 'retry-after': '0' }), status(429), good()];
    expect(same(await download())).toBe(true);
    expect(seen).toHaveLength(4);
  });

  it('notices a body that ends early, also where fetch does not', async () => {
    const real = globalThis.fetch;
    let calls = 0;
    vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
      if (calls++ > 0) return real(address, init);
      const headers = { 'content-length': '300000', etag: '"v1"' };
      return Promise.resolve(new Response(contents.slice(0, 1000), { headers }));
    });
    expect(same(await download())).toBe(true);
    expect(seen.map(({ range }) => range)).toEqual(['bytes=1000-']);
  });

  it('gives up after so many failures, naming the last', async () => {
    answers = [status(500)];
    await expect(download({ retries: 2 })).rejects.toThrow(
      new Error(`${where} ${site} failed 3 times, at last: status 500`),
    );
    expect(seen).toHaveLength(3);
    await expect(download({ retries: 0 })).rejects.toThrow(`${site} failed once, at last: status 500`);
    answers = [cut(0)];
    await expect(download({ retries: 1 })).rejects.toThrow(/failed 2 times, at last: a cut connection \(/);
    // Without a validator it never comes further.
    answers = [cut(50_000, {})];
    seen = [];
    await expect(download({ retries: 2 })).rejects.toThrow(/failed \d times/);
    expect(seen.length).toBeLessThan(9);
  });

  it('does not count failures that bring it further', async () => {
    const piece: Answer = ({ headers }, response) => {
      const from = Number(/bytes=(\d+)-/.exec(headers.range ?? 'bytes=0-')![1]);
      const ranged = { 'content-range': `bytes ${from}-299999/300000`, 'content-length': contents.length - from };
      response.writeHead(from > 0 ? 206 : 200, { etag: '"v1"', ...ranged });
      if (contents.length - from <= 60_000) response.end(contents.subarray(from));
      else response.write(contents.subarray(from, from + 60_000), () => setTimeout(() => response.destroy(), 30));
    };
    answers = [piece];
    expect(same(await download({ retries: 1 }))).toBe(true);
    expect(seen.length).toBeGreaterThanOrEqual(5);
  });

  it('does not repeat what will not pass', async () => {
    answers = [status(404)];
    await expect(download()).rejects.toThrow(
      new Error(`${where} ${site} must be readable, got status 404. Is the address right?`),
    );
    answers = [status(403)];
    await expect(download()).rejects.toThrow('got status 403. It needs headers with an authorization.');
    expect(seen).toHaveLength(2);
  });

  it('refuses a file of another checksum', async () => {
    const wanted = '0'.repeat(64);
    await expect(download({ sha256: wanted })).rejects.toThrow(
      new FormatError(
        `${where} ${site} must have the SHA-256 ${wanted}, got ${sha256}. The file was changed or is corrupt.`,
      ),
    );
    expect(await readdir(folder)).toEqual([]);
    await expect(download({ sha256: 'abc' })).rejects.toThrow(
      new RangeError(`${where} sha256 must be 64 hexadecimal digits, got "abc".`),
    );
  });

  it('stops at maxBytes, told or not, which is itself allowed', async () => {
    const message = `${where} ${site} must have at most 299999 bytes, but has more. Raise maxBytes if you trust the source.`;
    await expect(download({ maxBytes: 299_999 })).rejects.toThrow(new FormatError(message));
    answers = [(_, response) => void response.writeHead(200).end(contents)];
    await expect(download({ maxBytes: 299_999 })).rejects.toThrow(new FormatError(message));
    expect(same(await download({ maxBytes: 300_000 }))).toBe(true);
  });

  it('unpacks what a server sends compressed in spite of all, and never continues it', async () => {
    const packed = gzipSync(contents);
    const compressed =
      (bytes: number): Answer =>
      (_, response) => {
        response.writeHead(200, { etag: '"v1"', 'content-encoding': 'gzip', 'content-length': packed.length });
        if (bytes === packed.length) response.end(packed);
        else response.write(packed.subarray(0, bytes), () => setTimeout(() => response.destroy(), 30));
      };
    answers = [compressed(packed.length >> 1), compressed(packed.length)];
    const totals = new Set<number | null>();
    expect(same(await download({ onProgress: ({ total }: DownloadProgress) => totals.add(total) }))).toBe(true);
    expect([[...totals], seen.map(({ range }) => range)]).toEqual([[null], [undefined, undefined]]);
  });

  it('sends headers', async () => {
    await download({ headers: { Authorization: 'Bearer k' } });
    expect(seen[0]!.headers.authorization).toBe('Bearer k');
  });

  it('stops with the reason of the signal: before, while it reads and while it waits', async () => {
    const reason = new Error('enough');
    await expect(download({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(seen).toHaveLength(0);
    for (const answer of [cut(1000), status(500)]) {
      answers = [answer];
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 60);
      await expect(download({ signal: controller.signal, retries: 1e6, retryDelayMs: 20 })).rejects.toBe(reason);
    }
  });

  it('refuses addresses and options that mean nothing', async () => {
    await expect(
      name === 'fetchBytes' ? fetchBytes('file:///etc/hosts') : downloadFile('file:///etc/hosts', { to: target }),
    ).rejects.toThrow(new TypeError(`${where} url must be an http(s) address, got "file:///etc/hosts".`));
    await expect(download({ retries: -1 })).rejects.toThrow(`${where} retries must be an integer >= 0, got -1.`);
    await expect(download({ retryDelayMs: NaN })).rejects.toThrow(`${where} retryDelayMs must be`);
    await expect(download({ maxBytes: 0.5 })).rejects.toThrow(`${where} maxBytes must be an integer >= 0, got 0.5.`);
  });
});

describe('downloadFile', () => {
  const files = async (): Promise<string[]> => (await readdir(folder)).sort();

  it('gives the absolute path and leaves nothing else; file URLs are paths', async () => {
    expect(await downloadFile(new URL(site), { to: pathToFileURL(target) })).toBe(target);
    expect(await files()).toEqual(['file.bin']);
    const relative = path.relative(process.cwd(), target);
    expect(await downloadFile(site, { to: relative })).toBe(target);
  });

  it('keeps files by address in a cache directory, which it makes', async () => {
    const cacheDir = path.join(folder, 'a', 'b');
    const first = await downloadFile(site, { cacheDir });
    expect(path.dirname(first)).toBe(cacheDir);
    expect(path.basename(first)).toMatch(/^[0-9a-f]{16}-galaxies\.h5$/);
    expect(await downloadFile(site, { cacheDir })).toBe(first);
    expect(seen).toHaveLength(1);
    expect(await downloadFile(`${site}&y=2`, { cacheDir })).not.toBe(first);
    expect(seen).toHaveLength(2);
  });

  it('takes what is there, but with a checksum only when that is right', async () => {
    await writeFile(target, 'other');
    await downloadFile(site, { to: target });
    expect([await readFile(target, 'utf8'), seen.length]).toEqual(['other', 0]);
    await downloadFile(site, { to: target, sha256 });
    expect([same(await readFile(target)), seen.length]).toEqual([true, 1]);
    await downloadFile(site, { to: target, sha256 });
    expect(seen).toHaveLength(1);
  });

  it('leaves the old file when the new one is not what it should be', async () => {
    await writeFile(target, 'other');
    await expect(downloadFile(site, { to: target, sha256: '0'.repeat(64) })).rejects.toThrow(FormatError);
    expect(await files()).toEqual(['file.bin']);
    expect(await readFile(target, 'utf8')).toBe('other');
  });

  it('goes on where an abort has left it, in another call', async () => {
    const controller = new AbortController();
    answers = [cut(200_000)];
    const onProgress = ({ received }: DownloadProgress): void => {
      if (received > 0) controller.abort(new Error('later'));
    };
    await expect(downloadFile(site, { to: target, signal: controller.signal, onProgress })).rejects.toThrow('later');
    expect(await files()).toEqual(['file.bin.part', 'file.bin.part.json']);
    const { size } = await stat(`${target}.part`);
    expect(size).toBeGreaterThan(0);

    answers = [good()];
    const received: number[] = [];
    await downloadFile(site, { to: target, sha256, onProgress: (p) => received.push(p.received) });
    expect(seen.at(-1)).toMatchObject({ range: `bytes=${size}-`, ifRange: '"v1"' });
    expect(received[0]).toBe(size);
    expect(await files()).toEqual(['file.bin']);
  });

  const left: [string, Uint8Array, string | null, string | undefined][] = [
    ['complete bytes', contents, null, 'bytes=300000-'],
    ['more than all bytes', new Uint8Array(300_001), null, 'bytes=300001-'],
    ['bytes of an older version', new Uint8Array(1000), '{"url":"SITE","tag":"\\"v0\\""}', 'bytes=1000-'],
    ['bytes of another address', new Uint8Array(1000), '{"url":"http://x/","tag":"\\"v1\\""}', undefined],
    ['a note that is no JSON', new Uint8Array(1000), '{', undefined],
    ['a note without a tag', new Uint8Array(1000), '{"url":"SITE","tag":null}', undefined],
  ];
  it.each(left)('makes the right file when it finds %s', async (_, part, note, range) => {
    await writeFile(`${target}.part`, part);
    await writeFile(`${target}.part.json`, (note ?? '{"url":"SITE","tag":"\\"v1\\""}').replace('SITE', site));
    await downloadFile(site, { to: target, sha256, ...quick });
    expect(seen[0]!.range).toBe(range);
    expect(same(await readFile(target))).toBe(true);
    expect(await files()).toEqual(['file.bin']);
  });

  it('makes the right file when it finds bytes or a note alone', async () => {
    await writeFile(`${target}.part`, new Uint8Array(1000));
    await downloadFile(site, { to: target, sha256 });
    await rm(target);
    await writeFile(`${target}.part.json`, `{"url":"${site}","tag":"\\"v1\\""}`);
    await downloadFile(site, { to: target, sha256 });
    expect(seen.map(({ range }) => range)).toEqual([undefined, undefined]);
    expect(await files()).toEqual(['file.bin']);
  });

  it('downloads once when many want it at once', async () => {
    answers = [(request, response) => void setTimeout(() => good()(request, response), 150)];
    const paths = await Promise.all(Array.from({ length: 5 }, () => downloadFile(site, { to: target })));
    expect(new Set(paths)).toEqual(new Set([target]));
    expect(seen).toHaveLength(1);
    expect(await files()).toEqual(['file.bin']);
  });

  it('waits for the process that holds the lock, as long as the signal lets it', async () => {
    const lock = `${target}.lock`;
    await writeFile(lock, JSON.stringify({ host: hostname(), pid: process.pid, id: 'x' }));
    const reason = new Error('enough');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 250);
    await expect(downloadFile(site, { to: target, signal: controller.signal })).rejects.toBe(reason);
    expect(await files()).toEqual(['file.bin.lock']);
    setTimeout(() => void rm(lock), 150);
    await downloadFile(site, { to: target });
    expect(await files()).toEqual(['file.bin']);
  });

  it('takes over from a process that has died, or that has not been heard of for long', async () => {
    const lock = `${target}.lock`;
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    await writeFile(lock, JSON.stringify({ host: hostname(), pid, id: 'x' }));
    await downloadFile(site, { to: target });
    await rm(target);
    await writeFile(lock, JSON.stringify({ host: 'elsewhere', pid: 1, id: 'x' }));
    const long = new Date(Date.now() - 61_000);
    await utimes(lock, long, long);
    await downloadFile(site, { to: target });
    expect(await files()).toEqual(['file.bin']);
  });

  it('names the file that cannot be written', async () => {
    const missing = path.join(folder, 'missing', 'file.bin');
    await expect(downloadFile(site, { to: missing })).rejects.toThrow(
      `tensor-core.downloadFile: ${missing}.lock could not be written. ENOENT`,
    );
    await expect(downloadFile(site, { to: folder })).rejects.toThrow(
      `tensor-core.downloadFile: ${folder} could not be written. It is a directory: name a file.`,
    );
    expect(seen).toHaveLength(0);
  });

  it('wants either a file or a directory', async () => {
    const message = 'tensor-core.downloadFile: options must have either to or cacheDir, got an object.';
    await expect(downloadFile(site, {})).rejects.toThrow(new TypeError(message));
    await expect(downloadFile(site, { to: target, cacheDir: folder })).rejects.toThrow(TypeError);
  });
});
