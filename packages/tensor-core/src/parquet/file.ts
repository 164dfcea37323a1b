import { argumentMessage, checkNumber, describeValue, FormatError } from '../check';
import { columnInfo, columnOf, type ParquetColumn, type ParquetColumnInfo } from './columns';
import { layoutsOf, type ChunkLayout } from './layout';
import {
  loadCompressors,
  type ColumnChunk,
  type Decoded,
  type Decompressor,
  type Footer,
  type Library,
  type ParquetImporters,
  type Scan,
  type SchemaTree,
} from './library';
import { checkPages, checkUnpacked } from './pages';
import type { ByteSource } from './source';

export interface ParquetReadOptions {
  /** The names of the columns, default all. */
  columns?: readonly string[];
  /** First row, default 0. */
  rowStart?: number;
  /** Behind the last row, default all. */
  rowEnd?: number;
}

export interface ParquetRowsOptions extends ParquetReadOptions {
  /** Rows of a batch, default 32. */
  batch?: number;
}

/** A part of the rows that is stored together. */
export interface ParquetRowGroup {
  /** Its first row. */
  start: number;
  rows: number;
  /** Size on the disk. */
  bytes: number;
}

/** Rows that are decoded at a time for `rows` take up to this size. */
const blockBytes = 2 ** 24;

/** An open Parquet file. Only its footer is in memory. */
export class ParquetFile {
  readonly columns: readonly ParquetColumnInfo[];
  readonly numRows: number;
  readonly rowGroups: readonly ParquetRowGroup[];
  /** The file's key-value metadata, such as HuggingFace's `huggingface` with the features as JSON. No prototype. */
  readonly metadata: Readonly<Record<string, string>>;

  readonly #library: Library;
  readonly #importers: ParquetImporters;
  readonly #source: GuardedSource;
  readonly #footer: Footer;
  readonly #trees: ReadonlyMap<string, SchemaTree>;

  private constructor(library: Library, importers: ParquetImporters, source: GuardedSource, footer: Footer) {
    this.#library = library;
    this.#importers = importers;
    this.#source = source;
    this.#footer = footer;
    this.#trees = new Map(library.parquetSchema(footer).children.map((tree) => [tree.element.name, tree]));
    this.columns = [...this.#trees.values()].map(columnInfo);
    this.numRows = Number(footer.num_rows);
    this.rowGroups = rowGroupsOf(footer);
    const pairs = footer.key_value_metadata?.map(({ key, value }) => [key, value ?? ''] as const) ?? [];
    this.metadata = Object.assign(Object.create(null), Object.fromEntries(pairs)) as Record<string, string>;
  }

  /** Reads the footer. For openParquet. @throws FormatError when it is not a Parquet file, truncated or corrupt */
  static async open(
    where: string,
    library: Library,
    importers: ParquetImporters,
    source: ByteSource,
  ): Promise<ParquetFile> {
    const guarded = new GuardedSource(source);
    const fault = 'the file must be whole Parquet';
    const footer = await guarded.asking(where, fault, async () => {
      if (source.byteLength < 12) throw new Error(`it has ${source.byteLength} bytes`);
      const start = new TextDecoder().decode(await guarded.slice(0, 4));
      if (start !== 'PAR1') throw new Error(`it begins with ${describeValue(start)} instead of "PAR1"`);
      const footer = await library.parquetMetadataAsync(guarded, { geoparquet: false });
      guarded.layouts = layoutsOf(library, footer, source.byteLength);
      return footer;
    });
    return guarded.asking(where, fault, () => Promise.resolve(new ParquetFile(library, importers, guarded, footer)));
  }

  /**
   * Reads columns, of the file no more than it needs.
   *
   * Numbers without nulls become typed arrays (INT64 a BigInt64Array), lists of them that are all of the same lengths
   * one array with their shape, such as HuggingFace's Array3D images [rows, 152, 152, 3]. Strings without nulls are
   * string[]. All else is an array with a value a row and null for null: BYTES are Uint8Arrays, DATE and TIMESTAMP are
   * Dates, lists arrays, structs objects. So a column's kind depends on the rows that are read.
   *
   * @param options.columns   names, default all
   * @param options.rowStart  default 0
   * @param options.rowEnd    default all
   * @returns the columns by name, copies; the object has no prototype
   * @throws RangeError for columns or rows that are not there, FormatError when the file is corrupt, Error when its
   *   source cannot be read or hyparquet-compressors is needed and not installed
   */
  async read<C extends string = string>(
    options: ParquetReadOptions & { columns?: readonly C[] } = {},
  ): Promise<Record<C, ParquetColumn>> {
    const where = 'tensor-core.ParquetFile.read';
    const [columns, from, to] = this.#selection(where, options);
    const scan = await this.#scan(where, columns);
    return this.#read(where, scan, columns, from, to, null);
  }

  /**
   * Reads rows in batches, for training or for files larger than memory: what lies together is decoded once, up to 16
   * MB at a time where the file has a page index, and else a row group.
   *
   * @param options.batch     rows of a batch, default 32; the last one may have fewer
   * @param options.columns   names, default all
   * @param options.rowStart  default 0
   * @param options.rowEnd    default all
   * @returns an asynchronous iterator of what `read` gives; it throws what `read` throws
   * @example
   * for await (const { image, redshift } of file.rows({ columns: ['image', 'redshift'], batch: 64 })) { … }
   */
  rows<C extends string = string>(
    options: ParquetRowsOptions & { columns?: readonly C[] } = {},
  ): AsyncGenerator<Record<C, ParquetColumn>, void, undefined> {
    const where = 'tensor-core.ParquetFile.rows';
    const [columns, start, end] = this.#selection(where, options);
    const batch = checkNumber(where, 'batch', options.batch ?? 32, { min: 1, integer: true });
    return this.#batches(where, columns, start, end, batch);
  }

  async *#batches(
    where: string,
    columns: readonly string[],
    start: number,
    end: number,
    batch: number,
  ): AsyncGenerator<Record<string, ParquetColumn>, void, undefined> {
    const scan = await this.#scan(where, columns);
    for (let from = start; from < end; from += batch) {
      yield await this.#read(where, scan, columns, from, Math.min(end, from + batch), batch);
    }
  }

  #selection(where: string, options: ParquetReadOptions): [columns: string[], from: number, to: number] {
    const columns = [...(options.columns ?? this.#trees.keys())];
    for (const name of columns) {
      if (this.#trees.has(name)) continue;
      const requirement = `be among ${[...this.#trees.keys()].join(', ')}`;
      throw new RangeError(argumentMessage(where, 'columns', requirement, name));
    }
    const { numRows } = this;
    const from = checkNumber(where, 'rowStart', options.rowStart ?? 0, { min: 0, max: numRows, integer: true });
    const to = checkNumber(where, 'rowEnd', options.rowEnd ?? numRows, { min: from, max: numRows, integer: true });
    return [columns, from, to];
  }

  async #scan(where: string, columns: readonly string[]): Promise<Scan> {
    const chosen = this.#footer.row_groups.flatMap((group) => chunksOf(group.columns, columns));
    const codecs = new Set(chosen.map((chunk) => chunk.meta_data!.codec));
    for (const known of ['UNCOMPRESSED', 'SNAPPY']) codecs.delete(known);
    const others = codecs.size > 0 ? await loadCompressors(where, this.#importers) : {};
    const { metadata, compressors } = checkedDecoding(this.#library, this.#footer, this.#source.layouts, others);
    const options = { file: this.#source, metadata, columns: [...columns], compressors };
    return this.#source.asking(where, 'the file must be whole Parquet', () =>
      this.#library.parquetScan({ ...options, geoparquet: false, utf8: false }),
    );
  }

  /** Reads rows, of each row group either exactly those, or blocks for batches. */
  async #read(
    where: string,
    scan: Scan,
    columns: readonly string[],
    from: number,
    to: number,
    batch: number | null,
  ): Promise<Record<string, ParquetColumn>> {
    const parts = await Promise.all(columns.map((name) => this.#decode(where, scan, columns, name, from, to, batch)));
    const result = Object.create(null) as Record<string, ParquetColumn>;
    columns.forEach((name, i) => {
      const column = columnOf(this.#trees.get(name)!, parts[i]!);
      if (column === null) throw new FormatError(`${where}: column ${name} is corrupt in rows ${from} to ${to}.`);
      result[name] = column;
    });
    return result;
  }

  async #decode(
    where: string,
    scan: Scan,
    columns: readonly string[],
    name: string,
    from: number,
    to: number,
    batch: number | null,
  ): Promise<Decoded[]> {
    const parts: Decoded[] = [];
    for (const [i, { start, rows }] of this.rowGroups.entries()) {
      const blockRows = batch === null ? rows : Math.max(batch, this.#rowsOfBlock(i, columns));
      let at = Math.max(from, start);
      while (at < Math.min(to, start + rows)) {
        const first = batch === null ? at : start + Math.floor((at - start) / blockRows) * blockRows;
        const last = Math.min(start + rows, batch === null ? to : first + blockRows);
        const decoded = await this.#source.asking(where, `column ${name} is truncated or corrupt`, async () => {
          const values = await scan.readColumn({ column: name, rowStart: first, rowEnd: last });
          if (values.length !== last - first) throw new Error(`${values.length} of ${last - first} rows`);
          return values;
        });
        parts.push(decoded.slice(at - first, Math.min(to, last) - first));
        at = last;
      }
    }
    return parts;
  }

  /** Rows that are decoded together: those of a row group, or fewer where pages can be found without decoding them. */
  #rowsOfBlock(index: number, columns: readonly string[]): number {
    const { rows } = this.rowGroups[index]!;
    const chunks = chunksOf(this.#footer.row_groups[index]!.columns, columns);
    if (chunks.some((chunk) => chunk.offset_index_offset === undefined)) return rows;
    const bytes = chunks.reduce((sum, chunk) => sum + Number(chunk.meta_data!.total_uncompressed_size), 0);
    return Math.max(1, Math.floor((rows * blockBytes) / Math.max(1, bytes)));
  }
}

/**
 * A source that checks pages before the decoder sees them, and that remembers its own failure, which is to be told apart
 * from what a corrupt file does to the decoder.
 */
class GuardedSource implements ByteSource {
  readonly byteLength: number;
  /** By row group and column; none before the footer is read. */
  layouts: ChunkLayout[][] = [];
  readonly #source: ByteSource;
  #failure: unknown;

  constructor(source: ByteSource) {
    this.#source = source;
    this.byteLength = source.byteLength;
  }

  async slice(start: number, end = this.byteLength): Promise<ArrayBuffer> {
    if (!(start >= 0 && start <= end && end <= this.byteLength)) {
      throw new Error(`it refers to the bytes ${start} to ${end} of ${this.byteLength}`);
    }
    let buffer: ArrayBuffer;
    try {
      buffer = await this.#source.slice(start, end);
    } catch (cause) {
      this.#failure = cause;
      throw cause;
    }
    for (const layout of this.layouts.flat()) {
      // The decoder asks for whole column chunks or, by the page index, for whole pages.
      const [from, to] = [Math.max(start, layout.begin), Math.min(end, layout.end)];
      if (from < to) checkPages(new Uint8Array(buffer, from - start, to - from), layout);
    }
    return buffer;
  }

  /** Calls the decoder. @throws FormatError `<where>: <fault> (<reason>)` for its errors, those of the source as they are */
  async asking<T>(where: string, fault: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      if (cause === this.#failure) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FormatError(`${where}: ${fault}, but ${reason}.`, { cause });
    }
  }
}

/**
 * The footer and decompressors for a read that checks each page as it is decompressed: each column chunk is given a
 * codec of its own, so that its decompressor knows what the page may hold.
 */
function checkedDecoding(
  library: Library,
  footer: Footer,
  layouts: readonly ChunkLayout[][],
  others: Record<string, Decompressor>,
): { metadata: Footer; compressors: Record<string, Decompressor> } {
  const snappy: Decompressor = (packed, size) => {
    const bytes = new Uint8Array(size);
    library.snappyUncompress(packed, bytes);
    return bytes;
  };
  const known: Record<string, Decompressor> = { ...others, SNAPPY: snappy };
  const compressors: Record<string, Decompressor> = {};
  const row_groups = footer.row_groups.map((group, g) => ({
    ...group,
    columns: group.columns.map((chunk, c) => {
      const layout = layouts[g]![c]!;
      if (layout.codec === 'UNCOMPRESSED') return chunk;
      const codec = `${layout.codec} of ${g}, ${c}`;
      compressors[codec] = (packed, size) => {
        const decompress = known[layout.codec];
        if (!decompress) throw new Error(`its compression is unknown: ${layout.codec}`);
        const bytes = decompress(packed, size);
        checkUnpacked(packed, bytes, layout);
        return bytes;
      };
      return { ...chunk, meta_data: { ...chunk.meta_data!, codec } };
    }),
  }));
  return { metadata: { ...footer, row_groups }, compressors };
}

/** The columns of a row group that belong to the named top-level columns. */
function chunksOf(chunks: readonly ColumnChunk[], columns: readonly string[]): ColumnChunk[] {
  return chunks.filter((chunk) => columns.includes(chunk.meta_data!.path_in_schema[0]!));
}

function rowGroupsOf({ row_groups: groups }: Footer): ParquetRowGroup[] {
  let start = 0;
  return groups.map(({ num_rows, columns }) => {
    const rows = Number(num_rows);
    const bytes = columns.reduce((sum, chunk) => sum + Number(chunk.meta_data!.total_compressed_size), 0);
    const group = { start, rows, bytes };
    start += rows;
    return group;
  });
}
