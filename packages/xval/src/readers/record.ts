/** A value of a record: what JSON knows, big integers, dates and typed arrays beside it. */
export type RecordValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | undefined
  | Date
  | ArrayLike<RecordValue>
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

/** Whether it is a list or typed array. */
export function isList(value: unknown): value is ArrayLike<RecordValue> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));
}

/** Whether it is an object of values by their keys, no list and of no class. */
export function isRecord(value: unknown): value is DataRecord {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
