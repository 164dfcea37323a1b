/** A value of a record: what JSON knows, big integers, dates and typed arrays beside it. */
export type RecordValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Date
  | ArrayLike<number>
  | readonly RecordValue[]
  | { readonly [key: string]: RecordValue };

/** A row of a table, a line of JSON. */
export type DataRecord = Record<string, RecordValue>;

/** Makes records of lines, given one after the other. */
export interface LineReader {
  /** The record that ends with a line, null where none does. @param number  of the line, from 1 */
  take(line: string, number: number): DataRecord | null;
  /** Told when there are no more lines. */
  end(): void;
}

/** All records of a text. */
export function recordsOf(reader: LineReader, text: string): DataRecord[] {
  const records: DataRecord[] = [];
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  // What follows the last line break is no line.
  if (lines.at(-1) === '') lines.pop();
  lines.forEach((line, i) => {
    const record = reader.take(line, i + 1);
    if (record !== null) records.push(record);
  });
  reader.end();
  return records;
}
