import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { check, io } from '@tfsci/tensor-core';
import { openParquet } from '@tfsci/tensor-core/parquet';
import fc from 'fast-check';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  extractKeys,
  NumberTokenizer,
  parquetRecords,
  readCsv,
  readJsonLines,
  readNpzRecords,
  recordToText,
  type DataRecord,
} from '../src';
import { readRecords, type ReadRecordsOptions } from '../src/node';

const { FormatError } = check;

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'xval-readers-'))));
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('readJsonLines', () => {
  it('reads an object a line, past empty lines, a byte order mark and both ends of lines', () => {
    expect(readJsonLines('\uFEFF{"m":1.5}\r\n\n{"m":[2,{"a":null}]}\n')).toEqual([{ m: 1.5 }, { m: [2, { a: null }] }]);
    expect(readJsonLines('')).toEqual([]);
  });

  it('names the line that is malformed', () => {
    expect(() => readJsonLines('{"m":1}\n\n{"m":}')).toThrow(
      /xval.readJsonLines: line 3 must be JSON, got "\{\\"m\\":\}"/,
    );
    expect(() => readJsonLines('{"m":1}\n[1]')).toThrow(/line 2 must be an object/);
    expect(() => readJsonLines('{"m":1}\n[1]')).toThrow(FormatError);
    expect(() => readJsonLines(3 as never)).toThrow(TypeError);
  });
});

describe('readCsv', () => {
  it('reads numbers, texts, missing cells and quotes over several lines', () => {
    const text = 'name,a,b\n"x, ""y""\nz",-1.5e3,\n\nplain, .5 ,NaN\r\nminus,\u22122.,1,000\n'.replace(
      '1,000',
      '"1,000"',
    );
    expect(readCsv(text)).toEqual([
      { name: 'x, "y"\nz', a: -1500, b: null },
      { name: 'plain', a: 0.5, b: null },
      { name: 'minus', a: -2, b: '1,000' },
    ]);
  });

  it('takes other delimiters, names and words for what is missing', () => {
    expect(readCsv('1;?\n2;x', { delimiter: ';', columns: ['a', 'b'], missing: ['?'] })).toEqual([
      { a: 1, b: null },
      { a: 2, b: 'x' },
    ]);
  });

  it('gives back what was written', () => {
    const cell = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (x === 0 ? 0 : x)),
      fc.string().map((text) => `t${text.replace(/\r/g, '')}t`),
      fc.constant(null),
    );
    const write = (value: string | number | null): string =>
      typeof value === 'string' ? `"${value.replace(/"/g, '""')}"` : String(value ?? '');
    fc.assert(
      fc.property(fc.array(fc.record({ a: cell, b: cell }), { maxLength: 5 }), (records) => {
        const text = ['a,b', ...records.map(({ a, b }) => `${write(a)},${write(b)}`)].join('\n');
        expect(readCsv(text)).toEqual(records);
      }),
    );
  });

  it('names the line that is malformed', () => {
    expect(() => readCsv('a,b\n1,2\n3')).toThrow(/line 3 must have 2 cells, got 1/);
    expect(() => readCsv('a,b\n"1\n\n",2\n3')).toThrow(/line 5 must have 2 cells/);
    expect(() => readCsv('a,b\n1,"2\n3,4')).toThrow(/the quote in line 2 must be closed/);
    expect(() => readCsv('a,a\n1,2')).toThrow(/line 1, the names of the columns, must be different names/);
    expect(() => readCsv('a,b\n1,2\n3')).toThrow(FormatError);
    expect(() => readCsv('a', { delimiter: '""' })).toThrow(RangeError);
    expect(() => readCsv('a', { columns: [] })).toThrow(FormatError);
  });

  it('reads a quote that is never closed in linear time', () => {
    const lines = 200_000;
    expect(() => readCsv(`a\n"${'x\n'.repeat(lines)}`)).toThrow(/line 2 must be closed/);
  });
});

const m = { dtype: 'F64', shape: [2], data: Float64Array.of(1.5, 2) } as const;
const x = { dtype: 'F32', shape: [2, 2, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8) } as const;
const entry = <T extends { shape: readonly number[] }>(value: T): T & { shape: number[] } => ({
  ...value,
  shape: [...value.shape],
});
const rows = [
  { m: 1.5, x: [[1, 2], [3, 4]] }, // prettier-ignore
  { m: 2, x: [[5, 6], [7, 8]] }, // prettier-ignore
];

describe('readNpzRecords', () => {
  it('reads an entry of each array as a record', () => {
    const bytes = io.writeNpz({ m: entry(m), x: entry(x) });
    expect(readNpzRecords(bytes)).toEqual(rows);
    expect(readNpzRecords(bytes, { names: ['m'] })).toEqual([{ m: 1.5 }, { m: 2 }]);
  });

  it('names the array that does not fit', () => {
    const write = (more: Parameters<typeof io.writeNpz>[0]): Uint8Array => io.writeNpz({ m: entry(m), ...more });
    const longer = { dtype: 'F64', shape: [3], data: new Float64Array(3) } as const;
    expect(() => readNpzRecords(write({ x: entry(longer) }))).toThrow(/array x must be real numbers of first size 2/);
    const complex = { dtype: 'C64', shape: [2], data: new Float32Array(4) } as const;
    expect(() => readNpzRecords(write({ z: entry(complex) }))).toThrow(/array z .* got "C64 \[2\]"/);
    const scalar = { dtype: 'F64', shape: [], data: new Float64Array(1) } as const;
    expect(() => readNpzRecords(io.writeNpz({ s: entry(scalar) }))).toThrow(FormatError);
    expect(() => readNpzRecords(new Uint8Array(4))).toThrow(FormatError);
  });
});

/** A Parquet file of numbers, lists and texts. */
function parquetOf(count: number): Uint8Array {
  const ids = Array.from({ length: count }, (_, i) => i);
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'm', data: Float64Array.from(ids, (i) => i / 2) },
        { name: 'name', data: ids.map((i) => `row ${i}`) },
        { name: 'maybe', data: ids.map((i) => (i % 2 === 0 ? null : i)), type: 'DOUBLE' },
      ],
    }),
  );
}

describe('parquetRecords', () => {
  it('reads rows over batches, all columns or some', async () => {
    const file = await openParquet(parquetOf(600));
    const records = await all(parquetRecords(file));
    expect(records).toHaveLength(600);
    expect(records.slice(299, 301)).toEqual([
      { m: 149.5, name: 'row 299', maybe: 299 },
      { m: 150, name: 'row 300', maybe: null },
    ]);
    expect((await all(parquetRecords(file, { columns: ['m'] })))[3]).toEqual({ m: 1.5 });
    await expect(all(parquetRecords(file, { columns: ['q'] }))).rejects.toThrow(RangeError);
  });
});

describe('readRecords', () => {
  const read = (file: string | URL, options?: ReadRecordsOptions): Promise<DataRecord[]> =>
    all(readRecords(file, options));

  it('reads each kind of file, packed and by URL', async () => {
    const lines = '{"m":1.5}\n{"m":2}';
    const two = [{ m: 1.5 }, { m: 2 }];
    expect(await read(await fileOf('a.jsonl', lines))).toEqual(two);
    expect(await read(pathToFileURL(await fileOf('a.NDJSON.gz', gzipSync(lines))))).toEqual(two);
    expect(await read(await fileOf('a.csv', '\uFEFFm\r\n1.5\r\n2\r\n'))).toEqual(two);
    expect(await read(await fileOf('a.tsv.gz', gzipSync('m\tn\n1.5\t"1\n2"')))).toEqual([{ m: 1.5, n: '1\n2' }]);
    expect(await read(await fileOf('a.data', lines), { format: 'jsonl' })).toEqual(two);
    expect(await read(await fileOf('a.npz', io.writeNpz({ m: entry(m), x: entry(x) })))).toEqual(rows);
    expect(await read(await fileOf('a.parquet', parquetOf(2)), { columns: ['m'] })).toEqual([{ m: 0 }, { m: 0.5 }]);
  });

  it('reads lines over the borders of chunks as the text does at once', async () => {
    const records = Array.from({ length: 20_000 }, (_, i) => ({ name: `größe ${i}`, value: i / 7 }));
    const text = records.map((record) => JSON.stringify(record)).join('\n');
    expect(await read(await fileOf('long.jsonl', text))).toEqual(records);
    const table = `name,value\n${records.map(({ name, value }) => `"${name}\n",${value}`).join('\n')}`;
    expect(await read(await fileOf('long.csv', table))).toEqual(readCsv(table));
  });

  it('names file and line of what is malformed', async () => {
    const lines = await fileOf('bad.jsonl', '{"m":1}\n{"m"');
    await expect(read(lines)).rejects.toThrow(`${lines}: xval.readRecords: line 2 must be JSON`);
    const table = await fileOf('bad.csv', 'a,b\n1');
    await expect(read(table)).rejects.toThrow(`${table}: xval.readRecords: line 2 must have 2 cells`);
    await expect(read(await fileOf('bad.npz', 'PK'))).rejects.toThrow(/bad\.npz/);
    await expect(read(await fileOf('bad.parquet', 'PAR0'))).rejects.toThrow(/bad\.parquet/);
    await expect(read(await fileOf('cut.jsonl.gz', gzipSync('{"m":1}\n').subarray(0, 20)))).rejects.toThrow(
      /cut\.jsonl/,
    );
    await expect(read(path.join(folder, 'none.csv'))).rejects.toThrow(/none\.csv/);
    await expect(read(path.join(folder, 'none.csv.gz'))).rejects.toThrow(/none\.csv\.gz/);
    await expect(read('records.txt')).rejects.toThrow(/path must end as a file of records does/);
    await expect(read(lines, { format: 'xml' as never })).rejects.toThrow(RangeError);
  });

  it('stops when it is told to', async () => {
    const file = await fileOf('stop.jsonl', '{"m":1}\n{"m":2}');
    const controller = new AbortController();
    const records = readRecords(file, { signal: controller.signal });
    expect((await records.next()).value).toEqual({ m: 1 });
    controller.abort(new Error('enough'));
    await expect(records.next()).rejects.toThrow('enough');
  });
});

describe('recordToText', () => {
  it('writes what the tokenizer reads, of every kind of value', () => {
    const record = {
      m: 1 / 3,
      x: Float32Array.of(1, 2),
      nested: { list: [[1], [2n]], on: true },
      at: new Date(0),
      'it’s': 'a "b" \\ c',
    };
    expect(recordToText(record, { figures: 3 })).toBe(
      `{'m':0.333,'x':[1,2],'nested':{'list':[[1],[2]],'on':true},'at':'1970-01-01T00:00:00.000Z','it’s':'a "b" \\\\ c'}`,
    );
    expect(recordToText({ q: `'"` }, { quote: '"' })).toBe(`{"q":"'\\""}`);
  });

  it('reaches the tokenizer with all its values', () => {
    const record = { m: -0.25, x: [1e-9, 3] };
    const tokenizer = NumberTokenizer.build({ keys: extractKeys(record) });
    const { ids, numbers } = tokenizer.encode(recordToText(record));
    expect([...tokenizer.values(ids, numbers).values]).toEqual([-0.25, Math.fround(1e-9), 3]);
  });

  it('throws at, leaves out or masks what is missing', () => {
    const record = { a: null, b: NaN, c: [1, undefined], d: 2 };
    expect(() => recordToText(record)).toThrow(/record\.a must have a value, got null/);
    expect(() => recordToText(record, { missing: 'omit' })).toThrow(/record\.c\[1\] must have a value/);
    expect(recordToText({ ...record, c: [1] }, { missing: 'omit' })).toBe("{'c':[1],'d':2}");
    const text = recordToText(record, { missing: 'mask' });
    expect(text).toBe("{'a':[MASK],'b':[MASK],'c':[1,[MASK]],'d':2}");
    const tokenizer = NumberTokenizer.build({ keys: extractKeys(record) });
    expect([...tokenizer.encode(text).ids].filter((id) => id === tokenizer.maskId)).toHaveLength(3);
  });

  it('names the place of what is no value', () => {
    expect(() => recordToText({ a: [{ b: Infinity }] })).toThrow(/record\.a\[0\]\.b/);
    expect(() => recordToText({ a: new Map() as never })).toThrow(/record\.a must be a value of a record/);
    expect(() => recordToText([1] as never)).toThrow(/record must be an object/);
    expect(() => recordToText({}, { figures: 0 })).toThrow(RangeError);
    expect(() => recordToText({}, { missing: 'no' as never })).toThrow(RangeError);
  });
});
