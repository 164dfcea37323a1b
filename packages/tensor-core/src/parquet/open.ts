import { ParquetFile } from './file';
import { loadLibrary, type ParquetImporters } from './library';
import { sourceOf } from './source';

export interface OpenParquetOptions {
  /** Sent with each request, for an address as the source; such as `{ Authorization: 'Bearer …' }`. Default none. */
  headers?: Record<string, string>;
  /** Import hyparquet and hyparquet-compressors, for copies of them that lie elsewhere. */
  load?: ParquetImporters;
}

/**
 * Opens a Parquet file and reads its footer: the schema and where the columns lie.
 *
 * On Node, for files on the disk: openParquetFile of '@tfsci/tensor-core/node'.
 *
 * @param source           the bytes, a picked File or other Blob, or an http(s) address, of which parts are read by range
 *   requests
 * @param options.headers  sent with each request
 * @param options.load     import hyparquet and hyparquet-compressors
 * @returns the file; nothing has to be closed
 * @throws FormatError when it is no Parquet file, truncated or corrupt; Error when the address cannot be read or
 *   hyparquet is not installed; TypeError for another source
 * @see https://parquet.apache.org/docs/file-format/; https://github.com/hyparam/hyparquet
 */
export async function openParquet(
  source: Uint8Array | ArrayBuffer | Blob | string | URL,
  options: OpenParquetOptions = {},
): Promise<ParquetFile> {
  const where = 'tensor-core.openParquet';
  const importers = options.load ?? {};
  const bytes = await sourceOf(where, source, options.headers ?? {});
  return ParquetFile.open(where, await loadLibrary(where, importers), importers, bytes);
}
