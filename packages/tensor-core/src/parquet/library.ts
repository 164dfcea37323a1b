import { importOptional } from '../check/optional-import';
import type { ByteSource } from './source';

/** An element of the schema, as hyparquet gives it. */
export interface SchemaElement {
  name: string;
  /** The physical type; groups have none. */
  type?: string;
  repetition_type?: 'REQUIRED' | 'OPTIONAL' | 'REPEATED';
  converted_type?: string;
  logical_type?: { type: string; bitWidth?: number; isSigned?: boolean };
}

/** The schema as a tree. */
export interface SchemaTree {
  element: SchemaElement;
  children: SchemaTree[];
  path: string[];
}

/** A column of a row group, as hyparquet gives it. */
export interface ColumnChunk {
  offset_index_offset?: bigint;
  meta_data?: {
    path_in_schema: string[];
    codec: string;
    num_values: bigint;
    total_uncompressed_size: bigint;
    total_compressed_size: bigint;
    data_page_offset: bigint;
    dictionary_page_offset?: bigint;
  };
}

/** The footer of a file, as hyparquet gives it. */
export interface Footer {
  schema: SchemaElement[];
  num_rows: bigint;
  row_groups: { columns: ColumnChunk[]; num_rows: bigint }[];
  key_value_metadata?: { key: string; value?: string }[];
}

/** Elements of a column: a typed array, or an array of nested arrays, objects, strings, bytes and nulls. */
export type Decoded = ArrayLike<unknown> & { slice(from: number, to: number): Decoded };

/** A prepared read. It keeps what it has read last of each column, so that parts of that are not decoded again. */
export interface Scan {
  readColumn(options: { column: string; rowStart: number; rowEnd: number }): Promise<Decoded>;
}

interface ReadOptions {
  file: ByteSource;
  geoparquet: false;
}

/** Decompresses a page of which the size is known. */
export type Decompressor = (packed: Uint8Array, size: number) => Uint8Array;

/** What is used of hyparquet. Written down here, so that the types of the package need no hyparquet. */
export interface Library {
  parquetMetadataAsync(file: ByteSource, options: { geoparquet: false }): Promise<Footer>;
  parquetSchema(footer: Footer): SchemaTree;
  parquetScan(
    options: ReadOptions & {
      metadata: Footer;
      columns: string[];
      compressors: Record<string, Decompressor>;
      utf8: false;
    },
  ): Promise<Scan>;
  snappyUncompress(packed: Uint8Array, bytes: Uint8Array): void;
}

/** Import hyparquet and hyparquet-compressors, or other copies of them such as from a CDN. */
export interface ParquetImporters {
  hyparquet?: () => Promise<unknown>;
  compressors?: () => Promise<unknown>;
}

/** hyparquet. @throws Error with the install command when it cannot be imported */
export async function loadLibrary(where: string, importers: ParquetImporters): Promise<Library> {
  return (await importOptional(where, 'hyparquet', importers.hyparquet ?? (() => import('hyparquet')))) as Library;
}

/** The decompressors that hyparquet lacks. @throws Error with the install command when they cannot be imported */
export async function loadCompressors(
  where: string,
  importers: ParquetImporters,
): Promise<Record<string, Decompressor>> {
  const load = importers.compressors ?? (() => import('hyparquet-compressors'));
  return ((await importOptional(where, 'hyparquet-compressors', load)) as { compressors: Record<string, Decompressor> })
    .compressors;
}
