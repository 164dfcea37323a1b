import { columnRecords, type Column } from './columns';
import type { DataRecord } from './record';

/** Rows of a table in batches; a ParquetFile of tensor-core is one. */
export interface RowBatches {
  rows(options: { columns?: readonly string[]; batch?: number }): AsyncIterable<Record<string, Column>>;
}

/** Rows that are decoded together. */
const BATCH = 256;

/**
 * The records of a Parquet file, of which no more than a part is in memory at a time.
 *
 * @param file             `openParquet` of tensor-core opens one, of bytes or a URL
 * @param options.columns  default all
 * @returns an iterator; it throws what the file's `rows` throws
 * @example
 * const file = await openParquet(bytes); // of @tfsci/tensor-core/parquet
 * for await (const record of parquetRecords(file)) texts.push(recordToText(record));
 */
export async function* parquetRecords(
  file: RowBatches,
  { columns }: { columns?: readonly string[] } = {},
): AsyncGenerator<DataRecord, void, undefined> {
  for await (const batch of file.rows({ batch: BATCH, ...(columns && { columns }) })) yield* columnRecords(batch);
}
