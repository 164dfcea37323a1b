import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createGunzip } from 'node:zlib';
import { check } from '@tfsci/tensor-core';
import { openParquetFile } from '@tfsci/tensor-core/node';
import { readNpzRecords } from './columns';
import { csvReader, type CsvOptions } from './csv';
import { jsonLineReader } from './json-lines';
import { parquetRecords } from './parquet';
import type { DataRecord, LineReader } from './record';

const { argumentMessage, FormatError } = check;

const WHERE = 'xval.readRecords';
const FORMATS = ['jsonl', 'csv', 'parquet', 'npz'] as const;

/** What a file of records is. */
export type RecordFormat = (typeof FORMATS)[number];

/** Options of `readRecords`. */
export interface ReadRecordsOptions extends CsvOptions {
  /** Default as the name ends: .jsonl, .ndjson, .csv, .tsv, .parquet or .npz; JSON lines and tables also with .gz. */
  format?: RecordFormat;
  signal?: AbortSignal;
}

/**
 * The records of a file, one after the other: JSON lines, comma-separated values, Parquet or NPZ.
 *
 * JSON lines and tables are read as they are asked for, also from .gz, and may be larger than memory; so may Parquet.
 *
 * @param path     path or file: URL
 * @param options  see ReadRecordsOptions; `columns` chooses those of Parquet and NPZ, and names those of a table without names
 * @returns an asynchronous iterator
 * @throws FormatError naming file and line for what is malformed, Error when the file cannot be read, RangeError for an
 *   unknown format, the signal's reason
 * @example
 * for await (const record of readRecords('orbits.jsonl.gz')) samples.push(tokenizer.encode(recordToText(record)));
 */
export async function* readRecords(
  path: string | URL,
  options: ReadRecordsOptions = {},
): AsyncGenerator<DataRecord, void, undefined> {
  const file = typeof path === 'string' ? path : fileURLToPath(path);
  const [, ending = '', packed] = /\.([a-z]+)(\.gz)?$/i.exec(file) ?? [];
  const format = check.checkOneOf(WHERE, 'format', options.format ?? formatOf(ending.toLowerCase(), file), FORMATS);
  const table = ending.toLowerCase() === 'tsv' ? { delimiter: '\t', ...options } : options;
  options.signal?.throwIfAborted();
  try {
    for await (const record of recordsIn(file, format, packed !== undefined, table)) {
      yield record;
      options.signal?.throwIfAborted();
    }
  } catch (cause) {
    const { message, code = '' } = cause as Error & { code?: string };
    const isMalformed = cause instanceof FormatError || code.startsWith('Z_');
    if (!isMalformed || message.startsWith(file)) throw cause;
    throw new FormatError(`${file}: ${message}`, { cause });
  }
}

function formatOf(ending: string, file: string): RecordFormat {
  const format = { jsonl: 'jsonl', ndjson: 'jsonl', csv: 'csv', tsv: 'csv', parquet: 'parquet', npz: 'npz' }[ending];
  if (format !== undefined) return format as RecordFormat;
  const fix = 'Name the format by the option `format`.';
  throw new RangeError(argumentMessage(WHERE, 'path', 'end as a file of records does', file, fix));
}

async function* recordsIn(
  file: string,
  format: RecordFormat,
  isPacked: boolean,
  options: ReadRecordsOptions,
): AsyncGenerator<DataRecord> {
  const { columns } = options;
  if (format === 'parquet') yield* parquetRecords(await openParquetFile(file), columns && { columns });
  else if (format === 'npz') yield* readNpzRecords(await readFile(file), columns && { names: [...columns] });
  else {
    const reader = format === 'csv' ? csvReader(WHERE, options) : jsonLineReader(WHERE);
    yield* readLines(reader, openText(file, isPacked));
  }
}

function openText(file: string, isPacked: boolean): Readable {
  const source = createReadStream(file);
  // Errors of the source end the whole pipe, whose reader gets them.
  return (isPacked ? pipeline(source, createGunzip(), () => undefined) : source).setEncoding('utf8');
}

async function* readLines(reader: LineReader, text: AsyncIterable<string>): AsyncGenerator<DataRecord> {
  let [rest, number] = ['', 0];
  const take = (line: string): DataRecord | null => {
    const own = number++ === 0 ? line.replace(/^\uFEFF/, '') : line;
    return reader.take(own.endsWith('\r') ? own.slice(0, -1) : own, number);
  };
  for await (const chunk of text) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const record = take(line);
      if (record !== null) yield record;
    }
  }
  const last = rest === '' ? null : take(rest);
  if (last !== null) yield last;
  reader.end();
}
