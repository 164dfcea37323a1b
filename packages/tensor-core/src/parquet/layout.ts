import type { ColumnChunk, Footer, Library, SchemaTree } from './library';

/** Where a column of a row group lies in the file, and what its pages may hold. */
export interface ChunkLayout {
  /** Its bytes in the file. */
  begin: number;
  end: number;
  /** Values, nulls included. */
  values: number;
  /** Bytes after decompression. */
  size: number;
  codec: string;
  /** How many lists and how many optional things and lists a value is in. */
  repetition: number;
  definition: number;
}

/**
 * The layouts of all column chunks, row group by row group, after a look that the footer contradicts neither itself nor
 * the file's length.
 *
 * @throws Error with the reason
 */
export function layoutsOf(library: Library, footer: Footer, byteLength: number): ChunkLayout[][] {
  const leaves = leavesOf(library.parquetSchema(footer), 0, 0);
  if (typeof footer.num_rows !== 'bigint') throw new Error('its footer lacks the number of rows');
  let rows = 0n;
  const layouts = footer.row_groups.map(({ columns, num_rows: groupRows }) => {
    if (typeof groupRows !== 'bigint' || groupRows < 0n) throw new Error('a row group has no number of rows');
    rows += groupRows;
    if (columns.length !== leaves.length) {
      throw new Error(`a row group has ${columns.length} columns where the schema has ${leaves.length}`);
    }
    return columns.map((chunk, i) => layoutOf(chunk, leaves[i]!, groupRows, byteLength));
  });
  if (rows !== footer.num_rows) throw new Error(`its row groups have ${rows} rows, its footer ${footer.num_rows}`);
  if (rows > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`it has ${rows} rows`);
  return layouts;
}

/** A column that holds values, not other columns. */
interface Leaf {
  path: string;
  /** Neither a list nor in one. */
  flat: boolean;
  repetition: number;
  definition: number;
}

function leavesOf(tree: SchemaTree, repetition: number, definition: number): Leaf[] {
  if (tree.children.length === 0) {
    return [{ path: tree.path.join('.'), flat: tree.path.length === 1 && repetition === 0, repetition, definition }];
  }
  return tree.children.flatMap((child) => {
    const kind = child.element.repetition_type;
    return leavesOf(child, repetition + (kind === 'REPEATED' ? 1 : 0), definition + (kind === 'REQUIRED' ? 0 : 1));
  });
}

function layoutOf({ meta_data: chunk }: ColumnChunk, leaf: Leaf, rows: bigint, byteLength: number): ChunkLayout {
  const { path, flat, repetition, definition } = leaf;
  if (chunk?.path_in_schema.join('.') !== path) throw new Error(`column ${path} is not where it should be`);
  const begin = chunk.dictionary_page_offset || chunk.data_page_offset;
  const { data_page_offset: data, total_compressed_size: packed, total_uncompressed_size: size, num_values } = chunk;
  const whole = [begin, data, packed, size, num_values].every((value) => typeof value === 'bigint' && value >= 0n);
  if (!whole || begin > byteLength || begin + packed > byteLength) {
    throw new Error(`column ${path} lies outside of the file`);
  }
  // A column that is no list has a value, or null, for each row.
  if (flat && num_values !== rows) throw new Error(`column ${path} has ${num_values} values in ${rows} rows`);
  return {
    begin: Number(begin),
    end: Number(begin + packed),
    values: Number(num_values),
    size: Number(size),
    codec: chunk.codec,
    repetition,
    definition,
  };
}
