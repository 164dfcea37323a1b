import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../src/check';
import { toTensor } from '../src/io';
import { openParquet, type ParquetColumn, type ParquetNumbers } from '../src/parquet';
import { openParquetFile } from '../src/parquet/node';
import { numbers } from './values';

type WriteOptions = Omit<Parameters<typeof parquetWriteBuffer>[0], 'columnData'>;

const write = (columnData: ColumnSource[], options: WriteOptions = {}): Uint8Array =>
  new Uint8Array(parquetWriteBuffer({ columnData, ...options }));

const rows = 23;
const float32 = Float32Array.from(numbers(rows, 1));
const ids = BigInt64Array.from({ length: rows }, (_, i) => 2n ** 62n + BigInt(i));
const words = Array.from({ length: rows }, (_, i) => (i % 5 === 0 ? 'größe' : `row ${i}`));

/** The schema of nested lists of required numbers, as Arrow writes HuggingFace's Array2D and Array3D. */
function listSchema(name: string, depth: number, type: 'FLOAT' | 'INT64'): NonNullable<WriteOptions['schema']> {
  if (depth === 0) return [{ name, type, repetition_type: 'OPTIONAL' }];
  return [
    { name, converted_type: 'LIST', repetition_type: 'OPTIONAL', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    ...listSchema('element', depth - 1, type),
  ];
}

const shape = [4, 3, 2];
const image = (row: number): number[][][] =>
  Array.from({ length: 4 }, (_, y) =>
    Array.from({ length: 3 }, (_, x) => Array.from({ length: 2 }, (_, c) => row + y / 8 + x / 64 + c / 512)),
  );

/** Galaxies as in HuggingFace's files: images, spectra and targets, over several row groups and pages. */
const galaxies = write(
  [
    { name: 'image', data: Array.from({ length: rows }, (_, i) => image(i)) },
    { name: 'spectrum', data: Array.from({ length: rows }, (_, i) => [[i], [i + 0.5], [i + 0.25]]) },
    { name: 'redshift', data: float32 },
    { name: 'targetid', data: ids },
    { name: 'name', data: words },
  ],
  {
    schema: [
      { name: 'root', num_children: 5 },
      ...listSchema('image', 3, 'FLOAT'),
      ...listSchema('spectrum', 2, 'FLOAT'),
      { name: 'redshift', type: 'FLOAT', repetition_type: 'OPTIONAL' },
      { name: 'targetid', type: 'INT64', repetition_type: 'OPTIONAL' },
      { name: 'name', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    ],
    rowGroupSize: [5, 9],
    pageSize: 64,
    kvMetadata: [{ key: 'huggingface', value: '{"info":{}}' }, { key: '__proto__' }],
  },
);

/** A small file for what can be broken at every byte. */
const small = write(
  [
    { name: 'id', data: Int32Array.of(3, -1, 7), nullable: false },
    { name: 'value', data: Float64Array.of(0.5, -0.25, 8) },
    { name: 'word', data: ['a', 'b', 'ccc'] },
  ],
  { codec: 'UNCOMPRESSED', statistics: false },
);

/** A column of few words and nulls, whose indices and levels are runs; stored as it is. */
const dictionary = write(
  [{ name: 'x', data: Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? null : `word ${(i * i) % 3}`)) }],
  { codec: 'UNCOMPRESSED' },
);

let folder: string;
let server: Server;
let site: string;
/** What the server does, set by each test. */
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let ranges: (string | undefined)[] = [];
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = await mkdtemp(path.join(tmpdir(), 'tensor-core-parquet-'));
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.parquet`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

/** Answers range requests for `bytes`. */
function serving(bytes: Uint8Array, headers: Record<string, string> = {}) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '')!;
    const part = bytes.subarray(Number(from), Number(to) + 1);
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${bytes.length}`, ...headers });
    response.end(part);
  };
}

describe('ParquetFile', () => {
  it('tells columns, rows, row groups and metadata without reading them', async () => {
    const file = await openParquet(galaxies);
    expect(file.columns).toEqual([
      { name: 'image', type: 'LIST<LIST<LIST<F32>>>', nullable: true },
      { name: 'spectrum', type: 'LIST<LIST<F32>>', nullable: true },
      { name: 'redshift', type: 'F32', nullable: true },
      { name: 'targetid', type: 'I64', nullable: true },
      { name: 'name', type: 'STRING', nullable: true },
    ]);
    expect(file.numRows).toBe(rows);
    expect(file.rowGroups.map((group) => [group.start, group.rows])).toEqual([
      [0, 5],
      [5, 9],
      [14, 9],
    ]);
    expect(file.rowGroups.every((group) => group.bytes > 0)).toBe(true);
    expect(file.metadata['huggingface']).toBe('{"info":{}}');
    expect(Object.keys(file.metadata)).toEqual(['huggingface', '__proto__']);
    expect(Object.getPrototypeOf(file.metadata)).toBeNull();
  });
});

describe('ParquetFile.read', () => {
  it('gives typed arrays, lists of fixed length as one array with its shape, and strings', async () => {
    const { image: images, spectrum, redshift, targetid, name } = await (await openParquet(galaxies)).read();
    const pixels = Array.from({ length: rows }, (_, i) => image(i)).flat(3);
    expect(images).toEqual({ dtype: 'F32', shape: [rows, ...shape], data: Float32Array.from(pixels) });
    expect(spectrum!.shape).toEqual([rows, 3, 1]);
    expect([...spectrum!.data.slice(0, 6)]).toEqual([0, 0.5, 0.25, 1, 1.5, 1.25]);
    expect(redshift).toEqual({ dtype: 'F32', shape: [rows], data: float32 });
    expect(targetid).toEqual({ dtype: 'I64', shape: [rows], data: ids });
    expect(name).toEqual({ dtype: 'STRING', shape: [rows], data: words });
    const tensor = toTensor(images as ParquetNumbers);
    expect(tensor.shape).toEqual([rows, ...shape]);
    tensor.dispose();
  });

  it('gives any rows of any columns, as a slice of everything', async () => {
    const file = await openParquet(galaxies);
    const all = await file.read();
    const names = Object.keys(all);
    await fc.assert(
      fc.asyncProperty(fc.nat(rows), fc.nat(rows), fc.subarray(names), async (a, b, columns) => {
        const [rowStart, rowEnd] = [Math.min(a, b), Math.max(a, b)];
        const part = await file.read({ columns, rowStart, rowEnd });
        expect(Object.keys(part)).toEqual(columns);
        for (const name of columns) {
          const { shape, data } = all[name]!;
          const size = data.length / rows;
          expect(part[name]!.data).toEqual(data.slice(rowStart * size, rowEnd * size));
          if (rowEnd > rowStart) expect(part[name]!.shape).toEqual([rowEnd - rowStart, ...shape.slice(1)]);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  const flat: [string, Partial<ColumnSource>, ParquetColumn['dtype'], ArrayLike<unknown>][] = [
    ['BOOLEAN', { data: [true, false] }, 'BOOL', Uint8Array.of(1, 0)],
    ['INT32', { data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) }, 'I32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
    ['INT64', { data: BigInt64Array.of(-(2n ** 63n), 5n) }, 'I64', BigInt64Array.of(-(2n ** 63n), 5n)],
    ['FLOAT', { data: [1.5, NaN] }, 'F32', Float32Array.of(1.5, NaN)],
    ['DOUBLE', { data: [0.1, -Infinity] }, 'F64', Float64Array.of(0.1, -Infinity)],
    ['FLOAT16', { data: [0.5, -2] }, 'F16', Float32Array.of(0.5, -2)],
    ['STRING', { data: ['', 'é'] }, 'STRING', ['', 'é']],
    ['BYTE_ARRAY', { data: [Uint8Array.of(255), Uint8Array.of()] }, 'OBJECT', [Uint8Array.of(255), Uint8Array.of()]],
    ['TIMESTAMP', { data: [new Date(5), new Date(7)] }, 'OBJECT', [new Date(5), new Date(7)]],
    ['JSON', { data: [{ a: 1 }, [2]] }, 'OBJECT', [{ a: 1 }, [2]]],
  ];
  it.each(flat)('reads %s, with and without a null', async (type, source, dtype, data) => {
    for (const nullable of [false, true]) {
      const column = { name: 'x', type, nullable, ...source } as ColumnSource;
      const { x } = await (await openParquet(write([column]))).read();
      expect(x).toEqual({ dtype, shape: [2], data });
      expect(x!.data.constructor).toBe(data.constructor);
    }
    const withNull = { name: 'x', type, data: [...Array.from<unknown>(source.data!), null] } as ColumnSource;
    const { x } = await (await openParquet(write([withNull]))).read();
    expect(x!.dtype).toBe('OBJECT');
    expect(x!.data).toHaveLength(3);
    expect(x!.data[2]).toBeNull();
    expect(Array.from(x!.data.slice(0, 2), String)).toEqual(Array.from(dtype === 'BOOL' ? source.data! : data, String));
  });

  const integers: [string, object, number[] | bigint[], ArrayLike<number | bigint>][] = [
    ['INT32', { converted_type: 'INT_8' }, [-128, 127], Int8Array.of(-128, 127)],
    ['INT32', { converted_type: 'UINT_8' }, [0, 255], Uint8Array.of(0, 255)],
    ['INT32', { converted_type: 'INT_16' }, [-32768, 5], Int16Array.of(-32768, 5)],
    ['INT32', { converted_type: 'UINT_16' }, [65535, 5], Uint16Array.of(65535, 5)],
    ['INT32', { converted_type: 'UINT_32' }, [2 ** 32 - 1, 5], Uint32Array.of(2 ** 32 - 1, 5)],
    ['INT64', { converted_type: 'UINT_64' }, [2n ** 64n - 1n, 5n], BigUint64Array.of(2n ** 64n - 1n, 5n)],
    [
      'INT32',
      { logical_type: { type: 'INTEGER', bitWidth: 16, isSigned: false } },
      [65535, 5],
      Uint16Array.of(65535, 5),
    ],
  ];
  it.each(integers)('reads %s with %j as its own array', async (type, annotation, stored, data) => {
    const schema = [
      { name: 'root', num_children: 1 },
      { name: 'x', type, repetition_type: 'REQUIRED', ...annotation },
    ];
    const file = write([{ name: 'x', data: stored as number[] }], {
      schema: schema as NonNullable<WriteOptions['schema']>,
    });
    const { x } = await (await openParquet(file)).read();
    expect(x!.data).toEqual(data);
    expect(x!.dtype).toBe((await openParquet(file)).columns[0]!.type);
  });

  it('keeps lists of unequal lengths, nulls in lists and structs as values', async () => {
    const lists = [[1, 2], [3], [], null, [4, null]];
    const schema = [{ name: 'root', num_children: 1 }, ...listSchema('x', 1, 'FLOAT')];
    const bytes = write([{ name: 'x', data: lists }], { schema });
    const { x } = await (await openParquet(bytes)).read();
    expect(x).toEqual({ dtype: 'OBJECT', shape: [5], data: lists });
    const ragged = await (await openParquet(bytes)).read({ rowStart: 0, rowEnd: 1 });
    expect(ragged['x']).toEqual({ dtype: 'F32', shape: [1, 2], data: Float32Array.of(1, 2) });

    const unequal = write([{ name: 'x', data: [[1, 2], [3], [4, 5, 6]] }], { schema });
    expect((await (await openParquet(unequal)).read())['x']!.data).toEqual([[1, 2], [3], [4, 5, 6]]);

    const structs = [
      { bytes: Uint8Array.of(1, 2), path: 'a.png' },
      { bytes: Uint8Array.of(3), path: null },
    ];
    const file = await openParquet(
      write([{ name: 'image', data: structs }], {
        schema: [
          { name: 'root', num_children: 1 },
          { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
          { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
          { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        ],
      }),
    );
    expect(file.columns[0]!.type).toBe('STRUCT<bytes: BYTES, path: STRING>');
    expect((await file.read())['image']).toEqual({ dtype: 'OBJECT', shape: [2], data: structs });
  });

  it('keeps integers of lists exact', async () => {
    const schema = [{ name: 'root', num_children: 1 }, ...listSchema('x', 1, 'INT64')];
    const bytes = write([{ name: 'x', data: [[2n ** 60n + 1n], [-5n]] }], { schema });
    expect((await (await openParquet(bytes)).read())['x']).toEqual({
      dtype: 'I64',
      shape: [2, 1],
      data: BigInt64Array.of(2n ** 60n + 1n, -5n),
    });
  });

  it('reads dictionaries, every codec at hand and files without rows', async () => {
    const repeated = Array.from({ length: 200 }, (_, i) => words[i % 3]!);
    const compressors = { GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) };
    for (const codec of ['UNCOMPRESSED', 'SNAPPY', 'GZIP'] as const) {
      const bytes = write(
        [
          { name: 'x', data: repeated },
          { name: 'y', data: float32.slice(0, 0) },
        ].slice(0, 1),
        {
          codec,
          compressors,
        },
      );
      expect((await (await openParquet(bytes)).read())['x']!.data).toEqual(repeated);
    }
    const empty = await openParquet(write([{ name: 'x', type: 'FLOAT', data: [] }]));
    expect([empty.numRows, await empty.read()]).toEqual([
      0,
      { x: { dtype: 'F32', shape: [0], data: new Float32Array(0) } },
    ]);
  });

  it('names columns and rows that are not there', async () => {
    const file = await openParquet(small);
    const where = 'tensor-core.ParquetFile.read:';
    await expect(file.read({ columns: ['ids'] })).rejects.toThrow(
      new RangeError(`${where} columns must be among id, value, word, got "ids".`),
    );
    await expect(file.read({ rowStart: 4 })).rejects.toThrow(
      new RangeError(`${where} rowStart must be an integer >= 0 and <= 3, got 4.`),
    );
    await expect(file.read({ rowStart: 2, rowEnd: 1 })).rejects.toThrow(
      new RangeError(`${where} rowEnd must be an integer >= 2 and <= 3, got 1.`),
    );
  });
});

describe('ParquetFile.rows', () => {
  it.each([1, 2, 4, 5, 9, 10, 23, 100])('gives batches of %i that are together the columns', async (batch) => {
    const file = await openParquet(galaxies);
    for (const [rowStart, rowEnd] of [
      [0, rows],
      [3, 21],
      [7, 7],
    ] as const) {
      const whole = await file.read({ columns: ['image', 'name'], rowStart, rowEnd });
      const parts: Record<string, ParquetColumn>[] = [];
      for await (const part of file.rows({ columns: ['image', 'name'], batch, rowStart, rowEnd })) parts.push(part);
      expect(parts.map((part) => part['image']!.shape[0])).toEqual(
        Array.from({ length: Math.ceil((rowEnd - rowStart) / batch) }, (_, i) =>
          Math.min(batch, rowEnd - rowStart - i * batch),
        ),
      );
      expect(parts.flatMap((part) => [...(part['image']!.data as Float32Array)])).toEqual([
        ...(whole.image.data as Float32Array),
      ]);
      expect(parts.flatMap((part) => part['name']!.data)).toEqual(whole.name.data);
    }
  });

  it('fetches what lies together once', async () => {
    answer = serving(galaxies);
    const file = await openParquet(site);
    ranges = [];
    let batches = 0;
    for await (const { image } of file.rows({ columns: ['image'], batch: 1 })) batches += image.shape[0];
    expect(batches).toBe(rows);
    const fetched = ranges.reduce((sum, range) => {
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(range!)!;
      return sum + Number(to) - Number(from) + 1;
    }, 0);
    expect(fetched).toBeLessThan(galaxies.length);
  });

  it('decodes large row groups in blocks', async () => {
    // 18.4 MB, more than a block.
    const count = 2_300_000;
    const data = Float64Array.from({ length: count }, (_, i) => i);
    const file = await openParquet(
      write([{ name: 'x', data, nullable: false }], { codec: 'UNCOMPRESSED', rowGroupSize: count }),
    );
    expect(file.rowGroups).toHaveLength(1);
    let at = 0;
    for await (const { x } of file.rows({ columns: ['x'], batch: 700_000, rowStart: 5 })) {
      expect([x.data[0], x.data.at(-1)]).toEqual([5 + at, 5 + at + x.data.length - 1]);
      at += x.data.length;
    }
    expect(at).toBe(count - 5);
  });

  it('checks its arguments when it is called', async () => {
    const file = await openParquet(small);
    expect(() => file.rows({ batch: 0 })).toThrow(
      'tensor-core.ParquetFile.rows: batch must be an integer >= 1, got 0.',
    );
    expect(() => file.rows({ columns: ['x'] })).toThrow(RangeError);
    expect(() => file.rows({ rowEnd: 9 })).toThrow(RangeError);
  });
});

describe('openParquet', () => {
  it('opens ArrayBuffers, Blobs and views into larger buffers', async () => {
    const padded = new Uint8Array(small.length + 7);
    padded.set(small, 3);
    const sources = [small.slice().buffer, new Blob([small.slice()]), padded.subarray(3, 3 + small.length)];
    for (const source of sources) {
      const { id } = await (await openParquet(source)).read();
      expect(id!.data).toEqual(Int32Array.of(3, -1, 7));
    }
  });

  it('does not change when its copies or later the bytes are changed', async () => {
    const file = await openParquet(small);
    const { value } = await file.read();
    (value!.data as Float64Array).fill(0);
    expect((await file.read())['value']!.data).toEqual(Float64Array.of(0.5, -0.25, 8));
  });

  it('reads only parts of an address', async () => {
    answer = serving(galaxies, { etag: '"1"' });
    ranges = [];
    const file = await openParquet(new URL(site));
    const before = ranges.length;
    const { redshift } = await file.read({ columns: ['redshift'], rowStart: 15 });
    expect(redshift.data).toEqual(float32.slice(15));
    expect(ranges.length - before).toBeLessThanOrEqual(2);
    expect(ranges).not.toContain(undefined);
  });

  it('sends headers, and takes the length from Content-Length where Content-Range is hidden', async () => {
    const seen: unknown[] = [];
    answer = (request, response) => {
      seen.push(request.headers['x-key']);
      if (request.method === 'HEAD') response.writeHead(200, { 'content-length': small.length }).end();
      else {
        const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range!)!;
        response.writeHead(206).end(small.subarray(Number(from), Number(to) + 1));
      }
    };
    const file = await openParquet(site, { headers: { 'x-key': 'k' } });
    expect(file.numRows).toBe(3);
    expect(new Set(seen)).toEqual(new Set(['k']));
  });

  it('takes the whole file once from a server that knows no ranges', async () => {
    ranges = [];
    answer = (_, response) => void response.writeHead(200).end(small);
    expect((await (await openParquet(site)).read())['word']!.data).toEqual(['a', 'b', 'ccc']);
    expect(ranges).toHaveLength(1);
  });

  it('tells what a server does wrong', async () => {
    answer = (_, response) => void response.writeHead(404).end();
    await expect(openParquet(site)).rejects.toThrow(
      new Error(
        `tensor-core.openParquet: ${site} must be readable, got status 404. Is the address right? Some need headers.`,
      ),
    );
    answer = serving(small, { etag: '"1"' });
    const changed = await openParquet(site);
    answer = serving(small, { etag: '"2"' });
    await expect(changed.read()).rejects.toThrow(
      'must stay the same while it is read, got another ETag. Open it again.',
    );
    await expect(changed.read()).rejects.not.toBeInstanceOf(FormatError);
    answer = serving(small);
    const short = await openParquet(site);
    answer = (_, response) => void response.writeHead(206).end('abc');
    await expect(short.read({ columns: ['id'] })).rejects.toThrow(
      /must give the \d+ bytes from \d+ on, got 3 with status 206/,
    );
    answer = (request, response) => void response.writeHead(request.method === 'HEAD' ? 405 : 206).end();
    await expect(openParquet(site)).rejects.toThrow(
      'must tell its length, got neither Content-Range nor Content-Length.',
    );
    await expect(openParquet('http://127.0.0.1:1/x')).rejects.toThrow(
      'tensor-core.openParquet: http://127.0.0.1:1/x could not be reached.',
    );
  });

  it('tells how to install what is missing', async () => {
    const missing = (): Promise<never> => Promise.reject(new Error('Cannot find package'));
    await expect(openParquet(small, { load: { hyparquet: missing } })).rejects.toThrow(
      'tensor-core.openParquet: hyparquet must be installed, and cannot be imported. npm i hyparquet',
    );
    const compressors = { GZIP: (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes)) };
    const packed = write([{ name: 'x', data: [1, 2] }], { codec: 'GZIP', compressors });
    const file = await openParquet(packed, { load: { compressors: missing } });
    await expect(file.read()).rejects.toThrow(
      'tensor-core.ParquetFile.read: hyparquet-compressors must be installed, and cannot be imported. npm i hyparquet-compressors',
    );
    const unneeded = await openParquet(small, { load: { compressors: missing } });
    expect((await unneeded.read())['id']!.dtype).toBe('I32');
  });

  it('refuses a source of another type', async () => {
    await expect(openParquet('x.parquet')).rejects.toThrow(
      new TypeError(
        'tensor-core.openParquet: source must be bytes, a Blob or an http(s) address, got "x.parquet". On Node, use openParquetFile for a path.',
      ),
    );
  });
});

describe('openParquetFile', () => {
  it('opens paths and file URLs', async () => {
    const target = path.join(folder, 'galaxies.parquet');
    await writeFile(target, galaxies);
    for (const place of [target, pathToFileURL(target)]) {
      const file = await openParquetFile(place);
      expect((await file.read({ columns: ['targetid'], rowStart: 20 })).targetid.data).toEqual(ids.slice(20));
    }
  });

  it('names what cannot be read, is no Parquet or has become shorter', async () => {
    const target = path.join(folder, 'broken.parquet');
    await expect(openParquetFile(target)).rejects.toThrow(
      `tensor-core.openParquetFile: ${target} could not be read. There is no such file: check the path.`,
    );
    await expect(openParquetFile(folder)).rejects.toThrow('It is a directory: name a file.');
    await writeFile(target, small.subarray(0, 100));
    await expect(openParquetFile(target)).rejects.toThrow(
      `${target}: tensor-core.openParquetFile: the file must be whole Parquet, but `,
    );
    await expect(openParquetFile(target)).rejects.toBeInstanceOf(FormatError);
    await writeFile(target, small);
    const file = await openParquetFile(target);
    await truncate(target, 10);
    await expect(file.read()).rejects.toThrow(`${target} could not be read. It became shorter while it was read.`);
  });
});

describe('damaged files', () => {
  /** Everything in a file. */
  const readAll = async (bytes: Uint8Array): Promise<Record<string, ParquetColumn>> =>
    (await openParquet(bytes)).read();

  it('are refused when truncated at any byte', async () => {
    for (let length = 0; length < small.length; length++) {
      await expect(openParquet(small.subarray(0, length))).rejects.toBeInstanceOf(FormatError);
    }
    await expect(openParquet(new Uint8Array(3))).rejects.toThrow(
      'tensor-core.openParquet: the file must be whole Parquet, but it has 3 bytes.',
    );
    await expect(openParquet(small.subarray(1))).rejects.toThrow(/but it begins with "AR1.*" instead of "PAR1"\.$/);
  });

  it('are refused, or read as something of the right shape, whatever byte of the footer is changed', async () => {
    const footerLength = new DataView(small.buffer).getUint32(small.length - 8, true);
    const begin = small.length - 8 - footerLength;
    let refused = 0;
    for (let at = begin; at < small.length; at++) {
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const damaged = small.slice();
        damaged[at]! ^= flip;
        const outcome = await readAll(damaged).catch((error: unknown) => error);
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(FormatError);
          refused++;
        } else {
          expect(Object.values(outcome as Record<string, ParquetColumn>).every(({ shape }) => shape[0] === 3)).toBe(
            true,
          );
        }
      }
    }
    expect(refused).toBeGreaterThan((9 * footerLength) / 2);
  });

  it('are refused when a run is longer than its page, which the decoder would believe', async () => {
    const column = { name: 'x', data: Array.from({ length: 300 }, (_, i) => `word ${i % 3}`), nullable: false };
    /** Puts a run of a thousand in the place of the indices, before the page is compressed. */
    const pack = (lie: boolean) => (bytes: Uint8Array) => {
      const indices = bytes[0] === 2 && bytes.length > 20 && bytes.length < 100;
      const lying = Uint8Array.from(bytes, (_, i) => [2, 0xd0, 0x0f, 1][i] ?? 0);
      lies += Number(lie && indices);
      return new Uint8Array(gzipSync(lie && indices ? lying : bytes));
    };
    let lies = 0;
    const packed = (lie: boolean): Uint8Array => write([column], { codec: 'GZIP', compressors: { GZIP: pack(lie) } });
    expect((await readAll(packed(false)))['x']!.data).toEqual(column.data);
    await expect(readAll(packed(true))).rejects.toThrow(
      new FormatError(
        'tensor-core.ParquetFile.read: column x is truncated or corrupt, but a run has 1000 values where 300 are left.',
      ),
    );
    expect(lies).toBe(1);
  });

  it('give a FormatError or columns of the right length when any bytes are changed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(small, galaxies, dictionary),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        async (whole, flips) => {
          const damaged = whole.slice();
          for (const [at, flip] of flips) damaged[at % whole.length]! ^= flip;
          try {
            const file = await openParquet(damaged);
            const columns = await file.read();
            expect(Object.values(columns).every(({ shape }) => shape[0] === file.numRows)).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(FormatError);
          }
        },
      ),
      { seed: 3, numRuns: 400 },
    );
  });
});
